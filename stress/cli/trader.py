"""Commands of one position and of a whole book under ADL: `trader` and `moves`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress.cli import output
from stress.cli.common import (
    Fund,
    Paths,
    Quiet,
    ScenarioFile,
    Seed,
    Set,
    Threads,
    guarded,
    load,
    say_not_grown,
    say_that_it_compiles,
    with_bar,
)
from stress.formatting import (
    SPACE,
    duration,
    is_money,
    notional,
    percent,
    price_text,
    probability,
    set_money,
    significant,
    usd,
    visible,
)

if TYPE_CHECKING:
    import pandas as pd

    from stress.analysis.trader import Trader

EVERY = 8  # of the points of the curve of a position that are not a beginning, one is printed
LIT, UNLIT = "●", "○"


@guarded
def trader(
    venue: Annotated[str | None, typer.Option(help="A venue by name (perp-stress venues), or a venue file.")] = None,
    market: Annotated[str | None, typer.Option(help="Default: the first of the venue.")] = None,
    side: Annotated[str, typer.Option(metavar="long|short", help="Of the position.")] = "long",
    leverage: Annotated[str, typer.Option(metavar="X", help="Notional at entry over margin.")] = "10",
    notional_: Annotated[
        str, typer.Option("--notional", metavar="AMOUNT", help="Size at the start, USD, as 100k.")
    ] = "1e5",
    entry: Annotated[str | None, typer.Option(metavar="PRICE", help="Entry price. Default: the mark.")] = None,
    stop: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Stop: a mark price, or its distance from the mark, as 3%.")
    ] = None,
    take_profit: Annotated[str | None, typer.Option(metavar="PRICE", help="Take-profit, as --stop.")] = None,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Crowd, venue, prices, depth and fund of this scenario.")
    ] = None,
    book: Annotated[Path | None, typer.Option(metavar="FILE", help="A file of positions as the crowd.")] = None,
    fund: Fund = None,
    variants: Annotated[
        bool, typer.Option("--variants/--no-variants", help="Vary leverage, size, stop and take-profit.")
    ] = True,
    out: output.Table = None,
    picture: output.Picture = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Put one position into a crowd: liquidation, ADL, its light, the move that brings ADL to it, what that costs."""
    from stress.analysis.trader import trader as ask

    output.check_files(out, picture)
    given: dict[str, Any] = {
        "side": side, "leverage": leverage, "notional": notional_, "entry": entry, "stop": stop,
        "take_profit": take_profit, "scenario": scenario, "book": book, "fund": fund, "paths": paths, "seed": seed,
    }  # fmt: skip
    found = with_bar(quiet, lambda bar: ask(venue, market, **given, variants=variants, threads=threads, progress=bar))
    set_money(found.design.venue.money)
    summary = found.summary()
    if not quiet:
        print_trader(found, summary)
    output.keep_table(summary, out, quiet)
    if picture is not None:
        from stress.plots import plot_trader

        output.put_picture(lambda: plot_trader(found), picture)


@guarded
def moves(
    scenario: ScenarioFile,
    fund: Fund = None,
    out: output.Table = None,
    picture: output.Picture = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    quiet: Quiet = False,
) -> None:
    """Price moves against what ADL does to the whole book, and how likely they are."""
    from stress.analysis.adl_moves import adl_moves

    output.check_files(out, picture)
    loaded = load(scenario, set_, seed, paths)
    say_not_grown(loaded)
    if not quiet:
        say_that_it_compiles()
    found = adl_moves(loaded, fund=fund)
    if not quiet:
        print_curve(found)
    output.keep_table(found, out, quiet)
    if picture is not None:
        from stress.plots import plot_adl_moves

        output.put_picture(lambda: plot_adl_moves(found), picture)


def print_trader(found: Trader, summary: pd.DataFrame) -> None:
    """What stands behind the answer, the answer, the queue, the moves, the variants and the range of funds."""
    from stress.cli.console import console, table
    from stress.cli.terminal import records

    out, position, now = console(), found.position, found.now
    span = duration(found.design.n_steps * found.design.step)
    head = f"{position.side.capitalize()} {notional(position.notional)} at {position.leverage:g}x"
    out.print(f"{head}, entry {price_text(position.entry)}, within {span}\n")
    out.print(visible("\n".join(found.standing), keep="\n"))
    out.print("")
    rows = [(name, str(e) if is_money(e.unit) or e.is_withheld else _shown(e)) for name, e in found.estimates.items()]
    out.print(table(["", "estimate (95 % interval)"], rows, last=True))
    if found.sampled:
        out.print(f"Haircut and regret: {found.sampled}.")
    lit = LIT * now["light"] + UNLIT * (5 - now["light"])
    standing = "it has a profit" if now["can_give"] else f"without a profit it is behind all {now['winners']:,} winners"
    out.print(
        f"\nNow: {lit} ({now['light']} of 5 lights, by {now['convention']}), rank {now['rank']:,} of {now['of']:,} "
        f"on its side, {notional(now['notional_ahead'])} ahead of it; {standing}.\n\n"
        f"Hit by ADL within the hour and {span}, of all {position.side}s by their light now\n"
    )
    lights = [
        (
            LIT * r["light"] + UNLIT * (5 - r["light"]),
            f"{r['positions']:,}",
            notional(r["notional"]),
            probability(r["hour"], r["hour_low"], r["hour_high"]),
            probability(r["horizon"], r["horizon_low"], r["horizon_high"]),
        )
        for r in records(found.lights)
    ]
    out.print(table(["light", "positions", "notional", "1 hour", span], lights))
    if len(found.moves):
        out.print("\nWhich instantaneous move brings ADL to it, and how much of it that takes\n")
        out.print(table(["move", "price", "", "taken", "light", "ahead", f"likely within {span}"], _moves(found.moves)))
    if len(found.variants) > 1:
        out.print("\nVaried, on the same prices\n")
        titles = ["", "liquidated", "ADL", "difference", "share closed"]
        out.print(table(titles, [_variant(r, found) for r in records(found.variants)]))
    if len(found.funds) > 1:
        out.print("\nFor other funds, as none was given\n")
        titles = ["fund", "of open interest", "ADL of anybody", "ADL of this position"]
        out.print(table(titles, [_fund(r) for r in records(found.funds)]))
    for note in found.notes:
        out.print(visible(f"Note: {note}"))


