"""The most likely depleting day: what prices do on the paths that deplete the fund.

Falls and rises deplete in different ways, and their mean is a day that never comes. So paths are parted by the side of
S_0 on which the price is when the fund is first short, and each side has

| figure | is |
|---|---|
| share | its part of all depletions, sum(w) of its paths over that of all depleted ones |
| mean path | the mean of P_t / S_0 at each step, weighted, with its interval |
| band | the 5 % and the 95 % quantile of P_t / S_0 at each step, by weight |
| typical path | the depleted path whose log prices are nearest to their weighted mean: the least sum over steps of (ln P_t - mean)^2 |
| rarest event | the largest step of the typical path by its log return, and what of it is a jump |

A mean of paths that jump at different times falls gradually; that the typical path jumps is shown beside it.

Paths are made again from the price model; where more than `MOST` are depleted, the first ones of the run are taken.
Intervals: whole paths drawn again (`stress.results.resample`), of an estimate given depletion a ratio of two sums.
"""  # noqa: E501

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stress.errors import InputError, Problem
from stress.results.estimate import Estimate
from stress.results.evidence import is_withheld
from stress.results.ratios import ratio
from stress.results.resample import ENDS, RESAMPLES, Resampler, first_paths
from stress.results.result import Result
from stress.results.weights import Weights, weight_of_paths

MOST = 1_000  # paths that are made again
VALUES = 4_000_000  # and prices of them that are held at once
LEVELS = (0.05, 0.5, 0.95)
DOWN, UP = SIDES = ("down", "up")


@dataclass(frozen=True)
class RarestEvent:
    """The largest step of a path.

    Attributes
    ----------
    step : int
        From 1 on.
    time : float
        Seconds from the start to the end of the step.
    move, jump : float
        Of the price over the step, and of its jump at the end, each a fraction; `jump` is nan where prices have none.
    coordinate : str
        Of a run by strata: in which of the ways that its price model declares the path is rarest; "" of others.
    rarity_from, rarity_to : float
        Between which probabilities that lies; nan of other runs.
    """

    step: int
    time: float
    move: float
    jump: float
    coordinate: str = ""
    rarity_from: float = math.nan
    rarity_to: float = math.nan


@dataclass(frozen=True, eq=False)
class DepletingDay:
    """The depleted paths of one side.

    Attributes
    ----------
    side : {"down", "up"}
        Where the price is at depletion, below S_0 or not.
    share : Estimate
        Of all depletions; its value is nan where these are too few paths from strata to tell it.
    paths, of : int
        Depleted paths of the side that are looked at, and all depleted ones that are.
    prices : DataFrame
        A row per step 0..T, index `time` (seconds): `mean` of P_t / S_0 with `low`, `high` (95 %), `band_low`,
        `band_high` (5 % and 95 % of the paths), `typical`.
    typical : int
        Number of the typical path.
    event : RarestEvent
        Of that path.
    figures : DataFrame
        Medians over the paths, a row each with `quantity`, `estimate`, `low`, `high` (95 %): "move at depletion" (of
        the price against S_0, a fraction), "largest step" (its move, up to depletion), "hours to depletion".
    """

    side: str
    share: Estimate
    paths: int
    of: int
    prices: pd.DataFrame
    typical: int
    event: RarestEvent
    figures: pd.DataFrame


