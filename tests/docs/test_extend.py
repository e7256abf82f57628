"""The page on extending the package does what it says: its blocks are taken out and run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stress
from stress import prices

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
BLOCKS = {kind: re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[1] for kind in ("toml", "python", "diff")}
DAY = 86_400.0


@pytest.mark.nojit
@pytest.mark.parametrize("kind", BLOCKS)
def test_each_takes_fewer_than_forty_lines(kind):
    assert 5 < len(BLOCKS[kind].splitlines()) < 40
    assert PAGE.count(f"```{kind}\n") == 1


@pytest.mark.nojit
def test_venue(tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(BLOCKS["toml"], encoding="utf-8")
    venue = stress.load_venue(str(path), market="XYZUSDT")
    assert (venue.name, venue.drawdown, venue.drawdown_window, venue.settlement) == (
        "example",
        0.3,
        28_800,
        "bankruptcy",
    )
    assert [tier.deduction for tier in venue.tiers] == pytest.approx([0, 1_500, 39_000])
    assert {figure.status for figure in venue.figures} == {"official", "assumed"}
    assert venue.notes == ("Liquidations step down the tiers one by one; here a position goes at once.",)


@pytest.fixture(scope="module")
def restless():
    """The class of the page."""
    scope: dict = {"__name__": "restless"}
    exec(compile(BLOCKS["python"], "restless", "exec"), scope)
    return scope["Restless"]


@pytest.mark.nojit
def test_price_model_keeps_the_rules(restless, monkeypatch):
    model = restless(100.0, 0.8)
    whole = model.block(7, 0, 6, 50, 3_600.0)
    prices.Paths(whole[0], 3_600.0, *whole[1:])  # extremes hold both ends
    for a, b in zip(whole, model.block(7, 2, 3, 50, 3_600.0), strict=True):
        assert a[2:5].tobytes() == b.tobytes()
    assert not np.array_equal(whole[0], model.block(8, 0, 6, 50, 3_600.0)[0])
    monkeypatch.setitem(prices.MODELS, "restless", restless)
    plain = model.describe()
    assert prices.make(plain.pop("model"), **plain) == model


@pytest.mark.nojit
def test_price_model_has_the_moments_it_says(restless):
    close = restless(100.0, 0.8).block(7, 0, 40_000, 1, DAY)[0]
    x = np.log(close[:, 1] / 100.0)
    for values, mean in ((x**2, 0.8**2 / 365), (close[:, 1] / 100.0, 1.0)):
        assert abs(values.mean() - mean) < 4 * values.std() / 200
    assert np.mean(x**4) / np.mean(x**2) ** 2 > 4  # 3 exp(4 unrest^2) = 8.2, a heavy-tailed figure


def test_price_model_runs(restless):
    book = stress.Book([1, -1], [10.0, 10.0], [100.0, 100.0], [20.0, 20.0])
    venue = stress.Venue(name="x", tiers=[stress.Tier(0, np.inf, 100, 0.005)])
    result = stress.simulate(
        book, venue, restless(100.0, 0.8), n_paths=200, horizon=DAY, step=3_600.0, fund=1e3, seed=3
    )
    assert result.positions["liquidation_rate"].between(0.5, 1).all()
    assert (result.paths["deficit"] == 0).all()
    assert result.config["prices"]["model"] == "restless"


def apply(diff: str, folder: Path) -> None:
    """Make the edits of a diff whose hunks are found by their lines."""
    for part in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        path = folder / name
        text = path.read_text(encoding="utf-8")
        for hunk in body.split("@@\n"):
            lines = hunk.splitlines()
            old = "\n".join(line[1:] for line in lines if line[0] in " -")
            new = "\n".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")


SCORE_AT_WORK = """
import random
from dataclasses import replace
from pathlib import Path

import stress
from tests.support import twin

assert Path(stress.__file__).is_relative_to(Path.cwd())
row = dict(zip(twin.OPTIONS, ("bankruptcy", "queue", "return_on_margin", "bankruptcy", "fund", 0.0, "none", "notional",
                              "one", "linear", True, 0.4, 1.0)))
closed, differ = 0, 0
for i in range(30):
    rng = random.Random(i)
    venue = twin.make_venue(row, 30.0)
    book, path = twin.make_book(rng, venue), twin.make_path(rng, True)
    result, outcome = twin.run_both(book, venue, path, depth=twin.DEPTHS["linear"], fund=30.0, gap=0.4)
    twin.assert_equal(result, outcome, book, i)
    other, _ = twin.run_both(book, replace(venue, score="size"), path, depth=twin.DEPTHS["linear"], fund=30.0, gap=0.4)
    closed += int(result.paths["adl_count"].iloc[0])
    differ += bool((result.positions["adl_share"] != other.positions["adl_share"]).any())
assert closed > 20 and differ > 3, (closed, differ)
"""


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=pytest.mark.slow), False])
def test_score_in_a_copy_of_the_package(compiled, tmp_path):
    for name in ("stress", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    apply(BLOCKS["diff"], tmp_path)
    setting = {"STRESS_CACHE_DIR": str(tmp_path / "cache")} if compiled else {"NUMBA_DISABLE_JIT": "1"}
    environment = os.environ | setting | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCORE_AT_WORK],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
