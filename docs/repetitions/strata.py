"""Paths from strata: how often intervals hold, and whether what is shown is right where a way to be rare is missing.

`python -m docs.repetitions.strata` prints the tables of docs/estimators.md, section Strata, in a minute.

No engine: cells "coordinate c is the smallest, between a and b" of two coordinates, half decades down to 1e-7, and the
rest. A path of severity z = -log10 of the smallest coordinate (0.7 z on the second side) has a normal spread on top.
Counts of strata beyond a border are then binomial, so that thousands of repetitions take a moment. The formulas are
those of `stress.results.weighted_tail` and `stress.results.evidence`, written again for many repetitions at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from stress.results.evidence import ENOUGH, LEAST_HITS, MOST_BLIND, SEEN
from stress.results.intervals import FEW, LEVEL
from stress.results.weighted_tail import PART, unseen

PATHS, REPETITIONS, SPREADS, ALPHAS = 20_000, 20_000, (0.02, 0.1, 0.3, 0.6, 1.0), (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
TAIL, POINTS = (1 - LEVEL) / 2, 400


@dataclass(frozen=True)
class Cells:
    """Strata of two coordinates: ends of each, its side (-1: the rest), probability, paths and weight of one over n."""

    low: np.ndarray
    high: np.ndarray
    side: np.ndarray
    chance: np.ndarray
    paths: np.ndarray

    @classmethod
    def of(cls, n: int = PATHS) -> Cells:
        """Half of the paths in proportion, half in equal parts."""
        ends = np.concatenate([[0.0], 10.0 ** np.arange(-7.0, -0.4, 0.5)])
        one = ((1 - ends[:-1]) ** 2 - (1 - ends[1:]) ** 2) / 2
        chance = np.concatenate([one, one, [(1 - ends[-1]) ** 2]])
        paths = np.floor(n * (chance / 2 + 1 / (2 * chance.size))).astype(int)
        paths[-1] += n - paths.sum()
        low, high = (np.concatenate([e, e, [x]]) for e, x in ((ends[:-1], ends[-1]), (ends[1:], 1.0)))
        return cls(low, high, np.repeat([0, 1, -1], [one.size, one.size, 1]), chance, paths)

    @property
    def weight(self) -> np.ndarray:
        """Of one path, over n."""
        return self.chance / self.paths

    def beyond(self, border: float, spread: float) -> np.ndarray:
        """P(severity > border) in each cell, from equal parts of it."""
        u = (np.arange(POINTS) + 0.5) / POINTS
        a, b = ((1 - x[:, None]) ** 2 for x in (self.low, self.high))
        z = -np.log10(1 - np.sqrt(a - u * (a - b)))
        z = np.where(self.side[:, None] == 1, 0.7 * z, z)
        return np.asarray(special.ndtr((z - border) / spread).mean(axis=1))

    def at(self, alpha: float, spread: float) -> np.ndarray:
        """P(severity > border) in each cell where it is alpha in all."""
        border = optimize.brentq(lambda x: self.chance @ self.beyond(x, spread) - alpha, -6.0, 14.0)
        return self.beyond(border, spread)


def interval(cells: Cells, hits: np.ndarray, plain: bool = False) -> tuple[np.ndarray, ...]:
    """Estimates, effective hits and ends of intervals of counts, int[r, K]; `plain`: without the added path."""
    share, w = hits / cells.paths, cells.weight
    p = share @ cells.chance
    v = (share * (1 - share) / (cells.paths - 1)) @ cells.chance**2
    none, q = p <= 0, np.where(p > 0, p, 0.5)
    u = np.maximum(np.where(p > 0, v, 0.01), (1e-7 * q) ** 2)
    trials = q * (1 - q) / u
    low = special.betaincinv(q * trials, (1 - q) * trials + 1, TAIL)
    steps = np.unique(w)
    place = np.searchsorted(steps, np.where(hits > 0, w, 0.0).max(axis=1) * (1 + 1e-9), side="right")
    added = steps[np.minimum(place, steps.size - 1)]
    part = np.where(q**2 / u < FEW, 1.0, PART)
    mean, variance = q + part * added, u + part * added**2
    count = mean * (1 - mean) / variance - 1
    high = special.betaincinv(mean * count, (1 - mean) * count, 1 - TAIL)
    if plain:
        high = special.betaincinv(q * trials + 1, (1 - q) * trials, 1 - TAIL)
    n = int(cells.paths.sum())
    return p, np.where(none, 0.0, q**2 / u), np.where(none, 0.0, low), np.where(none, unseen(n * w.max(), n), high)


def coverage(repetitions: int, plain: bool = False) -> dict[float, list[float]]:
    """Share of intervals that hold the probability, by spread, for each of `ALPHAS`."""
    cells, rng, found = Cells.of(), np.random.default_rng(1), dict[float, list[float]]()
    for spread in SPREADS:
        found[spread] = []
        for alpha in ALPHAS:
            hits = rng.binomial(cells.paths, cells.at(alpha, spread), (repetitions, cells.paths.size))
            _, _, low, high = interval(cells, hits, plain)
            found[spread].append(float(np.mean((low <= alpha) & (alpha <= high))))
    return found


def blind_share(cells: Cells, seen: np.ndarray, p: float) -> float:
    """What `stress.results.evidence.Blindness` says of an event of probability p, from counts where all is seen."""
    w, seen_at = cells.weight, float(seen / cells.paths @ cells.chance)
    if p <= 0 or seen_at < SEEN / ENOUGH * p:
        return 0.0
    common = np.array([cells.chance[w <= x * (1 + 1e-9)].sum() for x in w])
    return float((seen * w)[common >= common[w > p / SEEN].min() * seen_at / p * (1 - 1e-9)].sum()) / seen_at


def missing(repetitions: int, spread: float, share: float, where: Callable[[Cells], np.ndarray]) -> np.ndarray:
    """What is shown where a share of the tail comes about another way, in some cells alike, bool[K].

    Returns
    -------
    float64[4, 3]
        For each of `ALPHAS` but the first: share of intervals that hold, of what is right or withheld, and withheld.
    """
    cells, rng = Cells.of(), np.random.default_rng(2)
    reached, chances = where(cells), list[np.ndarray]()
    for alpha in (SEEN * cells.weight.max(), *ALPHAS[1:]):
        hidden = share * alpha / cells.chance[reached].sum() * reached
        chances.append(1 - (1 - cells.at((1 - share) * alpha, spread)) * (1 - hidden))
    seen = hits = rng.binomial(cells.paths, chances[0], (repetitions, cells.paths.size))
    found = []
    for alpha, before, chance in zip(ALPHAS[1:], chances, chances[1:], strict=False):
        hits = rng.binomial(hits, np.clip(chance / np.maximum(before, 1e-300), 0.0, 1.0))  # the borders are nested
        p, effective, low, high = interval(cells, hits)
        blind = np.array([blind_share(cells, one, float(x)) for one, x in zip(seen, p, strict=True)]) > MOST_BLIND
        withheld, right = blind | ((p > 0) & (effective < LEAST_HITS)), (low <= alpha) & (alpha <= high)
        found.append((right.mean(), (right | withheld).mean(), withheld.mean()))
    return np.array(found)


def rest(cells: Cells) -> np.ndarray:
    """The stratum where nothing is rare, bool[K]."""
    return cells.side < 0


def everywhere(cells: Cells) -> np.ndarray:
    """All strata, bool[K]."""
    return np.ones(cells.side.size, bool)


def main(repetitions: int = REPETITIONS) -> None:
    """Print all tables."""
    for plain in (False, True):
        print("\nCoverage, per cent" + (", plainer rule" if plain else ""), *ALPHAS)
        for spread, held in coverage(repetitions, plain).items():
            print(spread, *(f"{100 * x:.1f}" for x in held))
    print("\nInterval covers, right or withheld, withheld, per cent", *ALPHAS[1:])
    for share, spreads in ((0.3, (0.1, 0.3, 0.6)), (0.15, (0.3,)), (0.0, (0.3, 0.6, 0.8, 1.0))):
        for spread in spreads:
            for where in (rest, everywhere) if share else (rest,):
                rows = missing(repetitions // 10, spread, share, where)
                print(
                    share, spread, where.__name__, *(" ".join(f"{100 * x:.0f}" for x in row) for row in rows), sep=" | "
                )


if __name__ == "__main__":
    main()
