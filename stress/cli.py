"""The command `perp-stress`: parse, call, print.

Exit codes: 0, 1 a limit is broken, 2 bad input (one message on standard error, nothing written), 3 interrupted
(nothing half-written), 4 a path met an impossible price.
"""

from __future__ import annotations

import functools
import json
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import stress
from stress.errors import InputError, Problem

if TYPE_CHECKING:
    from stress.run_dir import Record
    from stress.scenario import Scenario

BROKEN, BAD_INPUT, INTERRUPTED, FAILED = 1, 2, 3, 4

app = typer.Typer(
    help="Stress tests of perpetual-futures exchanges: liquidations, insurance fund, auto-deleveraging.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
venues_app = typer.Typer(help="The venues that come with the package.", rich_markup_mode=None)
app.add_typer(venues_app, name="venues")

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


@app.command()
@guarded
def run(
    scenario: ScenarioFile,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    out: Annotated[Path | None, typer.Option(help="Run directory. Default: runs/NAME-HASH.")] = None,
    report: Annotated[bool, typer.Option(help="Draw the figures and write report.html.")] = True,
    quiet: Quiet = False,
) -> None:
    """Run a scenario: fund, ADL, tables, a report."""
    from stress import run_dir, terminal

    loaded = _load(scenario, set_, seed, paths)
    directory = out or run_dir.default_directory(loaded)
    run_dir.check_target(directory, loaded.hash)
    record = _execute(loaded, threads, quiet)
    run_dir.save(record, directory, report=report)
    if quiet:
        typer.echo(str(directory))
        return
    terminal.print_run(record)
    typer.echo(f"\nReport: {directory / 'report.html'}" if report else f"\nTables: {directory / 'tables'}")


@app.command()
@guarded
def size(
    scenario: ScenarioFile,
    alpha: Annotated[list[float] | None, typer.Option(help="Probability of depletion; may be given again.")] = None,
    limit: Annotated[
        float | None,
        typer.Option(
            help="USD. Exit with 1 if the upper end of the 95 % interval of the required fund, at the scenario's own "
            "gaps and any of its probabilities, is above it: a limit that cannot be shown to hold is broken."
        ),
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Print the fund that a scenario needs."""
    from stress import terminal
    from stress.words import usd

    changes = [*(set_ or []), *([f"fund.alphas={alpha}"] if alpha else [])]
    record = _execute(_load(scenario, changes, seed, paths), threads, quiet)
    if not quiet:
        typer.echo(terminal.headline(record))
        terminal.print_fund(record)
        terminal.print_warnings(record.warnings)
    if limit is None:
        if quiet:
            typer.echo(record.required.to_csv(index=False), nl=False)
        return
    needed = _limited(record)
    held = needed <= limit
    typer.echo(f"\nLimit of {usd(limit)}: {'held' if held else 'broken'}, the fund needed is up to {usd(needed)}.")
    if not held:
        raise typer.Exit(BROKEN)


def _limited(record: Record) -> float:
    """The figure that is held against a limit."""
    if record.result.n_paths == 1:
        return float(record.result.paths["fund_needed"].max())
    return float(record.required["high"].max())


@app.command()
@guarded
def adl(
    scenario: ScenarioFile,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Print who is hit, by leverage and side."""
    from stress import terminal

    record = _execute(_load(scenario, set_, seed, paths), threads, quiet)
    if not quiet:
        typer.echo(terminal.headline(record))
    terminal.print_adl(record.result)
    if not quiet:
        terminal.print_warnings(record.warnings)


@app.command()
@guarded
def path(
    source: Annotated[Path, typer.Argument(help="Run directory, or scenario file.", metavar="RUN")],
    number: Annotated[int, typer.Argument(help="Number of the path, from 0.", metavar="I")],
    account: Annotated[str | None, typer.Option(help="Only the events of one account.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write all events to this CSV file.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Events to print.")] = 40,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
) -> None:
    """Print what happened on one path."""
    from stress import run_dir, terminal

    if source.is_dir():
        if set_ or seed is not None or paths is not None:
            raise InputError(Problem(str(source), "a scenario file where keys are to be changed"))
        record = run_dir.open_run(source)
        replayed: Any = record.result.run
    else:
        replayed = _load(source, set_, seed, paths).build().run
    if not 0 <= number < replayed.n_paths:
        expected = f"a path from 0 to {replayed.n_paths - 1}"
        raise InputError(Problem(str(source), expected, column="path", value=number))
    _say_that_it_compiles()
    log = replayed.replay(number)
    if account is not None:
        log = log[log["account"] == account]
    if out is not None:
        log.to_csv(out, index=False)
        typer.echo(f"{len(log):,} events: {out}")
    else:
        terminal.print_events(log, rows)


@app.command()
@guarded
def calibrate(
    bars: Annotated[Path, typer.Argument(help="Bars: CSV (also .gz), parquet.", metavar="BARS")],
    model: Annotated[str, typer.Option(help="kou or tail-jumps.")] = "tail-jumps",
    s0: Annotated[float | None, typer.Option(help="Price to start from. Default: the last close.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Log move of a bar from which on jumps explain it.")] = None,
    cap: Annotated[float | None, typer.Option(help="Largest jump in log price.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the [prices] block here instead of printing it.")] = None,
) -> None:
    """Fit a jump model to bars: a [prices] block."""
    from stress import terminal
    from stress.prices import calibrate as fit
    from stress.prices import read_bars

    found = fit.calibrate(read_bars(bars), model, threshold=threshold, cap=cap)
    text = found.to_toml(s0)
    terminal.print_calibration(found)
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(str(out))


@venues_app.callback(invoke_without_command=True)
@guarded
def venues(context: typer.Context) -> None:
    """List the venues that come with the package."""
    if context.invoked_subcommand is None:
        from stress import terminal

        terminal.print_venues(stress.list_venues())


@venues_app.command()
@guarded
def show(
    name: Annotated[str, typer.Argument(help="A venue's name, or the path of a venue file.")],
    market: Annotated[str | None, typer.Option(help="Default: the first of the file.")] = None,
) -> None:
    """Show every figure of a venue with its source."""
    from stress import terminal

    markets = next((info.markets for info in stress.list_venues() if info.name == name), ())
    first = markets[0] if markets else None
    terminal.print_venue(stress.load_venue(name, market or first), markets)


@app.command()
@guarded
def check(
    scenario: ScenarioFile,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of TOML.")] = False,
) -> None:
    """Check a scenario; print it with all defaults."""
    from stress import plain

    loaded = _load(scenario, set_, seed, paths)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        built = loaded.build()
    resolved = loaded.resolved()
    typer.echo(json.dumps(resolved, indent=2) if as_json else plain.to_toml(resolved).rstrip())
    book = built.run.book
    typer.echo(f"{scenario}: right. {book!r}, hash {loaded.hash[:8]}", err=True)
    for text in dict.fromkeys([*(str(w.message) for w in caught), *built.notes]):
        typer.echo(f"Note: {text}", err=True)


@app.command()
@guarded
def doctor() -> None:
    """Show versions, threads and cache, and compile."""
    import time

    import numpy as np

    from stress import blocks
    from stress.kernels import jit
    from stress.simulation import provenance

    for name, version in provenance().items():
        typer.echo(f"{name:10} {version}")
    typer.echo(f"{'threads':10} {blocks.default_threads()}")
    typer.echo(f"{'cache':10} {jit.CACHE_DIR or 'none: every process compiles'}")
    typer.echo(f"{'compiled':10} {'yes, by an earlier run' if jit.is_warm() else 'not yet'}")
    _say_that_it_compiles()
    start = time.perf_counter()
    venue = stress.load_venue("binance", market="BTCUSDT")
    spec = stress.PopulationSpec.load("retail", accounts=200, open_interest=1e8)
    book = stress.Book.sample(spec, venue=venue, price=100.0, seed=1)
    prices = stress.prices.Kou(s0=100.0, sigma=1.0, intensity=3000.0, p_up=0.5, eta_up=20.0, eta_down=20.0)
    found = stress.simulate(book, venue, prices, fund=1e4, n_paths=20, horizon=3600.0, depth=stress.Depth(usd=1e7))
    if not np.isfinite(found.paths.to_numpy(float)).all():
        raise InputError(Problem("doctor", "finite numbers from a run of twenty paths"))
    typer.echo(f"{'test run':10} right, {time.perf_counter() - start:.1f} s")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(stress.__version__)
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Stress tests of perpetual-futures exchanges: liquidations, insurance fund, auto-deleveraging."""


def _load(scenario: Path, set_: list[str] | None, seed: int | None, paths: int | None) -> Scenario:
    from stress.scenario import load_scenario

    changes = list(set_ or [])
    changes += [] if seed is None else [f"seed={seed}"]
    changes += [] if paths is None else [f"run.paths={paths}"]
    return load_scenario(scenario, changes)


def _execute(scenario: Scenario, threads: int | None, quiet: bool) -> Record:
    """Run with a line while compiling and a bar while waiting."""
    from stress import run_dir, terminal

    if not quiet:
        _say_that_it_compiles()
    bar = terminal.ProgressBar(shown=not quiet)
    try:
        command = shlex.join(["perp-stress", *sys.argv[1:]])
        return run_dir.execute(scenario, threads=threads, progress=bar, command=command)
    finally:
        bar.close()


def _say_that_it_compiles() -> None:
    """A line before the wait of the first run."""
    from stress.kernels import jit

    if jit.CACHE_DIR is not None and not jit.is_warm():
        typer.echo("Compiling (once per version) ...", err=True)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the command; arguments are those of the process unless given."""
    app(arguments)
