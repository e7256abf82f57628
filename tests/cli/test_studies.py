"""The commands sweep, tornado and solve: what they print, what they write, and what they refuse."""

from __future__ import annotations

import pandas as pd
import pytest

import stress
from stress.cli import main
from tests.support.tiny import TINY

INTEREST = "population.open_interest=100M,200M"


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(capsys, *words):
    """Exit code, output and errors of a command."""
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    out, err = capsys.readouterr()
    return caught.value.code or 0, out.replace("\u00a0", " "), err.replace("\u00a0", " ")


def test_sweep_prints_funds_with_errors_and_writes_the_table_of_the_library(place, capsys):
    code, out, _ = command(capsys, "sweep", "tiny.toml", INTEREST, "--alpha", "0.2", "--out", "t.csv")
    assert code == 0
    assert "Required fund for 20 %, USD" in out
    assert "Differences are those to population.open_interest = USD 200 M, on the same random numbers." in out
    found = stress.sweep("tiny.toml", {"population.open_interest": ["100M", "200M"]}, [0.2])
    written = pd.read_csv("t.csv")
    assert list(written) == list(found)
    numbers = found.select_dtypes("number").columns
    pd.testing.assert_frame_equal(written[numbers], found[numbers], check_exact=True)
    assert written["quantity"].tolist() == found["quantity"].tolist()
    assert max(map(len, out.splitlines())) <= 100


def test_two_keys_in_a_sweep_and_a_picture(place, capsys):
    words = ("sweep", "tiny.toml", INTEREST, "depth.usd=log:10M..40M:2", "--picture", "map.png", "--paths", "20")
    code, out, _ = command(capsys, *words)
    assert code == 0
    assert "USD 100 M" in out
    assert "USD 40 M" in out
    assert (place / "map.png").read_bytes().startswith(b"\x89PNG")
    first = (place / "map.png").read_bytes()
    assert command(capsys, *words)[0] == 0
    assert (place / "map.png").read_bytes() == first


def test_tornado_names_what_matters_and_what_cannot_be_told(place, capsys):
    words = (
        "tornado",
        "tiny.toml",
        "depth.usd=5M..80M",
        "venue.maintenance_scale=0.99..1.01",
        "--only",
        "--alpha",
        "0.2",
    )
    code, out, _ = command(capsys, *words, "--picture", "t.svg", "--out", "t.csv")
    assert code == 0
    assert "40 paths" in out
    table = pd.read_csv("t.csv")
    assert sorted(table["key"]) == ["depth.usd", "venue.maintenance_scale"]
    told = table.loc[table["swing_low"] > 0, "key"].tolist()
    assert ("The inputs that matter most: depth.usd (given)" in out) == ("depth.usd" in told)
    assert ("No effect that these paths can tell" in out) == (len(told) < 2)
    assert (place / "t.svg").read_text().startswith("<?xml")


def test_solve_prints_the_border_with_its_interval_and_what_was_tried(place, capsys):
    words = ("solve", "tiny.toml", "--vary", "fund.initial", "--until", "p_depleted <= 20 %", "--between", "1k..100M")
    code, out, _ = command(capsys, *words, "--out", "t.csv")
    assert code == 0
    found = stress.solve("tiny.toml", "fund.initial", "p_depleted <= 20 %", ("1k", "100M"))
    assert str(found).replace("\u00a0", " ") in out
    assert f"{len(found.tried)} values from USD 1 k to USD 100 M, 40 paths each, seed 3" in out
    assert "Note: the crowd is one draw (population.seed = 3)" in out
    assert len(pd.read_csv("t.csv")) == len(found.tried)
    code, out, _ = command(capsys, *words, "--quiet")
    assert (code, out.strip()) == (0, str(found).replace("\u00a0", " "))


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sweep", "tiny.toml", "fund.initial"), "KEY=A,B,..."),
        (("sweep", "tiny.toml", "fund.initial=1M", "fund.initial=2M"), "each key once"),
        (("sweep", "tiny.toml", "fund.initial=1M..x:3"), "LOW..HIGH"),
        (("sweep", "tiny.toml", "fund.initial=-1"), "sweep, fund.initial: got -1"),
        (("sweep", "tiny.toml", INTEREST, "--picture", "a.bmp"), "--picture: got 'a.bmp'"),
        (("sweep", "tiny.toml", INTEREST, "fund.initial=1M", "depth.usd=1M", "--picture", "a.png"), "one key or two"),
        (("tornado", "tiny.toml", "fund.initial=2M..1M"), "fund.initial: got '2M..1M'"),
        (("tornado", "tiny.toml", "--only"), "at least one range"),
        (("solve", "tiny.toml", "--vary", "fund.initial", "--until", "p <= 1"), "NAME <= BOUND"),
        (("solve", "tiny.toml", "--vary", "fund.initial", "--until", "p_adl <= 0.1", "--between", "5"), "--between"),
    ],
)
def test_bad_input_ends_with_one_error_and_nothing_written(place, capsys, words, expected):
    code, out, err = command(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert expected in err
    assert sorted(path.name for path in place.iterdir()) == ["tiny.toml"]


@pytest.mark.nojit
@pytest.mark.parametrize("name", ["sweep", "tornado", "backtest", "compare", "size"])
def test_a_probability_is_asked_for_in_one_way(place, capsys, name):
    code, out, err = command(capsys, name, "tiny.toml", "fund.initial=1M..2M", "--alpha", "200%")
    assert (code, out) == (2, "")
    assert "'--alpha': got '200%', expected a probability above 0 and below 1" in err


@pytest.mark.nojit
@pytest.mark.parametrize("name", ["new", "size", "scenarios", "reverse"])
def test_money_is_asked_for_in_one_way(place, capsys, name):
    option = "--limit" if name == "size" else "--fund"
    for wrong in ("-5M", "much", "1d", "inf", "nan"):
        code, out, err = command(capsys, name, *([] if name == "new" else ["tiny.toml"]), option, wrong)
        assert (code, out) == (2, "")
        assert f"'{option}': got '{wrong}', expected " in err


@pytest.mark.nojit
@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "no.json",
            '{"code": 1, "msg": "no"}',
            "got '1: no', expected records; this is an error that the venue answered",
        ),
        ("none.csv", "a,b\n1,2\n", "expected columns for rate (mmr, "),
        ("none.csv", "a,b\n1,2\n", "the columns are a, b; all titles: perp-stress columns tiers"),
        ("gone.csv", None, "'gone.csv', expected a file, and there is none here"),
    ],
)
def test_a_fault_of_a_file_of_tiers_is_told_once(place, capsys, name, content, expected):
    if content is not None:
        (place / name).write_text(content)
    code, out, err = command(capsys, "impact", "tiny.toml", "--new", name)
    assert (code, out) == (2, "")
    assert expected in err
    assert len(err.splitlines()) == 1


@pytest.mark.nojit
def test_one_design_is_none_to_compare(place, capsys):
    code, out, err = command(capsys, "compare", "tiny.toml")
    assert (code, out, err) == (2, "", "Error: compare: got 'tiny.toml', expected two designs or more\n")


@pytest.mark.nojit
@pytest.mark.parametrize("name", ["new", "sweep", "tornado", "scenarios", "run"])
def test_paths_are_whole_and_at_least_one(place, capsys, name):
    for wrong in ("0", "1.5", "-1", "many", "inf"):
        code, out, err = command(capsys, name, "tiny.toml", "--paths", wrong)
        assert (code, out) == (2, "")
        assert f"'--paths': got '{wrong}', expected a" in err
