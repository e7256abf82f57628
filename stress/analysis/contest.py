"""A contest of calibrations: every model fitted to one half of a history and judged by the other, both ways.

| column | is |
|---|---|
| score | mean log score of the 24 h lows and highs of the other halves less that of the best model, nats (`scores`) |
| inside, far | counts of the other halves inside their 95 % interval, and far from it (`judge`) |
| fund | factor between the fund that the days of the other half need and the model's: exp of the mean of |ln ratio| |
| fit | the verdict on the fit to all bars |

Models are in the order of their scores. The winner is the first that is fit for sizing, or else the first. A model
whose fit fails is a row with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stress.analysis.history_fund import PATHS, default_book, default_venue, fund_table
from stress.book.book import Book
from stress.errors import InputError
from stress.prices.bars import Bars
from stress.prices.calibration.calibrate import Calibration, calibrate
from stress.prices.calibration.day_figures import of_history, of_model
from stress.prices.calibration.fit import Fit
from stress.prices.calibration.fitters import FITTERS
from stress.prices.calibration.judge import informative
from stress.prices.calibration.scores import mean_of, scores
from stress.prices.calibration.verdict import stationary, trained_and_tested
from stress.venue.venue import Venue

SMALL = 1e-4  # share of the open interest of one side that two funds may differ by without being different
COLUMNS = (
    "model",
    "score",
    "score_se",
    "rows",
    "inside",
    "far",
    "fund",
    "fund_outside",
    "fit",
    "probability",
    "reason",
)


@dataclass(frozen=True)
class Entry:
    """A model in a contest.

    Attributes
    ----------
    name : str
    calibration : Calibration or None
        The fit to all bars, judged; None if it failed.
    scores : dict of str to float64[windows]
        Log scores by the half that judges.
    funds : DataFrame
        Funds of the halves, see `stress.analysis.history_fund`, with a column `half`.
    reason : str
        Why there is no fit.
    """

    name: str
    calibration: Calibration | None = None
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    funds: pd.DataFrame = field(default_factory=pd.DataFrame)
    reason: str = ""

    @property
    def ranked(self) -> bool:
        """Whether both halves judged it."""
        return len(self.scores) == 2

    def out_of_sample(self) -> pd.DataFrame:
        """The informative counts of both halves, each judged by a fit to the other; empty without a judgement."""
        judgement = None if self.calibration is None else self.calibration.judgement
        halves = [] if judgement is None else [informative(found) for found in judgement.other_half.values()]
        return pd.concat(halves or [pd.DataFrame()])

    @property
    def far(self) -> int:
        """How many of these counts are far from the bars'."""
        rows = self.out_of_sample()
        return int(rows["far"].sum()) if len(rows) else 0


