"""Fits of a jump law to the log returns of bars: grouped likelihood, deconvolution, tail.

Returns are counted into cells; those within the threshold count as one cell, so the shape of the peak does not
influence the jumps. The law of a bar comes from `stress.prices.calibration.bar_law`. Returns that come from closes
within wicks (`stress.prices.calibration.wicks`) are part of the law of a bar, and no jumps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from stress.prices.base import YEAR
from stress.prices.calibration.bar_law import Grid
from stress.prices.calibration.fit import jackknife_error
from stress.prices.jump_diffusion import JumpDiffusion
from stress.prices.kou import Kou
from stress.prices.merton import Merton
from stress.prices.pareto import fit_tail, simplex

BLOCKS = 20  # periods of the jackknife
POINTS = 21  # entries of a table of sizes
ITERATIONS = 15  # of the expectation-maximisation; more iterations fit noise


@dataclass(frozen=True)
class Cells:
    """Log returns counted into the cells of a grid.

    Parameters
    ----------
    grid : Grid
    inner : bool[grid.size]
        Cells within the threshold, which count as one.
    counts : float64[grid.size]
        Number of returns in each cell.
    squares : float
        Sum of the squared returns.
    wicks : float64[grid.size] or 0
        Expected returns per bar in each cell that come from wicks.
    """

    grid: Grid
    inner: np.ndarray
    counts: np.ndarray
    squares: float
    wicks: np.ndarray | float = field(default=0.0)

    @property
    def n(self) -> float:
        """Number of returns."""
        return float(self.counts.sum())

    @property
    def threshold(self) -> float:
        """Edge of the inner cells."""
        return 0.5 * float(self.inner.sum()) * self.grid.width

    def sd(self, rate: np.ndarray) -> float:
        """Deviation of the normal: variance minus that of wicks and jumps at `rate`, at least two thirds of a cell."""
        left = self.squares / self.n - float(((rate + self.wicks) * self.grid.centres**2).sum())
        return math.sqrt(max(left, (self.grid.width / 1.5) ** 2))

    def law(self, rate: np.ndarray, sd: float) -> np.ndarray:
        """Probability of each cell for jumps at `rate`, wicks and a normal of deviation `sd`."""
        return self.grid.law(rate + self.wicks, sd)

    def ratio(self, law: np.ndarray) -> np.ndarray:
        """Observed share over probability, cell by cell; the inner cells share one value."""
        inside = self.counts[self.inner].sum() / law[self.inner].sum()
        ratio: np.ndarray = np.where(self.inner, inside, self.counts / np.maximum(law, 1e-15)) / self.n
        return ratio

    def deviance(self, law: np.ndarray) -> float:
        """Minus the log likelihood of the grouped counts."""
        seen = ~self.inner & (self.counts > 0)
        inside = self.counts[self.inner].sum() * math.log(law[self.inner].sum())
        return -float(inside) - float((self.counts[seen] * np.log(np.maximum(law[seen], 1e-15))).sum())


def count(returns: np.ndarray, u: float) -> Cells:
    """Count returns in cells a quarter of the inner standard deviation wide, with an edge at the threshold u."""
    inner_sd = float(np.sqrt(np.mean(returns[np.abs(returns) < u] ** 2)))
    width = u / (math.ceil(4.0 * u / max(inner_sd, u / 100.0)) + 0.5)
    grid = Grid(width, float(np.abs(returns).max()) + u)
    return Cells(grid, np.abs(grid.centres) < u, grid.count(returns), float((returns**2).sum()))


def without(cells: Cells, block: np.ndarray) -> Cells:
    """Cells without some of their returns."""
    left = cells.counts - cells.grid.count(block)
    return replace(cells, counts=left, squares=cells.squares - float((block**2).sum()))


def spread(refits: list[dict[str, Any]]) -> dict[str, Any]:
    """Jackknife errors of the parameters that every refit has, caps excepted, which are assumed.

    Parameters
    ----------
    refits : list of dict
        Parameters fitted with one period left out at a time.
    """
    fitted = [name for name in refits[0] if "cap_" not in name]
    return {name: digits(jackknife_error([e[name] for e in refits]), 3) for name in fitted}


def fit_kou(cells: Cells, step: float, start: dict[str, Any] | None = None) -> dict[str, Any]:
    """Kou's parameters by maximum likelihood of the grouped returns.

    Parameters
    ----------
    cells : Cells
    step : float
        Length of a bar, seconds.
    start : dict, optional
        Parameters to start the search from, which speeds up a refit.
    """
    years = step / YEAR
    c, n = cells.grid.centres, cells.n
    if start is None:
        guess = []
        for side in (1, -1):
            mass = np.where(cells.inner | (side * c < 0), 0.0, cells.counts)
            eta = mass.sum() / max((mass * (side * c - cells.threshold)).sum(), 1e-9)
            guess += [mass.sum() / n * math.exp(min(eta * cells.threshold, 3.0)), max(eta, 2.0)]
        x0 = np.log(guess)
    else:
        up = start["intensity"] * start["p_up"] * years
        x0 = np.log([up, start["eta_up"], start["intensity"] * years - up, start["eta_down"]])

    def jumps(x: np.ndarray) -> dict[str, Any] | None:
        if not (math.log(1.01) < x[1] and x[0] < 0.7 and x[2] < 0.7 and max(x[1], x[3]) < 9.0):
            return None
        up, eta_up, down, eta_down = np.exp(x)
        return {"intensity": (up + down) / years, "p_up": up / (up + down), "eta_up": eta_up, "eta_down": eta_down}

    return _fit_grouped(cells, step, Kou, jumps, x0)


def fit_merton(cells: Cells, step: float, start: dict[str, Any] | None = None) -> dict[str, Any]:
    """Merton's parameters by maximum likelihood of the grouped returns; arguments as in `fit_kou`."""
    years = step / YEAR
    if start is None:
        rate, c = jump_rates(cells), cells.grid.centres
        mean = float((rate * c).sum() / rate.sum())
        x0 = np.array([math.log(rate.sum()), mean, 0.5 * math.log((rate * (c - mean) ** 2).sum() / rate.sum())])
    else:
        x0 = np.array([math.log(start["intensity"] * years), start["jump_mean"], math.log(start["jump_sd"])])
    unit = math.exp(x0[2])  # of the mean, so that a step of the search is as large for all three
    x0[1] /= unit

    def jumps(x: np.ndarray) -> dict[str, Any] | None:
        if not (x[0] < 0.7 and abs(x[1]) * unit < 1.0 and math.log(cells.grid.width) < x[2] < 0.0):
            return None
        return {"intensity": math.exp(x[0]) / years, "jump_mean": x[1] * unit, "jump_sd": math.exp(x[2])}

    return _fit_grouped(cells, step, Merton, jumps, x0)


