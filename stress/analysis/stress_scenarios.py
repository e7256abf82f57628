"""Stress scenarios: the crashes that come with the package, played on the book of today.

Every episode (`stress.prices.episode`) is scaled to the price that the scenario starts from and played on its book,
under its venue and fund, once for each of some delays from trigger to fill. It is one path: what comes out is exact
for that path, has no sampling error, and no probability.

Which delay. An episode holds continuous moves alone, so a fill at its trigger loses nothing, and how late fills are
decides the answer (`stress.scenario.lateness`). No venue publishes it: three delays are shown, or three gaps where the
scenario states a gap. Steps cannot tell a delay below half of their length, and such rows say so: what they cost is the
shape of a straight line (docs/delay.md).

Depth. Prices of a crash hold the impact of the liquidations of that day. A finite depth counts that impact again, so
the rows leave it out, whatever the scenario says, unless they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from stress import quantities
from stress.analysis import sized_layer
from stress.analysis.study import run_designs
from stress.arguments import is_finite
from stress.book.classes import leverage_range
from stress.engine.design import Design
from stress.errors import InputError, Problem, raise_if
from stress.formatting import SPACE, count, duration, percent, short_duration, usd
from stress.prices.episode import Episode, EpisodeInfo, list_episodes
from stress.results.result import Result
from stress.results.sizing import curve_refused
from stress.scenario.lateness import cannot_tell
from stress.scenario.scenario import Scenario, as_scenario
from stress.venue.mechanics import ADL

DELAYS = (10.0, 60.0, 300.0)  # seconds: an engine that is busy, overloaded, and down for a while
GAPS = (0.25, 0.5, 1.0)
OPEN_CALLS = "margin calls whose deadline comes after the episode are open at its end: what they lose is not counted"
BINS = (2, 5, 10, 20, 50, 100)  # of effective leverage


def stress_scenarios(
    scenario: Scenario | str | Path,
    delays: Sequence[float | str] | None = None,
    episodes: Sequence[str] | None = None,
    *,
    gaps: Sequence[float | str] | None = None,
    depth: bool = False,
    fund: float | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Play the shipped episodes on the book of a scenario.

    Parameters
    ----------
    scenario : Scenario or path
        Its book, venue, fund and depth are used, and of its prices the price they start from.
    delays : sequence of float, optional
        Seconds from trigger to fill, 0 or more, or text such as "10s". Default: 10 s, 1 min and 5 min, unless there
        are gaps.
    episodes : sequence of str, optional
        Names of `stress.prices.list_episodes()`; default: all.
    gaps : sequence of float, optional
        Shares of the move of a step that cannot be traded through, in [0, 1], in the place of delays. Default: 0.25,
        0.5 and 1 where the scenario states a gap and no delays are given; otherwise none.
    depth : bool
        Whether to add rows with the scenario's depth, which counts the impact of the day's own liquidations twice.
    fund : float, optional
        Initial capital, USD, of the first layer of cash, the insurance fund on most venues; default: that of the
        scenario.
    progress : callable, optional
        Called with (rows done, rows in all) after every episode.

    Returns
    -------
    DataFrame
        A row per episode, depth and fill, in that order. Each is one path, exact and without a sampling error.

        - `scenario`, `title`, `kind` ("episode")
        - `delay` (seconds; nan: fills by a gap), `gap` (nan: fills by a delay), `jump_gap` (of the scenario; an episode
          holds no jumps, so that it plays no part), `depth` (whether forced orders move the price)
        - `fall`, `rise`: lowest and highest price over the first, less 1; at most and at least 0
        - `liquidated` (positions), `liquidated_notional` (USD at S_0), `deficits` (USD, sum of what liquidations lost
          beyond the margin)
        - `fund_needed` (USD, the smallest initial fund that is not depleted), `needed_share` (of the open interest of
          one side), `fund_drawn` (USD, initial less lowest balance), `fund_left` (USD, at the end), `depleted`
        - `adl_money` (USD raised or forgone by ADL), `adl_positions`, `adl_accounts`, `adl_longs`, `adl_shorts`
          (shares of the positions hit; nan: none is)
        - `worst_bucket`: the class of effective leverage of which the largest share of positions is hit by ADL, and
          `worst_rate`, that share; "" and nan: none is hit
        - `told`: whether the steps can tell the delay; `note`: what a reader has to know of the row

        `attrs["layer"]` names the first layer of cash, which `fund_...` are of; `attrs["fund"]` is its capital,
        `attrs["money"]` what it is in; `attrs["adl"]` whether the waterfall has ADL.

    Raises
    ------
    InputError
        With everything that is wrong with the scenario, its files and the arguments; with the reason, where what the
        fund needs does not follow from one run (`Result.curve_refused`).
    """
    scenario = as_scenario(scenario)
    names = [info.name for info in list_episodes()] if episodes is None else list(episodes)
    late: Any = [quantities.seconds(x) for x in delays] if isinstance(delays, (list, tuple)) else delays
    shares: Any = [quantities.number(x) for x in gaps] if isinstance(gaps, (list, tuple)) else gaps
    money: Any = quantities.number(fund)
    today = replace(scenario.build().design, renewal=None)  # a crash is played on one book
    wrong = sized_layer.problems_of_capital(today, money, "stress_scenarios")
    raise_if([*_problems(scenario, names, late, shares, depth), *wrong])
    if why := curve_refused(today.describe()):
        expected = f"a fund whose need follows from one run ({why}); stress.fund_grid runs a grid of funds"
        raise InputError(Problem("stress_scenarios", expected))
    today = today if fund is None else sized_layer.with_capital(today, float(money))
    fills = _fills(scenario, late, shares)
    infos = {info.name: info for info in list_episodes()}
    rows: list[dict[str, Any]] = []
    per_episode = len(fills) * (1 + depth)
    for i, name in enumerate(names):
        rows += _play(today, infos[name], fills, [None, today.depth] if depth else [None])
        if progress is not None:
            progress((i + 1) * per_episode, len(names) * per_episode)
    out = pd.DataFrame(rows)
    layer, capital = sized_layer.name_of(today), sized_layer.capital_of(today)
    out.attrs |= {"money": today.venue.money, "layer": layer, "fund": capital}
    out.attrs["adl"] = ADL in today.venue.waterfall
    return out


