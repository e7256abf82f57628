"""What was done to an input: in words, in files, and once."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import stress
from stress.adjustments import Adjustment, unsaid
from stress.prices import Bars, Bootstrap, Replay
from stress.prices.bars import Gap
from stress.prices.history_use import adjustments_of

pytestmark = pytest.mark.nojit

DROPPED = Adjustment("p.csv", "left out", "another market", 67, 200, amount="USD 1.2 M", rows=(3, 4, 9, 10, 11))


def bars_of(n: int = 60, gap: int | None = None) -> Bars:
    close = 7_325.0 * np.exp(0.01 * np.sin(np.arange(n)))
    open_ = np.append(7_325.0, close[:-1])
    time = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(60, "s")
    gaps = ()
    if gap is not None:
        time[gap + 1 :] += np.timedelta64(180, "s")
        gaps = (Gap(gap, 3, time[gap]),)
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return Bars(time, open_, high, low, close, 60.0, source="b.csv", gaps=gaps, adjustments=(DROPPED,))


def test_a_sentence_and_its_rule():
    assert DROPPED.done == "p.csv: 67 of 200 rows, USD 1.2 M left out (rows 3, 4, 9, 10, 11, ...)"
    assert str(DROPPED) == f"{DROPPED.done}: another market"


def test_plain_values_come_back():
    assert Adjustment.of_record(json.loads(json.dumps(DROPPED.describe()))) == DROPPED


def test_a_warning_that_an_adjustment_says_too_is_left_out():
    assert unsaid(["one", str(DROPPED), "one", "two"], [DROPPED]) == ["one", "two"]


def test_a_replay_from_another_price_says_the_factor():
    done = adjustments_of(Replay(bars_of(), s0=60_000.0))
    assert done[0] == DROPPED
    assert [str(x) for x in done[1:]] == [
        "b.csv: 60 bars played at 60,000 in place of 7,325, times 8.191: "
        "s0 chooses the price; returns are those of the bars"
    ]


def test_a_replay_that_ends_early_says_what_is_not_played():
    (_, cut) = adjustments_of(Replay(bars_of()), 45)
    assert (cut.count, cut.of, cut.what) == (15, 60, "at the end not played")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda bars: Replay(bars, gaps="jump"), "missing, and their time left out"),
        (Bootstrap, "missing, and the moves across them left out"),
    ],
)
def test_missing_bars_are_counted(make, what):
    (_, missing) = adjustments_of(make(bars_of(gap=20)))
    assert (missing.count, missing.of, missing.what) == (3, 63, what)


def test_a_model_without_bars_did_nothing():
    assert adjustments_of(stress.prices.GBM(s0=100.0, sigma=0.5)) == ()


def test_past_entries_from_bars_of_another_price_are_said():
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    spec = stress.PopulationSpec.load("retail", accounts=200, open_interest=1e6)
    bars = dataclasses.replace(bars_of(400), adjustments=())
    book = stress.Book.sample(spec, venue=venue, price=60_000.0, seed=1, bars=bars)
    assert any("in place of" in x.what and x.where == "b.csv" for x in book.adjustments)
