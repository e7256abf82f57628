"""Reader of positions, from a file or from a DataFrame: one row for each account, market and side.

The columns and their titles are in `stress.book.position_columns`; `perp-stress columns` prints them. What a row lacks
follows from the rest where that is one step away:

- the size from `notional`, at the mark price, or at the entry price where there is no mark;
- the entry price from `entry_value` over size;
- the mark price from `notional` over size, or from the unrealised profit; else that of the scenario;
- the margin by the rules of `stress.book.margins`.

Rows of other markets, closed and flat ones, and totals are left out (`stress.book.rows`). All that is done to a row is
an `Adjustment` of the book, and a `BookWarning`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stress.book import inverse_rows
from stress.book.columns import ORDERS, PROTECTED, SIDE_EXPECTED, SIDE_WORDS, BookWarning, Columns
from stress.book.draft import Draft, positive
from stress.book.margins import middle_mark, read_margins, read_marks
from stress.book.position_columns import ALIASES, NAMES, titles_of
from stress.book.rows import leave_out_closed, leave_out_totals, select_market
from stress.callers import warn
from stress.errors import Problem, raise_if
from stress.files.names import EXPECTED, is_name
from stress.files.names import folded as look_of
from stress.files.table import Table, read_table
from stress.files.titles import folded, shown_titles

if TYPE_CHECKING:
    import pandas as pd

NET = frozenset(("both", "net", "oneway", ""))  # words for a size with a sign
POSITION_TYPES = {"1": 1.0, "2": -1.0}
STABLE = frozenset(("", "usd", "usdc", "usdt", "usde", "usdh", "usd1", "fdusd", "busd", "dai", "bnfcr"))
TRUTH_WORDS = dict.fromkeys(("true", "yes", "1", "1.0"), True) | dict.fromkeys(("false", "no", "0", "0.0", ""), False)
MICRO = 1e-6  # USD of a unit of the currency that BitMEX writes USDt
MOST_TIMES = 3.0  # of a notional that size x price may be: a notional may be that at entry
SANE_NOTIONAL = (1e-2, 1e9)  # USD; a median outside this range suggests wrong units


def read_positions(
    path: str | Path,
    market: str | None = None,
    *,
    mark_price: float | None = None,
    decimal: str | None = None,
    contract: str | None = None,
) -> Columns:
    """Read the positions of one market from a file; balance and maintenance margin are not checked.

    Parameters
    ----------
    path : str or Path
    market : str, optional
        In any usual spelling. Required where the file holds several, or has no column for it.
    mark_price : float, optional
        USD, where the file has no mark price.
    decimal : {None, ".", ","}
        Decimal mark of numbers in text. Default: what the cells of the file say.
    contract : {"linear", "inverse"}, optional
        Default: inverse where the currency of the margin is the coin of the market (`stress.book.inverse_rows`).

    Returns
    -------
    Columns
        Arguments of `Book`; `file_row` counts lines of the file, header included.

    Raises
    ------
    InputError
        Each fault once, with file, first rows, column, value and what was expected.
    """
    return _read(read_table(path, ALIASES, several=NAMES, decimal=decimal), market, mark_price, contract)


def frame_positions(
    frame: pd.DataFrame,
    market: str | None = None,
    *,
    mark_price: float | None = None,
    decimal: str | None = None,
    contract: str | None = None,
) -> Columns:
    """Take the positions of one market from a DataFrame, as `read_positions` does from a file.

    `file_row` is the label of a row where the index holds whole numbers, otherwise its number from 0 on.
    """
    from stress.files.frames import table_of_frame

    return _read(table_of_frame(frame, ALIASES, several=NAMES, decimal=decimal), market, mark_price, contract)


def _read(table: Table, market: str | None, mark_price: float | None, contract: str | None = None) -> Columns:
    draft = Draft(table)
    _check_columns(draft)
    leave_out_totals(draft)
    leave_out_closed(draft)
    notionals = inverse_rows.notionals(draft, contract)
    draft.add("share", _shares_of_accounts(draft, notionals))  # of all markets
    market = select_market(draft, market, notionals)
    accounts = _accounts(draft)
    inverse = inverse_rows.is_inverse(draft, market, STABLE, contract)
    if inverse:
        independent = np.zeros(len(draft), bool)
        side, size, entry = inverse_rows.read_contracts(draft, *_sides(draft))
    else:
        _check_currency(draft)
        side, size, entry, independent = _sizes(draft)
    leverage = draft.numbers("leverage", "a leverage above 0", positive)
    orders = {name: _orders(draft, name) for name in ORDERS}
    protected = _protected(draft)
    _check_duplicates(draft, accounts, side)
    share = draft.raw("share") * draft.raw("account_equity")
    if inverse:
        margin, of_file = inverse_rows.read_coin_margins(draft, side, size, entry, leverage, share, mark_price)
    else:
        margin = read_margins(draft, side, size, entry, leverage, share, independent, mark_price)
    draft.raise_problems()
    done = (*draft.table.adjustments, *draft.adjustments)
    for adjustment in done:
        warn(str(adjustment), BookWarning)
    _look_closer(draft, size if inverse else size * entry, accounts)
    if not inverse:
        marks = read_marks(draft, side, size, entry, independent, np.ones(len(draft), bool), None)[0]
        of_file = middle_mark(marks, size)
    columns = Columns(
        side=side,
        quantity=size,
        entry_price=entry,
        margin=margin,
        account=accounts,
        leverage=leverage,
        stop=orders["stop"],
        take_profit=orders["take_profit"],
        protected=protected,
        market=market,
        source=draft.table.where,
        file_row=draft.table.rows,
        adjustments=done,
        mark_price=of_file,
    )
    return columns | {"contract": "inverse"} if inverse else columns


def _check_columns(draft: Draft) -> None:
    """Raise one problem for each thing that no column tells."""
    groups = {
        "size": ("size", "contracts", "notional"),
        "entry_price": ("entry_price", "entry_value"),
        "margin": ("margin", "isolated_margin", "initial_margin", "collateral", "leverage", "account_equity"),
    }
    names = draft.table.names
    shown = shown_titles(list(draft.table.titles.values()) if names is None else names.found)
    problems = []
    for name, ways in groups.items():
        if not any(way in draft for way in ways):
            other = ", ".join(ways[1:])
            expected = f"this column (also: {titles_of(name)}), or one of {other}; the columns are {shown}"
            problems.append(Problem(draft.table.where, expected, column=name))
    if problems:
        problems[-1] = replace(problems[-1], expected=f"{problems[-1].expected}; all titles: perp-stress columns")
    raise_if(problems)


def _accounts(draft: Draft) -> list[str]:
    """Names of the accounts; numbers where the file has none."""
    if "account" not in draft and "subaccount" not in draft:
        draft.adjust(np.ones(len(draft), bool), "numbered", "the file has no column for the account")
        return [str(k) for k in range(1, len(draft) + 1)]
    if "account" not in draft:
        return draft.texts("subaccount")
    accounts = draft.texts("account")
    draft.agree("account", str.__eq__)
    draft.fault("account", np.array([not is_name(name) for name in accounts], bool), EXPECTED)
    if "subaccount" in draft:
        accounts = [
            f"{name}/{part}" if part else name for name, part in zip(accounts, draft.texts("subaccount"), strict=True)
        ]
    return accounts


def _shares_of_accounts(draft: Draft, notionals: np.ndarray) -> np.ndarray:
    """Share of each row in the notional of its account, over all markets of the file; nan without equities."""
    if "account_equity" not in draft:
        return np.full(len(draft), np.nan)
    notional = np.nan_to_num(notionals)
    if "account" not in draft and "subaccount" not in draft:
        return np.ones(len(draft))
    names = [f"{a}\0{b}" for a, b in zip(draft.texts("account"), draft.texts("subaccount"), strict=True)]
    number = np.unique(names, return_inverse=True)[1]
    total = np.bincount(number, notional)[number]
    return np.where(total > 0, notional / np.where(total > 0, total, 1.0), np.nan)


def _check_currency(draft: Draft) -> None:
    """Refuse margins in coins; amounts of BitMEX in USDt are millionths of a USDT."""
    if "currency" not in draft:
        return
    cells = [cell.strip() for cell in draft.texts("currency")]
    micro = np.array([cell == "USDt" for cell in cells], bool)
    coins = np.array([cell.lower() not in STABLE for cell in cells], bool)
    expected = "a margin in USD or a stablecoin, or in the coin of the market, whose contract is then inverse"
    draft.fault("currency", coins, expected)
    for name in ("margin", "isolated_margin", "initial_margin", "unrealised"):
        if micro.any() and name in draft:
            draft.add(name, np.where(micro, draft.raw(name) * MICRO, draft.raw(name)))
    draft.adjust(micro, "read as millionths of a USDT", "BitMEX counts margins in units of the currency USDt")


def _sizes(draft: Draft) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Side (+1, -1), quantity (coins) and entry price of every row, and whether the quantity is not from a notional."""
    given, said = _sides(draft)
    unsigned = said and not (given == 0.0).any()
    expected = "a finite number of coins above 0" if unsigned else "a finite number of coins, not 0"
    alone = not ("contracts" in draft or "notional" in draft)
    size = draft.numbers("size", expected, lambda x: x != 0.0, optional=not alone)
    contracts = draft.numbers("contracts", "a number of contracts, not 0", lambda x: x != 0.0)
    each = draft.numbers("contract_size", "coins per contract, above 0", positive)
    has_entry = "entry_price" in draft
    entry = draft.numbers("entry_price", "a price above 0", positive, optional="entry_value" in draft)
    for name in ("size", "contracts"):
        wrong = (given > 0) & (draft.raw(name) < 0)
        draft.fault(name, wrong, f"a {name.removesuffix('s')} above 0, since the side is long")
    if "contracts" not in draft:
        size = size * np.where(np.isnan(each), 1.0, each)
    mark = draft.raw("mark_price")
    price = np.where(mark > 0, mark, entry)
    needed = np.isnan(size) & (np.isnan(contracts) | np.isnan(each))
    notional = draft.numbers("notional", "USD") if needed.any() else draft.raw("notional")
    from_notional = np.abs(notional) / price * np.where(notional < 0, -1.0, 1.0)

    counted = contracts * each
    uncounted = np.isnan(size) & ~np.isnan(contracts) & np.isnan(each)
    single = uncounted & np.isnan(from_notional)
    if folded(draft.title("contracts")) == "contracts":
        draft.adjust(single, "read as contracts of one coin", "no column says the size of a contract (contract_size)")
        counted = np.where(single, contracts, counted)
    else:
        expected = f"a column contract_size ({titles_of('contract_size')}), or notional, to turn contracts into coins"
        draft.fault("contracts", single, expected)
    by_value = uncounted & ~single
    draft.adjust(by_value, "have a size of notional / price", "no column says the size of a contract (contract_size)")
    counted = np.where(by_value, np.abs(from_notional) * np.sign(contracts), counted)
    size = np.where(np.isnan(size), counted, size)
    derived = np.isnan(size) & ~np.isnan(from_notional) & np.isnan(contracts)
    if "size" not in draft or not alone:
        rule = "no column gives the size in coins; the price is the mark price, or the entry price where there is none"
        draft.adjust(derived, "have a size of notional / price", rule)
        size = np.where(derived, from_notional, size)
    _check_units(draft, np.abs(size) * price, np.abs(notional), "size" if "size" in draft else "contracts")
    side = np.where((given == 0.0) | np.isnan(given), np.sign(size), given)
    if not said and (size[~np.isnan(size)] > 0).all():
        draft.adjust(np.ones(len(draft), bool), "read as long", "no column says the side, and no size is below 0")
    quantity = np.abs(size)
    value = draft.raw("entry_value") / quantity
    if not has_entry or np.isnan(entry).any():
        entry = np.where(np.isnan(entry) & (value > 0), value, entry)
    if not draft.problems:
        first = next(name for name in ("size", "contracts", "notional") if name in draft)
        draft.fault(first, np.isnan(size), "a size, or contracts and contract_size, or a notional and a price")
        draft.fault("entry_price" if has_entry else "entry_value", np.isnan(entry) & ~np.isnan(size), "a price above 0")
    return side, quantity, entry, ~(derived | by_value)


