"""A file is whole or not there, and what was there before is kept."""

from __future__ import annotations

import os

import pytest

from stress.errors import InputError
from stress.files.writing import put_text
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
