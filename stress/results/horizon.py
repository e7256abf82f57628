"""What a fund goes through in many days: ruin, the time to it, recovery, and what it would have needed.

A `Horizon` is the view of a run whose book is renewed each day (`stress.engine.renewal`). Ruin is the first day on
which a deficit was not paid in full, since the fund was down to its floor. What follows on the path is run on, from
what is left and the days' income.

Where nothing that the days do hangs on the fund (nothing is taken out of it, and its floor is constant), the fund that
a path needs for d days is exact from one run, whatever fund it was run with:

    needed = reserve + max(0, max over days k <= d of (K_{k-1} + D*_k)),  K_k = sum over days j <= k of (C_j - income)

with C_j the net loss of a day and D*_j its peak. Where that does not hold it is refused, and funds have to be run one
by one (`stress.fund_grid`).

A run says nothing of days beyond its own: the answer for a year takes a run of 365 days.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress.arguments import is_number, is_whole
from stress.errors import InputError, Problem
from stress.formatting import percent
from stress.results import sizing
from stress.results.estimate import Estimate, event_probability, mean
from stress.results.evidence import withhold
from stress.results.intervals import Z, clopper_pearson
from stress.results.weighted_tail import WeightedTail
from stress.results.weights import Weights
from stress.venue.markets import money_of

if TYPE_CHECKING:
    from stress.results.result import Result

FAN = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Horizon:
    """Many days of a fund, on every path.

    Parameters
    ----------
    rows : DAY_ROW[n_paths, days]
        See `stress.engine.renewal.DAY_ROW`; money in that of the fund.
    fund : float
        At the start of the first day.
    reserve : float
        Constant floor of the fund.
    renewal : mapping
        `days`, and `income_per_day`, `cap`, `sweep` where they are on.
    weights : Weights or float64[n_paths], optional
        Of the paths; default: all 1.
    money : str
        What money is in.
    moving_floor : bool
        Whether the floor follows the peak of the fund.
    """

    def __init__(
        self,
        rows: np.ndarray,
        fund: float,
        reserve: float,
        renewal: Mapping[str, Any],
        weights: Weights | np.ndarray | None = None,
        money: str = "USD",
        moving_floor: bool = False,
    ):
        self.rows, self.fund, self.reserve, self.money = rows, float(fund), float(reserve), money
        self.income = float(renewal.get("income_per_day", 0.0))
        self.cap, self.sweep = float(renewal.get("cap", math.inf)), float(renewal.get("sweep", 0.0))
        self.weights, self.moving_floor = Weights.of(weights), moving_floor

    @classmethod
    def of(cls, result: Result) -> Horizon:
        """The days of a result.

        Raises
        ------
        InputError
            If its book was not renewed.
        """
        if result.days is None:
            raise InputError(Problem("result", "a run of days: days = 30 in [run], days=30 of stress.simulate"))
        config = result.config
        venue = config["venue"]
        return cls(
            result.days,
            result.fund,
            result.reserve,
            config["renewal"],
            result.weights,
            money_of(venue.get("contract"), venue.get("market", "")),
            venue.get("drawdown") is not None,
        )

    def __repr__(self) -> str:
        return f"<Horizon: {self.days} days, {self.n_paths:,} paths, P(ruin) {self.ruin_probability()}>"

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return int(self.rows.shape[0])

    @property
    def days(self) -> int:
        """Days of the run."""
        return int(self.rows.shape[1])

    @property
    def ruin_day(self) -> np.ndarray:
        """First day, from 1 on, on which a deficit was not paid in full; 0: none. int64[n_paths]."""
        ruined = self.rows["depletion_step"] > 0
        return np.where(ruined.any(axis=1), ruined.argmax(axis=1) + 1, 0)

    @property
    def refusal(self) -> str:
        """Why the fund that a path needs does not follow from this run; "" where it does."""
        if self.cap < math.inf or self.sweep > 0.0:
            return "what is taken out of the fund between days hangs on its balance"
        if self.moving_floor:
            return "the floor of the fund follows its balance from day to day"
        return ""

    def needed(self, days: int | None = None) -> np.ndarray:
        """The smallest fund with which each path is not ruined within some days, float64[n_paths].

        Parameters
        ----------
        days : int, optional
            From 1 on; default: all of the run.

        Raises
        ------
        InputError
            With the reason where it does not follow from one run, see the module; or for days that were not run.
        """
        last = self._day(days)
        if self.refusal:
            raise InputError(Problem("required fund", f"a grid of funds (stress.fund_grid), since {self.refusal}"))
        return np.asarray(self.reserve + np.maximum(0.0, self._worst()[:, :last].max(axis=1)))

    def _worst(self) -> np.ndarray:
        """Largest cumulative net loss less income within each day, float64[n_paths, days]."""
        lost = np.cumsum(self.rows["net_loss"] - self.income, axis=1)
        before = np.column_stack([np.zeros(self.n_paths), lost[:, :-1]])
        return np.asarray(before + self.rows["net_loss_peak"])

    def ruin_curve(self, fund: float | None = None) -> pd.DataFrame:
        """P(ruin within d days) for every d of the run.

        Parameters
        ----------
        fund : float, optional
            At the start, at least the reserve; default: that of the run. Another one needs a run from which `needed`
            follows.

        Returns
        -------
        DataFrame
            Columns day (0 .. days), probability, low, high: 95 % intervals, each day by itself, exact for paths of
            weight 1.
        """
        if fund is None:
            day = self.ruin_day
        else:
            if not (is_number(fund) and fund >= self.reserve):
                expected = f"an amount, at least the reserve {self.reserve:,.10g}"
                raise InputError(Problem("ruin_curve", expected, column="fund", value=fund))
            self.needed()
            over = self._worst() > fund - self.reserve
            day = np.where(over.any(axis=1), over.argmax(axis=1) + 1, 0)
        at = np.arange(self.days + 1)
        if self.weights is not None:
            when = np.where(day > 0, day, np.inf)
            value, low, high = withhold(WeightedTail(-when, self.weights).at(-(at + 0.5)), self.weights)
            low, high = np.where(at == 0, 0.0, low), np.where(at == 0, 0.0, high)  # nothing happens in no time
            return pd.DataFrame({"day": at, "probability": value, "low": low, "high": high})
        hits = np.cumsum(np.bincount(day[day > 0], minlength=self.days + 1))
        known = {int(k): clopper_pearson(int(k), self.n_paths) for k in np.unique(hits)}
        low, high = np.array([known[int(k)] for k in hits]).T
        high[0] = 0.0
        return pd.DataFrame({"day": at, "probability": hits / self.n_paths, "low": low, "high": high})

    def ruin_probability(self, days: int | None = None) -> Estimate:
        """P(ruin within some days), by default those of the run; more than that are refused."""
        day = self.ruin_day
        last = self._day(days)
        return event_probability((day > 0) & (day <= last), self.weights, self._worst()[:, :last].max(axis=1))

    def ruin_time(self, share: float = 0.5) -> Estimate:
        """The day by which a share of all paths is ruined, by default a half.

        Paths that are not ruined count as ruined at some time after the last day: where fewer than the share are, the
        answer is only a lower bound, and an end of the interval that lies beyond the last day is inf.
        """
        if not (is_number(share) and 0 < share < 1):
            raise InputError(Problem("ruin_time", "a share above 0 and below 1", column="share", value=share))
        curve = self.ruin_curve()

        def first(end: str) -> float:
            reached = curve["day"][curve[end] >= share]
            return float(reached.iloc[0]) if len(reached) else math.inf

        value, low, high = first("probability"), first("high"), first("low")
        if math.isinf(value):
            least = float(self.days + 1)
            note = f"fewer than {percent(share)} of the paths are ruined within {self.days} days"
            return Estimate(least, math.nan, min(low, least), math.inf, note)
        return Estimate(value, math.nan, low, high)

    def recovery(self) -> pd.DataFrame:
        """P(the fund is back at its start within d days after it was first below it at the end of a day).

        A path that ends before it is back has not told how long it takes: the estimate is that of Kaplan and Meier,
        with Greenwood's error on the log(-log) scale.

        Returns
        -------
        DataFrame
            Columns day (1, 2, ..), at_risk (paths that were below the start for so long, and were looked at), recovered
            (of these, on that day), probability, low, high (95 %). No rows where the fund is never below its start.

        Raises
        ------
        InputError
            Of paths with weights, for which this error is not known; or of an unlimited fund.
        """
        if self.weights is not None or math.isinf(self.fund):
            reason = "a limited fund, and paths without weights"
            raise InputError(Problem("recovery", reason))
        below = self.rows["fund_end"] < self.fund
        lost = below.any(axis=1)
        first = below[lost].argmax(axis=1)
        later = (np.arange(self.days)[None, :] > first[:, None]) & ~below[lost]
        back = later.any(axis=1)
        waited = np.where(back, later.argmax(axis=1), self.days - 1) - first
        table, alive, spread = [], 1.0, 0.0
        for day in range(1, int(waited.max(initial=0)) + 1):
            at_risk, recovered = int((waited >= day).sum()), int((back & (waited == day)).sum())
            if not at_risk:
                break
            alive *= 1.0 - recovered / at_risk
            spread += recovered / (at_risk * (at_risk - recovered)) if at_risk > recovered else math.inf
            low, high = _greenwood(alive, spread, at_risk)
            table.append((day, at_risk, recovered, 1.0 - alive, 1.0 - high, 1.0 - low))
        return pd.DataFrame(table, columns=["day", "at_risk", "recovered", "probability", "low", "high"])

    def recovery_time(self) -> Estimate:
        """Median of the days until the fund is back at its start, from `recovery`; a bound where too few are back."""
        table = self.recovery()
        if table.empty:
            return Estimate(math.nan, math.nan, math.nan, math.nan, "the fund is never below its start")

        def first(end: str) -> float:
            reached = table["day"][table[end] >= 0.5]
            return float(reached.iloc[0]) if len(reached) else math.inf

        value, low, high = first("probability"), first("high"), first("low")
        if math.isinf(value):
            least = float(table["day"].iloc[-1] + 1)
            note = "less than half of the losses are made good within the run"
            return Estimate(least, math.nan, min(low, least), math.inf, note)
        return Estimate(value, math.nan, low, high)

    def fund_fan(self, levels: Sequence[float] = FAN) -> pd.DataFrame:
        """Quantiles over paths of the fund at the end of each day.

        Returns
        -------
        DataFrame
            Index day (0: the start), a column per level; with weights of the law in which each path counts by its share
            of their sum.
        """
        ends = np.column_stack([np.full(self.n_paths, self.fund), self.rows["fund_end"]])
        order = np.argsort(ends, axis=0, kind="stable")
        weights = np.ones(self.n_paths) if self.weights is None else self.weights.value
        held = np.cumsum(weights[order], axis=0)
        held /= held[-1]
        places = [np.minimum((held < level * (1 - 1e-12)).sum(axis=0), self.n_paths - 1) for level in levels]
        found = {level: np.take_along_axis(ends, order, 0)[place, np.arange(self.days + 1)]
                 for level, place in zip(levels, places, strict=True)}  # fmt: skip
        return pd.DataFrame(found, index=pd.RangeIndex(self.days + 1, name="day"))

    def required_fund(self, alpha: float | str, days: int | None = None) -> Estimate:
        """The smallest fund that is ruined within some days with probability at most alpha; errors as of `needed`."""
        found = sizing.required_fund(self.needed(days), alpha, self.reserve, self.weights)
        return replace(found, unit=self.money)

    def totals(self) -> pd.DataFrame:
        """Means over paths of what came and went in all days.

        Returns
        -------
        DataFrame
            A row each for deficit, inflow (of liquidations), income, taken (swept and above the cap) and the change of
            the fund; columns quantity, mean, se, low, high, unit.
        """
        sums = {name: self.rows[name].sum(axis=1) for name in ("deficit", "inflow", "taken")}
        sums["income"] = np.full(self.n_paths, self.income * self.days)
        if math.isfinite(self.fund):
            sums["change of the fund"] = self.rows["fund_end"][:, -1] - self.fund
        rows = [(name, e.value, e.se, e.low, e.high, self.money) for name, values in sums.items()
                for e in [mean(values, weights=self.weights)]]  # fmt: skip
        return pd.DataFrame(rows, columns=["quantity", "mean", "se", "low", "high", "unit"])

    def summary(self) -> pd.DataFrame:
        """The answers in a few lines: quantity, estimate, se, low, high, unit ("" for probabilities, "days"), note."""
        lines = {f"P(ruin within {d} day{'' if d == 1 else 's'})": self.ruin_probability(d) for d in self._milestones()}
        lines["days until half of the paths are ruined"] = self.ruin_time()
        if self.weights is None and math.isfinite(self.fund):
            below = np.asarray((self.rows["fund_end"] < self.fund).any(axis=1))
            lines["P(the fund ends a day below its start)"] = event_probability(below)
            lines["days until half of the losses are made good"] = self.recovery_time()
        rows = [
            (name, e.value, e.se, e.low, e.high, "" if name.startswith("P(") else "days", e.note)
            for name, e in lines.items()
        ]
        return pd.DataFrame(rows, columns=["quantity", "estimate", "se", "low", "high", "unit", "note"])

    def _milestones(self) -> list[int]:
        return sorted({1, *(d for d in (7, 30, 90, 180, 365) if d < self.days), self.days})

    def _day(self, days: int | None) -> int:
        """The days that are asked for, which must have been run."""
        if days is None:
            return self.days
        if not (is_whole(days) and 1 <= days <= self.days):
            expected = (
                f"a whole number of days from 1 to {self.days}, as many as were run; of later days a run says nothing, "
                "since ruin is not a matter of independent days: run that many"
            )
            raise InputError(Problem("horizon", expected, column="days", value=days))
        return int(days)


def _greenwood(alive: float, spread: float, at_risk: int) -> tuple[float, float]:
    """Ends of the 95 % interval of a survival probability: of Greenwood, where it is neither 0 nor 1 by its sample."""
    if 0.0 < alive < 1.0 and math.isfinite(spread):
        width = Z * math.sqrt(spread) / abs(math.log(alive))
        return alive ** math.exp(width), alive ** math.exp(-width)
    low, high = clopper_pearson(at_risk if alive > 0 else 0, at_risk)
    return low, high
