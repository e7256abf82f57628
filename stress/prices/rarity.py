"""Coordinates of rare days as a price model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stress.arguments import numbers
from stress.errors import InputError, Problem


def check_rarity(rarity: Any, n_paths: int, names: Sequence[str]) -> np.ndarray:
    """The coordinates as float64[n_paths, D], D the number of names.

    Raises
    ------
    InputError
        If they are of another shape, not all in (0, 1), or the model has none.
    """
    if not names:
        raise InputError(Problem("block", "none: the model has no rarities here", column="rarity"))
    given, shape = numbers(rarity), (n_paths, len(names))
    wanted = f"numbers in (0, 1) of shape {shape}: {', '.join(names)}"
    if given is None or given.shape != shape:
        got = rarity if given is None else f"shape {given.shape}"
        raise InputError(Problem("block", wanted, column="rarity", value=got))
    ok = (given > 0.0) & (given < 1.0)
    if not ok.all():
        raise InputError(Problem("block", wanted, column="rarity", value=float(given[~ok][0])))
    return given
