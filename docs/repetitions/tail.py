"""Rare days, again and again: runs of few chosen paths, against plain paths and against the mean of all of them."""

from __future__ import annotations

import math
import os
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import stress
from docs.repetitions import market
from stress import prices
from stress.analysis.study import run_designs
from stress.engine.design import Design
from stress.engine.prepare import prepare
from stress.kernels.prices.diffusion import JumpSizeLaw, size_exceeded
from stress.prices.base import DAY, YEAR
from stress.prices.jump_diffusion import survival
from stress.prices.pareto import fit_tail
from stress.prices.rarest_event import RarestEvent
from stress.results.result import Result
from stress.results.weighted_tail import WeightedTail

ROOT = Path(__file__).resolve().parents[2]
ALPHAS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
TAIL, PATHS = 1e-6, 20_000
PLAIN_BLOCK = 100_000  # plain paths of a run
SIZES = {"sizes_up": (0.009, 0.0113, 0.024), "sizes_down": (0.009, 0.0115, 0.025), "tail_up": 0.1, "tail_down": 0.1} | {
    "xi_up": 0.27, "xi_down": 0.16, "beta_up": 0.009, "beta_down": 0.012, "cap_up": 0.4, "cap_down": 0.4,
}  # fmt: skip
RATES = {"intensity_up": 989.0, "intensity_down": 928.0}


def models() -> dict[str, Any]:
    """Price models with a day like the one of the benchmarks: five jumps of a per cent, the largest 2 to 4 %."""
    s0, sigma = market.S0, 0.34
    two = prices.Kou(s0, sigma, 1_900.0, 0.5, 85.0, 80.0)
    return {
        "Kou": two,
        "Merton": prices.Merton(s0, sigma, 1_900.0, jump_mean=-0.001, jump_sd=0.014),
        "tail-jumps": prices.TailJumps(s0, sigma, **RATES, **SIZES),
        "Hawkes": prices.HawkesJumps(s0, sigma, **RATES, **SIZES, branching=0.5, memory=7_200.0),
        "Bates": prices.Bates(
            s0, sigma, kappa=40.0, vol_of_vol=2.0, rho=-0.3, intensity=1_900.0, p_up=0.5, eta_up=85.0, eta_down=80.0
        ),
        "regimes": prices.Regimes(
            s0=s0, sigmas=[0.2, 0.4, 0.7, 1.3], intensities_up=[0.0, 3.0, 1.0, 620.0],
            intensities_down=[0.0, 3.0, 1.0, 770.0],
            switching=[[0, 1242, 214, 51], [633, 0, 1695, 111], [0, 2108, 0, 857], [18, 0, 2192, 0]], **SIZES,
        ),
    }  # fmt: skip


def of_bars() -> dict[str, tuple[Any, dict[str, Any]]]:
    """The filtered bootstrap of hourly and five-minute bars of BTC, with settings; needs STRESS_DATA."""
    folder = os.environ.get("STRESS_DATA")
    if not folder:
        return {}
    files = {"1 hour": "binance-spot-BTCUSDT-1h-2017-2022", "5 minutes": "binance-perp-BTCUSDT-5m-2023-2024"}
    found = {}
    for span, name in files.items():
        bars = prices.read_bars(Path(folder) / "calibration" / f"{name}.csv.gz")
        model = prices.FilteredBootstrap(bars, s0=market.S0)
        found[f"filtered bootstrap, bars of {span}"] = model, {"step": bars.step, "gap": 0.5}
    return found


