"""A table of option combinations in which every pair of values of every two options occurs."""

from __future__ import annotations

import random
from itertools import combinations


def pairwise(options: dict[str, list], seed: int = 1, tries: int = 40) -> list[dict]:
    """Rows chosen greedily, each the one of `tries` random candidates that covers most pairs not yet seen."""
    rng = random.Random(seed)
    names = list(options)
    missing = {
        (a, i, b, j) for a, b in combinations(names, 2) for i in range(len(options[a])) for j in range(len(options[b]))
    }
    rows = []
    while missing:
        best, covered = None, set()
        for _ in range(tries):
            a, i, b, j = rng.choice(sorted(missing))
            row = {name: rng.randrange(len(options[name])) for name in names} | {a: i, b: j}
            new = {pair for pair in missing if row[pair[0]] == pair[1] and row[pair[2]] == pair[3]}
            if len(new) > len(covered):
                best, covered = row, new
        missing -= covered
        rows.append({name: options[name][best[name]] for name in names})
    return rows
