"""Commands that vary a scenario: sweep, tornado and solve its keys, margins the margins of its traders."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress.cli import output
from stress.cli.common import (
    Alphas,
    Paths,
    Quiet,
    ScenarioFile,
    Seed,
    Set,
    Threads,
    first_layer,
    guarded,
    load,
    probability_option,
    whole,
    with_bar,
)
from stress.errors import InputError, Problem
from stress.formatting import (
    SPACE,
    bare,
    count,
    is_money,
    money_name,
    notional,
    percent,
    percent_range,
    usd,
    usd_range,
    visible,
)

if TYPE_CHECKING:
    import pandas as pd

    from stress.analysis.solve import Solution

MATTER = 3  # inputs that are named
MONEY = f"^[A-Z]+{SPACE}"  # in front of an amount


@guarded
def sweep(
    scenario: ScenarioFile,
    keys: Annotated[
        list[str],
        typer.Argument(
            help="A key and its values: depth.usd=1M,5M,20M; evenly, LOW..HIGH:N; by equal ratios, log:LOW..HIGH:N. "
            "Of several keys every combination is run.",
            metavar="KEY=A,B,...",
        ),
    ],
    alpha: Alphas = None,
    out: output.Table = None,
    picture: output.Picture = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Run a scenario at several values of its keys."""
    from stress.analysis.sweep import sweep as run
    from stress.analysis.sweep import values_of

    output.check_files(out, picture)
    values = {key: values_of(text) for key, text in _by_key(keys, "KEY=A,B,...").items()}
    if picture is not None and len(values) > 2:
        raise InputError(Problem("--picture", "one key or two to draw", value=", ".join(values)))
    loaded = load(scenario, set_, seed, paths)
    table = with_bar(quiet, lambda bar: run(loaded, values, alpha or None, threads=threads, progress=bar))
    if not quiet:
        print_sweep(table, list(values))
    output.keep_table(table, out, quiet)
    if picture is not None:
        from stress.analysis.study import DEPLETED, REQUIRED_FUND
        from stress.plots import plot_sweep

        sized = table.loc[table["quantity"] == REQUIRED_FUND, "estimate"].notna().any()
        output.put_picture(lambda: plot_sweep(table, REQUIRED_FUND if sized else DEPLETED), picture)


