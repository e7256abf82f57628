"""Writes docs/mechanics.md: the nine venues with the rules of part I, and with their own, on one market.

From the root: `python docs/make_mechanics.py`; some minutes. A venue's two designs have the same traders, the same
price paths and the same fund, so that differences are paired (`stress.compare`).
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import stress  # noqa: E402
from docs.cases.case import line  # noqa: E402
from stress.formatting import SPACE, count, percent, significant  # noqa: E402

PAGE = ROOT / "docs" / "mechanics.md"
SCENARIO = ROOT / "examples" / "quickstart.toml"
PATHS, ACCOUNTS, OPEN_INTEREST, FUND, SEED, ALPHA = 5_000, 2_000, 2e9, 1.8e6, 7, 0.01
LATE: dict[str, Any] = {"delay": 60.0, "jump_gap": 0.57}
PASSTHROUGH = 0.5
BOOKS = {
    f"With an order book (`binance-like`, passthrough {PASSTHROUGH})": stress.Depth.load(
        "binance-like", passthrough=PASSTHROUGH
    ),
    "Without one: the prices hold the impact already": None,
}
FUND_ROW, ADL_ROW = f"fund for alpha = {ALPHA:g}", "P(somebody is auto-deleveraged)"
OTHERS: dict[str, list[dict[str, Any]]] = {  # what the presets assume, at other values that are plausible
    "binance": [
        *({"buffer": 0.01}, {"buffer": 0.25}, {"unload_half_life": 60.0}, {"unload_half_life": 14_400.0}),
        *({"closeout": "whole", "buffer": None}, {"takeover_below": math.inf}),
    ],
    "hyperliquid": [
        *({"cooldown": 0.0}, {"cooldown": 300.0}, {"unload_half_life": 60.0}, {"unload_half_life": 14_400.0}),
    ],
    "dydx": [{"buffer": 0.01}, {"buffer": 0.1}, {"throughput": 25.0}, {"throughput": 100.0}, {"throughput": 1.0}],
}
ENTRY, MARGIN = 50_000.0, 0.1  # of the positions that are looked at one by one, BTC of Binance
SIZES = (1e5, 5e5, 2e6, 8e6, 30e6)  # USD at entry, one in each of the lowest tiers
FALL = line([(0.0, ENTRY), (43_200.0, 0.85 * ENTRY)], 60.0)
INTRO = f"""\
# What the venues' own rules are worth

Made by `python docs/make_mechanics.py`; change that, not this page.

A preset runs with its venue's own rules as far as they are modelled ([venues](venues.md) lists them). Here each is
compared with its simple variant, `rules = "simple"`: part I of [the model](model.md), where a position is closed whole
at the market as soon as it is met. Both have the same {ACCOUNTS:,} traders (`retail`, {OPEN_INTEREST / 1e9:g} billion
USD of open interest on each side, drawn under the venue's limits of leverage), the same {PATHS:,} paths of a day (the
prices and the delay of a minute of `examples/quickstart.toml`) and the same fund of {FUND / 1e6:g} million USD, which
on Hyperliquid is the capital of the vault. Differences are own minus simple, paired, with 95 % intervals.

It is a market made up to compare rules. With {ACCOUNTS:,} accounts the largest hold tens of millions, which is where
tiers and cuts matter; a crowd of small accounts is hardly touched by step-downs.
"""
READING = """\
Where positions are brought down tier by tier (Bybit, BitMEX, MEXC, OKX) a cut leaves its share of the margin to the
trader, where a position that is closed whole leaves all of it to the fund: the fund earns less, and pays at the end for
rests that have lost more. Where the fund or a vault takes positions over (Binance, Hyperliquid) the market gets their
orders spread over time instead of at the worst moment, and the carrier bears the price in the meantime: with an order
book that moves the price the first is worth more, without one only the second is left. On dYdX the fee of 1.5 % takes
what a cut frees of a maintenance margin of 1.2 %, so the pieces end as the whole does.
"""
ASSUMED = """\
## What the assumed figures are worth

With the order book; each line changes one figure of the preset, and is compared with the preset as it is. Values are
the ends of what is plausible (the preset says why); 300 s of rest and one liquidation a second are well beyond it.
"""
FEE = """\
## A fee above the maintenance margin

