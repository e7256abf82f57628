"""Targets of the benchmarks, compared with the measured values."""

from __future__ import annotations

from typing import Any, NamedTuple


class Target(NamedTuple):
    """A bound on one measured value.

    Parameters
    ----------
    key : str
        Name of the value.
    label : str
        Description, with the unit.
    bound : float
    least : bool
        Whether the bound is a lower one; otherwise it is an upper one.
    """

    key: str
    label: str
    bound: float
    least: bool = False


TARGETS = (
    Target("step_over_prices", "a step, over making its price alone: the worst size", 1.5),
    Target("liquidation_ns", "a liquidation, ns", 15),
    Target("adl_seen_ns", "a position looked at in ADL, ns", 10),
    Target("large_over_small", "1,000,000 traders over 10,000, same liquidations", 1.3),
    Target("large_over_small_adl", "the same with ADL, same winners closed", 1.3),
    Target("over_loop", "10,000 paths x 100,000 traders, over the Numba loop", 250, least=True),
    Target("loop_position_steps_per_s", "that loop, position-steps a second", 2e9, least=True),
    Target("speed_up", "2 threads over 1", 1.8, least=True),
    Target("peak_memory_mb", "peak memory of that run, MB", 1_000),
    Target("memory_of_ten_times", "peak memory at ten times the paths, over that", 1.1),
    Target("import_s", "import stress, s", 0.6),
    Target("help_s", "perp-stress --help, s", 0.3),
    Target("cold_s", "small run with nothing compiled yet, s", 25),
    Target("warm_s", "small run, s", 2),
    Target("rule_alone", "a rule of part II alone, over the run without it: the worst", 1.5),
    Target("rules_together", "all of them together, over the run without them", 2.5),
    Target("cold_over_before", "small run with nothing compiled yet, over the version before part II", 1.1),
)


def judge(record: dict[str, Any]) -> list[dict[str, Any]]:
    """One row per target that was measured; `met` is None if the sizes were not the full ones.

    Parameters
    ----------
    record : dict
        From `stress.bench.measure`.
    """
    values = values_of(record)
    rows = []
    for key, label, bound, least in TARGETS:
        if key in values:
            met = values[key] >= bound if least else values[key] <= bound
            rows.append(
                {
                    "key": key,
                    "words": label,
                    "reached": values[key],
                    "rule": "at least" if least else "at most",
                    "target": bound,
                    "met": None if record["quick"] else met,
                }
            )
    return rows


def values_of(record: dict[str, Any]) -> dict[str, float]:
    """Measured value of each target, by key."""
    cost, memory, start = record["cost"], record["memory"], record["start"]
    values = {
        "step_over_prices": max(cost["step_ns"].values()) / cost["prices_ns"],
        "liquidation_ns": cost["liquidation_ns"],
        "adl_seen_ns": cost["adl_seen_ns"],
        "large_over_small": record["equal_events"][0]["ratio"],
        "large_over_small_adl": record["equal_events"][1]["ratio"],
        "peak_memory_mb": memory[0]["peak_memory_mb"],
        "memory_of_ten_times": memory[-1]["peak_memory_mb"] / memory[0]["peak_memory_mb"],
        **{key: start[key] for key in ("import_s", "help_s", "cold_s", "warm_s") if key in start},
    }
    if "mechanics" in record:
        *alone, together = (row["ratio"] for row in record["mechanics"]["rows"])
        values |= {"rule_alone": max(alone), "rules_together": together}
    if "cold_against" in record:
        values["cold_over_before"] = record["cold_against"]["ratio"]
    if record["whole_run"]["threads"] == 2:
        values["speed_up"] = record["whole_run"]["speed_up"]
    for row in record.get("baselines", ()):
        if row["name"] == "loop":
            values["loop_position_steps_per_s"] = row["position_steps_per_s"]
            values["over_loop"] = record["whole_run"]["position_steps_per_s"] / row["position_steps_per_s"]
    return values
