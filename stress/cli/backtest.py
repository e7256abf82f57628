"""The command that holds a fund against a history."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from stress.cli import output
from stress.cli.common import (
    Alphas,
    Quiet,
    Seed,
    Set,
    Threads,
    guarded,
    number_option,
    say_not_grown,
    say_that_it_compiles,
)
from stress.errors import InputError, Problem, raise_if
from stress.formatting import count, set_money

if TYPE_CHECKING:
    from stress.analysis.backtest import Backtest
    from stress.prices.bars import Bars
    from stress.prices.base import PriceModel
    from stress.scenario.scenario import Scenario

ALPHAS = (0.05, 0.01, 0.001)
MODEL = "filtered-bootstrap"  # that is fitted to the first part of the bars
BLIND = "*"  # beside a delay that the bars are too coarse for
STANDARD: dict[str, Any] = {  # what a history is played with if there is no scenario
    "run": {"paths": 10_000, "horizon": "1d", "delays": ["1s", "10s", "1min", "5min"]},
    "venue": {"preset": "binance", "market": "BTCUSDT", "rules": "simple"},
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
            "part of the bars, Binance's BTCUSDT with positions closed whole, and the retail crowd."
        ),
    ] = None,
    book: Annotated[Path | None, typer.Option(help="File of positions, in place of the scenario's traders.")] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Fit this model to the first part of the bars, and test it on the rest. Default without a scenario: "
            f"{MODEL}."
        ),
    ] = None,
    train: Annotated[float, number_option("SHARE", "Share of the bars that the model is fitted to.")] = 0.5,
    delay: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TIME",
            help="Time from trigger to fill, as 10s or 1min, of the model and of the days; may be given again. "
            "Default: the scenario's gap or delays, or 1 s, 10 s, 1 min and 5 min.",
        ),
    ] = None,
    alpha: Alphas = None,
    out: Annotated[
        Path | None, typer.Option(help="Write what every day took to this CSV file.", metavar="FILE")
    ] = None,
    picture: output.Picture = None,
    time_format: Annotated[str | None, typer.Option(help="What the times are, see calibrate.")] = None,
    set_: Set = None,
    seed: Seed = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Hold a sized fund against every day of a history."""
    from stress.analysis.backtest import backtest as hold
    from stress.cli import adjusted, console
    from stress.prices import read_bars
    from stress.prices.rarest_event import read_tail

    output.check_files(out, picture)
    problems = [Problem("--alpha", "a probability above 0 and below 1", value=a) for a in alpha or () if not 0 < a < 1]
    if not 0 < train < 1:
        problems.append(Problem("--train", "a share above 0 and below 1", value=train))
    raise_if(problems)
    history = read_bars(bars, time_format)
    if scenario is None and model is None:
        model = MODEL
    fitted = _fit(history, model, train) if model is not None else None
    loaded = _scenario(history, scenario, book, fitted, delay, set_, seed)
    set_money(loaded.venue_object.money)
    built = loaded.build()
    say_not_grown(loaded)
    design, tested, sample = built.design, history, _sample(loaded, history)
    if fitted is not None:
        design, tested, sample = replace(design, prices=fitted.model), fitted.rest, fitted.text
        read_tail(design.tail, design.prices, design.n_paths, design.n_steps, design.step)  # of another model
    if not quiet:
        say_that_it_compiles()
    designs = [replace(design, gap=0.0, delay=seconds) for seconds in built.delays] or [design]
    asked = alpha or (ALPHAS if scenario is None else loaded.fund.alphas)
    results = [hold(one, tested, asked, threads=threads) for one in designs]
    found = results[-1]
    if not quiet:
        print_backtest(results, sample)
        done = dict.fromkeys([*history.adjustments, *built.adjustments])
        adjusted.print_adjustments(list(done), console.console())
        print()
    output.keep_table(found.days, out, quiet)
    if picture is not None:
        from stress.plots.backtest import plot_backtest

        output.put_picture(lambda: plot_backtest(found), picture)


class Fitted(NamedTuple):
    """A model fitted to the first part of some bars, the rest of them, and what a reader has to know."""

    model: PriceModel
    rest: Bars
    text: str


def _fit(history: Bars, model: str, train: float) -> Fitted:
    """Fit a model to the first part of the bars; the rest is what it is tested on."""
    from stress.formatting import percent
    from stress.prices.calibration.fitters import FITTERS

    if model not in FITTERS:
        raise InputError(Problem("--model", f"one of {', '.join(FITTERS)}", value=model))
    cut = round(train * len(history))
    if not 0 < cut < len(history):
        raise InputError(Problem("--train", f"a share of {len(history):,} bars that leaves some", value=train))
    first, rest = history.part(0, cut), history.part(cut, len(history))
    text = (
        f"Out of sample: {model} is fitted to the first {percent(train)} of the bars, {first.first} to {first.last}, "
        f"and tested on {rest.first} to {rest.last}."
    )
    return Fitted(FITTERS[model](first).model(first), rest, text)


