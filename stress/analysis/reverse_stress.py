"""Reverse stress: the smallest instantaneous move that the fund does not survive.

A move is one jump from S_0 to a target price. What the fund needs for it, D* of a one-step path, grows with the move
as long as liquidations do not move the mark: positions further down the ladder are added behind the ones before, and
each of them fills worse. Between two neighbouring liquidation prices the set of liquidated positions does not change.
So the threshold is found exactly: first the pair of neighbouring liquidation prices between which the need passes the
fund, by bisection over the sorted prices, then the price between them.

With a finite depth and a mark that follows (`passthrough` > 0) the cascade adds positions whose price the move alone
would not reach, and a larger move need not cost more: the search then starts at the first of some 200 sorted prices
that the fund does not survive. So it does with rules of part II of the model, under which a position may be cut at one
price and closed whole at the next.

The price stays where the move took it. So no position waits: a limit of positions a second and a rest after a cut are
left out, and so are events, which are at times of their own. With margin calls, or a mark that follows by and by, a
move alone does not tell what is lost, and there is no answer (`stress.results.sizing.jump_refused`).

How likely is it? `reverse_table` counts the simulated paths whose lowest (highest) price within the horizon is at or
beyond the move. That is the probability of a move of this size, at any speed, and not that of depletion. The move is
neither sufficient, since a price that takes hours leaves positions the time to be liquidated at a small loss, nor
necessary, since several smaller moves, a fall and a rise, or an order book that has not recovered may empty the fund
too. What the fund's depletion has for a probability, says a run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis import sized_layer
from stress.analysis.reach import Reach, bars_of
from stress.arguments import is_finite, is_number, is_whole, wrong_types
from stress.book.book import Book
from stress.book.positions import VENUE_EXPECTED
from stress.engine.design import Design
from stress.engine.prepare import prepare
from stress.errors import InputError, Problem, raise_if
from stress.formatting import percent
from stress.kernels.path.records import Prices
from stress.prices import Paths
from stress.prices.rarest_event import read_tail
from stress.results.estimate import Estimate, event_probability
from stress.results.sizing import jump_refused
from stress.scenario.scenario import Scenario, as_scenario
from stress.venue.depth import Depth
from stress.venue.layer import Layer
from stress.venue.venue import Venue

LARGEST_RISE = 1e6  # times S_0: no fund is emptied by an upward move beyond it
GRID = 200  # prices between which a cascade is looked for


def reverse_shock(
    book: Book,
    venue: Venue,
    price: float,
    *,
    fund: float,
    depth: Depth | None = None,
    jump_gap: float = 1.0,
    layers: Mapping[str, Layer] | None = None,
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
    layers : dict of str to Layer, optional
        As in `stress.simulate`. Where another layer of cash stands before the fund in the waterfall of the venue, the
        moves are those that deplete that one.

    Returns
    -------
    DataFrame
        A row per direction ("fall", "rise") and `cascade`: `move` (fraction of S_0, signed; nan where no move depletes
        the fund), `price` (USD), `liquidated` (positions), `liquidated_notional` (USD at S_0), `needed` (USD, what the
        fund needs at that move).

    Raises
    ------
    InputError
        If an argument is wrong, or the rules do not tell what a move costs (margin calls, a mark that follows).
    """
    raise_if(wrong_types("shock", venue=(venue, Venue, VENUE_EXPECTED)))
    price, fund, jump_gap = map(quantities.number, (price, fund, jump_gap))
    least = f"USD, at least the reserve {venue.reserve:g}"
    checks = [
        ("price", price, is_finite(price) and price > 0, "a price above 0"),
        ("fund", fund, is_finite(fund) and fund >= venue.reserve, least),
        ("jump_gap", jump_gap, is_number(jump_gap) and 0 <= jump_gap <= 1, "a share from 0 to 1"),
    ]
    raise_if([Problem("shock", expected, column=name, value=value) for name, value, ok, expected in checks if not ok])
    still = Paths([[price, price]])
    design = prepare(book, venue, still, fund=fund, depth=depth, gap=0.0, jump_gap=jump_gap, layers=layers, seed=0)
    _check_rules(design)
    return _shocks(_settled(design), sized_layer.capital_of(design))


def _check_rules(design: Design) -> None:
    """Refuse rules under which no smallest move can be told, with the reason."""
    if why := jump_refused(design.describe()):
        raise InputError(Problem("reverse", f"rules under which one jump tells what is lost: {why}"))


def _settled(design: Design) -> Design:
    """The design as it stands to one move that lasts: nobody waits, and no event comes."""
    venue = replace(design.venue, throughput=None, cooldown=0.0)
    return replace(design, venue=venue, events=None)


def _left_out(design: Design) -> list[str]:
    """What of the rules has no part in one move that lasts, in words."""
    venue, said = design.venue, []
    if venue.throughput is not None and math.isfinite(venue.throughput):
        said.append("the limit of positions a second is left out: the price stays where the move took it")
    if venue.cooldown:
        said.append("so is the rest after a cut" if said else "the rest after a cut is left out: the price stays")
    if design.events:
        said.append("outages, stale marks and bad ticks are left out: they are at times of their own")
    if venue.carrier != "market" and design.depth is not None:
        said.append(f"what the {venue.carrier} takes over counts at the mark, not at what it will sell for")
    return said


