"""Where compiled code is kept: a folder of this user that nobody else can write to.

Compiled code is executed as it is found. So the folder is made with mode 0700; one that belongs to somebody else, or is
a link, is refused, and one that was open to others is emptied. `is_private` says the same of a file that is open.
Where the system has no user numbers (Windows) the folders are taken as they are: there they lie in the user's profile.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

PRIVATE = 0o700
OTHERS = stat.S_IWGRP | stat.S_IWOTH
SETTING = "STRESS_CACHE_DIR"


def find(digest: str) -> tuple[Path | None, list[str]]:
    """The first folder that can be used for the code of these sources, or None; and why those before it cannot.

    The folder that `STRESS_CACHE_DIR` names goes first, then the user's cache, then the temporary directory.
    """
    refused: list[str] = []
    for root, chosen in _roots():
        try:
            folder, wrong = _prepare(root, chosen, digest)
        except OSError as error:
            folder, wrong = root, error.strerror or str(error)
        if not wrong:
            return folder, refused
        refused.append(f"{folder}: {wrong}")
    return None, refused


def is_private(status: os.stat_result) -> bool:
    """Whether a file belongs to this user, and nobody else may write to it."""
    return not _owner_is_wrong(status) and not _is_open(status)


def _roots() -> list[tuple[Path, bool]]:
    """Folders that may hold the cache, and whether the user chose them."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):
        home = os.path.join(os.path.expanduser("~"), ".cache")
    chosen = os.environ.get(SETTING)
    roots = [(Path(chosen).absolute(), True)] if chosen else []
    if os.path.isabs(home):  # an unknown user has no home
        roots.append((Path(home, "perp-stress"), False))
    try:
        user = f"perp-stress-{os.geteuid()}" if hasattr(os, "geteuid") else "perp-stress"
        roots.append((Path(tempfile.gettempdir(), user), False))
    except FileNotFoundError:  # there is no temporary directory either
        pass
    return roots


def _prepare(root: Path, chosen: bool, digest: str) -> tuple[Path, str]:
    """Make the folder below a root; the path that is at fault and what is wrong with it, or the folder and ""."""
    root.parent.mkdir(parents=True, exist_ok=True)
    root.mkdir(mode=PRIVATE, exist_ok=True)
    if not chosen:  # whose folder it is, the user decides: only what is in it has to be of this user
        for status in (root.lstat(), root.stat()):  # of a link, and of what it leads to
            if wrong := _owner_is_wrong(status):
                return root, wrong
    if not (chosen or root.is_symlink()) and _is_open(root.stat()):
        root.chmod(PRIVATE)
    folder = root / f"kernels-{digest}"
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return folder, "no directory, but a link or a file"
    if wrong := _owner_is_wrong(status):
        return folder, wrong
    if _is_open(status):
        folder.chmod(PRIVATE)
        if _is_open(folder.lstat()):
            return folder, "others may write there, and this disk does not keep rights"
        for path in folder.iterdir():  # what others may have put there
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    with tempfile.TemporaryFile(dir=folder):
        return folder, ""


def _owner_is_wrong(status: os.stat_result) -> str:
    """Why the owner is not to be trusted, or ""."""
    if not hasattr(os, "geteuid") or status.st_uid == os.geteuid():
        return ""
    return f"it belongs to user {status.st_uid} and not to user {os.geteuid()}, who runs this"


def _is_open(status: os.stat_result) -> bool:
    """Whether others may write there."""
    return hasattr(os, "geteuid") and bool(status.st_mode & OTHERS)
