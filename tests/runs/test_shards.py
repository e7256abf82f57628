"""Finished paths on disk: a run that goes on gives the same bytes, and takes no shard that is not its own."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import stress
from stress import serialize, simulation
from stress.cli import main, terminal
from stress.engine import scheduling, signals, task
from stress.engine.blocks import work_block
from stress.errors import InputError
from stress.files import writing
from stress.runs import checkpoint, resume, run_directory, shards
from stress.runs.resume import IDENTITY, open_unfinished, unfinished_run
from stress.runs.sealed import seal
from tests.conftest import ROOT
from tests.support.directories import files, interrupt, mounted, no_room
from tests.support.tiny import TINY

SMALL = 20_000  # bytes of prices in a block: five paths


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.toml").write_text(TINY)
    stress.run(folder / "tiny.toml", threads=1, directory=folder / "run")
    assert not (folder / "run.partial").exists()
    return files(folder / "run")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder with the scenario; shards are written after each block of five paths."""
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", SMALL)
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begin(place: Path, after: int = 15, name: str = "run", **options) -> Path:
    """A run that is interrupted; its shards."""
    options = {"threads": 1, "progress": interrupt(after)} | options
    with pytest.raises(KeyboardInterrupt) as caught:
        stress.run(place / "tiny.toml", directory=place / name, **options)
    kept = place / f"{name}.partial"
    assert not (place / name).exists()
    how = f"perp-stress run --resume {shlex.quote(str(kept))}"
    assert caught.value.__notes__ == [f"{after} of 40 paths are saved. To resume: {how}"]
    return kept / "shards"


def command(*arguments) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    return caught.value.code or 0


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


def open_shard(path: Path) -> shards.Shard:
    return shards.read(path, checkpoint.read_description(path.parents[1], IDENTITY)["made_by"])


def test_the_command_goes_on_as_it_said(place, whole, capsys):
    begin(place)
    assert command("run", "--resume", "run.partial", "--no-report", "-q", "--threads", 2) == 0
    assert capsys.readouterr().out == "run\n"
    assert files(place / "run") == whole
    assert command("run", "--resume", "run.partial") == 2
    assert "this one is complete" in capsys.readouterr().err

    begin(place, name="other run")
    assert command("run", "tiny.toml", "--resume", "other run", "--seed", 5) == 2
    assert "expected the interrupted run of this scenario" in capsys.readouterr().err
    assert command("run", "--resume", "other run", "--seed", 5) == 2
    assert "the scenario file too" in capsys.readouterr().err
    assert command("run", "--resume", "other run", "--out", "elsewhere") == 2
    assert "no other directory" in capsys.readouterr().err
    assert command("run") == 2
    assert "a scenario file, or --resume DIR" in capsys.readouterr().err
    assert command("run", "--resume", "nothing") == 2
    assert "a run that was interrupted" in capsys.readouterr().err
    said = shlex.split(f"--resume {shlex.quote('other run.partial')}")
    assert command("run", "tiny.toml", *said, "--no-report", "-q") == 0
    assert files(place / "other run") == whole


def test_the_same_command_goes_on_too(place, whole, capsys):
    begin(place)
    assert command("run", "tiny.toml", "--out", "run", "--no-report") == 0
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


def test_a_shard_is_read_back_to_the_same_bytes(place):
    run = stress.load_scenario("tiny.toml").build().design
    made_by = {"scenario": "x"}
    for first, n in ((0, 7), (7, 1), (30, 10)):
        block = work_block([run], first, n)[0]
        path = shards.write(place, [block, block], made_by)
        read = shards.read(path, made_by)
        assert (read.first, read.n, len(read.blocks)) == (first, n, 2)
        for name in shards.ARRAYS:
            before, after = getattr(block, name), getattr(read.blocks[1], name)
            assert before.tobytes() == after.tobytes()
            assert np.dtype(before.dtype.descr) == np.dtype(after.dtype.descr)
            assert before.shape == after.shape