@dataclass(frozen=True)
class Market:
    """A design without a tail, of which runs are made; its plain paths are the truth."""

    name: str
    design: Design

    @classmethod
    def of_crowd(cls, name: str, model: Any, book: stress.Book | None = None, **settings: Any) -> Market:
        """The crowd of the repetitions, on days of five-minute steps."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given: dict[str, Any] = {
                "fund": 0.0, "n_paths": PATHS, "horizon": DAY, "step": 300.0, "detail": "paths",
                "depth": stress.Depth(usd=2.5e7, width=0.01, passthrough=0.5),
            }  # fmt: skip
            design = prepare(book or market.book(1), market.venue(), model, **(given | settings))
        return cls(name, design)

    @classmethod
    def quickstart(cls) -> Market:
        """The market of the README, with a finite depth."""
        settings = ["depth.usd=2.5e8", "depth.width=0.01", "depth.passthrough=0.5"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            design = stress.load_scenario(ROOT / "examples" / "quickstart.toml", settings).build().design
        return cls("quickstart", replace(design, detail="paths"))

    def run(self, seed: int, n_paths: int = PATHS, tail: float | None = TAIL, **changes: Any) -> Result:
        """Paths of this market: chosen ones, or plain ones without a tail."""
        design = replace(self.design, n_paths=n_paths, tail=tail, seed=seed, **changes)
        return run_designs([design])[0]

    def need(self, seed: int, n_paths: int = PATHS, tail: float | None = TAIL) -> tuple[np.ndarray, Any]:
        """What each path needs, and the weights."""
        result = self.run(seed, n_paths, tail)
        return result.paths["fund_needed"].to_numpy(), result.weights


@dataclass(frozen=True)
class Repeated:
    """Runs of chosen paths of one market, asked at the same funds.

    x : float64[A], the funds; p, se, low, high : float64[R, A]
    fund : float64[R, A, 3], the fund for each probability and its interval; nan: withheld
    seconds : float64[R]
    """

    x: np.ndarray
    p: np.ndarray
    se: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fund: np.ndarray
    seconds: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """P(need > x), the mean of all runs, float64[A]."""
        return np.asarray(self.p.mean(axis=0))

    @property
    def spread(self) -> np.ndarray:
        """Relative error of a run, as its repetitions show it, float64[A]."""
        return np.asarray(self.p.std(axis=0, ddof=1) / self.mean)

    @property
    def held(self) -> np.ndarray:
        """Share of the intervals of P(need > x) that hold the mean, float64[A]."""
        return np.asarray(((self.low <= self.mean) & (self.mean <= self.high)).mean(axis=0))

    @property
    def funds_held(self) -> np.ndarray:
        """Share of the intervals of the fund that hold the median fund, float64[A]."""
        true = np.array([self.fund_of(k) for k in range(self.x.size)])
        return np.asarray(((self.fund[:, :, 1] <= true) & (true <= self.fund[:, :, 2])).mean(axis=0))

    def fund_of(self, k: int) -> float:
        """The fund for the k-th probability: the median of all runs; nan where all withhold it."""
        return float(np.nanmedian(self.fund[:, k, 0])) if np.isfinite(self.fund[:, k, 0]).any() else math.nan

    @property
    def withheld(self) -> np.ndarray:
        """Share of the runs that withhold the fund, float64[A]."""
        return np.asarray(np.isnan(self.fund[:, :, 0]).mean(axis=0))


def repeat(
    place: Market, repetitions: int, n_paths: int = PATHS, alphas: tuple[float, ...] = ALPHAS, tail: float = TAIL
) -> Repeated:
    """Runs of seeds 1, 2, ..., asked at the funds that a run of another seed gives for the probabilities."""
    need, weights = place.need(999, 4 * n_paths, tail)
    order = np.argsort(-need)
    beyond = np.cumsum(weights.value[order]) / need.size
    x = np.array([need[order][np.searchsorted(beyond, alpha)] for alpha in alphas])
    rows, funds, seconds = [], [], []
    for seed in range(1, repetitions + 1):
        start = time.perf_counter()
        result = place.run(seed, n_paths, tail)
        seconds.append(time.perf_counter() - start)
        rows.append(WeightedTail(result.paths["fund_needed"].to_numpy(), result.weights).at(x))
        found = [result.required_fund(alpha) for alpha in alphas]
        funds.append([(e.value, e.low, e.high) for e in found])
    p, se, low, high = np.moveaxis(np.array(rows), 1, 0)
    return Repeated(x, p, se, low, high, np.array(funds), np.array(seconds))


def plain(place: Market, x: np.ndarray, n_paths: int) -> np.ndarray:
    """Number of plain paths that need more than each x, int64[A], of n_paths."""
    hits = np.zeros(x.size, np.int64)
    for first in range(0, n_paths, PLAIN_BLOCK):
        need, _ = place.need(50_000 + first // PLAIN_BLOCK, min(PLAIN_BLOCK, n_paths - first), None)
        hits += (need[:, None] > x).sum(axis=0)
    return hits


def one_sided() -> dict[str, Any]:
    """Models with jumps down alone, so that a step tells the sum of its jumps."""
    s0, no_up = market.S0, {"intensity_up": 0.0, "intensity_down": 1_900.0}
    return {
        "Kou": prices.Kou(s0, 0.3, 1_900.0, 0.0, 85.0, 80.0),
        "tail-jumps": prices.TailJumps(s0, 0.3, **no_up, **SIZES),
        "Bates": prices.Bates(
            s0, 0.3, kappa=40.0, vol_of_vol=2.0, rho=-0.3, intensity=1_900.0, p_up=0.0, eta_up=85.0, eta_down=80.0
        ),
    }  # fmt: skip


def jumps(model: Any, n_paths: int) -> float:
    """Largest relative difference of the weighted number of steps that fall by more than a size from what is expected.

    Sizes are those that are exceeded 1, 0.1, ... 1e-6 times a day. No engine.
    """
    steps, step, block = 1_440, 60.0, 1_000
    per_step = (model.jump_intensity()[1]) * step / YEAR
    law = model.jump_sides()[1]
    sizes = np.array([size_exceeded(law, 10.0**-k / (per_step * steps)) for k in range(7)])
    sizes = sizes[sizes < law.cap]  # at the cap itself no jump alone is larger
    found = np.zeros(sizes.size)
    source = RarestEvent(model, TAIL, n_paths, steps, step)
    for first in range(0, n_paths, block):
        made = source.block(1, first, block, steps, step)
        weight = source.strata.weight[source.strata.stratum_of(first, block)]
        fallen = np.log(made.pre_jump[:, 1:] / made.close[:, 1:])
        found += [weight @ (fallen > size).sum(axis=1) for size in sizes]
    expected = steps * np.array([beyond_in_a_step(law, per_step, size) for size in sizes])
    return float(np.abs(found / n_paths / expected - 1.0).max())


def beyond_in_a_step(law: JumpSizeLaw, per_step: float, size: float) -> float:
    """P(the jumps of a step add to more than a size), with three of them left out."""
    grid = np.linspace(0.0, size, 20_001)
    tail = survival(law, grid)
    two = float(tail[-1] + -np.diff(tail) @ survival(law, size - 0.5 * (grid[1:] + grid[:-1])))
    return math.exp(-per_step) * (per_step * float(tail[-1]) + 0.5 * per_step**2 * two)


def next_decade(place: Market, seed: int, alpha: float) -> tuple[float, float]:
    """The fund for alpha / 10: from a generalized Pareto tail of the needs beyond that for alpha, and as it is."""
    result = place.run(seed)
    need, weight = result.paths["fund_needed"].to_numpy(), result.weights.value
    threshold = result.required_fund(alpha).value
    inside = need > threshold
    xi, beta = fit_tail(need[inside] - threshold, weight[inside])
    p = float((weight * inside).mean())
    reach = math.log(10.0 * p / alpha)
    excess = beta * (reach if abs(xi) < 1e-9 else math.expm1(xi * reach) / xi)
    return threshold + excess, result.required_fund(alpha / 10).value