def _scenario(
    history: Bars,
    scenario: Path | None,
    book: Path | None,
    fitted: Fitted | None,
    delay: list[str] | None,
    set_: list[str] | None,
    seed: int | None,
) -> Scenario:
    """The scenario whose book, venue, depth and fills the days are played with."""
    from stress.files import documents
    from stress.scenario.overrides import set_key
    from stress.scenario.scenario import Scenario

    raw = copy.deepcopy(STANDARD) if scenario is None else documents.read_toml(scenario)
    raw.setdefault("name", "backtest" if scenario is None else scenario.stem)
    changes = [*(set_ or []), *([] if seed is None else [f"seed={seed}"])]
    if fitted is not None:  # a price model of the right price, whose place the fitted one takes
        raw["prices"] = {"model": "gbm", "s0": fitted.model.s0, "sigma": 1.0}
        raw.setdefault("run", {})["step"] = history.step
    if delay:
        raw["run"] = {k: v for k, v in raw.get("run", {}).items() if k not in ("gap", "delay")} | {"delays": delay}
    if book is not None:
        raw.pop("population", None)
        raw["book"] = {"file": str(book)}
    overridden = {set_key(raw, text) for text in changes} | ({"book.file"} if book is not None else set())
    if scenario is None:
        return Scenario.parse(raw, "backtest", Path(), frozenset(overridden))
    return Scenario.parse(raw, scenario.name, scenario.parent, frozenset(overridden))


def _sample(scenario: Scenario, history: Bars) -> str:
    """Whether the bars are those that the model of the scenario was fitted to."""
    if history.sha256 and any(
        scenario.inputs[key]["sha256"] == history.sha256
        for key in ("prices.bars", "prices.calibrate")
        if key in scenario.files
    ):
        return "In sample: the price model is made of these very bars, so this is no test of it."
    source = scenario.price_model[1].get("provenance", {})
    if not source.get("source"):
        return "The scenario does not say what its price model was fitted to."
    if source.get("sha256") == history.sha256:
        return "In sample: the price model was fitted to these very bars, so this is no test of it."
    span = f"{source.get('first', '?')} to {source.get('last', '?')}"
    return f"The price model was fitted to {source['source']}, {span}; days within are no test of it."


def print_backtest(results: list[Backtest], sample: str) -> None:
    """Funds against days for each delay, and the worst windows by name, at the last of them."""
    from stress.cli.console import console, table
    from stress.formatting import SPACE, percent, significant, usd, usd_range, visible

    def signed(share: float) -> str:
        return f"{100 * share:+.1f}{SPACE}%".replace("-", "\u2212")

    def p_value(p: float) -> str:
        return "–" if math.isnan(p) else "<0.0001" if p < 1e-4 else significant(p, 2)

    out, found = console(), results[-1]
    out.print(
        f"{visible(found.bars.source)}: {count(len(found.days), 'day')}, "
        f"{str(found.days['start'].iloc[0])[:10]} to {str(found.days['start'].iloc[-1])[:10]}; "
        f"{found.left_out:,} more have missing bars. {visible(sample)}",
    )
    layer = found.result.layer
    out.print(f"\nDays that took more than the {layer}\n")
    rows: list[tuple[str, ...]] = [
        (
            _lateness(one, mark=True) if first else "",
            percent(r["alpha"]),
            ("at least " if r["note"] else "") + usd(r["fund"]),
            usd_range(r["low"], r["high"]) if math.isfinite(r["high"]) else "no upper end",
            f"{r['observed']:,}",
            significant(r["expected"]),
            *(p_value(r[name]) for name in ("exact", "kupiec", "independence", "christoffersen")),
            r["verdict"],
        )
        for one in results
        for first, r in zip([True] + [False] * len(one.funds), one.funds.to_dict("records"), strict=False)
    ]
    names = ["fills", "probability", layer, "95 %", "days above", "expected", "exact p", "Kupiec", "clusters"]
    out.print(table([*names, "Christoffersen", "verdict"], rows))
    out.print("\np-values: exact binomial law, Kupiec's, independence of days, and Christoffersen's of both.")
    if any(row[0].endswith(BLIND) for row in rows):
        out.print("\n* These bars cannot tell: the delay is below half of a bar.")
    out.print(f"\nWorst windows, from any full hour, fills {_lateness(found)}\n")
    rows = [
        (
            str(r["start"])[:16].replace("T", " "),
            *(signed(r[name]) for name in ("move", "lowest", "highest")),
            usd(r["needed"]),
            percent(r["needed_share"]),
            percent(r["liquidated_share"]),
        )
        for r in found.worst.to_dict("records")
    ]
    names = ["from (UTC)", "end", "lowest", "highest", f"taken of the {layer}", "of open interest", "liquidated"]
    out.print(table(names, rows))
    ordinary = found.days["liquidated_share"]
    out.print(
        f"\nLiquidated a day, of the open interest of one side: median {percent(float(ordinary.median()))}, "
        f"mean {percent(float(ordinary.mean()))}.",
    )


def _lateness(found: Backtest, mark: bool = False) -> str:
    """How late its fills are; marked where the bars are too coarse to tell."""
    from stress.formatting import duration
    from stress.scenario.lateness import cannot_tell

    delay, gap = found.result.config.get("delay"), found.result.config["gap"]
    if delay is None:
        return f"at a gap of {gap:g}"
    return f"{duration(delay)} late" + (BLIND if mark and cannot_tell(delay, found.bars.step) else "")
