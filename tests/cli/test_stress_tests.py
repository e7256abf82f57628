"""Commands of a stress test: what they print, in 80 columns, and what they leave on disk."""

from __future__ import annotations

import re

import pandas as pd
import pytest

import stress
from stress.cli import console
from stress.cli.stress_tests import moves_in_words, print_moves
from tests.support.command import caller
from tests.support.pair import write_pair
from tests.support.tiny import TINY

CRASH = ("--episode", "2020-03-12-btc", "--episode", "2020-03-13-btc")


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with two scenarios, on 80 columns: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console, "PIPE", 80)
    (tmp_path / "tiny.toml").write_text(TINY)
    write_pair(tmp_path)

    return caller(capsys)


def tables(text):
    """The lines of the tables: a rule, the heads above it, and the rows below it."""
    blocks = [block for block in text.split("\n\n") if "───" in block]
    assert blocks
    return [line for block in blocks for line in block.splitlines() if not line[:1].isupper()]


def test_the_worst_crash_comes_first_and_the_table_fits(command, tmp_path):
    code, out, err = command("scenarios", "tiny.toml", "--out", "found.csv", "--picture", "found.png")
    assert code == 0, err
    found = pd.read_csv("found.csv")
    assert len(found) == 24
    worst = found[found["told"]].loc[lambda table: table["fund_needed"].idxmax()]
    assert out.startswith(f"Worst: {worst['scenario']} (")
    assert max(map(len, tables(out))) <= 80
    for text in ("10 s*", "1 min", "cannot tell this delay", "without a probability", "hold the impact of real"):
        assert text in out
    assert re.search(r"^2020-03-12-btc +10 s\*", out, re.MULTILINE)
    assert re.search(r"^  −29 %, \+0 % +1 min ", out, re.MULTILINE)
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_gaps_depth_fund_and_quiet(command):
    code, out, err = command("scenarios", "tiny.toml", *CRASH, "--gap", "0.5", "--gap", "1", "--depth", "--fund", "5M")
    assert code == 0, err
    assert "with a fund of USD 5 M" in out
    assert "The same with the scenario's depth" in out
    assert "count the impact of those days' liquidations twice" in out
    assert max(map(len, tables(out))) <= 80
    code, out, err = command("scenarios", "tiny.toml", *CRASH, "--gap", "0.5", "--fund", "500k", "--quiet")
    assert code == 0, err
    assert out.splitlines()[0].startswith("scenario,title,kind,delay,gap,jump_gap,depth,fall,rise,")
    assert len(out.splitlines()) == 3


def test_the_battery_says_what_it_changed(command):
    code, out, err = command(
        "scenarios", "tiny.toml", *CRASH, "--gap", "1", "--battery", "--paths", 30, "--out", "x.csv"
    )
    assert code == 0, err
    assert max(map(len, tables(out))) <= 80
    assert re.search(r"^severe +P\(fund depleted\) +\d", out, re.MULTILINE)
    assert re.search(r"fund for 1 % +at least USD", out)
    assert "adverse: volatility x 1.5 (sigma); jumps x 1.25 (eta_up, eta_down); depth x 0.5; 70 % of" in out
    assert "Not changed: longs: a cap above" in out  # 200 accounts cannot hold it
    found = pd.read_csv("x-battery.csv")
    assert found["scenario"].unique().tolist() == ["baseline", "adverse", "severe"]
    assert (found.loc[found["unit"] != "USD", "high"] > 0).all()  # never a bare 0


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["--delay", "soon"], ["--delay", "'soon'", "30 min"]),
        (["--gap", "much"], ["--gap", "'much'"]),
        (["--fund", "much"], ["--fund", "5M"]),
        (["--picture", "x.doc"], ["--picture", "png"]),
        (["--episode", "2020-03-12"], ["2020-03-12-btc"]),
        (["--delay", "10s", "--gap", "1"], ["no gaps beside delays"]),
    ],
)
def test_what_cannot_be_read_is_said(command, tmp_path, arguments, texts):
    code, _, err = command("scenarios", "tiny.toml", *arguments, "--out", "x.csv")
    assert code == 2
    for text in texts:
        assert text in err
    assert not (tmp_path / "x.csv").exists()