def _fit_grouped(
    cells: Cells,
    step: float,
    model: Callable[..., JumpDiffusion],
    jumps: Callable[[np.ndarray], dict[str, Any] | None],
    x0: np.ndarray,
) -> dict[str, Any]:
    """Maximise the likelihood of the grouped returns, and choose sigma for each x so that the variance is the observed.

    `jumps` turns a point of the search into the parameters of the jumps, None outside of their range.
    """
    years = step / YEAR
    c = cells.grid.centres
    left = cells.sd(jump_rates(cells)) ** 2

    def parameters(values: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
        """The model's parameters, and its jumps in each cell."""
        rate = cells.grid.jump_rate(model(s0=1.0, sigma=0.0, **values), years)
        # smaller jumps explain a part of the variance that moves beyond the threshold do not
        inside = float((rate * c**2)[cells.inner].sum())
        sd = math.sqrt(max(left - inside, (cells.grid.width / 1.5) ** 2))
        return {"sigma": sd / math.sqrt(years)} | values, rate

    def deviance(x: np.ndarray) -> float:
        found = jumps(x)
        if found is None:
            return 1e12
        values, rate = parameters(found)
        return cells.deviance(cells.law(rate, values["sigma"] * math.sqrt(years)))

    options = {"xatol": 1e-4, "fatol": 1e-4, "maxiter": 2000, "maxfev": 2000}
    optimum = minimize(deviance, x0, method="Nelder-Mead", options=options | {"initial_simplex": simplex(x0)})
    best = jumps(optimum.x)
    assert best is not None
    return {name: digits(value) for name, value in parameters(best)[0].items()}


def fit_tail_jumps(cells: Cells, step: float, cap: float, start: dict[str, Any] | None = None) -> dict[str, Any]:
    """Parameters of TailJumps.

    Parameters
    ----------
    cells : Cells
    step : float
        Length of a bar, seconds.
    cap : float
        Largest size in log price.
    start : dict, optional
        Parameters of an earlier fit: a refit keeps the sizes where its tails begin.
    """
    years = step / YEAR
    rate = jump_rates(cells)
    parameters: dict[str, Any] = {"sigma": digits(cells.sd(rate) / math.sqrt(years))}
    c = cells.grid.centres
    wicks = np.where(cells.inner, 0.0, cells.wicks)
    for name, side in (("up", 1), ("down", -1)):
        here = side * c > 0
        sizes, mass = np.abs(c[here]), rate[here]
        order = np.argsort(sizes)
        sizes, mass = sizes[order], mass[order]
        total = mass.sum()
        # the distribution function is linear within each cell
        edges = np.concatenate([sizes - 0.5 * cells.grid.width, sizes[-1:] + 0.5 * cells.grid.width])
        below = np.concatenate([[0.0], np.cumsum(mass) / total])
        if start is None:
            observed = cells.counts[here][order][mass > 0].sum() * (total / (total + wicks[here].sum()))
            in_tail = min(max(0.1 * observed, 40.0), 0.5 * observed)
            begin = float(np.interp(1.0 - in_tail / observed, below, edges))
        else:
            begin = start[f"sizes_{name}"][-1]
        body = float(np.interp(begin, edges, below))
        far = sizes > begin
        xi, beta = fit_tail(sizes[far] - begin, mass[far] * cells.n)
        first = np.searchsorted(below, 1e-9)  # the table starts where the mass does
        table = np.interp(np.linspace(0.0, body, POINTS), below[max(first - 1, 0) :], edges[max(first - 1, 0) :])
        table[-1] = begin
        parameters |= {
            f"intensity_{name}": digits(total / years),
            f"sizes_{name}": [digits(x, 5) for x in table],
            f"tail_{name}": digits(1.0 - body),
            f"xi_{name}": digits(xi),
            f"beta_{name}": digits(beta),
            f"cap_{name}": digits(cap),
        }
    return parameters


def jump_rates(cells: Cells) -> np.ndarray:
    """Expected jumps per bar and cell, above the threshold, by expectation-maximisation, float64[grid.size].

    Given a return r, the expected number of jumps of size a in its bar is rate_a f(r - a) / f(r), with f the density of
    the bar (Mecke's formula), for any number of jumps in the bar; the sum over the returns is the next rate. The moves
    that come from wicks are found with the jumps, and then subtracted.
    """
    grid = cells.grid
    hat = np.bartlett(11)
    rate = np.where(cells.inner, 0.0, np.convolve(cells.counts / cells.n, hat / hat.sum(), mode="same"))
    wicks = np.where(cells.inner, 0.0, cells.wicks)
    for _ in range(ITERATIONS):
        law = cells.law(rate - wicks, cells.sd(rate - wicks))
        rate = rate * np.maximum(grid.back(np.conj(grid.transform(law)) * grid.transform(cells.ratio(law))), 0.0)
    return _less(rate, wicks, grid.size // 2) if wicks.any() else rate


def _less(rate: np.ndarray, wicks: np.ndarray, middle: int) -> np.ndarray:
    """Rates without those of wicks, cell by cell >= 0.

    The rates beyond a size are subtracted, since single cells hold one large move or none. The difference must fall
    with the size: it is the mean of the least falling function above it and the largest below it.
    """
    left = np.zeros(rate.size)
    for side in (slice(middle + 1, None), slice(middle - 1, None, -1)):
        beyond = np.cumsum((rate[side] - wicks[side])[::-1])[::-1]
        above, below = np.maximum.accumulate(beyond[::-1])[::-1], np.minimum.accumulate(beyond)
        left[side] = -np.diff(np.maximum(0.5 * (above + below), 0.0), append=0.0)
    return left


def digits(value: Any, significant: int = 6) -> Any:
    """Round a number, or a list of them, to so many significant digits, so that printed and fitted values agree."""
    if np.ndim(value):
        return [digits(v, significant) for v in value]
    return float(f"{float(value):.{significant}g}")
