"""The command that makes a scenario of a person's own files, and runs it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stress.cli.common import Paths, Quiet, Threads, execute, guarded, money_option
from stress.errors import InputError, Problem
from stress.files import writing

if TYPE_CHECKING:
    from stress.results.result import Result
    from stress.runs.record import Record
    from stress.scenario.draft import Draft, Given
    from stress.scenario.scenario import Scenario

RUN = "run"  # directory of the run in the new one
STEPS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the largest required fund, whose probabilities are shown


@guarded
def new(
    positions: Annotated[Path, typer.Option(help="File of positions.", metavar="FILE")],
    venue: Annotated[
        str, typer.Option(help="A venue by name (perp-stress venues), a venue file, or a file of margin tiers.")
    ],
    bars: Annotated[Path | None, typer.Option(help="Bars that prices are fitted to.", metavar="FILE")] = None,
    market: Annotated[str | None, typer.Option(help="Default: the only one of the positions.")] = None,
    out: Annotated[Path | None, typer.Option(help="New directory. Default: new-MARKET.", metavar="DIR")] = None,
    fund: Annotated[
        float | None,
        money_option("The insurance fund, as 5M. Default: unknown, a range is shown."),
    ] = None,
    episode: Annotated[
        str | None, typer.Option(help="Without bars: play this crash, one path without a probability.")
    ] = None,
    time_format: Annotated[str | None, typer.Option(help="What the times of the bars are, see calibrate.")] = None,
    paths: Paths = None,
    threads: Threads = None,
    run: Annotated[bool, typer.Option(help="Run the scenario and write the report.")] = True,
    quiet: Quiet = False,
) -> None:
    """Make a scenario of your own files, explained line by line, and run it."""
    from stress.scenario.draft import FOUND_FILE, SCENARIO_FILE, Given
    from stress.scenario.scenario import load_scenario

    if bars is not None and episode is not None:
        raise InputError(Problem("--episode", "no episode beside --bars", value=episode))
    if bars is None and time_format is not None:
        raise InputError(Problem("--time-format", "bars whose times it reads: --bars", value=time_format))
    directory = _place(out or Path(f"new-{market or positions.stem}".replace(os.sep, "-")))
    given = Given(positions, venue, bars, market, fund, episode, time_format, paths)
    with _whole(directory) as folder:
        if not quiet:
            print("Reading the files" + (" and fitting prices ..." if bars is not None else " ..."), file=sys.stderr)
        made = _drafted(given, folder)
        writing.put_text(folder / FOUND_FILE, made.found)
        writing.put_text(folder / SCENARIO_FILE, made.scenario)
        loaded = load_scenario(folder / SCENARIO_FILE)
        loaded.build()  # what could not be run is not written
        record = _run(loaded, folder, threads, quiet) if run else None
    if record is not None and not quiet:
        _print(record, fund)
        print()
    if quiet:
        print(directory)
        return
    print(f"What was found: {directory / FOUND_FILE}\nScenario: {directory / SCENARIO_FILE}")
    if run:
        print(f"Report: {directory / RUN / 'report.html'}")


def _drafted(given: Given, folder: Path) -> Draft:
    """The scenario; a market that has to be chosen is chosen by the option."""
    from stress.book.rows import BY_KEY
    from stress.scenario.draft import draft

    try:
        return draft(given, folder)
    except InputError as error:
        problems = [replace(p, expected=p.expected.replace(BY_KEY, "--market,")) for p in error.problems]
        raise InputError(problems) from None


def _place(directory: Path) -> Path:
    """A place where nothing is yet, of which nothing will be lost."""
    from stress.runs import place

    directory = place.resolved(directory)
    if os.path.lexists(directory) and not (directory.is_dir() and not any(directory.iterdir())):
        raise InputError(Problem(f"--out {directory}", "a new directory, or an empty one"))
    place.check(directory, "")
    return directory


@contextmanager
def _whole(directory: Path) -> Iterator[Path]:
    """A folder beside a new directory, which takes its place once everything is in it, or is gone."""
    folder = writing.temporary(directory.parent)
    new = [above for above in folder.parents if not above.exists()]
    try:
        folder.mkdir(parents=True)
        yield folder
        if directory.exists():
            directory.rmdir()
        os.replace(folder, directory)
    except OSError as error:
        raise InputError(
            Problem(f"--out {directory}", f"a directory in a writable folder ({error.strerror})")
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for above in new:  # empty after an error alone
            with suppress(OSError):
                above.rmdir()


def _run(scenario: Scenario, folder: Path, threads: int | None, quiet: bool) -> Record:
    """Run the scenario, and write its run directory and report."""
    from stress import simulation

    record = execute(scenario, threads, None, quiet)
    simulation.save_run(record, folder / RUN, report=True)
    return record


def _print(record: Record, fund: float | None) -> None:
    """The answer, and where no fund was given the probabilities of a range of funds."""
    from stress.cli import terminal

    terminal.print_run(record)
    if fund is None and record.result.n_paths > 1 and not record.result.curve_refused:
        _print_range(record.result, max(record.required["fund"]), record.where_budget)


def _print_range(result: Result, needed: float, where: str) -> None:
    """How likely funds around the one that is needed are to be emptied."""
    from stress.cli.console import console, table
    from stress.cli.terminal import records
    from stress.formatting import probability, usd

    out = console()
    funds = sorted({result.reserve, *(max(result.reserve, step * needed) for step in STEPS)})
    rows = [
        (usd(r["fund"]), probability(r["probability"], r["low"], r["high"]))
        for r in records(result.depletion_curve(funds))
    ]
    out.print(f"\nYour fund is not known: what others would be worth{where}\n")
    out.print(table(["fund", "depleted"], rows))
