"""Figures at two caps of the jump size: when the cap decides, in numbers and in words."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from stress.analysis import caps
from stress.analysis.caps import DECIDES, DOES_NOT, OPEN, Effect
from stress.results.estimate import Estimate

NAN, INF = math.nan, math.inf
OWN = Estimate(10e6, 1e6, 8e6, 12e6)
DEPLETED = "P(fund depleted)"


def plain(text):
    return text.replace("\u00a0", " ")


def moved(value, low=NAN, high=NAN, note=""):
    return Estimate(value, 1e6, low, high, note)


@pytest.mark.parametrize(
    ("own", "wide", "verdict"),
    [
        (OWN, moved(11.9e6, 9e6, 14e6), DOES_NOT),
        (OWN, moved(12.1e6, 9e6, 14e6), DECIDES),
        (OWN, moved(7.9e6, 7e6, 9e6), DECIDES),
        (Estimate(0.0, 0.0, 0.0, 0.0), moved(0.0, 0.0, 0.0), DOES_NOT),
        (Estimate(3.0, 0.0, 3.0, 3.0), moved(3.0 + 1e-12, 3.0, 3.0), DOES_NOT),  # summed in another order
        (Estimate(0.0, 0.0, 0.0, 3e-4), moved(1e-4, 1e-6, 4e-4), DOES_NOT),
        (OWN, moved(NAN, 9e6, 30e6, "withheld: 5 effective hits"), OPEN),
        (OWN, moved(NAN, 13e6, 30e6, "withheld: 5 effective hits"), DECIDES),  # the bounds say so
        (Estimate(NAN, NAN, 8e6, INF, "withheld"), moved(50e6, 40e6, 60e6), OPEN),
        (OWN, moved(13e6, 11e6, INF, "no upper end"), OPEN),
        (OWN, moved(13e6, 12.5e6, INF, "no upper end"), DECIDES),
        (OWN, Estimate(NAN, NAN, NAN, NAN, "not run: no memory"), OPEN),
    ],
)
def test_the_cap_decides_what_moves_by_more_than_its_error(own, wide, verdict):
    assert Effect(0.01, own, wide).verdict == verdict


def table(*figures):
    """A table of a jump down of 0.2, and of figures (quantity, alpha, own, wide, flag)."""
    rows = [("largest jump down", NAN, f, 0.2 * f, NAN, NAN, NAN, "log price", "", "") for f in (1.0, 1.5)]
    for quantity, alpha, own, wide, flag in figures:
        unit = "" if quantity == DEPLETED else "USD"
        for factor, e, said in ((1.0, own, ""), (1.5, wide, flag)):
            rows.append((quantity, alpha, factor, e.value, e.se, e.low, e.high, unit, e.note, said))
    return pd.DataFrame(rows, columns=list(caps.COLUMNS))


FUND = "required fund"
CHANCE = (DEPLETED, NAN, Estimate(0.01, 1e-3, 8e-3, 0.012), Estimate(0.0101, 1e-3, 8e-3, 0.012), "")
SAME = (FUND, 0.01, OWN, moved(10.5e6, 9e6, 13e6), "")
FAR = (FUND, 1e-4, OWN, moved(20e6, 17e6, 23e6), "38 effective hits")
LOST = (FUND, 1e-5, Estimate(NAN, NAN, 18e6, 30e6, "withheld: 5 effective hits"), moved(26e6, 22e6, 31e6), "")


def test_what_is_decided_in_words():
    assert plain(caps.decided(table(SAME, FAR, LOST, CHANCE), "fund")) == (
        "With caps 1.5 times as large, the fund for 0.01 % (USD 10 M to 20 M) moves by more than its 95 % interval: "
        "the cap decides there. The fund for 1 % and the chance of depletion move by less than their error: the cap "
        "does not decide there. What the cap does to the fund for 0.001 % cannot be told from these paths."
    )
    assert plain(caps.decided(table(SAME, CHANCE), "vault")) == (
        "With caps 1.5 times as large, the vault for 1 % and the chance of depletion move by less than their error: "
        "the cap does not decide there."
    )
    two = (FUND, 1e-3, OWN, moved(30e6, 28e6, 33e6), "")
    assert plain(caps.decided(table(two, FAR), "fund")).startswith(
        "With caps 1.5 times as large, the funds for 0.1 % (USD 10 M to 30 M) and 0.01 % (USD 10 M to 20 M) move by"
    )


def test_what_is_assumed_in_words():
    found = table(SAME)
    up = found[:2].assign(quantity="largest jump up", estimate=[0.3, 0.45])
    assert (
        plain(caps.assumed(found))
        == "The prices assume, in log price, a jump down of at most 0.2 (18.1 % of the price)."
    )
    assert plain(caps.assumed(pd.concat([found, up]))) == (
        "The prices assume, in log price, a jump down of at most 0.2 (18.1 % of the price) and a jump up of at most "
        "0.3 (35 %)."
    )


def test_the_table_to_read():
    rows = [
        tuple(plain(x) if isinstance(x, str) else tuple(map(plain, x)) for x in row)
        for row in caps.cells(table(FAR, LOST, CHANCE), "fund", 5e6)
    ]
    assert rows == [
        ("largest jump down, log price", "0.2 (18.1 %)", "0.3 (25.9 %)", ""),
        ("fund for 0.01 %", ("USD 10 M", "8.00 M to 12.0 M"), ("USD 20 M", "17.0 M to 23.0 M"), DECIDES),
        ("fund for 0.001 %", ("withheld", "18.0 M to 30.0 M"), ("USD 26 M", "22.0 M to 31.0 M"), OPEN),
        ("depleted with USD 5 M", ("1 %", "0.80 to 1.2 %"), ("1.01 %", "0.80 to 1.2 %"), DOES_NOT),
    ]
    failed = (FUND, 0.01, OWN, Estimate(NAN, NAN, NAN, NAN, "not run: no memory"), "")
    assert caps.cells(table(failed), "fund", 5e6)[1][2:] == (("not run", ""), OPEN)


def test_what_the_larger_caps_lack_is_said():
    assert [plain(text) for text in caps.remarks(table(SAME, FAR, CHANCE), "fund")] == [
        "The fund for 0.01 % with the larger caps: 38 effective hits."
    ]


def test_plain_values():
    rows = caps.plain_rows(table(LOST, CHANCE))
    assert rows[0] == {"quantity": "largest jump down", "factor": 1.0, "estimate": 0.2, "unit": "log price"}
    assert (rows[2]["alpha"], rows[2]["estimate"], rows[2]["low"]) == (1e-5, None, 18e6)
    assert rows[2]["note"] == "withheld: 5 effective hits"
    assert "alpha" not in rows[-1]
