"""A run with rules of part II on: its tables, its directory, and its resumption."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

import stress
from stress import simulation
from stress.engine import scheduling
from stress.engine.blocks import join, work_block
from stress.results import more_columns
from stress.runs import shards
from stress.runs.resume import open_unfinished
from stress.scenario.scenario import Scenario
from tests.support.directories import files, interrupt
from tests.support.tiny import TINY

RULES = {
    "closeout": "fraction", "fraction": 0.2, "cooldown": "120s", "carrier": "vault", "settlement": "bankruptcy",
    "unload_half_life": "10min", "waterfall": ["vault", "fund", "adl", "house", "socialise"], "throughput": 0.05,
}  # fmt: skip
ADDED = {
    "partial_count", "partial_quantity", "takeover_count", "takeover_quantity", "inventory_loss", "carrier_low",
    "stop_count", "stop_quantity", "take_profit_count", "waiting_peak", "drawn_vault", "drawn_fund", "drawn_house",
    "socialised", "haircut", "funding_paid", "funding_outside",
}  # fmt: skip


def make(paths: int = 6) -> Scenario:
    tables = tomllib.loads(TINY)
    tables["run"] |= {"paths": paths, "horizon": "30min"}
    tables["venue"] |= {"rules": "simple"} | RULES
    tables["population"] |= {
        "stop_share": 0.4, "stop_distance": 0.03, "take_profit_share": 0.3, "take_profit_distance": 0.05,
    }  # fmt: skip
    tables["prices"] |= {"intensity": 90_000.0, "eta_down": 12.0}
    tables |= {"layers": {"vault": {"capital": 1e5}, "house": {"capital": 1e4}}}
    tables |= {"funding": {"interval": "10min", "rate": 1e-4}, "events": {"outages": [["5min", "8min"]]}}
    return Scenario.parse(tables, "rules", Path())


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return stress.run(make(), directory=tmp_path_factory.mktemp("rules") / "run", threads=1)


def test_the_tables_have_the_columns_of_the_rules_that_are_on(record):
    result = record.result
    assert set(more_columns.path_columns(result.config)) == ADDED <= set(result.paths)
    assert not {"call_count", "topped_up"} & set(result.paths)
    rates = ("partial", "takeover", "stop", "take_profit")
    assert more_columns.rate_names(result.config) == rates
    for name, column in (("partial", None), ("takeover", "takeover_count"), ("stop", "stop_count")):
        low, rate, high = (result.positions[f"{name}_{part}"] for part in ("low", "rate", "high"))
        assert ((low <= rate + 1e-12) & (rate <= high + 1e-12)).all()
        assert rate.sum() > 0
        if column:
            assert rate.sum() * result.n_paths == pytest.approx(result.paths[column].sum())
    assert "call_rate" not in result.positions
    assert list(result.layers()["layer"]) == ["vault", "fund", "house"]
    assert result.haircut.value == pytest.approx(result.paths["haircut"].mean())
    assert 0 <= result.paths["haircut"].min() <= result.paths["haircut"].max() <= 1


def test_rules_that_are_off_add_nothing():
    tables = tomllib.loads(TINY)
    tables["venue"]["rules"] = "simple"
    config = Scenario.parse(tables, "tiny", Path()).build().design.describe()
    assert more_columns.path_columns(config) == more_columns.rate_names(config) == ()


def test_what_is_saved_comes_back_and_a_resumed_run_has_the_same_bytes(record, tmp_path, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    stress.save_run(record, whole)
    opened = stress.open_run(whole).result
    for name in ("paths", "positions", "cells"):
        table, saved = getattr(record.result, name), getattr(opened, name)
        assert list(saved) == list(table)
        for column in table:
            np.testing.assert_array_equal(saved[column], table[column])
    assert opened.layers().equals(record.result.layers())
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 3000)  # 3 paths
    with pytest.raises(KeyboardInterrupt):
        simulation.run(make(), directory=parts, threads=1, progress=interrupt(1))
    resumed = simulation.run(open_unfinished(parts).scenario, directory=parts, threads=1)
    assert resumed.manifest["resumed_paths"] == 3
    assert files(parts) == files(whole)


def test_blocks_join_and_lie_on_disk_as_they_are(tmp_path):
    design = make().build().design
    (whole,), parts = work_block([design], 0, 4), [work_block([design], first, 2)[0] for first in (0, 2)]
    joined = join(parts)
    assert whole.more.size == 4
    assert whole.more_counts.size > 0
    assert joined.more.tobytes() == whole.more.tobytes()
    assert joined.more_counts.tobytes() == whole.more_counts.tobytes()
    path = shards.write(tmp_path, [whole], {"by": "me"})
    (back,) = shards.read(path, {"by": "me"}, 1, len(design.book)).blocks
    assert back.more.tobytes() == whole.more.tobytes()
    assert back.more_counts.tobytes() == whole.more_counts.tobytes()
