"""A run directory: complete or not there, the same bytes from the same seed, read back to the same bits."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest

import stress
from stress import serialize, simulation
from stress.analysis import study
from stress.cli import main
from stress.errors import InputError
from stress.files import csv_tables
from stress.runs import record as records
from stress.runs import run_directory
from tests.conftest import ROOT
from tests.support.results import crowd, depth, kou, one_path, sample, simulate
from tests.support.studies import studies
from tests.support.tiny import POSITIONS, TINY, write_replay


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenario")
    (folder / "tiny.toml").write_text(TINY)
    return folder


@pytest.fixture(scope="module")
def record(folder):
    return stress.run(folder / "tiny.toml")


def files(directory):
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def same_frames(a, b):
    pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_the_run_is_worth_a_test(record):
    paths = record.result.paths
    assert 0 < paths["depleted"].sum() < len(paths)
    assert paths["adl_count"].sum() > 0
    assert record.fund == 1e5
    assert record.alphas == (0.2, 0.01)


def test_three_pairs_of_gaps_stand_side_by_side(record, folder):
    pairs = records.gap_pairs(record.gaps)
    assert [(pair.gap, pair.jump_gap, pair.chosen) for pair in pairs] == [
        (0.0, 0.0, False), (0.0, 1.0, True), (1.0, 1.0, False)
    ]  # fmt: skip
    funds = [pair.estimate(study.REQUIRED_FUND, 0.2) for pair in pairs]
    assert funds[0].value <= funds[1].value <= funds[2].value
    assert funds[1] == record.result.required_fund(0.2)
    assert pairs[1].estimate(study.DEPLETED) == record.result.depletion_probability()
    assert pairs[1].estimate(study.LARGEST_NEED).value == record.result.paths["fund_needed"].max()
    assert list(record.gaps)[:5] == ["design", "gap", "jump_gap", "chosen", "quantity"]
    alone = stress.run(folder / "tiny.toml", ["run.jump_gap=0"])
    assert [pair.chosen for pair in records.gap_pairs(alone.gaps)] == [True, False]
    same_frames(
        alone.gaps[alone.gaps["gap"] == 0].drop(columns="chosen"),
        record.gaps[record.gaps["jump_gap"] == 0].drop(columns="chosen"),
    )


def test_a_bound_is_noted(record):
    note = record.required.loc[1, "note"]
    assert "40 paths" in note
    summary = records.summary(record)
    assert summary["required_fund"][1]["high"] is None
    assert summary["required_fund"][1]["high_reason"] == note
    rows = [row for row in summary["gaps"] if row["chosen"] and row.get("alpha") == 0.01]
    assert [(row["high"], row["high_reason"]) for row in rows] == [(None, note)]
    json.loads(json.dumps(summary, allow_nan=False))


def test_what_is_saved_is_read_back_to_the_same_bits(record, tmp_path):
    again = stress.open_run(run_directory.save(record, tmp_path / "run"))
    for name in ("paths", "positions", "cells"):
        same_frames(getattr(again.result, name), getattr(record.result, name))
    assert again.result.fund_at.tobytes() == record.result.fund_at.tobytes()
    same_frames(again.gaps, record.gaps)
    same_frames(again.required, record.required)
    assert again.scenario == record.scenario
    assert again.manifest == record.manifest
    assert again.result.config == record.result.config
    assert again.result.provenance == record.result.provenance
    same_frames(again.result.summary(), record.result.summary())
    same_frames(again.result.by_leverage(side="long"), record.result.by_leverage(side="long"))
    worst = int(record.result.paths["adl_usd"].argmax())
    same_frames(again.result.replay_path(worst), record.result.replay_path(worst))


def test_a_seed_gives_the_same_bytes_whatever_the_threads(folder, tmp_path):
    scenario = stress.load_scenario(folder / "tiny.toml")
    made = []
    for threads in (1, 2):
        record = simulation.execute(scenario, threads=threads)
        made.append(files(run_directory.save(record, tmp_path / str(threads))))
    changing = {"manifest.json"}
    assert set(made[0]) == set(made[1])
    assert {f"tables/{name}.csv" for name in ("summary", "required_fund", "gaps", "depletion_curve", "by_leverage")} | {
        "tables/committee.csv", "tables/paths.csv.gz", "tables/positions.csv.gz", "tables/cells.npz",
        "tables/fund_at.npz", "scenario.json", "config.json", "summary.json", "manifest.json",
    } == set(made[0])  # fmt: skip
    for name in set(made[0]) - changing:
        assert made[0][name] == made[1][name], name
    other = simulation.execute(stress.load_scenario(folder / "tiny.toml", ["seed=4"]))
    assert (
        files(run_directory.save(other, tmp_path / "other"))["tables/paths.csv.gz"] != (made[0]["tables/paths.csv.gz"])
    )


def test_figures_and_report_are_part_of_it(record, tmp_path):
    directory = stress.save_run(record, tmp_path / "run", report=True)
    for name in ("depletion_curve", "adl_by_leverage"):
        assert (directory / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert "<svg" in (directory / "figures" / f"{name}.svg").read_text()
    assert files(stress.save_run(record, tmp_path / "again", report=True)) == files(directory)
    assert "tiny" in (directory / "report.html").read_text()


def test_a_run_of_the_same_scenario_is_replaced_and_nothing_else(record, folder, tmp_path):
    directory = tmp_path / "runs" / "mine"
    run_directory.save(record, directory)
    made = directory.stat().st_ino
    run_directory.save(record, directory)
    assert directory.stat().st_ino != made
    other = stress.run(folder / "tiny.toml", ["run.paths=2"])
    before = files(directory)
    with pytest.raises(InputError, match="same scenario"):
        run_directory.save(other, directory)
    assert files(directory) == before
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.mkdir()
    empty.mkdir()
    (full / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="something else"):
        run_directory.save(record, full)
    assert run_directory.save(record, empty).is_dir()


def test_nothing_is_left_of_a_run_that_could_not_be_written(record, tmp_path, monkeypatch):
    directory = tmp_path / "run"
    run_directory.save(record, directory)
    before = files(directory)
    write = run_directory._write

    def interrupted(*arguments):
        write(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(run_directory, "_write", interrupted)
    for target in (directory, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt):
            run_directory.save(record, target)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert files(directory) == before


def test_a_path_can_be_run_again_only_on_its_own_inputs(tmp_path):
    record = stress.run(write_replay(tmp_path))
    assert set(record.manifest["inputs"]) == {"book.file", "prices.bars"}
    directory = run_directory.save(record, tmp_path / "run")
    kept = json.loads((directory / "manifest.json").read_text())["inputs"]
    assert kept["book.file"]["path"] == "../positions.csv"
    moved = tmp_path / "elsewhere"
    shutil.move(directory, moved)
    again = stress.open_run(moved)
    assert list(again.result.positions["account"]) == ["007", "NA", "x, y"]
    log = again.result.replay_path(0)
    same_frames(log, record.result.replay_path(0))
    assert set(log["event"]) >= {"liquidation", "adl"}
    (tmp_path / "positions.csv").write_text(POSITIONS.replace("4000", "4001"))
    with pytest.raises(InputError, match=r"book\.file: .*expected the file as it was"):
        stress.open_run(moved).result.replay_path(0)
    (tmp_path / "positions.csv").unlink()
    with pytest.raises(InputError, match=r"book\.file: .*expected a readable file"):
        stress.open_run(moved).result.replay_path(0)
    assert stress.open_run(moved).result.depletion_probability().value == 1.0


def test_warnings_are_recorded_and_still_given(tmp_path):
    path = write_replay(tmp_path)
    (tmp_path / "positions.csv").write_text(POSITIONS.replace("short,30", "short,29"))
    with pytest.warns(stress.BookWarning, match="held outside") as caught:
        record = stress.run(path, ["book.imbalance=outside"])
    assert len(caught) == 1
    assert not any("held outside" in text for text in record.warnings)  # it is among the adjustments
    (done,) = [x for x in record.adjustments if "held outside" in x.what]
    assert str(caught[0].message) == str(done)
    assert done.where == "positions.csv"
    assert record.result.adjustments == record.adjustments
    assert records.summary(record)["adjustments"] == [x.describe() for x in record.adjustments]
    again = stress.open_run(stress.save_run(record, tmp_path / "run"))
    assert again.adjustments == again.result.adjustments == record.adjustments


def test_a_run_of_before_knows_of_no_adjustments(record, tmp_path):
    directory = run_directory.save(record, tmp_path / "run")
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest = {k: v for k, v in manifest.items() if k not in ("adjustments", "sha256")}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    assert stress.open_run(directory).adjustments == ()


def test_what_is_no_run_directory(record, tmp_path):
    with pytest.raises(InputError, match="a run directory"):
        stress.open_run(tmp_path / "nowhere")
    directory = run_directory.save(record, tmp_path / "run")
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 99}))
    with pytest.raises(InputError, match="newer version"):
        stress.open_run(directory)
    (directory / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 1}))
    with pytest.raises(
        InputError, match=r"got 1, expected .* an earlier version of perp-stress wrote it: run its scena"
    ):
        stress.open_run(directory)


def test_a_result_made_in_python_is_kept_too(tmp_path):
    made = sample()
    again = stress.open_run(stress.save_run(made, tmp_path / "mine", name="mine", report=True)).result
    for name in ("paths", "positions", "cells"):
        same_frames(getattr(again, name), getattr(made, name))
    assert np.array_equal(again.fund_at, made.fund_at)
    assert again.required_fund(0.05) == made.required_fund(0.05)
    assert "<svg" in (tmp_path / "mine" / "report.html").read_text()
    with pytest.raises(stress.InputError, match="made in Python"):
        again.replay_path(0)


def test_a_margin_below_0_of_a_withdrawn_profit_comes_back(tmp_path):
    book = stress.Book([1, -1], [0.1, 0.1], [50_000, 60_000], [-600, 600])
    made = simulate(book, stress.load_venue("binance", "BTCUSDT").simplified(), kou(), fund=1e3, n_paths=20)
    again = stress.open_run(stress.save_run(made, tmp_path / "mine", report=True)).result
    assert again.positions["margin"].tolist() == [-600, 600]


def test_a_result_without_counts_of_positions_is_kept_and_has_no_report(folder, tmp_path, capsys):
    made = simulation.execute(stress.load_scenario(folder / "tiny.toml"), detail="paths").result
    with pytest.raises(InputError, match="expected a run with detail='positions': a report shows who is hit"):
        stress.save_run(made, tmp_path / "mine", report=True)
    assert list(tmp_path.iterdir()) == []
    directory = stress.save_run(made, tmp_path / "mine")
    same_frames(stress.open_run(directory).result.paths, made.paths)
    assert not (directory / "tables" / "by_leverage.csv").exists()
    with pytest.raises(SystemExit) as caught:
        main(["report", str(directory)])
    assert caught.value.code == 2
    assert "expected a run with detail='positions'" in capsys.readouterr().err
    assert not (directory / "report.html").exists()


NAMES = ["\r", "a\rb", "\n", '"', " a ", "", "nan", "NA", "\u2028", "\ufeff", "=1+1", "\x1b[2J", "a,b", "007"]


def test_names_of_others_come_back_and_shift_nothing(tmp_path, capsys):
    """A lone carriage return once gave 64 rows for 62, and a market is text of others too."""
    book = crowd(
        60, account=[f"{NAMES[i % len(NAMES)]}{i if i >= len(NAMES) else ''}" for i in range(60)], market="a\rb"
    )
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    made = simulate(book, venue, kou(), fund=1e3, n_paths=20, horizon=7_200.0, depth=depth(), seed=5)
    again = stress.open_run(stress.save_run(made, tmp_path / "run", report=True))
    same_frames(again.result.positions, made.positions)
    assert again.result.positions["account"].tolist() == book.account.tolist()
    assert again.result.config["book"]["market"] == "a\rb"
    (warning,) = again.warnings
    assert warning.startswith("positions.csv.gz: a spreadsheet takes texts of this table for formulas: ")
    assert "in column account (first: '\\r')" in warning


def test_a_table_that_a_command_writes_comes_back_and_says_what_a_spreadsheet_makes_of_it(tmp_path, capsys):
    scenario = write_replay(tmp_path)
    (tmp_path / "positions.csv").write_bytes(POSITIONS.replace("007", "=1+1").encode())
    with pytest.raises(SystemExit) as caught:
        main(["path", str(scenario), "0", "--out", str(tmp_path / "events.csv")])
    assert not caught.value.code
    said = capsys.readouterr().err
    assert f"Warning: {tmp_path / 'events.csv'}: a spreadsheet takes texts of this table for formulas: 1 in" in said
    log = stress.run(scenario).result.replay_path(0)
    content = (tmp_path / "events.csv").read_bytes()
    back = csv_tables.parse_csv(content, "events.csv", ("event", "account", "side"))
    assert back["account"].tolist() == log["account"].tolist()
    assert len(back) == len(log)


@pytest.mark.parametrize("wrong", ["a\0b", "a\0", "\ud800"])
def test_a_name_that_no_table_gives_back_is_refused_where_a_book_is_made(wrong):
    for names in ({"account": ["a", wrong]}, {"market": wrong}):
        with pytest.raises(InputError, match=f"Book, (row 2, )?{next(iter(names))}: got .*expected text without"):
            stress.Book([1, -1], [1, 1], [100, 100], [10, 10], **names)


def test_half_a_character_in_the_command_line_is_kept(folder, tmp_path):
    """As the name of a file gives it that is not UTF-8."""
    record = simulation.execute(stress.load_scenario(folder / "tiny.toml"), command="perp-stress run caf\udce9.toml")
    directory = stress.save_run(record, tmp_path / "run", report=True)
    assert stress.open_run(directory).manifest == record.manifest


def test_a_model_that_does_not_say_its_first_price_is_opened_too(tmp_path):
    class Quiet(type(kou())):
        def describe(self):
            return {"model": "mine"}

    model = Quiet(s0=60_000.0, sigma=0.6, intensity=150.0, p_up=0.4, eta_up=30.0, eta_down=20.0)
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    made = simulate(crowd(20), venue, model, fund=1e3, n_paths=5, horizon=600.0)
    directory = stress.save_run(made, tmp_path / "run", report=True)
    assert stress.open_run(directory).result.config["prices"] == {"model": "mine", "s0": 60_000.0}


def test_a_report_needs_a_directory(folder):
    with pytest.raises(InputError, match="a directory to write the report in"):
        stress.run(folder / "tiny.toml", report=True)


def test_the_summary_keeps_to_its_published_schema(record):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the notebooks extra")
    schema = json.loads((ROOT / "docs" / "summary.schema.json").read_text())
    checker = jsonschema.Draft202012Validator(schema)
    for made in (record, records.of_result(one_path()), records.of_result(sample(), alphas=(1e-6,))):
        checker.validate(json.loads(serialize.dumps(records.summary(made))))
    broken = records.summary(record) | {"paths": 0}
    assert not checker.is_valid(json.loads(serialize.dumps(broken)))


def test_studies_come_back_and_move_nothing_else(record, tmp_path):
    bare = run_directory.save(record, tmp_path / "bare")
    full = run_directory.save(dataclasses.replace(record, studies=studies()), tmp_path / "full")
    again = run_directory.open_run(full).studies
    assert list(again) == ["scenarios", "reverse", "tornado", "margins", "advice"]
    for name, table in studies().items():
        same_frames(again[name], table)
    assert run_directory.open_run(bare).studies == {}
    before, after = files(bare), files(full)
    assert {x for x in after if x not in before} == {f"studies/{name}.csv" for name in studies()}
    assert all(after[name] == data for name, data in before.items() if name != "manifest.json")
    run_directory.save(record, full)  # a run with studies gives way to one without
    assert files(full).keys() == before.keys()


def test_a_study_that_lacks_a_column_is_refused(record, tmp_path):
    wrong = studies() | {"tornado": studies()["tornado"].drop(columns="swing")}
    place = run_directory.save(dataclasses.replace(record, studies=wrong), tmp_path / "wrong")
    with pytest.raises(InputError, match=r"tornado\.csv, swing: expected this column"):
        run_directory.open_run(place)


def test_a_study_that_was_edited_is_refused(record, tmp_path):
    place = run_directory.save(dataclasses.replace(record, studies=studies()), tmp_path / "edited")
    table = place / "studies" / "reverse.csv"
    table.write_text(table.read_text().replace("0.08", "0.01"))
    with pytest.raises(InputError, match="by its digest"):
        run_directory.open_run(place)


def test_run_makes_the_studies_and_names_the_author(folder, monkeypatch):
    made = []
    monkeypatch.setattr(
        "stress.runs.studies.make", lambda scenario, say, threads, *rest: made.append(threads) or studies()
    )
    record = stress.run(folder / "tiny.toml", threads=1, studies=True, author="Market risk")
    assert made == [1]
    assert list(record.studies) == ["scenarios", "reverse", "tornado", "margins", "advice"]
    assert record.author == "Market risk"
    plain = stress.run(folder / "tiny.toml", threads=1)
    assert (plain.author, plain.studies) == ("", {})
    assert plain.manifest["hash"] == record.manifest["hash"]