Binance takes a clearance fee of 1.25 % of what is closed, and asks for a maintenance margin of 0.4 % in the lowest tier
of BTC. So a cut costs more margin than it frees, and no cut makes such a position compliant. That follows from the
published rules: the venue's page of 2020 says that smaller positions are nearly always liquidated whole, since their
maintenance margin is below the fee and they are bankrupt before it begins, and its later pages hand to the fund what is
still deficient after the order. None says how much the order sells before. Here cuts go on until the margin is used
up. By hand, in the lowest tier at a price that stands still, in per cent of the notional at which it is met:

{hand}
By size, for a long with a margin of a tenth, while BTC falls by 15 % in a book without bottom. What is taken over has
nothing left of its margin, and is bought at the mark:

{sizes}
So of a position below some 6 million USD the fund takes a part. From there to 12 million eight cuts do not restore the
margin, and the rest is sold at once. Above, where the rate of the tier is 2 % and more, cuts restore it, as the page
says; they go on as the price falls. The two ends of what the pages leave open are in the next table: the order sells
everything (`closeout` whole, which is too much for large positions), or nothing, and the fund takes each position that
is met (`takeover_below` inf). Both move the fund by less than its error; the second raises P(ADL) by 0.3 points.
"""

LAST = f"""\
The 1 % fund is where a path is not depleted with 99 % probability; with a trigger of 30 % of the peak (Bybit, OKX) it
is the loss divided by 0.3. Of the {count(PATHS, "path")} about {round(PATHS * ALPHA)} lie beyond it.
"""


def design(venue: stress.Venue, depth: stress.Depth | None) -> stress.Result:
    """A day of a venue; the traders are drawn with the same seed."""
    model = stress.load_scenario(SCENARIO).price_model[0]
    spec = stress.PopulationSpec.load("retail", accounts=ACCOUNTS, open_interest=OPEN_INTEREST)
    book = stress.Book.sample(spec, venue=venue, price=model.s0, seed=1)
    return stress.simulate(
        book, venue, model, fund=FUND, n_paths=PATHS, horizon="1d", seed=SEED, depth=depth, detail="paths", **LATE
    )


def simple(venue: stress.Venue) -> stress.Venue:
    """The rules of part I; the layer of cash keeps its name, so that the two are the same capital."""
    return replace(venue.simplified(), waterfall=venue.waterfall)


def row(table: pd.DataFrame, quantity: str) -> dict[str, Any] | None:
    found = table[table["quantity"] == quantity]
    return found.iloc[0].to_dict() if len(found) else None


def millions(value: float, bound: str = "") -> str:
    if value != value:
        return "–"
    return f"{'at least ' if bound else ''}{significant(0.0 if abs(value) < 1 else value / 1e6, 3)}"


def funds(one: dict[str, Any] | None) -> list[str]:
    """The fund of both designs and the difference, USD M."""
    if one is None:
        return ["–"] * 3
    base, value = millions(one["base"], one["base_bound"]), millions(one["value"], one["value_bound"])
    if one["low"] != one["low"]:
        return [base, value, "not known"]
    return [base, value, f"{millions(one['difference'])} ({millions(one['low'])} to {millions(one['high'])})"]


def points(one: dict[str, Any] | None) -> list[str]:
    """The probability of both designs, and the difference in percentage points."""
    if one is None:
        return ["–"] * 3
    difference, low, high = (f"{100 * one[name]:+.2f}" for name in ("difference", "low", "high"))
    return [percent(one["base"]), percent(one["value"]), f"{difference} ({low} to {high})"]


def events(result: stress.Result) -> list[str]:
    """Cuts and take-overs of a path."""
    paths = result.paths
    names = ("partial_count", "takeover_count")
    return [significant(float(paths[name].mean()), 2) if name in paths else "0" for name in names]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    align = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, align, *rows])


def venues() -> Iterator[tuple[str, stress.Venue]]:
    """Every preset, on its market in BTC; WEEX publishes no tiers of it, so those of gold stand for them."""
    for info in stress.list_venues():
        yield info.name, stress.load_venue(info.name, info.markets[0])


def before_and_after(depth: stress.Depth | None, kept: dict[str, stress.Result]) -> str:
    rows = []
    for name, venue in venues():
        if not venue.mechanics:
            rows.append([name, *["–"] * 6, "no rule added", ""])
            continue
        found = {"simple": design(simple(venue), depth), "own": design(venue, depth)}
        kept[name] = found["own"]
        table = stress.compare(found, [ALPHA])
        rows.append([name, *funds(row(table, FUND_ROW)), *points(row(table, ADL_ROW)), *events(found["own"])])
    head = ["venue", "1 % fund, simple (USD M)", "own", "difference", "P(ADL), simple", "own", "difference (points)"]
    return markdown([*head, "cuts a day", "taken over a day"], rows)


def by_hand(venue: stress.Venue) -> str:
    """Cuts of a position in the lowest tier, by the sentences of the model alone."""
    assert venue.buffer is not None
    rate, left = venue.tiers[0].maintenance_rate, 1.0
    equity, rows = rate, []
    while equity > 0.0:
        sold = left - equity / (1.0 + venue.buffer) / rate
        fee = min(venue.fee_rate * sold, equity)
        figures = (equity, rate * left, sold, venue.fee_rate * sold, fee, left - sold)
        rows.append([f"{len(rows) + 1}", *(f"{100 * figure:.4g}" for figure in figures)])
        equity, left = equity - fee, left - sold
    return markdown(["cut", "equity", "maintenance margin", "sold", "fee", "fee that is paid", "left"], rows)


def fallen(venue: stress.Venue, notional: float) -> dict[str, float]:
    """What becomes of a long on the way down, as shares of it; the short on the other side is never met."""
    quantity = notional / ENTRY
    book = stress.Book([1, -1], [quantity] * 2, [ENTRY] * 2, [MARGIN * notional, 10.0 * notional])
    path = stress.simulate(book, venue, FALL, fund=1e9, gap=0.0, detail="paths").paths.iloc[0]
    cut, taken = (float(path[f"{name}_quantity"]) / quantity for name in ("partial", "takeover"))
    return {"cuts": float(path["partial_count"]), "cut": cut, "taken": taken, "whole": 1.0 - cut - taken}


def by_size(venue: stress.Venue) -> str:
    rows = []
    for notional in SIZES:
        found = fallen(venue, notional)
        rate = float(venue.maintenance_margin(notional / ENTRY, ENTRY)) / notional
        shares = (percent(abs(round(found[name], 6))) for name in ("cut", "taken", "whole"))
        rows.append([millions(notional), percent(rate), f"{found['cuts']:.0f}", *shares])
    return markdown(["USD M", "maintenance margin", "cuts", "sold by cuts", "taken over", "rest, sold at once"], rows)


def assumed(kept: dict[str, stress.Result], depth: stress.Depth | None) -> str:
    rows = []
    for name, changes in OTHERS.items():
        venue = dict(venues())[name]
        for change in changes:
            rule, value = next(iter(change.items()))  # further ones belong to it
            other = design(replace(venue, **change), depth)
            table = stress.compare({"preset": kept[name], "other": other}, [ALPHA])
            new, old = (x if isinstance(x, str) else f"{x:g}" for x in (value, getattr(venue, rule)))
            text = f"{name}: `{rule}` {new}{SPACE}instead of {old}"
            rows.append([text, *funds(row(table, FUND_ROW)), *points(row(table, ADL_ROW))])
    head = ["", "1 % fund, preset (USD M)", "changed", "difference", "P(ADL), preset", "changed", "difference (points)"]
    return markdown(head, rows)


def render() -> str:
    """The page."""
    warnings.simplefilter("ignore")
    parts, kept = [INTRO], {}
    for number, (title, depth) in enumerate(BOOKS.items()):
        own: dict[str, stress.Result] = {}
        parts += [f"## {title}\n", before_and_after(depth, own)]
        kept[number] = own
    binance = dict(venues())["binance"]
    parts += [READING, FEE.format(hand=by_hand(binance), sizes=by_size(binance))]
    parts += [ASSUMED, assumed(kept[0], next(iter(BOOKS.values())))]
    parts.append(LAST)
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
