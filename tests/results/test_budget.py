"""The error of a fund in parts: what redraws add, what the noise of their paths is, and what is not known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from stress.results.budget import Redraws, error_budget, words
from stress.results.result import Result

pytestmark = pytest.mark.nojit

ALPHA = 0.1
QUANTILE = math.exp(1.2815515655446004)  # of exp(normal)


def result_of(needed, fund=3.0, seed=1):
    paths = pd.DataFrame({"fund_needed": needed, "weight": 1.0, "depleted": needed > fund})
    config = {"fund": fund, "seed": seed, "venue": {"reserve": 0.0}}
    return Result(paths, pd.DataFrame(), np.zeros((0, 25)), pd.DataFrame(), config, {})


def redraws(part, needed, **options):
    return Redraws(part, needed, np.ones_like(needed), **options)


def nothing(part, **options):
    return Redraws(part, np.zeros((0, 1)), np.zeros((0, 1)), **options)


def part(table, name, quantity="required fund"):
    return table[(table["part"] == name) & (table["quantity"] == quantity)].iloc[0]


def test_redraws_on_common_paths_show_their_own_spread():
    """Redraw i multiplies every need by exp(s z_i): the part is 1.96 s on the log scale, whatever the paths are."""
    rng = np.random.default_rng(0)
    z, s = rng.standard_normal(2_000), 0.3
    needed = np.exp(rng.standard_normal(400))
    table = error_budget(result_of(needed), [redraws("book", needed * np.exp(s * z)[:, None])], [ALPHA])
    book, paths, total = (part(table, name) for name in ("book", "paths", "total"))
    assert math.log(book["high"] / book["estimate"]) == pytest.approx(1.96 * s, rel=0.12)  # log(x + c) is near log
    fund = result_of(needed).required_fund(ALPHA)
    assert (paths["low"], paths["high"]) == (fund.low, fund.high)
    assert total["low"] < min(book["low"], paths["low"])
    assert total["high"] > max(book["high"], paths["high"])
    assert paths["share"] + book["share"] == pytest.approx(1.0)


def test_redraws_of_other_strata_are_drawn_again_within_their_own():
    """A rare stratum of probability 0.1 holds needs of 5 to 6, others are below 1: the fund for 9.8 % is near 5."""
    rng = np.random.default_rng(3)
    k, n, s = 300, 200, 0.1
    z = rng.standard_normal(k)
    stratum = np.array([rng.permutation(n) % 2 for _ in range(k)])
    needed = (5.0 * stratum + rng.random((k, n))) * np.exp(s * z)[:, None]
    weights = np.where(stratum == 1, 0.2, 1.8)
    parts = [Redraws("calibration", needed, weights, stratum=stratum)]
    table = error_budget(result_of(needed[0]), parts, [0.098])
    calibration = part(table, "calibration")
    assert math.log(calibration["high"] / calibration["estimate"]) == pytest.approx(1.96 * s, rel=0.15)


def test_redraws_that_move_nothing_are_told_from_the_noise_of_their_paths():
    """Redraws with paths of their own differ by the paths' noise alone: nearly all of it is taken away."""
    shares = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        needed = np.exp(rng.standard_normal((25, 1_000)))
        table = error_budget(result_of(needed[0]), [redraws("calibration", needed[1:])], [ALPHA])
        shares.append(part(table, "calibration")["share"])
    assert np.mean(shares) < 0.25  # without the correction: a half


def test_a_jackknife_is_the_error_of_what_it_leaves_out():
    """The parameter is the mean of k periods, and moves log needs one to one: its error is s / sqrt(k)."""
    rng = np.random.default_rng(3)
    k, s, found = 20, 0.4, []
    needed = np.exp(rng.standard_normal(500))
    for _ in range(50):
        periods = rng.normal(0.0, s, k)
        left_out = (periods.sum() - periods) / (k - 1)
        table = error_budget(
            result_of(needed), [redraws("calibration", needed * np.exp(left_out)[:, None], jackknife=True)], [ALPHA]
        )
        row = part(table, "calibration")
        found.append(math.log(row["high"] / row["estimate"]) / 2.093)  # Student's quantile of 19
    assert np.mean(found) == pytest.approx(s / math.sqrt(k), rel=0.1)


