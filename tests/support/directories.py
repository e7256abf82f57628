"""Run directories: their files, an interruption after some paths, and a full disk."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def files(directory: Path) -> dict[str, bytes]:
    """A run directory, without the time and the date."""
    found = {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}
    del found["manifest.json"]
    return found


def interrupt(after: int):
    def progress(done, total):
        if done >= after:
            raise KeyboardInterrupt

    return progress


def no_room(monkeypatch, after: int, until: int | None = None) -> None:
    """The disk is full from the given file on, or up to another one."""
    real, calls = os.fsync, []

    def full(file):
        calls.append(file)
        if len(calls) > after and (until is None or len(calls) <= until):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr(os, "fsync", full)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """An empty disk at a new folder; the test is skipped where the system lets this process mount none."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "stress-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)
