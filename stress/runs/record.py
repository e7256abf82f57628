"""A run that can be reported: what was asked, what came out, and how it was made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from stress import serialize
from stress.results.estimate import event_probability, mean
from stress.results.result import Result

if TYPE_CHECKING:
    pass

SCHEMA = 1
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
        A row per pair, (0, 0), the chosen one and (1, 1): `gap`, `jump_gap`, `chosen`; `p_depleted` and `p_adl`
        (somebody is auto-deleveraged) with `_low` and `_high`; `mean_deficit` and `mean_adl_usd` (USD a path) with
        `_se`; `largest_need`, the fund that no path would have depleted; and for each alpha `required_fund_<alpha>`
        with `_low`, `_high` and `_note`.
    required : DataFrame
        A row per alpha: `alpha`, `fund` (USD), `se`, `low`, `high`, `note`.
    """

    scenario: dict[str, Any]
    manifest: dict[str, Any]
    result: Result
    gaps: pd.DataFrame
    required: pd.DataFrame

    @property
    def name(self) -> str:
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
        "warnings": [],
        "made_in": "python",
    }
    gaps = pd.DataFrame([_gap_row(result, alphas, True)])
    return Record(scenario, manifest, result, gaps, _required(result, alphas))


def summary(record: Record) -> dict[str, Any]:
    """The answer as plain values; null with a reason where there is no number."""
    result = record.result
    lines = [{str(k): v for k, v in row.items()} for row in result.summary().to_dict("records")]
    required = [{str(k): v for k, v in row.items()} for row in record.required.to_dict("records")]
    pairs = []
    for row in record.gaps.to_dict("records"):
        values = {str(k): v for k, v in row.items()}
        for alpha in record.alphas:
            if note := values[f"required_fund_{alpha:g}_note"]:
                values |= serialize.finite(
                    {f"required_fund_{alpha:g}_high": values[f"required_fund_{alpha:g}_high"]}, note
                )
        pairs.append(serialize.finite(values, "one path gives no error"))
    return {
        "schema_version": SCHEMA,
        "name": record.name,
        "hash": record.manifest["hash"],
        "seed": record.manifest["seed"],
        "paths": result.n_paths,
        "fund": record.fund,
        "required_fund": [serialize.finite(row) for row in required],
        "gaps": pairs,
        "summary": [serialize.finite(row, "one path gives no error") for row in lines],
        "warnings": list(record.warnings),
    }


def _gap_row(result: Result, alphas: tuple[float, ...], chosen: bool) -> dict[str, Any]:
    paths, weights = result.paths, result.weights
    depleted = result.depletion_probability()
    hit = event_probability(paths["adl_count"].to_numpy() > 0, weights)
    deficit, adl = (mean(paths[name].to_numpy(), weights=weights) for name in ("deficit", "adl_usd"))
    row: dict[str, Any] = {"gap": result.config["gap"], "jump_gap": result.config["jump_gap"], "chosen": chosen}
    for name, e in (("p_depleted", depleted), ("p_adl", hit)):
        row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
    row |= {"mean_deficit": deficit.value, "mean_deficit_se": deficit.se}
    row |= {"mean_adl_usd": adl.value, "mean_adl_usd_se": adl.se}
    row["largest_need"] = float(paths["fund_needed"].max())
    for alpha in alphas:
        e, name = result.required_fund(alpha), f"required_fund_{alpha:g}"
        row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high, f"{name}_note": e.note}
    return row


def _required(result: Result, alphas: tuple[float, ...]) -> pd.DataFrame:
    found = [(alpha, result.required_fund(alpha)) for alpha in alphas]
    rows = [(alpha, e.value, e.se, e.low, e.high, e.note) for alpha, e in found]
    return pd.DataFrame(rows, columns=["alpha", "fund", "se", "low", "high", "note"])
