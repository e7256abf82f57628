"""From bars to a run of the default model: the block, the path of the bars in it, the run, what reads it again."""

from __future__ import annotations

import inspect
import re
import tomllib

import numpy as np
import pytest

import stress
from stress.cli import backtest, inputs
from stress.engine import scheduling
from stress.prices.calibration.calibrate import DEFAULT
from stress.runs import checkpoint
from tests.support.command import caller
from tests.support.directories import files, interrupt
from tests.support.tiny import TINY

HEAD = TINY[: TINY.index("[prices]")].replace('step = "1min"', "").replace('horizon = "2h"', 'horizon = "12h"')
TAIL = TINY[TINY.index("[depth]") :]


@pytest.fixture(scope="module")
def bars():
    """The text of a file of hours, their time in whole days and hours, which takes a time format."""
    rng = np.random.default_rng(5)
    n = 1_500
    close = 60_000.0 * np.exp(np.cumsum(0.01 * rng.standard_t(3, n)))
    opening = np.append(60_000.0, close[:-1])
    high, low = np.maximum(opening, close) * 1.002, np.minimum(opening, close) * 0.997
    hours = np.datetime64("2023-01-01T00") + np.arange(n)
    stamps = [str(hour).replace("-", "/").replace("T", " ") for hour in hours]
    rows = zip(stamps, *(x.tolist() for x in (opening, high, low, close)), strict=True)
    return "\n".join(["time,open,high,low,close", *(",".join(map(str, row)) for row in rows)])


@pytest.fixture
def command(tmp_path, monkeypatch, capsys, bars):
    """Run the command in a folder with bars in `data`: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "data" / "hours.csv").write_text(bars)

    return caller(capsys)


FORMAT = ("--time-format", "%Y/%m/%d %H")


def test_one_model_is_the_default_of_all():
    by_command = inspect.signature(inputs.calibrate).parameters["model"].default
    assert by_command == backtest.MODEL == DEFAULT == "filtered-bootstrap"


def test_a_block_beside_its_scenario_runs_resumes_and_is_read_again(command, tmp_path, monkeypatch):
    """The block stands in another folder than the bars and the command; a run that goes on gives the same bytes."""
    code, _, err = command("calibrate", "data/hours.csv", *FORMAT, "--no-fund", "--out", "scenarios/prices.toml")
    assert code == 0, err
    assert "hold no jumps, so jump_gap decides nothing" in err
    block = (tmp_path / "scenarios" / "prices.toml").read_text()
    prices = tomllib.loads(block)["prices"]
    assert (prices["model"], prices["bars"]) == (DEFAULT, "../data/hours.csv")
    assert prices["time_format"] == FORMAT[1]
    (tmp_path / "scenarios" / "day.toml").write_text(f"{HEAD}{block}\n{TAIL}")
    code, out, err = command("check", "scenarios/day.toml")
    assert code == 0, err
    assert 'bars = "../data/hours.csv"' in out
    assert "jump_gap = 1 is an upper bound" not in err

    run = ("run", "scenarios/day.toml", "--set", "run.paths=200", "--set", "run.gap=0.5", "--threads", 1)
    assert command(*run, "--out", "whole")[0] == 0
    assert "resampled history at filtered volatility" in (tmp_path / "whole" / "report.html").read_text("utf-8").lower()
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", 50_000)
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    loaded = stress.load_scenario("scenarios/day.toml", ["run.paths=200", "run.gap=0.5"])
    with pytest.raises(KeyboardInterrupt):
        stress.run(loaded, directory="parts", threads=1, progress=interrupt(60))
    assert command("run", "--resume", "parts.partial", "-q", "--no-report")[0] == 0
    whole, parts = files(tmp_path / "whole"), files(tmp_path / "parts")
    assert {name: whole[name] for name in parts if name != "manifest.json"} == {
        name: x for name, x in parts.items() if name != "manifest.json"
    }
    told = command("path", "parts", 3)
    assert told[0] == 0, told[2]
    assert command("path", "scenarios/day.toml", 3, "--set", "run.gap=0.5")[1] == told[1]


def test_a_scenario_that_calibrates_is_read_again_and_its_error_leaves_periods_out(command, tmp_path):
    text = (
        f'{HEAD}[prices]\nmodel = "{DEFAULT}"\ncalibrate = "../data/hours.csv"\ntime_format = "{FORMAT[1]}"\n\n{TAIL}'
    )
    (tmp_path / "scenarios" / "day.toml").write_text(text)
    few = ("--set", "run.gap=0.5", "--set", "run.redraws=5", "--error", "full", "--threads", 1)
    code, out, err = command("run", "scenarios/day.toml", *few, "--out", "run", "--no-report")
    assert code == 0, err
    assert "10 redraws of the calibration" in out + err
    row = re.search(r"^ +calibration +(.*)$", out, re.MULTILINE)
    assert row, out
    assert "not estimated" not in row[1]
    told = command("path", "run", 3)
    assert told[0] == 0, told[2]


def test_options_that_the_model_has_not_are_refused_in_one_line(command):
    code, out, err = command("calibrate", "data/hours.csv", *FORMAT, "--threshold", 0.02)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"Error: .*threshold: got 0.02, expected no threshold for filtered-bootstrap; .*kou.*\n", err)
    code, out, err = command("calibrate", "data/hours.csv", *FORMAT, "--cap", 0.9, "--no-fund")
    assert (code, tomllib.loads(out)["prices"]["cap"]) == (0, 0.9), err