def _check_units(draft: Draft, value: np.ndarray, notional: np.ndarray, name: str) -> None:
    """Refuse sizes that count other things than coins, where the notional of their rows says so."""
    with np.errstate(divide="ignore", invalid="ignore"):
        times = value / notional
    wrong = (times > MOST_TIMES) | (times < 1.0 / MOST_TIMES)
    if wrong.any():
        first = times[np.flatnonzero(wrong)[0]]
        expected = f"coins: size x price is {first:.4g} times the notional of this row; a column contract_size, coins a"
        draft.fault(name, wrong & (notional > 0), f"{expected} contract, turns contracts into coins")


def _sides(draft: Draft) -> tuple[np.ndarray, bool]:
    """What the words for the side say, +1, -1, 0 (signed) or nan, and whether a column has any."""
    given = np.full(len(draft), np.nan)
    said = False
    for name, more in (("side", {}), ("position_type", POSITION_TYPES)):
        if name not in draft:
            continue
        known = SIDE_WORDS | dict.fromkeys(NET, 0.0) | more
        words = draft.words(name)
        values = np.array([known.get(word, np.nan) for word in words])
        blank = np.array([word == "" for word in words], bool)
        if not blank.all() and not (draft.raw("size") < 0).any() and not (draft.raw("contracts") < 0).any():
            values[blank] = np.nan  # of sizes without a sign
        draft.fault(name, np.isnan(values), f"{SIDE_EXPECTED}, or BOTH with a signed size")
        given = np.where(np.isnan(given) | (given == 0.0), values, given)
        said |= bool((np.abs(values) == 1.0).any()) or bool(np.isnan(values).any())
    return given, said


