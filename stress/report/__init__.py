"""One self-contained HTML file from the record of a run.

Everything it shows is in the file: text, style, pictures as inline SVG. It asks no network and runs no script. The
same record gives the same bytes.
"""

from __future__ import annotations

import contextlib
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd

from stress import formatting, plots
from stress.analysis.study import DEPLETED, LARGEST_NEED, REQUIRED_FUND
from stress.errors import InputError
from stress.files import writing
from stress.plots.anatomy import part_labels
from stress.plots.answers import LEVERAGE_BINS
from stress.plots.style import TALL
from stress.prices.calibration import summary
from stress.report import adl_costs, adl_designs, committee, days_page, figures, front_page, more_tables, prose
from stress.results import budget, coin_words, concentration, liquidations, mechanics, summaries
from stress.runs.record import fund_ranges, gap_pairs
from stress.scenario.lateness import cannot_tell

if TYPE_CHECKING:
    from stress.results.result import Result
    from stress.runs.record import Record

WORST = 5  # paths listed
TOP = 10  # accounts listed
ON_PAGE_ONE = 700  # letters of caveats that page one has room for


def write(record: Record, path: str | Path) -> Path:
    """Write the report.

    Parameters
    ----------
    record : Record
        A run, see `stress.runs.run_directory`.
    path : str or Path
        The file, overwritten.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If it cannot be written; what was there is kept.
    """
    return writing.put_text(Path(path), render(record))


def render(record: Record) -> str:
    """The report as text."""
    with formatting.money(record.result.money):
        if record.result.days is not None:
            return environment().get_template("days.html.jinja").render(days_context(record))
        return environment().get_template("report.html.jinja").render(context(record))


