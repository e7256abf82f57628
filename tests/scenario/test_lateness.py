"""How late a fill is: what a scenario may say, and a range over delays where its bars hold no jumps."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest

import stress
from stress.analysis.study import REQUIRED_FUND
from stress.cli import main
from stress.cli.runs import _limited
from stress.runs import record as records
from stress.runs import run_directory, shape
from stress.scenario.lateness import DELAYS
from tests.conftest import ROOT
from tests.support.tiny import TINY, write_replay


def plain(text):
    """Text with plain spaces."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def bars_file(path):
    bars = stress.prices.Episode("2020-03-12-btc").bars
    columns = (bars.time, bars.open, bars.high, bars.low, bars.close)
    rows = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    path.write_text("\n".join(["time,open,high,low,close", *rows]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("late")
    bars_file(folder / "bars.csv")
    (folder / "tiny.toml").write_text(TINY)
    kou = TINY[TINY.index("[prices]") : TINY.index("[depth]")]
    text = TINY.replace(kou, '[prices]\nmodel = "bootstrap"\nbars = "bars.csv"\nmean_block = 20\ns0 = 60_000.0\n\n')
    depth = text[text.index("[depth]") : text.index("[fund]")]
    text = text.replace(depth, "").replace("paths = 40", "paths = 300").replace("200", "400")
    (folder / "history.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def history(folder):
    return stress.run(folder / "history.toml", directory=folder / "run", threads=1)


def test_one_of_gap_and_delay(folder):
    with pytest.raises(stress.InputError) as caught:
        stress.load_scenario(folder / "tiny.toml", ["run.gap=0.5", "run.delay=30s"])
    (problem,) = caught.value.problems
    assert problem.column == "run.delay"
    assert "run.gap" in problem.expected
    with pytest.raises(stress.InputError, match=r"run\.delays"):
        stress.load_scenario(folder / "tiny.toml", ["run.delay=30s", 'run.delays=["1s"]'])
    for wrong in ("run.delay=-1", "run.delay=soon", "run.delay=inf", "run.delays=[]", 'run.delays=["1s", "x"]'):
        with pytest.raises(stress.InputError, match=re.escape(wrong.split("=")[0])):
            stress.load_scenario(folder / "tiny.toml", [wrong])


def test_what_a_scenario_says_is_kept(folder):
    """Resolved, read again, the same; a design has it, and so does the hash."""
    plain = stress.load_scenario(folder / "tiny.toml")
    assert plain.resolved()["run"]["gap"] == 0.0
    assert "delay" not in plain.resolved()["run"]
    late = stress.load_scenario(folder / "tiny.toml", ["run.delay=30s"])
    assert late.resolved()["run"] == {
        "paths": 40, "horizon": 7200.0, "step": 60.0, "delay": 30.0, "jump_gap": 1.0
    }  # fmt: skip
    assert (late.build().design.delay, late.build().design.gap) == (30.0, 0.0)
    assert late.hash != plain.hash
    several = stress.load_scenario(folder / "tiny.toml", ['run.delays=["2min", "1s", 1]'])
    assert several.resolved()["run"]["delays"] == [1.0, 120.0]
    assert several.build().delays == (1.0, 120.0)
    assert several.build().design.delay == 120.0
    again = stress.Scenario.parse(several.resolved(), "again", folder)
    assert again.hash == several.hash


PRICES = {
    "replay": 'model = "replay"\nbars = "bars.csv"',
    "episode": 'model = "episode"\nname = "2020-03-12-btc"',
    "bootstrap": 'model = "bootstrap"\nbars = "bars.csv"\nmean_block = 20',
}


@pytest.mark.parametrize("model", PRICES)
def test_bars_without_jumps_are_run_at_the_stated_delays(model, folder):
    toml = (folder / "history.toml").read_text()
    prices = toml[toml.index("[prices]") : toml.index("[fund]")]
    toml = toml.replace(prices, f"[prices]\n{PRICES[model]}\n").replace("paths = 300\n", "").replace('"2h"', '"1h"')
    (folder / f"{model}.toml").write_text(toml)
    silent = stress.load_scenario(folder / f"{model}.toml").build()
    assert silent.delays == DELAYS
    notes = [plain(note) for note in silent.notes]
    assert any("range over delays" in note for note in notes)
    assert any("cannot tell a delay of 1 second, 10 seconds" in note for note in notes)
    said = stress.load_scenario(folder / f"{model}.toml", ["run.gap=0"]).build()
    assert (said.delays, said.design.gap, said.design.delay) == ((), 0.0, None)


def test_the_answer_is_the_range(history, folder):
    pairs = records.gap_pairs(history.gaps)
    assert [(p.gap, p.jump_gap) for p in pairs if not p.has_delay] == [(0.0, 0.0), (1.0, 1.0)]
    late = [p for p in pairs if p.has_delay]
    assert [p.delay for p in late] == list(DELAYS)
    assert [p.chosen for p in late] == [False, False, False, True]
    funds = {p.delay: p.estimate(REQUIRED_FUND, 0.2).value for p in late}
    assert funds[1.0] < funds[300.0]
    found = records.fund_ranges(history)
    assert [x.alpha for x in found] == [0.2, 0.01]
    assert found[0].least[1].value == min(funds.values())
    assert found[0].most[1].value == max(funds.values()) > 0
    alone = stress.run(folder / "history.toml", ["run.delay=60"], threads=1)  # a row is the run at its delay
    assert alone.result.required_fund(0.2).value == funds[60.0]
    assert records.fund_ranges(alone) == []


def test_a_run_directory_holds_delays(history, folder):
    again = run_directory.open_run(folder / "run")
    assert records.fund_ranges(again)[0].describe() == records.fund_ranges(history)[0].describe()
    assert again.result.config["gap"] is None
    assert again.result.config["delay"] == 300.0
    summary = json.loads((folder / "run" / "summary.json").read_text())
    jsonschema.validate(summary, json.loads((ROOT / "docs" / "summary.schema.json").read_text()))
    assert [row["alpha"] for row in summary["fund_range"]] == [0.2, 0.01]
    log = again.result.replay_path(int(again.result.paths["deficit"].idxmax()))
    assert -log.loc[(log["event"] == "liquidation") & (log["money"] < 0), "money"].sum() == pytest.approx(
        again.result.paths["deficit"].max()
    )


def test_a_table_of_other_delays_or_of_both_is_refused(history):
    config, delays = history.result.config, list(history.delays)
    shape.check_delays(history.gaps, delays, "gaps.csv")
    shape.check_gaps(history.gaps, config, "gaps.csv")
    with pytest.raises(stress.InputError, match="the delays of"):
        shape.check_delays(history.gaps[history.gaps["delay"] != 60.0], delays, "gaps.csv")
    with pytest.raises(stress.InputError, match="one of gap and delay"):
        shape.check_gaps(history.gaps.assign(gap=0.0), config, "gaps.csv")
    with pytest.raises(stress.InputError, match="the chosen one"):
        shape.check_gaps(history.gaps, config | {"delay": 60.0}, "gaps.csv")
    with pytest.raises(stress.InputError, match="one of gap and delay"):
        shape.check_config(config | {"gap": 0.0}, "config.json")


def test_terminal_and_report_show_the_range(folder, capsys, monkeypatch):
    from stress import report

    monkeypatch.setenv("COLUMNS", "160")
    with pytest.raises(SystemExit) as caught:
        main(["size", str(folder / "history.toml"), "--threads", "1", "--limit", "1"])
    assert caught.value.code == 1
    said = plain(capsys.readouterr().out)
    assert re.search(r"20 %: USD .* at a delay of 1 second, to USD .* at 5 minutes", said)
    assert said.count("these bars cannot tell") == 2
    assert "How late a fill is matters most" in said
    assert "chosen" not in said
    assert "at a delay of 5 minutes" in said
    page = report.render(run_directory.open_run(folder / "run"))
    assert page.count("these bars cannot tell") == 2
    assert "over delays of" in page


def test_the_error_in_full_is_shown_and_held_at_the_longest_delay(folder, capsys, monkeypatch):
    from stress import report

    monkeypatch.setenv("COLUMNS", "160")
    given = ["run.error=full", "run.redraws=5", "fund.alphas=[0.2]", "run.paths=200"]
    record = stress.run(folder / "history.toml", given, threads=1)
    total = record.budget[(record.budget["part"] == "total") & (record.budget["alpha"] == 0.2)]["high"].iloc[0]
    (over,) = records.fund_ranges(record)
    assert over.most[0].delay == 300.0
    assert total > over.most[1].high  # of the paths alone

    def size(limit):
        changes = [word for change in given for word in ("--set", change)]
        with pytest.raises(SystemExit) as caught:
            main(["size", str(folder / "history.toml"), "--threads", "1", *changes, "--limit", repr(float(limit))])
        return caught.value.code or 0, plain(capsys.readouterr().out)

    code, said = size(0.5 * (over.most[1].high + total))
    assert code == 1
    assert "Where the error comes from at a delay of 5 minutes" in said
    assert re.search(r"^ +total +USD", said, re.MULTILINE)
    assert "broken, the fund for 20 % at a delay of 5 minutes is up to" in said
    assert size(total)[0] == 0
    assert "Where the error comes from at a delay of 5" in report.render(record)

    # where the range reaches further than the total at the longest delay, the range is held
    wide = record.budget.assign(high=record.budget["high"].where(record.budget["part"] != "total", 1.0))
    assert _limited(replace(record, budget=wide))[0] == over.most[1].high


def test_a_replay_shows_its_range(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    path = write_replay(tmp_path)
    path.write_text(path.read_text().replace("gap = 0.5", ""))
    with pytest.raises(SystemExit) as caught:
        main(["size", str(path), "--threads", "1"])
    assert not caught.value.code
    said = plain(capsys.readouterr().out)
    assert "Over the delays" in said
    assert "5 minutes late" in said
