"""Which price move auto-deleverages how much: instantaneous moves from S_0, in both directions, through the engine.

A move is one jump from S_0 to a price, after which nothing moves. Each point of the curve is a path of one step, worked
by the engine with all of its rules: with a finite depth that holds the cascade, and the fund pays what it pays. The
price stays where the move took it, so that no position waits and no event comes (`stress.analysis.reverse_stress`).

Where ADL begins is found to the last bit: the first point of the curve with ADL, then bisection between it and the one
before. The same for a position that ADL closes some of. A larger move need not hit what a smaller one does (with a
cascade, under part II of the model, or where the queue changes on the way): what begins and ends between two points of
the curve is not seen.

How likely: the share of simulated paths whose lowest (highest) price within the horizon is at or beyond the move. It is
the probability of such a move at any speed, not of this ADL: a price that takes hours leaves positions time to be
closed at a small loss, and several moves may add up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis import sized_layer
from stress.analysis.reach import Reach
from stress.analysis.watch import Watched, watch
from stress.arguments import is_finite, is_whole, numbers
from stress.engine.design import Design
from stress.errors import Problem, raise_if
from stress.formatting import percent
from stress.prices import Paths
from stress.prices.rarest_event import read_tail
from stress.results.estimate import Estimate, event_probability
from stress.scenario.scenario import as_scenario

FALLS = -np.expm1(-np.geomspace(0.005, 1.6, 48))  # of a fraction of S_0
RISES = np.expm1(np.geomspace(0.005, 1.6, 48))
HALVINGS = 60  # of the distance between two points, which leaves the last bit


def adl_moves(
    scenario: Any, moves: Any = None, *, fund: float | str | None = None, paths: int | str | None = None
) -> pd.DataFrame:
    """The curve of instantaneous price moves against what ADL does to a whole book.

    Parameters
    ----------
    scenario : Scenario or path, or Design
        Its book, venue, fund, depth, jump_gap and prices.
    moves : sequence of float, optional
        Moves as fractions of S_0, above -1, such as -0.1. Default: 48 falls of 0.5 to 80 % and 48 rises of 0.5 to
        395 %, closer where they are small; the moves at which ADL begins are added either way.
    fund : float, optional
        In the place of the scenario's, in the money of the venue.
    paths : int, optional
        Simulated paths of the prices, for the probabilities; default: those of the scenario.

    Returns
    -------
    DataFrame
        A row per move, falls from the largest to the smallest, then rises: `direction` ("fall", "rise"), `move`
        (fraction of S_0), `price` (USD per coin), `begins` (whether ADL begins at this move, to the last bit),
        `adl_notional` (what was closed by ADL, USD at that price), `adl_contracts` (coins, or contracts of 1 USD),
        `adl_money` (raised from winners, or their profit forgone against the mark), `positions` (that ADL hit),
        `liquidated` (positions), `fund_used` (what the first layer of cash paid, less what it got), `residual`;
        `probability`, `probability_low`, `probability_high` of a price at or beyond `price`
        within the horizon, with its 95 % interval; `note`.
        Money is that of the venue. `attrs`: `cascade` (whether the depth is finite), `horizon` (seconds), `paths`.

    Raises
    ------
    InputError
        With everything that is wrong; if the rules do not tell what a move costs (margin calls, a mark that follows).
    """
    design = scenario if isinstance(scenario, Design) else as_scenario(scenario, "adl_moves").build().design
    money, count = quantities.number(fund), quantities.number(paths)
    given = None if moves is None else numbers(moves)
    problems = []
    if moves is not None and not _are_moves(given):
        problems.append(Problem("adl_moves", "fractions of S_0 above -1 that are not 0", column="moves", value=moves))
    if money is not None and not (is_finite(money) and money >= design.venue.reserve):
        expected = f"{design.venue.money}, at least the venue's reserve {design.venue.reserve:g}"
        problems.append(Problem("adl_moves", expected, column="fund", value=fund))
    if count is not None and not (is_whole(count) and count >= 1):
        problems.append(Problem("adl_moves", "a whole number, 1 or more", column="paths", value=paths))
    if why := refused(design):
        problems.append(Problem("adl_moves", f"rules under which one jump tells what is lost: {why}"))
    raise_if(problems)
    if money is not None:
        design = sized_layer.with_capital(design, float(money))
    if count is not None:
        design = replace(design, n_paths=int(count))
        read_tail(design.tail, design.prices, design.n_paths, design.n_steps, design.step)
    return curve(design, Reach.of_model(design), given)


def _are_moves(given: np.ndarray | None) -> bool:
    """Whether these are moves that a price can make."""
    if given is None or given.ndim != 1 or not given.size:
        return False
    return bool((np.isfinite(given) & (given > -1) & (given != 0)).all())


def refused(design: Design) -> str:
    """Why one jump does not tell what ADL does; "" where it does."""
    if design.venue.liquidation == "margin_call":
        return "called positions are closed at their deadline, at a price that is not told yet"
    if design.venue.mark != "book":
        return "the mark follows the price by and by, so that a jump does not tell when positions are met"
    if "adl" not in design.venue.waterfall:
        return "there is no ADL in the waterfall"
    return ""


class Jumps:
    """One design, worked on jumps from S_0 to any prices."""

    def __init__(self, design: Design, positions: np.ndarray | None = None):
        self.positions = np.zeros(0, np.int64) if positions is None else positions
        venue = replace(design.venue, throughput=None, cooldown=0.0)
        self.design = replace(
            design, venue=venue, events=None, gap=0.0, delay=None, jump_gap=1.0 if design.delay else design.jump_gap,
            detail="positions", renewal=None, tail=None, batch=None, funding=None,
        )  # fmt: skip

    def to(self, prices: np.ndarray) -> Watched:
        """What a jump to each of some prices does; the paths of the result are the jumps."""
        s0 = self.design.s0
        still = Paths(np.column_stack([np.full(prices.size, s0), prices]))
        jumped = replace(self.design, prices=still, n_paths=prices.size, n_steps=1, step=still.step)
        for name in ("traded_book", "traded_levels", "classes", "ladder"):  # which hang on book, venue and S_0 alone
            if name in self.design.__dict__:
                jumped.__dict__[name] = self.design.__dict__[name]
        found = watch(jumped, self.positions, np.full(len(jumped.book), -1), 0, threads=1)
        for name in ("traded_book", "traded_levels", "classes", "ladder"):
            self.design.__dict__[name] = getattr(jumped, name)
        return found


class Begin(NamedTuple):
    """The first price of a direction at which something happens; nan where it does not."""

    direction: str
    price: float


def begin(jumps: Jumps, direction: str, prices: np.ndarray, hit: np.ndarray, of: Callable[[Watched], bool]) -> Begin:
    """Where something begins: between the first of some prices that has it and the one before, to the last bit.

    Parameters
    ----------
    prices : float64[n]
        From S_0 on, outwards.
    hit : bool[n]
        Which of them have it.
    of : callable
        Whether a single jump has it.
    """
    if not hit.any():
        return Begin(direction, math.nan)
    first = int(np.argmax(hit))
    near, far = (jumps.design.s0 if first == 0 else float(prices[first - 1])), float(prices[first])
    for _ in range(HALVINGS):
        middle = 0.5 * (near + far)
        if middle in (near, far):
            break
        near, far = (near, middle) if of(jumps.to(np.array([middle]))) else (middle, far)
    return Begin(direction, far)


def has_adl(found: Watched) -> bool:
    """Whether the first jump has ADL."""
    assert found.result is not None
    return bool(found.result.paths["adl_count"].iloc[0] > 0)


def grid_of(s0: float, moves: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Prices of the curve in each direction, from S_0 outwards."""
    chosen = np.concatenate([-FALLS, RISES]) if moves is None else np.unique(moves)
    return {
        "fall": s0 * (1.0 + np.sort(chosen[chosen < 0])[::-1]),
        "rise": s0 * (1.0 + np.sort(chosen[chosen > 0])),
    }


