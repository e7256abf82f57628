"""What the rules of part II of the model cost: each alone and all together, against the run without them.

A run with a rule and the run without it take turns, and the ratio is that of two neighbours in time: what else the
machine does meanwhile falls on both. Both have the market and the prices of `stress.bench.market`, the same settlement,
retail traders, and a fund that a twentieth of the paths deplete without the rule. A rule changes how many events there
are (cuts, stops, take-overs); the ratio is of whole runs, so it holds both what a rule costs and what it makes happen.
"""

from __future__ import annotations

import statistics
import time
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import stress
from stress.bench import market, scale
from stress.engine.blocks import work_block

if TYPE_CHECKING:
    from stress.engine.design import Design

IN_CONTRACTS = ("venue.settlement=bankruptcy",)
VAULT = (
    *IN_CONTRACTS,
    "venue.carrier=vault",
    "venue.takeover_below=0.6667",
    "venue.unload_half_life=10min",
    'venue.waterfall=["vault", "fund", "adl", "house", "socialise"]',
    "layers.vault.capital=2M",
    "layers.house.capital=1M",
)
ORDERS = (
    "population.stop_share=0.3",
    "population.stop_distance=0.05",
    "population.take_profit_share=0.3",
    "population.take_profit_distance=0.05",
)
FUNDING = "funding.interval=8h", "funding.rate=0.0001"
OUTAGES = ("events.outages=[[36000, 37800]]",)
FALLING = "depth.scale=0.05", "depth.power=2"


class Option(NamedTuple):
    """A rule, and the run that it is compared with.

    Parameters
    ----------
    name : str
    changes : tuple of str
        Keys of the scenario, with their values, of the run with the rule.
    without : tuple of str
        Of the run without it, where that is not the market as it is.
    """

    name: str
    changes: tuple[str, ...]
    without: tuple[str, ...] = ()


OPTIONS = (
    Option("fraction", ("venue.closeout=fraction", "venue.fraction=0.2", "venue.cooldown=1min")),
    Option("tiers", ("venue.closeout=tiers",)),
    Option("restore", ("venue.closeout=restore", "venue.buffer=0.5")),
    Option("vault that takes over", (*VAULT[:4], 'venue.waterfall=["vault", "adl"]', "layers.vault.capital=3.6M",
                                                 "fund.initial=0"), IN_CONTRACTS),
    Option("layers", ('venue.waterfall=["fund", "house", "adl", "vault", "socialise"]', "layers.house.capital=1M",
                      "layers.vault.capital=1M")),
    Option("fund in coin", ("venue.fund_in=coin",)),
    Option("throughput", ("venue.throughput=20",)),
    Option("outage", OUTAGES),
    Option("stops, take-profits", ORDERS),
    Option("funding", FUNDING),
    Option("average mark", ("venue.mark=ema", "venue.mark_half_life=1min")),
    Option("clamped mark", ("venue.mark=clamp", "venue.mark_clamp=0.001")),
    Option("stale mark", ("events.stale=[[36000, 37800]]",)),
    Option("bad tick", ("events.bad_ticks=[[36000, 0.97]]",)),
    Option("margin call", ("venue.liquidation=margin_call", "venue.call_deadline=1h", "venue.top_up=0.7")),
    Option("depth that falls", FALLING),
    Option("all together", (
        *VAULT, "venue.closeout=fraction", "venue.fraction=0.2", "venue.cooldown=1min", "venue.fund_in=coin",
        "venue.throughput=20", *OUTAGES, "events.stale=[[50000, 50600]]", "events.bad_ticks=[[60000, 0.99]]", *ORDERS,
        *FUNDING, "venue.mark=ema", "venue.mark_half_life=1min", *FALLING,
    ), IN_CONTRACTS),
)  # fmt: skip


def measure(traders: int, paths: int, rounds: int) -> dict[str, Any]:
    """Costs of all options.

    Parameters
    ----------
    traders, paths, rounds : int

    Returns
    -------
    dict
        traders, paths, and `rows`: name, ratio (median over the rounds), low and high (least and largest of them),
        seconds and seconds_without (medians, of the processor), events and events_without (liquidated a path).
    """
    return {"traders": traders, "paths": paths, "rows": [cost(option, traders, paths, rounds) for option in OPTIONS]}


def cost(option: Option, traders: int, paths: int, rounds: int) -> dict[str, Any]:
    """One row of `measure`."""
    without = load(traders, paths, *option.without)
    fund = scale.with_depleted(without, 1).fund
    without = replace(without, fund=fund)
    rule = load(traders, paths, *option.changes)
    if rule.fund:
        rule = replace(rule, fund=fund)
    counts = [market.work(design).paths["liquidated_count"].mean() for design in (without, rule)]
    pairs = [[_seconds(design) for design in (without, rule)] for _ in range(rounds)]
    ratios = [with_rule / alone for alone, with_rule in pairs]
    before, after = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "name": option.name,
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "seconds": after,
        "seconds_without": before,
        "events": float(counts[1]),
        "events_without": float(counts[0]),
    }


def load(traders: int, paths: int, *changes: str) -> Design:
    """Design of the retail book on the market, with keys of its scenario changed; outcomes per path only."""
    keys = (f"population.accounts={traders}", f"run.paths={paths}", *market.BOOKS["retail"], *changes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # caveats of results do not matter for timings
        design: Design = stress.load_scenario(market.MARKET, keys).build().design
    return replace(design, detail="paths")


def _seconds(design: Design) -> float:
    start = time.process_time()  # on one thread; what else the machine does counts little
    work_block([design], 0, design.n_paths)
    return time.process_time() - start
