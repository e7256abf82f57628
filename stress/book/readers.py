"""Reader of files of positions: columns and checks.

One row per account, market and side.

| column | needed | meaning |
|---|---|---|
| account | yes | an opaque name; never read as a number, so leading zeros are kept |
| market | yes | one file may hold several |
| size | yes | coins; signed where `side` is absent or is BOTH |
| side | if size is unsigned | long/short, L/S, buy/sell, B/A, 1/-1, BOTH |
| entry_price | yes | USD per coin |
| margin | one of the three | USD posted to the position, unrealised profit excluded |
| isolated_margin | one of the three | the same, unrealised profit included; needs a mark price |
| leverage | one of the three | the set leverage; margin = size * entry_price / leverage, with a warning |
| margin_mode | no, isolated | isolated or cross (or `is_cross`: true, false) |
| mark_price | no | USD; used to convert isolated_margin to margin |
| contract_size | no, 1 | coins per contract, where size counts contracts |

The names that Hyperliquid, Binance and ccxt use for these columns are accepted (`ALIASES`); other columns, such as
`opened_at`, are ignored. Of margin, isolated_margin and leverage the first with a value in a row is used. What is not
needed may be missing in a row: nothing, nan, null, none, NA. Of two columns for leverage, margin_mode or mark_price the
first is read, with a warning.

Only isolated margin is modelled. A cross position is backed by the whole account, so a row whose mode is cross
is accepted only with a `margin` of its own, which is then its only collateral; a warning counts these rows.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from stress.book.columns import SIDE_EXPECTED, SIDE_WORDS, BookWarning, Columns
from stress.callers import warn
from stress.errors import InputError, Problem, raise_if
from stress.files.cells import MISSING
from stress.files.names import EXPECTED, folded, is_name
from stress.files.table import SHOWN, Table, read_table

NAMES = {
    "account": "account user trader address accountid",
    "market": "market coin symbol asset",
    "side": "side positionside direction",
    "size": "size quantity qty szi positionamt contracts positionsize",
    "entry_price": "entryprice entrypx entry",
    "margin": "margin isolatedwallet",
    "isolated_margin": "isolatedmargin marginused",
    "leverage": "leverage leveragevalue",
    "margin_mode": "marginmode leveragetype margintype iscross",
    "mark_price": "markprice markpx mark",
    "contract_size": "contractsize",
}
ALIASES = {alias: name for name, aliases in NAMES.items() for alias in aliases.split()}
NEEDED = ("account", "market", "size", "entry_price")
OPTIONAL = ("leverage", "margin_mode", "mark_price")  # of several, the first is read
MARGINS = ("margin", "isolated_margin", "leverage")
NET = frozenset(("both", "net"))  # words for a size with a sign
MODES = {"isolated": False, "cross": True, "false": False, "true": True, "0": False, "1": True}
MODES |= dict.fromkeys(MISSING, False)
MARKET = f"the name of a market, {EXPECTED}"
SANE_NOTIONAL = (1e-2, 1e9)  # USD; a median outside this range suggests wrong units


def read_positions(path: str | Path, market: str | None = None, *, mark_price: float | None = None) -> Columns:
    """Read the positions of one market; balance and maintenance margin are not checked.

    Parameters
    ----------
    path : str or Path
        CSV (also .gz) or parquet.
    market : str, optional
        Required where the file holds several.
    mark_price : float, optional
        USD, where the file has no `mark_price`.

    Returns
    -------
    Columns
        Arguments of `Book`; `file_row` counts lines of the file, header included.

    Raises
    ------
    InputError
        Lists file, row (line number counting the header), column and value of every problem.
    """
    table = read_table(path, ALIASES, optional=OPTIONAL)
    problems = [Problem(table.where, "this column; it is missing", column=name) for name in NEEDED if name not in table]
    if not any(name in table for name in MARGINS):
        expected = "this column, or isolated_margin with a mark price, or leverage to derive it from"
        problems.append(Problem(table.where, expected, column="margin"))
    raise_if(problems)
    table, market = _select_market(table, market)

    accounts = list(table.columns["account"])
    table.report(problems, "account", [i for i, name in enumerate(accounts) if not is_name(name)], EXPECTED)
    side, size = _sides(table, problems)
    entry = table.numbers("entry_price", "a price above 0", problems, _positive)
    leverage = _optional(table, "leverage", "a leverage above 0", problems, _positive)
    mark = _optional(table, "mark_price", "a price above 0", problems, _positive)
    marks = mark[~np.isnan(mark)]
    own_mark = float(np.median(marks)) if marks.size else None
    if mark_price is not None:
        mark = np.where(np.isnan(mark), mark_price, mark)
    margin = _optional(table, "margin", "USD, 0 or more", problems, lambda x: x >= 0.0)
    equity = _optional(table, "isolated_margin", "USD", problems, np.isfinite)
    _check_modes(table, margin, problems)
    _check_duplicates(table, accounts, side, problems)

    from_equity = np.isnan(margin) & ~np.isnan(equity)
    if "isolated_margin" in table:
        expected = "a mark price too, since this margin includes unrealised profit"
        table.report(problems, "isolated_margin", from_equity & np.isnan(mark), expected)
    margin = np.where(from_equity, equity - side * size * (mark - entry), margin)
    if "isolated_margin" in table:
        expected = "at least the unrealised profit of the position"
        table.report(problems, "isolated_margin", from_equity & (margin < 0.0), expected)
    derived = np.isnan(margin) & ~from_equity & ~np.isnan(leverage)
    margin = np.where(derived, size * entry / leverage, margin)
    if not problems:  # a wrong cell is no missing one
        first = next(name for name in MARGINS if name in table)
        table.report(problems, first, np.isnan(margin), "a margin or a leverage")
    raise_if(problems)

    for note in table.notes:
        _warn(table, note)
    if derived.any():
        _warn(
            table,
            f"the margin of {derived.sum()} of {len(table)} positions is computed as size * entry_price / leverage",
        )
    median = float(np.median(size * entry))
    if not SANE_NOTIONAL[0] <= median <= SANE_NOTIONAL[1]:
        _warn(
            table,
            f"the median notional is {median:.3g} USD: are size in coins and entry_price in USD per coin?",
        )
    _warn_of_similar(table, accounts)
    return Columns(
        side=side,
        quantity=size,
        entry_price=entry,
        margin=margin,
        account=accounts,
        leverage=leverage,
        market=market,
        source=table.where,
        file_row=table.rows,
        mark_price=own_mark,
    )


def _positive(values: np.ndarray) -> np.ndarray:
    return values > 0.0


def _warn(table: Table, message: str) -> None:
    warn(f"{table.where}: {message}", BookWarning)


def _optional(
    table: Table, column: str, expected: str, problems: list[Problem], valid: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Values of a column that may be absent or have empty cells; nan there."""
    if column not in table:
        return np.full(len(table), np.nan)
    return table.numbers(column, expected, problems, valid, optional=True)


