"""The command attack: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import pandas as pd

SMALL = ("--set", "crowd=60", "--set", "size=4M", "--set", "push=0.5", "--set", "hold=0")


def test_an_attack_and_a_defence_stand_side_by_side(command, tmp_path):
    code, out, err = command(
        "attack", "vault", *SMALL, "--defence", "vault=10k", "--out", "a.csv", "--picture", "a.png"
    )
    assert code == 0, err
    assert "Without a defence: the best way gains USD" in out
    assert "With vault=10k:" in out
    assert "it adds to zero" in out
    assert "exact given depth and rules" in out
    table = pd.read_csv(tmp_path / "a.csv")
    assert set(table["defence"]) == {"none", "vault=10k"}
    wealth = table[[name for name in table if name.startswith("wealth_")]]
    assert (wealth.sum(axis=1).abs() < 1e-2).all()
    assert (tmp_path / "a.png").stat().st_size > 1_000


def test_random_markets_print_intervals_and_caps_their_count(command):
    some = ("--set", "crowd=60", "--set", "size=1M,5M", "--set", "leverage=50", "--set", "push=0", "--paths", "30")
    code, out, _ = command("attack", "drain", *some, "--set", "position_cap=2M", "--seed", "3")
    assert code == 0
    assert "wait for a jump" in out
    assert " to " in out
    assert "1 ways are refused: position cap" in out
    assert "looks better than it is" in out


def test_bad_options_end_with_2(command):
    for options in (
        ("bribe",), ("drain", "--set", "colour=red"), ("drain", "--set", "size"), ("drain", "--defence", "mark=oracle"),
        ("drain", "--set", "size=-1"), ("drain", "--picture", "a.exe"),
    ):  # fmt: skip
        code, _, err = command("attack", *options)
        assert code == 2, options
        assert "Error: " in err, options
