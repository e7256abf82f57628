"""Commands about what goes in: bars, venues, scenarios, and the machine."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import stress
from stress.cli import output
from stress.cli.common import (
    Paths,
    ScenarioFile,
    Seed,
    Set,
    guarded,
    load,
    number_option,
    positive_option,
    say_that_it_compiles,
)
from stress.errors import InputError, Problem, raise_if
from stress.formatting import visible

if TYPE_CHECKING:
    from stress.prices import Bars
    from stress.prices.calibration.calibrate import Calibration

Unit = Annotated[
    str | None,
    typer.Option(metavar="usd|coins|contracts", help="What the bounds of tiers count. Default: as they are called."),
]
ContractSize = Annotated[
    float | None, number_option("COINS", "Coins (inverse: USD) of a contract, in which tiers are.")
]

venues_app = typer.Typer(help="The venues that come with the package, and tiers of your own.", rich_markup_mode=None)


@guarded
def calibrate(
    bars: Annotated[Path, typer.Argument(help="Bars: CSV, spreadsheet, JSON, parquet.", metavar="BARS")],
    model: Annotated[str, typer.Option(help="Model to fit; --all fits all of them.")] = "filtered-bootstrap",
    all_: Annotated[
        bool, typer.Option("--all", help="A contest of all models out of sample; the block is that of the winner.")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --all: draw simulated days against real ones: png, svg, pdf."),
    ] = None,
    s0: Annotated[
        float | None, positive_option("PRICE", "Price to start from. Default: the last close.", "a price")
    ] = None,
    threshold: Annotated[
        float | None,
        number_option("MOVE", "Log move of a bar from which on jumps explain it."),
    ] = None,
    cap: Annotated[
        float | None,
        number_option("MOVE", "Largest jump, or bar of a bootstrap, in log price."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the [prices] block here instead of printing it.")
    ] = None,
    fund: Annotated[
        bool, typer.Option(help="Compare the fund that the days of the bars and the model's days need.")
    ] = True,
    time_format: Annotated[
        str | None,
        typer.Option(
            help="What the times are: iso, seconds, ms, us, ns, yyyymmdd, excel, dmy, mdy, or a format such as "
            "%d/%m/%y. Default: ISO 8601, counts since 1970, or local times with one reading."
        ),
    ] = None,
) -> None:
    """Fit a price model to bars and judge the fit: a [prices] block."""
    from stress.analysis.history_fund import fund_table
    from stress.cli import judgements
    from stress.prices import read_bars
    from stress.prices.calibration import calibrate as fit

    output.check_files(out, picture)
    problems = []
    if picture is not None and not all_:
        problems.append(Problem("--picture", "--all, whose models it shows", value=str(picture)))
    if all_ and not threshold is cap is None:
        problems.append(Problem("--all", "no --threshold and no --cap: they are of one model"))
    raise_if(problems)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = read_bars(bars, time_format)
    for text in [str(w.message) for w in caught]:
        print(f"Note: {visible(text)}", file=sys.stderr)
    if all_:
        found = _contest(history, picture)
    else:
        found = fit.calibrate(history, model, threshold=threshold, cap=cap)
        if fund:
            say_that_it_compiles()
            found = found.with_fund(fund_table(found.fit, history))
        judgements.print_calibration(found)
    output.put_text(found.to_toml(s0, _place(bars, out), time_format), out)


@guarded
def calibrate_depth(
    files: Annotated[
        list[Path], typer.Argument(help="Binance's bookDepth, or a row for each snapshot.", metavar="FILE...")
    ],
    oi: Annotated[
        float | None,
        positive_option("USD", "Open interest of one side: depth as its share.", "USD"),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Take no snapshots after this time, ISO 8601 UTC.")] = None,
    bars: Annotated[Path | None, typer.Option(help="Bars of the same hours, for the fall of the depth.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the [depth] block here instead of printing it.")
    ] = None,
    picture: output.Picture = None,
) -> None:
    """Fit the depth of an order book to snapshots of it: a [depth] block."""
    from stress.analysis.depth_file import read_depth
    from stress.analysis.depth_fit import fit_depth
    from stress.cli import terminal
    from stress.prices import read_bars

    output.check_files(out, picture)
    found = fit_depth(read_depth(files, _seconds_of(until)), None if bars is None else read_bars(bars))
    terminal.print_depth(found)
    if picture is not None:
        from stress.plots.depth import plot_depth

        output.put_picture(lambda: plot_depth(found), picture)
    output.put_text(found.to_toml(oi), out)


def _seconds_of(time: str | None) -> float | None:
    """Seconds since 1970 of an ISO time, UTC unless it has an offset."""
    from datetime import UTC, datetime

    if time is None:
        return None
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        raise InputError(Problem("--until", "a time such as 2025-10-10T14:00", value=time)) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _place(bars: Path, out: Path | None) -> str:
    """The path of the bars as a scenario beside the block names them; one that was given as absolute stays so."""
    import os

    if out is None or bars.is_absolute():
        return bars.as_posix()
    try:
        return Path(os.path.relpath(bars, out.parent)).as_posix()
    except ValueError:  # on another drive
        return bars.resolve().as_posix()


def _contest(history: Bars, picture: Path | None) -> Calibration:
    """All models on some bars: prints the contest, draws the picture, and returns the fit of the winner."""
    from stress.analysis.contest import contest
    from stress.cli import judgements
    from stress.plots.days import draw_days

    say_that_it_compiles()
    found = contest(history, progress=lambda name: print(f"Fitting {name} ...", file=sys.stderr))
    judgements.print_contest(found)
    if picture is not None:
        output.put_figure(draw_days(found.days(), history.source), picture, dpi=150)
    winner = found.winner
    if winner is None or winner.calibration is None:
        reasons = [Problem(entry.name, entry.reason) for entry in found.entries]
        raise InputError([Problem(history.source, "bars that a model can be fitted to in both halves"), *reasons])
    return winner.calibration


@guarded
def crowds(
    mix: Annotated[
        str | None, typer.Argument(help="A mix by name, or a TOML file. Default: all that come.", metavar="MIX")
    ] = None,
    venue: Annotated[str, typer.Option(help="A venue's name, or the path of a venue file.")] = "binance",
    market: Annotated[str | None, typer.Option(help="Default: the first of the venue.")] = None,
    accounts: Annotated[int, typer.Option(help="Accounts of a book.")] = 5_000,
    open_interest: Annotated[float, positive_option("USD", "Of one side.", "USD")] = 2e9,
    bars: Annotated[
        Path | None, typer.Option(help="Bars whose days are played. Default: a diffusion at 50 % and at 80 % a year.")
    ] = None,
    books: Annotated[int, typer.Option(min=2, max=1_000, help="Redrawn books, for the errors.")] = 5,
    out: output.Table = None,
) -> None:
    """Hold crowds against published figures: leverage, largest accounts, forced liquidation a day."""
    import pandas as pd

    from stress.analysis import crowds as study
    from stress.book import population
    from stress.cli import terminal
    from stress.prices import read_bars
    from stress.prices.history import windows

    output.check_files(out)
    markets = next((info.markets for info in stress.list_venues() if info.name == venue), ())
    rules = stress.load_venue(venue, market or (markets[0] if markets else None)).simplified()
    mixes = population.MIXES if mix is None else (mix,)
    specs = {m: stress.PopulationSpec.load(m, accounts=accounts, open_interest=open_interest) for m in mixes}
    days: dict[str, Any]
    if bars is None:
        days = {f"diffusion at {sigma:.0%} a year": study.diffusion(sigma) for sigma in (0.5, 0.8)}
    else:
        history = windows(read_bars(bars))
        days = {f"{history.paths.n_paths:,} days of {bars.name}": history.paths}
    found = []
    for name, spec in specs.items():
        parts = {"": study.against_anchors(spec, rules, books=books)}
        parts |= {on: study.liquidation_on(prices, spec, rules, books) for on, prices in days.items()}
        terminal.print_crowd(name, population.title(name), parts)
        found += [part.assign(mix=name, days=on) for on, part in parts.items()]
    if out is not None:
        output.put_table(pd.concat(found, ignore_index=True)[["mix", "days", *study.COLUMNS]], out)


@venues_app.callback(invoke_without_command=True)
@guarded
def venues(context: typer.Context) -> None:
    """List the venues that come with the package."""
    if context.invoked_subcommand is None:
        from stress.cli import terminal

        terminal.print_venues(stress.list_venues())


@venues_app.command()
@guarded
def show(
    name: Annotated[str, typer.Argument(help="A venue's name, or the path of a venue file.")],
    market: Annotated[str | None, typer.Option(help="Default: the first of the file.")] = None,
) -> None:
    """Show every figure of a venue with its source."""
    from stress.cli import terminal

    markets = next((info.markets for info in stress.list_venues() if info.name == name), ())
    first = markets[0] if markets else None
    terminal.print_venue(stress.load_venue(name, market or first), markets)


@venues_app.command("import")
@guarded
def import_(
    file: Annotated[
        Path, typer.Argument(help="Tiers: a venue's or ccxt's answer (JSON), or a table (CSV, spreadsheet, parquet).")
    ],
    flat: Annotated[bool, typer.Option("--flat", help="The tier's rate holds for the whole position.")] = False,
    market: Annotated[str | None, typer.Option(help="Only this market.")] = None,
    unit: Unit = None,
    contract_size: ContractSize = None,
    out: Annotated[Path | None, typer.Option(help="Write the venue file here instead of printing it.")] = None,
) -> None:
    """Turn an exchange's margin tiers into a venue file."""
    from stress.cli import adjusted, console
    from stress.venue.importers import read_tiers, venue_text

    output.check_files(out)
    tiers = read_tiers(file, flat=flat, market=market, unit=unit, contract_size=contract_size)
    adjusted.print_adjustments(tiers.adjustments, console.TextConsole(error=True))
    output.put_text(venue_text(tiers, file, out.stem if out is not None else None), out)


