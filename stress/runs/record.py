"""A run that can be reported: what was asked, what came out, and how it was made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from stress import serialize
from stress.adjustments import Adjustment
from stress.analysis.caps import plain_rows
from stress.analysis.study import LARGEST_NEED, REQUIRED_FUND, StudyResult, estimate_of
from stress.files import csv_tables
from stress.formatting import duration
from stress.results import liquidations, mechanics
from stress.results.coin_words import in_coin
from stress.results.estimate import Estimate
from stress.results.result import Result

SCHEMA = 2
BOUNDS = (0.0, 0.0), (1.0, 1.0)  # (gap, jump_gap) that stand beside the chosen pair


@dataclass(frozen=True)
class Record:
    """A run that can be reported: what was asked, what came out, and how it was made.

    Attributes
    ----------
    scenario : dict
        The resolved scenario.
    manifest : dict
        schema_version, name, hash, seed, versions, inputs, threads, wall_seconds, paths_per_second, created, command,
        warnings, adjustments; author where one was named.
    result : Result
        Of the chosen gaps or delay; of a range of delays the longest.
    gaps : DataFrame
        The same results at other fills, the gaps (0, 0), what was chosen and (1, 1), in long form
        (`stress.analysis.study.StudyResult.table`): a row per fill and quantity, with `gap`, `jump_gap` and `chosen`
        after `design`, and `delay` (seconds; then `gap` is nan) after `jump_gap` where there is one.
    required : DataFrame
        A row per alpha: `alpha`, `fund` (USD), `se`, `low`, `high`, `note`. The error is that of the paths alone.
    budget : DataFrame or None
        The error in parts, see `stress.results.budget.error_budget`; None unless the run has error = "full".
    studies : dict of str to DataFrame
        Tables of studies of the same scenario, by name, see `stress.runs.studies`; empty unless they were asked for.
    grid : DataFrame or None
        A grid of initial capitals (`stress.fund_grid`) in the place of the required fund, where one run does not give
        that (`Result.curve_refused`): then `required` has nan for it, and the reason in `note`.
    caps : DataFrame or None
        Of a run with a tail whose price model has a largest jump or bar: the required funds and P(depleted) with the
        caps of the scenario and with larger ones (`stress.analysis.caps.at_two_caps`).
    """

    scenario: dict[str, Any]
    manifest: dict[str, Any]
    result: Result
    gaps: pd.DataFrame
    required: pd.DataFrame
    budget: pd.DataFrame | None = None
    studies: dict[str, pd.DataFrame] = field(default_factory=dict)
    grid: pd.DataFrame | None = None
    caps: pd.DataFrame | None = None

    def __repr__(self) -> str:
        return f"<Record {self.name!r}: {self.result!r}>"

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return str(self.scenario["name"])

    @property
    def alphas(self) -> tuple[float, ...]:
        """Probabilities of depletion that the fund is sized for."""
        return tuple(self.scenario["fund"]["alphas"])

    @property
    def delays(self) -> tuple[float, ...]:
        """Delays whose range is the answer, seconds; empty: the answer is that of `result`."""
        return tuple(self.scenario.get("run", {}).get("delays", ()))

    @property
    def required_widest(self) -> pd.DataFrame:
        """`required` with the widest interval that is known: of all parts of the error, or else of the paths."""
        if self.budget is None:
            return self.required
        total = self.budget[self.budget["part"] == "total"].dropna(subset=["alpha"]).set_index("alpha")
        widest = self.required.copy()
        for end in ("low", "high"):
            whole = widest["alpha"].map(total[end])
            widest[end] = whole.where(whole.notna(), widest[end])
        return widest

    @property
    def where_budget(self) -> str:
        """Which of several delays the budget and the figures at two caps are of, in words; "" where there is one."""
        return f" at a delay of {duration(self.delays[-1])}" if self.delays else ""

    @property
    def layer(self) -> str:
        """The layer that is sized, see `Result.layer`."""
        return self.result.layer

    @property
    def fund(self) -> float:
        """What the layer that is sized begins with, USD: the insurance fund, unless another one stands first."""
        return float(self.scenario["fund"]["initial"]) if self.layer == "fund" else self.result.capital

    @property
    def author(self) -> str:
        """Who answers for the run; "" where nobody was named."""
        return str(self.manifest.get("author") or "")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the answer should know."""
        return tuple(self.manifest["warnings"])

    @property
    def adjustments(self) -> tuple[Adjustment, ...]:
        """What was done to the input; nothing is known of runs that were saved before it was written down."""
        return tuple(map(Adjustment.of_record, self.manifest.get("adjustments", ())))


