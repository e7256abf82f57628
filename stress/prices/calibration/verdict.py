"""The verdict on a fit: whether it moves as its bars did, and for how rare a day these bars speak.

Two questions are apart. A fit is *consistent* if the counts of `stress.prices.calibration.judge`, in its own bars and
out of sample by halves, and the fund that the days of the history need, agree with it. What a consistent fit may size
is bounded by the *span* of the bars: a day's probability a is supported where `SUPPORT` independent days of that kind
are expected in them, a >= SUPPORT / N. Ten: their number is then known within a factor of two (Garwood: 4.8 to 18.4),
and the tail's shape beyond them is not yet asked for. Between SUPPORT / N and 1 / N a fund rests on a few days, and
below 1 / N on the law of the tail alone: the error of its parameters is carried to the fund, the choice of the law is
not.

N counts independent days: whole days of bars, divided by the dispersion of days with large falls (the largest level
that ten days pass), since a crash of two days is one crash.

A history of a few days is never fit: with `LARGEST` = 5 % as the largest probability that a fund is sized at, it takes
200 independent days. A history without a crash is not fit for a crash: a probability of 0.1 % takes 10,000 days, more
than any coin has, so a fund at 0.1 % is always an extrapolation, and is called one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from stress.errors import InputError
from stress.formatting import percent, usd, usd_range
from stress.prices.bars import Bars
from stress.prices.base import DAY
from stress.prices.calibration.fit import Fit, Fitter
from stress.prices.calibration.judge import (
    FEWEST_STRETCHES,
    SEED,
    STRETCH,
    halves,
    informative,
    judge,
    number,
    observed,
    words,
    worst,
)

SUPPORT = 10  # independent days that are expected behind a probability
LARGEST = 0.05  # largest probability of a day that a fund is sized at
OUTSIDE = 0.25  # share of the rows that may be outside their 95 % interval: rows of one horizon are outside together
NAMED = 2  # rows that a reason names
HALVES = ("later", "earlier")  # the half that judges a fit to the other


@dataclass(frozen=True)
class Verdict:
    """What a fit may be used for.

    Attributes
    ----------
    fit : bool
        Whether it sizes a fund at some probability up to `LARGEST`.
    probability : float or None
        The smallest probability of a day that it supports; None if it is not fit.
    days, independent_days : float
        Days of bars, and independent ones among them.
    reasons : tuple of str
        Why it is not fit; empty if it is.
    uses : tuple of str
        What it can be used for and what not.
    """

    fit: bool
    probability: float | None
    days: float
    independent_days: float
    reasons: tuple[str, ...]
    uses: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Plain values for `fit_for_sizing` of a scenario's provenance."""
        support = {} if self.probability is None else {"probability": _two_digits(self.probability)}
        return (
            {"fit": self.fit}
            | support
            | {"days": round(self.days, 1), "independent_days": round(self.independent_days, 1)}
        )