def worst_scenario(table: pd.DataFrame) -> pd.Series:
    """The row of `stress_scenarios` that needs the largest fund, the first of equal ones.

    Rows whose steps cannot tell the delay, and rows with depth, which counts impact twice, are left aside where there
    are others.
    """
    for kept in (table[table["told"] & ~table["depth"]], table[~table["depth"]], table):
        if len(kept):
            return kept.loc[kept["fund_needed"].idxmax()]
    raise ValueError("a table without rows")


def worst_in_words(table: pd.DataFrame) -> str:
    """A sentence that names the worst scenario, what it needs, and whether the fund holds."""
    row, layer = worst_scenario(table), table.attrs.get("layer", "fund")
    name = f"{row['scenario']} ({row['title'].partition(':')[0]}), {_fill_in_words(row)}"
    if row["fund_needed"] <= 0:
        return f"No scenario takes anything of the {layer}; the first is {name}."
    needs = (
        f"Worst: {name}: the {layer} needs {usd(row['fund_needed'])}, {percent(row['needed_share'])} of open interest"
    )
    end = "is depleted" if row["depleted"] else "holds"
    if not row["adl_accounts"]:
        return f"{needs}, and {end}."
    return f"{needs}, and {end}: ADL hits {count(int(row['adl_accounts']), 'account').replace(SPACE, ' ')}."


def _fill_in_words(row: Any) -> str:
    return f"fills {duration(row['delay'])} late" if row["gap"] != row["gap"] else f"at a gap of {row['gap']:g}"


def fill_label(row: Any) -> str:
    """How late fills are in a row, for a narrow column: "1 min", "gap 0.5"."""
    return short_duration(row["delay"]) if row["gap"] != row["gap"] else f"gap {row['gap']:g}"


def _problems(scenario: Scenario, names: list[Any], delays: Any, gaps: Any, depth: Any) -> Iterable[Problem]:
    known = [info.name for info in list_episodes()]
    for name in names:
        if name not in known:
            yield Problem("stress_scenarios", f"one of {', '.join(known)}", column="episodes", value=name)
    if not names:
        yield Problem("stress_scenarios", f"at least one of {', '.join(known)}", column="episodes", value=names)
    rules: tuple[tuple[str, Any, Callable[[float], bool], str], ...] = (
        ("delays", delays, lambda x: 0 <= x < math.inf, "seconds, 0 or more"),
        ("gaps", gaps, lambda x: 0 <= x <= 1, "shares from 0 to 1"),
    )
    for column, values, valid, expected in rules:
        given = [] if values is None else list(values)
        if values is not None and not given:
            yield Problem("stress_scenarios", expected, column=column, value=values)
        for value in given:
            if not (is_finite(value) and valid(value)):
                yield Problem("stress_scenarios", expected, column=column, value=value)
    if delays is not None and gaps is not None:
        yield Problem("stress_scenarios", "no gaps beside delays: each says how late a fill is", column="gaps")
    if depth and scenario.depth is None:
        expected = "False: the scenario has no [depth]"
        yield Problem("stress_scenarios", expected, column="depth", value=depth)


