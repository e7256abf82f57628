"""What the commands share: options, loading and running a scenario, and how errors are reported."""

from __future__ import annotations

import functools
import math
import os
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress import quantities
from stress.cli import streams
from stress.cli.exit_codes import ExitCode
from stress.errors import InputError, Problem, WorkerError
from stress.formatting import money, set_money, visible

if TYPE_CHECKING:
    from stress.engine.design import Detail
    from stress.runs.record import Record
    from stress.runs.resume import UnfinishedRun
    from stress.scenario.scenario import Scenario

MONEY = "In USD; of an inverse contract in its coin."
KEYS = {
    "seed": "seed",
    "paths": "run.paths",
    "error": "run.error",
    "alpha": "fund.alphas",
}  # that an option of its own changes


def amount(text: Any) -> float:
    """The number of an option, which may have a unit."""
    value = quantities.number(text)
    if isinstance(value, str):
        raise typer.BadParameter(f"got {visible(value)!r}, expected {quantities.NUMBER}")
    return float(value)


def number_option(metavar: str, text: str, valid: Callable[[float], bool] | None = None, expected: str = "") -> Any:
    """An option that takes a number, which may have a unit; `expected` describes what is `valid`."""

    def read(given: Any) -> float:
        value = amount(given)
        if valid is not None and not valid(value):
            raise typer.BadParameter(f"got {visible(str(given))!r}, expected {expected}")
        return value

    return typer.Option(parser=read, metavar=metavar, help=text)


def money_option(text: str) -> Any:
    """An option that takes an amount of the fund's money, 0 or more: USD, or the coin of an inverse contract."""
    return number_option("AMOUNT", f"{text} {MONEY}", lambda x: 0 <= x < math.inf, "an amount, 0 or more")


def positive_option(metavar: str, text: str, expected: str) -> Any:
    """An option that takes a number above 0."""
    return number_option(metavar, text, lambda value: 0 < value < math.inf, f"{expected} above 0")


def probability_option(text: str) -> Any:
    """An option that takes a probability."""
    return number_option("P", text, lambda p: 0 < p < 1, "a probability above 0 and below 1")


def seconds(text: Any) -> float:
    """The duration of an option."""
    value = quantities.seconds(text)
    if isinstance(value, str) or not 0 <= value < math.inf:
        raise typer.BadParameter(f"got {visible(str(text))!r}, expected {quantities.DURATION}")
    return float(value)


def whole(text: Any) -> int:
    """The whole number of an option, 1 or more."""
    value = amount(text)
    if not (1 <= value < math.inf and value % 1 == 0):
        raise typer.BadParameter(f"got {visible(str(text))!r}, expected a whole number, 1 or more")
    return int(value)


ScenarioFile = Annotated[Path, typer.Argument(help="Scenario file (TOML).", metavar="SCENARIO")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a key of the scenario; may be given again."),
]
Seed = Annotated[int | None, typer.Option(help="Change the seed.")]
Paths = Annotated[int | None, typer.Option(parser=whole, metavar="N", help="Change the number of paths.")]
Alphas = Annotated[
    list[float] | None,
    probability_option("Probability of depletion, as 0.01 or 1%; may be given again."),
]
Fund = Annotated[float | None, money_option("Insurance fund, as 5M. Default: the scenario's.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Default: all processors. The numbers do not depend on it.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run on the dask cluster of this scheduler (tcp://HOST:PORT), or with local:N on N processes of this "
        "machine. The numbers do not depend on it.",
    ),
]
Error = Annotated[
    str | None,
    typer.Option(
        metavar="paths|full",
        help="full: draw the book and the parameters of the prices again, and print the error of the fund in parts.",
    ),
]
Author = Annotated[str, typer.Option(help="Who answers for the run, for page one of the report.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; print as little as possible.")]


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what may go wrong into one message and an exit code."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            with warnings.catch_warnings(), money("USD"):  # or what `load` and `open_run` find
                warnings.simplefilter("ignore")  # they are printed once, with the answer
                return command(*args, **kwargs)
        except typer.Exit:
            raise
        except KeyboardInterrupt as error:
            notes = getattr(error, "__notes__", None) or ["Nothing was written."]
            print(visible("\n".join(["Interrupted.", *notes]), keep="\n"), file=sys.stderr)
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except Exception as error:
            raise typer.Exit(_report(error, kwargs)) from None

    return wrapper


def _report(error: Exception, options: dict[str, Any]) -> ExitCode:
    """Print what went wrong; the exit code."""
    code = ExitCode.BAD_INPUT
    if isinstance(error, InputError):
        message = str(_by_option(error, options))
    elif isinstance(error, BrokenPipeError):
        streams.leave()
        return ExitCode.OUTPUT_CLOSED
    elif isinstance(error, OSError) and error.filename is not None:
        message = f"{error.filename}: {error.strerror}"
    elif isinstance(error, OSError):
        message = f"standard output, or another file: {error.strerror or error}"
    elif isinstance(error, WorkerError):
        code, message = ExitCode.INTERRUPTED, str(error)
    elif isinstance(error, MemoryError):
        size, _, _ = str(error).partition(" and data type")  # which numpy lists field by field
        message = "too little memory for this many paths, steps or positions" + (f": {size}" if size else "")
    elif isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        message = f"too little memory, or too many threads and processes ({error})"
    elif type(error).__module__.startswith("yaml."):  # numba reads it when it is loaded
        message = ".numba_config.yaml in the working folder: expected settings of numba, which are YAML"
    elif type(error).__name__ == "SimulationError":
        code = ExitCode.IMPOSSIBLE_PRICE
        message = (
            "the price model gave an impossible price (0, infinite or not a number): its parameters are too extreme "
            f"for the step and the horizon; see [prices] and [run].\n{error}"
        )
    else:
        traceback.print_exception(error)
        return ExitCode.CRASH
    text = "\n".join([f"Error: {message}", *getattr(error, "__notes__", [])])
    print(visible(text, keep="\n"), file=sys.stderr)
    return code