@guarded
def tornado(
    scenario: ScenarioFile,
    ranges: Annotated[
        list[str] | None,
        typer.Argument(help="A range in the place of the key's own, or beside them.", metavar="KEY=LOW..HIGH"),
    ] = None,
    only: Annotated[bool, typer.Option("--only", help="Vary the keys that are given, and no others.")] = False,
    alpha: Annotated[
        float | None, probability_option("Probability of depletion that the fund is for, as 0.01 or 1%.")
    ] = None,
    out: output.Table = None,
    picture: output.Picture = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Annotated[
        int | None,
        typer.Option(parser=whole, metavar="N", help="Default: those of the scenario, 2,000 at most."),
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Find the inputs that the fund hangs on."""
    from stress.analysis.sweep import ends_of
    from stress.analysis.tornado import tornado as run

    output.check_files(out, picture)
    given = {key: ends_of(text, key) for key, text in _by_key(ranges or [], "KEY=LOW..HIGH").items()}
    loaded = load(scenario, set_, seed, None)
    table = with_bar(
        quiet, lambda bar: run(loaded, given or None, alpha, paths, only_given=only, threads=threads, progress=bar)
    )
    if not quiet:
        print_tornado(table, first_layer(loaded))
    output.keep_table(table, out, quiet)
    if picture is not None:
        from stress.plots import plot_tornado

        output.put_picture(lambda: plot_tornado(table), picture)


@guarded
def solve(
    scenario: ScenarioFile,
    vary: Annotated[str, typer.Option(help="Key of a number, such as population.open_interest.", metavar="KEY")],
    until: Annotated[
        str,
        typer.Option(
            help='What is to hold: "p_depleted <= 1 %", also p_adl, p_deficit, mean_deficit, required_fund(0.01), '
            "with <= or >=; money in USD, or in % of the open interest of one side.",
            metavar="TARGET",
        ),
    ],
    between: Annotated[
        str | None,
        typer.Option(
            help="Values that are tried. Default: a tenth of the key's own to ten times it.", metavar="LO..HI"
        ),
    ] = None,
    out: output.Table = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Find the value of a key at which a target holds."""
    from stress.analysis.solve import solve as run
    from stress.analysis.sweep import ends_of

    output.check_files(out)
    bracket = None if between is None else ends_of(between, "--between")
    loaded = load(scenario, set_, seed, paths)
    found = with_bar(quiet, lambda bar: run(loaded, vary, until, bracket, threads=threads, progress=bar))
    if quiet:
        print(visible(str(found)))
    else:
        print_solution(found)
    output.keep_table(found.tried, out, quiet=False)


@guarded
def margins(
    scenario: ScenarioFile,
    leverage: Annotated[
        list[float] | None,
        typer.Option(help="Effective leverage from which on a turn is taken off. Default: 5, 10, 20, 50.", min=2.0),
    ] = None,
    alpha: Alphas = None,
    out: output.Table = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Annotated[
        int | None,
        typer.Option(parser=whole, metavar="N", help="Default: those of the scenario, 2,000 at most."),
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Find what a turn of leverage is worth, and higher maintenance."""
    from stress.analysis.margin_effects import LEVERAGES, margin_effects

    output.check_files(out)
    loaded = load(scenario, set_, seed, None)
    table = with_bar(
        quiet,
        lambda bar: margin_effects(loaded, leverage or LEVERAGES, alpha or None, paths, threads=threads, progress=bar),
    )
    if not quiet:
        print_margins(table, first_layer(loaded))
    output.keep_table(table, out, quiet)


def _by_key(texts: list[str], expected: str) -> dict[str, str]:
    """The parts of KEY=..., by key."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, rest = text.partition("=")
        if not equals or not rest.strip() or key.strip() in found:
            again = ", each key once" if key.strip() in found else ""
            raise InputError(Problem("argument", expected + again, value=text))
        found[key.strip()] = rest.strip()
    return found


def print_sweep(table: pd.DataFrame, keys: list[str]) -> None:
    """Funds and probabilities at each combination, with their differences from the base."""
    from stress.analysis.study import DEPLETED, DEPLETED_ALONE, MEAN_DEFICIT, REQUIRED_FUND
    from stress.cli import console

    out = console.console()
    for quantity in (REQUIRED_FUND, DEPLETED, DEPLETED_ALONE, MEAN_DEFICIT):
        for alpha, part in table[table["quantity"] == quantity].groupby("alpha", dropna=False, sort=False):
            if part["estimate"].isna().all():
                continue  # its note says why
            title = quantity[0].upper() + quantity[1:] + ("" if math.isnan(alpha) else f" for {percent(alpha)}")
            title += f", {unit}" if is_money(unit := part["unit"].iloc[0]) else ""
            out.print(f"\n{title}\n")
            heads = [key.rpartition(".")[2] for key in keys]
            heads = heads if len(set(heads)) == len(heads) else keys
            rows = [_sweep_row(r, keys) for r in part.to_dict("records")]
            out.print(console.table([*heads, "estimate", "95 %", "difference (95 %)"], rows, left=len(keys)))
    base = ", ".join(f"{key} = {_text(key, value)}" for key, value in table.attrs["base"].items())
    out.print(f"\nDifferences are those to {base}, on the same random numbers.")
    for note in dict.fromkeys([*table.attrs["held"], *(n for n in table["note"] if n)]):
        out.print(f"Note: {note}.")


def _text(key: str, value: Any) -> str:
    from stress.scenario.keys import text_of

    return visible(text_of(key, value))


def _sweep_row(row: dict[str, Any], keys: list[str]) -> tuple[str, ...]:
    from stress.results.comparison_words import interval, points, signed

    money = is_money(row["unit"])
    kind = _bare if money else points
    estimate = _bare(row["estimate"]) if money else percent(row["estimate"])
    if math.isnan(row["estimate"]):
        return (*(_text(key, row[key]) for key in keys), "–", "–", "–")
    if row["estimate"] == 0 and not row["note"]:
        estimate = "none seen"
    ends = _bare_range(row["low"], row["high"]) if money else percent_range(row["low"], row["high"])
    apart = signed(row["difference"], kind)
    if row["difference"] == row["difference_low"] == row["difference_high"] == 0:
        apart = "base" if not row["note"] else apart
    elif not math.isnan(row["difference_low"]):
        apart += f"\n({interval(row['difference_low'], row['difference_high'], kind)})"
    estimate = ("at least " if row["note"] else "") + estimate
    return (*(_text(key, row[key]) for key in keys), estimate, ends, apart)


def print_margins(table: pd.DataFrame, layer: str = "fund") -> None:
    """What each change of margins does to the fund and to the chances of depletion and ADL."""
    from stress.cli import console
    from stress.results.comparison_words import interval, of_layer, points, signed

    out, concerned = console.console(), {}
    for quantity, part in table.groupby("quantity", sort=False):
        money, first = is_money(part["unit"].iloc[0]), part.iloc[0]
        kind = _bare if money else points
        base = usd(first["base"]) if money else percent(first["base"])
        out.print(f"\n{of_layer(str(quantity), layer)}: {base} as it is\n")
        rows = []
        for r in part.to_dict("records"):
            concerned[r["change"]] = r
            told = not math.isnan(r["low"])
            apart = f"{signed(r['difference'], kind)}\n({interval(r['low'], r['high'], kind)})" if told else "–"
            rows.append((r["change"], _bare(r["value"]) if money else percent(r["value"]), apart))
        out.print(console.table(["change", "with it", "difference (95 %)"], rows, left=1))
    out.print(f"\n{count(table.attrs['paths'], 'path')}, the same prices in all rows.")
    for name, r in concerned.items():
        at_once = f"; {count(r['at_once'], 'position')} liquidated at once" if r["at_once"] else ""
        out.print(f"{name}: concerns {count(r['positions'], 'position')}, {notional(r['notional'])}{at_once}.")
    for note in dict.fromkeys([*table.attrs["held"], *(n for n in table["note"] if n)]):
        out.print(f"Note: {note}.")


def _bare(value: float) -> str:
    return bare(usd(value, full=True))


def print_tornado(table: pd.DataFrame, layer: str = "fund") -> None:
    """Inputs by their swing, the three that matter most, and which cannot be told from none."""
    from stress.cli import console

    out, attrs = console.console(), table.attrs
    if table.empty:
        out.print("No input of this scenario has a range.")
        return
    first = table.iloc[0]
    out.print(
        f"\n{layer.capitalize()} for {percent(first['alpha'])}: {usd(first['base_fund'])} as it is; "
        f"{count(attrs['paths'], 'path')}.\n"
    )
    rows = [
        (
            r["key"], _span(r), _bare(r["fund_at_low"]), _bare(r["fund_at_high"]), _bare(r["swing"]),
            _bare_range(r["swing_low"], r["swing_high"]),
        )
        for r in table.to_dict("records")
    ]  # fmt: skip
    out.print(console.table(["input", "from, to", f"{layer}, {money_name()}", "to", "swing", "95 %"], rows, left=2))
    told = table[table["swing_low"] > 0]
    names = [f"{r['key']} ({r['why']})" for r in told.head(MATTER).to_dict("records")]
    if names:
        out.print(f"\nThe inputs that matter most: {'; '.join(names)}.")
    if nothing := table.loc[table["swing_low"] == 0, "key"].tolist():
        out.print(f"\nNo effect that these paths can tell: {', '.join(nothing)}.")
    for key, why in attrs["left_out"].items():
        out.print(f"Left out: {key}: {why}.")
    for note in dict.fromkeys([*table.attrs["held"], *(n for n in table["note"] if n)]):
        out.print(f"Note: {note}.")


def _span(row: dict[str, Any]) -> str:
    low, high = (_text(row["key"], row[f"{end}_value"]) for end in ("low", "high"))
    return f"{low} to {re.sub(MONEY, '', high)}".replace("x ", "x" + SPACE)


def _bare_range(low: float, high: float) -> str:
    return bare(usd_range(low, high)).removesuffix(", no upper end")


def print_solution(found: Solution) -> None:
    """Where the target holds, with the interval, the values that were tried, and what was held fixed."""
    from stress.cli import console

    out = console.console()
    out.print(f"\n{found}.\n")
    near = _near(found)
    one, both = (usd, usd_range) if is_money(found.unit) else (percent, percent_range)
    rows = [
        (
            _text(found.key, r["value"]),
            "none seen" if r["estimate"] == 0 else one(r["estimate"]),
            both(r["low"], r["high"]),
            "yes" if r["holds"] else "no",
        )
        for r in near.to_dict("records")
    ]
    name = found.target.partition("<")[0].partition(">")[0].strip()
    out.print(console.table([found.key, name, "95 %", "holds"], rows, last=True))
    ends = " to ".join(_text(found.key, x) for x in found.bracket)
    out.print(
        f"\n{len(found.tried)} values from {ends}, {found.n_paths:,} paths each, seed {found.seed}"
        f"{'' if len(near) == len(found.tried) else '; all are in the table of --out'}.",
    )
    for note in found.notes:
        out.print(f"Note: {note}.")


def _near(found: Solution, most: int = 9) -> pd.DataFrame:
    """Values to show: the grid, thinned, and those beside the border."""
    import numpy as np

    tried = found.tried
    if len(tried) <= most:
        return tried
    chosen = set(np.linspace(0, len(tried) - 1, most - 2).round().astype(int))
    turns = np.flatnonzero(np.diff(tried["holds"].to_numpy().astype(int)))
    chosen |= {int(i) for turn in turns[:1] for i in (turn, turn + 1)}
    return tried.iloc[sorted(chosen)]
