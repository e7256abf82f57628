"""A scenario file: what it says, what is wrong with it, what it stands for."""

from __future__ import annotations

import os
import tomllib

import numpy as np
import pytest

from stress import serialize
from stress.errors import InputError
from stress.scenario.scenario import load_scenario
from tests.support.tiny import BARS, POSITIONS, TINY, write_replay

pytestmark = pytest.mark.nojit


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def problems(path, *overrides, build=False):
    def make():
        scenario = load_scenario(path, overrides)
        return scenario.build() if build else scenario

    with pytest.raises(InputError) as caught:
        make()
    return {p.column: p for p in caught.value.problems}


def test_what_the_file_says_is_what_is_built(tiny):
    run = load_scenario(tiny).build().design
    assert (run.n_paths, run.n_steps, run.step) == (40, 120, 60.0)
    assert (run.gap, run.jump_gap, run.fund, run.seed) == (0.0, 1.0, 1e5, 3)
    assert run.depth.passthrough == 0.5
    assert run.depth.usd == 2e7
    assert len(run.book) == 200
    assert run.book.open_interest(run.prices.s0) == pytest.approx(2e8)
    assert run.venue.market == "BTCUSDT"
    assert run.prices.describe()["intensity"] == 3000.0


def test_defaults_are_those_of_the_model(tmp_path):
    text = TINY.replace('paths = 40\nhorizon = "2h"\nstep = "1min"\n', "").replace("alphas = [0.2, 0.01]\n", "")
    path = tmp_path / "plain_name.toml"
    path.write_text(text.replace('name = "tiny"\nseed = 3\n', ""))
    scenario = load_scenario(path)
    assert (scenario.name, scenario.seed) == ("plain_name", 0)
    assert scenario.resolved()["run"] == {
        "paths": 10_000, "horizon": 86_400.0, "step": 60.0, "gap": 0.0, "jump_gap": 1.0
    }  # fmt: skip
    assert scenario.fund.alphas == (0.01, 0.001)


def test_every_problem_is_said_at_once(tmp_path):
    path = tmp_path / "bad.toml"
    text = TINY.replace("paths = 40", "paths = -40\npathes = 3").replace("[0.2, 0.01]", "[1.5]")
    text = text.replace("sigma = 1.0", "sigma = -1.0\nsigmma = 2.0").replace("usd = 2e7", "usd = 0.0")
    text = text.replace("accounts = 200", "accounts = 200\nlong_shere = 0.4").replace("BTCUSDT", "BTCUSD")
    path.write_text(text + "\n[dept]\nusd = 1.0\n")
    found = problems(path)
    assert set(found) == {
        "run.paths", "run.pathes", "fund.alphas", "prices.sigma", "prices.sigmma", "depth.usd", "population.long_shere",
        "venue.market", "dept",
    }  # fmt: skip
    assert all(p.where == "bad.toml" for p in found.values())
    assert found["run.paths"].value == -40
    assert "1 or more" in found["run.paths"].expected
    assert "'paths'" in found["run.pathes"].expected
    assert found["fund.alphas"].value == 1.5
    assert "probability" in found["fund.alphas"].expected
    assert "'sigma'" in found["prices.sigmma"].expected
    assert "'long_share'" in found["population.long_shere"].expected
    assert "'BTCUSDT'" in found["venue.market"].expected
    assert "'depth'" in found["dept"].expected


