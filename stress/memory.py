"""How much memory this process may still take, and the refusal of what cannot fit, before the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from stress.errors import InputError, Problem

SMALL = 200_000_000  # bytes: so much is not worth looking what is free
PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")  # of Linux


def check(needed: int, size: str, fitting: Callable[[int], str]) -> None:
    """Refuse what needs more than is free, where that is known.

    Parameters
    ----------
    needed : int
        Bytes.
    size : str
        What needs them, in words.
    fitting : callable
        What would fit into so many bytes, in words.

    Raises
    ------
    InputError
    """
    if needed > SMALL and (room := free()) is not None and needed > room:
        message = f"{fitting(room)}; {size} need about {gigabytes(needed)}, {gigabytes(room)} are free"
        raise InputError(Problem("memory", message))


def gigabytes(size: int) -> str:
    """A number of bytes in words."""
    return f"{size / 1e9:,.3g} GB"


def free() -> int | None:
    """Bytes that this process may still take: the least of what the machine, its container and its limit leave.

    None where none of them is known.
    """
    return min(_rooms(), default=None)


def _rooms() -> Iterator[int]:
    machine = _sizes(PROC / "meminfo")
    if "MemAvailable" in machine:
        yield 1024 * (machine["MemAvailable"] + machine.get("SwapFree", 0))
    try:
        import resource  # not on Windows

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int((PROC / "self" / "statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        if limit != resource.RLIM_INFINITY:
            yield max(0, limit - used)
    except (ImportError, OSError, ValueError):
        pass
    yield from _containers()


def _containers() -> Iterator[int]:
    """What the control groups of this process leave, those above it included; pages of files may be dropped."""
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            base, names = CGROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base = CGROUPS / "memory"
            names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        inner = base / place.lstrip("/")
        for folder in (inner, *inner.parents):
            if not folder.is_relative_to(base):
                break
            try:
                limit, used = (int((folder / name).read_text()) for name in names[:2])
            except (OSError, ValueError):  # no limit, "max", or a group that is not seen from inside the container
                continue
            yield max(0, limit - used + _sizes(folder / "memory.stat").get(names[2], 0))


def _sizes(path: Path) -> dict[str, int]:
    """The numbers of a file of lines with a name and a number; empty if there is none."""
    try:
        words = (line.replace(":", "").split() for line in path.read_text().splitlines())
        return {word[0]: int(word[1]) for word in words if len(word) > 1 and word[1].isdigit()}
    except OSError:
        return {}
