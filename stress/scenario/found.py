"""What was found in the files of a person, as a text beside the scenario that was made of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stress.adjustments import Adjustment
from stress.book import start
from stress.book.book import Book
from stress.book.changes import held as quantity_of
from stress.book.draft import Draft
from stress.book.position_columns import ALIASES, NAMES
from stress.files.table import read_table
from stress.formatting import SPACE, count, duration, percent, price_text, significant
from stress.formatting import notional as in_usd

if TYPE_CHECKING:
    from stress.prices.bars import Bars
    from stress.prices.calibration.calibrate import Calibration

WIDTH = 112  # of a line, as in the scenario
QUANTILES = (0.1, 0.5, 0.9)  # of the leverage, by notional
TITLE = "What was found in your files"


@dataclass(frozen=True)
class Found:
    """Files, and what was read from them.

    Parameters
    ----------
    positions : Path
    book : Book
    s0 : float
        Price that a run starts from, USD per coin.
    under : int array
        Numbers of the positions that are at or below their maintenance margin there.
    said : tuple of Adjustment
        How s0 was chosen.
    bars : Bars or None
    calibration : Calibration or None
        Of the bars.
    """

    positions: Path
    book: Book
    s0: float
    under: np.ndarray
    said: tuple[Adjustment, ...] = ()
    bars: Bars | None = None
    calibration: Calibration | None = None


def text(found: Found) -> str:
    """The text, a line for each thing that was found, and what was done to the input below."""
    lines = [TITLE, "", *_of_positions(found), *_of_bars(found), *_done(found)]
    return "\n".join(lines).replace(SPACE, " ") + "\n"


def verdict(calibration: Calibration) -> str:
    """What a fit may be used for, in a line."""
    judged = calibration.verdict
    if judged is None or not judged.fit or judged.probability is None:
        return "Not fit for sizing a fund: " + "; ".join(calibration.reasons)
    return (
        f"Fit for sizing a fund for {percent(judged.probability, 2)} of days or more, by {significant(judged.days)} "
        "days of bars; for rarer days it extrapolates the tail. `perp-stress calibrate` holds funds against it too."
    )


def _line(label: str, value: str) -> str:
    return textwrap.fill(
        value, WIDTH, initial_indent=f"  {label:<20} ", subsequent_indent=" " * 23, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _of_positions(found: Found) -> Iterator[str]:
    book, s0 = found.book, found.s0
    notional, accounts = book.notional(s0), len(set(book.account.tolist()))
    table = Draft(read_table(found.positions, ALIASES, several=NAMES)).table
    titles = ", ".join(title if title == name else f"{name} ({title})" for name, title in table.titles.items())
    yield f"{book.source}: {count(len(table), 'row')}"
    yield _line("columns read", titles)
    held_by = f"{count(len(book), 'position')} of {count(accounts, 'account')}"
    yield _line("market", f"{book.market or 'not said'}, {held_by}")
    for word, side in (("long", 1), ("short", -1)):
        held = book.side == side
        size = f"{quantity_of(book, float(book.quantity[held].sum()))}, {in_usd(float(notional[held].sum()))}"
        yield _line(word, f"{count(int(held.sum()), 'position')}, {size}" if held.any() else "none")
    yield _line("open interest", f"{in_usd(book.open_interest(s0))}, one side, at {price_text(s0)}")
    mark = "not in the file" if book.mark_price is None else price_text(book.mark_price)
    yield _line("mark", f"{mark}; the run starts at {price_text(s0)}")
    low, high = (price_text(float(end)) for end in (book.entry_price.min(), book.entry_price.max()))
    middle = price_text(start.middle_entry(book))
    yield _line("entries", f"{low} to {high}, the middle by notional {middle}")
    sound = np.setdiff1d(np.arange(len(book)), found.under)
    shown = ", ".join(f"{significant(x)}x" for x in _quantiles(book.effective_leverage(s0)[sound], notional[sound]))
    below = ", ".join(percent(q) for q in QUANTILES)
    yield _line("effective leverage", f"{shown}: below them are {below} of the notional")
    if found.under.size:
        amount = in_usd(float(notional[found.under].sum()))
        yield _line("under margin", f"{count(found.under.size, 'position')}, {amount}, at the start")


def _quantiles(values: np.ndarray, weights: np.ndarray) -> list[float]:
    order = np.argsort(values, kind="stable")
    held = np.cumsum(weights[order])
    return [float(values[order][np.searchsorted(held, q * held[-1])]) for q in QUANTILES]


def _of_bars(found: Found) -> Iterator[str]:
    bars, calibration = found.bars, found.calibration
    if bars is None or calibration is None:
        return
    days = significant(len(bars) * bars.step / 86_400.0)
    low, high, last = (price_text(float(x)) for x in (bars.low.min(), bars.high.max(), bars.close[-1]))
    yield ""
    yield f"{bars.source}: {count(len(bars), 'bar')}"
    yield _line("span", f"{bars.first} to {bars.last}, {days} days in bars of {duration(bars.step)}")
    yield _line("missing", bars.describe_gaps())
    yield _line("prices", f"{low} to {high}, last close {last}")
    yield _line("fit", verdict(calibration))
    for note in calibration.notes:
        yield _line("", note)


def _done(found: Found) -> Iterator[str]:
    """What was done to the input; the run says it too."""
    adjustments = [*found.book.adjustments, *found.said, *(() if found.bars is None else found.bars.adjustments)]
    if adjustments:
        yield from ("", "What was done to your input", "")
    for x in dict.fromkeys(adjustments):
        yield x.done
        yield f"  {x.rule}"