def test_what_is_given_has_no_error_and_what_is_unknown_is_no_zero():
    needed = np.exp(np.random.default_rng(4).standard_normal(400))
    parts = [nothing("book", given=True, note="the book is given"), nothing("calibration", note="not known")]
    table = error_budget(result_of(needed), parts, [ALPHA])
    for quantity in ("required fund", "P(fund depleted, ADL triggered)"):
        book, prices, paths, total = (part(table, name, quantity) for name in ("book", "calibration", "paths", "total"))
        assert book["low"] == book["high"] == book["estimate"]
        assert book["share"] == 0
        assert all(math.isnan(prices[name]) for name in ("low", "high", "share"))
        assert (total["low"], total["high"]) == pytest.approx((paths["low"], paths["high"]))
        assert "calibration part, which is not estimated" in total["note"]
        assert words(prices, "x") == "not estimated"
        assert words(book, "x") == "none, it is given"


def test_funds_of_zero_and_probabilities_that_were_never_seen():
    needed = np.zeros((10, 200))
    needed[3, :40] = 5.0
    table = error_budget(result_of(needed[0]), [redraws("book", needed)], [ALPHA])
    book, depleted = part(table, "book"), part(table, "total", "P(fund depleted, ADL triggered)")
    assert (book["estimate"], book["low"]) == (0, 0)
    assert book["high"] > 0
    assert (depleted["estimate"], depleted["low"]) == (0, 0)
    assert depleted["high"] > 1 - 0.025 ** (1 / 200)  # above what the paths alone leave
    assert depleted["high"] < 1


def test_weights_count():
    """Paths of weight 2 and 0 stand for the first half of them, twice."""
    rng = np.random.default_rng(6)
    needed = np.exp(rng.standard_normal((8, 300)))
    double = np.concatenate([needed, 100 * needed], axis=1)
    weights = np.concatenate([np.full((8, 300), 2.0), np.zeros((8, 300))], axis=1)
    one = error_budget(result_of(needed[0]), [redraws("book", needed)], [ALPHA])
    two = error_budget(result_of(needed[0]), [Redraws("book", double, weights)], [ALPHA])
    a, b = part(one, "book"), part(two, "book")
    assert math.log(b["high"] / b["estimate"]) == pytest.approx(math.log(a["high"] / a["estimate"]), rel=0.5)
    assert b["high"] < 20  # paths that weigh nothing have no say


def test_coverage_of_the_total():
    """Book and calibration move log needs by normal draws; the total holds the middle, the paths alone do not."""
    rng = np.random.default_rng(7)
    repeats, n, spread_book, spread_fit, k = 300, 300, 0.25, 0.35, 20
    inside = alone = 0
    for _ in range(repeats):
        paths = rng.standard_normal(n)
        periods = rng.normal(0.0, spread_fit * math.sqrt(k), k)
        book, fitted = rng.normal(0.0, spread_book), periods.mean()
        left_out = (periods.sum() - periods) / (k - 1)
        others = rng.normal(0.0, spread_book, 16)
        table = error_budget(
            result_of(np.exp(paths + book + fitted)),
            [
                redraws("book", np.exp(paths + fitted + others[:, None])),
                redraws("calibration", np.exp(paths + book + left_out[:, None]), jackknife=True),
            ],
            [ALPHA],
        )
        total, own = part(table, "total"), part(table, "paths")
        inside += total["low"] <= QUANTILE <= total["high"]
        alone += own["low"] <= QUANTILE <= own["high"]
    assert 0.92 < inside / repeats < 0.985
    assert alone / repeats < 0.7
