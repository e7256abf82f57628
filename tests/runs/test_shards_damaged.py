"""Shards, and what stands beside them, that are damaged, foreign or of another run: each refused by name."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import stress
from stress import serialize
from stress.engine.blocks import work_block
from stress.errors import InputError
from stress.runs import checkpoint, shards
from stress.runs.resume import IDENTITY
from stress.runs.sealed import seal
from tests.support.command import exit_code
from tests.support.directories import files
from tests.support.tiny import TINY
from tests.support.unfinished import begin, open_shard


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
    assert exit_code("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert str(Path("run.partial/shards") / shard.name) in said
    assert "this one is damaged; delete this file" in said
    assert said.count(".shard") == 1  # no other is named
    assert not (place / "run").exists()
    shard.unlink()
    assert exit_code("run", "--resume", "run", "--no-report", "-q") == 0
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
        assert exit_code("run", "--resume", "run") == 2, number
        said = capsys.readouterr().err
        assert f"Error: run.partial/shards/{shard.name}: expected" in said, number
        assert "delete this file, and its paths are run again" in said
    shard.write_bytes(good)
    assert exit_code("run", "--resume", "run", "--no-report", "-q") == 0
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
        assert exit_code("run", "--resume", "run") == 2
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
    assert exit_code("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert f"run.partial/shards/{other.name}: expected a shard of this run, this one has scenario " in said
    assert "delete this file" in said
    foreign.unlink()

    first = min((place / "run.partial" / "shards").iterdir())
    same = first.with_name("again.shard")
    shutil.copy(first, same)
    assert exit_code("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert f"{same.name}: expected a shard of the paths that its name says, this one is {first.name}" in said
    assert said.count("expected") == 1
    same.unlink()

    made_by = checkpoint.read_description(place / "run.partial", IDENTITY)["made_by"]
    for start, end in ((8, 12), (38, 42)):  # paths that another one holds, and that the run has not
        blocks_there = [moved(block, start) for block in open_shard(first).blocks]
        wrong = shards.write(first.parent, blocks_there, made_by)
        assert exit_code("run", "--resume", "run") == 2
        said = capsys.readouterr().err
        assert f"{wrong.name}: got '{start} to {end}', expected paths that no other shard holds" in said
        wrong.unlink()
    assert exit_code("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_another_version_does_not_go_on(place, whole, capsys, monkeypatch):
    begin(place)
    real = checkpoint.maker
    monkeypatch.setattr(checkpoint, "maker", lambda: real() | {"numba": "9.9"})
    assert exit_code("run", "--resume", "run") == 2
    said = capsys.readouterr().err
    assert "run.partial: expected a run that can be resumed here, this one has numba " in said
    assert "and not 9.9; to start over, delete this directory" in said
    monkeypatch.setattr(checkpoint, "maker", real)
    shard = min((place / "run.partial" / "shards").iterdir())
    old = open_shard(shard)
    shards.write(shard.parent, old.blocks, real() | {"scenario": "x", "designs": "y", "numba": "0.1"})
    assert exit_code("run", "--resume", "run") == 2
    assert f"{shard.name}: expected a shard of this run, this one has scenario x" in capsys.readouterr().err
    shard.unlink()
    assert exit_code("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_a_directory_of_another_scenario_does_not_go_on(place, capsys):
    begin(place)
    assert exit_code("run", "tiny.toml", "--seed", 9, "--out", "run") == 2
    said = capsys.readouterr().err
    assert "run.partial: expected a run that can be resumed here, this one has seed 3, not 9; to start over" in said
    assert len(list((place / "run.partial" / "shards").iterdir())) == 3


def test_what_was_changed_since_it_began_is_named(place, capsys):
    begin(place)
    changes = ["--set", "run.gap=0.5", "--set", "depth=none", "--set", "fund.alphas=[0.1]", "--paths", 40]
    assert exit_code("run", "tiny.toml", "--resume", "run", *changes) == 2
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
        assert exit_code("run", *arguments) == 2
        *_, said = capsys.readouterr().err.splitlines()
        what = "it is missing" if change is None else "this one is damaged"
        assert said.startswith(
            f"Error: run.partial/partial.json: expected the description of an interrupted run, {what}"
        )
    assert len(list((place / "run.partial" / "shards").iterdir())) == 3
