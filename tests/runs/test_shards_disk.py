"""Unfinished runs on disks that are full and folders that take nothing."""

from __future__ import annotations

import errno
import os
import subprocess

import pytest

import stress
from stress import simulation
from stress.engine import task
from stress.runs import run_directory
from tests.support.command import exit_code
from tests.support.directories import files, interrupt, mounted, no_room
from tests.support.unfinished import open_shard


def test_a_full_disk_keeps_what_was_there(place, whole, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        no_room(patch, after=2 * 3)  # each file and its folder: checkpoint.json and two shards
        assert exit_code("run", "tiny.toml", "--out", "run", "--threads", 1) == 2
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "Error: run.partial: expected a writable path (No space left on device)",
        "10 of 40 paths are saved. To resume: perp-stress run --resume run.partial",
    ]
    assert len(list((place / "run.partial" / "shards").iterdir())) == 2  # nothing half-written
    with monkeypatch.context() as patch:
        no_room(patch, after=0)
        assert exit_code("run", "--resume", "run", "-q") == 2
    assert "10 of 40 paths are saved." in capsys.readouterr().err
    assert exit_code("run", "--resume", "run", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_a_full_disk_from_the_start_leaves_nothing(place, capsys, monkeypatch):
    no_room(monkeypatch, after=0)
    assert exit_code("run", "tiny.toml", "--out", "run", "--threads", 1) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(p.name for p in place.iterdir()) == ["tiny.toml"]


def test_a_disk_that_was_full_for_a_moment_keeps_what_it_takes_to_go_on(place, whole, capsys, monkeypatch):
    """The first file that failed says what the run is: it is written before any shard."""
    with monkeypatch.context() as patch:
        no_room(patch, after=0, until=1)
        assert exit_code("run", "tiny.toml", "--out", "run", "--threads", 1) == 2
    assert "5 of 40 paths are saved. To resume: perp-stress run --resume run.partial" in capsys.readouterr().err
    assert exit_code("run", "--resume", "run.partial", "--no-report", "-q") == 0
    assert files(place / "run") == whole


def test_no_room_for_the_run_directory_keeps_every_path(place, whole, capsys, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(run_directory, "_write", full)
        assert exit_code("run", "tiny.toml", "--out", "run") == 2
    said = capsys.readouterr().err
    assert "run: expected a writable path (No space left on device)" in said
    assert "40 of 40 paths are saved." in said
    assert not (place / "run").exists()
    monkeypatch.setattr(task, "work_block", lambda *arguments: pytest.fail("worked a path again"))
    assert exit_code("run", "--resume", "run", "--no-report", "-q") == 0
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
    assert exit_code("run", "tiny.toml", "--out", folder / "run", "--threads", 1) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "paths are saved. To resume" in said
    assert "Traceback" not in said
    held = sorted((folder / "run.partial" / "shards").iterdir())
    assert 0 < len(held) < 8
    assert all(open_shard(path).n == 5 for path in held)
    remount("size=20m")
    assert exit_code("run", "--resume", folder / "run", "--no-report", "-q") == 0
    assert files(folder / "run") == whole


def test_a_read_only_folder(disk, capsys, monkeypatch):
    folder, remount = disk
    monkeypatch.setattr(simulation, "execute", lambda *a, **k: pytest.fail("ran all the same"))
    remount("ro")
    assert exit_code("run", "tiny.toml", "--out", folder / "run") == 2
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
    assert exit_code("run", "--resume", folder / "run") == 2
    assert "Read-only file system" in capsys.readouterr().err
    remount("rw")
    assert [path.read_bytes() for path in sorted((folder / "run.partial" / "shards").iterdir())] == before