DAMAGE = {
    "empty": lambda content: b"",
    "no checksum": lambda content: content[65:],
    "checksum": lambda content: b"0" * 64 + content[64:],
    "half": lambda content: content[: len(content) // 2],
    "last byte missing": lambda content: content[:-1],
    "a byte more": lambda content: content + b"\0",
    "something else": lambda content: b"account,side\n1,long\n",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_shard_is_refused_by_name(name, place, whole, capsys):
    shard = sorted(begin(place).iterdir())[1]
    good = shard.read_bytes()
    shard.write_bytes(DAMAGE[name](good))
    assert command("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert str(Path("run.partial/shards") / shard.name) in said
    assert "this one is damaged; delete this file" in said
    assert said.count(".shard") == 1  # no other is named
    assert not (place / "run").exists()
    shard.unlink()
    assert command("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_no_flipped_bit_goes_unseen(place):
    shard = min(begin(place).iterdir())
    good, made_by = (
        shard.read_bytes(),
        open_shard(shard).blocks and checkpoint.read_description(shard.parents[1], IDENTITY)["made_by"],
    )
    rng = random.Random(4)
    for at in [0, 63, 64, 65, 80, len(good) - 1, *(rng.randrange(len(good)) for _ in range(60))]:
        bad = bytearray(good)
        bad[at] ^= 1 << rng.randrange(8)
        shard.write_bytes(bad)
        with pytest.raises(InputError, match="damaged"):
            shards.read(shard, made_by)


def sealed(head: object, arrays: bytes = b"") -> bytes:
    content = (head if isinstance(head, bytes) else json.dumps(head).encode()) + b"\n" + arrays
    return hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def test_a_shard_of_another_shape_is_refused_though_its_checksum_is_right(place, whole, capsys):
    shard = max(begin(place).iterdir(), key=lambda path: sum(block.cells.size for block in open_shard(path).blocks))
    good, blocks = shard.read_bytes(), open_shard(shard).blocks
    line, _, arrays = good[65:].partition(b"\n")
    head = json.loads(line)
    heads = [b"", b"null", b"[" * 100_000, b"\xff", [], {}, *({**head, key: None} for key in head)]
    heads += [{**head, key: value} for key, value in (("n", 4), ("designs", 10**9), ("designs", 1), ("first", -1))]
    wrong = [sealed(h, arrays) for h in heads] + [sealed(line), sealed(line, arrays[:-9]), sealed(line, arrays + b"x")]
    wrong += [sealed({**head, "made_by": {"x": "1"}}, arrays)]
    counted = next(i for i, block in enumerate(blocks) if block.cells.size and block.position_counts.size)
    for name, where in (("cells", "path"), ("cells", "cell"), ("position_counts", "number")):
        bad = getattr(blocks[counted], name).copy()
        bad[where][-1] = 10**6
        changed = [replace(block, **{name: bad}) if i == counted else block for i, block in enumerate(blocks)]
        assert shards.write(shard.parent, changed, head["made_by"]) == shard
        wrong.append(shard.read_bytes())
    for number, content in enumerate(wrong):
        shard.write_bytes(content)
        assert command("run", "--resume", "run") == 2, number
        said = capsys.readouterr().err
        assert f"Error: run.partial/shards/{shard.name}: expected" in said, number
        assert "delete this file, and its paths are run again" in said
    shard.write_bytes(good)
    assert command("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


@pytest.mark.parametrize("key", ["scenario", "inputs", "where", "command", "made_by"])
def test_a_description_of_another_shape_is_refused_though_its_checksum_is_right(key, place, capsys):
    begin(place)
    file = place / "run.partial" / "partial.json"
    good = serialize.loads(file.read_text())
    del good["sha256"]
    for wrong in (None, [], 1, {"x": []}, "missing"):
        content = {k: v for k, v in good.items() if k != key} | ({} if wrong == "missing" else {key: wrong})
        file.write_bytes(seal(content))
        assert command("run", "--resume", "run") == 2
        assert "run.partial" in capsys.readouterr().err


def moved(block, first: int):
    """The block as one of other paths."""
    cells = block.cells.copy()
    cells["path"] += first - block.first
    return replace(block, first=first, cells=cells)


def test_a_foreign_shard_is_refused_by_name(place, whole, capsys):
    begin(place)
    (place / "tiny.toml").write_text(TINY.replace("seed = 3", "seed = 4"))
    other = sorted(begin(place, after=25, name="other").iterdir())[-1]
    (place / "tiny.toml").write_text(TINY)
    foreign = place / "run.partial" / "shards" / other.name
    shutil.copy(other, foreign)
    assert command("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert f"run.partial/shards/{other.name}: expected a shard of this run, this one has scenario " in said
    assert "delete this file" in said
    foreign.unlink()

    first = min((place / "run.partial" / "shards").iterdir())
    same = first.with_name("again.shard")
    shutil.copy(first, same)
    assert command("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert f"{same.name}: expected a shard of the paths that its name says, this one is {first.name}" in said
    assert said.count("expected") == 1
    same.unlink()

    made_by = checkpoint.read_description(place / "run.partial", IDENTITY)["made_by"]
    for start, end in ((8, 12), (38, 42)):  # paths that another one holds, and that the run has not
        blocks_there = [moved(block, start) for block in open_shard(first).blocks]
        wrong = shards.write(first.parent, blocks_there, made_by)
        assert command("run", "--resume", "run") == 2
        said = capsys.readouterr().err
        assert f"{wrong.name}: got '{start} to {end}', expected paths that no other shard holds" in said
        wrong.unlink()
    assert command("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_another_version_does_not_go_on(place, whole, capsys, monkeypatch):
    begin(place)
    real = checkpoint.maker
    monkeypatch.setattr(checkpoint, "maker", lambda: real() | {"numba": "9.9"})
    assert command("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert "run.partial: expected a run that can be resumed here, this one has numba " in said
    assert "and not 9.9; to start over, delete this directory" in said
    monkeypatch.setattr(checkpoint, "maker", real)
    shard = min((place / "run.partial" / "shards").iterdir())
    old = open_shard(shard)
    shards.write(shard.parent, old.blocks, real() | {"scenario": "x", "designs": "y", "numba": "0.1"})
    assert command("run", "--resume", "run") == 2
    assert f"{shard.name}: expected a shard of this run, this one has scenario x" in capsys.readouterr().err
    shard.unlink()
    assert command("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_a_directory_of_another_scenario_does_not_go_on(place, capsys):
    begin(place)
    assert command("run", "tiny.toml", "--seed", 9, "--out", "run") == 2
    said = capsys.readouterr().err
    assert "run.partial: expected a run that can be resumed here, this one has seed 3, not 9; to start over" in said
    assert len(list((place / "run.partial" / "shards").iterdir())) == 3


def test_what_was_changed_since_it_began_is_named(place, capsys):
    begin(place)
    changes = ["--set", "run.gap=0.5", "--set", "depth=none", "--set", "fund.alphas=[0.1]", "--paths", 40]
    assert command("run", "tiny.toml", "--resume", "run", *changes) == 2
    said = capsys.readouterr().err
    for change in (
        "run.gap by default, not 0.5",
        "depth.usd 20000000.0, not by default",
        "fund.alphas [0.2, 0.01], not [0.1]",
    ):
        assert change in said
    for same in ("seed", "run.paths", "fund.initial", "prices"):
        assert same not in said


DAMAGED = {
    "empty": lambda said: "",
    "half": lambda said: said[: len(said) // 2],
    "a list": lambda said: "[]",
    "nested": lambda said: "[" * 100_000,
    "no checksum": lambda said: '{"made_by": {}}',
    "a digit": lambda said: said.replace('"seed": 3', '"seed": 4'),
    "bytes": lambda said: said.replace("tiny", "t\udcff"),
    "missing": None,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_a_run_says_of_itself_may_be_damaged_too(name, place, capsys):
    begin(place)
    file, change = place / "run.partial" / "partial.json", DAMAGED[name]
    if change is None:
        file.unlink()
    else:
        file.write_text(change(file.read_text()), errors="surrogateescape")
    for arguments in (["--resume", "run"], ["tiny.toml", "--out", "run"]):
        assert command("run", *arguments) == 2
        *_, said = capsys.readouterr().err.splitlines()
        what = "it is missing" if change is None else "this one is damaged"
        assert said.startswith(
            f"Error: run.partial/partial.json: expected the description of an interrupted run, {what}"
        )
    assert len(list((place / "run.partial" / "shards").iterdir())) == 3


def test_what_else_lies_there_is_left_alone(place, whole):
    (place / "run.partial").mkdir()
    (place / "run.partial" / "thesis.tex").write_text("precious")
    assert command("run", "tiny.toml", "--out", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole
    assert [p.name for p in (place / "run.partial").iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_said_before_the_work(place, capsys, monkeypatch):
    (place / "run.partial").write_text("precious")
    monkeypatch.setattr(task, "work_block", lambda *arguments: pytest.fail("worked all the same"))
    assert command("run", "tiny.toml", "--out", "run", "-q") == 2
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
    assert command("run", "--resume", "killed/run", "--no-report", "-q") == 0
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
    assert command("run", "tiny.toml", "--out", "run", "--no-report") == 3
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
    assert command("run", "--resume", "moved/out/run.partial") == 2
    said = capsys.readouterr().err
    assert "book.file: got" in said
    assert "expected the file as it was when it was run" in said
    assert "moved/in/book.csv" in said
    (place / "moved" / "in" / "book.csv").write_text(BOOK)
    assert command("run", "--resume", "moved/out/run.partial", "--no-report", "-q") == 0
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


def test_a_full_disk_keeps_what_was_there(place, whole, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        no_room(patch, after=2 * 3)  # each file and its folder: checkpoint.json and two shards
        assert command("run", "tiny.toml", "--out", "run", "--threads", 1) == 2
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "Error: run.partial: expected a writable path (No space left on device)",
        "10 of 40 paths are saved. To resume: perp-stress run --resume run.partial",
    ]
    assert len(list((place / "run.partial" / "shards").iterdir())) == 2  # nothing half-written
    with monkeypatch.context() as patch:
        no_room(patch, after=0)
        assert command("run", "--resume", "run", "-q") == 2
    assert "10 of 40 paths are saved." in capsys.readouterr().err
    assert command("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_a_full_disk_from_the_start_leaves_nothing(place, capsys, monkeypatch):
    no_room(monkeypatch, after=0)
    assert command("run", "tiny.toml", "--out", "run", "--threads", 1) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(p.name for p in place.iterdir()) == ["tiny.toml"]


def test_a_disk_that_was_full_for_a_moment_keeps_what_it_takes_to_go_on(place, whole, capsys, monkeypatch):
    """The first file that failed says what the run is: it is written before any shard."""
    with monkeypatch.context() as patch:
        no_room(patch, after=0, until=1)
        assert command("run", "tiny.toml", "--out", "run", "--threads", 1) == 2
    assert "5 of 40 paths are saved. To resume: perp-stress run --resume run.partial" in capsys.readouterr().err
    assert command("run", "--resume", "run.partial", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_no_room_for_the_run_directory_keeps_every_path(place, whole, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(run_directory, "_write", full)
        assert command("run", "tiny.toml", "--out", "run") == 2
    said = capsys.readouterr().err
    assert "run: expected a writable path (No space left on device)" in said
    assert "40 of 40 paths are saved." in said
    assert not (place / "run").exists()
    monkeypatch.setattr(task, "work_block", lambda *arguments: pytest.fail("worked a path again"))
    assert command("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


@pytest.fixture
def disk(place):
    """A disk of 160 KB, where the system lets this process mount one."""

    def remount(options):
        subprocess.run(["mount", "-o", f"remount,{options}", str(place / "disk")], check=True, capture_output=True)

    with mounted(place / "disk", "160k") as folder:
        yield folder, remount


def test_a_disk_that_is_really_full(disk, whole, capsys):
    folder, remount = disk
    assert command("run", "tiny.toml", "--out", folder / "run", "--threads", 1) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "paths are saved. To resume" in said
    assert "Traceback" not in said
    held = sorted((folder / "run.partial" / "shards").iterdir())
    assert 0 < len(held) < 8
    assert all(open_shard(path).n == 5 for path in held)
    remount("size=20m")
    assert command("run", "--resume", folder / "run", "--no-report", "-q") == 0
    assert files(folder / "run") == whole


def test_a_read_only_folder(disk, capsys, monkeypatch):
    folder, remount = disk
    monkeypatch.setattr(simulation, "execute", lambda *a, **k: pytest.fail("ran all the same"))
    remount("ro")
    assert command("run", "tiny.toml", "--out", folder / "run") == 2
    said = capsys.readouterr().err
    assert "expected a directory in a writable folder" in said
    assert "Read-only file system" in said
    remount("rw")


def test_a_partial_run_in_a_read_only_folder(disk, capsys):
    folder, remount = disk
    with pytest.raises(KeyboardInterrupt):
        stress.run("tiny.toml", directory=folder / "run", threads=1, progress=interrupt(5))
    before = [path.read_bytes() for path in sorted((folder / "run.partial" / "shards").iterdir())]
    remount("ro")
    assert command("run", "--resume", folder / "run") == 2
    assert "Read-only file system" in capsys.readouterr().err
    remount("rw")
    assert [path.read_bytes() for path in sorted((folder / "run.partial" / "shards").iterdir())] == before


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
