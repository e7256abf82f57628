"""The pages made from the figures of a benchmark: benchmarks/RESULTS.md and the table of README.md."""

from __future__ import annotations

import re
from typing import Any

from stress.formatting import significant


def table(head: list[str], rows: list[list[str]], left: int = 1) -> str:
    """A Markdown table; the first `left` columns are words."""
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])


def between(page: str, text: str, name: str, made: str) -> str:
    """The text of a page with what stands between the marks of a name made anew."""
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    text, n = marks.subn(lambda found: f"{found[1]}{made}\n{found[2]}", text)
    if n != 1:
        raise ValueError(f"{page}: the marks of {name} are missing")
    return text


def fill(readme: str, found: dict[str, Any]) -> str:
    """The text of README.md with its table made anew."""
    return between("README.md", readme, "benchmarks", summary(found))


def summary(found: dict[str, Any]) -> str:
    """The table of README.md: the engine beside what one would write instead."""
    whole = found["whole_run"]
    rate = whole["position_steps_per_s"]
    rows = [
        [
            row["words"],
            _billions(row["position_steps_per_s"]),
            f"{significant(rate / row['position_steps_per_s'], 2)} x",
        ]
        for row in found["baselines"]
        if row["name"] != "engine" and "skipped" not in row
    ]
    rows.append([f"this engine, {whole['paths']:,} paths in {_seconds(whole)}", _billions(rate), ""])
    head = [
        f"{whole['traders']:,} retail traders, {whole['steps']:,} steps",
        "billion position-steps a second",
        "engine over it",
    ]
    note = (
        f"{machine(found)}. The engine makes its prices and has finite depth and ADL on "
        f"{100 * whole['depleted']:.0f} % of the paths; the others are given theirs and know neither. On what they all "
        "know they give the same losses."
    )
    return f"{table(head, rows)}\n\n{note}"


def results(found: dict[str, Any]) -> str:
    """The page RESULTS.md."""
    parts = [
        "# Benchmarks",
        f"{machine(found)}. One process, one run, medians of {found['rounds']} rounds after a warm-up. "
        "Made by `python -m benchmarks` from `results.json`.",
    ]
    if found["quick"]:
        parts.append("Small sizes: these figures say nothing about the targets.")
    for title, text in (
        ("Targets", _targets(found)),
        ("What one would write instead", _baselines(found)),
        ("A whole run", _whole(found)),
        ("Cost of a step and of an event", _cost(found)),
        ("The same events among more traders", _equal(found)),
        ("Memory, start, compilation", _processes(found)),
        ("The rules of part II", _mechanics(found)),
    ):
        if not text:
            continue
        parts += [f"## {title}", text]
    return "\n\n".join(parts) + "\n"


def _targets(found: dict[str, Any]) -> str:
    words = {None: "", True: "met", False: "missed"}
    rows = [
        [r["words"], significant(r["reached"]), f"{r['rule']} {significant(r['target'])}", words[r["met"]]]
        for r in found["targets"]
    ]
    return table(["", "reached", "target", ""], rows)


def _baselines(found: dict[str, Any]) -> str:
    rate = found["whole_run"]["position_steps_per_s"]
    rows = []
    for r in found["baselines"]:
        if "skipped" in r:
            rows.append([r["words"], "", "", "", r["skipped"], ""])
            continue
        mine = r["position_steps_per_s"]
        counts = [f"{r[name]:,}" for name in ("threads", "traders", "paths")]
        rows.append([r["words"], *counts, f"{mine:.2g}", f"{significant(rate / mine, 2)}"])
    text = (
        "Retail book, the engine's own prices and liquidation levels, whole jumps, infinite depth, no ADL; each at a "
        "size it can finish. Before it is timed each must give the D* of the engine on every path. The last column is "
        "the rate of the whole run below, which makes its prices and has finite depth and ADL, over the row's."
    )
    return (
        f"{text}\n\n{table(['', 'threads', 'traders', 'paths', 'position-steps a second', 'whole run over it'], rows)}"
    )


def rules_of_adl(rows: list[dict[str, Any]]) -> str:
    """What `stress.bench.adl` measured: an event by each rule over the same event by the queue."""
    body = [
        [r["policy"], r["score"], f"{r['ratio']:.2f}", f"{r['low']:.2f} to {r['high']:.2f}", f"{r['event_ms']:.2f}"]
        for r in rows
    ]
    return table(["policy", "score", "over the queue", "least to most", "ms a path"], body, left=2)


def _mechanics(found: dict[str, Any]) -> str:
    """What venue mechanics cost; nothing where they were not measured."""
    if "mechanics" not in found:
        return ""
    cost = found["mechanics"]
    rows = [
        [
            r["name"],
            f"{r['ratio']:.2f}",
            f"{r['low']:.2f} to {r['high']:.2f}",
            f"{1e6 * r['seconds_without'] / cost['paths']:,.0f}",
            f"{1e6 * r['seconds'] / cost['paths']:,.0f}",
            f"{r['events_without']:,.0f}",
            f"{r['events']:,.0f}",
        ]
        for r in cost["rows"]
    ]
    head = ["rule", "with over without", "range", "without, us a path", "with", "liquidated a path, without", "with"]
    load = f", {cost['load']}" if cost.get("load") else ""
    text = (
        f"{cost['traders']:,} retail traders, {cost['paths']:,} paths, processor time on one thread; a fund that 5 % "
        f"of the paths deplete without the rule. Run with and run without take turns, {cost['rounds']} times: the "
        f"median of the ratios, the least and the largest. Measured {cost['made']}{load}. "
        "A ratio holds what a rule makes happen too: cuts, stops, take-overs."
    )
    cold = found.get("cold_against")
    compiled = ""
    if cold is not None:
        compiled = (
            "\n\nA small run with nothing compiled yet, processor time: "
            f"{cold['after_s']:.1f} s without rules of part II, {cold['before_s']:.1f} s in the version before them "
            f"(ratio {cold['ratio']:.2f}, {cold['low']:.2f} to {cold['high']:.2f} rounds: {cold['rounds']}), "
            f"{cold['with_rule_s']:.1f} s with a rule of part II."
        )
    return f"{text}\n\n{table(head, rows)}{compiled}"


