"""Where a run directory may be: what is wrong with a place is found before the work, and nothing of others is lost.

A run directory takes its place by a rename, from a scratch directory on the same disk. A link is followed: the place is
the one that it leads to.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from stress.errors import InputError, Problem
from stress.files import writing
from stress.runs import sealed, studies

MANIFEST = "manifest.json"
PARTIAL = ".partial"  # ends the name of the directory of an unfinished run
TABLES = (
    "summary.csv", "required_fund.csv", "gaps.csv", "depletion_curve.csv", "by_leverage.csv", "committee.csv",
    "paths.csv.gz", "positions.csv.gz", "cells.npz", "fund_at.npz",
    "error_budget.csv", "fund_grid.csv", "days.npz", "ruin_curve.csv", "horizon.csv",
    "strata.csv", "caps.csv",
)  # fmt: skip
DATA = {"summary.json", *(f"tables/{name}" for name in TABLES)}
FIGURES = ("depletion_curve", "adl_by_leverage", "ruin", "fund_by_day")
WRITTEN = {
    "": {"scenario.json", MANIFEST, "config.json", "summary.json", "report.html", "tables", "studies", "figures"},
    "tables": set(TABLES),
    "studies": {f"{name}.csv" for name in studies.COLUMNS},
    "figures": {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")},
}
# what file systems, file managers and notebooks put anywhere
SYSTEM = (
    ".DS_Store", "._*", ".directory", "@eaDir", "Thumbs.db", "desktop.ini", ".nfs*", ".fuse_hidden*",
    ".ipynb_checkpoints",
)  # fmt: skip


def resolved(directory: str | Path) -> Path:
    """The place of a run directory by a path that ends in its name; where that is a link, what it leads to.

    Raises
    ------
    InputError
        If it is no path of a directory.
    """
    path, where = Path(directory), str(directory)[:200]
    try:
        os.fsencode(path)
        if path.is_symlink() or ".." in path.parts or not path.name:
            path = Path(os.path.realpath(path))
        if path.is_symlink():
            raise InputError(Problem(where, "a run directory; this is a link to itself"))
        if not path.name:
            raise InputError(Problem(where, "a run directory, not the root of the disk"))
        with suppress(FileNotFoundError):
            os.lstat(partial(path))  # its name may be too long, or a file on its way
    except OSError as error:
        raise InputError(Problem(where, f"a directory in a writable folder ({error.strerror})")) from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(where, "the path of a directory, without a NUL or half a character")) from None
    return path


def partial(directory: Path) -> Path:
    """Where the finished paths of a run are until its directory is complete."""
    return directory.with_name(directory.name + PARTIAL)


def check(directory: Path, scenario_hash: str) -> None:
    """Refuse a place that a run directory cannot take, or that holds anything but a run of this scenario.

    Parameters
    ----------
    directory : Path
        As `resolved` gives it.
    scenario_hash : str

    Raises
    ------
    InputError
    """
    where = str(directory)
    try:
        if partial(directory).is_symlink():
            raise InputError(Problem(str(partial(directory)), "a directory of its own; this is a link"))
        if os.path.ismount(directory):
            raise InputError(Problem(where, "a directory in a disk, this is a whole one (a mount point)"))
        with suppress(FileNotFoundError):  # the folder that this process works in may be gone
            if Path.cwd().is_relative_to(os.path.realpath(directory)):
                raise InputError(Problem(where, "a directory that is neither the working folder nor above it"))
        check_content(directory, scenario_hash, where)
        if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
            raise InputError(Problem(where, "a writable directory (Permission denied)"))
        _try_rename(directory)
    except OSError as error:
        raise InputError(Problem(where, f"a directory that can be looked at ({error.strerror})")) from None


def check_content(directory: Path, scenario_hash: str, where: str) -> None:
    """Refuse what holds anything but a run of this scenario.

    Parameters
    ----------
    directory : Path
    scenario_hash : str
    where : str
        Name of the directory in messages.

    Raises
    ------
    InputError
    """
    if not os.path.lexists(directory) or (_is_folder(directory) and not any(directory.iterdir())):
        return
    expected = "a new directory, or a run directory of the same scenario"
    if not _is_folder(directory) or not (directory / MANIFEST).exists():
        raise InputError(Problem(where, f"{expected}; this one is something else"))
    kind = f"the manifest of a run (for {where}, {expected})"
    present = sealed.read(directory / MANIFEST, kind, required=False).get("hash")
    if present != scenario_hash:
        raise InputError(Problem(where, f"{expected}; this one holds the run {str(present)[:8]}"))
    if others := _of_others(directory):
        named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        expected = f"nothing in it that no run wrote; it holds {named}: move it, or give another place"
        raise InputError(Problem(where, expected))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _of_system(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in SYSTEM)


def _of_others(directory: Path) -> list[str]:
    """What is in a run directory that no run wrote."""
    found = []
    for folder, own in WRITTEN.items():
        inside = directory / folder
        names = [path.name for path in inside.iterdir()] if _is_folder(inside) else []
        found += [str(Path(folder, name)) for name in names if name not in own and not _of_system(name)]
    return sorted(found)


def _try_rename(directory: Path) -> None:
    """Refuse a place that a directory cannot be renamed to, by doing it beside."""
    above = next((p for p in directory.absolute().parents if os.path.lexists(p)), Path("/"))
    scratch = partial(directory)
    probe = writing.temporary(scratch if scratch.is_dir() else above)
    try:
        probe.mkdir()
        try:
            moved = writing.temporary(above)
            os.rename(probe, moved)
            probe = moved
        finally:
            probe.rmdir()
    except OSError as error:
        expected = f"a directory in a writable folder ({above}: {error.strerror})"
        raise InputError(Problem(str(directory), expected)) from None


def take(new: Path, directory: Path, old: Path, scenario_hash: str) -> None:
    """Rename a directory to its place; a run of the same scenario that is there is renamed to `old`, with its rights.

    What is there is looked at once nobody else can reach it. If another process has put something else there
    meanwhile, that is put back.

    Raises
    ------
    InputError
        If something else is there.
    OSError
        If it cannot be renamed; what was there is there again.
    """
    if not os.path.lexists(directory):
        os.replace(new, directory)
        return
    os.replace(directory, old)
    try:
        check_content(old, scenario_hash, str(directory))
    except InputError:
        os.replace(old, directory)
        raise
    try:
        shutil.copymode(old, new)
        os.replace(new, directory)
    except OSError:
        if os.path.lexists(directory):  # another process was faster: there is a run, and this one needs no old one
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(old, directory)
        raise