def test_reverse_says_the_move_and_its_probability(command):
    code, out, err = command("reverse", "pair.toml", "--fund", "1k", "--paths", 2_000, "--out", "moves.csv")
    assert code == 0, err
    found = pd.read_csv("moves.csv")
    assert found["move"].tolist() == pytest.approx([56_000 / 60_000 - 1, 67_000 / 60_000 - 1])
    assert out.startswith("A fund of USD 1 k is emptied by one jump of the price, without a cascade")
    assert re.search(r"a fall of 6.67 % \(probability in 1 day: \d+\.?\d* %\) or a rise of 11.7 %", out)
    assert "need not empty the fund" in out
    assert re.search(r"^2020-03-12-btc +\d\.\d\d +−\d+ %", out, re.MULTILINE)
    assert max(map(len, tables(out))) <= 80


def test_a_probability_is_never_a_bare_zero(command):
    code, out, err = command("reverse", "pair.toml", "--set", "prices.sigma=0.01", "--paths", 100)
    assert code == 0, err
    assert "(probability in 1 day: below 3.62 %)" in out
    assert re.search(r"^fall +no +−6\.67 % .* none seen +below 3\.6 %", out, re.MULTILINE)


def test_a_direction_that_empties_nothing_is_said():
    one = {"cascade": False, "horizon": 60.0, "probability": 0.5, "probability_low": 0.4, "probability_high": 0.6}
    rows = [{"direction": "fall", "move": float("nan")}, {"direction": "rise", "move": 0.1}]
    text = moves_in_words(pd.DataFrame([one | row for row in rows]), 1e6).replace("\u00a0", " ")
    assert text.endswith("a rise of 10 % (probability in 1 minute: 50 %). No fall does.")
    nothing = pd.DataFrame([one | row | {"move": float("nan")} for row in rows])
    assert moves_in_words(nothing, 1e6).startswith("No jump of the price empties a fund")


def test_how_often_a_history_held_the_move_is_said(capsys):
    row = {
        "direction": "fall", "cascade": False, "move": -0.15, "liquidated": 3, "liquidated_notional": 1e6,
        "probability": 0.02, "probability_low": 0.01, "probability_high": 0.03, "paths": 500, "horizon": 86_400.0,
        "history_hits": 28, "history_windows": 1_852, "note": "",
    }  # fmt: skip
    print_moves(pd.DataFrame([row, row | {"direction": "rise", "history_hits": -1, "history_windows": 0}]), 1e6)
    text = capsys.readouterr().out.replace("\u00a0", " ")
    assert re.findall("History: .*", text) == ["History: 28 of 1,852 windows of 1 day hold a fall of 15 %."]


def test_positions_under_margin_empty_a_fund_before_the_price_moves():
    rows = [{"direction": d, "cascade": c, "move": -0.1 * (not c)} for c in (False, True) for d in ("fall", "rise")]
    found = pd.DataFrame(rows).assign(horizon=60.0, probability=1.0, probability_low=0.9, probability_high=1.0)
    text = moves_in_words(found, 10.0).replace("\u00a0", " ")
    assert text == "A fund of USD 10 is emptied before the price moves: by positions that are under margin."


def test_the_worst_path_of_a_run(command):
    assert command("run", "tiny.toml", "--no-report", "--out", "found", "--quiet")[0] == 0
    worst = int(stress.open_run("found").result.paths["fund_needed"].to_numpy().argmax())
    code, out, err = command("path", "found", "--worst", "--rows", 1)
    assert code == 0, err
    assert out.startswith(f"Path {worst} of 40 needs the largest fund: USD ")
    assert command("path", "found", worst, "--rows", 1)[1] == out.split("\n\n", 1)[1]
    for arguments in (("found",), ("found", "3", "--worst"), ("tiny.toml", "--worst")):
        code, _, err = command("path", *arguments)
        assert code == 2
        assert "--worst" in err