def _whole(found: dict[str, Any]) -> str:
    whole = found["whole_run"]
    rows = [
        [threads, f"{seconds:.3g}", f"{whole['traders'] * whole['paths'] * whole['steps'] / seconds:.2g}"]
        for threads, seconds in whole["seconds_by_threads"].items()
    ]
    text = (
        f"{whole['paths']:,} paths, {whole['traders']:,} retail traders, {whole['steps']:,} steps, finite depth; "
        f"{100 * whole['liquidated']:.0f} % of the positions are liquidated on an average path, and "
        f"{100 * whole['depleted']:.1f} % of the paths are depleted. Prices and the sorting of the book are included."
    )
    return f"{text}\n\n{table(['threads', 'seconds', 'position-steps a second'], rows, left=0)}"


def _cost(found: dict[str, Any]) -> str:
    cost = found["cost"]
    prices = cost["prices_ns"]
    steps = [
        [f"{int(n):,}", f"{a:.1f}", f"{a / prices:.2f}", f"{cost['run_ms'][n]:.1f}"] for n, a in cost["step_ns"].items()
    ]
    cells = [
        [
            r["book"],
            f"{r['traders']:,}",
            f"{r['paths']:,}",
            f"{100 * r['depleted']:.0f} %",
            f"{r['liquidations'] / r['paths']:,.0f}",
            f"{r['adl_seen'] / r['paths']:,.0f}",
            f"{1e6 * r['seconds'] / r['paths']:,.0f}",
        ]
        for r in cost["rows"]
    ]
    head = ["book", "traders", "paths", "depleted", "liquidations a path", "looked at in ADL a path", "us a path"]
    return (
        "time = a (paths x steps) + b (liquidations) + c (positions looked at in ADL), on one thread: a for each size, "
        f"b and c for all, by least squares of relative errors. b = {cost['liquidation_ns']:.1f} ns, "
        f"c = {cost['adl_seen_ns']:.1f} ns, off by {100 * cost['relative_error_rms']:.0f} % (root mean square) and "
        f"{100 * cost['relative_error_worst']:.0f} % at worst. Making the prices alone takes {prices:.1f} ns a step. A "
        "run of one path tells what a run costs whatever its paths, such as sorting its book.\n\n"
        f"{table(['traders', 'a, ns', 'a over the prices', 'run of one path, ms'], steps, left=0)}\n\n"
        "A depleted path is worked again from the step of depletion on, which gives D*; those liquidations count too."
        "\n\n"
        f"{table(head, cells)}"
    )


def _equal(found: dict[str, Any]) -> str:
    rows = [
        [
            f"{100 * r['depleted']:.0f} %",
            f"{1e6 * r['seconds_small'] / r['paths']:,.0f}",
            f"{1e6 * r['seconds_large'] / r['paths']:,.0f}",
            f"{r['ratio']:.2f}",
            f"{r['adl_seen_small'] / r['paths']:,.0f}",
            f"{r['adl_seen_large'] / r['paths']:,.0f}",
        ]
        for r in found["equal_events"]
    ]
    first = found["equal_events"][0]
    text = (
        f"{first['small']:,} retail traders, and the same with {first['large'] - first['small']:,} more whom no price "
        "liquidates and who have no profit that ADL could take: the same liquidations and the same ADL. One thread."
    )
    small, large = f"{first['small']:,}", f"{first['large']:,}"
    seen = [f"looked at in ADL a path, {n}" for n in (small, large)]
    head = ["depleted", f"{small}, us a path", f"{large}, us a path", "ratio", *seen]
    return f"{text}\n\n{table(head, rows, left=0)}"


def _processes(found: dict[str, Any]) -> str:
    memory = [
        [f"{r['paths']:,}", f"{r['traders']:,}", f"{r['seconds']:.1f}", f"{r['peak_memory_mb']:.0f}"]
        for r in found["memory"]
    ]
    words = {
        "python_s": "python that does nothing",
        "import_s": "import stress",
        "import_simulate_s": "from stress import simulate",
        "help_s": "perp-stress --help",
        "cold_s": "perp-stress run, 20 paths of 1,000 traders, nothing compiled yet",
        "warm_s": "the same, compiled",
    }
    start = [[words[name], f"{seconds:.2f}"] for name, seconds in found["start"].items()]
    return (
        f"Each in a process of its own.\n\n{table(['paths', 'traders', 'seconds', 'peak memory, MB'], memory, left=0)}"
        f"\n\n{table(['', 'seconds'], start)}"
    )


def _billions(rate: float) -> str:
    return significant(rate / 1e9, 2)


def _seconds(whole: dict[str, Any]) -> str:
    return f"{significant(whole['seconds_by_threads'][str(whole['threads'])], 2)} s"


def machine(found: dict[str, Any]) -> str:
    """When and on what the figures were measured."""
    m = found["machine"]
    cores = f"{m['cores']} core{'s' * (m['cores'] != 1)}"
    return f"{found['made']}, {m['cpu']}, {cores}, Python {m['python']}, numpy {m['numpy']}, numba {m['numba']}"
