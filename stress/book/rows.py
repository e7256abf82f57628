"""Rows that are no positions of the market that is read: totals, closed and flat ones, those of other markets."""

from __future__ import annotations

import difflib

import numpy as np

from stress.book.draft import Draft
from stress.book.position_columns import titles_of
from stress.errors import InputError, Problem, raise_if
from stress.files.names import EXPECTED, folded, is_name
from stress.formatting import notional
from stress.venue.markets import parts, same_market, spellings_of, without_settings

TOTALS = frozenset(
    ("total", "totals", "sum", "subtotal", "subtotals", "grandtotal", "overall", "average", "all", "summary", "summe",
     "gesamt", "gesamtsumme", "zwischensumme", "totale", "suma", "somme", "合计", "总计", "合計", "итого")
)  # fmt: skip
CLOSED = frozenset(("closed", "close", "liquidated", "settled", "expired"))
NO = frozenset(("false", "0", "no"))
BY_KEY = "set book.market, or market= in Python, to"  # how one of several markets is chosen
MARKET = f"the name of a market, {EXPECTED}"


def leave_out_totals(draft: Draft) -> None:
    """Leave out rows that sum up others, and blank ones: a word for a total, or no name at all, and no entry price."""
    priced = ~np.isnan(draft.raw("entry_price")) | ~np.isnan(draft.raw("entry_value"))
    named = [name for name in ("account", "market", "side") if name in draft]
    if priced.all() or not named:
        return
    words = np.zeros(len(draft), bool)
    blank = np.ones(len(draft), bool)
    for column in map(draft.texts, named):
        words |= [folded(cell.strip(" :.*")) in TOTALS for cell in column]
        blank &= [not cell or cell.isspace() for cell in column]
    totals = (words | blank) & ~priced
    if totals.all():  # of a file without entry prices; another check says so
        return
    draft.adjust(totals, "left out", "they sum up others or are blank: no position has no name and no entry price")
    draft.keep(~totals)


def leave_out_closed(draft: Draft) -> None:
    """Leave out rows of closed positions, and flat ones, whose size is 0."""
    closed = np.array([word in CLOSED for word in draft.words("status")], bool)
    closed |= np.array([word in NO for word in draft.words("is_open")], bool)
    flat = ~closed & (_first_size(draft) == 0.0)
    draft.adjust(closed, "left out", "their positions are closed")
    draft.adjust(flat, "left out", "their size is 0: there is no position")
    if (closed | flat).all():
        raise InputError(Problem(draft.table.where, "at least one open position; all rows are closed or of size 0"))
    draft.keep(~(closed | flat))


def _first_size(draft: Draft) -> np.ndarray:
    size = np.full(len(draft), np.nan)
    for name in ("size", "contracts", "notional"):
        size = np.where(np.isnan(size), draft.raw(name), size)
    return size


def select_market(draft: Draft, market: str | None, notionals: np.ndarray) -> str:
    """Leave out the rows of other markets than the one that is asked for, and return its name.

    `notionals`, USD, float64[N], are those of the rows; nan where it is not known.

    Raises
    ------
    InputError
        If the file has several and none is asked for, or has it not, or has it in two currencies.
    """
    where = draft.table.where
    if "market" not in draft:
        if market is None:
            found = f"a column for the market ({titles_of('market')}), or its name: book.market in a scenario, market="
            raise InputError(Problem(where, f"{found} in Python", column="market"))
        draft.adjust(np.ones(len(draft), bool), f"taken as {market}", "the file has no column for the market")
        return market
    cells = draft.texts("market")
    draft.agree("market", same_market)
    draft.fault("market", np.array([not is_name(cell) for cell in cells], bool), MARKET)
    raise_if(draft.problems)
    names = sorted(set(cells))
    chosen = _spellings(names, market, where)
    kept = np.array([cell in chosen for cell in cells], bool)
    others = ", ".join(name for name in names if name not in chosen)
    amount = notional(float(np.nansum(notionals[~kept]))) if (notionals[~kept] > 0).any() else ""
    rule = f"they are of other markets ({_shortened(others)}) than {market or chosen[0]}; book.market, or market= in "
    draft.adjust(~kept, "left out", f"{rule}Python, chooses", amount=amount)
    draft.keep(kept)
    name = market if market is not None else without_settings(chosen[0])
    differ = np.array([cell != name for cell in draft.texts("market")], bool)
    spellings = [other for other in chosen if other != name]
    said = "is another spelling" if len(spellings) == 1 else "are other spellings"
    draft.adjust(differ, f"read as {name}", f"{_shortened(' and '.join(spellings))} {said} of it")
    return name


def _spellings(names: list[str], market: str | None, where: str) -> list[str]:
    """Which names of a file are those of the market that is asked for."""
    asked = names[0] if market is None else market
    if market is None and not all(same_market(asked, name) for name in names):
        expected = f"one market: {BY_KEY} one of {_shortened(', '.join(names))}"
        raise InputError(Problem(where, expected, column="market"))
    if market in names:
        return [asked]
    chosen = names if market is None else spellings_of(market, names)
    if not chosen:
        by_lower = {name.lower(): name for name in names}
        near = difflib.get_close_matches(asked.lower(), by_lower, n=1)
        hint = f" (the nearest is {by_lower[near[0]]})" if near else ""
        expected = f"one of {_shortened(', '.join(names))}{hint}, the markets of {where}"
        raise InputError(Problem(where, expected, column="market", value=asked))
    quotes = {name: parts(name).quote for name in chosen}
    if len(set(quotes.values()) - {""}) > 1:
        exact = [name for name in chosen if quotes[name] == parts(asked).quote != "" and market is not None]
        if not exact:
            expected = (
                f"one of {', '.join(chosen)}: {asked} may be any of them, and they are quoted in other currencies"
            )
            raise InputError(Problem(where, expected, column="market", value=market))
        return exact
    return chosen


def _shortened(text: str, longest: int = 160) -> str:
    return text if len(text) <= longest else text[:longest].rpartition(", ")[0] + ", ..."