@dataclass(frozen=True)
class Contest:
    """All models on one history.

    Attributes
    ----------
    bars : Bars
    entries : tuple of Entry
        By score, the best first; those without one last.
    """

    bars: Bars
    entries: tuple[Entry, ...]

    @property
    def winner(self) -> Entry | None:
        """The best model that is fit for sizing, or else the one with the fewest counts far; None if none is ranked."""
        ranked = sorted((entry for entry in self.entries if entry.ranked), key=lambda entry: entry.far)  # stable
        passing = self.passing
        return (passing or ranked or [None])[0]  # type: ignore[list-item]

    @property
    def passing(self) -> list[Entry]:
        """Models that are fit for sizing, the best first."""
        return [e for e in self.entries if e.ranked and e.calibration is not None and e.calibration.fit_for_sizing]

    def table(self) -> pd.DataFrame:
        """A row per model, columns as `COLUMNS`; `score_se` is that of the difference from the first."""
        first = self.entries[0] if self.entries and self.entries[0].ranked else None
        return pd.DataFrame([self._row(entry, first) for entry in self.entries], columns=list(COLUMNS))

    def _row(self, entry: Entry, first: Entry | None) -> tuple[object, ...]:
        if entry.calibration is None or entry.calibration.judgement is None:
            return (entry.name, *[np.nan] * 2, 0, 0, 0, np.nan, 0, False, np.nan, entry.reason)
        score = se = np.nan
        if entry.ranked and first is not None:
            score, se = mean_of([entry.scores[h] - first.scores[h] for h in first.scores], self.bars.step)
        rows = entry.out_of_sample()
        counts = (len(rows), int(rows["inside"].sum()), entry.far) if len(rows) else (0, 0, 0)
        verdict = entry.calibration.judgement.verdict
        probability = np.nan if verdict.probability is None else verdict.probability
        reason = entry.reason or (verdict.reasons[0] if verdict.reasons else "")
        outside = 0 if entry.funds.empty else int((~entry.funds["inside"]).sum())
        return (entry.name, score, se, *counts, fund_factor(entry.funds), outside, verdict.fit, probability, reason)

    def fan(self, of: Sequence[Entry] | None = None) -> pd.DataFrame:
        """The fund of a day under each model that passes, or under those given: the same book, rules and depth.

        Returns
        -------
        DataFrame
            Columns model, gap, probability, fund, low, high; USD, intervals of the simulation alone.
        """
        parts = []
        for entry in self.passing if of is None else of:
            fund = entry.calibration.judgement.fund if entry.calibration and entry.calibration.judgement else None
            if fund is not None:
                named = fund.rename(columns={"expected": "fund", "low": "_", "expected_low": "low"})
                named = named.drop(columns=["high"]).rename(columns={"expected_high": "high"}).assign(model=entry.name)
                parts.append(named[["model", "gap", "probability", "fund", "low", "high"]])
        columns = ["model", "gap", "probability", "fund", "low", "high"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def days(self) -> dict[str, pd.DataFrame]:
        """Figures of a day: "bars", then every fitted model, see `stress.prices.calibration.day_figures`."""
        out = {"bars": of_history(self.bars)}
        for entry in self.entries:
            if entry.calibration is not None:
                model = stationary(entry.calibration.fit).model(self.bars)
                out[entry.name] = of_model(model, self.bars.step)
        return out


def contest(
    bars: Bars,
    models: Sequence[str] | None = None,
    book: Book | None = None,
    venue: Venue | None = None,
    n_paths: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Contest:
    """Fit every model and judge it out of sample.

    Parameters
    ----------
    bars : Bars
    models : sequence of str, optional
        Keys of `FITTERS`; default all.
    book, venue
        As in `stress.analysis.history_fund.fund_table`.
    n_paths : int, optional
        Paths behind expected numbers and funds.
    progress : callable, optional
        Told the name of each model before it is fitted.

    Returns
    -------
    Contest
    """
    venue = default_venue() if venue is None else venue
    book = default_book(float(bars.close[-1]), venue) if book is None else book
    entries = []
    for name in FITTERS if models is None else models:
        if progress is not None:
            progress(name)
        entries.append(_entry(name, bars, book, venue, n_paths))
    ranked = [e for e in entries if e.ranked]
    order = {
        e.name: np.nansum([np.nansum(s) for s in e.scores.values()]) for e in ranked
    }  # all have the same windows: sums rank as means do
    ranked.sort(key=lambda e: -order[e.name])
    return Contest(bars, (*ranked, *(e for e in entries if not e.ranked)))


def _entry(name: str, bars: Bars, book: Book, venue: Venue, n_paths: int | None) -> Entry:
    price, days = float(bars.close[-1]), n_paths or PATHS  # one price for all, so that the book is the same
    try:
        found = calibrate(bars, name, n_paths=n_paths)
    except InputError as error:
        return Entry(name, reason=str(error.problems[0]))
    except (ArithmeticError, ValueError) as error:  # of an optimiser or a matrix: the others are still compared
        return Entry(name, reason=f"the fit failed: {error}")
    whole = fund_table(found.fit, bars, book, venue, redraws=False, n_paths=days)
    found = found.with_fund(whole)
    log_scores, funds, reason = {}, [], ""
    for half, (trained, tested) in trained_and_tested(bars).items():
        fit = found.by_half[half]
        if not isinstance(fit, Fit):
            reason = f"fit to the other half of the {half} one: {fit.problems[0]}"
            continue
        log_scores[half] = scores(stationary(fit).model(trained), tested)
        table = fund_table(fit, tested, book, venue, redraws=False, fitted_to=trained, price=price, n_paths=days)
        funds.append(table.assign(half=half))
    return Entry(name, found, log_scores, pd.concat(funds) if funds else pd.DataFrame(), reason)


def fund_factor(funds: pd.DataFrame, open_interest: float = 2e9) -> float:
    """Mean factor between the funds of a history and of a model, 1 if they agree; nan if there are none to compare."""
    if funds.empty:
        return np.nan
    rows = funds[funds["observed"].notna() & (funds[["observed", "expected"]].max(axis=1) > 0)]
    if rows.empty:
        return np.nan
    small = SMALL * open_interest
    return float(np.exp(np.abs(np.log((rows["expected"] + small) / (rows["observed"] + small))).mean()))