def environment() -> jinja2.Environment:
    """What templates of pages may use."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("stress.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "usd": formatting.usd,
        "notional": formatting.notional,
        "percent": formatting.percent,
        "duration": formatting.duration,
        "number": lambda n: f"{n:,.0f}",
        "significant": formatting.significant,
        "marked": prose.marked,
        "upper_first": formatting.upper_first,
    }
    found.globals |= {
        "usd_range": lambda low, high: formatting.usd_range(low if math.isnan(low) else max(0.0, low), high),
        "percent_range": formatting.percent_range,
        "probability": formatting.probability,
        "a_day": front_page.a_day,
        "once_in": front_page.once_in,
        "chance_words": front_page.chance_words,
    }
    return found


def context(record: Record) -> dict[str, Any]:
    """What the template shows."""
    result, config = record.result, record.result.config
    needed = (
        []
        if result.curve_refused
        else [
            row | {"note": text(row["note"])}
            for row in rows_of(record.required_widest.sort_values("alpha", ascending=False))
        ]
    )
    leverage = result.by_leverage(LEVERAGE_BINS)
    worst = worst_paths(result)
    worst_rows = rows_of(worst)
    covered, parts = concentration.cover(result), summaries.loss_parts(result)
    proposed = prose.proposed_jump_gap(record.scenario)
    bound = prose.bound_words(config, proposed)
    caveats = prose.caveats(record, needed, bound)
    present = result.depletion_probability()
    return {
        "record": record,
        "result": result,
        "config": config,
        "name": name_of(record),
        "single": result.n_paths == 1,
        "depleted": prose.depletion_words(config),
        "layer": result.layer,
        "refused": result.curve_refused,
        "grid": more_tables.grid_table(record),
        "mechanics": more_tables.mechanics_tables(result),
        "rules": more_tables.rule_tables(result),
        "has_adl": result.has_adl,
        "no_adl": mechanics.NO_ADL,
        "beside": partial(coin_words.beside, result),
        "loss_parts": dict(zip(parts.index, part_labels(parts.index), strict=True)),
        "order": prose.waterfall_words(config),
        "by_layer": mechanics.layers_apart(result),
        "event": "ADL" if summaries.depletion_is_adl(config) else "depletion",
        "floor": summaries.adl_floor(config),
        "empty": summaries.fund_empty(result),
        "present": present,
        "front": front_page.context(record) | {"state": state(record)},
        "cards": cards(record),
        "horizon": config["steps"] * config["step"],
        "required": needed,
        "budget": budget_rows(record),
        "at_caps": more_tables.caps_table(record),
        "where_budget": record.where_budget,
        "gaps": gap_rows(record.gaps, [row["alpha"] for row in needed], config["step"]),
        "delays": record.delays,
        "late": any(pair.has_delay for pair in gap_pairs(record.gaps)),
        "proposed": proposed,
        "bound": bound,
        "caveats": caveats,
        "short_caveats": sum(map(len, caveats)) <= ON_PAGE_ONE,
        "key_assumptions": prose.key_assumptions(config),
        "assumptions": prose.assumptions(config, {"stop_count", "take_profit_count"} & {*result.paths}),
        "leverage": rows_of(leverage),
        "liquidation": liquidations.words(result),
        "parts": parts,
        "parts_adl": summaries.loss_parts(result, "adl"),
        "margin": summaries.margin_lost(result),
        "worst": worst_rows,
        "weighted": result.weights is not None,
        "most_hit": most_hit(result.positions) if result.has_adl else [],
        "top": rows_of(concentration.top_accounts(result, TOP)),
        "cover": rows_of(covered),
        "cover_words": more_tables.cover_words(covered),
        "worst_cover": more_tables.worst_cover(result, [row["path"] for row in worst_rows]),
        "shortfall": more_tables.shortfall(record),
        "committee": committee.context(record),
        **adl_costs.context(result),
        **adl_designs.context(record),
        "studies": more_tables.studies(record),
        "adjustments": [str(x) for x in record.adjustments],
        "provenance": provenance(record),
        **more_tables.drawn(record),
        "calibration": calibration(record),
        "figures": pictures(record, [row["alpha"] for row in needed], worst),
        "isfinite": math.isfinite,
    }


def worst_paths(result: Result) -> pd.DataFrame:
    """The paths with the largest losses beyond margin, with who bore them; one path that has any net loss is shown too.

    What a carrier has lost on its inventory at the worst moment it may win back by the end of the path.
    """
    table = result.paths.assign(**summaries.losses(result)).rename_axis("path").reset_index()
    size = "net_loss_peak" if mechanics.carrier(result.config) != "market" else "deficit"
    return table[table[size] > 0].nlargest(WORST, size)


def days_context(record: Record) -> dict[str, Any]:
    """What the template of a run of days shows: who is hit is a question of one book, and left to a run of a day."""
    alphas = [] if record.result.curve_refused else [float(a) for a in sorted(record.alphas, reverse=True)]
    gaps = gap_rows(record.gaps, alphas, record.result.config["step"])
    return days_page.context(record) | {
        "late": [
            days_page.gaps_table(gaps, alphas, record),
            *days_page.budget_table(budget_rows(record), record),
            *more_tables.caps_table(record),
        ],
        "studies": more_tables.studies(record),
        "record": record,
        "config": record.result.config,
        "name": name_of(record),
        "single": record.result.n_paths == 1,
        "horizon": record.result.config["steps"] * record.result.config["step"],
        "front": front_page.context(record) | {"state": state(record)},
        "cards": cards(record),
        "adjustments": [str(x) for x in record.adjustments],
        "provenance": provenance(record),
        **more_tables.drawn(record),
    }


def name_of(record: Record) -> str:
    """The name of the scenario, or of the run."""
    return str(record.scenario.get("name") or record.manifest.get("name") or "run")


def pictures(record: Record, alphas: list[float], worst: pd.DataFrame) -> dict[str, Any]:
    """The figures of the page, by name."""
    result = record.result
    hit = "Liquidation and ADL" if result.has_adl else "Liquidation"
    drawn: dict[str, Any] = {
        "curve": ("Probability against initial fund", plots.plot_depletion_curve, {"alphas": alphas}),
        "leverage": (f"{hit} by leverage", plots.plot_adl_by_leverage, {}),
        "side": ("ADL by leverage, longs and shorts", plots.plot_adl_by_side, {}),
        "size": (f"{hit} by size", plots.plot_adl_by_size, {}),
        "loss": ("Who bore the loss beyond margin", plots.plot_loss_waterfall, {}),
        "time": ("Probability up to each time", plots.plot_depletion_time, {}),
        "losses": ("Chance of a larger loss", plots.plot_loss_curves, {}),
        "fan": ("Balance of the fund through time", plots.plot_fund_fan, {}),
        "cliff": ("Notional liquidated in each per cent of a move", plots.plot_cliff_map, {}),
        "population": ("Open interest by leverage and size", plots.plot_population, {}),
    }
    depleted, lost = bool(result.paths["depleted"].any()), float(summaries.loss_parts(result)["mean"].iloc[0]) > 0
    if result.curve_refused:
        del drawn["curve"]
    if not result.has_adl or (result.n_paths == 1 and not result.paths["adl_count"].any()):
        del drawn["side"]
    if result.n_paths == 1 or not depleted:
        del drawn["time"]
    moved = lost or mechanics.carrier(result.config) != "market"
    if result.n_paths == 1 or not (moved and math.isfinite(result.capital)):
        del drawn["fan"]
    if not lost:
        del drawn["loss"]
    if result.n_paths == 1 or not lost:
        del drawn["losses"]
    made = {name: figures.svg(name, alt, plot, result, **options) for name, (alt, plot, options) in drawn.items()}
    if record.grid is not None:
        made["curve"] = figures.svg("curve", "Probabilities at each fund of a grid", plots.plot_fund_grid, record.grid)
    if result.design is not None and len(worst):
        i = int(worst["path"].iloc[0])
        with contextlib.suppress(InputError):  # the files of an old run may be gone
            made["path"] = figures.svg("path", f"Path {i} in detail", plots.plot_path, result, i, size=TALL)
    if result.design is not None and result.n_paths > 1 and depleted:
        with contextlib.suppress(InputError):
            made["day"] = figures.svg("day", "Prices on the paths with depletion", plots.plot_depleting_day, result)
    return made


def cards(record: Record) -> list[dict[str, Any]]:
    """The answer for each probability: `alpha`, `value`, `error` in words, and the judgement of the present fund.

    `at_start`: of a value in coin USD at S_0; "" of others.
    """
    if record.result.curve_refused:
        return []
    ranges = {found.alpha: found.describe() for found in fund_ranges(record)}
    needed = {row["alpha"]: row for row in rows_of(record.required_widest)}
    made = []
    for alpha, judged in front_page.judgements(record):
        if ranges:
            row = ranges.get(alpha) or next(iter(ranges.values()))
            value, error = range_card(row)
            ends = [row["least"], row["most"]]
        elif record.result.n_paths == 1:
            ends = [float(record.result.paths["fund_needed"].iloc[0])]
            value, error = formatting.usd(ends[0]), "One path gives no probability."
        else:
            value, error = fund_card(needed[alpha], record.budget is not None)
            ends = [needed[alpha]["fund"]]
        at_start = ""
        if coin_words.in_coin(record.result):
            at_start = " to ".join(coin_words.usd_at_start(record.result, x) for x in ends) + " at S_0"
        card = {"alpha": alpha, "value": value, "at_start": at_start, "error": error, "judged": judged}
        made.append(card | {"rests_on": "" if ranges else text(needed.get(alpha, {}).get("rests_on", ""))})
    return made


def fund_card(row: dict[str, Any], whole: bool) -> tuple[str, str]:
    """A required fund and its error in words; `whole`: the interval has all parts of it."""
    if (note := text(row["note"])) and row["fund"] != row["fund"]:
        return "withheld", f"{formatting.upper_first(note)}; between {formatting.usd_range(row['low'], row['high'])}."
    if note:
        return f"at least {formatting.usd(row['fund'])}", f"A bound: {note}."
    interval = "95 % interval, all parts of the error," if whole else "95 % interval"
    return formatting.usd(row["fund"]), f"{interval} {formatting.usd_range(row['low'], row['high'])}"


def range_card(row: dict[str, Any]) -> tuple[str, str]:
    """The required funds over delays, see `FundRange.describe`, and their error in words."""
    ends = [f"{formatting.usd(row[end])} at {formatting.duration(row[f'{end}_delay'])}" for end in ("least", "most")]
    if "alpha" not in row:
        error = "One path gives no probability."
    elif row["note"]:
        error = f"A bound: {row['note']}."
    else:
        error = f"95 % intervals from {formatting.usd_range(row['low'], row['high'])}."
    value = ("at least " if row["note"] else "") + formatting.usd_range(row["least"], row["most"])
    return value, f"{', '.join(ends)}. {error}"


def state(record: Record) -> str:
    """How the card of the present fund looks: as the worst of what is judged of it; on one path, by what happened."""
    if record.result.curve_refused:
        return front_page.OPEN
    if record.result.n_paths == 1:
        return front_page.SHORT if record.result.paths["depleted"].any() else front_page.ADEQUATE
    found = {judged.verdict for _, judged in front_page.judgements(record)}
    return next(kind for kind in (front_page.SHORT, front_page.OPEN, front_page.ADEQUATE) if kind in found)


def gap_rows(gaps: pd.DataFrame, alphas: list[float], step: float) -> list[dict[str, Any]]:
    """The gap pairs and delays side by side; a fund that is not in the table stays empty."""
    return [
        {
            "gap": pair.gap,
            "jump_gap": pair.jump_gap,
            "delay": pair.delay,
            "late": pair.has_delay,
            "cannot_tell": cannot_tell(pair.delay, step),
            "chosen": pair.chosen,
            "depleted": pair.estimate(DEPLETED),
            "funds": [pair.estimate(REQUIRED_FUND, alpha) for alpha in alphas],
            "largest_need": pair.estimate(LARGEST_NEED).value,
        }
        for pair in gap_pairs(gaps)
    ]


def budget_rows(record: Record) -> list[dict[str, Any]]:
    """The error in parts, a row each with `name`, `words` and `share`; none if no input was redrawn."""
    if record.budget is None:
        return []
    rows = []
    for row in rows_of(record.budget):
        fund = row["quantity"] == REQUIRED_FUND
        written = (formatting.usd_range if fund else formatting.percent_range)(row["low"], row["high"])
        name = f"Fund for {formatting.percent(row['alpha'])}" if fund else f"Depletion of {formatting.usd(record.fund)}"
        rows.append(row | {"name": name, "words": budget.words(row, written), "note": text(row["note"])})
    return rows


def most_hit(positions: pd.DataFrame, n: int = WORST) -> list[dict[str, Any]]:
    """The positions that are auto-deleveraged most often."""
    top = positions.nlargest(n, "adl_rate")
    return rows_of(top[top["adl_rate"] > 0])


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as dicts."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def calibration(record: Record) -> dict[str, Any]:
    """What the scenario knows about the fit of its price model; empty without a record of it."""
    known = (record.scenario.get("prices") or {}).get("provenance")
    if not isinstance(known, dict) or not known.keys() & {"source", "fit_for_sizing", "judged"}:
        return {}
    halves = [
        (f"Out of sample: the {half} half, fitted to the {other} one", *summary.counts(known, half, ("low", "high")))
        for half, other in (("later", "earlier"), ("earlier", "later"))
    ]
    tables = [("In its own bars", *summary.counts(known)), *halves]
    return {
        "lines": summary.lines(known),
        "verdict": summary.verdict(known),
        "reasons": [str(x) for x in known.get("reasons") or ()],
        "notes": [str(x) for x in known.get("notes") or ()],
        "tables": [found for found in tables if found[2]],
        "funds": summary.funds(known),
    }


def text(value: Any) -> str:
    """A cell of text; a table read from a file has nan where there is none."""
    return value if isinstance(value, str) else ""


def provenance(record: Record) -> list[tuple[str, str]]:
    """Where the numbers come from, as lines of a table."""
    config, manifest = record.result.config, record.manifest
    lines = {
        "Scenario": record.scenario.get("name"),
        "Author": record.author,
        "Created": manifest.get("created"),
        "Seed": config["seed"],
        "Paths": f"{config['paths']:,}",
        "Book": f"{formatting.count(config['book']['positions'], 'position')}, sha256 {config['book']['sha256']}",
        "Venue": f"{config['venue']['name']} {config['venue'].get('market') or ''}",
    }
    for key, found in (manifest.get("inputs") or {}).items():
        lines[f"File {key}"] = f"{Path(found['path']).name}, sha256 {found['sha256']}"
    lines["Scenario sha256"] = manifest.get("hash")
    if manifest.get("wall_seconds"):
        lines["Run time"] = f"{formatting.significant(manifest['wall_seconds'])} seconds"
    versions = manifest.get("versions") or record.result.provenance
    lines["Versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return [(label, str(value)) for label, value in lines.items() if value not in (None, "")]
