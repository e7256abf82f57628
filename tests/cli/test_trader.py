"""Commands of one position and of moves: what they print and leave, and bad input."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.support import one_tier
from tests.support.command import caller


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one_tier.write(tmp_path)
    return caller(capsys)


def test_a_position_is_answered_in_words_and_in_a_table(command, tmp_path):
    code, out, err = command(
        "trader", "--scenario", "linear.toml", "--side", "short", "--leverage", "20", "--notional", "20k",
        "--paths", "60", "--out", "t.csv", "--picture", "t.png",
    )  # fmt: skip
    assert code == 0, err
    for text in (
        "Short USD 20 k at 20x",
        "Fund: USD 1 M",
        "as given",
        "P(ADL)",
        "of 5 lights",
        "Varied",
        "Depth: none",
    ):
        assert text in out
    assert "For other funds" not in out
    assert pd.read_csv("t.csv")["quantity"].iloc[0] == "P(liquidated)"
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


def test_a_curve_of_moves(command, tmp_path):
    code, out, err = command("moves", "linear.toml", "--paths", "100", "--out", "m.csv", "--picture", "m.svg")
    assert code == 0, err
    assert "Falls, at infinite depth" in out
    assert "ADL begins at −" in out
    table = pd.read_csv("m.csv")
    assert set(table["direction"]) == {"fall", "rise"}
    assert "<svg" in (tmp_path / "m.svg").read_text()


def test_all_that_is_wrong_is_said_and_nothing_is_run(command):
    code, out, err = command(
        "trader", "--side", "up", "--leverage", "0", "--notional", "x", "--stop", "-1", "--venue", "b"
    )
    assert code == 2
    assert out == ""
    for text in ("venue: got 'b'", "side: got 'up'", "leverage: got '0'", "notional: got 'x'", "stop: got '-1'"):
        assert text in err
