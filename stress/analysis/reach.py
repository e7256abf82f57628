"""How far prices go within a horizon: lowest and highest price of simulated paths, and of windows of a history.

Prices alone are drawn, a block of paths at a time, without book and waterfall.
"""

from __future__ import annotations

import numpy as np

from stress.engine.design import Design, SimulationError
from stress.errors import InputError
from stress.kernels.path.records import Prices
from stress.prices.bars import Bars
from stress.prices.history import windows
from stress.results.weights import Weights
from stress.scenario.scenario import Scenario

PRICES_AT_ONCE = 2_000_000  # of all paths of a block


class Reach:
    """Lowest and highest price of each of some paths, over its first.

    Parameters
    ----------
    low, high : float64[n]
    weights : Weights or float64[n], optional
        Of the paths; None: all 1.
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, weights: Weights | np.ndarray | None = None):
        self.low, self.high, self.weights = low, high, weights

    @classmethod
    def of_model(cls, design: Design) -> Reach:
        """Of the simulated prices of a design, a block at a time."""
        at_once = max(1, PRICES_AT_ONCE // design.n_steps)
        parts = []
        for first in range(0, design.n_paths, at_once):
            prices, weights = design.price_block(first, min(at_once, design.n_paths - first))
            parts.append((*_extremes(prices, design.s0), np.ones(0) if weights is None else weights))
        low, high, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
        if not (np.isfinite(high).all() and (low > 0).all()):
            raise SimulationError("paths met a price that is not finite and positive")
        if not weight.size:
            return cls(low, high)
        strata = getattr(design, "strata", None)
        return cls(low, high, Weights(weight, None if strata is None else strata.stratum_of(0, design.n_paths)))

    @classmethod
    def of_bars(cls, bars: Bars | None, design: Design) -> Reach | None:
        """Of windows of a history as long as the horizon; None where there are none."""
        if bars is None:
            return None
        try:
            paths = windows(bars, design.n_steps * design.step, s0=design.s0).paths
        except InputError:  # no whole window, or no whole number of bars
            return None
        assert paths.low is not None
        assert paths.high is not None
        return cls(paths.low.min(axis=1) / design.s0, paths.high.max(axis=1) / design.s0)

    def beyond(self, direction: str, move: float) -> np.ndarray:
        """Which paths hold a move, bool[n]."""
        return self.low <= 1.0 + move if direction == "fall" else self.high >= 1.0 + move


def _extremes(prices: Prices, s0: float) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest price of every path over S_0, lows and highs of steps counted, float64[n] each."""
    low, high = prices.close.min(axis=1), prices.close.max(axis=1)
    if prices.low.size:
        low, high = np.minimum(low, prices.low[:, 1:].min(axis=1)), np.maximum(high, prices.high[:, 1:].max(axis=1))
    return low / s0, high / s0


def bars_of(scenario: Scenario, design: Design) -> Bars | None:
    """The bars that the scenario's prices draw, or were fitted to."""
    from stress.prices import read_bars

    bars = getattr(design.prices, "bars", None)
    if bars is None and (path := scenario.files.get("prices.calibrate")) is not None:
        bars = read_bars(path, scenario.prices.time_format)
    return bars if isinstance(bars, Bars) else None
