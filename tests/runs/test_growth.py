"""Runs that grow until a tolerance is reached: their bytes, after interruptions too, and what is read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

import stress
from stress.analysis.study import run_designs
from stress.engine import scheduling
from stress.runs import checkpoint
from tests.support.directories import files, interrupt
from tests.support.small_run import digests
from tests.support.tiny import TINY

GROWING = ["run.tolerance=0.25", "run.max_paths=2000"]
TAIL = ["run.tail=0.01", "run.paths=330", "run.tolerance=0.1", "run.max_paths=2000"]


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("grown") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def whole(scenario):
    """The run without interruption, and what its progress said."""
    said = []
    record = stress.run(
        scenario, GROWING, threads=1, directory=scenario.parent / "whole", progress=lambda *x: said.append(x)
    )
    return record, said, files(scenario.parent / "whole")


def test_a_run_grows_by_batches_until_every_figure_has_the_error(whole):
    record, said, _ = whole
    growth, n = record.manifest["growth"], record.result.n_paths
    assert growth["stopped"] == "tolerance"
    assert [figure["quantity"] for figure in growth["figures"]] == [
        "required fund",
        "required fund",
        "P(fund depleted)",
    ]
    assert all(figure["error"] <= 0.25 for figure in growth["figures"])
    assert (n % 40, n > 40, growth["paths"]) == (0, True, n)
    totals = list(dict.fromkeys(total for _, total in said))
    assert (totals[0], totals[-1], totals == sorted(totals), len(totals) > 1) == (40, n, True, True)
    assert said[-1] == (n, n)


def test_it_has_the_tables_of_a_run_of_as_many_paths(scenario, whole):
    record, _, found = whole
    plain = stress.run(scenario, [f"run.paths={record.result.n_paths}"], directory=scenario.parent / "plain")
    tables = {name for name in found if name.startswith("tables/")}
    other = files(scenario.parent / "plain")
    assert {name for name in tables if other[name] != found[name]} == set()
    assert "growth" not in plain.manifest


@pytest.mark.parametrize("after", [15, 70])  # in the first batch, and in a later one
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, monkeypatch, whole, after):
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 20_000)  # five paths
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    (tmp_path / "tiny.toml").write_text(TINY)
    given = {"directory": tmp_path / "run", "threads": 2}
    with pytest.raises(KeyboardInterrupt):
        stress.run(tmp_path / "tiny.toml", GROWING, progress=interrupt(after), **given)
    record = stress.run(tmp_path / "tiny.toml", GROWING, **given)
    assert record.manifest["resumed_paths"] >= after
    assert files(tmp_path / "run") == whole[2]


def test_shards_end_where_a_batch_does(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 20_000)
    (tmp_path / "tiny.toml").write_text(TINY)
    with pytest.raises(KeyboardInterrupt):  # nothing is written before
        stress.run(tmp_path / "tiny.toml", GROWING, progress=interrupt(60), directory=tmp_path / "run", threads=1)
    ends = [path.stem.split("-") for path in sorted((tmp_path / "run.partial" / "shards").iterdir())]
    assert [(int(first), int(end)) for first, end in ends] == [(0, 40), (40, 60)]


def test_with_a_tail_each_batch_has_the_cells_of_the_first(scenario):
    record = stress.run(scenario, TAIL, directory=scenario.parent / "tail")
    n, design = record.result.n_paths, record.result.design
    assert (n % 330, n > 330, design.batch, design.n_paths) == (0, True, 330, n)
    strata = record.result.strata
    assert (strata["paths"] % (n // 330) == 0).all()
    (again,) = run_designs([replace(design)], threads=1)
    assert digests(again) == digests(record.result)
    back = stress.open_run(scenario.parent / "tail")
    assert back.result.strata.equals(strata)
    assert back.manifest["growth"] == record.manifest["growth"]
    last = back.result.replay_path(n - 1)
    assert last.equals(record.result.replay_path(n - 1))


def test_a_run_that_may_not_grow_on_says_what_it_has(scenario):
    record = stress.run(scenario, ["run.tolerance=0.01", "run.max_paths=100"])
    growth = record.manifest["growth"]
    assert (growth["stopped"], growth["paths"], growth["max_paths"]) == ("max_paths", 80, 80)
    assert not any(figure["reached"] for figure in growth["figures"])


def test_figures_of_all_delays_count_where_their_range_is_the_answer(scenario):
    record = stress.run(scenario, ["run.delays=['10s', '1min']", "run.tolerance=1.0", "fund.alphas=[0.2]"])
    names = {figure["design"] for figure in record.manifest["growth"]["figures"]}
    assert names == {"delay=10.0, jump_gap=1.0", "delay=60.0, jump_gap=1.0"}
