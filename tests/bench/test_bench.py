"""The benchmarks of the package: their market is the quickstart's, their counts are right, the command tells them."""

import hashlib
import json
import math
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from stress import bench
from stress.bench import clock, cost, distribution, market, process, scale, targets
from stress.cli import main
from stress.results.replay import replay


@pytest.mark.nojit
def test_market_is_that_of_all_timings_before():
    """Another market makes other work: change it, and all of benchmarks/RESULTS.md has to be timed again."""
    ours = tomllib.loads(market.MARKET.read_text("utf-8"))
    assert ours["venue"].pop("rules") == "simple"  # what the preset was before it had rules of part II
    kept = {name: ours[name] for name in ("seed", "run", "venue", "depth", "prices")}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    assert digest.startswith("ec87d56c18bd7f81")


LIQUIDATED = {"retail": 0.20, "mixed": 0.08, "low leverage": 0.02}  # share of the positions, mean over paths


@pytest.mark.parametrize("book", market.BOOKS)
def test_share_that_is_liquidated(book):
    run = market.load(book, 4_000, 400)
    liquidated = market.work(run, 2).paths["liquidated_count"] / len(run.book)
    assert liquidated.mean() == pytest.approx(LIQUIDATED[book], abs=4 * liquidated.std() / 20)
    assert liquidated.mean() == pytest.approx(LIQUIDATED[book], rel=0.2)


def test_idle_positions_change_nothing():
    run = replace(market.load("retail", 500, 60), fund=1e4)
    crowd = replace(run, book=market.with_idle(run.book, 700, run.prices.s0))
    assert len(crowd.book) == 1_200
    assert float(crowd.book.side @ crowd.book.quantity) == 0.0
    few, many = market.work(run).paths, market.work(crowd).paths
    assert few["adl_count"].sum() > 0
    same = few.columns.drop("adl_seen")
    assert few[same].equals(many[same])


def test_liquidations_of_the_second_run_are_those_of_its_log():
    run = replace(market.load("retail", 500, 60), fund=1e4)
    lasting = replace(run, fund=math.inf)
    paths = market.work(run).paths
    depleted = np.flatnonzero(paths["depleted"])
    assert depleted.size > 3
    logged = 0
    for path in depleted.tolist():
        log = replay(lasting, path)
        logged += int(((log["event"] == "liquidation") & (log["step"] >= paths["depletion_step"][path])).sum())
    assert cost.repeated(run, paths, market.work(lasting).paths) == logged > 0


@pytest.mark.nojit
def test_fit_finds_what_made_the_times():
    rng = np.random.default_rng(1)
    rows = [
        {
            "traders": n,
            "steps": 10**6,
            "liquidations": int(10 * n * rng.random()),
            "adl_seen": int(5 * n * rng.random()),
        }
        for n in (1_000, 100_000)
        for _ in range(6)
    ]
    for row in rows:
        a = 80 if row["traders"] == 1_000 else 90
        row["seconds"] = 1e-9 * (a * row["steps"] + 12 * row["liquidations"] + 7 * row["adl_seen"])
    found = cost.fit(rows)
    assert found["step_ns"] == pytest.approx({"1000": 80, "100000": 90})
    assert (found["liquidation_ns"], found["adl_seen_ns"]) == pytest.approx((12, 7))
    assert found["relative_error_worst"] < 1e-9
    for row in rows:  # ADL that costs less than nothing is told as free, and the fit as off
        row["seconds"] -= 1e-9 * 8 * row["adl_seen"]
    found = cost.fit(rows)
    assert found["adl_seen_ns"] == 0.0
    assert found["relative_error_worst"] > 1e-6


@pytest.mark.nojit
def test_median_leaves_the_first_call_out():
    calls = []
    assert clock.median_seconds(3, calls.append, 1) < 0.1
    assert len(calls) == 4


FOUND = {
    "quick": False,
    "cost": {"prices_ns": 40.0, "step_ns": {"1000": 50.0, "10000": 70.0}, "liquidation_ns": 9.0, "adl_seen_ns": 11.0},
    "equal_events": [{"ratio": 1.1}, {"ratio": 1.4}],
    "whole_run": {"threads": 2, "speed_up": 1.9, "position_steps_per_s": 9e11},
    "memory": [{"peak_memory_mb": 400.0}, {"peak_memory_mb": 420.0}],
    "start": {"import_s": 0.1, "help_s": 0.4, "warm_s": 1.0},
}


