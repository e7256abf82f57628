"""What one would write instead gives the D* of the engine; pages and tables are made from the figures."""

import json

import numba
import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import against, baselines, pages
from stress.bench import market
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def task():
    """Run, crowd and D* of a small task that both can do."""
    run = against.plain_run(400, 20)
    return run, against.crowd_of(run), market.work(run).paths["net_loss_peak"].to_numpy()


@pytest.mark.parametrize("name", ["vectorised", "loop", "tuned_loop"])
def test_baseline_has_the_net_loss_peak_of_the_engine(task, name):
    run, crowd, expected = task
    assert (expected > 0).any()
    found = getattr(baselines, name)(run.prices.close, crowd)
    against.check(name, found, expected, run.book.open_interest(run.prices.s0))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-3)


def test_jax_has_it_too(task):
    pytest.importorskip("jax")
    run, crowd, expected = task
    np.testing.assert_allclose(baselines.make_scan()(run.prices.close, crowd), expected, rtol=1e-9, atol=1e-3)


@pytest.mark.nojit
def test_another_net_loss_peak_is_refused():
    peaks = np.array([0.0, 1e6])
    against.check("same", peaks * (1 + 1e-12), peaks, 1e9)
    with pytest.raises(AssertionError, match="other: D\\* is off by up to 1 USD"):
        against.check("other", peaks + np.array([0.0, 1.0]), peaks, 1e9)


def test_rows_of_the_baselines(monkeypatch):
    def missing():
        raise ImportError

    monkeypatch.setattr(baselines, "make_scan", missing)
    rows = against.measure(200, dict.fromkeys(("engine", *against.WORDS), 4), min(2, numba.config.NUMBA_NUM_THREADS), 1)
    assert [row["name"] for row in rows] == ["engine", *against.WORDS]
    assert rows[-1]["skipped"] == "JAX is not installed"
    for row in rows[:-1]:
        assert row["position_steps_per_s"] * row["seconds"] == pytest.approx(200 * 4 * 1440)


@pytest.mark.nojit
def test_pages_are_made_from_the_figures():
    """RESULTS.md and the table of README.md are those of results.json, with nothing by hand."""
    found = json.loads(benchmarks.RESULTS.read_text("utf-8"))
    assert not found["quick"]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert pages.fill(readme, found) == readme
    assert pages.results(found) == (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8")
    assert "/work/" not in json.dumps(found)


@pytest.mark.nojit
def test_readme_without_marks_is_refused():
    found = json.loads(benchmarks.RESULTS.read_text("utf-8"))
    with pytest.raises(ValueError, match="marks"):
        pages.fill("# no marks", found)
