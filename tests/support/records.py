"""Records of runs, made without running anything."""

from stress.analysis.study import StudyResult
from stress.runs import record as records
from stress.runs.record import Record
from tests.support.results import HOSTILE

ALPHAS = (0.05, 0.001)


def record(result, others=(), name="a run"):
    """A record as a run makes it, with `others` at other gaps."""
    results = {records.fill_name(r.config["gap"], r.config["jump_gap"]): r for r in (result, *others)}
    gaps = records.gap_table(StudyResult(results), ALPHAS, next(iter(results)))
    manifest = {
        "name": name,
        "hash": "5ca1ab1e" * 8,
        "created": "2025-01-02T03:04:05+00:00",
        "versions": result.provenance,
        "inputs": {"prices.bars": {"path": "/home/somebody/bars.csv", "sha256": "f00d" * 16}},
        "wall_seconds": 1.25,
        "warnings": [f"A warning about {HOSTILE}."],
    }
    scenario = {"name": name, "fund": {"alphas": list(ALPHAS), "initial": result.fund}}
    return Record(scenario, manifest, result, gaps, records.required_funds(result, ALPHAS))
