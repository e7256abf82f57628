"""Compiled code on disk: whatever happens to a file, the function runs, and the file is good afterwards."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

import numba
import numpy as np
import pytest

from stress.kernels import cache, jit
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="the compiler is off: NUMBA_DISABLE_JIT=1")


def plus_one(x):
    return x + 1.0


def plus_two(x):
    return x + 2.0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache with one function in it, which says that it is complete."""
    monkeypatch.setattr(jit, "CACHE_DIR", tmp_path)
    assert call() == (2.5, "compiled")
    assert call() == (2.5, "loaded")
    jit.mark_warm()
    return tmp_path


def call(function=plus_one, x=1.5):
    """What a new process would get, and where from."""
    compiled = jit.jit(function)
    found = compiled(x)
    return found, "loaded" if sum(compiled.stats.cache_hits.values()) else "compiled"


def only_file(folder):
    (path,) = cache.files(folder)
    return path


def turn(place):
    """Damage: one byte is another."""

    def damage(path):
        content = bytearray(path.read_bytes())
        content[int(place * (len(content) - 1))] ^= 1
        path.write_bytes(content)

    return damage


def to_directory(path):
    path.unlink()
    path.mkdir()
    (path / "file").touch()


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "one byte short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "one byte more": lambda path: path.write_bytes(path.read_bytes() + b"."),
    "the checksum alone": lambda path: path.write_bytes(path.read_bytes()[: cache.DIGEST]),
    "noise": lambda path: path.write_bytes(np.random.default_rng(1).bytes(path.stat().st_size)),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "another pickle": lambda path: path.write_bytes(cache._digest(b"N.") + b"N."),
    "a directory": to_directory,
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to(path.with_name("nothing"))),
    **{f"a byte at {place:.0%}": turn(place) for place in (0.0, 0.002, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_compiled_again_and_replaced(folder, damage):
    path = only_file(folder)
    damage(path)
    assert call() == (2.5, "compiled")
    assert only_file(folder) == path
    assert call() == (2.5, "loaded")
    assert cache.damaged_files(folder) == []


def test_damage_is_found_and_the_cache_is_no_longer_complete(folder):
    turn(0.5)(only_file(folder))
    assert cache.damaged_files(folder) == [only_file(folder)]
    assert jit.is_warm()
    call()
    assert not jit.is_warm()  # so that those who wait are told what for


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")
def test_a_file_that_others_could_write_is_not_executed(folder):
    path = only_file(folder)
    path.chmod(0o620)
    assert call() == (2.5, "compiled")
    assert path.stat().st_mode & 0o777 == 0o600
    if not os.geteuid():
        os.chown(path, 54_321, -1)
        assert call() == (2.5, "compiled")
        assert path.stat().st_uid == 0


def test_a_file_of_another_function_is_not_executed(folder):
    first = only_file(folder)
    assert call(plus_two) == (3.5, "compiled")
    (second,) = set(cache.files(folder)) - {first}
    shutil.copyfile(first, second)
    assert call(plus_two) == (3.5, "compiled")
    assert call(plus_two) == (3.5, "loaded")
    assert call() == (2.5, "loaded")


def test_each_signature_and_version_has_a_file(folder, monkeypatch):
    assert call(x=np.float32(1.5)) == (2.5, "compiled")
    assert len(cache.files(folder)) == 2
    assert call() == (2.5, "loaded")
    monkeypatch.setattr(cache, "VERSIONS", (*cache.VERSIONS[:-1], "another numpy"))
    assert call() == (2.5, "compiled")
    assert len(cache.files(folder)) == 3


def test_code_that_holds_an_address_is_not_kept(folder):
    table = np.arange(200_000.0)  # numba refers to a large constant by its address
    compiled = jit.jit(lambda i: table[i])
    assert compiled(3) == 3.0
    assert len(cache.files(folder)) == 1


def test_where_nothing_can_be_written_nothing_is_kept(folder, monkeypatch):
    def full(path, flags):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cache, "_open_private", full)
        assert call(plus_two) == (3.5, "compiled")
    with monkeypatch.context() as patch:
        patch.setattr(type(folder), "replace", lambda *paths: full(*paths))
        assert call(plus_two) == (3.5, "compiled")
    assert [path.name for path in folder.iterdir() if path.name != cache.WARM] == [only_file(folder).name]
    shutil.rmtree(folder)
    assert call() == (2.5, "compiled")
    assert not folder.exists()


WRITE = """
import sys
from pathlib import Path
from stress.kernels import jit
from tests.kernels import test_cache
jit.CACHE_DIR = Path(sys.argv[1])
print(*test_cache.call(), *test_cache.call(test_cache.plus_two))
"""


def test_processes_that_compile_at_once_keep_what_the_next_one_loads(tmp_path):
    command = [sys.executable, "-c", WRITE, str(tmp_path)]

    def start():
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    said = [process.communicate(timeout=300)[0].split() for process in [start(), start()]]
    assert [(line[0], line[2]) for line in said] == [("2.5", "3.5")] * 2
    assert start().communicate(timeout=300)[0].split() == ["2.5", "loaded", "3.5", "loaded"]
    assert len(list(tmp_path.iterdir())) == 2