def curve(design: Design, reach: Reach, moves: np.ndarray | None = None) -> pd.DataFrame:
    """The table of `adl_moves` for a design that is not refused, with the extremes of its paths."""
    jumps, parts = Jumps(design), []
    for direction, grid in grid_of(design.s0, moves).items():
        prices = grid
        scan = grid_of(design.s0)[direction] if moves is not None else grid
        scanned = jumps.to(scan).result
        assert scanned is not None
        start = begin(jumps, direction, scan, scanned.paths["adl_count"].to_numpy() > 0, has_adl)
        if not math.isnan(start.price):
            prices = np.unique(np.append(prices, start.price))
        if not prices.size:
            continue
        prices = np.sort(prices)
        rows = _rows(jumps, direction, prices, reach)
        rows["begins"] = rows["price"] == start.price
        parts.append(rows)
    table = pd.concat(parts, ignore_index=True)
    table.attrs |= {
        "cascade": design.depth is not None, "horizon": design.n_steps * design.step, "paths": design.n_paths,
        "money": design.venue.money,
    }  # fmt: skip
    return table


def _rows(jumps: Jumps, direction: str, prices: np.ndarray, reach: Reach) -> pd.DataFrame:
    result, s0 = jumps.to(prices).result, jumps.design.s0
    assert result is not None
    paths = result.paths
    coins = paths["adl_quantity"].to_numpy()
    likely = [chance(reach, direction, float(price) / s0 - 1.0, jumps.design) for price in prices]
    return pd.DataFrame(
        {
            "direction": direction,
            "move": prices / s0 - 1.0,
            "price": prices,
            "begins": False,
            "adl_notional": coins if jumps.design.is_inverse else coins * prices,
            "adl_contracts": coins,
            "adl_money": paths["adl_usd"].to_numpy(),
            "positions": paths["adl_count"].to_numpy(),
            "liquidated": paths["liquidated_count"].to_numpy(),
            "fund_used": sized_layer.capital_of(jumps.design) - paths["fund_end"].to_numpy(),
            "residual": paths["residual"].to_numpy(),
            "probability": [e.value for e in likely],
            "probability_low": [e.low for e in likely],
            "probability_high": [e.high for e in likely],
            "note": [e.note for e in likely],
        }
    )


def chance(reach: Reach, direction: str, move: float, design: Design) -> Estimate:
    """How likely a price at or beyond a move is within the horizon; of one path there is no probability."""
    beyond = reach.beyond(direction, move)
    if getattr(design.prices, "n_paths", None) == 1 or beyond.size == 1:
        note = f"the prices are one path, {'with' if beyond[0] else 'without'} such a move: no probability"
        return Estimate(math.nan, math.nan, math.nan, math.nan, note)
    depth = -reach.low if direction == "fall" else reach.high
    found = event_probability(beyond, reach.weights, depth)
    if found.is_withheld or beyond.any():
        return found
    return replace(found, note=f"no path of {beyond.size:,} has such a move: below {percent(found.high)}")
