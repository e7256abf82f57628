"""One position in a crowd: liquidation, ADL, its place in the queue, and what ADL costs it.

Which move brings ADL to it, and how all of that moves with leverage, size, stop and take-profit, too.

The position is put into a crowd with its other side held outside the book. What is rare of one position is counted path
by path (`stress.analysis.watch`), so that intervals are the spread between paths, within strata where paths are drawn
by their rarest event. Variants of the position are further accounts in the same run as long as all of them are below a
thousandth of the open interest together, so that they meet the same prices and the same ADL; larger ones have runs of
their own on the same prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from stress.analysis import adl_moves, sized_layer, trader_costs, trader_start
from stress.analysis.reach import Reach
from stress.analysis.trader_position import Position, added, position_of, variants_of
from stress.analysis.watch import Watched, watch
from stress.arguments import wrong_types
from stress.engine.design import Design
from stress.errors import InputError
from stress.formatting import notional, percent
from stress.results.estimate import Estimate, conditional_mean, event_probability, mean
from stress.results.mechanics import adl_is_depletion
from stress.results.queue import LIGHTS, UNRANKED, queue
from stress.results.ratios import ratio
from stress.results.weights import Weights

Held = list[tuple[str, Any, Position]]  # what is varied, to what, and the position
SMALL = 1e-3  # of open interest: variants that are less together stand in one run
HOUR = 3_600.0
COLUMNS = ["quantity", "estimate", "se", "low", "high", "unit", "note"]
PROBABILITY = "probability"
COSTS = ("haircut", "regret", "favour")


@dataclass(frozen=True, eq=False)
class Trader:
    """What a crowd and its prices do to one position.

    Attributes
    ----------
    position : Position
        As it was put into the book.
    number : int
        Its number in the book of `design`.
    design : Design
    standing : tuple of str
        What stands behind the answer: crowd, venue, fund, depth, prices, fills, paths.
    notes : tuple of str
        Caveats.
    now : dict
        `light`, `rank`, `of` (positions of the side), `notional_ahead` (USD), `score`, `can_give`, `convention`.
    lights : DataFrame
        Of the side of the position, a row per light: `light`, `positions`, `notional` (USD), and of being hit by ADL
        within the hour and the horizon `hour`, `horizon` with `_low`, `_high`.
    moves : DataFrame
        Rows of instantaneous moves in the direction that the position gains by: `move`, `price`, `begins` ("", "ADL" or
        "me": where ADL begins, and where it comes to this position), `share` (of the position that is closed), `light`,
        `rank`, `notional_ahead`, `probability`, `probability_low`, `probability_high`, `note`. Empty where the rules do
        not tell what a jump costs.
    variants : DataFrame
        A row per variant: `varied`, `value`, `leverage`, `notional`, `stop`, `take_profit`, and for `liquidated`,
        `adl`, `both`, `ordered` (closed by its own order), `share` the estimate with `_low` and `_high`;
        `adl_difference` to the position itself on the same paths, with `_low` and `_high`.
    funds : DataFrame
        A row per fund: `fund`, `of_open_interest`, and `any_adl`, `adl` (of this position), `share` as above.
    watched : Watched
        What happened on each path, see `stress.analysis.watch`: to the position, and to the variants in its run.
    """

    position: Position
    number: int
    design: Design = field(repr=False)
    standing: tuple[str, ...]
    notes: tuple[str, ...]
    now: dict[str, Any]
    lights: pd.DataFrame = field(repr=False)
    moves: pd.DataFrame = field(repr=False)
    variants: pd.DataFrame = field(repr=False)
    funds: pd.DataFrame = field(repr=False)
    watched: Watched = field(repr=False)

    @property
    def hits(self) -> np.ndarray:
        """What happened to the position on each path, HITS[n_paths]."""
        return np.asarray(self.watched.hits[:, 0])

    @property
    def weights(self) -> Weights | None:
        """Weights and strata of the paths."""
        assert self.watched.result is not None
        return self.watched.result.weights

    @cached_property
    def costs(self) -> pd.DataFrame:
        """Haircut and regret on the paths with a hit that are played again, see `stress.analysis.trader_costs`."""
        return trader_costs.costs_of_hits(self.design, self.number, trader_costs.chosen(self.hits["adl"]))

    def summary(self) -> pd.DataFrame:
        """The answers in a few lines.

        Returns
        -------
        DataFrame
            Columns quantity, estimate, se, low, high (95 %), unit ("probability" or the money of the venue), note.
        """
        rows = []
        for name, e in self.estimates.items():
            of_costs = any(word in name for word in COSTS)
            note = e.note or e.flag or (self.sampled if of_costs else "")
            rows.append((name, e.value, e.se, e.low, e.high, e.unit, note))
        return pd.DataFrame(rows, columns=COLUMNS)

    @property
    def sampled(self) -> str:
        """On what haircut and regret rest where not every path with a hit was played again; else ""."""
        hits, played = int(self.hits["adl"].sum()), len(self.costs)
        return "" if played == hits else f"of {played:,} evenly spread of {hits:,} paths with a hit"

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """The answers by name; haircut and regret are those given a hit, and expected ones over all paths.

        Where not every path with a hit was played again (`sampled`), an expected one is P(ADL) times that given a hit.
        """
        found, w, money = _rates(self.watched, 0), self.weights, self.design.venue.money
        names = {
            "liquidated": "P(liquidated)", "adl": "P(ADL)", "both": "P(ADL and liquidated)",
            "ordered": "P(closed by its own order)", "share": "mean share closed by ADL",
        }  # fmt: skip
        out = {names[key]: e for key, e in found.items() if key != "ordered" or self.position.has_orders}
        out["share closed, given ADL"] = _given(self.hits["share"], w, self.hits["adl"], PROBABILITY)
        costs = self.costs
        if costs.empty:
            return out
        paths, n = costs["path"].to_numpy(), self.hits.size
        played = np.zeros(n, bool)
        played[paths] = True
        # all paths with a hit, or evenly spread ones of them: what is known of a hit is a mean over the played
        plain = w if not self.sampled else None if w is None else w.without_strata
        for name, column, unit in (
            ("haircut of its profit, given ADL", "haircut_share", PROBABILITY),
            ("haircut, given ADL", "haircut", money),
            ("regret, given ADL", "regret", money),
        ):
            values = np.zeros(n)
            values[paths] = np.nan_to_num(costs[column].to_numpy())
            out[name] = _given(values, plain, played, unit)
        favour = np.zeros(n)
        favour[paths] = costs["regret"].to_numpy() > 0
        out["P(ADL was a favour, given ADL)"] = _given(favour, plain, played, PROBABILITY)
        for column in ("haircut", "regret"):
            values = np.zeros(n)
            values[paths] = costs[column].to_numpy()
            of_all = replace(mean(values, weights=w), unit=money)
            given = out[f"{column}, given ADL"]
            out[f"expected {column}"] = _expected(found["adl"], given, money) if self.sampled else of_all
        return out


def trader(
    venue: Any = None,
    market: str | None = None,
    *,
    side: str = "long",
    leverage: float | str = 10.0,
    notional: float | str = 1e5,
    entry: float | str | None = None,
    stop: float | str | None = None,
    take_profit: float | str | None = None,
    scenario: Any = None,
    book: Any = None,
    fund: float | str | None = None,
    paths: int | str | None = None,
    seed: int | None = None,
    variants: bool = True,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trader:
    """Put one position into a crowd and say what happens to it.

    Parameters
    ----------
    venue : str or path, optional
        A venue by name or by its file; of a scenario its own.
    market : str, optional
        Default: the first of the venue.
    side : {"long", "short"}
    leverage : float
        Notional at entry over margin, at most what the venue allows at this size.
    notional : float
        USD at the start.
    entry : float, optional
        Entry price, USD per coin; default: the mark at the start, so that there is no profit yet.
    stop, take_profit : float or str, optional
        Mark prices at which an order of the trader closes the position, or distances from the mark, as "3 %".
    scenario : Scenario or path, optional
        Crowd, prices, depth and fund of the user; default: the start, which `Trader.standing` spells out.
    book : path, optional
        A file of positions in the place of the crowd.
    fund : float, optional
        In the money of the venue. Of the start without one a range is shown.
    paths, seed : int, optional
        In the place of the scenario's.
    variants : bool
        Whether to vary leverage, size, stop and take-profit.
    threads : int, optional
        Default: all processors. No number depends on it.
    progress : callable, optional
        Called with (paths done, paths in all).

    Returns
    -------
    Trader

    Raises
    ------
    InputError
        With everything that is wrong.
    """
    problems = wrong_types("trader", variants=(variants, bool, "True or False"))
    loaded = None
    try:
        loaded = trader_start.scenario_of(scenario, venue, market, book, fund, paths, seed)
    except InputError as error:
        problems += error.problems
    given = {
        "side": side, "leverage": leverage, "notional": notional, "entry": entry, "stop": stop,
        "take_profit": take_profit,
    }  # fmt: skip
    if loaded is None:
        position_of(given, None, problems)
        raise InputError(problems)
    crowd = replace(loaded.build().design, detail="positions")
    mine = position_of(given, crowd, problems)
    if problems or mine is None:
        raise InputError(problems)
    own_fund = trader_start.has_own_fund(scenario, fund)
    others = list(variants_of(mine, crowd)) if variants else []
    runs = _runs(mine, others, crowd)
    funds = [] if own_fund else trader_start.funds_of(crowd)
    total = len(runs) + max(len(funds) - 1, 0)
    bar = None if progress is None else _of_all(progress, total)
    answer = _answer(runs, crowd, mine, threads, bar)
    lead, number = answer[0][0], len(crowd.book)
    rows = pd.DataFrame(_variant_rows(runs, [found for _, found in answer]))
    watched = answer[0][1]
    notes = [*_notes(lead, mine, crowd, runs)]
    return Trader(
        mine, number, lead,
        tuple(trader_start.standing(crowd, loaded, scenario is None, own_fund)),
        tuple(notes), _now(lead, number, mine), _lights(lead, mine, number, watched), _moves(lead, number, mine),
        rows, _funds(lead, number, watched, funds, threads, bar), watched,
    )  # fmt: skip


def _runs(mine: Position, others: Held, crowd: Design) -> list[Held]:
    """Positions of each run: with mine at first those that fit beside it, then further runs."""
    room = SMALL * crowd.book.open_interest(crowd.s0)
    runs: list[Held] = [[("", None, mine)]]
    with_orders = mine.has_orders
    for other in others:
        for held in runs:
            fits = sum(p.notional for _, _, p in held) + other[2].notional <= room
            # an order in the book has the general loop run: the run of the position stays in its own
            if fits and (held is not runs[0] or with_orders or crowd.needs_mechanics or not other[2].has_orders):
                held.append(other)
                break
        else:
            runs.append([other])
    return runs


def _answer(
    runs: list[Held],
    crowd: Design,
    mine: Position,
    threads: int | None,
    bar: Callable[[int, int], None] | None,
) -> list[tuple[Design, Watched]]:
    found, n = [], len(crowd.book)
    for i, held in enumerate(runs):
        design = replace(crowd, book=added(crowd, [position for _, _, position in held]))
        classes = np.full(len(design.book), -1)
        if i == 0:
            table = queue(design, mine.side)
            classes[table.index] = table["light"] - 1
        early = min(design.n_steps, max(1, round(HOUR / design.step)))
        chosen = np.arange(n, n + len(held))
        found.append((design, watch(design, chosen, classes, early, threads=threads, progress=bar)))
    return found


def _of_all(progress: Callable[[int, int], None], runs: int) -> Callable[[int, int], None]:
    """Progress of several runs one after the other."""
    before, last = [0], [0]

    def shown(done: int, total: int) -> None:
        if done < last[0]:
            before[0] += 1
        last[0] = done
        progress(before[0] * total + done, runs * total)

    return shown


def _rates(watched: Watched, k: int, result: Any = None) -> dict[str, Estimate]:
    """P(liquidated), P(ADL), P(both), P(closed by an order) and the mean share of a chosen position."""
    result = watched.result if result is None else result
    hits, w = watched.hits[:, k], result.weights
    need = result.paths["net_loss_peak" if result.curve_refused else "fund_needed"].to_numpy(float)
    both = hits["adl"] & hits["liquidated"]
    return {
        "liquidated": event_probability(hits["liquidated"], w),
        "adl": event_probability(hits["adl"], w, need),
        "both": event_probability(both, w),
        "ordered": event_probability(hits["ordered"], w),
        "share": replace(ratio(hits["share"], np.ones(hits.size), w, 1.0), unit=PROBABILITY),
    }


def _given(values: np.ndarray, w: Weights | None, given: np.ndarray, unit: str) -> Estimate:
    if not given.any():
        return Estimate(np.nan, np.nan, np.nan, np.nan, "no path with a hit", unit)
    if unit == PROBABILITY and values.max() <= 1.0:  # a share, whose interval stays one
        return replace(ratio(values * given, given.astype(float), w, 1.0), unit=unit)
    return replace(conditional_mean(values, w, given), unit=unit)


def _expected(p: Estimate, given: Estimate, money: str) -> Estimate:
    """P(ADL) times a mean given ADL of some of the hits, with the errors of both as if they were independent."""
    value = p.value * given.value
    se = float(np.hypot(p.se * given.value, p.value * given.se))
    note = p.note or given.note
    return Estimate(value, se, value - 1.96 * se, value + 1.96 * se, note, money)


def _now(design: Design, number: int, mine: Position) -> dict[str, Any]:
    table = queue(design, mine.side)
    row = table.loc[number]
    return {
        "light": int(row["light"]), "rank": int(row["rank"]), "of": len(table), "score": float(row["score"]),
        "notional_ahead": float(row["notional_ahead"]), "can_give": bool(row["can_give"]),
        "winners": int(table["can_give"].sum()), "convention": table.attrs["convention"],
    }  # fmt: skip


def _lights(design: Design, mine: Position, number: int, watched: Watched) -> pd.DataFrame:
    """Hits of the side of the position by light at the start."""
    table, w = queue(design, mine.side), watched.result.weights if watched.result is not None else None
    rows = []
    for light in range(LIGHTS, 0, -1):
        held = table[table["light"] == light]
        row: dict[str, Any] = {"light": light, "positions": len(held), "notional": float(held["notional"].sum())}
        for name, counted in (("hour", watched.by_class_early), ("horizon", watched.by_class)):
            hits = counted[:, light - 1].astype(float) if counted.shape[1] >= light else np.zeros(len(counted))
            e = ratio(hits, np.full(hits.size, float(len(held))), w, 1.0)
            row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
        rows.append(row)
    return pd.DataFrame(rows)


def _moves(design: Design, number: int, mine: Position) -> pd.DataFrame:
    """Jumps in the direction that the position gains by."""
    if adl_moves.refused(design):
        return pd.DataFrame()
    jumps = adl_moves.Jumps(design, np.array([number]))
    direction = "rise" if mine.side == "long" else "fall"
    grid = adl_moves.grid_of(design.s0)[direction]
    found = jumps.to(grid)
    assert found.result is not None
    any_adl = found.result.paths["adl_count"].to_numpy() > 0
    begins = adl_moves.begin(jumps, direction, grid, any_adl, adl_moves.has_adl).price
    to_me = adl_moves.begin(jumps, direction, grid, found.hits["adl"][:, 0], lambda x: bool(x.hits["adl"][0, 0])).price
    prices = np.unique(np.append(grid, [p for p in (begins, to_me) if not np.isnan(p)]))
    prices = prices if direction == "rise" else prices[::-1]
    found, reach = jumps.to(prices), Reach.of_model(design)
    rows = []
    for i, price in enumerate(prices):
        move = price / design.s0 - 1.0
        place = queue(design, mine.side, float(price)).loc[number]
        chance = adl_moves.chance(reach, direction, float(move), design)
        rows.append(
            {
                "move": move, "price": price, "begins": "me" if price == to_me else "ADL" if price == begins else "",
                "share": float(found.hits["share"][i, 0]), "light": int(place["light"]), "rank": int(place["rank"]),
                "notional_ahead": float(place["notional_ahead"]), "probability": chance.value,
                "probability_low": chance.low, "probability_high": chance.high, "note": chance.note,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _variant_rows(runs: list[Held], found: list[Watched]) -> Iterator[dict[str, Any]]:
    result = found[0].result
    assert result is not None
    own = found[0].hits["adl"][:, 0].astype(float)
    for held, watched in zip(runs, found, strict=True):
        for k, (varied, value, position) in enumerate(held):
            row: dict[str, Any] = {"varied": varied or "this position", "value": value} | position.as_row()
            for name, e in _rates(watched, k, watched.result).items():
                row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
            gap = mean(watched.hits["adl"][:, k].astype(float) - own, weights=result.weights)
            row |= {"adl_difference": gap.value, "adl_difference_low": gap.low, "adl_difference_high": gap.high}
            yield row


def _funds(
    design: Design,
    number: int,
    watched: Watched,
    funds: list[float],
    threads: int | None,
    bar: Callable[[int, int], None] | None,
) -> pd.DataFrame:
    """The same of other funds; paths that need less than a fund have no ADL, and are not worked."""
    result = watched.result
    assert result is not None
    usd = design.book.open_interest(design.s0) / design.usd_of_money
    own = sized_layer.capital_of(design)
    rows = []
    for fund in sorted({own, *funds}):
        one = watched
        if fund != own:
            needs = result.paths["fund_needed"].to_numpy() > fund
            if result.curve_refused or not adl_is_depletion(result.config):
                needs = None
            other = sized_layer.with_capital(design, fund)
            nobody = np.full(len(design.book), -1)
            if needs is None or needs.any():
                one = watch(other, np.array([number]), nobody, 0, only=needs, threads=threads, progress=bar)
            else:
                one = Watched(np.zeros_like(watched.hits[:, :1]), watched.by_class, watched.by_class_early, None)
            any_adl = needs if one.result is None else one.result.paths["adl_count"].to_numpy() > 0
            assert any_adl is not None
        else:
            any_adl = result.paths["adl_count"].to_numpy() > 0
        rates = _rates(one, 0, result) | {"any_adl": event_probability(any_adl, result.weights, _need(result))}
        row: dict[str, Any] = {"fund": fund, "of_open_interest": fund / usd}
        for name in ("any_adl", "adl", "share"):
            row |= {name: rates[name].value, f"{name}_low": rates[name].low, f"{name}_high": rates[name].high}
        rows.append(row)
    return pd.DataFrame(rows)


def _need(result: Any) -> np.ndarray:
    return np.asarray(result.paths["net_loss_peak" if result.curve_refused else "fund_needed"].to_numpy(float))


def _notes(design: Design, mine: Position, crowd: Design, runs: list[Any]) -> Iterator[str]:
    interest = crowd.book.open_interest(crowd.s0)
    yield (
        f"The other side of the position, {notional(mine.notional)} ({percent(mine.notional / interest)} of open "
        "interest), is held outside the crowd: it is never liquidated, and ADL never takes from it."
    )
    if len(runs[0]) > 1:
        total = sum(p.notional for _, _, p in runs[0][1:])
        yield (
            f"{len(runs[0]) - 1} variants stand in the same run as further accounts, {notional(total)} or "
            f"{percent(total / interest)} of open interest together."
        )
    if len(runs) > 1:
        rest = sum(len(held) for held in runs[1:])
        yield f"{rest} variants are too large for that, or have orders: {len(runs) - 1} more runs on the same prices."
    if design.venue.policy != "queue":
        yield (
            f"ADL of this venue shares by {design.venue.policy}, and has no queue: rank and light are those of its "
            "score, and do not say who goes first."
        )
    elif design.venue.score == UNRANKED:
        yield "This venue draws the order of its queue anew in each event: rank and light say nothing."
    if why := adl_moves.refused(design):
        yield f"No curve of moves: {why}."
    if mine.notional > 0.01 * interest:
        yield "The position is more than 1 % of open interest: what it does to the crowd is in the answer."