def of_result(result: Result, *, name: str = "result", alphas: tuple[float, ...] = (0.01, 0.001)) -> Record:
    """A record of a result that was made in Python, at its own gaps or delay alone."""
    config = serialize.loads(serialize.dumps(result.config))
    result = replace(result, config=config)
    run = {"paths": config["paths"], "horizon": config["steps"] * config["step"], "step": config["step"]}
    late = {key: config[key] for key in ("gap", "delay") if config.get(key) is not None}
    scenario = {
        "name": name,
        "seed": config["seed"],
        "run": run | late | {"jump_gap": config["jump_gap"]},
        "prices": config["prices"],
        "depth": config["depth"],
        "fund": {"initial": config["fund"], "alphas": list(alphas)},
    }
    manifest = {
        "schema_version": SCHEMA,
        "name": name,
        "hash": hashlib.sha256(serialize.dumps(config).encode()).hexdigest(),
        "seed": config["seed"],
        "versions": result.provenance,
        "inputs": {},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "",
        "warnings": spreadsheet_warnings(result),
        "adjustments": [x.describe() for x in result.adjustments],
        "made_in": "python",
    }
    name = fill_name(config["gap"], config["jump_gap"], config.get("delay"))
    gaps = gap_table(StudyResult({name: result}), alphas, name)
    return Record(scenario, manifest, result, gaps, required_funds(result, alphas))


def spreadsheet_warnings(result: Result) -> list[str]:
    """What a spreadsheet would make of names in the tables of a run."""
    taken = csv_tables.formulas(result.positions)
    return [f"positions.csv.gz: {taken}"] if taken else []


def summary(record: Record) -> dict[str, Any]:
    """The answer as plain values; null with a reason where there is no number."""
    result = record.result
    lines = [{str(k): v for k, v in row.items()} for row in result.summary().to_dict("records")]
    budget = [] if record.budget is None else [plain_row(row) for row in record.budget.to_dict("records")]
    required = [{str(k): v for k, v in row.items()} for row in record.required.to_dict("records")]
    return {
        "schema_version": SCHEMA,
        "name": record.name,
        "hash": record.manifest["hash"],
        "seed": record.manifest["seed"],
        "paths": result.n_paths,
        "fund": record.fund,
        **({"money": {"name": result.money, "usd_at_s0": result.usd_of_money}} if in_coin(result) else {}),
        "required_fund": [serialize.finite(row) for row in required],
        **({"fund_range": [serialize.finite(x.describe()) for x in ranges]} if (ranges := fund_ranges(record)) else {}),
        "gaps": [plain_row(row) for row in record.gaps.to_dict("records")],
        **({"error_budget": budget} if budget else {}),
        **({"caps": plain_rows(record.caps)} if record.caps is not None else {}),
        **({"fund_grid": grid} if (grid := grid_rows(record)) else {}),
        "summary": [serialize.finite(row, row.get("flag") or "one path gives no error") for row in lines],
        "liquidation_a_day": liquidation_rows(result),
        **({"mechanics": rows} if (rows := mechanics_rows(result)) else {}),
        "warnings": list(record.warnings),
        "adjustments": [x.describe() for x in record.adjustments],
    }


def grid_rows(record: Record) -> list[dict[str, Any]]:
    """The grid of funds as plain values; empty where the required fund needs none."""
    return [] if record.grid is None else [plain(row) for row in record.grid.to_dict("records")]


def mechanics_rows(result: Result) -> list[dict[str, Any]]:
    """The figures of the rules of part II that are on, as plain values, see `stress.results.mechanics.figures`."""
    return [plain(row) for row in mechanics.figures(result).to_dict("records")]


