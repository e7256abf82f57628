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
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
KINDS = {
    "A venue": "toml",
    "A price model": "python",
    "A score": "diff",
    "A sharing rule": "diff",
    "A venue rule": "diff",
}
BLOCKS = {name: re.search(rf"```{kind}\n(.*?)```", SECTIONS[name], re.DOTALL)[1] for name, kind in KINDS.items()}
DAY = 86_400.0


@pytest.mark.nojit
@pytest.mark.parametrize("name", BLOCKS)
def test_each_takes_fewer_than_forty_lines(name):
    assert 5 < len(BLOCKS[name].splitlines()) < 40
    assert SECTIONS[name].count("```") == 2
    assert list(SECTIONS) == list(KINDS)


@pytest.mark.nojit
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind == "diff"])
def test_what_it_takes_is_what_the_page_says(name):
    lines = sum(line.startswith("+") and len(line) > 1 for line in BLOCKS[name].splitlines())
    files = BLOCKS[name].count("--- ")
    assert f"{lines} lines in {files} files" in SECTIONS[name].replace("\n", " ")


@pytest.mark.nojit
def test_venue(tmp_path):
    path = tmp_path / "example.toml"
    path.write_text(BLOCKS["A venue"], encoding="utf-8")
    venue = stress.load_venue(str(path), market="XYZUSDT")
    assert (venue.name, venue.drawdown, venue.drawdown_window, venue.settlement) == (
        "example",
        0.3,
        28_800,
        "bankruptcy",
    )
    assert [tier.deduction for tier in venue.tiers] == pytest.approx([0, 1_500, 39_000])
    assert {figure.status for figure in venue.figures} == {"official", "assumed"}
    assert venue.notes == ("Cross-margined accounts are treated as isolated positions.",)
    assert venue.mechanics == {"closeout": "tiers"}


@pytest.fixture(scope="module")
def restless():
    """The class of the page."""
    scope: dict = {"__name__": "restless"}
    exec(compile(BLOCKS["A price model"], "restless", "exec"), scope)
    return scope["Restless"]


@pytest.mark.nojit
def test_price_model_keeps_the_rules(restless, monkeypatch):
    model = restless(100.0, 0.8)
    whole = model.block(7, 0, 6, 50, 3_600.0)[:4]
    prices.Paths(whole[0], 3_600.0, *whole[1:])  # extremes hold both ends
    for a, b in zip(whole, model.block(7, 2, 3, 50, 3_600.0)[:4], strict=True):
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


def run_in_a_copy(diff: str, folder: Path, code: str, setting: dict[str, str]) -> None:
    """Run code with a copy of the package that has the edits of a diff."""
    for name in ("stress", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    apply(diff, folder)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | setting | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=pytest.mark.slow), False])
def test_score_in_a_copy_of_the_package(compiled, tmp_path):
    setting = {"STRESS_CACHE_DIR": str(tmp_path / "cache")} if compiled else {"NUMBA_DISABLE_JIT": "1"}
    run_in_a_copy(BLOCKS["A score"], tmp_path, SCORE_AT_WORK, setting)


SHARING_AT_WORK = """
import random
from pathlib import Path

import stress
from tests.support import twin

assert Path(stress.__file__).is_relative_to(Path.cwd())
assert stress.allocate("equal_split", [1.0, 5.0, 9.0], None, 9.0).tolist() == [1.0, 4.0, 4.0]
several = 0
for i, settlement in enumerate(("profit", "bankruptcy") * 15):
    row = dict(zip(twin.OPTIONS, (settlement, "equal_split", "size", "bankruptcy", "fund", 0.0, "none", "notional",
                                  "one", "linear", True, 0.4, 1.0)))
    rng = random.Random(i)
    venue = twin.make_venue(row, 30.0)
    book, path = twin.make_book(rng, venue), twin.make_path(rng, True)
    result, outcome = twin.run_both(book, venue, path, depth=twin.DEPTHS["linear"], fund=30.0, gap=0.4)
    twin.assert_equal(result, outcome, book, i)
    several += int(result.paths["adl_count"].iloc[0] > 1)
assert several > 5, several
"""


def test_sharing_rule_in_a_copy_of_the_package(tmp_path):
    run_in_a_copy(BLOCKS["A sharing rule"], tmp_path, SHARING_AT_WORK, {"NUMBA_DISABLE_JIT": "1"})


RULE_AT_WORK = """
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import stress
from stress.cli.app import app
from stress.errors import InputError
from stress.scenario.scenario import load_scenario
from tests.support.tiny import TINY
from tests.venue import test_venue as venues, test_venue_files as files

assert Path(stress.__file__).is_relative_to(Path.cwd())
venues.test_the_fields_of_a_venue_are_the_rules()
venues.test_every_rule_has_one_field_in_compiled_code()

file = Path("own.toml")
file.write_text(files.MINIMAL.replace("[rules]", "[rules]\\nminimum_fee = 5.0"))
venue = stress.load_venue(file)
assert (venue.minimum_fee, venue.figures[0].name) == (5.0, "minimum_fee")
file.write_text(files.MINIMAL.replace("[rules]", "[rules]\\nminimum_fee = -5.0"))
with pytest.raises(InputError, match="minimum_fee.*an amount in USD, 0 or more"):
    stress.load_venue(file)

scenario = Path("tiny.toml")
scenario.write_text(TINY)
changed = load_scenario(scenario, ["venue.minimum_fee=7"])
assert changed.resolved()["venue"]["minimum_fee"] == 7.0
design = changed.build().design
assert design.kernel[-1]["minimum_fee"][0] == 7.0
assert design.describe()["venue"]["minimum_fee"] == 7.0
assert load_scenario(scenario).build().design.kernel[-1]["minimum_fee"][0] == 0.0

check = lambda setting: CliRunner().invoke(app, ["check", str(scenario), "--set", setting])
assert check("venue.minimum_fee=7").exit_code == 0
expected = {"minimum_fee=-7": "an amount in USD, 0 or more", "minimum_fe=7": "the nearest is 'minimum_fee'"}
for wrong, said in expected.items():
    found = check("venue." + wrong)
    assert found.exit_code != 0
    assert said in " ".join(found.output.split()), found.output
"""


def test_rule_in_a_copy_of_the_package(tmp_path):
    run_in_a_copy(BLOCKS["A venue rule"], tmp_path, RULE_AT_WORK, {"NUMBA_DISABLE_JIT": "1"})


@pytest.mark.nojit
def test_lines_of_a_rule():
    """The counts of the page: where a rule of words is declared, apart from where it is used."""
    used = ("stress/kernels/path", "stress/kernels/mechanics", "stress/report", "stress/analysis")
    paths = [p for p in (ROOT / "stress").rglob("*.py") if not p.relative_to(ROOT).as_posix().startswith(used)]
    lines = [p for p in paths for line in p.read_text(encoding="utf-8").splitlines() if "adl_price" in line.lower()]
    assert f"Now {len(lines)} lines in {len(set(lines))} files declare it." in " ".join(PAGE.split())
