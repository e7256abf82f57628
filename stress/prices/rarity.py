"""Coordinates of rare days as a price model takes them: checked, and with plain draws for those it does not have."""

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


def columns_of(
    rarity: Any, n_paths: int, names: Sequence[str], columns: Sequence[str], seed: int, first_path: int
) -> np.ndarray:
    """Coordinates in the columns that a kernel has, float64[n_paths, len(columns)].

    A column that is not among the names, since the parameters of the model leave no room for it, is drawn for each
    path.

    Raises
    ------
    InputError
        As in `check_rarity`.
    """
    from stress.kernels.prices.rarest import fill_missing

    given = check_rarity(rarity, n_paths, names)
    out = np.empty((len(columns), n_paths))
    for i, name in enumerate(columns):
        if name in names:
            out[i] = given[:, list(names).index(name)]
        else:
            fill_missing(seed, first_path, i, out[i])
    return np.ascontiguousarray(out.T)