def _select_market(table: Table, market: str | None) -> tuple[Table, str]:
    cells = list(map(sys.intern, table.columns["market"]))
    names = sorted(set(cells))
    unnamed = {name for name in names if not is_name(name)}
    problems: list[Problem] = []
    table.report(problems, "market", [i for i, cell in enumerate(cells) if cell in unnamed] if unnamed else [], MARKET)
    raise_if(problems)
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    if market is None:
        if len(names) > 1:
            expected = f"one market, named by market = one of {shown}"
            raise InputError(Problem(table.where, expected, column="market"))
        market = names[0]
    if market not in names:
        by_lower = {name.lower(): name for name in names}
        near = difflib.get_close_matches(market.lower(), by_lower, n=1)
        hint = f" (the nearest is {by_lower[near[0]]})" if near else ""
        raise InputError(
            Problem(table.where, f"one of {shown}{hint}, the markets of {table.where}", column="market", value=market)
        )
    return table.select(np.array([cell == market for cell in cells])), market


def _sides(table: Table, problems: list[Problem]) -> tuple[np.ndarray, np.ndarray]:
    """Side (+1, -1) and quantity (coins) of every row."""
    words = [cell.lower() for cell in table.columns["side"]] if "side" in table else []
    signed = not words or not NET.isdisjoint(words)
    expected = "a finite number of coins, not 0" if signed else "a finite number of coins above 0"
    size = table.numbers("size", expected, problems, lambda x: x != 0.0)
    side = np.sign(size)
    if words:
        known = SIDE_WORDS | dict.fromkeys(NET, 0.0)
        given = np.array([known.get(word, np.nan) for word in words])
        table.report(problems, "side", np.isnan(given), f"{SIDE_EXPECTED}, or BOTH with a signed size")
        table.report(problems, "size", (given > 0) & (size < 0), "a size above 0, since the side is long")
        side = np.where((given == 0.0) | np.isnan(given), side, given)
    if "contract_size" in table:
        size = size * table.numbers("contract_size", "coins per contract, above 0", problems, _positive)
    return side, np.abs(size)


def _check_modes(table: Table, margin: np.ndarray, problems: list[Problem]) -> None:
    """Check that rows of cross positions have a margin; all that have none are reported as one problem."""
    if "margin_mode" not in table:
        return
    modes = [MODES.get(cell.lower()) for cell in table.columns["margin_mode"]]
    unknown = [i for i, mode in enumerate(modes) if mode is None]
    table.report(problems, "margin_mode", unknown, "isolated or cross")
    cross = np.array([bool(mode) for mode in modes])
    without_margin = np.flatnonzero(cross & np.isnan(margin))
    if without_margin.size:
        expected = (
            "isolated, or a margin in this row: cross margin is not modelled, and a cross position is accepted "
            f"only with a margin of its own ({without_margin.size} rows have none)"
        )
        problems.append(table.problem(int(without_margin[0]), "margin_mode", expected))
    elif cross.any():
        _warn(table, f"{cross.sum()} cross positions are treated as isolated with the margin of their row")


def _check_duplicates(table: Table, accounts: list[str], side: np.ndarray, problems: list[Problem]) -> None:
    first: dict[tuple[str, float], int] = {}
    again = [i for i, key in enumerate(zip(accounts, side.tolist(), strict=True)) if first.setdefault(key, i) != i]
    for i in again[:SHOWN]:
        earlier = table.rows[first[accounts[i], side[i]]]
        problems.append(table.problem(i, "account", f"one row per account, market and side; row {earlier} is another"))
    if len(again) > SHOWN:
        expected = f"one row per account, market and side; {len(again):,} rows fail"
        problems.append(Problem(table.where, expected, column=table.titles["account"]))


def _warn_of_similar(table: Table, accounts: list[str]) -> None:
    """Warn of accounts that are told apart by blanks, case or the form of their letters alone."""
    names = set(accounts)
    same = len(names) - len(set(map(folded, names)))
    if same:
        _warn(
            table,
            f"{same:,} accounts differ from others only in case, blanks or the form of a letter: are they the same?",
        )
