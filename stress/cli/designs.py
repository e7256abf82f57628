"""The command that holds designs of auto-deleveraging against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stress.cli import output
from stress.cli.common import Paths, Quiet, ScenarioFile, Seed, Set, Threads, guarded, load, whole, with_bar

if TYPE_CHECKING:
    import pandas as pd

    from stress.analysis.adl_designs import AdlDesigns


@guarded
def designs(
    scenario: ScenarioFile,
    out: output.Table = None,
    picture: output.Picture = None,
    frontier: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write P(ADL) and worst haircuts by size of the fund to this CSV file."),
    ] = None,
    replays: Annotated[
        int | None,
        typer.Option(parser=whole, metavar="N", help="Paths with ADL to run again, of each design. Default: 100."),
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Run the designs of ADL that a scenario has, [designs.NAME], on the same paths."""
    from stress.analysis.adl_designs import REPLAYS, adl_designs

    output.check_files(out, picture)
    output.check_files(frontier)
    loaded = load(scenario, set_, seed, paths)
    found = with_bar(
        quiet, lambda bar: adl_designs(loaded, replays=REPLAYS if replays is None else replays, threads=threads,
                                       progress=bar)
    )  # fmt: skip
    table = found.table()
    if not quiet:
        print_designs(found, table)
    output.keep_table(table, out, quiet)
    if frontier is not None or picture is not None:
        by_fund = found.frontier()
        if frontier is not None:
            output.put_table(by_fund, frontier)
        if picture is not None:
            from stress.plots import plot_adl_frontier

            output.put_picture(lambda: plot_adl_frontier(by_fund), picture)


def print_designs(found: AdlDesigns, table: pd.DataFrame) -> None:
    """What every design does, in three tables: how often, whom, and what is left of it at the horizon."""
    from stress.cli import console
    from stress.results import design_words

    out = console.console()
    for title, quantities in design_words.GROUPS.items():
        head, rows = design_words.cells(table, quantities)
        if rows:
            out.print(f"\n{title}\n")
            out.print(console.table(head, rows, left=1))
    first = next(iter(found.results))
    n = next(iter(found.results.values())).n_paths
    out.print(f"\n{n:,} paths, the same in all rows. {design_words.LEGEND.format(first=first)}")
    for note in [*found.held, *design_words.notes(table)]:
        out.print(f"Note: {note}.")