def _shown(e: Any) -> str:
    text = probability(e.value, e.low, e.high)
    return f"{text} [{e.flag}]" if e.flag else text


def _moves(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    words = {"ADL": "ADL begins", "me": "ADL comes to it", "": ""}
    shown = (frame["begins"] != "") | (frame.index % EVERY == EVERY - 1)
    return [
        (
            signed(r["move"]), price_text(r["price"]), words[r["begins"]],
            percent(r["share"]) if r["share"] > 0 else "–", f"{r['light']}", notional(r["notional_ahead"]),
            _likely(r),
        )
        for r in frame[shown].to_dict("records")
    ]  # fmt: skip


def _likely(r: dict[Any, Any]) -> str:
    if math.isnan(r["probability_low"]):
        return "–"
    return probability(r["probability"], r["probability_low"], r["probability_high"])


def _variant(r: dict[str, Any], found: Trader) -> tuple[str, ...]:
    kind, value = r["varied"], r["value"]
    words = {
        "leverage": lambda: f"{value:g}x",
        "notional": lambda: notional(value),
        "stop": lambda: "no stop" if value == "none" else f"stop at {percent(value)}",
        "take_profit": lambda: "no take-profit" if value == "none" else f"take-profit at {percent(value)}",
    }
    name = words[kind]() if kind in words else kind
    gap = (r["adl_difference"], r["adl_difference_low"], r["adl_difference_high"])
    return (
        name, *(probability(*(r[f"{key}{end}"] for end in ("", "_low", "_high"))) for key in ("liquidated", "adl")),
        "" if kind not in words else _difference(*gap),
        probability(r["share"], r["share_low"], r["share_high"]),
    )  # fmt: skip


def _difference(value: float, low: float, high: float) -> str:
    if math.isnan(low) or low == high:
        return "none" if value == 0 else signed(value)
    return f"{signed(value)} ({signed(low)} to {signed(high)})"


def _fund(r: dict[str, Any]) -> tuple[str, ...]:
    return (
        usd(r["fund"]), percent(r["of_open_interest"]),
        probability(r["any_adl"], r["any_adl_low"], r["any_adl_high"]),
        probability(r["adl"], r["adl_low"], r["adl_high"]),
    )  # fmt: skip


def signed(x: float) -> str:
    """A signed fraction in per cent."""
    return ("−" if x < 0 else "+") + significant(100 * abs(x)) + SPACE + "%"


def print_curve(found: pd.DataFrame) -> None:
    """The curve of a whole book, thinned, with where ADL begins."""
    from stress.cli.console import console, table

    out, span = console(), duration(found.attrs["horizon"])
    cascade = "with the cascade" if found.attrs["cascade"] else "at infinite depth: without a cascade"
    for direction, name in (("fall", "Falls"), ("rise", "Rises")):
        part = found[found["direction"] == direction].sort_values("move", key=abs).reset_index(drop=True)
        if part.empty:
            continue
        start = part[part["begins"]]
        said = "no ADL" if start.empty else f"ADL begins at {signed(start['move'].iloc[0])}"
        out.print(f"{name}, {cascade}: {said}\n")
        shown = part[part["begins"] | (part.index % 4 == 3)]
        rows = [
            (
                signed(r["move"]), "ADL begins" if r["begins"] else "", notional(r["adl_notional"]),
                f"{r['positions']:,}", usd(r["fund_used"]), usd(r["residual"]), _likely(r),
            )
            for r in shown.to_dict("records")
        ]  # fmt: skip
        titles = ["move", "", "auto-deleveraged", "positions", "fund used", "residual", f"likely within {span}"]
        out.print(table(titles, rows))
        out.print("")
    out.print("One jump each: exact. Likely: a price at or beyond it within the horizon, at any speed.")
