"""Commands that run a scenario or read a run."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress.cli import output
from stress.cli.common import (
    Alphas,
    Author,
    Cluster,
    Error,
    Paths,
    Quiet,
    ScenarioFile,
    Seed,
    Set,
    Threads,
    command_line,
    execute,
    guarded,
    load,
    money_option,
    open_run,
    quietly,
    say_not_grown,
    say_that_it_compiles,
    with_error,
    workers,
)
from stress.cli.exit_codes import ExitCode
from stress.errors import InputError, Problem, raise_if
from stress.files import writing
from stress.formatting import count, visible

if TYPE_CHECKING:
    from stress.runs.record import FundRange, Record
    from stress.runs.resume import UnfinishedRun


@guarded
def run(
    scenario: Annotated[
        Path | None, typer.Argument(help="Scenario file (TOML); not needed with --resume.", metavar="SCENARIO")
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    error: Error = None,
    threads: Threads = None,
    cluster: Cluster = None,
    out: Annotated[Path | None, typer.Option(help="Run directory. Default: runs/NAME-HASH.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Resume an interrupted run from the finished paths in DIR, which is RUN.partial. "
            "The numbers are those of a run without interruption.",
        ),
    ] = None,
    report: Annotated[bool, typer.Option(help="Draw the figures and write report.html.")] = True,
    strata: Annotated[
        bool, typer.Option("--strata", help="Also print the strata that the paths were drawn from ([run] tail).")
    ] = False,
    studies: Annotated[
        bool,
        typer.Option(
            "--studies",
            help="Also make the studies that page one of the report shows: crashes of history on this book, reverse "
            "stress, which inputs matter, and what margins are worth. They take several times as long as the run.",
        ),
    ] = False,
    author: Author = "",
    quiet: Quiet = False,
) -> None:
    """Run a scenario: fund, ADL, tables, a report."""
    from stress import simulation
    from stress.cli import drawn, terminal
    from stress.runs import place

    set_ = with_error(set_, error)
    if resume is None:
        unfinished = _begin(scenario, set_, seed, paths, out)
    else:
        unfinished = _resume(resume, scenario, set_, seed, paths)
    directory = unfinished.directory
    if resume is not None and out is not None and place.resolved(out).resolve() != directory.resolve():
        raise InputError(Problem("--out", f"no other directory than {directory} with --resume", value=str(out)))
    with unfinished.checkpoint as checkpoint:
        place.check(directory, unfinished.scenario.hash)
        if checkpoint.begun and not quiet:
            print(f"Resuming from {checkpoint.path}", file=sys.stderr)
        record = execute(unfinished.scenario, threads, cluster, quiet, unfinished)
        record = simulation.with_extras(record, unfinished.scenario, studies, author, threads, quietly(quiet))
        simulation.save_finished(record, unfinished, report)
        if quiet:
            print(directory)
            return
        terminal.print_run(record)
        if strata:
            drawn.print_strata(record.result)
        shown = f"Report: {directory / 'report.html'}" if report else f"Tables: {directory / 'tables'}"
        print(f"\n{shown}")


def _begin(
    scenario: Path | None, set_: list[str] | None, seed: int | None, paths: int | None, out: Path | None
) -> UnfinishedRun:
    """A new run, or the interrupted one of the same directory."""
    from stress.runs import run_directory
    from stress.runs.resume import unfinished_run

    if scenario is None:
        raise InputError(Problem("run", "a scenario file, or --resume DIR"))
    loaded = load(scenario, set_, seed, paths)
    return unfinished_run(out or run_directory.default_directory(loaded), loaded, command_line())


def _resume(
    directory: Path, scenario: Path | None, set_: list[str] | None, seed: int | None, paths: int | None
) -> UnfinishedRun:
    """The interrupted run of a directory; a scenario that is given beside it must be its own."""
    from stress.runs.resume import open_unfinished, scenario_differences, scenario_tables

    unfinished = open_unfinished(directory)
    if scenario is not None:
        given = load(scenario, set_, seed, paths)
        if given.hash != unfinished.scenario.hash:
            wrong = scenario_differences(scenario_tables(unfinished.scenario), scenario_tables(given))
            expected = f"the interrupted run of this scenario, it has {wrong}; start this one without --resume"
            raise InputError(Problem(f"--resume {directory}", expected))
    elif set_ or seed is not None or paths is not None:
        raise InputError(Problem(f"--resume {directory}", "the scenario file too, where keys are changed"))
    return unfinished


@guarded
def size(
    scenario: ScenarioFile,
    alpha: Alphas = None,
    limit: Annotated[
        float | None,
        money_option(
            "Exit with 1 if the upper end of the 95 % interval of the required fund, at the scenario's own "
            "gaps or delays, in all parts of the error that are known, and any of its probabilities, is above it: a "
            "limit that cannot be shown to hold is broken.",
        ),
    ] = None,
    since: Annotated[
        Path | None, typer.Option(help="An earlier run directory: say what moved since then.", metavar="RUN")
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    error: Error = None,
    threads: Threads = None,
    cluster: Cluster = None,
    quiet: Quiet = False,
) -> None:
    """Print the fund that a scenario needs."""
    from stress.cli import adjusted, caps, compared, console, drawn, horizon, mechanics, rare_days, terminal
    from stress.formatting import usd

    changes = [*(with_error(set_, error) or []), *([f"fund.alphas={alpha}"] if alpha else [])]
    earlier = open_run(since) if since is not None else None
    loaded = load(scenario, changes, seed, paths)
    if alpha:
        loaded, said = rare_days.with_tail(loaded)
        if said:
            print(visible(said), file=sys.stderr)
    if earlier is not None and (money := earlier.result.money) != loaded.venue_object.money:
        expected = f"a run whose money is that of this scenario, {loaded.venue_object.money}"
        raise InputError(Problem("--since", expected, value=money))
    record = execute(loaded, threads, cluster, quiet, detail="paths", two_caps=not quiet)
    if not quiet:
        print(terminal.headline(record))
        drawn.print_drawn(record)
        terminal.print_fund(record)
        caps.print_caps(record)
        if record.result.days is not None:
            horizon.print_horizon(record)
        mechanics.print_mechanics(record.result)
        adjusted.print_adjustments(record.adjustments, console.console())
        adjusted.print_warnings(record.warnings, console.console())
    if earlier is not None:
        compared.print_since(earlier, record)
    if limit is None:
        if quiet:
            print((record.required if record.grid is None else record.grid).to_csv(index=False), end="")
        return
    needed, why = _limited(record)
    holds = needed <= limit
    print(f"\nLimit of {usd(limit)}: {'held' if holds else 'broken'}, {why}.")
    if not holds:
        raise typer.Exit(ExitCode.LIMIT_BROKEN)


def _limited(record: Record) -> tuple[float, str]:
    """The fund that is compared with a limit, USD, and a clause that explains it."""
    from stress.runs.record import fund_ranges

    if record.result.curve_refused:
        return _limited_grid(record)
    if ranges := fund_ranges(record):
        over = _limited_range(ranges)
        if record.budget is None or record.result.n_paths == 1:
            return over
        return max(over, _limited_total(record), key=lambda found: found[0])
    return _limited_total(record)


def _limited_grid(record: Record) -> tuple[float, str]:
    """The same from a grid of funds: the smallest of it that is shown to keep to every probability."""
    from stress.analysis.fund_grid import smallest
    from stress.formatting import percent, usd

    alpha = min(record.alphas)
    needed = math.nan if record.grid is None else smallest(record.grid, alpha)["sure"]
    if math.isnan(needed):
        return (
            math.inf,
            f"it cannot be shown to hold: no {record.layer} that was run is shown to keep to {percent(alpha)}",
        )
    return needed, f"{usd(needed)} is the smallest {record.layer} that was run and is shown to keep to {percent(alpha)}"


def _limited_total(record: Record) -> tuple[float, str]:
    """The same at the gap or delay of the result, of several delays the longest: in all parts of the error."""
    from stress.formatting import percent, usd

    if record.result.n_paths == 1:
        needed = float(record.result.paths["fund_needed"].max())
        return needed, f"the fund that this path takes is {usd(needed)}"
    worst = max(record.required_widest.to_dict("records"), key=lambda row: row["high"])
    needed, at = float(worst["high"]), f"the fund for {percent(worst['alpha'])}{record.where_budget}"
    if math.isinf(needed):
        found = "not known" if math.isnan(worst["fund"]) else f"{usd(worst['fund'])} or more"
        return needed, f"it cannot be shown to hold: {at} is {found}, {worst['note']}"
    return needed, f"{at} is up to {usd(needed)}"


def _limited_range(ranges: list[FundRange]) -> tuple[float, str]:
    """The same of a run at several delays: the largest fund over them and their intervals."""
    from stress.formatting import duration, percent, usd

    def end(found: FundRange) -> float:
        estimate = found.most[1]
        return estimate.value if estimate.high != estimate.high else float(estimate.high)

    worst = max(ranges, key=end)
    pair, estimate = worst.most
    at = "the fund that this path takes" if worst.alpha != worst.alpha else f"the fund for {percent(worst.alpha)}"
    at += f" at a delay of {duration(pair.delay)}"
    if math.isinf(end(worst)):
        found = "not known" if math.isnan(estimate.value) else f"{usd(estimate.value)} or more"
        return math.inf, f"it cannot be shown to hold: {at} is {found}, {estimate.note}"
    return end(worst), f"{at} is up to {usd(end(worst))}"


@guarded
def adl(
    scenario: ScenarioFile,
    costs: Annotated[
        bool, typer.Option("--costs", help="What ADL takes and from whom: haircuts, concentration, regret.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="With --costs: write all figures to this CSV file.", metavar="FILE")
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    cluster: Cluster = None,
    quiet: Quiet = False,
) -> None:
    """Print who is hit, by leverage and side."""
    from stress.cli import adjusted, adl_costs, console, drawn, mechanics, terminal

    output.check_files(out)
    if out is not None and not costs:
        raise InputError(Problem("--out", "--costs beside it, of which it keeps the table", value=str(out)))
    loaded = load(scenario, set_, seed, paths)
    if loaded.run.days is not None:
        expected = "a run of one book: of a run of days, each with a fresh one, nobody is followed"
        raise InputError(Problem(loaded.where, expected, column="run.days", value=loaded.run.days))
    record = execute(loaded, threads, cluster, quiet, two_caps=False)
    if not quiet:
        print(terminal.headline(record))
        drawn.print_drawn(record)
    if not (costs and quiet):
        terminal.print_adl(record.result)
    if costs:
        adl_costs.show_costs(record.result, out, quiet)
    if not quiet:
        mechanics.print_mechanics(record.result)
        adjusted.print_adjustments(record.adjustments, console.console())
        adjusted.print_warnings(record.warnings, console.console())


@guarded
def path(
    source: Annotated[Path, typer.Argument(help="Run directory, or scenario file.", metavar="RUN")],
    number: Annotated[
        int | None, typer.Argument(help="Number of the path, from 0; not needed with --worst.", metavar="I")
    ] = None,
    worst: Annotated[
        bool, typer.Option("--worst", help="The path of the run that needs the largest fund; of equal ones the first.")
    ] = False,
    account: Annotated[str | None, typer.Option(help="Only the events of one account.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write all events to this CSV file.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Events to print.")] = 40,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
) -> None:
    """Print what happened on one path."""
    from stress.cli import terminal
    from stress.results.replay import replay

    writing.check_file(out)
    if (number is None) != worst:
        raise InputError(Problem("path", "either the number of a path or --worst", value=number))
    if source.is_dir():
        if set_ or seed is not None or paths is not None:
            raise InputError(Problem(str(source), "a scenario file where keys are to be changed"))
        record = open_run(source)
        replayed: Any = record.result.design
        if worst:
            number = _worst(record)
    elif worst:
        raise InputError(Problem(str(source), "a run directory: --worst looks among the paths of a run"))
    else:
        replayed = load(source, set_, seed, paths).build().design
    assert number is not None
    if not 0 <= number < replayed.n_paths:
        expected = f"a path from 0 to {replayed.n_paths - 1}"
        raise InputError(Problem(str(source), expected, column="path", value=number))
    if account is not None:
        _known(account, replayed.book.account.tolist(), source)
    say_that_it_compiles()
    log = replay(replayed, number)
    if account is not None:
        log = log[log["account"] == account]
    if out is not None:
        output.put_table(log, out, count(len(log), "event"))
    else:
        terminal.print_events(log, rows, account, next(iter(replayed.venue.cash_layers), "fund"))


def _worst(record: Record) -> int:
    """Number of the path that needs the largest fund, which is said; of equal ones the first."""
    from stress.formatting import usd

    needed = record.result.paths["fund_needed"].to_numpy()
    number = int(needed.argmax())
    print(f"Path {number:,} of {needed.size:,} needs the largest {record.layer}: {usd(float(needed[number]))}.\n")
    return number


def _known(account: str, accounts: list[str], source: Path) -> None:
    """Refuse an account that is not in the book."""
    import difflib

    if account not in accounts:
        near = difflib.get_close_matches(account, accounts, n=3, cutoff=0.0)
        expected = f"an account of this book, the nearest {'are' if len(near) > 1 else 'is'} {', '.join(near)}"
        raise InputError(Problem(str(source), expected, column="--account", value=account))


@guarded
def report(
    run: Annotated[Path, typer.Argument(help="Run directory.", metavar="RUN")],
    out: Annotated[Path | None, typer.Option(help="Default: report.html in the run directory.")] = None,
    author: Author = "",
) -> None:
    """Write the report of a run again, from its directory."""
    from stress import report as pages
    from stress.report.run_files import check_counted

    writing.check_file(out)
    record = open_run(run)
    check_counted(record.result, run)
    if author:
        record = replace(record, manifest=record.manifest | {"author": author})
    print(pages.write(record, out or run / "report.html"))


@guarded
def compare(
    designs: Annotated[list[Path], typer.Argument(help="Two scenario files or run directories, or more.")],
    alpha: Alphas = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A directory for report.html, pictures and tables; or, with an ending (.csv), a file for the table."
        ),
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    threads: Threads = None,
    cluster: Cluster = None,
    quiet: Quiet = False,
) -> None:
    """Compare designs on the same price paths: every one against the first."""
    from stress.analysis.study import Study
    from stress.cli import adjusted, compared, console, terminal
    from stress.report import compare_page
    from stress.results import comparison

    in_directory = out is not None and compare_page.is_directory(out)
    if out is not None and in_directory:
        compare_page.check(out)
    else:
        writing.check_file(out)
    if len(designs) < 2:
        raise InputError(Problem("compare", "two designs or more", value=str(designs[0])))
    again = [d for i, d in enumerate(designs) if d.resolve() in [other.resolve() for other in designs[:i]]]
    raise_if([Problem(str(d), "designs that differ; this one is given twice") for d in again])
    scenarios, results, tables = {}, {}, {}
    for source in designs:
        if source.is_dir():
            record = open_run(source)
            results[str(source)], tables[str(source)] = record.result, record.scenario
        else:
            scenarios[str(source)] = load(source, set_, seed, paths)
            tables[str(source)] = scenarios[str(source)].resolved()
    paid = {name: scenario.venue_object.money for name, scenario in scenarios.items()}
    paid |= {name: result.money for name, result in results.items()}
    raise_if(comparison.problems_of_money({str(source): paid[str(source)] for source in designs}))
    if not quiet and scenarios:
        say_that_it_compiles()
    bar, done = terminal.ProgressBar(shown=not quiet), dict[Any, None]()
    try:
        with workers(cluster if scenarios else None, threads) as executor:
            if scenarios:
                built = {name: scenario.build() for name, scenario in scenarios.items()}
                done.update(dict.fromkeys(x for one in built.values() for x in one.adjustments))
                say_not_grown(*scenarios.values())
                _say_which_delay({name: one.delays for name, one in built.items()})
                study = Study({name: one.design for name, one in built.items()})
                results |= study.run(threads=threads, executor=executor, progress=bar).results
    finally:
        bar.close()
    ordered = {str(source): results[str(source)] for source in designs}
    alphas = alpha or next((s.fund.alphas for s in scenarios.values()), (0.01, 0.001))
    table = comparison.compare(ordered, alphas)
    found = compare_page.Comparison(ordered, {name: tables[name] for name in ordered}, table, tuple(alphas))
    if out is not None and in_directory:
        print(compare_page.write(found, out))
    else:
        output.keep_table(table, out, quiet)
    if not quiet:
        compared.print_changed(found.changed_in_words, list(ordered))
        compared.print_comparison(str(designs[0]), table)
        done.update(dict.fromkeys(x for result in ordered.values() for x in result.adjustments))
        adjusted.print_adjustments(list(done), console.console())


def _say_which_delay(delays: dict[str, tuple[float, ...]]) -> None:
    """A scenario with a range of delays is compared at one of them."""
    from stress.formatting import duration

    for name, found in delays.items():
        if found:
            text = f"Note: {name} is compared at the longest of its delays, {duration(found[-1])}."
            print(visible(text), file=sys.stderr)
