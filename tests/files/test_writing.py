"""A file is whole or not there, and what was there before is kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stress.errors import InputError
from stress.files import writing
from stress.files.writing import check_file, put_text
from tests.support.directories import no_room

pytestmark = pytest.mark.nojit


@pytest.mark.parametrize("before", [None, "what was there"])
def test_a_file_that_cannot_be_written_leaves_what_was_there(before, tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    if before is not None:
        path.write_text(before)
    with monkeypatch.context() as patch:
        no_room(patch, after=0)
        with pytest.raises(InputError, match=r"table\.csv: expected a writable path \(No space left on device\)"):
            put_text(path, "new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ([] if before is None else [before])
    assert put_text(path, "né\n").read_bytes() == "né\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "there").mkdir()
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(tmp_path / "there" / "table.csv")
    put_text(link, "text")
    assert link.is_symlink()
    assert (tmp_path / "there" / "table.csv").read_text() == "text"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    put_text(pipe, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_file_of_others_is_touched(tmp_path):
    path, other, link = tmp_path / "table.csv", tmp_path / "table.csv.tmp", tmp_path / "elsewhere"
    other.write_text("mine")
    link.write_text("mine too")
    (tmp_path / ".table.csv.tmp").symlink_to(link)
    put_text(path, "text")
    assert (path.read_text(), other.read_text(), link.read_text()) == ("text", "mine", "mine too")
    assert writing.leftovers(tmp_path) == []


def test_the_name_in_between_is_new_and_follows_no_link(tmp_path, monkeypatch):
    """Also where somebody guessed it."""
    guessed, victim = tmp_path / ".stress-0000000000000000.tmp", tmp_path / "victim"
    victim.write_text("precious")
    guessed.symlink_to(victim)
    monkeypatch.setattr(writing, "temporary", lambda folder: guessed)
    with pytest.raises(InputError, match="File exists"):
        put_text(tmp_path / "table.csv", "text")
    assert victim.read_text() == "precious"
    assert guessed.is_symlink()


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="no such rights here")
def test_rights_are_kept(tmp_path):
    before = os.umask(0o027)
    try:
        path = tmp_path / "table.csv"
        put_text(path, "new")
        assert mode(path) == 0o640
        for kept in (0o600, 0o666, 0o755):
            path.chmod(kept)
            put_text(path, "text")
            assert mode(path) == kept
    finally:
        os.umask(before)


@pytest.mark.parametrize("kind", ["replace", "fsync"])
def test_nothing_is_left_of_a_file_that_could_not_be_written(kind, tmp_path, monkeypatch):
    (tmp_path / "table.csv").write_text("before")

    def fail(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, kind, fail)
    with pytest.raises(InputError, match="Input/output error"):
        put_text(tmp_path / "table.csv", "after")
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]
    assert (tmp_path / "table.csv").read_text() == "before"


def test_leftovers_are_ours_alone(tmp_path):
    for name in ("x.tmp", ".stress-x.tmp", ".stress-0123456789abcdef.tmp.txt", ".stress-0123456789ABCDEF.tmp"):
        (tmp_path / name).write_text("mine")
    ours = writing.temporary(tmp_path)
    ours.mkdir()
    assert writing.leftovers(tmp_path) == [ours]


def test_a_path_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    (tmp_path / "nowhere").symlink_to(tmp_path / "none" / "table.csv")
    refused = {
        ".": "a file; this is a directory", "none/table.csv": "No such file", "file/table.csv": "Not a directory",
        "x" * 5_000: "File name too long", "a\0b": "without a NUL", "a\ud800": "without a NUL or half a character",
        "round": "a link to itself", "nowhere": "No such file",
    }  # fmt: skip
    for name, expected in refused.items():
        with pytest.raises(InputError, match=expected) as caught:
            check_file(Path(f"{tmp_path}/{name}"))
        assert str(caught.value).startswith("--out ")
        with pytest.raises(InputError):
            put_text(Path(f"{tmp_path}/{name}"), "text")
    assert check_file(None) is None
    for right in ("new", "file", "x" * 250):
        check_file(tmp_path / right)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "nowhere", "round"]
