"""A scenario for the files of a person: positions, bars and a venue, every choice explained beside it.

Nothing is asked. What the files do not say is taken by a rule, and the rule stands in a comment at the line that it
decides; what was read, left out or taken for granted is listed in a text beside the scenario.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.book import start
from stress.book.book import ROUNDING, Book
from stress.errors import InputError, Problem
from stress.files import writing
from stress.formatting import SPACE, duration, notional, percent, price_text, visible
from stress.prices.calibration.calibrate import calibrate
from stress.scenario import found
from stress.scenario.lateness import DELAYS
from stress.serialize import toml_value
from stress.venue.depth import Depth
from stress.venue.file import PRESETS, VenueFile
from stress.venue.load import load_venue
from stress.venue.markets import as_spelled, same_market
from stress.venue.venue import Venue

if TYPE_CHECKING:
    from stress.prices.bars import Bars
    from stress.prices.calibration.calibrate import Calibration

VENUE_FILE, SCENARIO_FILE, FOUND_FILE = "venue.toml", "scenario.toml", "found.txt"
ALPHAS = (0.01, 0.001)
SETTINGS = {"hyperliquid": "hyperliquid-like"}  # of the depth that a comment names, by venue
SETTING = "binance-like"
PATHS = 10_000
WIDTH, COLUMN = 112, 23  # of a line of a comment; where a comment beside a key begins


@dataclass(frozen=True)
class Given:
    """What a person has.

    Parameters
    ----------
    positions : Path
    venue : str
        Name of a preset, or path of a venue file or of a file of tiers.
    bars : Path or None
        What the price model is fitted to. None: `episode` is played.
    market : str or None
        None: the one of the positions.
    fund : float or None
        USD. None: it is not known.
    episode : str or None
        A crash that comes with the package.
    time_format : str or None
        Of the bars.
    paths : int or None
    """

    positions: Path
    venue: str
    bars: Path | None = None
    market: str | None = None
    fund: float | None = None
    episode: str | None = None
    time_format: str | None = None
    paths: int | None = None


@dataclass(frozen=True)
class Draft:
    """A scenario and what it was made of.

    scenario : str, text of the TOML file
    found : str, what was found in the files, for a reader
    """

    scenario: str
    found: str


def draft(given: Given, folder: Path) -> Draft:
    """Read the files, choose what they leave open, and write both texts.

    Parameters
    ----------
    given : Given
    folder : Path
        Where the scenario will be: files are named relative to it, and tiers of another format are written there as a
        venue file.

    Returns
    -------
    Draft

    Raises
    ------
    InputError
        With what is wrong with a file, or missing.
    """
    from stress.prices import read_bars

    if given.bars is None and given.episode is None:
        raise InputError(_no_bars())
    history = None if given.bars is None else read_bars(given.bars, given.time_format)
    last = None if history is None else float(history.close[-1])
    book = Book.read(given.positions, given.market, imbalance="outside", mark_price=last)
    venue_keys, venue = _venue(given.venue, given.market or book.market or None, folder)
    kind: Any = venue.contract
    if kind != (book.contract or "linear"):
        book = Book.read(given.positions, given.market, imbalance="outside", mark_price=last, contract=kind)
    s0, said = start.start_price(book, venue, last)
    if s0 != last and book.mark_price is None:  # margins hold at the price that the run starts from
        book = Book.read(given.positions, given.market, imbalance="outside", mark_price=s0, contract=kind)
    under = _under_margin(book, venue, s0)
    calibration = None if history is None else calibrate(history)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{venue.market}-{venue.name}").strip("-._")[:64] or "new"
    sections = [
        _head(name, given),
        _run(given, history),
        _table("venue", venue_keys),
        _book(given, book, venue, under, folder),
        _episode(given.episode, s0, book) if calibration is None else _calibrated(calibration, s0, given, folder),
        _depth(book, venue, s0),
        _fund(given, venue),
    ]
    what = found.Found(given.positions, book, s0, under, said, history, calibration)
    return Draft("\n\n".join(sections) + "\n", found.text(what))


def _no_bars() -> Problem:
    from stress.prices import list_episodes

    names = ", ".join(info.name for info in list_episodes())
    expected = (
        "a file of bars (time, open, high, low, close) of this market to fit prices to, years of an hour or less with "
        f"a crash in them; or --episode NAME, a crash that comes with the package, without a probability: {names}"
    )
    return Problem("--bars", expected)


def _venue(venue: str, market: str | None, folder: Path) -> tuple[list[tuple[str, Any, str]], Venue]:
    """Keys of [venue] with their comments, and the venue."""
    preset, path = PRESETS / f"{venue}.toml", Path(venue)
    if preset.is_file():
        named = as_spelled(market, VenueFile(preset).markets)
        comment = f"perp-stress venues show {venue} tells the source of every figure"
        return [("preset", venue, comment), ("market", named, "")], load_venue(venue, named)
    if path.suffix.lower() != ".toml" and path.is_file():
        from stress.venue.importers import import_venue

        text = import_venue(path, name=path.stem)
        path, comment = folder / VENUE_FILE, f"the tiers of {path.name}; its other rules are defaults: check them"
        writing.put_text(path, text)
    else:
        comment = "your venue file"
    if not path.is_file():
        load_venue(venue, market)  # which says what is wrong
    named = as_spelled(market, VenueFile(path).markets)
    return [("file", _relative(path, folder), comment), ("market", named, "")], load_venue(path, named)


def _under_margin(book: Book, venue: Venue, s0: float) -> np.ndarray:
    """Numbers of the positions that are at or below their maintenance margin at the start, which must be few."""
    under = np.flatnonzero(book.equity(s0) <= book.maintenance(venue, s0))
    share = float(book.quantity[under].sum() / book.quantity.sum())
    if share > start.AT_ONCE:
        expected = (
            f"margins that hold at the start, {price_text(s0)}; {under.size:,} of {len(book):,} positions, "
            f"{percent(share)} of the notional, are below the maintenance margin of {venue.title or venue.name}: are "
            "these margins of isolated positions, and is this their venue?"
        )
        raise InputError(Problem(book.source, expected, int(book.file_row[under[0]]), "margin"))
    return under


def _calibrated(calibration: Calibration, s0: float, given: Given, folder: Path) -> str:
    """[prices] of a model fitted to the bars."""
    assert given.bars is not None
    block = calibration.to_toml(s0, _relative(given.bars, folder), given.time_format)
    source = "the last close of the bars" if s0 == float(calibration.bars.close[-1]) else "where the positions are"
    why = (
        f"{calibration.kind}, the model that `perp-stress calibrate` fits unless told otherwise: your own bars, drawn "
        f"again in blocks at the volatility that a path has by then, with fitted tails. s0 is {source}. "
        f"{found.verdict(calibration)}"
    )
    return f"{_comment(why)}\n{block.rstrip()}"


def _episode(name: str | None, s0: float, book: Book) -> str:
    """[prices] of a crash that comes with the package."""
    from stress.prices import Episode

    Episode(str(name), s0=s0)  # which says what is wrong with the name
    where = "the mark of the positions" if book.mark_price is not None else "the middle of the entry prices"
    why = "One path: what such a crash takes of your book, not how likely it is. With --bars prices are fitted."
    rows = [("model", "episode", ""), ("name", name, ""), ("s0", s0, f"{where}; the crash is played from there")]
    return f"{_comment(why)}\n{_table('prices', rows)}"


def _head(name: str, given: Given) -> str:
    of = " and ".join(path.name for path in (given.positions, given.bars) if path is not None)
    why = (
        f"Made of {of}; {FOUND_FILE} says what was found there. Every choice has its reason beside it. Change a line, "
        f"then: perp-stress run {SCENARIO_FILE}"
    )
    seed = "seed = 7                # another seed draws other prices; the same one gives the same bytes"
    return f"{_comment(why)}\n\nname = {toml_value(name)}\n{seed}"


def _run(given: Given, history: Bars | None) -> str:
    rows: list[tuple[str, Any, str]] = []
    if history is not None:
        rows = [
            ("paths", given.paths or PATHS, "more make the intervals narrower; 0.1 % takes some thousands"),
            ("horizon", "1d", "the fund for 1 % is emptied on one day in a hundred"),
            ("step", history.step, f"seconds: the length of a bar, {duration(history.step)}"),
        ]
    delays = ", ".join(toml_value(f"{seconds:g}s") for seconds in DELAYS)
    why = (
        "How late a liquidation fills after its trigger decides most, and no venue publishes it: the answer is the "
        'range over these. State one, delay = "10s", once you know yours.'
    )
    return f"{_table('run', rows)}\n{_comment(why)}\ndelays = [{delays}]"


def _book(given: Given, book: Book, venue: Venue, under: np.ndarray, folder: Path) -> str:
    rows: list[tuple[str, Any, str]] = [("file", _relative(given.positions, folder), "your positions")]
    if given.market is not None and not same_market(given.market, venue.market):
        rows.append(("market", given.market, "as the positions spell it"))
    apart = abs(book.imbalance) / max(book.long_quantity, book.short_quantity)
    if apart > ROUNDING:
        reason = f"long and short differ by {percent(apart)}, which is held outside the book"
        rows.append(("imbalance", "outside", f'{reason}; "scale" shrinks the larger side'))
    if under.size:
        reason = f"{under.size:,} under margin at the start: liquidated in the first step"
        rows.append(("under_margin", "liquidate", f'{reason}; "drop" leaves them out'))
    return _table("book", rows)


def _depth(book: Book, venue: Venue, s0: float) -> str:
    name = SETTINGS.get(venue.name, SETTING)
    setting = Depth.load(name)
    share = setting.oi_share or 0.0
    held = f"{notional(share * book.open_interest(s0))} within {percent(setting.width)}"
    why = (
        "No [depth]: prices of a history hold the impact of its liquidations already, and a finite depth counts it "
        "again (docs/depth.md: no depth as it was seen in order books passes on real crashes). To see the cascade of "
        f"your own book on top, an upper bound, take the marks from the two lines below: {percent(share)} of your open "
        f"interest of one side, {held}, is the least depth with which real crashes come near what they took."
    )
    return f'{_comment(why)}\n# [depth]\n# setting = "{name}"'


def _fund(given: Given, venue: Venue) -> str:
    alphas = ("alphas", list(ALPHAS), "probabilities of a day on which the fund is emptied; it is sized for each")
    if given.fund is not None:
        return _table("fund", [("initial", given.fund, f"{venue.money}, as you said"), alphas])
    why = (
        "Your fund was not given (--fund) and is not guessed: the answer is the fund that is needed, and the "
        "probability for a range of funds. Neither depends on `initial`. Who is hit is shown for a fund that holds "
        "no more than this."
    )
    return f"{_comment(why)}\n{_table('fund', [('initial', float(venue.reserve), venue.money), alphas])}"


def _comment(text: str, width: int = WIDTH) -> str:
    """A paragraph as lines of a comment."""
    lines = textwrap.wrap(visible(text.replace(SPACE, " ")), width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"# {line}" for line in lines)


def _table(name: str, rows: Sequence[tuple[str, Any, str]]) -> str:
    """A table of TOML, the comments in one column."""
    lines = [(f"{key} = {toml_value(value)}", comment) for key, value, comment in rows if value is not None]
    width = max([COLUMN, *(len(line) for line, comment in lines if comment and len(line) < 2 * COLUMN)])
    body = [f"{line:<{width}} {_comment(comment, 10 * WIDTH)}".rstrip() for line, comment in lines]
    return "\n".join([f"[{name}]", *body])


def _relative(path: Path, folder: Path) -> str:
    """The path of a file as a scenario in a folder names it; one that was given as absolute, of elsewhere, stays so."""
    if path.is_absolute() and not path.is_relative_to(folder.parent.resolve()):
        return path.as_posix()
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()