def _shocks(design: Design, fund: float) -> pd.DataFrame:
    """The table of `reverse_shock` for a design of one step; with the cascade if it has a depth."""
    rows = []
    for cascade in (False, True) if design.depth is not None else (False,):
        one = design if cascade else replace(design, depth=None)
        for direction in ("fall", "rise"):
            rows.append({"direction": direction, "cascade": cascade} | _smallest(one, design.s0, fund, direction))
    return pd.DataFrame(rows)


def reverse_table(
    scenario: Scenario | str | Path, fund: float | str | None = None, paths: int | str | None = None
) -> pd.DataFrame:
    """The smallest fall and rise that deplete the fund of a scenario, and how likely such moves are.

    Parameters
    ----------
    scenario : Scenario or path
        Its book, venue, depth, jump_gap and prices.
    fund : float, optional
        Initial insurance fund, USD, or capital of the layer of cash before it; default: that of the scenario.
    paths : int, optional
        Paths whose prices are simulated, without the waterfall; default: those of the scenario.

    Returns
    -------
    DataFrame
        The rows and columns of `reverse_shock`, and

        - `probability`, `probability_low`, `probability_high`: of a price at or beyond `price` within the horizon,
          lows and highs counted, with its 95 % interval, exact for paths of weight 1. Of a move that no path has, 0 and
          its upper bound; nan where no move depletes the fund, or where the prices are one path
        - `paths`; `horizon` (seconds)
        - `history_hits`, `history_windows`: of the bars of the scenario's prices, windows as long as the horizon, one
          after the other, that hold such a move from their start; -1 and 0 without such bars
        - `note`: what a reader has to know of the row; of rules that have no part in one move too

        `attrs["layer"]` names the layer whose capital it is, `attrs["fund"]` is that capital.

        A scenario with a delay fills after the jump at the price it went to, so that `jump_gap` is 1 here.

    Raises
    ------
    InputError
        With everything that is wrong with the scenario, its files and the arguments.
    """
    scenario = as_scenario(scenario)
    own = scenario.build().design
    _check_rules(own)
    money: Any = quantities.number(fund)
    count: Any = quantities.number(paths)
    problems = list(sized_layer.problems_of_capital(own, money, "reverse"))
    if not (count is None or (is_whole(count) and count >= 1)):
        problems.append(Problem("reverse", "a whole number, 1 or more", column="paths", value=count))
    raise_if(problems)
    capital = sized_layer.capital_of(own) if fund is None else float(money)
    still = Paths([[own.s0, own.s0]])
    late = bool(own.delay)
    jumped = replace(
        _settled(own), prices=still, n_paths=1, n_steps=1, step=still.step, fund=math.inf, gap=0.0, delay=None,
        jump_gap=1.0 if late else own.jump_gap, detail="paths", renewal=None, tail=None, batch=None,
    )  # fmt: skip
    table = _shocks(jumped, capital)
    one_path = getattr(own.prices, "n_paths", None) is not None
    if not one_path:
        own = replace(own, n_paths=int(count or own.n_paths))
        read_tail(own.tail, own.prices, own.n_paths, own.n_steps, own.step)  # so many paths hold its cells
    reach = Reach.of_model(own)
    history = None if one_path else Reach.of_bars(bars_of(scenario, own), own)
    more = [_likely(row, reach, history, one_path) for row in table.to_dict("records")]
    for row in more:
        row["note"] = "; ".join(filter(None, [row["note"], *_left_out(own)]))
    likely = pd.DataFrame(more)
    likely.insert(3, "paths", own.n_paths)
    likely.insert(4, "horizon", own.n_steps * own.step)
    out = pd.concat([table, likely], axis=1)
    out.attrs |= {"layer": sized_layer.name_of(own), "fund": capital}
    return out


def _likely(row: dict[Any, Any], reach: Reach, history: Reach | None, one_path: bool) -> dict[str, Any]:
    """How likely the move of a row is, on simulated paths and in a history."""
    direction, move = row["direction"], row["move"]
    chance, hits, note = Estimate(math.nan, math.nan, math.nan, math.nan), -1, f"no {direction} empties the fund"
    if not math.isnan(move):
        beyond = reach.beyond(direction, move)
        if one_path:
            note = f"the prices are one path, {'with' if beyond[0] else 'without'} such a move: no probability"
        else:
            chance = event_probability(beyond, reach.weights)
            none = f"no path of {beyond.size:,} has such a move: below {percent(chance.high)}"
            note = chance.note if beyond.any() else none
        hits = -1 if history is None else int(history.beyond(direction, move).sum())
    return {
        "probability": chance.value,
        "probability_low": chance.low,
        "probability_high": chance.high,
        "history_hits": hits,
        "history_windows": 0 if history is None else history.low.size,
        "note": note,
    }


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
    grid = np.array([0, stops.size - 1])
    if design.depth is not None or design.needs_mechanics:  # a larger move need not cost more
        grid = np.unique(np.linspace(0, stops.size - 1, GRID).astype(int))
    far = next((int(i) for i in grid if needed(design, stops[i]) > fund), -1)
    if far < 0:
        return nothing
    near = int(grid[np.searchsorted(grid, far) - 1]) if far > 0 else 0  # survived, and stops[far] is not
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
    longs, shorts = np.split(ladder.triggers["quantity"] * design.usd_of_one, [ladder.longs])
    gone = longs[: out["longs_reached"]].sum() + shorts[: out["shorts_reached"]].sum()
    return {
        "move": fatal / s0 - 1.0,
        "price": fatal,
        "liquidated": int(out["liquidated_count"]),
        "liquidated_notional": float(gone),
        "needed": needed(design, fatal),
    }