def _orders(draft: Draft, name: str) -> np.ndarray:
    """Prices of the traders' orders of a kind, float64[N]; nan where there is none, which exports write as 0 too."""
    prices = draft.numbers(name, "a price above 0; 0 or empty: none", lambda x: x >= 0.0)
    return np.where(prices == 0.0, np.nan, prices)


def _protected(draft: Draft) -> np.ndarray:
    """Whether ADL spares the position, bool[N]; empty cells say no."""
    words = draft.words(PROTECTED) if PROTECTED in draft else [""] * len(draft)
    draft.fault(PROTECTED, np.array([word not in TRUTH_WORDS for word in words], bool), "true or false; empty: false")
    return np.array([TRUTH_WORDS.get(word, False) for word in words], bool)


def _check_duplicates(draft: Draft, accounts: list[str], side: np.ndarray) -> None:
    first: dict[tuple[str, float], int] = {}
    again = [i for i, key in enumerate(zip(accounts, side.tolist(), strict=True)) if first.setdefault(key, i) != i]
    if again:
        earlier = draft.table.rows[first[accounts[again[0]], side[again[0]]]]
        name = "account" if "account" in draft else "subaccount"
        draft.fault(name, again, f"one row per account, market and side; row {earlier} is another")


def _look_closer(draft: Draft, notional: np.ndarray, accounts: list[str]) -> None:
    """Warn of strange units, and of accounts told apart by blanks, case or the form of their letters alone."""
    where, median = draft.table.where, float(np.median(notional))
    if not SANE_NOTIONAL[0] <= median <= SANE_NOTIONAL[1]:
        warn(
            f"{where}: the median notional is {median:.3g} USD: are size in coins and entry_price in USD per coin?",
            BookWarning,
        )
    names = set(accounts)
    same = len(names) - len(set(map(look_of, names)))
    if same:
        warn(
            f"{where}: {same:,} accounts differ from others only in case, blanks or the form of a letter: "
            "are they the same?",
            BookWarning,
        )
