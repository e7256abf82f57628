"""A run that can be reported: what was asked, what came out, and how it was made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from stress import serialize
from stress.analysis.study import LARGEST_NEED, StudyResult, estimate_of
from stress.files import csv_tables
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
        warnings.
    result : Result
        Of the chosen pair of gap and jump_gap.
    gaps : DataFrame
        The same results at three pairs of gaps, (0, 0), the chosen one and (1, 1), in long form
        (`stress.analysis.study.StudyResult.table`): a row per pair and quantity, with `gap`, `jump_gap` and `chosen`
        after `design`.
    required : DataFrame
        A row per alpha: `alpha`, `fund` (USD), `se`, `low`, `high`, `note`. The error is that of the paths alone.
    budget : DataFrame or None
        The error in parts, see `stress.results.budget.error_budget`; None unless the run has error = "full".
    """

    scenario: dict[str, Any]
    manifest: dict[str, Any]
    result: Result
    gaps: pd.DataFrame
    required: pd.DataFrame
    budget: pd.DataFrame | None = None

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return str(self.scenario["name"])

    @property
    def alphas(self) -> tuple[float, ...]:
        """Probabilities of depletion that the fund is sized for."""
        return tuple(self.scenario["fund"]["alphas"])

    @property
    def fund(self) -> float:
        """Initial insurance fund, USD."""
        return float(self.scenario["fund"]["initial"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the answer should know."""
        return tuple(self.manifest["warnings"])


def of_result(result: Result, *, name: str = "result", alphas: tuple[float, ...] = (0.01, 0.001)) -> Record:
    """A record of a result that was made in Python, at its own pair of gaps alone."""
    config = serialize.loads(serialize.dumps(result.config))
    result = replace(result, config=config)
    run = {"paths": config["paths"], "horizon": config["steps"] * config["step"], "step": config["step"]}
    scenario = {
        "name": name,
        "seed": config["seed"],
        "run": run | {"gap": config["gap"], "jump_gap": config["jump_gap"]},
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
        "made_in": "python",
    }
    name = pair_name(config["gap"], config["jump_gap"])
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
        "required_fund": [serialize.finite(row) for row in required],
        "gaps": [plain_row(row) for row in record.gaps.to_dict("records")],
        **({"error_budget": budget} if budget else {}),
        "summary": [serialize.finite(row, "one path gives no error") for row in lines],
        "warnings": list(record.warnings),
    }


def plain_row(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of the long table as plain values, without what its quantity has not."""
    values = {str(key): value for key, value in row.items()}
    if values["quantity"] == LARGEST_NEED:
        values = {key: value for key, value in values.items() if key not in ("se", "low", "high")}
    if math.isnan(values["alpha"]):
        del values["alpha"]
    return serialize.finite(values, "one path gives no error")


def gap_table(study: StudyResult, alphas: Sequence[float], chosen: str) -> pd.DataFrame:
    """The long table of designs that differ in their gaps, see `Record.gaps`."""
    table = study.table(alphas)
    for i, name in enumerate(("gap", "jump_gap"), 1):
        table.insert(i, name, [study.results[design].config[name] for design in table["design"]])
    table.insert(3, "chosen", table["design"] == chosen)
    return table


@dataclass(frozen=True)
class GapPair:
    """What came out at one pair of gaps: the rows of a record's long table that belong to it."""

    gap: float
    jump_gap: float
    chosen: bool
    rows: pd.DataFrame

    def estimate(self, quantity: str, alpha: float | None = None) -> Estimate:
        """The estimate of a quantity at this pair, see `stress.analysis.study.estimate_of`."""
        return estimate_of(self.rows, quantity, alpha)


def gap_pairs(gaps: pd.DataFrame) -> list[GapPair]:
    """The pairs of a record's long table, in its order."""
    keys = ["gap", "jump_gap", "chosen"]
    return [
        GapPair(float(gap), float(jump_gap), bool(chosen), rows)
        for (gap, jump_gap, chosen), rows in gaps.groupby(keys, sort=False)
    ]


def pair_name(gap: float, jump_gap: float) -> str:
    """The name of a design that differs from others in its gaps alone."""
    return f"gap={gap}, jump_gap={jump_gap}"


def required_funds(result: Result, alphas: tuple[float, ...]) -> pd.DataFrame:
    """The required fund for each alpha, a row each: `Record.required`."""
    found = [(alpha, result.required_fund(alpha)) for alpha in alphas]
    rows = [(alpha, e.value, e.se, e.low, e.high, e.note) for alpha, e in found]
    return pd.DataFrame(rows, columns=["alpha", "fund", "se", "low", "high", "note"])