def _by_option(error: InputError, options: dict[str, Any]) -> InputError:
    """The error with the option that was used named in place of the key it changes."""
    used = {key: f"--{name}" for name, key in KEYS.items() if options.get(name) not in (None, [])}
    return InputError(
        [
            replace(p, where=used[p.column], column=None) if p.where == "--set" and p.column in used else p
            for p in error.problems
        ]
    )


def load(scenario: Path, set_: list[str] | None, seed: int | None, paths: int | None) -> Scenario:
    """The scenario of a file, with the changes that options make; from here on the command prints its money."""
    from stress.scenario.scenario import load_scenario

    changes = list(set_ or [])
    changes += [] if seed is None else [f"seed={seed}"]
    changes += [] if paths is None else [f"run.paths={paths}"]
    loaded = load_scenario(scenario, changes)
    set_money(loaded.venue_object.money)
    return loaded


def open_run(directory: Path) -> Record:
    """The run of a directory; from here on the command prints its money."""
    from stress.runs import run_directory

    record = run_directory.open_run(directory)
    set_money(record.result.money)
    return record


def first_layer(scenario: Scenario) -> str:
    """The layer of the waterfall whose capital `fund.initial` is."""
    return next(iter(scenario.venue_object.cash_layers), "fund")


def with_error(set_: list[str] | None, error: str | None) -> list[str] | None:
    """The changes of a scenario, with that of `--error`."""
    return set_ if error is None else [*(set_ or []), f"run.error={error}"]


@contextmanager
def workers(cluster: str | None, threads: int | None = None) -> Iterator[Any]:
    """The executor of `--cluster`; None: threads of this process.

    Raises
    ------
    InputError
        If there is no such cluster, or dask.distributed is not installed.
    """
    if cluster is None:
        yield None
        return
    if threads is not None:
        raise InputError(Problem("--threads", "either --threads or --cluster", value=threads))
    try:
        from stress.engine.cluster import connect
    except ModuleNotFoundError as error:
        missing = f"the extra of {error.name}: pip install 'perp-stress[cluster]'"
        raise InputError(Problem("--cluster", missing)) from None
    with connect(cluster) as client:
        yield client


def execute(
    scenario: Scenario,
    threads: int | None,
    cluster: str | None,
    quiet: bool,
    unfinished: UnfinishedRun | None = None,
    detail: Detail = "positions",
    two_caps: bool = True,
) -> Record:
    """Run with a line while compiling and a bar while waiting."""
    from stress import simulation
    from stress.cli import terminal
    from stress.engine import warm_up

    set_money(scenario.venue_object.money)
    if not quiet:
        say_that_it_compiles()
    if cluster is None and threads != 1:
        warm_up.begin()
    bar = terminal.ProgressBar(shown=not quiet)
    command = unfinished.command if unfinished is not None else command_line()
    try:
        with workers(cluster, threads) as executor:
            return simulation.execute(
                scenario,
                threads=threads,
                executor=executor,
                progress=bar,
                command=command,
                checkpoint=None if unfinished is None else unfinished.checkpoint,
                detail=detail,
                say=quietly(quiet),
                two_caps=two_caps,
            )
    finally:
        warm_up.end(wait=False)
        bar.close()


def with_bar(quiet: bool, run: Callable[[Any], Any], noun: str = "paths") -> Any:
    """What a study gives that is called with a progress bar, with a line while compiling."""
    from stress.cli import terminal

    if not quiet:
        say_that_it_compiles()
    bar = terminal.ProgressBar(shown=not quiet, noun=noun)
    try:
        return run(bar)
    finally:
        bar.close()


def quietly(quiet: bool) -> Callable[[str], None]:
    """What says a line of progress on standard error; nothing with `--quiet`."""
    return (lambda text: None) if quiet else (lambda text: print(text, file=sys.stderr))


def say_not_grown(*scenarios: Scenario) -> None:
    """A study holds runs against each other path by path: none of them grows."""
    from stress.analysis.cases import NOT_GROWN

    for scenario in scenarios:
        if scenario.run.tolerance is not None:
            print(visible(f"Note: {scenario.where}: {NOT_GROWN}."), file=sys.stderr)


def command_line() -> str:
    """The command line of this process."""
    return shlex.join(["perp-stress", *sys.argv[1:]])


def say_that_it_compiles() -> None:
    """A line before the wait of the first run."""
    from stress.kernels import cache_folder, jit

    if cache_folder.SETTING in os.environ and jit.REFUSED:
        print(f"The folder of {cache_folder.SETTING} is not used: {visible(jit.REFUSED[0])}", file=sys.stderr)
    if jit.CACHE_DIR is not None and not jit.is_warm():
        print("Compiling kernels (once per version) ...", file=sys.stderr)
    elif jit.REFUSED and jit.CACHE_DIR is None:
        print("Compiling kernels (in every run: perp-stress doctor says why) ...", file=sys.stderr)