@pytest.mark.parametrize(
    ("override", "column", "expected"),
    [
        ("run.gap=1.5", "run.gap", "a share from 0 to 1"),
        ("run.gap=nan", "run.gap", "a share from 0 to 1"),
        ("run.paths=1.5", "run.paths", "a whole number"),
        ("run.paths=true", "run.paths", "a whole number"),
        ("run.horizon=1y", "run.horizon", "a duration"),
        ("run.horizon=-60", "run.horizon", "a finite duration above 0"),
        ("run.step=0", "run.step", "a finite duration above 0"),
        ("fund.initial=-1", "fund.initial", "USD, 0 or more"),
        ("fund.initial=inf", "fund.initial", "USD, 0 or more"),
        ("fund.alphas=[]", "fund.alphas", "at least one"),
        ("fund.alphas=0.1", "fund.alphas", "a list"),
        ("seed=-1", "seed", "a whole number from 0"),
        ("name=../up", "name", "letters, digits"),
        ("venue.preset=binanc", "venue.preset", "'binance'"),
        ("venue.score=luck", "venue.score", "pnl_leverage"),
        ("venue.file=x.toml", "venue", "exactly one of preset and file"),
        ("population.mix=retial", "population.mix", "retail"),
        ("population.accounts=1", "population.accounts", "greater than or equal to 2"),
        ("population.max_share=1e-9", "population", "consistent parameters"),
        ("prices.model=ko", "prices.model", "kou"),
        ("prices.s0=0", "prices.s0", "> 0"),
        ("depth.passthrough=1.1", "depth.passthrough", "from 0 to 1"),
        ("depth.half_life=soon", "depth.half_life", "a duration"),
        ("population=none", "population", "exactly one"),
        ("run.usd=3", "run.usd", "this key in [depth]"),
        ("run=3", "run", "a table"),
        ("pathes=3", "pathes", "known key"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(tiny, override, column, expected):
    found = problems(tiny, override)
    assert column in found
    assert expected in found[column].expected
    assert found[column].where == "--set" or column in ("venue", "population")


def test_what_only_a_built_run_can_tell(tiny):
    assert "multiple of 60" in problems(tiny, "run.horizon=90s", build=True)["run.horizon"].expected
    found = problems(tiny, "venue.reserve=2e5", build=True)["fund.initial"]
    assert found.where == "tiny.toml"
    assert "200,000" in found.expected


def test_a_missing_table_and_a_missing_key(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text('[venue]\nmarket = "BTCUSDT"\n[prices]\ns0 = 1.0\n[population]\naccounts = 10\n')
    found = problems(path)
    assert found["fund"].expected == "this table, [fund]"
    assert "required" in found["prices.model"].expected
    assert "required" in found["population.mix"].expected
    assert found["venue"].expected == "exactly one of preset and file"


@pytest.mark.parametrize(("text", "word"), [("a = = 1", "TOML"), (None, "readable")])
def test_a_file_that_is_no_scenario(tmp_path, text, word):
    path = tmp_path / "odd.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=word):
        load_scenario(path)


@pytest.mark.parametrize("text", ["run.paths", "=3", "run..paths=3"])
def test_an_override_without_key_or_value(tiny, text):
    with pytest.raises(InputError, match=r"--set: .*section\.key=value"):
        load_scenario(tiny, [text])


def test_overrides_read_toml_or_else_text(tiny):
    changes = ["run.paths=1e3", "run.horizon=90min", "name=2020-03-12", "venue.market=ETHUSDT", "depth=none",
               "fund.alphas=[0.5]", "venue.score=profit", "seed=5"]  # fmt: skip
    scenario = load_scenario(tiny, changes)
    assert (scenario.run.paths, scenario.run.horizon) == (1000, 5400.0)
    assert (scenario.name, scenario.venue.market, scenario.seed) == ("2020-03-12", "ETHUSDT", 5)
    assert scenario.depth is None
    assert scenario.fund.alphas == (0.5,)
    assert scenario.venue_object.score == "profit"


def test_a_changed_rule_says_that_the_scenario_changed_it(tiny):
    venue = load_scenario(tiny, ["venue.score=profit", "venue.settlement=bankruptcy"]).venue_object
    sources = {figure.name: figure.source for figure in venue.figures}
    assert sources["score"] == "the scenario"
    assert sources["settlement"] != "the scenario"  # it is the preset's own value


def test_none_takes_a_drawdown_rule_away(tiny):
    venue = load_scenario(tiny, ["venue.preset=bybit"]).venue_object
    assert venue.drawdown == 0.3
    without = load_scenario(tiny, ["venue.preset=bybit", "venue.drawdown=none"]).venue_object
    assert without.drawdown is None
    assert without.drawdown_window is None


def test_resolved_is_a_scenario_that_resolves_to_itself(tiny, tmp_path):
    changes = ["venue.preset=bybit", "population.leverage={ 5 = 1, 20 = 3 }", "depth.half_life=inf"]
    first = load_scenario(tiny, changes)
    resolved = first.resolved()
    assert resolved["venue"]["drawdown"] == 0.3
    assert resolved["population"]["holding_days"] == 1.0
    assert resolved["prices"]["drift"] == 0.0
    assert resolved["depth"]["max_displacement"] == 0.9
    again = tmp_path / "again.toml"
    again.write_text(serialize.to_toml(resolved))
    second = load_scenario(again)
    assert second.resolved() == resolved
    assert second.hash == first.hash
    assert second.build().design.book.digest() == first.build().design.book.digest()
    assert second.venue_object == first.venue_object
    assert second.spec.sources == first.spec.sources


def test_the_hash_is_of_content_not_of_place(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = (load_scenario(write_replay(tmp_path / name)) for name in ("a", "b"))
    assert first.hash == second.hash
    assert first.inputs["book.file"]["path"] != second.inputs["book.file"]["path"]
    (tmp_path / "b" / "positions.csv").write_text(POSITIONS.replace("4000", "4001"))
    assert load_scenario(tmp_path / "b" / "crash.toml").hash != first.hash
    assert load_scenario(tmp_path / "a" / "crash.toml", ["run.gap=0.4"]).hash != first.hash


def test_files_are_beside_the_scenario_and_those_of_overrides_here(tmp_path, monkeypatch):
    folder, here = tmp_path / "there", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    path = write_replay(folder)
    monkeypatch.chdir(here)
    assert load_scenario(path).build().design.n_steps == 3
    (here / "bars.csv").write_text(BARS[: BARS.index("2020-03-12T10:02")])
    assert load_scenario(path, ["prices.bars=bars.csv"]).build().design.n_steps == 2


def test_a_replay_has_the_paths_and_the_steps_of_its_bars(tmp_path):
    path = write_replay(tmp_path)
    resolved = load_scenario(path).resolved()
    assert resolved["run"] == {"paths": 1, "horizon": 180.0, "step": 60.0, "gap": 0.5, "jump_gap": 1.0}
    assert resolved["prices"] == {
        "model": "replay", "s0": 7300.0, "scale": 1.0, "gaps": "error", "speed": 1.0, "bars": "bars.csv"
    }  # fmt: skip
    assert load_scenario(path, ["run.horizon=2min"]).build().design.n_steps == 2
    found = problems(path, "run.paths=5", "run.step=30s", "run.horizon=1h", build=True)
    assert set(found) == {"run.paths", "run.step", "run.horizon"}


def test_an_episode_is_one_path_and_a_bootstrap_has_the_step_of_its_bars(tmp_path, monkeypatch):
    path = write_replay(tmp_path)
    crash = load_scenario(path, ["prices={ model = 'episode', name = '2020-03-12-btc' }"])
    assert crash.resolved()["run"]["paths"] == 1
    close = 7300.0 + 10.0 * np.sin(np.arange(400.0))
    monkeypatch.chdir(tmp_path)
    rows = [f"{1_600_000_000 + 300 * i},{c},{c},{c},{c}" for i, c in enumerate(close.tolist())]
    (tmp_path / "bars.csv").write_text("\n".join(["time,open,high,low,close", *rows]))
    resampled = load_scenario(path, ["prices={ model = 'bootstrap', bars = 'bars.csv', mean_block = 3 }"])
    assert resampled.resolved()["run"] | {"gap": 0.0} == {
        "paths": 10_000, "horizon": 86_400.0, "step": 300.0, "gap": 0.0, "jump_gap": 1.0
    }  # fmt: skip


def test_a_replay_without_bars_says_what_to_give(tmp_path):
    path = write_replay(tmp_path)
    path.write_text(path.read_text().replace('bars = "bars.csv"\n', ""))
    found = problems(path)["prices.bars"]
    assert "--set prices.bars=FILE" in found.expected


def test_problems_of_files_keep_their_row_and_get_the_place(tmp_path):
    path = write_replay(tmp_path)
    (tmp_path / "positions.csv").write_text(POSITIONS.replace(",20,7300", ",x,7300"))
    (tmp_path / "bars.csv").write_text(BARS.replace("6590", "6950"))
    with pytest.raises(InputError) as caught:
        load_scenario(path).build()
    text = str(caught.value)
    assert "crash.toml, prices: bars.csv, row 4, low: got '6950'" in text
    (tmp_path / "bars.csv").write_text(BARS)
    with pytest.raises(InputError, match=r"crash\.toml, book: positions\.csv, row 3, size: got 'x'"):
        load_scenario(path).build()


def test_bars_to_calibrate_from_become_parameters(tmp_path):
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_t(3, size=3000)))
    stamps = 1_600_000_000 + 3600 * np.arange(close.size)
    rows = [f"{t},{c},{c},{c},{c}" for t, c in zip(stamps, close.tolist(), strict=True)]
    (tmp_path / "hours.csv").write_text("\n".join(["time,open,high,low,close", *rows]))
    path = tmp_path / "fit.toml"
    start, end = TINY.index("[prices]"), TINY.index("[depth]")
    path.write_text(TINY[:start] + '[prices]\nmodel = "kou"\ncalibrate = "hours.csv"\n\n' + TINY[end:])
    scenario = load_scenario(path)
    resolved = scenario.resolved()["prices"]
    assert resolved["s0"] == pytest.approx(close[-1])
    assert resolved["eta_up"] > 1
    assert resolved["provenance"]["source"] == "hours.csv"
    assert resolved["provenance"]["fit_for_sizing"]["fit"] is False
    assert resolved["provenance"]["judged"]
    assert "calibrate" not in resolved
    assert list(scenario.inputs) == ["prices.calibrate"]
    assert "with calibrate, one of" in problems(path, "prices.sigma=0.5", build=True)["prices.sigma"].expected


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["prices.provenance.fit_for_sizing=false", 'prices.provenance.reasons=["too calm"]'],
            "not fit for sizing a fund (too calm)",
        ),
        (["prices.provenance.jump_gap=[0.0, 0.5]"], "jump_gap = 1 is an upper bound"),
        (
            ['prices.provenance.fit_for_sizing={fit=false, days=7.0}', 'prices.provenance.reasons=["7 days"]'],
            "not fit for sizing a fund (7 days)",
        ),
        (
            ["prices.provenance.fit_for_sizing={fit=true, probability=0.02}", "fund.alphas=[0.01]"],
            "support a fund for 2\u00a0% of days or more",
        ),
        (["depth=none"], "there is no cascade"),
        (["depth.passthrough=1.0"], "upper bound of the cascade"),
        (["venue.preset=bybit"], "30\u00a0% below its peak of the last 8\u00a0hours"),
        (["venue.reserve=5e4"], "keep USD\u00a050\u00a0k in the fund"),
    ],
)  # fmt: skip
def test_notes_say_what_the_answer_hangs_on(tiny, overrides, said):
    assert any(said in note for note in load_scenario(tiny, overrides).build().notes)


