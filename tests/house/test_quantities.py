"""Numbers and durations that are written as text: the values, what is refused, and each place that reads them."""

from __future__ import annotations

import math

import pytest

from stress.book.population import PopulationSpec
from stress.errors import InputError
from stress.prices import GBM, Kou
from stress.quantities import number, numbers, seconds
from stress.venue.depth import Depth

pytestmark = pytest.mark.nojit


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("5M", 5e6), ("5 M", 5e6), ("1.5B", 1.5e9), ("200k", 2e5), ("200K", 2e5), ("2 bn", 2e9), ("1.2T", 1.2e12)),
        *(("5 million", 5e6), ("4.35M", 4_350_000.0), ("0.1k", 100.0), ("5e6", 5e6), ("5", 5.0), ("-3k", -3e3)),
        *(("USD 5M", 5e6), ("$5M", 5e6), ("5M USD", 5e6), ("USDT 5,000,000", 5e6), ("1_000", 1e3)),
        *(("48 %", 0.48), ("48%", 0.48), ("0.1%", 0.001), ("10x", 10.0), (".5", 0.5), (" 7 ", 7.0)),
    ],
)
def test_a_number_is_exact(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "5m",
            "",
            "M",
            "inf",
            "nan",
            "1,00",
            "5 %%",
            "$5%",
            "USD 5M USD",
            "1e999",
            "５M",
            "0x10",
            "5 M k",
            "1d",
            "1.2.3",
        ),
        "9" * 65,
    ],
)
def test_what_is_no_number_stays_text(text):
    assert number(text) == text


def test_what_is_no_text_stays_as_it_is():
    assert number(5) == 5
    assert number(None) is None
    assert seconds(None) is None
    assert numbers({"a": ["1k", "word"], "b": 2}) == {"a": [1000.0, "word"], "b": 2}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("90s", 90), ("30 min", 1_800), ("30m", 1_800), ("8h", 28_800), ("1d", 86_400), ("2 weeks", 1_209_600)),
        *(("1h30m", 5_400), ("1 d 2 h", 93_600), ("1.5h", 5_400), ("500ms", 0.5), ("60", 60), ("1 Day", 86_400)),
    ],
)
def test_a_duration_in_seconds(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "day", "5M", "30m1h", "1h1h", "-1h", "1y", "5 %", "USD 5", "1h30", "h"])
def test_what_is_no_duration_stays_text(text):
    assert seconds(text) == text


def test_objects_take_them():
    depth = Depth(usd="20M", half_life="30 min", window="1h")
    assert (depth.usd, depth.half_life, depth.window) == (2e7, 1_800.0, 3_600.0)
    assert GBM(s0="60k", sigma="48 %") == GBM(s0=60_000.0, sigma=0.48)
    spec = PopulationSpec.load("retail", accounts="1k", open_interest="USD 2B")
    assert (spec.accounts, spec.open_interest) == (1_000, 2e9)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Depth(usd="20m"), "usd: got '20m', expected a number such as 5000000, 5e6, 5M"),
        (lambda: Depth(usd=1e6, half_life="5M"), "half_life: got '5M', expected a duration: seconds, or such as 90s"),
        (lambda: GBM(s0="much", sigma=1.0), "s0: got 'much', expected a number > 0"),
        (lambda: PopulationSpec.load("retail", accounts=10, open_interest="2 apples"), "expected a number such as"),
        (lambda: Kou(100.0, 1.0, 10.0, "x", 20.0, 20.0), "p_up: got 'x', expected"),
    ],
)
def test_a_wrong_text_names_the_forms(call, said):
    with pytest.raises(InputError) as error:
        call()
    assert said in str(error.value)


def test_no_text_becomes_infinite():
    assert all(isinstance(number(text), str) for text in ("1e308M", "9e999"))
    assert math.isfinite(number("1e300M"))