@dataclass(frozen=True)
class Judgement:
    """A fit held against bars.

    Attributes
    ----------
    table : DataFrame
        In sample, see `stress.prices.calibration.judge.judge`.
    other_half : dict of str to DataFrame
        The same out of sample, by the half that judges: "later" judges a fit to the earlier half.
    days, independent_days : float
        Of the bars, see the description of the module.
    failed : tuple of str
        Halves that could not be fitted, and why.
    fund : DataFrame or None
        Funds that the days of the history need and the model's, see `stress.analysis.history_fund`.
    extremes : dict
        Worst return, low and high of rolling 24 h.
    """

    table: pd.DataFrame
    other_half: dict[str, pd.DataFrame]
    days: float
    independent_days: float
    failed: tuple[str, ...] = ()
    fund: pd.DataFrame | None = None
    extremes: dict[str, float] | None = None

    def wide(self) -> pd.DataFrame:
        """The table in sample, with observed, expected and inside of each half beside it."""
        out = self.table
        for name, found in self.other_half.items():
            columns = {c: f"{name}_{c}" for c in ("observed", "low", "high", "expected", "inside", "far")}
            kept = found[["horizon", "of", "move", *columns]].rename(columns=columns)
            out = out.merge(kept, on=["horizon", "of", "move"], how="left")
        return out

    @property
    def verdict(self) -> Verdict:
        """What the fit may be used for."""
        reasons = (*self._reasons(), *self._too_short())
        probability = None if reasons else SUPPORT / self.independent_days
        return Verdict(
            not reasons, probability, self.days, self.independent_days, reasons, tuple(self._uses(probability))
        )

    def _too_short(self) -> Iterator[str]:
        if SUPPORT / self.independent_days > LARGEST:
            yield (
                f"{number(self.days)} days of bars, {number(self.independent_days)} of them independent: a fund takes "
                f"{SUPPORT / LARGEST:.0f} or more"
            )

    def _reasons(self) -> Iterator[str]:
        rows = informative(self.table)
        far = rows[rows["far"]]
        if len(far):
            yield f"{len(far)} of {len(rows)} counts are far from the bars': {_named(far)}"
        outside = rows[~rows["inside"]]
        if not len(far) and len(outside) > OUTSIDE * len(rows):
            yield f"{len(outside)} of {len(rows)} counts are outside their 95 % intervals: {_named(outside)}"
        for name, found in self.other_half.items():
            few = found[found["far"] & (found["expected"] < found["observed"])]
            if len(few):
                other = "earlier" if name == "later" else "later"
                yield f"fitted to the {other} half, {len(few)} counts of the {name} one are too few: {_named(few)}"
        if self.fund is not None:
            for row in self.fund[~self.fund["inside"]].itertuples():
                needs = f"the model needs {usd(row.expected)}, the days of the bars {usd(row.observed)}"
                yield f"fund of a day at {percent(row.probability)}, gap {row.gap:g}: {needs}"

    def _uses(self, probability: float | None) -> Iterator[str]:
        n = self.independent_days
        if probability is not None:
            least, none = percent(_two_digits(probability)), percent(_two_digits(1 / n))
            yield f"sizes a fund for {least} of days or more: {SUPPORT} such days are behind it"
            yield (
                f"from there down to {none} fewer than {SUPPORT} days are behind a fund, below that none: an "
                "extrapolation of the tail; the error of its parameters is carried, that of its law is not"
            )
        else:
            yield "shows how the waterfall works and compares rules on the same paths; sizes no fund"
        for name, found in self.other_half.items():
            many = found[found["far"] & (found["expected"] > found["observed"])]
            if len(many):
                other = "earlier" if name == "later" else "later"
                yield f"fitted to the {other} half, {len(many)} counts of the {name} one are too many: {_named(many)}"
        yield from self._tail()
        yield from self.failed
        if self.extremes:
            low, high = self.extremes["low"], self.extremes["high"]
            yield f"worst rolling 24 h: {low:+.1%} at its low, {high:+.1%} at its high; of worse the bars say nothing"

    def _tail(self) -> Iterator[str]:
        """The rarest fund at the middle gap with the error of its calibration."""
        if self.fund is None or self.fund["calibration_se"].isna().all():
            return
        gaps = sorted(set(self.fund["gap"]))
        rows = self.fund[self.fund["gap"] == gaps[len(gaps) // 2]]
        row = rows.loc[rows["probability"].idxmin()]
        whole = usd_range(row["range_low"], row["range_high"])
        yield (
            f"fund at {percent(row['probability'])} and gap {row['gap']:g} by the model: {usd(row['expected'])}; "
            f"with the errors of the simulation and of the fit {whole}"
        )


def half_fits(fitter: Fitter, bars: Bars) -> dict[str, Fit | InputError]:
    """Fits to one half each, by the half that judges them; the error of a half that could not be fitted."""
    parts = halves(bars)
    found: dict[str, Fit | InputError] = {}
    for name, trained in zip(HALVES, parts, strict=True):
        try:
            found[name] = fitter(trained)
        except InputError as error:
            found[name] = error
    return found


def trained_and_tested(bars: Bars) -> dict[str, tuple[Bars, Bars]]:
    """The half that a fit is of and the half that judges it, by the latter's name."""
    earlier, later = halves(bars)
    return dict(zip(HALVES, ((earlier, later), (later, earlier)), strict=True))


def judge_fit(
    fit: Fit,
    bars: Bars,
    by_half: Mapping[str, Fit | InputError] | None = None,
    n_paths: int | None = None,
    seed: int = SEED,
) -> Judgement:
    """Hold a fit against its bars, and fits to halves against the other half.

    Parameters
    ----------
    fit : Fit
    bars : Bars
    by_half : mapping, optional
        `half_fits` of the same calibration. None: it is judged in sample alone.
    n_paths, seed
        As in `stress.prices.calibration.judge.chances`.

    Returns
    -------
    Judgement
    """
    seen = observed(bars)
    table = judge(stationary(fit).model(bars), bars, n_paths, seed, seen)
    days = len(bars) * bars.step / DAY
    other_half, failed = {}, []
    parts = trained_and_tested(bars)
    for name, found in (by_half or {}).items():
        trained, tested = parts[name]
        if isinstance(found, InputError):
            failed.append(f"no fit to the half that is not the {name} one: {found.problems[0]}")
            continue
        stretch = max(STRETCH, len(tested) * bars.step / DAY / FEWEST_STRETCHES)
        model = stationary(found).model(trained)
        # the half that was fitted is as uncertain as the half that judges: the difference has the variance of both
        seen_there = observed(tested, stretch)
        seen_there["dispersion"] += observed(trained, stretch)["dispersion"]
        other_half[name] = judge(model, tested, n_paths, seed, seen_there)
    return Judgement(table, other_half, days, days / _clusters(seen), tuple(failed), extremes=worst(bars))


def stationary(fit: Fit) -> Fit:
    """A fit whose paths begin at the model's stationary law, where the model has a `start`; otherwise itself."""
    return replace(fit, parameters=dict(fit.parameters) | {"start": "stationary"}) if "start" in fit.parameters else fit


def _clusters(seen: pd.DataFrame) -> float:
    """Days in a cluster of large falls: the dispersion of 24 h lows at the largest level that ten days pass."""
    rows = seen[(seen["of"] == "low") & (seen["horizon"] == seen["horizon"].max()) & (seen["observed"] >= SUPPORT)]
    return max(1.0, float(rows["dispersion"].iloc[-1])) if len(rows) else 1.0


def _named(rows: pd.DataFrame) -> str:
    """The rows that are wrong by the largest factor, in words; returns count half, since they liquidate nobody."""
    factor = np.log((rows["observed"] + 1.0) / (rows["expected"] + 1.0)).abs()
    factor *= np.where(rows["of"] == "return", 0.5, 1.0)
    return "; ".join(words(row) for row in rows.loc[factor.nlargest(NAMED).index].itertuples())


def _two_digits(x: float) -> float:
    return float(f"{x:.2g}")
