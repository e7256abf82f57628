"""Commands of a stress test: crashes of the past on the book of today, harder markets, and what empties the fund."""

from __future__ import annotations

import math
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
    number_option,
    say_not_grown,
    say_that_it_compiles,
    seconds,
    with_bar,
)
from stress.formatting import (
    SPACE,
    bare,
    duration,
    is_money,
    money_name,
    notional,
    percent,
    percent_range,
    probability,
    short_duration,
    usd,
    usd_range,
    visible,
)

if TYPE_CHECKING:
    import pandas as pd


@guarded
def scenarios(
    scenario: ScenarioFile,
    delay: Annotated[
        list[float] | None,
        typer.Option(
            parser=seconds,
            metavar="TIME",
            help="Time from trigger to fill, as 10s; may be given again. Default: 10s, 1min and 5min.",
        ),
    ] = None,
    gap: Annotated[
        list[float] | None,
        number_option(
            "SHARE",
            "Share of a move that cannot be traded through, in the place of delays; may be given again. Default where "
            "the scenario states a gap: 0.25, 0.5 and 1.",
            lambda share: 0 <= share <= 1,
            "a share from 0 to 1",
        ),
    ] = None,
    episode: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one; may be given again. Default: all.")
    ] = None,
    depth: Annotated[
        bool,
        typer.Option(
            "--depth",
            help="Add rows with the scenario's depth, which counts the impact of those days' liquidations twice.",
        ),
    ] = False,
    fund: Fund = None,
    battery: Annotated[
        bool,
        typer.Option("--battery", help="Simulate baseline, adverse and severe: volatility, jumps, depth, skew."),
    ] = False,
    out: output.Table = None,
    picture: output.Picture = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Play the crashes of the past on the book of a scenario."""
    from stress.analysis.stress_scenarios import stress_scenarios

    also = out.with_stem(f"{out.stem}-battery") if battery and out is not None else None
    output.check_files(out, picture)
    output.check_files(also)
    loaded = load(scenario, set_, seed, paths)
    found = with_bar(
        quiet,
        lambda bar: stress_scenarios(
            loaded, delay or None, episode or None, gaps=gap or None, depth=depth, fund=fund, progress=bar
        ),
        "episodes",
    )
    if battery:
        say_not_grown(loaded)
    simulated = with_bar(quiet, lambda bar: _battery(loaded, threads, bar)) if battery else None
    if not quiet:
        print_scenarios(found)
        if simulated is not None:
            print_battery(simulated)
    output.keep_table(found, out, quiet)
    if simulated is not None:
        if quiet and out is None:
            print()
        output.keep_table(simulated, also, quiet)
    if picture is not None:
        from stress.plots import plot_stress_scenarios

        output.put_picture(lambda: plot_stress_scenarios(found, found.attrs["fund"]), picture)


@guarded
def reverse(
    scenario: ScenarioFile,
    fund: Fund = None,
    out: output.Table = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    quiet: Quiet = False,
) -> None:
    """Find the smallest moves that empty the fund, and how likely they are."""
    from stress.analysis.reverse_episodes import reverse_episodes
    from stress.analysis.reverse_stress import reverse_table

    output.check_files(out)
    loaded = load(scenario, set_, seed, paths)
    say_not_grown(loaded)
    if not quiet:
        say_that_it_compiles()
    moves = reverse_table(loaded, fund)
    if not quiet:
        layer = moves.attrs["layer"]
        print_moves(moves, moves.attrs["fund"], layer)
        print_factors(reverse_episodes(loaded, fund), layer)
    output.keep_table(moves, out, quiet)


def _battery(scenario: Any, threads: int | None, bar: Any) -> pd.DataFrame:
    from stress.analysis.battery import stress_battery

    return stress_battery(scenario, threads=threads, progress=bar)


def print_scenarios(found: pd.DataFrame) -> None:
    """The worst in a sentence, then a row per episode and fill; columns of ADL where there is any."""
    from stress.analysis.stress_scenarios import OPEN_CALLS, fill_label, worst_in_words
    from stress.cli.console import console, table
    from stress.cli.terminal import records
    from stress.results.mechanics import NO_ADL

    out, layer, fund, has_adl = console(), found.attrs["layer"], found.attrs["fund"], found.attrs["adl"]
    out.print(visible(worst_in_words(found)))
    out.print(f"\nCrashes of the past on this book, with a {layer} of {usd(fund)}\n")
    by_gap = bool(found["gap"].notna().all())
    for with_depth, part in found.groupby("depth"):
        if with_depth:
            out.print("\nThe same with the scenario's depth\n")
        rows = []
        for _, of in part.groupby("scenario", sort=False):
            span = _signed(of["fall"].iloc[0]) + ", " + _signed(of["rise"].iloc[0])
            heads = [of["scenario"].iloc[0], f"  {span}"]
            for i, r in enumerate(records(of)):
                hit = r["adl_positions"] > 0
                adl = (
                    _bare(r["adl_money"]) if hit else "–",
                    f"{r['adl_accounts']:,}{SPACE}{_side(r)}" if hit else "–",
                    r["worst_bucket"].replace(" ", SPACE),
                )
                rows.append(
                    (
                        heads[i] if i < len(heads) else "",
                        f"{r['gap']:g}" if by_gap else fill_label(r) + ("" if r["told"] else "*"),
                        _bare(r["fund_needed"]),
                        _share(r["needed_share"]),
                        *(adl if has_adl else ()),
                    )
                )
            if len(of) == 1:
                rows.append((heads[1], *[""] * (len(rows[-1]) - 1)))
        names = ["episode", "gap" if by_gap else "late", f"{layer}, {money_name()}", "of OI"]
        names += [f"ADL, {money_name()}", "accounts hit", "most of"] if has_adl else []
        out.print(table(names, rows))
    of_adl = "ADL: raised, or forgone against the mark; below 0, those hit got more than the mark. " if has_adl else ""
    out.print(
        f"\nBelow an episode: its low and high. {layer}: what the path needs. OI: open interest of one side. {of_adl}"
        "One path each: exact, without a sampling error, and without a probability.",
    )
    if not has_adl:
        out.print(f"{NO_ADL}.")
    if not found["told"].all():
        out.print("* The steps cannot tell this delay: it is below half of one.")
    if len(open_ := found[found["note"].str.contains(OPEN_CALLS, regex=False)]):
        out.print(f"{', '.join(dict.fromkeys(open_['scenario']))}: {OPEN_CALLS}.")
    words = "Rows with depth count the impact of those days' liquidations twice."
    if not found["depth"].any():
        words = "No order book: these prices hold the impact of real liquidations already; --depth adds it again."
    out.print(words)


def _bare(x: float) -> str:
    """Money under a heading that names the unit."""
    return bare(usd(x))


def _share(x: float) -> str:
    """A share of the open interest in per cent, to a hundredth."""
    return f"<0.01{SPACE}%" if 0 < x < 5e-5 else f"{100 * x:.2f}{SPACE}%"


def _signed(move: float) -> str:
    return f"{100 * move:+.0f}{SPACE}%".replace("-", "\u2212")


def _side(row: dict[str, Any]) -> str:
    """Which side is hit."""
    if row["adl_longs"] in (0.0, 1.0):
        return "long" if row["adl_longs"] else "short"
    return "both"


def print_battery(found: pd.DataFrame) -> None:
    """Probabilities and funds of the harder markets, and what was changed."""
    from stress.analysis.study import ADL, DEPLETED, DEPLETED_ALONE
    from stress.cli.console import console, table
    from stress.cli.terminal import records

    out = console()
    words = {DEPLETED: DEPLETED_ALONE, ADL: "P(ADL)"}
    out.print("\nHarder markets, simulated, on common random numbers\n")
    rows, before = [], ""
    for r in records(found):
        if is_money(r["unit"]):
            value = ("at least " if r["note"] else "") + usd(r["estimate"])
            cells = (
                f"fund for {percent(r['alpha'])}",
                value,
                usd_range(r["low"], r["high"]).replace(" or more, ", "+, "),
            )
        else:
            found_ = probability(r["estimate"], r["low"], r["high"])
            value, _, ends = found_.partition(" (")
            cells = (words.get(r["quantity"], r["quantity"]), value, ends.removesuffix(")"))
        rows.append((r["scenario"] if r["scenario"] != before else "", *cells))
        before = r["scenario"]
    out.print(table(["market", "quantity", "estimate", "95 % interval"], rows, left=2))
    out.print()
    for name, part in found.groupby("scenario", sort=False):
        first = part.iloc[0]
        if first["changed"] or first["not_changed"]:
            kept = f" Not changed: {first['not_changed']}." if first["not_changed"] else ""
            out.print(f"{name}: {visible(first['changed'])}.{visible(kept)}")


def print_moves(found: pd.DataFrame, fund: float, layer: str = "fund") -> None:
    """The smallest move in a sentence, then every direction with and without the cascade."""
    from stress.cli.console import console, table
    from stress.cli.terminal import records

    out = console()
    out.print(visible(moves_in_words(found, fund, layer)))
    out.print(f"\nSmallest instantaneous moves that empty a {layer} of {usd(fund)}\n")
    rows = [
        (
            r["direction"],
            "yes" if r["cascade"] else "no",
            "none" if math.isnan(r["move"]) else f"{100 * r['move']:+.2f}{SPACE}%".replace("-", "\u2212"),
            f"{r['liquidated']:,}",
            notional(r["liquidated_notional"]),
            _seen(r),
            percent_range(r["probability_low"], r["probability_high"]),
        )
        for r in records(found)
    ]
    names = ["move", "cascade", "size", "liquidated", "notional", "probability", "95 % interval"]
    out.print(table(names, rows))
    horizon, count = duration(float(found["horizon"].iloc[0])), int(found["paths"].iloc[0])
    out.print(
        f"\nprobability: of a price that far from the start within {horizon}, lows and highs counted, on {count:,} "
        f"simulated paths. A slow move of this size need not empty the {layer}, and several smaller ones may. "
        "perp-stress run says how often it is depleted.",
    )
    for r in records(found[found["history_hits"] >= 0]):
        held = f"{r['history_hits']:,} of {r['history_windows']:,} windows of {horizon}"
        out.print(f"History: {held} hold a {r['direction']} of {percent(abs(r['move']))}.")
    for note in dict.fromkeys(n for n in found["note"] if n):
        out.print(f"Note: {note}.")


def moves_in_words(found: pd.DataFrame, fund: float, layer: str = "fund") -> str:
    """The smallest fall and rise that empty the fund, with the cascade where there is one."""
    with_cascade = bool(found["cascade"].any())
    moves, none = [], []
    shown = found[found["cascade"] == with_cascade]
    for r in shown.to_dict("records"):
        if math.isnan(r["move"]):
            none.append(r["direction"])
            continue
        likely = (
            "" if math.isnan(r["probability"]) else f" (probability in {duration(r['horizon'])}: {_probability(r)})"
        )
        moves.append(f"a {r['direction']} of {percent(abs(r['move']))}{likely}")
    cascade = "with its cascade" if with_cascade else "without a cascade, since there is no [depth]"
    if (shown["move"] == 0).all():
        return f"A {layer} of {usd(fund)} is emptied before the price moves: by positions that are under margin."
    if not moves:
        return f"No jump of the price empties a {layer} of {usd(fund)}, {cascade}."
    rest = f" No {none[0]} does." if none else ""
    return f"A {layer} of {usd(fund)} is emptied by one jump of the price, {cascade}: {' or '.join(moves)}.{rest}"


def _probability(row: dict[str, Any]) -> str:
    return probability(row["probability"], row["probability_low"], row["probability_high"]).partition(" (")[0]


def _seen(row: dict[str, Any]) -> str:
    """The probability of a move beside its interval, which says what a move that no path has is below."""
    return "none seen" if row["probability"] == 0 else percent(row["probability"])


def print_factors(found: pd.DataFrame, layer: str = "fund") -> None:
    """How many times as violent each episode would have to be."""
    from stress.cli.console import console, table
    from stress.cli.terminal import records

    out = console()
    fill = found.iloc[0]
    late = f"at a gap of {fill['gap']:g}" if math.isnan(fill["delay"]) else f"{short_duration(fill['delay'])} late"
    out.print(f"\nHow many times as violent the crashes of the past would have to be, fills {late}\n")
    rows = [
        (
            r["scenario"] + ("" if r["told"] else "*"),
            "over 5" if math.isnan(r["scale"]) else f"{r['scale']:.2f}",
            "–" if math.isnan(r["scale"]) else _signed(r["fall"]),
            "–" if math.isnan(r["scale"]) else _signed(r["rise"]),
        )
        for r in records(found)
    ]
    out.print(table(["episode", "times", "low", "high"], rows))
    out.print(
        f"\ntimes: factor on all log moves at which the {layer} is empty; low, high: of the crash at that factor."
    )
    if not found["told"].all():
        out.print("* The steps cannot tell this delay: it is below half of one.")
