"""Files whose names are near to that of a file that is not there."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

MOST = 10_000  # names that are looked at
SHOWN = 3


def near_names(path: Path) -> str:
    """The names in the folder of a missing file that are nearest to its own, as the end of a sentence; "" for none."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for _, entry in zip(range(MOST), entries, strict=False)]
    except OSError:
        return f"; there is no folder {str(path.parent)!r}"
    by_fold = {name.lower(): name for name in sorted(names)}
    near = difflib.get_close_matches(path.name.lower(), by_fold, n=SHOWN)
    found = ", ".join(repr(by_fold[name]) for name in near)
    return f"; its folder has {found}" if found else ""
