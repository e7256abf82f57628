"""What is to be reached, beside what was reached: one line each."""

from __future__ import annotations

from typing import Any, NamedTuple


class Target(NamedTuple):
    """A bound on one figure.

    key : str, in the figures of a benchmark
    words : str
    bound : float
    least : bool, whether the bound is a least value; else a largest one
    """

    key: str
    words: str
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
)


def judge(found: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each target that was measured; whether it is met is None where the sizes were not the full ones.

    Parameters
    ----------
    found : dict
        From `stress.bench.measure`.
    """
    figures = figures_of(found)
    rows = []
    for key, words, bound, least in TARGETS:
        if key in figures:
            met = figures[key] >= bound if least else figures[key] <= bound
            rows.append(
                {
                    "key": key,
                    "words": words,
                    "reached": figures[key],
                    "rule": "at least" if least else "at most",
                    "target": bound,
                    "met": None if found["quick"] else met,
                }
            )
    return rows


def figures_of(found: dict[str, Any]) -> dict[str, float]:
    """The figure of each target, by key."""
    cost, memory, start = found["cost"], found["memory"], found["start"]
    figures = {
        "step_over_prices": max(cost["step_ns"].values()) / cost["prices_ns"],
        "liquidation_ns": cost["liquidation_ns"],
        "adl_seen_ns": cost["adl_seen_ns"],
        "large_over_small": found["equal_events"][0]["ratio"],
        "large_over_small_adl": found["equal_events"][1]["ratio"],
        "peak_memory_mb": memory[0]["peak_memory_mb"],
        "memory_of_ten_times": memory[-1]["peak_memory_mb"] / memory[0]["peak_memory_mb"],
        **{key: start[key] for key in ("import_s", "help_s", "cold_s", "warm_s") if key in start},
    }
    if found["whole_run"]["threads"] == 2:
        figures["speed_up"] = found["whole_run"]["speed_up"]
    for row in found.get("baselines", ()):
        if row["name"] == "loop":
            figures["loop_position_steps_per_s"] = row["position_steps_per_s"]
            figures["over_loop"] = found["whole_run"]["position_steps_per_s"] / row["position_steps_per_s"]
    return figures
