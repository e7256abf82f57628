"""How large the insurance fund must be.

The net loss before the first unpaid deficit does not depend on the fund. So each path has one number, `fund_needed`:
it is depleted if and only if its initial fund is smaller. With a constant floor that is the floor plus D*, the peak of
the cumulative net loss; with a drawdown floor it is the largest (C - (1 - drawdown) min C_j) / drawdown where that is
more (`stress.kernels.fund`). One run gives the whole curve of depletion probability against the initial fund, and the
fund for a probability alpha is a quantile.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stress.errors import InputError, Problem, raise_if
from stress.estimate import Estimate, clopper_pearson, upper_quantile


def depletion_curve(needed: np.ndarray, funds) -> pd.DataFrame:
    """P(a deficit is not paid in full) for each initial fund.

    Parameters
    ----------
    needed : float64[n_paths]
        USD.
    funds : array_like
        Initial funds, USD, >= 0.

    Returns
    -------
    DataFrame
        Columns fund, probability, low, high: exact 95 % binomial intervals.
    """
    funds = np.atleast_1d(np.asarray(funds, float))
    raise_if([Problem("funds", "USD, 0 or more", value=float(f)) for f in funds[~(funds >= 0)]])
    ordered = np.sort(needed)
    hits = ordered.size - np.searchsorted(ordered, funds, side="right")
    intervals = [clopper_pearson(int(k), ordered.size) for k in hits]
    return pd.DataFrame(
        {
            "fund": funds,
            "probability": hits / ordered.size,
            "low": [low for low, _ in intervals],
            "high": [high for _, high in intervals],
        }
    )


def required_fund(needed: np.ndarray, alpha: float) -> Estimate:
    """The smallest initial fund that is depleted with probability at most alpha, USD."""
    if not 0 < alpha < 1:
        raise InputError(Problem("alpha", "a probability above 0 and below 1", value=alpha))
    return upper_quantile(needed, alpha)


def fund_grid(needed: np.ndarray, fund: float, points: int = 200) -> np.ndarray:
    """Initial funds worth drawing: zero to a little above the largest need, evenly, and the run's own."""
    top = max(float(np.max(needed)), fund if np.isfinite(fund) else 0.0, 1.0)
    own = [fund] if np.isfinite(fund) else []
    return np.unique(np.concatenate([np.linspace(0.0, 1.05 * top, points), own]))
