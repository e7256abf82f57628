"""Calibration of GJR-GARCH by `arch`: maximum likelihood of the log returns, with variance targeting.

The unconditional variance is that of the returns (variance targeting: C. Francq, L. Horvath and J.-M. Zakoian, J.
Financial Econometrics 9 (2011)), since with shocks of infinite fourth moment, which bars have, likelihood alone often
ends at a persistence of 1 and with no variance at all. alpha, gamma, beta and nu are fitted to returns of mean 0 and
variance 1; the persistence is held to deviations of the variance that fall to 1/e within MEMORY.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from stress.errors import InputError, Problem
from stress.prices.bars import Bars
from stress.prices.base import YEAR
from stress.prices.calibration.fit import Fit, jackknife_error
from stress.prices.calibration.fits import digits
from stress.prices.gjr_garch import GjrGarch

MEMORY = 30 * 86_400.0  # seconds
PERIODS = 10  # of the jackknife
FEWEST = 500  # returns


def fit_gjr_garch(bars: Bars, start: str | float = "stationary") -> Fit:
    """Fit GJR-GARCH with Student-t shocks to the log returns of bars.

    Parameters
    ----------
    bars : Bars
        Returns across gaps are left out.
    start : "stationary", "today" or float
        As of `GjrGarch`.

    Returns
    -------
    Fit
        Errors are by jackknife over ten periods of the bars.

    Raises
    ------
    InputError
        If `arch` is not installed (the extra `calibrate`), there are fewer than 500 returns, or they are all alike.
    """
    returns = bars.log_returns()
    if returns.size < FEWEST or not returns.std() > 0.0:
        raise InputError(Problem(bars.source, f"{FEWEST} log returns or more that differ", column="close"))
    most = math.exp(-bars.step / MEMORY)
    whole, near, converged = _fit(returns, most, None)
    found = [
        _fit(np.concatenate([part for j, part in enumerate(np.array_split(returns, PERIODS)) if j != i]), most, near)
        for i in range(PERIODS)
    ]
    names = ("sigma", "alpha", "gamma", "beta", "nu", "today")
    years = bars.step / YEAR

    def plain(values: np.ndarray) -> dict[str, Any]:
        in_years = values * np.where(np.isin(names, ("sigma", "today")), 1.0 / math.sqrt(years), 1.0)
        return dict(zip(names, (digits(v) for v in in_years), strict=True)) | {"step": bars.step, "start": start}

    redraws = tuple(plain(values) for values, *_ in found)
    parameters = plain(whole)
    errors = {name: digits(jackknife_error([redraw[name] for redraw in redraws]), 3) for name in names[:-1]}
    persistence = parameters["alpha"] + 0.5 * parameters["gamma"] + parameters["beta"]
    notes = [f"the trend of the bars, {returns.mean() / years:+.3g} per year in log price, is left out"]
    if persistence > 1.0 - 1.5 * (1.0 - most):
        notes.append(f"the persistence {persistence:.6g} is at its bound: the memory is as long as the fit allows")
    if parameters["nu"] <= 4.0:
        notes.append(
            "the fourth moment of the shocks is infinite (nu <= 4), so kurtosis and memory have no closed form"
        )
    failed = [str(i) for i, (*_, ok) in enumerate(found) if not ok]
    if not converged or failed:
        of = "of the fit" if not converged else f"without period {', '.join(failed)}"
        notes.append(f"the search of the likelihood {of} ended before its tolerance was met")
    return Fit(GjrGarch.kind, parameters, errors, redraws, ("step", "start"), tuple(notes))


def _fit(returns: np.ndarray, most: float, near: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, bool]:
    """Fit of a persistence up to `most`, from a point `near` on or from the start of the search.

    Returns
    -------
    values : float64[6]
        Deviation per step, alpha, gamma, beta, nu, and deviation of the step to come.
    point : float64[4]
        Where the search ended.
    converged : bool
    """
    try:
        from arch.univariate import GARCH, StudentsT, ZeroMean
    except ImportError:
        raise InputError(
            Problem("calibrate", 'the package arch: pip install "perp-stress[calibrate]"', column="gjr-garch")
        ) from None

    class Targeted(GARCH):
        """GJR-GARCH of unit variance, with alpha, gamma and the log of (1 - persistence) / (1 - most) as parameters."""

        def __init__(self) -> None:
            super().__init__(p=1, o=1, q=1)
            self._num_params = 3

        def bounds(self, resids: np.ndarray) -> list[tuple[float, float]]:
            return [(0.0, 1.0), (-1.0, 1.0), (0.0, math.log(0.9 / (1.0 - most)))]

        def constraints(self) -> tuple[np.ndarray, np.ndarray]:
            return np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), np.zeros(2)

        def starting_values(self, resids: np.ndarray) -> np.ndarray:
            return np.array([0.08, 0.0, 1.0])

        def parameter_names(self) -> list[str]:
            return ["alpha", "gamma", "gap"]

        def compute_variance(self, parameters: np.ndarray, *rest: Any) -> np.ndarray:
            variance: np.ndarray = super().compute_variance(np.array(_recursion(parameters, most)), *rest)
            return variance

    sd = float(returns.std())
    scaled = (returns - returns.mean()) / sd
    model = ZeroMean(scaled, volatility=Targeted(), distribution=StudentsT(), rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence is read from the result
        result = model.fit(disp="off", show_warning=False, starting_values=near, options={"maxiter": 500})
    point = np.asarray(result.params, dtype=float)
    omega, alpha, gamma, beta = _recursion(point, most)
    last, variance = scaled[-1], float(result.conditional_volatility[-1]) ** 2
    coming = omega + (alpha + gamma * (last < 0.0)) * last**2 + beta * variance
    values = np.array([sd, alpha, gamma, beta, point[3], sd * math.sqrt(coming)])
    return values, point, result.convergence_flag == 0


def _recursion(point: np.ndarray, most: float) -> tuple[float, float, float, float]:
    """Parameters omega, alpha, gamma and beta of unit variance."""
    alpha = max(float(point[0]), 0.0)
    gamma = max(float(point[1]), -alpha)
    gap = (1.0 - most) * math.exp(max(float(point[2]), 0.0))
    beta = max(1.0 - gap - alpha - 0.5 * gamma, 0.0)
    return max(1.0 - alpha - 0.5 * gamma - beta, 1e-8), alpha, gamma, beta
