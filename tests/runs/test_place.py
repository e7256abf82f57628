"""Where a run directory may be: refused before the work, and nothing of others is lost."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import threading
from pathlib import Path

import pytest

import stress
from stress import simulation
from stress.cli import main
from stress.errors import InputError
from stress.files import writing
from stress.runs import checkpoint, place, run_directory
from tests.support.directories import files, interrupt, mounted
from tests.support.tiny import TINY


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def record(scenario):
    return stress.run(scenario)


@pytest.fixture(scope="module")
def whole(record, tmp_path_factory):
    return files(stress.save_run(record, tmp_path_factory.mktemp("whole") / "run"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_work(monkeypatch):
    monkeypatch.setattr(simulation, "execute", lambda *a, **k: pytest.fail("ran all the same"))


def refused(scenario, record, directory, expected: str, command: bool = True) -> None:
    """By the command, by `stress.run` and by `stress.save_run`."""
    for attempt in (
        lambda: stress.run(scenario, directory=directory),
        lambda: stress.save_run(record, directory),
    ):
        with pytest.raises(InputError, match=expected):
            attempt()
    if command:
        with pytest.raises(SystemExit) as caught:
            main(["run", str(scenario), "--out", str(directory)])
        assert caught.value.code == 2


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_places_that_no_run_can_take(here, scenario, record, no_work):
    (here / "file").write_text("x")
    (here / "round").symlink_to("round")
    (here / "full").mkdir()
    (here / "full" / "thesis.tex").write_text("precious")
    (here / "to a file").symlink_to("file")
    before = tree(here)
    wrong = {
        "file": "this one is something else", "file/run": "Not a directory", "round": "a link to itself",
        ".": "neither the working folder nor above it", "none/..": "nor above it", "..": "nor above it",
        "/": "the root of the disk", "full": "this one is something else", "full/": "this one is something else",
        "to a file": "this one is something else", "x" * 5_000: "File name too long", "x" * 250: "File name too long",
    }  # fmt: skip
    for name, expected in wrong.items():
        refused(scenario, record, name, expected)
    for name in ("a\0b", "a\ud800"):
        refused(scenario, record, name, "without a NUL", command=False)
    assert tree(here) == before


def test_the_home_directory_is_no_place(here, scenario, record, no_work, monkeypatch):
    (here / "home").mkdir()
    (here / "home" / ".profile").write_text("x")
    refused(scenario, record, here / "home", "this one is something else")


def test_files_of_others_in_a_run_directory_are_kept(here, scenario, record, no_work):
    directory = stress.save_run(record, "run", report=True)
    for name in ("notes.txt", "tables/mine.csv", "figures/mine.png"):
        (directory / name).write_text("mine")
        before = files(directory)
        refused(scenario, record, "run", f"nothing in it that no run wrote; it holds {name}: move it")
        assert files(directory) == before
        (directory / name).unlink()
    (directory / ".DS_Store").write_text("")
    assert stress.save_run(record, "run") == directory


def test_files_that_come_while_the_paths_are_worked_are_kept(here, scenario, record, whole, monkeypatch):
    stress.save_run(record, "run")
    write = run_directory._write

    def meanwhile(*arguments):
        Path("run", "notes.txt").write_text("mine")
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run_directory, "_write", meanwhile)
        with pytest.raises(InputError, match=r"it holds notes\.txt"):
            stress.run(scenario, directory="run")
    assert Path("run", "notes.txt").read_text() == "mine"
    assert Path("run.partial", "partial.json").exists()
    Path("run", "notes.txt").rename("notes.txt")
    with pytest.raises(SystemExit):
        main(["run", "--resume", "run", "--no-report", "-q"])
    assert files(Path("run")) == whole
    assert sorted(os.listdir()) == ["notes.txt", "run"]


def test_a_link_is_followed_and_stays(here, scenario, whole):
    (here / "disk").mkdir()
    Path("link").symlink_to("disk/run")
    for _ in range(2):  # first it leads nowhere
        stress.run(scenario, directory="link")
        assert os.readlink("link") == "disk/run"
        assert files(here / "disk" / "run") == whole
        assert sorted(os.listdir("disk")) == ["run"]
    with pytest.raises(KeyboardInterrupt):
        stress.run(scenario, ["seed=5"], directory="disk/../disk/other", threads=1, progress=interrupt(5))
    assert sorted(os.listdir("disk")) == ["other.partial", "run"]


def test_a_run_directory_keeps_its_rights(here, record):
    stress.save_run(record, "run").chmod(0o700)
    stress.save_run(record, "run")
    assert stat.S_IMODE(os.stat("run").st_mode) == 0o700


def test_a_partial_directory_that_is_a_link_is_refused(here, scenario, no_work):
    (here / "elsewhere").mkdir()
    Path("run.partial").symlink_to("elsewhere")
    with pytest.raises(InputError, match=r"run\.partial: expected a directory of its own; this is a link"):
        stress.run(scenario, directory="run")
    assert os.listdir("elsewhere") == []


@pytest.mark.parametrize("name", ["lock", "shards", "partial.json"])
def test_what_stands_where_a_file_of_the_partial_directory_belongs(name, here, scenario, capsys, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        stress.run(scenario, directory="run", threads=1, progress=interrupt(5))
    there = Path("run.partial", name)
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    there.write_text("x") if name == "shards" else there.mkdir()
    for arguments in (["--resume", "run"], [str(scenario), "--out", "run"]):
        with pytest.raises(SystemExit) as caught:
            main(["run", *arguments])
        assert caught.value.code == 2
        assert "Error: run.partial" in capsys.readouterr().err


@pytest.fixture
def disk(here):
    with mounted(here / "run.partial", "1m") as folder:
        yield folder


def test_a_mount_point_is_no_run_directory(disk, scenario, record, no_work):
    refused(scenario, record, disk, "a mount point")
    assert os.listdir(disk) == []


def test_a_partial_directory_on_another_disk_is_refused_before_the_work(disk, scenario, no_work):
    with pytest.raises(InputError, match=r"a directory in a writable folder \(.*device"):
        stress.run(scenario, directory="run")


def test_two_that_write_the_same_run_at_once_are_whole_or_refused(here, record, whole):
    refusals, stop = [], threading.Event()

    def write():
        for _ in range(8):
            try:
                stress.save_run(record, "run")
            except InputError as error:
                refusals.append(str(error))

    def read():
        while not stop.is_set():
            seen = {p.name for p in Path().iterdir()} - {"run"}
            assert all(writing.OURS.fullmatch(name) for name in seen)

    writers = [threading.Thread(target=write) for _ in range(3)]
    reader = threading.Thread(target=read)
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()
    assert os.listdir() == ["run"]
    assert files(Path("run")) == whole
    stress.open_run("run")
    assert len(refusals) < 24


def test_the_run_of_another_scenario_that_comes_first_is_kept(here, scenario, record, monkeypatch):
    other = stress.run(scenario, ["seed=4"])
    write = run_directory._write

    def meanwhile(*arguments):
        write(*arguments)
        monkeypatch.setattr(run_directory, "_write", write)
        stress.save_run(other, "run")

    monkeypatch.setattr(run_directory, "_write", meanwhile)
    with pytest.raises(InputError, match="this one holds the run"):
        stress.save_run(record, "run")
    assert stress.open_run("run").manifest["hash"] == other.manifest["hash"]
    assert os.listdir() == ["run"]


def test_what_was_there_is_put_back_where_the_new_one_cannot_take_its_place(here, record, whole, monkeypatch):
    stress.save_run(record, "run")
    replace = os.replace

    def fail(source, target):
        if Path(source).name == "new":
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="Input/output error"):
        stress.save_run(record, "run")
    assert files(Path("run")) == whole
    assert os.listdir() == ["run"]


def test_what_the_system_puts_into_a_run_directory_does_no_harm(tmp_path):
    directory = tmp_path / "run"
    for folder in ("", "tables/.ipynb_checkpoints"):
        (directory / folder).mkdir(parents=True)
    (directory / place.MANIFEST).write_text('{"hash": "x"}')
    for name in (".DS_Store", ".nfs000001", "._report.html", "tables/.fuse_hidden0001"):
        (directory / name).touch()
    place.check(directory, "x")
    (directory / "tables" / "notes.txt").touch()
    with pytest.raises(InputError, match=r"it holds tables.notes.txt: move it"):
        place.check(directory, "x")


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that a process works in stays")
def test_a_working_folder_that_is_gone_is_no_matter(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    place.check(tmp_path / "run", "x")
