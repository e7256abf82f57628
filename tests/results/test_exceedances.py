"""Exceedances of a level: exact and limit laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from stress.errors import InputError
from stress.results.exceedances import exceedances


def days(n, at):
    hit = np.zeros(n, dtype=bool)
    hit[list(at)] = True
    return hit


def test_kupiec_of_the_textbook():
    # P. Kupiec (1995), and every textbook: 255 days at 1 % accept up to 6 exceedances at 5 %, and refuse 7
    assert exceedances(days(255, range(0, 60, 10)), 0.01).kupiec > 0.05
    assert exceedances(days(255, range(0, 70, 10)), 0.01).kupiec < 0.05
    # -2 ln(0.99^250 0.01^5 / ((250/255)^250 (5/255)^5)) by hand
    x, n, p = 5, 255, 0.01
    statistic = 2 * (250 * np.log(250 / 255) + 5 * np.log(5 / 255) - 250 * np.log(1 - p) - x * np.log(p))
    from scipy.stats import chi2

    assert exceedances(days(n, range(0, 50, 10)), p).kupiec == pytest.approx(chi2.sf(statistic, 1))


def test_independence_by_hand():
    # 100 days, exceedances on days 10, 11, 12 and 50: of 4 days before with one, 2 were followed by one; of 95, 2
    found = exceedances(days(100, [10, 11, 12, 50]), 0.04)
    apart = 2 * np.log(0.5) + 2 * np.log(0.5) + 2 * np.log(2 / 95) + 93 * np.log(93 / 95)
    together = 4 * np.log(4 / 99) + 95 * np.log(95 / 99)
    from scipy.stats import chi2

    assert found.independence == pytest.approx(chi2.sf(2 * (apart - together), 1))
    assert found.independence < 0.01 < found.kupiec
    assert found.christoffersen == pytest.approx(chi2.sf(2 * (apart - together), 2))


def test_exact_law_and_verdicts():
    found = exceedances(days(500, range(0, 200, 10)), 0.01)
    assert found.exact == pytest.approx(2 * binomtest(20, 500, 0.01, alternative="greater").pvalue)
    assert found.verdict == "too many"
    assert exceedances(days(1000, []), 0.01).verdict == "too few"
    assert exceedances(days(1000, range(0, 100, 10)), 0.01).verdict == "not contradicted"
    one = exceedances(days(200, [50]), 0.001)
    assert (one.observed, one.verdict) == (1, "too few days to tell")
    together = exceedances(days(500, range(100, 112)), 0.01)
    assert together.verdict == "too many (in clusters)"
    none = exceedances(days(500, []), 0.001)
    assert (none.observed, none.verdict) == (0, "too few days to tell")
    assert np.isnan(none.independence)


def test_the_exact_test_refuses_a_true_level_at_most_one_time_in_twenty():
    rng = np.random.default_rng(3)
    found = [exceedances(rng.random(500) < 0.02, 0.02) for _ in range(2_000)]
    refused = np.mean([e.verdict in ("too many", "too few") for e in found])
    assert refused <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 2_000)


def test_bad_arguments_are_all_named():
    with pytest.raises(InputError) as error:
        exceedances(np.array([0.5]), 1.0)
    assert {p.column for p in error.value.problems} == {"exceeded", "probability"}