@guarded
def check(
    scenario: ScenarioFile,
    set_: Set = None,
    seed: Seed = None,
    paths: Paths = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of TOML.")] = False,
) -> None:
    """Check a scenario; print it with all defaults."""
    from stress import serialize
    from stress.adjustments import unsaid
    from stress.cli import adjusted, console

    loaded = load(scenario, set_, seed, paths)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        built = loaded.build()
    resolved = loaded.resolved()
    print(json.dumps(resolved, indent=2) if as_json else serialize.to_toml(resolved).rstrip())
    book = built.design.book
    print(visible(f"{scenario}: OK. {book!r}, hash {loaded.hash[:8]}"), file=sys.stderr)
    adjusted.print_adjustments(built.adjustments, console.TextConsole(error=True))
    for text in unsaid([*(str(w.message) for w in caught), *built.notes], built.adjustments):
        print(f"Note: {visible(text)}", file=sys.stderr)


@guarded
def columns(
    kind: Annotated[str | None, typer.Argument(help="positions, bars or tiers. Default: all three.")] = None,
) -> None:
    """The columns of files of positions, bars and tiers, and the titles they may have."""
    from stress.cli import columns as known

    known.print_columns(kind)


@guarded
def doctor() -> None:
    """Show versions, threads and cache, and compile."""
    import time

    import numpy as np

    from stress.engine import scheduling
    from stress.provenance import provenance

    for name, version in provenance().items():
        print(f"{name:10} {version}")
    print(f"{'threads':10} {scheduling.default_threads()}")
    _show_cache()
    say_that_it_compiles()
    start = time.perf_counter()
    venue = stress.load_venue("binance", market="BTCUSDT")
    spec = stress.PopulationSpec.load("retail", accounts=200, open_interest=1e8)
    book = stress.Book.sample(spec, venue=venue, price=100.0, seed=1)
    prices = stress.prices.Kou(s0=100.0, sigma=1.0, intensity=3000.0, p_up=0.5, eta_up=20.0, eta_down=20.0)
    found = stress.simulate(book, venue, prices, fund=1e4, n_paths=20, horizon=3600.0, depth=stress.Depth(usd=1e7))
    if not np.isfinite(found.paths.to_numpy(float)).all():
        raise InputError(Problem("doctor", "finite numbers from a run of twenty paths"))
    print(f"{'test run':10} OK, {time.perf_counter() - start:.1f} s")


def _show_cache() -> None:
    """The folder of compiled code: what is in it, and why it is not another one."""
    from stress.kernels import cache, jit

    if jit.CACHE_DIR is None:
        print(f"{'cache':10} none: every process compiles")
    else:
        kept = cache.files(jit.CACHE_DIR)
        megabytes = sum(path.stat().st_size for path in kept) / 1e6
        print(f"{'cache':10} {jit.CACHE_DIR} ({len(kept)} files, {megabytes:.1f} MB)")
    for text in jit.REFUSED:
        print(f"{'refused':10} {text}")
    if jit.CACHE_DIR is not None and (damaged := cache.damaged_files(jit.CACHE_DIR)):
        renewed = "what they held is compiled again when it is needed"
        print(f"{'damaged':10} {len(damaged)} of these files, the first {damaged[0].name}: {renewed}")
    print(f"{'compiled':10} {'yes, by an earlier run' if jit.is_warm() else 'not yet'}")
