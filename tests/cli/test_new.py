"""`perp-stress new`: from files to a scenario that explains itself, and its answer; all of it or nothing."""

from __future__ import annotations

import json
import tomllib
from functools import partial

import pytest

import stress
from stress import simulation
from tests.support.command import caller
from tests.support.exports import POSITIONS, write_bars, write_positions, write_tiers


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command among made-up files: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    write_positions(tmp_path)
    write_tiers(tmp_path)

    return partial(caller(capsys), "new")


pytestmark = pytest.mark.filterwarnings("ignore::stress.book.columns.BookWarning")

FILES = ("--positions", "positions.csv", "--market", "BTC", "--out", "mine")
EPISODE = (*FILES, "--episode", "2025-10-10-btc")


def test_margins_hold_at_the_price_that_the_run_starts_from(command, tmp_path):
    """The last close, 30,000, is no mark of positions that were entered around 60,000 and include their profit."""
    write_bars(tmp_path)
    rows = ["account,coin,szi,entryPx,marginUsed", "a,BTC,1,60000,6000", "b,BTC,-1,60000,3000"]
    (tmp_path / "held.csv").write_text("\n".join(rows), encoding="utf-8")
    files = ("--positions", "held.csv", "--market", "BTC", "--out", "mine", "--venue", "binance")
    assert command(*files, "--bars", "bars.csv", "--no-run")[0] == 0
    built = stress.load_scenario(tmp_path / "mine" / "scenario.toml").build()
    assert built.design.s0 == 60_000.0
    assert built.design.book.margin.tolist() == [6_000.0, 3_000.0]
    assert "at the mark 60000" in (tmp_path / "mine" / "found.txt").read_text(encoding="utf-8")


