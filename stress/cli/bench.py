"""The command that times the engine on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from stress.cli.common import Threads, guarded, say_that_it_compiles
from stress.files import writing


@guarded
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Seconds instead of minutes, at small sizes.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write everything to this JSON file.")] = None,
    threads: Threads = None,
) -> None:
    """Time the engine on this machine, against its targets."""
    from stress import bench as benchmarks

    writing.check_file(out)
    say_that_it_compiles()
    found = benchmarks.measure(quick, threads, say=lambda text: print(f"{text} ...", file=sys.stderr))
    _show(found)
    if out is not None:
        writing.put_text(out, json.dumps(found, indent=1) + "\n")


def _show(found: dict[str, Any]) -> None:
    """What was reached, beside the targets."""
    from stress.cli import console
    from stress.formatting import significant

    out = console.console()
    machine, whole = found["machine"], found["whole_run"]
    out.print(f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, numba {machine['numba']}\n")
    rows = [
        (
            row["words"],
            significant(row["reached"]),
            f"{row['rule']} {significant(row['target'])}",
            {None: "", True: "met", False: "missed"}[row["met"]],
        )
        for row in found["targets"]
    ]
    out.print(console.table(["", "reached", "target", ""], rows))
    threads = whole["threads"]
    seconds = significant(whole["seconds_by_threads"][str(threads)])
    out.print(
        f"\n{whole['paths']:,} paths x {whole['traders']:,} traders x {whole['steps']:,} steps in {seconds} s on "
        f"{threads} thread{'s' * (threads > 1)}: {whole['position_steps_per_s']:.2g} position-steps a second."
    )
    if found["quick"]:
        out.print("Targets are for full sizes; these were small ones.")
