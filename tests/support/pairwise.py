"""A table of option combinations in which every pair of values of every two options occurs."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import combinations
from typing import Any

Pair = tuple[str, int, str, int]  # two options, and the indices of a value of each


def pairs_of(row: dict[str, int]) -> set[Pair]:
    """The pairs that meet in a row of indices, the options in order."""
    return {(a, i, b, j) for (a, i), (b, j) in combinations(row.items(), 2)}


def all_pairs(options: dict[str, list], refused: Callable[[dict[str, Any]], bool] | None = None) -> set[Pair]:
    """All pairs of values, but those that are `refused` whatever else the row says."""
    return {
        (a, i, b, j)
        for a, b in combinations(options, 2)
        for i, one in enumerate(options[a])
        for j, other in enumerate(options[b])
        if refused is None or not refused({a: one, b: other})
    }


def pairwise(
    options: dict[str, list],
    seed: int = 1,
    tries: int = 40,
    refused: Callable[[dict[str, Any]], bool] | None = None,
) -> list[dict]:
    """Rows chosen greedily, each the one of `tries` random candidates that covers most pairs not yet seen.

    `refused` says of a row, or of two options of one, that it must not occur.
    """
    rng = random.Random(seed)
    names = list(options)
    missing = all_pairs(options, refused)
    rows = []
    while missing:
        best, covered, ordered, tried = {}, set(), sorted(missing), 0
        while tried < tries:
            a, i, b, j = rng.choice(ordered)
            row = {name: rng.randrange(len(options[name])) for name in names} | {a: i, b: j}
            if refused is not None and refused({name: options[name][k] for name, k in row.items()}):
                continue
            tried += 1
            new = pairs_of(row) & missing
            if len(new) > len(covered):
                best, covered = row, new
        missing -= covered
        rows.append({name: options[name][best[name]] for name in names})
    return rows
