"""The command that holds what traders are told about ADL against a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stress.cli import output
from stress.cli.common import Paths, Quiet, ScenarioFile, Seed, Set, Threads, guarded, load, with_bar
from stress.errors import InputError, Problem
from stress.formatting import visible

if TYPE_CHECKING:
    import pandas as pd


@guarded
def advice(
    scenario: ScenarioFile,
    other: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="Another market, by the file of its scenario; may be given again, smaller ones last.",
        ),
    ] = None,
    out: output.Table = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Hold what traders are told about ADL against a scenario."""
    from stress.analysis.advice.advice import advice as run

    output.check_files(out)
    files = _files(other or [])
    loaded = load(scenario, set_, seed, paths)
    others = {name: load(file, set_, seed, paths) for name, file in files.items()}
    table = with_bar(quiet, lambda bar: run(loaded, others, threads=threads, progress=bar))
    if not quiet:
        print_advice(table)
    output.keep_table(table, out, quiet)


def _files(texts: list[str]) -> dict[str, Path]:
    """The files of other markets, by name."""
    found: dict[str, Path] = {}
    problems = []
    for text in texts:
        name, equals, file = text.partition("=")
        if not (equals and name.strip() and file.strip()) or name.strip() in found:
            problems.append(Problem("--other", "NAME=FILE, each name once", value=text))
        found[name.strip()] = Path(file.strip())
    if problems:
        raise InputError(problems)
    return found


def print_advice(table: pd.DataFrame) -> None:
    """Claims with their verdicts, then questions, each with its figures in words."""
    from stress.analysis.advice.advice import CLAIM, QUESTION
    from stress.cli import console, terminal

    out = console.console()
    for part, title in ((CLAIM, "What traders are told, and what this market says"), (QUESTION, "What traders ask")):
        out.print(f"{title}\n")
        for row in terminal.records(table[table["part"] == part]):
            verdict = f" {row['verdict'].capitalize()}." if row["verdict"] else ""
            out.print(f"{visible(row['asked'])}{verdict}\n  {visible(row['text'])}\n")
    for text in table.attrs["held"]:
        out.print(f"Held fixed: {visible(text)}.")
