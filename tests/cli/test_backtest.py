"""The command that holds a fund against a history."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tests.support.command import caller
from tests.support.tiny import TINY

SHAKY = {"paths": 200, "gap": 0.5, "jump_gap": 0.5}


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with bars and a scenario: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    rng = np.random.default_rng(5)
    move = 0.012 * rng.standard_t(3, 24 * 400)
    close = 100.0 * np.exp(np.cumsum(move))
    open_ = np.append(100.0, close[:-1])
    time = pd.date_range("2023-01-01", periods=close.size, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ")
    low, high = np.minimum(open_, close) * 0.998, np.maximum(open_, close) * 1.002
    bars = pd.DataFrame({"time": time, "open": open_, "high": high, "low": low, "close": close})
    bars.to_csv(tmp_path / "bars.csv", index=False)

    return caller(capsys)


def changes(**values):
    return [part for key, value in values.items() for part in ("--set", f"run.{key}={value}")]


def test_a_scenario_is_held_against_every_day(command, tmp_path):
    code, out, err = command(
        "backtest", "bars.csv", "--scenario", "tiny.toml", *changes(**SHAKY | {"horizon": '"1d"', "step": '"1h"'}),
        "--alpha", 0.1, "--out", "days.csv", "--picture", "days.png",
    )  # fmt: skip
    assert code == 0, err
    assert "400 days, 2023-01-01 to 2024-02-04" in out
    assert "does not say what its price model was fitted to" in out
    assert "at a gap of 0.5" in out
    days = pd.read_csv("days.csv")
    assert len(days) == 400
    shown = re.search(r"^at a gap of 0.5 +10 % +(?:at least )?USD.*?to.*?(\d+) +40 ", out, re.MULTILINE)
    assert shown, out
    assert 0 < int(shown[1]) <= (days["needed"] > 0).sum()
    assert (tmp_path / "days.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_is_fitted_to_the_first_part_and_each_delay_has_its_rows(command):
    some = ("--set", "run.paths=100", "--set", "population.accounts=200")
    late = ("--delay", "10min", "--delay", "2h")
    code, out, err = command("backtest", "bars.csv", *late, "--alpha", 0.1, *some)
    assert code == 0, err
    assert "Out of sample: filtered-bootstrap is fitted to the first 50 % of the bars, 2023-01-01T00:00:00Z to" in out
    assert "200 days, 2023-07-20 to 2024-02-04" in out
    rows = re.findall(r"^(10 minutes late\*|2 hours late) +10 %", out, re.MULTILINE)
    assert len(rows) == 2, out


def test_fills_at_the_trigger_are_no_test(command):
    code, _, err = command(
        "backtest", "bars.csv", "--scenario", "tiny.toml", *changes(horizon='"1d"', step='"1h"', gap=0)
    )
    assert code == 2
    assert "a delay or a gap" in err


def test_bad_options_are_reported_and_nothing_is_written(command, tmp_path):
    code, _, err = command("backtest", "bars.csv", "--train", 2, "--out", "days.csv")
    assert (code, "--train: got 2.0" in err) == (2, True)
    assert not (tmp_path / "days.csv").exists()
    code, _, err = command("backtest", "bars.csv", "--model", "tea-leaves")
    assert (code, "tea-leaves" in err) == (2, True)
    code, _, err = command("backtest", "nowhere.csv")
    assert (code, "nowhere.csv" in err) == (2, True)
    code, _, err = command("backtest", "bars.csv", "--scenario", "tiny.toml", "--picture", "days.exe")
    assert (code, "days.exe" in err) == (2, True)
