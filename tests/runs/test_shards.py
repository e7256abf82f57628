"""Finished paths on disk: a run that goes on gives the same bytes, and takes no shard that is not its own."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest

import stress
from stress import serialize
from stress.cli import terminal
from stress.engine import scheduling, signals, task
from stress.engine.blocks import work_block
from stress.errors import InputError
from stress.files import writing
from stress.runs import checkpoint, resume, run_directory, shards
from stress.runs.resume import open_unfinished, unfinished_run
from tests.conftest import ROOT
from tests.support.command import exit_code
from tests.support.directories import files, interrupt
from tests.support.tiny import TINY
from tests.support.unfinished import begin, open_shard


@pytest.mark.parametrize(("threads", "n_bytes", "again"), [(2, 10**9, 40), (1, 1, 22), (3, 9_000, 25)])
def test_a_run_that_goes_on_gives_the_same_bytes(threads, n_bytes, again, place, whole, monkeypatch):
    """Whatever the threads and the blocks of the second go, and of the third."""
    begin(place)
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", n_bytes)
    if again < 40:
        with pytest.raises(KeyboardInterrupt):
            stress.run("tiny.toml", directory="run", threads=threads, progress=interrupt(again))
    worked = []
    work = task.work_block
    monkeypatch.setattr(task, "work_block", lambda runs, first, n: worked.append((first, n)) or work(runs, first, n))
    held = [(s.first, s.n) for s in map(open_shard, sorted((place / "run.partial" / "shards").iterdir()))]
    found = stress.run("tiny.toml", directory="run", threads=threads)
    assert files(place / "run") == whole
    assert sorted(worked) == sorted(set(worked))
    assert sum(n for _, n in worked) == 40 - sum(n for _, n in held)  # nothing is worked twice
    assert list(scheduling.missing(worked + held, 40)) == []
    assert found.manifest["resumed_paths"] == sum(n for _, n in held) >= 15
    assert not (place / "run.partial").exists()


def test_the_command_goes_on_as_it_said(place, whole, capsys):
    begin(place)
    assert exit_code("run", "--resume", "run.partial", "--no-report", "-q", "--threads", 2) == 0
    assert capsys.readouterr().out == "run\n"
    assert files(place / "run") == whole
    assert exit_code("run", "--resume", "run.partial") == 2
    assert "this one is complete" in capsys.readouterr().err

    begin(place, name="other run")
    assert exit_code("run", "tiny.toml", "--resume", "other run", "--seed", 5) == 2
    assert "expected the interrupted run of this scenario" in capsys.readouterr().err
    assert exit_code("run", "--resume", "other run", "--seed", 5) == 2
    assert "the scenario file too" in capsys.readouterr().err
    assert exit_code("run", "--resume", "other run", "--out", "elsewhere") == 2
    assert "no other directory" in capsys.readouterr().err
    assert exit_code("run") == 2
    assert "a scenario file, or --resume DIR" in capsys.readouterr().err
    assert exit_code("run", "--resume", "nothing") == 2
    assert "a run that was interrupted" in capsys.readouterr().err
    said = shlex.split(f"--resume {shlex.quote('other run.partial')}")
    assert exit_code("run", "tiny.toml", *said, "--no-report", "-q") == 0
    assert files(place / "other run") == whole


def test_the_same_command_goes_on_too(place, whole, capsys):
    begin(place)
    assert exit_code("run", "tiny.toml", "--out", "run", "--no-report") == 0
    assert capsys.readouterr().err.startswith("Resuming from run.partial\n")
    assert files(place / "run") == whole


def test_a_short_run_writes_no_shards(place, whole, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 60.0)
    monkeypatch.setattr(shards, "write", lambda *arguments: pytest.fail("wrote a shard"))
    stress.run("tiny.toml", directory="run", threads=2)
    assert files(place / "run") == whole


def test_what_was_in_hand_is_written_at_an_interruption(place, monkeypatch):
    """One shard for paths that follow each other, whatever the blocks were."""
    monkeypatch.setattr(checkpoint, "SECONDS", 60.0)
    (shard,) = begin(place).iterdir()
    assert shard.name == "000000000000-000000000015.shard"
    assert open_shard(shard).n == 15


def test_what_else_lies_there_is_left_alone(place, whole):
    (place / "run.partial").mkdir()
    (place / "run.partial" / "thesis.tex").write_text("precious")
    assert exit_code("run", "tiny.toml", "--out", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole
    assert [p.name for p in (place / "run.partial").iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_said_before_the_work(place, capsys, monkeypatch):
    (place / "run.partial").write_text("precious")
    monkeypatch.setattr(task, "work_block", lambda *arguments: pytest.fail("worked all the same"))
    assert exit_code("run", "tiny.toml", "--out", "run", "-q") == 2
    assert "run.partial: expected nothing, or a directory" in capsys.readouterr().err
    assert (place / "run.partial").read_text() == "precious"


def test_what_is_not_ours_stays_when_the_run_is_complete(place, whole):
    begin(place)
    (place / "run.partial" / "shards" / "notes.txt").write_text("mine")
    (place / "run.partial" / "shards" / "x.tmp").write_text("mine")
    (place / "run.partial" / ".run.abc").mkdir()
    writing.temporary(place / "run.partial" / "shards").write_bytes(b"half a sha")
    writing.temporary(place / "run.partial").mkdir()  # of a process that was ended while it wrote the run directory
    stress.run("tiny.toml", directory="run", threads=1)
    assert files(place / "run") == whole
    assert sorted(str(p.relative_to(place)) for p in (place / "run.partial").rglob("*.*")) == [
        "run.partial/.run.abc", "run.partial/shards/notes.txt", "run.partial/shards/x.tmp"
    ]  # fmt: skip


def test_a_process_that_ends_before_it_said_anything_is_no_obstacle(place, whole):
    (place / "run.partial" / "shards").mkdir(parents=True)
    (place / "run.partial" / "lock").touch()
    stress.run("tiny.toml", directory="run", threads=1)
    assert files(place / "run") == whole
    assert not (place / "run.partial").exists()


def test_two_processes_do_not_work_on_one_run(place, whole):
    def second(done, total):
        with pytest.raises(InputError, match="no other process is working on"):
            stress.run("tiny.toml", directory="run", threads=1)

    stress.run("tiny.toml", directory="run", threads=1, progress=second)
    assert files(place / "run") == whole


def test_of_two_that_begin_at_once_the_later_leaves_the_earlier_alone(place, whole):
    scenario = stress.load_scenario("tiny.toml")
    run = scenario.build().design
    earlier, *later = (unfinished_run(place / "run", scenario).checkpoint for _ in range(3))
    for kept in (earlier, *later):
        assert kept.begin([run]) == []

    def work(kept):
        with kept:
            kept.add([work_block([run], 5, 5)[0]])

    earlier.add([work_block([run], 0, 5)[0]])
    for kept, said in zip(later, ("no other process is working on", "no other process has begun"), strict=True):
        with pytest.raises(InputError, match=said) as caught:
            work(kept)
        assert not hasattr(caught.value, "__notes__")  # it is not this one's to go on with
        assert [p.name for p in (place / "run.partial" / "shards").iterdir()] == ["000000000000-000000000005.shard"]
        assert (place / "run.partial" / "partial.json").exists()
        earlier.close()  # it was killed


def test_while_the_run_directory_is_written_nothing_lies_beside(place, whole, monkeypatch):
    """Also of a run too short for a shard: a process that is killed then leaves what the next one takes away."""
    monkeypatch.setattr(checkpoint, "SECONDS", 60.0)
    write = run_directory._write

    def killed(*arguments):
        write(*arguments)
        assert sorted(p.name for p in place.iterdir()) == ["run.partial", "tiny.toml"]
        shutil.copytree("run.partial", "killed/run.partial")

    with monkeypatch.context() as patch:
        patch.setattr(run_directory, "_write", killed)
        stress.run("tiny.toml", directory="run")
    assert list(Path("killed/run.partial").glob(".stress-*.tmp/new/tables"))
    with pytest.raises(KeyboardInterrupt):
        stress.run("tiny.toml", directory="killed/run", progress=interrupt(5))
    assert not list(Path("killed/run.partial").glob(".stress-*"))
    assert exit_code("run", "--resume", "killed/run", "--no-report", "-q") == 0
    assert files(place / "killed" / "run") == whole
    assert [p.name for p in Path("killed").iterdir()] == ["run"]


def test_an_interruption_that_comes_as_the_run_takes_its_place_is_heard_after_it(place, whole, monkeypatch):
    replaced = os.replace

    def signalled(source, target):
        replaced(source, target)
        if Path(target).name == "run":
            signal.raise_signal(signal.SIGINT)

    begin(place)
    monkeypatch.setattr(os, "replace", signalled)
    with pytest.raises(KeyboardInterrupt) as caught:
        stress.run("tiny.toml", directory="run")
    assert caught.value.__notes__ == ["The run is complete: run"]
    assert files(place / "run") == whole
    assert not (place / "run.partial").exists()


def test_an_interruption_that_comes_while_a_shard_is_written_is_heard_after_it(place, whole, monkeypatch):
    write = shards.write

    def signalled(*arguments):
        signal.raise_signal(signal.SIGINT)
        return write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write", signalled)
        begin(place, after=5, progress=None)
    stress.run("tiny.toml", directory="run")
    assert files(place / "run") == whole


def test_an_interruption_that_the_compiler_drops_is_not_lost(place):
    def progress(done, total):
        if done == 10:
            with suppress(KeyboardInterrupt):  # as a callback from compiled code does
                signal.raise_signal(signal.SIGINT)

    with signals.caught():
        begin(place, after=10, progress=progress)


def test_an_interruption_of_what_is_printed_says_that_the_run_is_complete(place, whole, capsys, monkeypatch):
    def interrupted(record):
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "print_run", interrupted)
    assert exit_code("run", "tiny.toml", "--out", "run", "--no-report") == 3
    assert capsys.readouterr().err.splitlines()[-2:] == ["Interrupted.", "The run is complete: run"]
    assert files(place / "run") == whole


BOOK = """account,market,side,size,entry_price,margin
a,BTCUSDT,long,100,60000,120000
b,BTCUSDT,short,100,60000,600000
"""


def test_the_way_to_the_inputs_is_kept_and_they_must_be_the_same(place, capsys):
    (place / "in").mkdir()
    (place / "in" / "book.csv").write_text(BOOK)
    text = TINY[: TINY.index("[population]")] + '[book]\nfile = "book.csv"\n\n' + TINY[TINY.index("[prices]") :]
    (place / "in" / "mine.toml").write_text(text)
    with pytest.raises(KeyboardInterrupt):
        stress.run("in/mine.toml", ["run.gap=0.5"], directory="out/run", threads=1, progress=interrupt(10))
    stress.run("in/mine.toml", ["run.gap=0.5"], directory="whole", threads=1)
    shutil.copytree("in", "moved/in")
    shutil.copytree("out", "moved/out")
    (place / "moved" / "in" / "book.csv").write_text(BOOK.replace("120000", "130000"))
    assert exit_code("run", "--resume", "moved/out/run.partial") == 2
    said = capsys.readouterr().err
    assert "book.file: got" in said
    assert "expected the file as it was when it was run" in said
    assert "moved/in/book.csv" in said
    (place / "moved" / "in" / "book.csv").write_text(BOOK)
    assert exit_code("run", "--resume", "moved/out/run.partial", "--no-report", "-q") == 0
    for name, content in files(place / "whole").items():
        assert (place / "moved" / "out" / "run" / name).read_bytes() == content, name


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.stem)
def test_a_scenario_is_told_and_heard_without_loss(path, place):
    bars = place / "bars.csv"
    bars.write_text("time,open,high,low,close\n2020-03-12T10:00Z,73,74,72,73\n2020-03-12T10:01Z,73,74,65,66\n")
    needed = [f"prices.bars={bars}"] if 'model = "replay"' in path.read_text() else []
    changes = ["venue.drawdown=none", "depth=none", "population.leverage={5 = 0.5, 20 = 0.5}"]
    for overrides in ([], changes):
        try:
            scenario = stress.load_scenario(path, needed + overrides)
        except InputError:
            assert overrides
            continue
        (place / "x").mkdir(exist_ok=True)
        said = serialize.loads(serialize.dumps(resume.describe_scenario(scenario, place / "x")))
        again = resume.read_scenario(said, place / "x")
        assert again.hash == scenario.hash
        assert again.resolved() == scenario.resolved()
        assert again.inputs == scenario.inputs


def test_paths_that_can_never_be_run_are_not_kept(place):
    scenario = stress.load_scenario("tiny.toml")
    kept = unfinished_run(place / "run", scenario).checkpoint
    run = scenario.build().design

    def work():
        with kept:
            kept.begin([run])
            kept.add([work_block([run], 0, 5)[0]])
            assert (place / "run.partial" / "shards").is_dir()
            raise stress.SimulationError("a price of zero")

    with pytest.raises(stress.SimulationError):
        work()
    assert sorted(p.name for p in place.iterdir()) == ["tiny.toml"]


def test_an_unfinished_run_is_opened_by_either_name(place):
    begin(place)
    for name in ("run", "run.partial", "run.partial/"):
        kept = open_unfinished(place / name)
        assert kept.directory == place / "run"
        assert kept.scenario.hash == stress.load_scenario("tiny.toml").hash
