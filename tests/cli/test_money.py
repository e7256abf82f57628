"""Every command writes the money of an inverse contract in its coin, and refuses what mixes two monies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import stress
from stress import formatting
from stress.cli import main
from tests.support.tiny import TINY

PRESET = (Path(stress.__file__).parent / "venue/presets/binance.toml").read_text()  # rules that are compiled already
VENUE = PRESET.replace("[markets.BTCUSDT]", '[markets.BTCUSDT]\ncontract = "inverse"')
COIN = TINY.replace('preset = "binance"', 'file = "venue.toml"').replace("initial = 1e5", "initial = 3.0")
COMMANDS = {
    "size": ("size", "coin.toml", "--alpha", "0.3"),
    "sweep": ("sweep", "coin.toml", "fund.initial=1,3"),
    "tornado": ("tornado", "coin.toml", "--only", "prices.sigma=0.9..1.1"),
    "solve": ("solve", "coin.toml", "--vary", "fund.initial", "--until", "mean_deficit<=5"),
    "scenarios": ("scenarios", "coin.toml", "--episode", "2020-03-12-btc", "--battery"),
}
IN_USD = re.compile(r"USD [−\d]|, USD")
AT_START = re.compile(r"\(USD [\d.]+( [kMB])? at S_0\)")


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "coin.toml").write_text(COIN)
    (tmp_path / "venue.toml").write_text(VENUE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(capsys, *words):
    """Exit code, output and errors of a command."""
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    assert formatting.money_name() == "USD", "a command leaves its money to the next one"
    out, err = capsys.readouterr()
    return caught.value.code or 0, out.replace("\u00a0", " "), err.replace("\u00a0", " ")


@pytest.mark.parametrize("name", COMMANDS)
def test_amounts_are_in_the_coin(place, capsys, name):
    code, out, err = command(capsys, *COMMANDS[name])
    assert code == 0, err
    assert "BTC" in out
    assert not IN_USD.search(without_usd_at_start(out)), out


def without_usd_at_start(out: str) -> str:
    """The output without what it says to be USD at S_0: in brackets, and the last column of a table."""
    lines = AT_START.sub("", out).split("\n")
    if any(line.rstrip().endswith("USD at S_0") for line in lines):
        lines = [re.sub(r" {3,}USD [\d.]+( [kMB])?$", "", line.rstrip()) for line in lines]
    return "\n".join(lines)


def test_the_main_figures_stand_in_usd_at_the_start_too(place, capsys):
    code, out, err = command(capsys, *COMMANDS["size"])
    assert code == 0, err
    assert "A fund of BTC 3 (USD 180 k at S_0) is depleted" in out
    (needed,) = re.findall(r"^30 % +BTC ([\d.]+) .* USD ([\d.]+)( [kM])?$", out, re.MULTILINE)
    scale = {"": 1.0, " k": 1e3, " M": 1e6}[needed[2]]
    assert float(needed[1]) * scale == pytest.approx(60_000.0 * float(needed[0]), rel=0.01)


def test_impact_and_reverse_tell_money_from_notional(place, capsys):
    code, out, _ = command(capsys, "impact", "coin.toml", "--new", "bitmex:XBTUSD", "--no-fund")
    assert code == 0
    assert re.search(r"^maintenance margin +BTC \d", out, re.MULTILINE)
    assert re.search(r"^10x to 20x +\d+ +USD \d", out, re.MULTILINE)
    code, out, _ = command(capsys, "reverse", "coin.toml")
    assert code == 0
    assert "A fund of BTC 3 is emptied" in out
    assert re.search(r"^fall +no .* USD \d", out, re.MULTILINE)


def test_a_backtest_too(place, capsys):
    times = [f"2024-01-{day:02}T{hour:02}:00Z" for day in range(1, 13) for hour in range(24)]
    rows = [f"{time},100,103,{90 if i == 30 else 98},101" for i, time in enumerate(times)]
    (place / "bars.csv").write_text("\n".join(["time,open,high,low,close", *rows]))
    hourly = [f"--set=run.{key}" for key in ('horizon="1d"', 'step="1h"', "gap=1", "paths=20")]
    code, out, err = command(capsys, "backtest", "bars.csv", "--scenario", "coin.toml", "--alpha", "0.3", *hourly)
    assert code == 0, err
    assert re.search(r"2024-01-02 .* BTC \d", out), out
    assert not IN_USD.search(out), out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("impact", "coin.toml", "--new", "bitmex:XBTUSDT"), "expected tiers whose contract is inverse"),
        (("sweep", "coin.toml", "venue.market=BTCUSDT,ETHUSDT"), "expected a case whose money is BTC"),
    ],
)
def test_two_monies_are_refused(place, capsys, words, expected):
    code, _, err = command(capsys, *words)
    assert (code, expected in err) == (2, True), err


def test_two_runs_of_two_monies_are_not_compared(place, capsys):
    (place / "usd.toml").write_text(TINY)
    code, _, err = command(capsys, "compare", "coin.toml", "usd.toml")
    assert code == 2
    assert "a design whose money is that of coin.toml, BTC: this one's is USD" in err


@pytest.mark.parametrize("words", [("size", "--limit"), ("reverse", "--fund"), ("scenarios", "--fund")])
def test_options_of_money_do_not_say_usd_alone(capsys, words):
    code, out, _ = command(capsys, words[0], "--help")
    assert code == 0
    said = re.sub(r"\s+", " ", out).partition(f"{words[1]} AMOUNT")[2]
    assert "of an inverse contract in its coin" in said.partition(" --")[0]