def plain(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of a table as plain values."""
    return serialize.finite({str(key): value for key, value in row.items()}, "one path gives no error")


def liquidation_rows(result: Result) -> list[dict[str, Any]]:
    """Liquidation a day of each side beside the published figure, see `liquidations.beside_published`."""
    rows = liquidations.beside_published(result).assign(where=liquidations.WHERE).to_dict("records")
    return [serialize.finite({str(k): v for k, v in row.items()}, "one path gives no error") for row in rows]


def plain_row(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of the long table as plain values, without what its quantity has not."""
    values = {str(key): value for key, value in row.items()}
    if values["quantity"] == LARGEST_NEED:
        values = {key: value for key, value in values.items() if key not in ("se", "low", "high")}
    for key in ("alpha", "gap", "delay"):
        if math.isnan(values.get(key, 0.0)):
            del values[key]
    return serialize.finite(values, "one path gives no error")


def gap_table(study: StudyResult, alphas: Sequence[float], chosen: str) -> pd.DataFrame:
    """The long table of designs that differ in how late a fill is, see `Record.gaps`."""
    table = study.table(alphas)
    keys = ["gap", "jump_gap"]
    if any("delay" in result.config for result in study.results.values()):
        keys.append("delay")
    for i, name in enumerate(keys, 1):
        values = {design: result.config.get(name) for design, result in study.results.items()}
        table.insert(i, name, [math.nan if values[d] is None else values[d] for d in table["design"]])
    table.insert(len(keys) + 1, "chosen", table["design"] == chosen)
    return table


@dataclass(frozen=True)
class GapPair:
    """What came out at one pair of gaps, or at a delay: the rows of a record's long table that belong to it.

    gap : float, share of a continuous move; nan where fills are late by seconds
    jump_gap : float
    delay : float, seconds; nan where fills are late by a share
    """

    gap: float
    jump_gap: float
    delay: float
    chosen: bool
    rows: pd.DataFrame

    @property
    def has_delay(self) -> bool:
        """Whether fills are late by seconds."""
        return not math.isnan(self.delay)

    def estimate(self, quantity: str, alpha: float | None = None) -> Estimate:
        """The estimate of a quantity at this pair, see `stress.analysis.study.estimate_of`."""
        return estimate_of(self.rows, quantity, alpha)


def gap_pairs(gaps: pd.DataFrame) -> list[GapPair]:
    """The pairs of gaps and the delays of a record's long table, in its order."""
    keys = ["gap", "jump_gap", "delay", "chosen"]
    given = gaps if "delay" in gaps else gaps.assign(delay=math.nan)
    return [
        GapPair(float(gap), float(jump_gap), float(delay), bool(chosen), rows)
        for (gap, jump_gap, delay, chosen), rows in given.groupby(keys, sort=False, dropna=False)
    ]


def fill_name(gap: float | None, jump_gap: float, delay: float | None = None) -> str:
    """The name of a design that differs from others in how late a fill is."""
    return f"gap={gap}, jump_gap={jump_gap}" if delay is None else f"delay={delay}, jump_gap={jump_gap}"


@dataclass(frozen=True)
class FundRange:
    """The funds that a run needs over its delays.

    alpha : float, probability of depletion; nan for a run of one path, whose fund is what the path takes
    least, most : GapPair and Estimate, the delays with the smallest and the largest fund
    """

    alpha: float
    least: tuple[GapPair, Estimate]
    most: tuple[GapPair, Estimate]

    def describe(self) -> dict[str, Any]:
        """Plain values; `low` and `high` are the outer ends of the two intervals."""
        (least, a), (most, b) = self.least, self.most
        values: dict[str, Any] = {"alpha": self.alpha, "least": a.value, "least_delay": least.delay, "low": a.low}
        values |= {"most": b.value, "most_delay": most.delay, "high": b.high, "note": b.note or a.note}
        return values if self.alpha == self.alpha else {k: v for k, v in values.items() if v == v}


def fund_ranges(record: Record) -> list[FundRange]:
    """The range of funds over the delays of a run, for each alpha; none where the run states one gap or delay."""
    if not record.delays:
        return []
    late = [pair for pair in gap_pairs(record.gaps) if pair.has_delay]
    one_path = record.result.n_paths == 1
    found = []
    for alpha in (math.nan,) if one_path else record.alphas:
        of = [(p, p.estimate(LARGEST_NEED) if one_path else p.estimate(REQUIRED_FUND, alpha)) for p in late]
        found.append(FundRange(alpha, min(of, key=_value_or("low")), max(of, key=_value_or("high"))))
    return found


def _value_or(end: str) -> Callable[[tuple[GapPair, Estimate]], float]:
    """The value of an estimate; of one that is withheld this end of its interval."""
    return lambda x: float(getattr(x[1], end) if math.isnan(x[1].value) else x[1].value)


def required_funds(result: Result, alphas: tuple[float, ...]) -> pd.DataFrame:
    """The required fund for each alpha, a row each: `Record.required`; nan where one run does not give it.

    Of a run with strata a column `flag` says in a few words what an estimate lacks, and `rests_on` what it rests on.
    """
    why = result.curve_refused
    none = Estimate(math.nan, math.nan, math.nan, math.nan, why)
    found = [(alpha, none if why else result.required_fund(alpha)) for alpha in alphas]
    rows = [(alpha, e.value, e.se, e.low, e.high, e.note) for alpha, e in found]
    table = pd.DataFrame(rows, columns=["alpha", "fund", "se", "low", "high", "note"])
    if "stratum" not in result.paths:
        return table
    rests_on = ["" if e.evidence is None else e.evidence.words for _, e in found]
    return table.assign(flag=[e.flag for _, e in found], rests_on=rests_on)
