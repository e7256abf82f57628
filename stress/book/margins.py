"""The margin of each row of a file: from what the row has, by a rule that is said where it is not the plain one.

| row | margin m, unrealised profit excluded |
|---|---|
| isolated, or nothing is said | `margin`; or `isolated_margin` or `collateral`, less the unrealised profit; or `initial_margin`; or size x entry / leverage; or the account's equity, as for cross |
| cross | `margin`; or a share of `account_equity` by notional, or `isolated_margin` or `initial_margin`, each less the unrealised profit; or size x mark / leverage less the unrealised profit |

A cross position has no margin of its own, and exports write 0 there: a 0 is no value. What an account holds for it is
reserved at the mark, so that its equity, not its margin, is what the column says.
"""  # noqa: E501

from __future__ import annotations

import numpy as np

from stress.book.draft import Draft, positive
from stress.files.cells import MISSING
from stress.formatting import notional

WORDS = {"isolated": 0.0, "fixed": 0.0, "cross": 1.0, "crossed": 1.0, "portfolio": 1.0}
TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "yes": 1.0, "no": 0.0}
MODES = {  # what a word says in each column: 1 cross, 0 isolated
    "margin_mode": WORDS | TRUTH,
    "is_cross": TRUTH | WORDS,
    "is_isolated": {word: 1.0 - value for word, value in TRUTH.items()} | WORDS,
    "open_type": {"1": 0.0, "2": 1.0} | WORDS,
}
ZERO_IS_NONE = ("isolatedwallet", "isolatedmargin")  # titles of exports of both modes, folded
SAME_MARK = 0.1  # relative distance of marks of one market, from row to row, above which they are none


def read_modes(draft: Draft) -> np.ndarray:
    """1 cross, 0 isolated, nan unknown, float64[N]."""
    mode = np.full(len(draft), np.nan)
    for name, words in MODES.items():
        if name in draft:
            given = draft.words(name)
            cells = [word.removesuffix(" margin").removesuffix("_margin").strip() for word in given]
            known = words | dict.fromkeys(MISSING, np.nan)
            wrong = np.array([cell not in known for cell in cells], bool)
            expected = "isolated or cross" if name in ("margin_mode", "open_type") else "true or false"
            draft.fault(name, wrong, expected)
            values = np.array([known.get(cell, np.nan) for cell in cells])
            mode = np.where(np.isnan(mode), values, mode)
    return mode


