"""What the commands share: options, loading and running a scenario, and how things go wrong.

Exit codes: 0, 1 a limit is broken, 2 bad input (one message on standard error, nothing written), 3 interrupted
(nothing half-written), 4 a path met an impossible price.
"""

from __future__ import annotations

import functools
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress.errors import InputError

if TYPE_CHECKING:
    from stress.record import Record
    from stress.scenario import Scenario

BROKEN, BAD_INPUT, INTERRUPTED, FAILED = 1, 2, 3, 4

ScenarioFile = Annotated[Path, typer.Argument(help="Scenario file (TOML).", metavar="SCENARIO")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a key of the scenario; may be given again."),
]
Seed = Annotated[int | None, typer.Option(help="Change the seed.")]
Paths = Annotated[int | None, typer.Option(help="Change the number of paths.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Default: all processors. The numbers do not depend on it.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; print as little as possible.")]


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what may go wrong into one message and an exit code."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are printed once, with the answer
                return command(*args, **kwargs)
        except InputError as error:
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            typer.echo("Interrupted; nothing was written.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except RuntimeError as error:
            if type(error).__name__ != "SimulationError":
                raise
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(FAILED) from None

    return wrapper


def load(scenario: Path, set_: list[str] | None, seed: int | None, paths: int | None) -> Scenario:
    from stress.scenario import load_scenario

    changes = list(set_ or [])
    changes += [] if seed is None else [f"seed={seed}"]
    changes += [] if paths is None else [f"run.paths={paths}"]
    return load_scenario(scenario, changes)


def execute(scenario: Scenario, threads: int | None, quiet: bool) -> Record:
    """Run with a line while compiling and a bar while waiting."""
    from stress import record, terminal

    if not quiet:
        say_that_it_compiles()
    bar = terminal.ProgressBar(shown=not quiet)
    try:
        command = shlex.join(["perp-stress", *sys.argv[1:]])
        return record.execute(scenario, threads=threads, progress=bar, command=command)
    finally:
        bar.close()


def say_that_it_compiles() -> None:
    """A line before the wait of the first run."""
    from stress.kernels import jit

    if jit.CACHE_DIR is not None and not jit.is_warm():
        typer.echo("Compiling (once per version) ...", err=True)
