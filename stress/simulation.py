"""The one orchestrator: from book, venue and prices to a `Result`, from a scenario to a `Record` and its directory.

`simulate` takes book, venue and prices; `run` takes a scenario and may save the run in a directory; `save_run` saves
what either of them returned.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stress import serialize
from stress.adjustments import unsaid
from stress.analysis import caps
from stress.analysis.error_budget import cost, redrawn_paths, run_plans
from stress.analysis.fund_grid import fund_grid
from stress.analysis.study import Study
from stress.analysis.tolerance import Goal, run_until
from stress.arguments import is_text, path_of, wrong_types
from stress.book.book import Book
from stress.engine import scheduling
from stress.engine.design import Detail
from stress.engine.prepare import prepare
from stress.errors import InputError, Problem, raise_if
from stress.results import mechanics, sizing
from stress.results.budget import error_budget
from stress.results.result import Result
from stress.runs import place, run_directory
from stress.runs import record as records
from stress.runs.record import BOUNDS, SCHEMA, Record
from stress.scenario import sampling
from stress.venue.depth import Depth
from stress.venue.events import Events
from stress.venue.funding import Funding
from stress.venue.layer import Layer
from stress.venue.venue import Venue

if TYPE_CHECKING:
    import pandas as pd

    from stress.engine.design import Design
    from stress.runs.checkpoint import Checkpoint
    from stress.runs.resume import UnfinishedRun
    from stress.scenario.redraws import Plan
    from stress.scenario.scenario import Scenario


def simulate(
    book: Book,
    venue: Venue | str | Path,
    prices: Any,
    *,
    fund: float | str | None = None,
    n_paths: int | str | None = None,
    horizon: float | str | None = None,
    step: float | str | None = None,
    depth: Depth | None = None,
    gap: float | str | None = None,
    jump_gap: float | str = 1.0,
    delay: float | str | None = None,
    layers: Mapping[str, Layer] | None = None,
    funding: Funding | None = None,
    events: Events | None = None,
    tail: float | str | None = None,
    seed: int = 0,
    under_margin: Literal["error", "liquidate", "drop"] = "error",
    days: int | str | None = None,
    renew: Literal["daily"] | None = None,
    income_per_day: float | str | None = None,
    fund_cap: float | str | None = None,
    sweep: float | str | None = None,
    detail: Detail = "positions",
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run the loss waterfall on many price paths.

    Numbers may be text with a unit: fund="5M", horizon="1d", step="1min", delay="30s", gap="50 %".

    Parameters
    ----------
    book : Book
        Long and short quantity should balance; a difference is held outside, with a warning.
    venue : Venue, or str or Path
        By its name or the path of its file, it is that of the book's market; of a book without one, the first, with a
        `VenueWarning`.
    prices : price model
        Anything with `s0`, `describe()` and `block(seed, first_path, n_paths, n_steps, dt)`. With `Paths` the number
        of paths, the horizon and the step are its own. `Replay` and `Episode` are one path, with the step of their bars
        and at most their length; `Bootstrap` has the step of its bars. What is given beside these must be the same.
    fund : float
        Required. Initial insurance fund, USD, at least the venue's reserve; inf: unlimited.
    n_paths : int, optional
        Default: 10,000, or what the prices have.
    horizon, step : float, optional
        Seconds; the horizon is a whole number of steps. Default: a day and a minute, or what the prices have.
    depth : Depth, optional
        Default: a book of infinite depth.
    gap, jump_gap : float
        Share of a continuous move, and of a jump, that cannot be traded through, in [0, 1]. The required fund
        depends on these two more than on any other number. Default of `gap`: 0, with a `LateFillWarning` where neither
        it nor `delay` is given and the prices hold no jumps (`Replay`, `Episode`, `Bootstrap`).
    delay : float, optional
        Seconds from the trigger of a liquidation to its fill, in the place of `gap`: it does not hang on the length of
        a step. After a jump the worse of `jump_gap`'s price and the price `delay` seconds on. 0 is `gap = 0`.
    layers : dict of str to Layer, optional
        Capital, floor and cap of the layers of the venue's `waterfall` that hold cash, "vault" and "house"; of "fund" a
        cap alone.
    funding : Funding, optional
        What longs pay to shorts. Default: nothing.
    events : Events, optional
        Outages, a mark that stands still, bad ticks.
    tail : float, optional
        The smallest probability that is asked for, from 1e-12 to 0.1, such as 1e-6: paths are drawn by the rarity of
        their rarest event and weighted (`stress.prices.rarest_event`), so that few paths say much of rare days. For
        models with events to rank: jumps, wicks, drawn bars. Default: plain paths.
    seed : int
        0 <= seed < 2^63. The same seed gives the same bytes, whatever the threads and blocks.
    under_margin : {"error", "liquidate", "drop"}
        What to do with positions at or below their maintenance margin at S_0.
    days : int, optional
        Days of the horizon, each of which begins with a fresh book (`stress.engine.renewal`); `Result.horizon` has the
        answers. Positions are not counted then: `detail` is "paths". Default: one book for the whole horizon.
    renew : {"daily"}, optional
        When the book is renewed; of a run of `days` alone.
    income_per_day : float, optional
        Money that is paid into the fund at the end of each of the `days`, beside what liquidations pay. Default: 0.
    fund_cap : float, optional
        What the fund has more at the end of a day is taken out. Default: nothing.
    sweep : float, optional
        Share of what the fund has gained within a day that is taken out at its end. Default: 0.
    detail : {"positions", "paths"}
        "paths" counts nothing per position and per class of leverage, and is faster: for questions about the fund.
        Money may differ from that of "positions" in its last bits, since more of it is summed at once.
    threads : int, optional
        Default: all processors of this process.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Processes the blocks instead of threads, and stays open: a pool of processes (by spawn, or a fork of a process
        without threads), a cluster of dask.distributed, or anything else with `submit`. `threads` then says how many
        blocks are processed at a time, by default as many as the executor has workers.
    progress : callable, optional
        Called with (paths done, paths in all) after every block.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        With everything that is wrong with the arguments; if the run does not fit into memory, with what would.
    SimulationError
        If a path met an impossible price.
    WorkerError
        If the workers of the executor are gone, or have other versions.
    """
    design = prepare(
        book, venue, prices, fund=fund, n_paths=n_paths, horizon=horizon, step=step, depth=depth, gap=gap,
        jump_gap=jump_gap, delay=delay, layers=layers, funding=funding, events=events, tail=tail, seed=seed,
        under_margin=under_margin, detail=detail, days=days, renew=renew,
        income_per_day=income_per_day, fund_cap=fund_cap, sweep=sweep,
    )  # fmt: skip
    study = Study({"design": design})
    return study.run(threads=threads, executor=executor, progress=progress).results["design"]