def test_a_replay_with_depth_counts_impact_twice(tmp_path):
    notes = load_scenario(write_replay(tmp_path), ["depth.usd=1e6"]).build().notes
    assert any("counted twice" in note for note in notes)
    assert not any("counted twice" in note for note in load_scenario(tmp_path / "crash.toml").build().notes)


def test_toml_that_is_written_reads_back_as_it_was():
    table = {
        "a": 1, "b": 0.1, "c": True, "d": 'say "ä"\n', "e": [1.0, 2.0], "none": None,
        "f": {"x y": 1.5, "g": {"leverage": {"5": 0.5}, "rows": [{"move": 0.01, "n": 3}] * 6}},
    }  # fmt: skip
    read = tomllib.loads(serialize.to_toml(table))
    assert read == {k: v for k, v in table.items() if k != "none"}


def test_json_keeps_what_json_cannot_say():
    value = {"cap": float("inf"), "low": float("-inf"), "list": [1.5, {"x": "inf"}]}
    assert serialize.loads(serialize.dumps(value)) == value
    assert np.isnan(serialize.loads(serialize.dumps({"x": float("nan")}))["x"])
    row = serialize.finite({"high": float("inf"), "se": float("nan"), "low": 1.0, "note": ""})
    assert row == {
        "high": None, "high_reason": "no upper end", "se": None, "se_reason": "not defined by this run", "low": 1.0,
        "note": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("override", "column", "said"),
    [
        ('fit_for_sizing="no"', "fit_for_sizing", "got 'no', expected true or false"),
        ("fit_for_sizing=0", "fit_for_sizing", "got 0, expected true or false"),
        ("fit_for_sizing=[]", "fit_for_sizing", "got [], expected true or false"),
        ("fit_for_sizing={fit=true}", "fit_for_sizing", "the smallest `probability` it supports"),
        ("fit_for_sizing={fit=true, probability=2.0}", "fit_for_sizing", "the smallest `probability` it supports"),
        ("fit_for_sizing={fit=0, probability=0.1}", "fit_for_sizing", "or a record of `fit`"),
        ('reasons="too calm"', "reasons", "got 'too calm', expected a list"),
        ("reasons=[5]", "reasons", "got 5, expected text"),
        ('notes="a"', "notes", "got 'a', expected a list"),
        ("jump_gap=0.5", "jump_gap", "got 0.5, expected a list"),
        ("jump_gap=[0.5]", "jump_gap", "got [0.5], expected two shares from 0 to 1, the smaller one first"),
        ("jump_gap=[0.1, 0.2, 0.3]", "jump_gap", "expected two shares from 0 to 1, the smaller one first"),
        ("jump_gap=[0.5, 0.1]", "jump_gap", "expected two shares from 0 to 1, the smaller one first"),
        ("jump_gap=[0.5, 1.5]", "jump_gap", "got 1.5, expected a share from 0 to 1"),
        ("jump_gap=[nan, 0.5]", "jump_gap", "got nan, expected a share from 0 to 1"),
        ('jump_gap=["a", "b"]', "jump_gap", "expected a number"),
    ],
)
def test_provenance_is_checked(tiny, override, column, said):
    """A word such as "no" must not count as fit for sizing."""
    found = problems(tiny, f"prices.provenance.{override}")
    assert set(found) == {f"prices.provenance.{column}"}
    assert said in str(found[f"prices.provenance.{column}"])


