"""Paths drawn by their coordinates of rarity, and laws to hold them to."""

from __future__ import annotations

import math

import numpy as np


def spread(model, n_paths, n_steps, dt, seed=3):
    """Paths whose coordinates are uniform: they have the law of the model."""
    names = list(model.rarities(n_steps, dt))
    return model.block(seed, 0, n_paths, n_steps, dt, rarity=np.random.default_rng(seed).random((n_paths, len(names))))


def given(model, n_paths, n_steps, dt, seed=3, **coordinates):
    """Paths with the coordinates given by the last word of their names; the others uniform."""
    names = list(model.rarities(n_steps, dt))
    rarity = np.random.default_rng(seed).random((n_paths, len(names)))
    for word, r in coordinates.items():
        (column,) = [i for i, name in enumerate(names) if word in name.split()]
        rarity[:, column] = r
    return model.block(seed, 0, n_paths, n_steps, dt, rarity=rarity)


def jumps_of(block):
    """Log moves by jumps of each step, float64[n_paths, n_steps]."""
    return np.log(block.close / block.pre_jump)[:, 1:]


def within(estimates, exact, errors=4.0):
    """Whether the mean of the estimates is the exact one, up to their standard error."""
    estimates = np.asarray(estimates, dtype=float)
    return abs(estimates.mean() - exact) < errors * estimates.std(ddof=1) / math.sqrt(estimates.size)


def alike(a, b, errors=4.0):
    """Whether two samples have the same mean, up to its standard error."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return abs(a.mean() - b.mean()) <= errors * math.sqrt(a.var() / a.size + b.var() / b.size)


def facts_of(block, sizes):
    """What the law of a path is held to: float64[n_paths] each.

    Moments of the last log price, worst low and high of a step, mean range, and the numbers of steps that fall or rise
    by more than each of the sizes.
    """
    last = np.log(block.close[:, -1] / block.close[:, 0])
    before = block.close[:, :-1]
    steps = np.log(block.close[:, 1:] / before)
    facts = {"mean": last, "variance": last**2, "close": np.exp(last)}
    facts["low"] = np.log(block.low[:, 1:] / before).min(axis=1)
    facts["high"] = np.log(block.high[:, 1:] / before).max(axis=1)
    facts["range"] = np.log(block.high[:, 1:] / block.low[:, 1:]).mean(axis=1)
    facts["clusters"] = (steps**2).sum(axis=1) ** 2
    for x in sizes:
        facts[f"falls beyond {x:.3g}"], facts[f"rises beyond {x:.3g}"] = (
            (steps < -x).sum(axis=1),
            (steps > x).sum(axis=1),
        )
    return facts


def unlike(a, b):
    """Facts in which the paths of two blocks differ by more than four standard errors."""
    steps = np.abs(np.log(b.close[:, 1:] / b.close[:, :-1]))
    sizes = np.quantile(steps, [0.5, 0.9, 0.99, 0.999, 0.9999])
    ours, theirs = facts_of(a, sizes), facts_of(b, sizes)
    return [name for name in ours if not alike(ours[name], theirs[name])]


def same_in_other_blocks(model, n_steps, dt):
    """Whether paths depend on seed, number and coordinates alone, however they are cut into blocks."""
    rarity = np.random.default_rng(4).random((7, len(model.rarities(n_steps, dt))))
    first = 2**32 + 5
    whole = model.block(11, first, 7, n_steps, dt, rarity=rarity)[:4]
    parts = [model.block(11, first + i, n, n_steps, dt, rarity=rarity[i : i + n])[:4] for i, n in ((0, 3), (3, 4))]
    joined = [np.concatenate(rows) for rows in zip(*parts, strict=True)]
    return all(a.tobytes() == b.tobytes() for a, b in zip(whole, joined, strict=True))