def run(
    scenario: Scenario | str | Path,
    overrides: Iterable[str] = (),
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    directory: str | Path | None = None,
    report: bool = False,
    studies: bool = False,
    author: str = "",
) -> Record:
    """Run a scenario, given or by its file.

    Parameters
    ----------
    scenario : Scenario or path
    overrides : iterable of str
        See `Scenario.load`.
    threads, executor, progress
        See `stress.simulate`.
    directory : path, optional
        Save the run there. Until it is complete, finished paths are in `directory.partial`: after an interruption the
        same call resumes from them, with the same bytes as without it.
    report : bool
        Whether to draw the figures and write report.html there too.
    studies : bool
        Whether to make the studies that page one of the report shows: scenarios, reverse stress, and which inputs
        matter (`stress.runs.studies`). They take several times as long as the run.
    author : str
        Who answers for the run, for the report. It changes no number and no hash.

    Raises
    ------
    InputError
        With everything that is wrong with the scenario, its files and the directory; with overrides of a Scenario.
    """
    _check_report(report)
    raise_if(wrong_types("run", studies=(studies, bool, "True or False"), author=(author, str, "a name")))
    if report and directory is None:
        raise InputError(Problem("run", "a directory to write the report in", column="directory"))
    from stress.scenario.scenario import Scenario

    if not isinstance(scenario, Scenario):
        scenario = Scenario.load(scenario, overrides)
    elif overrides:
        expected = "none with a Scenario: Scenario.load takes them with its file"
        raise InputError(Problem("run", expected, column="overrides", value=overrides))
    if directory is None:
        record = execute(scenario, threads=threads, executor=executor, progress=progress)
        return with_extras(record, scenario, studies, author, threads)
    from stress.runs.resume import unfinished_run

    unfinished = unfinished_run(path_of(directory, "run", "directory"), scenario)
    with unfinished.checkpoint as checkpoint:
        place.check(unfinished.directory, scenario.hash)
        record = execute(scenario, threads=threads, executor=executor, progress=progress, checkpoint=checkpoint)
        record = with_extras(record, scenario, studies, author, threads)
        save_finished(record, unfinished, report)
    return record