def read_marks(
    draft: Draft,
    side: np.ndarray,
    size: np.ndarray,
    entry: np.ndarray,
    independent: np.ndarray,
    needed: np.ndarray,
    given: float | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The mark of each row, and whether it is the one that was given instead of one of the file.

    Of the file it is its mark price; or notional over size; or the price at which its unrealised profit is made.

    Parameters
    ----------
    side, size, entry : float64[N]
    independent : bool[N]
        Whether the size does not come from the notional itself.
    needed : bool[N]
        Rows that want a mark.
    given : float or None
        USD; for rows without any of them.

    Returns
    -------
    float64[N], nan where there is none; bool[N]
    """
    mark = draft.numbers("mark_price", "a price above 0", positive)
    if (np.isnan(mark) & needed).any():
        from_value = np.where(independent, np.abs(draft.numbers("notional", "USD")) / size, np.nan)
        mark = np.where(np.isnan(mark), _at_the_mark(from_value, entry), mark)
    if (np.isnan(mark) & needed).any():
        from_profit = entry + side * draft.numbers("unrealised", "USD") / size
        mark = np.where(np.isnan(mark) & (from_profit > 0), from_profit, mark)
    instead = np.isnan(mark) & (given is not None)
    return np.where(instead, np.nan if given is None else given, mark), instead


def middle_mark(mark: np.ndarray, size: np.ndarray) -> float | None:
    """The mark of a file: the median of those of its rows, each with the weight of its size; None without any."""
    known = np.flatnonzero(mark > 0)
    if not known.size:
        return None
    order = known[np.argsort(mark[known], kind="stable")]
    held = np.cumsum(size[order])
    return float(mark[order][np.searchsorted(held, 0.5 * held[-1])])


def _at_the_mark(value: np.ndarray, entry: np.ndarray) -> np.ndarray:
    """Prices that notionals were made at, or nan where they are those of the entries: one market has one mark."""
    known = value[np.isfinite(value) & (value > 0)]
    if known.size == 0:
        return np.full(value.size, np.nan)
    middle = float(np.median(known))
    at_entry = np.allclose(value, entry, rtol=1e-6, equal_nan=True)
    apart = np.mean(np.abs(known / middle - 1.0) > SAME_MARK) > 0.1
    return np.where((value > 0) & ~(at_entry | apart), value, np.nan)


def read_margins(
    draft: Draft,
    side: np.ndarray,
    size: np.ndarray,
    entry: np.ndarray,
    leverage: np.ndarray,
    share: np.ndarray,
    independent: np.ndarray,
    given: float | None,
    mirrored: bool = False,
) -> np.ndarray:
    """Margins, unrealised profit excluded, USD or coins, float64[N]; nan where a problem was noted.

    Parameters
    ----------
    side, size, entry, leverage : float64[N]
    share : float64[N]
        Of the equity of the account, by notional; nan where the file has none.
    independent, given
        As in `read_marks`.
    mirrored : bool
        Whether prices are those of an inverse contract in 1/P, whose sizes are USD.
    """
    n = len(draft)
    mode, money = read_modes(draft), "coins" if mirrored else "USD"
    zero = np.zeros(n, bool)
    values = {}
    for name in ("margin", "isolated_margin", "collateral"):
        values[name] = draft.numbers(name, money)
        none = values[name] == 0.0
        zero |= none & (np.isnan(mode) & (draft.title(name).lower().replace("_", "") in ZERO_IS_NONE))
        values[name][none & ((mode == 1.0) | zero)] = np.nan
    own, equity, collateral = values["margin"], values["isolated_margin"], values["collateral"]
    mode[zero & np.isnan(own) & np.isnan(equity)] = 1.0
    cross = mode == 1.0
    initial = draft.numbers("initial_margin", f"{money}, 0 or more", lambda x: x >= 0)
    initial[initial == 0.0] = np.nan
    held = np.where(cross, _first(share, equity, initial), _first(equity, collateral))  # profit included
    at_entry = np.where(cross, np.nan, initial)
    from_held = np.isnan(own) & ~np.isnan(held)
    from_initial = np.isnan(own) & np.isnan(held) & ~np.isnan(at_entry)
    from_leverage = np.isnan(own) & np.isnan(held) & np.isnan(at_entry) & ~np.isnan(leverage)
    from_share = ~(cross | from_held | from_initial | from_leverage) & np.isnan(own) & ~np.isnan(share)
    known = len(draft.problems)
    wanted = from_held | from_share | (cross & from_leverage) | (own < 0.0)
    mark, instead = read_marks(draft, side, size, entry, independent, wanted, given)
    wrong_mark = len(draft.problems) > known
    gain = side * size * (mark - entry)
    by_mark = cross & from_leverage & ~np.isnan(mark)
    needs_mark = (from_held | from_share) & np.isnan(mark) & (not wrong_mark)
    draft.fault(_column_of(draft, ("isolated_margin", "collateral", "account_equity", "initial_margin")), needs_mark,
                "a mark price too, since this amount includes unrealised profit: a column mark_price, notional or "
                "unrealised, or book.mark_price (mark_price= in Python)")  # fmt: skip
    margin = own.copy()
    margin = np.where(from_held, held - gain, margin)
    margin = np.where(from_share, share - gain, margin)
    margin = np.where(from_initial, at_entry, margin)
    margin = np.where(from_leverage, size * entry / leverage, margin)
    margin = np.where(by_mark, size * mark / leverage - gain, margin)

    _check(draft, margin, own, gain, mark, instead, cross, needs_mark, money)
    if draft.problems:
        return margin
    marked = instead & (from_held | from_share | by_mark)
    draft.adjust(marked, f"read at the mark {given:.10g}" if given else "", "the file gives no mark of its own")
    rule = "no column gives it; book.file with a margin for each position is exact"
    draft.adjust(from_initial, "have their initial margin as margin", rule, unit="positions")
    draft.adjust(from_leverage & ~by_mark, "have size * entry_price / leverage as margin", rule, unit="positions")
    kept = "cross margin is not modelled, and what else the account owns is not counted"
    each = np.ones(n) if mirrored else np.where(np.isnan(mark), entry, mark)
    amount = notional(float(np.nansum(each[cross] * size[cross])))
    for which, how in (
        (cross & ~np.isnan(own), "treated as isolated with the margin of their row"),
        (cross & from_held & ~np.isnan(share), "treated as isolated with their share of the account's equity"),
        (cross & from_held & np.isnan(share), "treated as isolated with the initial margin that is held for them"),
        (cross & from_leverage, "treated as isolated with the margin of their leverage"),
    ):
        draft.adjust(which, f"of cross margin {how}", kept, unit="positions", amount=amount if which.all() else "")
    draft.adjust(from_share, "have their share of the account's equity as margin", rule, unit="positions")
    return margin


def _check(
    draft: Draft, margin: np.ndarray, own: np.ndarray, gain: np.ndarray, mark: np.ndarray, instead: np.ndarray,
    cross: np.ndarray, needs_mark: np.ndarray, money: str,
) -> None:  # fmt: skip
    """Note margins that are missing, and those below 0 without a profit that pays for them."""
    below = margin < 0.0
    shown = ~np.isnan(mark) & ~instead
    typed = below & (margin == own)
    unpaid = typed & ~(shown & (margin + gain > 0.0))
    rule = f"{money}, 0 or more; below 0 only with a mark price at which a withdrawn profit pays it"
    draft.fault("margin", unpaid, rule)
    empty = below & ~typed & (margin + gain <= 0.0)
    held = _column_of(draft, ("isolated_margin", "collateral", "account_equity", "initial_margin"))
    draft.fault(held, empty, "an equity above 0")
    if draft.problems:  # a wrong cell is no missing one
        return
    missing = np.isnan(margin) & ~needs_mark
    draft.fault(
        _column_of(draft, ("margin_mode", "is_cross", "is_isolated", "open_type", "margin")),
        missing & cross,
        "isolated, or a margin, an initial margin or a leverage in this row: a cross position has none of its own",
    )
    named = ("margin", "isolated_margin", "collateral", "initial_margin", "leverage")
    draft.fault(_column_of(draft, named), missing & ~cross, "a margin or a leverage")


def _column_of(draft: Draft, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in draft), names[0])


def _first(*values: np.ndarray) -> np.ndarray:
    """The first that is a number."""
    found = values[0]
    for other in values[1:]:
        found = np.where(np.isnan(found), other, found)
    return found