def _fills(scenario: Scenario, delays: Sequence[float] | None, gaps: Sequence[float] | None) -> list[dict[str, Any]]:
    """How late fills are: arguments of a `Design`."""
    if gaps is None and delays is None and scenario.run.gap is not None:
        gaps = GAPS
    if gaps is not None:
        return [{"gap": float(gap), "delay": None} for gap in dict.fromkeys(gaps)]
    return [{"gap": 0.0, "delay": float(delay)} for delay in dict.fromkeys(delays or DELAYS)]


def episode_design(today: Design, name: str, fill: dict[str, Any], *, depth: Any = None, scale: float = 1.0) -> Design:
    """An episode on the book of a design, from its price on; the moves are `scale` times as large in log price."""
    prices = Episode(name, scale=scale, s0=today.s0)
    return replace(
        today,
        prices=prices,
        n_paths=1,
        n_steps=prices.n_steps,
        step=prices.step,
        depth=depth,
        detail="positions",
        renewal=None,
        tail=None,
        batch=None,
        **fill,
    )


def _play(today: Design, info: EpisodeInfo, fills: list[dict[str, Any]], depths: list[Any]) -> list[dict[str, Any]]:
    """The rows of one episode."""
    lead = episode_design(today, info.name, fills[0])
    designs = [replace(lead, depth=depth, **fill) for depth in depths for fill in fills]
    return [_row(info, design, result) for design, result in zip(designs, run_designs(designs, threads=1), strict=True)]


def _row(info: EpisodeInfo, design: Design, result: Result) -> dict[str, Any]:
    path, s0, prices = result.paths.iloc[0], design.s0, design.prices.block(0, 0, 1, design.n_steps, design.step)
    delay = math.nan if design.delay is None else design.delay
    told = design.delay is None or not cannot_tell(design.delay, design.step)
    return {
        "scenario": info.name,
        "title": info.title,
        "kind": "episode",
        "delay": delay,
        "gap": design.gap if design.delay is None else math.nan,
        "jump_gap": design.jump_gap,
        "depth": design.depth is not None,
        "fall": float(prices.low.min()) / s0 - 1.0,
        "rise": float(prices.high.max()) / s0 - 1.0,
        "liquidated": int(path["liquidated_count"]),
        "liquidated_notional": float(path["liquidated_quantity"]) * design.usd_of_one,
        "deficits": float(path["deficit"]),
        "fund_needed": float(path["fund_needed"]),
        "needed_share": float(path["fund_needed"]) * design.usd_of_money / design.book.open_interest(s0),
        "fund_drawn": sized_layer.capital_of(design) - float(path["fund_low"]),
        "fund_left": float(path["fund_end"]),
        "depleted": bool(path["depleted"]),
        "adl_money": float(path["adl_usd"]),
        **_who_is_hit(result),
        "told": told,
        "note": _note(design, told, path),
    }


def _note(design: Design, told: bool, path: pd.Series) -> str:
    notes = []
    if not told:
        notes.append(f"steps of {duration(design.step)} cannot tell this delay")
    if design.delay is not None and design.delay >= design.n_steps * design.step:
        notes.append("the delay ends after the episode: all fills are at its last price")
    if design.depth is not None:
        notes.append("these prices hold the impact of real liquidations, which depth counts again")
    if "call_count" in path and path["call_count"] > path["call_closed_count"]:
        notes.append(OPEN_CALLS)
    return "; ".join(notes)


def _who_is_hit(result: Result) -> dict[str, Any]:
    """Whom ADL hits on the one path of a result."""
    hit = result.positions[result.positions["adl_rate"] > 0]
    nobody = {"adl_longs": math.nan, "adl_shorts": math.nan, "worst_bucket": "", "worst_rate": math.nan}
    counts: dict[str, Any] = {"adl_positions": len(hit), "adl_accounts": hit["account"].nunique()}
    if hit.empty:
        return counts | nobody
    rates = result.by_leverage(BINS)
    worst = rates.loc[rates["adl"].idxmax()]
    longs = float((hit["side"] == "long").mean())
    return counts | {
        "adl_longs": longs,
        "adl_shorts": 1.0 - longs,
        "worst_bucket": leverage_range(float(worst["lower"]), float(worst["upper"])),
        "worst_rate": float(worst["adl"]),
    }