def with_extras(
    record: Record,
    scenario: Scenario,
    studies: bool,
    author: str,
    threads: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Record:
    """A record with the studies of its scenario and its author, those that are asked for, and with its designs.

    Parameters
    ----------
    record : Record
    scenario : Scenario
    studies : bool
    author : str
        Empty: nobody is named.
    threads : int, optional
        For the studies; default: all processors.
    say : callable
        Called with a line before each study.
    """
    found = record.studies
    if studies and (why := record.result.curve_refused):
        say(f"No studies, which all ask for the fund that is needed: {why}.")
    elif studies:
        from stress.runs.studies import make

        refused = {"reverse": why} if (why := sizing.jump_refused(record.result.config)) else {}
        if record.result.days is not None:
            refused |= dict.fromkeys(("margins", "advice"), "the book of a run of days is drawn anew each day")
        elif not (record.result.has_adl and (record.result.paths["adl_count"] > 0).any()):
            refused["advice"] = "nobody is auto-deleveraged on these paths"
        found = make(scenario, say, threads, refused)
    if scenario.designs is not None:
        from stress.runs.studies import of_designs

        say("Designs of ADL on the same paths ...")
        found = dict(found) | of_designs(scenario, threads)
    return replace(record, studies=found, manifest=record.manifest | ({"author": author} if author else {}))


def save_run(run: Result | Record, directory: str | Path, *, name: str = "result", report: bool = False) -> Path:
    """Write a run directory, which `stress.open_run` reads back.

    Parameters
    ----------
    run : Result or Record
    directory : path
        A run directory of the same scenario is replaced.
    name : str
        Of a Result; a Record has its own.
    report : bool
        Whether to draw the figures and write report.html too; needs a run with detail "positions".

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If something else is there already, or if there is no room or no right to write; what was there is kept. Or
        if a report is asked for and positions were not counted.
    """
    _check_report(report)
    directory = path_of(directory, "save_run", "directory")
    raise_if(wrong_types("save_run", run=(run, Result | Record, "a stress.Result or a stress.Record")))
    if not (is_text(name) and name):
        raise InputError(Problem("save_run", "a name", column="name", value=name))
    if isinstance(run, Record) and name not in ("result", run.name):
        raise InputError(Problem("save_run", f"the name that the Record has, {run.name}", column="name", value=name))
    record = run if isinstance(run, Record) else records.of_result(run, name=name)
    return run_directory.save(record, directory, extras=_report_writer(record, directory, report))


def _check_report(report: Any) -> None:
    raise_if(wrong_types("report", report=(report, bool, "True or False")))


def save_finished(record: Record, unfinished: UnfinishedRun, report: bool) -> None:
    """Write the run directory of a run that is finished, at first inside its checkpoint, which is then removed.

    Raises
    ------
    InputError
        As `save_run`.
    """
    checkpoint, directory = unfinished.checkpoint, unfinished.directory
    checkpoint.make()
    run_directory.save(
        record,
        directory,
        extras=_report_writer(record, directory, report),
        scratch=checkpoint.path,
        placed=lambda: checkpoint.finish(directory),
    )


def _report_writer(record: Record, directory: str | Path, report: bool) -> Callable[[Path], None] | None:
    """What writes the figures and the report into a run directory, if they are asked for."""
    if not report:
        return None
    from stress.report import run_files

    run_files.check_counted(record.result, directory)
    return lambda folder: run_files.write_files(record, folder)


def fills_of(chosen: Design, delays: tuple[float, ...]) -> list[dict[str, Any]]:
    """How late fills are in the designs of a run: at the gaps (0, 0), as chosen or at each delay, at (1, 1)."""
    bounds = [{"gap": gap, "jump_gap": jump_gap, "delay": None} for gap, jump_gap in BOUNDS]
    own = {"gap": chosen.gap, "jump_gap": chosen.jump_gap, "delay": chosen.delay}
    if chosen.delay is None:
        return sorted([*bounds, *([own] if own not in bounds else [])], key=lambda x: (x["gap"], x["jump_gap"]))
    return [bounds[0], *(own | {"delay": delay} for delay in delays or (chosen.delay,)), bounds[1]]


def execute(
    scenario: Scenario,
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    command: str = "",
    checkpoint: Checkpoint | None = None,
    detail: Detail = "positions",
    say: Callable[[str], None] = lambda text: None,
    two_caps: bool = True,
) -> Record:
    """Run a scenario at its own gaps or delays, and at the gaps (0, 0) and (1, 1), on the same prices.

    With a tolerance the run grows until the figures at its own gaps, or at each of its delays, have it. With a tail its
    own gaps, or the longest of its delays, are run again with larger caps of the jump size (`stress.analysis.caps`).

    Parameters
    ----------
    scenario : Scenario
    threads, executor, progress
        See `stress.simulate`.
    command : str
        For the manifest.
    checkpoint : Checkpoint, optional
        Keeps finished blocks, and hands over those of an interrupted run.
    detail : {"positions", "paths"}
        Of the scenario's own gaps or delay, or the longest of its delays, see `stress.simulate`; the others have
        "paths".
    say : callable
        Called with what the redraws of `error = "full"` take, before they begin.
    two_caps : bool
        False: nothing is run with larger caps.

    Raises
    ------
    InputError
        With everything that is wrong with the scenario and its files.
    """
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        built = scenario.build()
        chosen = built.design
        own = records.fill_name(chosen.gap, chosen.jump_gap, chosen.delay)
        designs = {
            records.fill_name(fill["gap"], fill["jump_gap"], fill["delay"]): replace(chosen, **fill, detail="paths")
            for fill in fills_of(chosen, built.delays)
        }
        designs[own] = replace(chosen, detail="paths" if chosen.renewal else detail)
        ready = time.perf_counter()
        redrawn = _plans(scenario, chosen, say)
        again = int(two_caps and caps.is_shown(chosen))
        shown = progress if progress is None else _of_all(progress, redrawn_paths(redrawn), again)
        workers: dict[str, Any] = {"threads": threads, "executor": executor}
        if (goal := _goal(scenario, chosen)) is None:
            study, grown = Study(designs).run(**workers, progress=shown, sink=checkpoint), None
        else:
            late = [records.fill_name(chosen.gap, chosen.jump_gap, delay) for delay in built.delays]
            study, grown = run_until(Study(designs), goal, late or [own], **workers, progress=shown, sink=checkpoint)
        run_once = time.perf_counter()
        before, at_caps = study.results[own].n_paths, None
        if again:
            shown = progress if progress is None else _after(progress, before, 2 * before + redrawn_paths(redrawn))
            at_caps = caps.at_two_caps(study.results[own], scenario.fund.alphas, **workers, progress=shown)
        grid = _grid(study.results[own], threads, executor)
        redraws = run_plans(redrawn, **workers, progress=progress, before=(1 + again) * before)
    done = time.perf_counter()
    resumed = 0 if checkpoint is None else checkpoint.resumed_paths
    given = list({(str(w.message), w.category): w for w in caught}.values())
    for w in given:
        warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    alphas = scenario.fund.alphas
    result = study.results[own]
    config = serialize.loads(serialize.dumps(result.config))
    result = replace(result, config=config, adjustments=built.adjustments)
    gaps = records.gap_table(study, alphas, own)
    manifest = {
        "schema_version": SCHEMA,
        "name": scenario.name,
        "hash": scenario.hash,
        "seed": scenario.seed,
        "versions": result.provenance,
        "inputs": scenario.inputs,
        "threads": int(threads or 0) or scheduling.default_threads(),
        "wall_seconds": round(done - start, 3),
        "paths_per_second": round(len(designs) * (result.n_paths - resumed) / (run_once - ready), 1),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "warnings": [
            *unsaid((str(w.message) for w in given), built.adjustments),
            *built.notes,
            *records.spreadsheet_warnings(result),
        ],
        "adjustments": [x.describe() for x in built.adjustments],
    }
    if resumed:
        manifest["resumed_paths"] = resumed
    if grown is not None:
        manifest["growth"] = grown.describe()
    budget = error_budget(result, redraws, alphas) if redraws else None
    required = records.required_funds(result, alphas)
    return Record(scenario.resolved(), manifest, result, gaps, required, budget, grid=grid, caps=at_caps)


def _goal(scenario: Scenario, design: Design) -> Goal | None:
    """What the run of a scenario grows for; None: it has as many paths as it says."""
    if scenario.run.tolerance is None:
        return None
    most = sampling.max_paths(scenario.run, design.n_paths)
    return Goal(scenario.run.tolerance, design.n_paths, most, scenario.fund.alphas)


def _grid(result: Result, threads: int | None, executor: Executor | None) -> pd.DataFrame | None:
    """A grid of funds where the run does not size one; None where it does, or nothing is there to size."""
    if not result.curve_refused or not mechanics.cash_layers(result.config):
        return None
    return fund_grid(result, threads=threads, executor=executor)


def _plans(scenario: Scenario, design: Design, say: Callable[[str], None]) -> list[Plan]:
    """What is redrawn for the error; nothing unless the scenario asks for it."""
    if scenario.run.error == "paths":
        return []
    if why := sizing.curve_refused(design.describe()):
        expected = f'"paths": the error of a fund is asked for, and one run does not give the fund ({why})'
        raise InputError(Problem("run", expected, column="run.error", value=scenario.run.error))
    from stress.scenario.redraws import plans

    found = plans(scenario, design)
    say(f"Error in full: {cost(found)}.")
    return found


def _of_all(progress: Callable[[int, int], None], later: int, again: int) -> Callable[[int, int], None]:
    """Progress of a first part, of all that is run: so many paths later, and so many times its own again."""
    return lambda done, total: progress(done, (1 + again) * total + later)


def _after(progress: Callable[[int, int], None], before: int, total: int) -> Callable[[int, int], None]:
    """Progress of a later part."""
    return lambda done, _: progress(before + done, total)
