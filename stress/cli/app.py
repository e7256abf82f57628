"""The commands of `perp-stress`, which are in the other modules of this folder."""

from __future__ import annotations

from typing import Annotated

import typer

import stress
from stress.cli import (
    advice,
    attack,
    backtest,
    bench,
    designs,
    impact,
    inputs,
    new,
    runs,
    stress_tests,
    studies,
    trader,
)
from stress.cli.exit_codes import EPILOG

app = typer.Typer(
    help="Stress tests of perpetual-futures exchanges: liquidations, insurance fund, auto-deleveraging.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(new.new)
app.command(epilog=EPILOG)(runs.run)
for command in (runs.size, runs.adl, runs.path, runs.report, runs.compare):
    app.command()(command)
for command in (
    stress_tests.scenarios,
    stress_tests.reverse,
    studies.sweep,
    studies.tornado,
    studies.solve,
    studies.margins,
    advice.advice,
    designs.designs,
    trader.trader,
    trader.moves,
    attack.attack,
    backtest.backtest,
    impact.impact,
    inputs.calibrate,
    inputs.calibrate_depth,
    inputs.crowds,
    inputs.check,
    inputs.columns,
    inputs.doctor,
    bench.bench,
):
    app.command()(command)
app.add_typer(inputs.venues_app, name="venues")


def _version(wanted: bool) -> None:
    if wanted:
        print(stress.__version__)
        raise typer.Exit()


@app.callback(epilog=EPILOG)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Stress tests of perpetual-futures exchanges: liquidations, insurance fund, auto-deleveraging."""
