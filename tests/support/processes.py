"""Looking at processes, and folders that nobody should take modules from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT

LOOPBACK = "127.0.0.1"
ENVIRONMENT = os.environ | {  # of a process that serves a cluster
    "PYTHONPATH": str(ROOT),
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
}
MARKER = "executed"
MODULES = (
    "yaml",
    "json",
    "numba",
    "numpy",
    "pandas",
    "click",
    "dask",
    "distributed",
    "stress",
    "typer",
    "ssl",
    "glob",
    "random",
    "csv",
)


def plant(folder: Path, *more: str) -> None:
    """Modules that leave a file beside them if anybody imports them."""
    for name in (*MODULES, *more):
        leave = f"open({str(folder / MARKER)!r}, 'a').write('{name} ')"
        (folder / f"{name}.py").write_text(f"{leave}\nraise SystemExit('this is the wrong {name}')\n")


def is_running(pid: int) -> bool:
    """Whether a process has not ended, nor waits for a parent that is gone."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it ended just now, or the system has no such file
        return not Path("/proc/self/stat").exists()
    return state not in "ZX"


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found.append(int(path.parent.name))
    return found


def wait_until(true: Callable[[], object], seconds: float) -> float:
    """Wait for something; how long it took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, "it did not happen"
        time.sleep(0.05)
    return time.monotonic() - begun


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses, as Linux writes them in hexadecimal, and ports that a process takes connections at."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].partition(":")
                found.add((address, int(port, 16)))
    return found
