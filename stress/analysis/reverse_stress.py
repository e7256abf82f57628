"""Reverse stress: the smallest instantaneous move that the fund does not survive.

A move is one jump from S_0 to a target price. What the fund needs for it, D* of a one-step path, grows with the move
as long as liquidations do not move the mark: positions further down the ladder are added behind the ones before, and
each of them fills worse. Between two neighbouring liquidation prices the set of liquidated positions does not change.
So the threshold is found exactly: first the pair of neighbouring liquidation prices between which the need passes the
fund, by bisection over the sorted prices, then the price between them.

With a finite depth and a mark that follows (`passthrough` > 0) the cascade adds positions whose price the move alone
would not reach, and a larger move need not cost more: the search then starts at the first of some 200 sorted prices
that the fund does not survive.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from stress.arguments import is_finite, is_number, wrong_types
from stress.book.book import VENUE_EXPECTED, Book
from stress.engine.design import Design
from stress.engine.prepare import prepare
from stress.errors import Problem, raise_if
from stress.kernels.path.records import Prices
from stress.prices import Paths
from stress.venue.depth import Depth
from stress.venue.venue import Venue

LARGEST_RISE = 1e6  # times S_0: no fund is emptied by an upward move beyond it
GRID = 200  # prices between which a cascade is looked for


def reverse_shock(
    book: Book, venue: Venue, price: float, *, fund: float, depth: Depth | None = None, jump_gap: float = 1.0
) -> pd.DataFrame:
    """The smallest fall and the smallest rise that deplete the fund, with and without the cascade.

    Parameters
    ----------
    book : Book
    venue : Venue
    price : float
        S_0, USD.
    fund : float
        Initial insurance fund, USD.
    depth : Depth, optional
        Adds the rows with `cascade` True. The rows without it have infinite depth.
    jump_gap : float
        Share of the move that cannot be traded through. At 0 only a finite depth makes deficits.

    Returns
    -------
    DataFrame
        A row per direction ("fall", "rise") and `cascade`: `move` (fraction of S_0, signed; nan where no move depletes
        the fund), `price` (USD), `liquidated` (positions), `liquidated_notional` (USD at S_0), `needed` (USD, what the
        fund needs at that move).
    """
    raise_if(wrong_types("shock", venue=(venue, Venue, VENUE_EXPECTED)))
    least = f"USD, at least the reserve {venue.reserve:g}"
    checks = [
        ("price", price, is_finite(price) and price > 0, "a price above 0"),
        ("fund", fund, is_finite(fund) and fund >= venue.reserve, least),
        ("jump_gap", jump_gap, is_number(jump_gap) and 0 <= jump_gap <= 1, "a share from 0 to 1"),
    ]
    raise_if([Problem("shock", expected, column=name, value=value) for name, value, ok, expected in checks if not ok])
    still = Paths([[price, price]])
    rows = []
    for cascade in (False, True) if depth is not None else (False,):
        design = prepare(
            book, venue, still, fund=math.inf, depth=depth if cascade else None,
            gap=0.0, jump_gap=jump_gap, seed=0,
        )  # fmt: skip
        for direction in ("fall", "rise"):
            rows.append({"direction": direction, "cascade": cascade} | _smallest(design, price, fund, direction))
    return pd.DataFrame(rows)


def shock(design: Design, target: float) -> np.ndarray:
    """OUTCOME[1] of a jump from S_0 to `target` under an unlimited fund."""
    close, empty = np.array([[design.s0, target]]), np.zeros((0, 0))
    return design.outcomes(Prices(close, empty, empty, empty), 0, math.inf)


def needed(design: Design, target: float) -> float:
    """Initial fund, USD, that a jump to `target` needs."""
    return float(design.fund_needed(shock(design, target))[0])


def _smallest(design: Design, s0: float, fund: float, direction: str) -> dict[str, float]:
    levels = design.levels[0]
    if direction == "fall":
        stops = np.unique(levels[(design.book.side > 0) & np.isfinite(levels) & (levels < s0)])[::-1]
        last = s0 * 1e-12
    else:
        stops = np.unique(levels[(design.book.side < 0) & np.isfinite(levels) & (levels > s0)])
        last = s0 * LARGEST_RISE
    stops = np.concatenate([[s0], stops, [last]])
    nothing = {"move": math.nan, "price": math.nan, "liquidated": 0, "liquidated_notional": 0.0, "needed": math.nan}
    if needed(design, last) <= fund:
        return nothing
    near, far = 0, stops.size - 1  # the fund survives stops[near], not stops[far]
    if design.depth is not None:
        grid = np.unique(np.linspace(0, stops.size - 1, GRID).astype(int))
        far = next(int(i) for i in grid if needed(design, stops[i]) > fund)
        near = int(grid[np.searchsorted(grid, far) - 1]) if far > 0 else 0
    while far - near > 1:
        middle = (near + far) // 2
        near, far = (near, middle) if needed(design, stops[middle]) > fund else (middle, far)
    safe, fatal = float(stops[near]), float(stops[far])
    while True:  # to the last bit
        middle_price = 0.5 * (safe + fatal)
        if middle_price in (safe, fatal):
            break
        safe, fatal = (safe, middle_price) if needed(design, middle_price) > fund else (middle_price, fatal)
    out, ladder = shock(design, fatal)[0], design.kernel[0]
    longs, shorts = np.split(ladder.triggers["quantity"] * s0, [ladder.longs])
    gone = longs[: out["longs_reached"]].sum() + shorts[: out["shorts_reached"]].sum()
    return {
        "move": fatal / s0 - 1.0,
        "price": fatal,
        "liquidated": int(out["liquidated_count"]),
        "liquidated_notional": float(gone),
        "needed": needed(design, fatal),
    }