def depleting_days(result: Result) -> list[DepletingDay]:
    """The depleted paths of each side, the more frequent one first.

    Parameters
    ----------
    result : Result
        With its run.

    Returns
    -------
    list of DepletingDay
        None where no path is depleted; one where all are on one side.

    Raises
    ------
    InputError
        If the run cannot be run again.
    """
    if result.design is None:
        raise InputError(Problem("depleting_days", "a run that can be run again"))
    depleted = result.paths["depleted"].to_numpy()
    if not depleted.any():
        return []
    most = min(MOST, max(1, VALUES // result.config["steps"]))
    chosen, weights = first_paths(depleted.astype(float), 1.0, result.weights, most)
    hit = np.flatnonzero(depleted[chosen])
    numbers = chosen[hit]
    made = [result.design.price_block(int(path), 1)[0] for path in numbers]
    close = np.concatenate([prices.close for prices in made]) / result.design.s0
    at = result.paths["depletion_step"].to_numpy()[numbers]
    down = close[np.arange(at.size), at] < 1.0
    found = []
    for side, mine in ((DOWN, down), (UP, ~down)):
        if mine.any():
            event = np.zeros(chosen.size)
            event[hit[mine]] = 1.0
            everywhere = np.zeros(chosen.size)
            everywhere[hit] = 1.0
            share = ratio(event, everywhere, weights)
            of_side = _Side(result, numbers[mine], close[mine], at[mine], hit[mine], chosen.size, weights)
            found.append(of_side.day(side, share, numbers.size, [m for m, x in zip(made, mine, strict=True) if x]))
    found.sort(key=lambda day: -day.share.value)
    if is_withheld(depleted[chosen], weights):
        found = [replace(day, share=replace(day.share, value=math.nan, se=math.nan)) for day in found]
    return found


class _Side:
    """The k depleted paths of one side.

    Parameters
    ----------
    result : Result
    numbers : int64[k]
        In the run.
    close : float64[k, T + 1]
        Prices over S_0.
    at : int64[k]
        Step of depletion.
    places : int64[k]
        Among the n paths that are looked at.
    n : int
    weights : Weights or None
        Of these.
    """

    def __init__(
        self,
        result: Result,
        numbers: np.ndarray,
        close: np.ndarray,
        at: np.ndarray,
        places: np.ndarray,
        n: int,
        weights: Weights | None,
    ):
        self.result, self.numbers, self.close, self.at = result, numbers, close, at
        self.w = weight_of_paths(weights, n)[places]
        again = Resampler(places, n, weights, result.config["seed"])
        self.held = np.array([again.draw() for _ in range(RESAMPLES)]) * self.w
        self.held = self.held[self.held.sum(axis=1) > 0]

    def day(self, side: str, share: Estimate, of: int, made: list[Any]) -> DepletingDay:
        """What the module says of a side; `made`: the prices of its paths."""
        step = float(self.result.config["step"])
        mean = self.w @ self.close / self.w.sum()
        draws = self.held @ self.close / self.held.sum(axis=1, keepdims=True)
        low, high = self._ends(draws)
        order = np.argsort(self.close, axis=0, kind="stable")
        held = np.cumsum(self.w[order], axis=0)
        first, last = (
            np.take_along_axis(np.take_along_axis(self.close, order, 0), _reached(held, level * held[-1])[None, :], 0)[
                0
            ]
            for level in (LEVELS[0], LEVELS[-1])
        )
        log = np.log(self.close)
        far = ((log - self.w @ log / self.w.sum()) ** 2).sum(axis=1)
        i = int(np.argmin(np.where(self.w > 0, far, np.inf)))
        times = pd.Index(np.arange(mean.size) * step, name="time")
        prices = pd.DataFrame(
            {"mean": mean, "low": low, "high": high, "band_low": first, "band_high": last, "typical": self.close[i]},
            index=times,
        )
        event = _rarest(self.result, int(self.numbers[i]), made[i], step)
        return DepletingDay(side, share, self.at.size, of, prices, int(self.numbers[i]), event, self._figures(step))

    def _figures(self, step: float) -> pd.DataFrame:
        place = np.arange(self.at.size)
        moves = np.diff(np.log(self.close), axis=1)
        until = np.where(np.arange(1, self.close.shape[1]) <= self.at[:, None], moves, 0.0)
        largest = until[place, np.argmax(np.abs(until), axis=1)]
        columns = {
            "move at depletion": self.close[place, self.at] - 1.0,
            "largest step": np.expm1(largest),
            "hours to depletion": self.at * step / 3600.0,
        }
        rows = []
        for name, values in columns.items():
            order = np.argsort(values, kind="stable")
            ordered, held = values[order], np.cumsum(np.vstack([self.w, self.held])[:, order], axis=1)
            medians = ordered[_reached(held.T, 0.5 * held[:, -1])]
            low, high = self._ends(medians[1:, None])
            rows.append((name, float(medians[0]), float(low[0]), float(high[0])))
        return pd.DataFrame(rows, columns=["quantity", "estimate", "low", "high"])

    def _ends(self, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the intervals of columns; none of one path, which is the same in every draw."""
        if self.at.size < 2:
            none = np.full(draws.shape[1], math.nan)
            return none, none
        low, high = np.quantile(draws, ENDS, axis=0)
        return low, high


def _reached(held: np.ndarray, level: np.ndarray) -> np.ndarray:
    """The first row of rising columns that is at a level, int64[columns]."""
    return np.asarray(np.minimum((held < level * (1 - 1e-12)).sum(axis=0), held.shape[0] - 1))


def _rarest(result: Result, path: int, prices: Any, step: float) -> RarestEvent:
    """The largest step of a path, and by which coordinate the path is rare where the run has strata."""
    close = prices.close[0]
    moves = np.diff(np.log(close))
    at = int(np.argmax(np.abs(moves)))
    jump = float(close[at + 1] / prices.pre_jump[0][at + 1] - 1.0) if prices.pre_jump.size else math.nan
    where: dict[str, Any] = {}
    strata = getattr(result, "strata", None)
    if "stratum" in result.paths and strata is not None and "coordinate" in strata:
        row = strata.iloc[int(result.paths["stratum"].iloc[path])]
        where = {"coordinate": str(row["coordinate"])}
        where |= {"rarity_from": float(row["from"]), "rarity_to": float(row["to"])}
    return RarestEvent(at + 1, (at + 1) * step, float(np.expm1(moves[at])), jump, **where)