@pytest.mark.nojit
def test_targets():
    rows = {row["key"]: row for row in targets.judge(FOUND)}
    assert rows["step_over_prices"]["reached"] == 1.75  # the worst of the sizes
    met = {key: row["met"] for key, row in rows.items()}
    assert met == {
        "step_over_prices": False,
        "liquidation_ns": True,
        "adl_seen_ns": False,
        "large_over_small": True,
        "large_over_small_adl": False,
        "speed_up": True,
        "peak_memory_mb": True,
        "memory_of_ten_times": True,
        "import_s": True,
        "help_s": False,
        "warm_s": True,
    }
    rows = {
        row["key"]: row
        for row in targets.judge({**FOUND, "baselines": [{"name": "loop", "position_steps_per_s": 3e9}]})
    }
    assert (rows["over_loop"]["reached"], rows["over_loop"]["met"]) == (300, True)
    small = targets.judge({**FOUND, "quick": True, "whole_run": {**FOUND["whole_run"], "threads": 4}})
    assert {row["met"] for row in small} == {None}
    assert "speed_up" not in {row["key"] for row in small}


def test_fund_of_a_whole_run_depletes_a_twentieth():
    run = scale.with_depleted(market.load("retail", 500, 100), 2)
    found = scale.whole_run(run, 2, 1)
    assert found["depleted"] == pytest.approx(0.05, abs=0.011)
    assert set(found["seconds_by_threads"]) == {"1", "2"}


def test_child_tells_its_own_memory():
    ballast = np.ones(90_000_000)  # 720 MB, held while the child runs
    assert process.peak_mb() > ballast.nbytes / 1e6
    assert 30 < process.peak_memory(200, 10, 1, 1e6)["peak_memory_mb"] < ballast.nbytes / 1e6


def check_distribution(found):
    """What the figures of distributed work have in common at any size."""
    assert set(found["work"]) == {"paths", "positions", "run"}
    assert [work["designs"] for work in found["work"].values()] == [1, 1, 3]
    for work in found["work"].values():
        least = 0 if work is found["work"]["paths"] else 1e-12
        assert work["position_bytes_per_path"] >= least
        assert all(value > 0 for name, value in work.items() if name != "position_bytes_per_path")
        assert work["block_paths"] <= found["paths"]
        assert work["held_bytes_per_path"] < work["bytes_per_path"] < work["shard_bytes_per_path"] + 1_000
        assert work["held_bytes_per_path"] < work["peak_bytes_per_path"]
    assert found["work"]["paths"]["position_bytes_per_path"] == 0
    assert found["work"]["positions"]["position_bytes_per_path"] > 0
    assert all(value > 0 for value in found["part"].values())
    assert found["sort_s"] > 0
    assert found["task_bytes"] > 4 * 8 * found["traders"]  # the columns of the book
    assert found["scheduler_s_per_task"] is None or found["scheduler_s_per_task"] > 0


def test_bytes_of_a_path_know_no_traders_without_positions():
    small, large = (
        {
            name: distribution.task_cost(runs, 1)
            for name, runs in distribution.tasks(replace(market.load("retail", traders, 30), fund=1e6)).items()
        }
        for traders in (1_000, 5_000)
    )
    for name in ("bytes_per_path", "shard_bytes_per_path", "held_bytes_per_path"):
        assert small["paths"][name] == large["paths"][name]
    assert large["paths"]["peak_bytes_per_path"] == pytest.approx(small["paths"]["peak_bytes_per_path"], rel=0.02)
    assert large["positions"]["position_bytes_per_path"] > 2 * small["positions"]["position_bytes_per_path"]
    for name in ("bytes_per_path", "position_bytes_per_path"):
        of_bounds = large["run"][name] - large["positions"][name]
        assert of_bounds == pytest.approx(2 * large["paths"][name])


def test_command(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench, "QUICK", bench.Size(1, 1, {200: 20, 400: 20}, 400, 20, 200, 1_000, 20, 0, 1, 20))
    with pytest.raises(SystemExit) as caught:
        main(["bench", "--quick", "--threads", "2", "--out", str(tmp_path / "found.json")])
    assert not caught.value.code
    text = capsys.readouterr().out
    assert "a liquidation, ns" in text
    assert "these were small ones" in text
    found = json.loads((tmp_path / "found.json").read_text())
    elsewhere = ("over_loop", "loop_position_steps_per_s", "cold_s", "rule_alone", "rules_together", "cold_over_before")
    assert {row["key"] for row in found["targets"]} == {t.key for t in targets.TARGETS if t.key not in elsewhere}
    assert {"cpu", "cores", "numba", "numpy", "llvmlite", "python"} <= set(found["machine"])
    assert found["whole_run"]["threads"] == 2
    check_distribution(found["distribution"])
