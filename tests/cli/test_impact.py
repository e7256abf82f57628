"""perp-stress impact: a book by old and by new tiers; and venues import, which says which unit it took."""

from __future__ import annotations

import csv
import json
import re

import pytest

from tests.support.command import caller
from tests.support.tiny import TINY

NEW = (
    'symbol,min_notional,max_notional,mmr,max_leverage\nBTC-USDT,0,"300,000",0.8%,75x\n'
    'BTC-USDT,"300,000","3,000,000",1.5%,50x\nBTC-USDT,"3,000,000",,3%,20x\n'
)
POSITIONS = """account,market,side,size,entry_price,margin
"=safe, long name of an account",BTCUSDT,long,2,60000,40000
b,BTCUSDT,short,1,60000,400
c,BTCUSDT,short,1,60000,900
"""


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with a scenario, positions and tiers: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"tiny.toml": TINY, "new.csv": NEW, "positions.csv": POSITIONS}.items():
        (tmp_path / name).write_text(text)

    return caller(capsys)


def test_positions_by_old_and_new_tiers(command, tmp_path):
    """Of 60,000 the old tiers ask 240 and the new ones 480: b, with 400, is liquidated at once."""
    code, out, err = command(
        "impact", "positions.csv", "--old", "binance:BTCUSDT", "--new", "new.csv", "--price", 60_000, "--out", "o.csv"
    )
    assert code == 0
    assert out.startswith("3 positions at 60,000, tiers of binance BTCUSDT against new.csv BTC-USDT\n")
    assert re.search(r"^at or below maintenance margin +none +1 +1", out, re.MULTILINE)
    assert re.search(r"^maintenance margin +USD 960 +USD 1.92 k +USD \+960", out, re.MULTILINE)
    assert "Liquidated at once: 1 position of USD 60 k" in out
    assert "their deficit is USD 0; USD 80 of margin would keep them" in out
    assert re.search(r"^b +short +USD 60 k +150x +USD 400 +USD 480", out, re.MULTILINE)
    assert "read in USD of notional" in out
    assert "Warning: o.csv" in err  # of a name that a spreadsheet takes for a formula
    rows = list(csv.DictReader((tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["liquidated_new"] for row in rows] == ["False", "True", "False"]
    assert [float(row["maintenance_new"]) for row in rows] == [960, 480, 480]


def test_a_scenario_by_old_and_new_tiers(command):
    code, out, _ = command("impact", "tiny.toml", "--new", "new.csv")
    assert code == 0
    assert out.startswith("200 positions at 60,000, tiers of binance BTCUSDT against new.csv BTC-USDT\n")
    fund = out[out.index("The fund by old and by new tiers") :]
    assert re.search(r"^fund for 20 % +USD [\d.]+ [kM]? +USD", fund, re.MULTILINE)
    assert re.search(r"\(USD −.* to [−+\d]", fund)  # the interval of a paired difference
    tables = [line for line in out.splitlines() if "  " in line or "──" in line]
    assert max(map(len, tables)) <= 80


def test_the_same_tiers_make_no_difference(command):
    code, out, _ = command("impact", "tiny.toml", "--new", "binance:BTCUSDT", "--paths", 20)
    assert code == 0
    assert "The new tiers liquidate nobody at once." in out
    assert re.search(r"mean deficit +(\S+ \S+ \S+) +\1 +USD 0", out)


def test_without_the_fund(command):
    code, out, _ = command("impact", "tiny.toml", "--new", "new.csv", "--old", "okx:BTCUSDT", "--no-fund")
    assert code == 0
    assert "tiers of okx BTCUSDT against" in out
    assert "The fund" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["positions.csv", "--new", "new.csv"], ["--old: expected the old tiers"]),
        (
            ["positions.csv", "--new", "new.csv", "--old", "binance"],
            ["--price: expected a mark price, which positions"],
        ),
        (
            ["positions.csv", "--new", "new.csv", "--old", "binance", "--price", "1", "--seed", "2"],
            ["--seed: got 2, expected a scenario file"],
        ),
        (["tiny.toml", "--new", "new.csv", "--price", "5"], ["--price: got 5.0, expected none beside a scenario"]),
        (
            ["tiny.toml", "--new", "new.csv", "--market", "ETH"],
            ["--market: got 'ETH', expected none beside a scenario"],
        ),
        (["tiny.toml", "--new", "absent.csv"], ["absent.csv"]),
        (["tiny.toml", "--new", "new.csv:ETH"], ["one of BTC-USDT"]),
    ],
)
def test_refused(command, arguments, said):
    code, out, err = command("impact", *arguments)
    assert (code, out) == (2, "")
    assert all(text in err for text in said)
    assert "Traceback" not in err


def test_import_says_which_unit_it_took(command, tmp_path):
    row = {"tier": "1", "instFamily": "BTC-USDT", "minSz": "0", "maxSz": "5000", "mmr": "0.004", "maxLever": "100"}
    (tmp_path / "okx.json").write_text(json.dumps({"code": "0", "data": [row]}))
    code, out, err = command("venues", "import", "okx.json")
    assert (code, out) == (2, "")
    assert "expected --contract-size" in err
    code, out, err = command("venues", "import", "okx.json", "--contract-size", 0.01)
    assert code == 0
    assert "okx.json: 1 tier read in contracts of 0.01 coins" in err
    assert "# okx.json: 1 tier read in contracts of 0.01 coins" in out
    assert 'tier_basis = "quantity"' in out
    assert "[0, 50, 100, 0.004]" in out
    assert command("venues", "import", "okx.json", "--unit", "coins")[1].count("[0, 5_000, 100, 0.004]") == 1
