"""The command that holds a fund against a history."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stress.cli.common import Seed, Set, Threads, guarded, say_that_it_compiles
from stress.errors import InputError, Problem, raise_if
from stress.files import writing

if TYPE_CHECKING:
    from stress.analysis.backtest import Backtest
    from stress.prices.bars import Bars
    from stress.scenario.scenario import Scenario

ALPHAS = (0.05, 0.01, 0.001)
STANDARD: dict[str, Any] = {  # what a history is played with if there is no scenario
    "run": {"paths": 10_000, "horizon": "1d"},
    "venue": {"preset": "binance", "market": "BTCUSDT"},
    "population": {"mix": "retail", "accounts": 10_000, "open_interest": 2e9},
    "fund": {"initial": 0.0, "alphas": list(ALPHAS)},
}


@guarded
def backtest(
    bars: Annotated[Path, typer.Argument(help="Bars: CSV (also .gz, .zip), parquet, feather.", metavar="BARS")],
    scenario: Annotated[
        Path | None,
        typer.Option(
            help="Scenario whose funds are tested, with its own price model. Default: a model fitted to the first "
            "part of the bars, Binance's BTCUSDT, and the retail crowd."
        ),
    ] = None,
    book: Annotated[Path | None, typer.Option(help="File of positions, in place of the scenario's traders.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Fit this model to the first part of the bars, and test it on the rest.")
    ] = None,
    train: Annotated[float, typer.Option(help="Share of the bars that the model is fitted to.")] = 0.5,
    alpha: Annotated[list[float] | None, typer.Option(help="Probability of depletion; may be given again.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write what every day took to this CSV file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the days and the funds to this file (png, svg).")] = None,
    time_format: Annotated[str | None, typer.Option(help="What the times are, see calibrate.")] = None,
    set_: Set = None,
    seed: Seed = None,
    threads: Threads = None,
) -> None:
    """Hold a sized fund against every day of a history."""
    from stress.analysis.backtest import backtest as hold
    from stress.files import csv_tables
    from stress.prices import read_bars

    for path in (out, figure):
        writing.check_file(path)
    problems = [Problem("--alpha", "a probability above 0 and below 1", value=a) for a in alpha or () if not 0 < a < 1]
    if not 0 < train < 1:
        problems.append(Problem("--train", "a share above 0 and below 1", value=train))
    raise_if(problems)
    history = read_bars(bars, time_format)
    tested, loaded, fitted = _scenario(history, scenario, book, model, train, set_, seed)
    design = loaded.build().design
    say_that_it_compiles()
    found = hold(design, tested, alpha or ALPHAS, threads=threads)
    print_backtest(found, fitted or _overlap(loaded, tested))
    if out is not None:
        writing.put_text(out, csv_tables.to_csv(found.days, str(out)))
        print(f"\n{len(found.days):,} days: {out}")
    if figure is not None:
        _draw(found, figure)
        print(figure)


def _scenario(
    history: Bars,
    scenario: Path | None,
    book: Path | None,
    model: str | None,
    train: float,
    set_: list[str] | None,
    seed: int | None,
) -> tuple[Bars, Scenario, str]:
    """The bars to test on, the scenario, and what its model was fitted to ("" for the scenario's own)."""