def test_two_files_give_a_scenario_a_run_and_the_answer(command, tmp_path):
    write_bars(tmp_path)
    code, out, err = command(*FILES, "--venue", "binance", "--bars", "bars.csv", "--paths", 60)
    assert (code, "Error" in err) == (0, False)
    assert out.startswith("BTCUSDT-binance: 60 paths of 1 day in steps of 1 hour, 4 positions")
    assert "Your fund is not known: what others would be worth" in out
    assert out.rstrip().endswith("Report: mine/run/report.html")
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["found.txt", "run", "scenario.toml"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []

    text = (tmp_path / "mine" / "scenario.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    assert (raw["prices"]["model"], raw["prices"]["s0"]) == ("filtered-bootstrap", 60_012.5)
    assert (raw["book"]["file"], raw["prices"]["bars"]) == ("../positions.csv", "../bars.csv")
    assert (raw["book"]["imbalance"], raw["book"]["under_margin"]) == ("outside", "liquidate")
    assert raw["venue"] == {"preset": "binance", "market": "BTCUSDT"}
    assert (raw["run"]["step"], raw["run"]["paths"]) == (3_600.0, 60)
    assert "depth" not in raw
    assert raw["fund"]["initial"] == 0.0
    for reason in ("hold the impact", "is not guessed", "no venue publishes it", "Not fit for sizing a fund"):
        assert reason in " ".join(text.replace("\n# ", " ").split())

    found = (tmp_path / "mine" / "found.txt").read_text(encoding="utf-8")
    for said in (
        "positions.csv: 5 rows",
        "size (positionAmt)",
        "long                 2 positions, 2.2 coins, USD 132 k",
        "mark                 60,012.5; the run starts at 60,012.5",
        "bars.csv: 400 bars",
        "last close 30,000",
        "1 of 5 rows",
    ):
        assert said in found

    record = stress.open_run(tmp_path / "mine" / "run")
    assert record.result.replay_path(0)["time"].size > 0  # the files are where the run says
    what = [x.what for x in record.adjustments]
    assert "at or below their maintenance margin at 60,012.5 liquidated at step 1" in what
    assert "played at 60,012.5 in place of 30,000, times 2" in " ".join(what)
    assert json.loads((tmp_path / "mine" / "run" / "summary.json").read_text())["adjustments"]
    again = stress.run(tmp_path / "mine" / "scenario.toml")
    assert again.result.required_fund(0.01) == record.result.required_fund(0.01)


def test_a_fund_that_is_given_is_the_fund(command, tmp_path):
    code, out, _ = command(*EPISODE, "--venue", "binance", "--fund", 5_000)
    assert code == 0
    assert "Your fund is not known" not in out
    raw = tomllib.loads((tmp_path / "mine" / "scenario.toml").read_text(encoding="utf-8"))
    assert raw["fund"]["initial"] == 5_000.0
    assert raw["prices"] == {"model": "episode", "name": "2025-10-10-btc", "s0": 60_012.5}
    assert "paths" not in raw["run"]


def test_tiers_of_a_file_become_a_venue_beside_the_scenario(command, tmp_path):
    code, out, _ = command(*EPISODE, "--venue", "tiers.csv", "--no-run")
    assert code == 0
    assert "Report" not in out
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["found.txt", "scenario.toml", "venue.toml"]
    raw = tomllib.loads((tmp_path / "mine" / "scenario.toml").read_text(encoding="utf-8"))
    assert raw["venue"] == {"file": "venue.toml", "market": "BTCUSDT"}
    built = stress.load_scenario(tmp_path / "mine" / "scenario.toml").build()
    assert built.design.venue.tiers[0].maintenance_rate == 0.01
    assert built.design.s0 == 60_012.5


CROSS = POSITIONS.replace(",9000,10,a", ",100,10,a")
BAD = {
    "no bars": (("--venue", "binance"), None, ["--bars: expected a file of bars", "--episode NAME", "2025-10-10-btc"]),
    "bars and episode": (("--venue", "binance", "--bars", "b.csv", "--episode", "x"), None, ["--episode"]),
    "unknown episode": (("--venue", "binance", "--episode", "2025"), None, ["one of 2020-03-12-btc"]),
    "unknown venue": (("--venue", "binanse", "--episode", "2025-10-10-btc"), None, ["the nearest is 'binance'"]),
    "unknown market": (
        ("--venue", "binance", "--episode", "2025-10-10-btc", "--market", "XYZ"), None, ["positions.csv", "XYZ"]
    ),
    "negative fund": (
        ("--venue", "binance", "--episode", "2025-10-10-btc", "--fund", "-1"), None, ["'--fund': got '-1'"]
    ),
    "margins of cross positions": (
        ("--venue", "binance", "--episode", "2025-10-10-btc"), CROSS, ["margins that hold at the start, 60,012.5"]
    ),
    "no positions": (("--venue", "binance", "--episode", "2025-10-10-btc", "--positions", "no.csv"), None, ["no.csv"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_exit_code_2_and_leaves_nothing(name, command, tmp_path):
    options, positions, said = BAD[name]
    if positions is not None:
        write_positions(tmp_path, positions)
    before = sorted(p.name for p in tmp_path.iterdir())
    code, out, err = command(*FILES, *options)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    for text in said:
        assert text in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_place_that_holds_something_is_refused_before_the_work(command, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("mine")
    code, _, err = command(*EPISODE, "--venue", "binance")
    assert code == 2
    assert "--out mine: expected a new directory, or an empty one" in err
    assert (tmp_path / "mine" / "note.txt").read_text() == "mine"


def test_an_interruption_leaves_nothing(command, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "execute", interrupt)
    before = sorted(p.name for p in tmp_path.iterdir())
    code, out, err = command(*EPISODE, "--venue", "binance")
    assert (code, out) == (3, "")
    assert "Nothing was written" in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_folders_above_a_place_go_with_it_after_an_error(command, tmp_path):
    write_positions(tmp_path, "account,size\na,1\n")
    before = sorted(tmp_path.rglob("*"))
    code, _, _ = command(*EPISODE, "--venue", "binance", "--out", "deep/er/mine")
    assert code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_format_of_times_takes_bars(command, tmp_path):
    code, out, err = command(*EPISODE, "--venue", "binance", "--time-format", "dmy")
    assert (code, out, err) == (
        2, "", "Error: --time-format: got 'dmy', expected bars whose times it reads: --bars\n"
    )  # fmt: skip


INVERSE = """Symbol,Side,Size,Entry Price,Margin,Mark Price
XBTUSD,Buy,50000,60000,0.05,60500
XBTUSD,Sell,100000,61000,0.10,60500
XBTUSD,Buy,1000000,60400,0.5,60500
XBTUSD,Sell,1000000,60450,1.5,60500
ETHUSD,Buy,1000,3000,0.01,3050
"""


def test_positions_of_an_inverse_contract_have_their_fund_in_coins(command, tmp_path):
    (tmp_path / "inverse.csv").write_text(INVERSE)
    given = ("--positions", "inverse.csv", "--venue", "bitmex", "--episode", "2020-03-12-btc", "--out", "mine")
    code, _, err = command(*given)
    assert code == 2
    assert "inverse.csv, market: expected one market: --market, one of ETHUSD, XBTUSD" in err
    code, _, err = command(*given, "--market", "BTC")
    assert code == 2
    assert "got 'BTC', expected one of those that it may be: XBTUSDT, XBTUSD" in err
    code, out, _ = command(*given, "--market", "XBTUSD", "--fund", 0.01)
    assert code == 0
    assert "what happens with one of XBT 0.01" in out
    assert "4 of 4 rows read as contracts of 1 USD" in out
    scenario = stress.load_scenario(tmp_path / "mine" / "scenario.toml")
    assert (scenario.venue_object.money, scenario.fund.initial) == ("XBT", 0.01)
    assert scenario.venue_object.mechanics == {"closeout": "tiers"}
    text = (tmp_path / "mine" / "scenario.toml").read_text(encoding="utf-8")
    assert "initial = 0.01" in text
    assert "# XBT, as you said" in text
    found = stress.open_run(tmp_path / "mine" / "run").result
    assert 0 < found.paths["fund_needed"].iloc[0] < 1  # coins, not USD