def test_provenance_that_is_no_table(tiny):
    assert "expected a table" in str(problems(tiny, "prices.provenance=5")["prices.provenance"])


def test_provenance_keeps_what_it_has(tiny):
    given = ["fit_for_sizing=true", "jump_gap=[0, 1]", 'notes=["a"]', 'author="b"', "errors.sigma=0.1"]
    scenario = load_scenario(tiny, [f"prices.provenance.{text}" for text in given])
    assert scenario.resolved()["prices"]["provenance"] == {
        "fit_for_sizing": True, "jump_gap": [0, 1], "notes": ["a"], "author": "b", "errors": {"sigma": 0.1}
    }  # fmt: skip
    assert "provenance" not in load_scenario(tiny).resolved()["prices"]


DAYS = "time,open,high,low,close\n20200311,7900,8000,7300,7310\n20200312,7310,7400,4800,4900\n"


def test_a_replay_of_days_that_are_numbers(tmp_path):
    path = write_replay(tmp_path)
    (tmp_path / "bars.csv").write_text(DAYS)
    with pytest.raises(InputError, match="'yyyymmdd' reads 2020-03-11T00:00:00"):
        load_scenario(path).build()
    scenario = load_scenario(path, ["prices.time_format=yyyymmdd"])
    assert scenario.build().design.step == 86_400.0
    assert scenario.resolved()["prices"]["time_format"] == "yyyymmdd"
    assert load_scenario(path, ["prices.time_format=seconds"]).build().design.step == 1.0
    found = problems(path, "prices.time_format=days", build=True)
    assert "one of seconds, ms, us, ns, iso, yyyymmdd, excel" in found["prices.time_format"].expected


def test_entries_from_days_that_are_numbers(tiny, tmp_path):
    (tmp_path / "past.csv").write_text(DAYS)
    named = [f"population.bars={(tmp_path / 'past.csv').as_posix()}", "run.paths=1"]
    with pytest.raises(InputError, match="'yyyymmdd' reads 2020-03-11T00:00:00"):
        load_scenario(tiny, named).build()
    scenario = load_scenario(tiny, [*named, "population.time_format=yyyymmdd"])
    assert len(scenario.build().design.book) == 200
    assert scenario.resolved()["population"]["time_format"] == "yyyymmdd"


@pytest.mark.parametrize("section", ["prices", "population"])
def test_a_time_format_without_bars(tiny, section):
    found = problems(tiny, f"{section}.time_format=iso")
    assert "no time format, since no file of bars is read" in found[f"{section}.time_format"].expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name here")
def test_a_pipe_that_a_scenario_names_is_refused_before_it_is_read(tmp_path):
    write_replay(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match=r"prices.bars: got .*pipe.csv', expected a file; a pipe or a device"):
        load_scenario(tmp_path / "crash.toml", [f"prices.bars={tmp_path / 'pipe.csv'}"])
