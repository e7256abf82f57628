"""What one would write without this package: every trader looked at in every step, in three tools.

All know whole jumps in a book of infinite depth, and a fund that keeps every surplus; none knows impact, fees or ADL,
and of what the engine tells they give D* alone, which must be the engine's. The formula is the same,

    hit = alive and side (price - level) <= 0

for an open position of a side (+1 long, -1 short) and liquidation price `level`. `vectorised` is numpy over paths and
traders, `loop` is Numba over paths in parallel, then steps, then traders, where the compiler makes the check of a step
a loop without branches, and `scan` is JAX. `tuned_loop` is as far as such a loop was taken: sides apart, so that one
comparison of one array is left, and whoever is gone is marked by a level that no price reaches.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np


class Crowd(NamedTuple):
    """A book in the order in which a move meets it: longs from the highest level, then shorts from the lowest.

    A jump hits one side only, so losses added up in this order give the peak within the step.
    """

    side: np.ndarray  # +1.0 or -1.0
    quantity: np.ndarray
    level: np.ndarray  # liquidation price
    bankruptcy: np.ndarray
    longs: int


def crowd(side: Any, quantity: Any, level: Any, bankruptcy: Any) -> Crowd:
    """A Crowd of float64[N] in any order; side +1 or -1."""
    order = np.lexsort((-side * level, -side))
    columns = (np.ascontiguousarray(column[order], dtype=np.float64) for column in (side, quantity, level, bankruptcy))
    return Crowd(*columns, int((side > 0).sum()))


def vectorised(close: np.ndarray, of: Crowd) -> np.ndarray:
    """Peak net loss D* of each path, USD; close: float64[n_paths, n_steps + 1]."""
    n = close.shape[0]
    alive = np.ones((n, of.side.size), bool)
    loss, peak = np.zeros(n), np.zeros(n)
    for t in range(1, close.shape[1]):
        price = close[:, t, None]
        hit = alive & (of.side * (price - of.level) <= 0)
        rows = np.flatnonzero(hit.any(axis=1))
        if rows.size:
            losses = np.where(hit[rows], of.side * of.quantity * (of.bankruptcy - price[rows]), 0.0)
            course = loss[rows, None] + np.cumsum(losses, axis=1)
            peak[rows] = np.maximum(peak[rows], course.max(axis=1))
            loss[rows] = course[:, -1]
            alive[rows] &= ~hit[rows]
    return peak


@numba.njit(parallel=True, error_model="numpy")
def _loop(close, side, quantity, level, bankruptcy, peak):
    for path in numba.prange(close.shape[0]):
        alive = np.ones(side.size, np.bool_)
        loss = top = 0.0
        for t in range(1, close.shape[1]):
            price = close[path, t]
            hits = 0
            for i in range(side.size):
                hits += alive[i] & (side[i] * (price - level[i]) <= 0)
            if hits > 0:
                for i in range(side.size):
                    if alive[i] and side[i] * (price - level[i]) <= 0:
                        loss += side[i] * quantity[i] * (bankruptcy[i] - price)
                        top = max(top, loss)
                        alive[i] = False
        peak[path] = top


def loop(close: np.ndarray, of: Crowd) -> np.ndarray:
    """As `vectorised`, on all threads of numba."""
    peak = np.zeros(close.shape[0])
    _loop(close, of.side, of.quantity, of.level, of.bankruptcy, peak)
    return peak


@numba.njit(parallel=True, error_model="numpy")
def _tuned_loop(close, quantity, level, bankruptcy, longs, peak):
    for path in numba.prange(close.shape[0]):
        left = level.copy()
        loss = top = 0.0
        for t in range(1, close.shape[1]):
            price = close[path, t]
            below = above = 0
            for i in range(longs):
                below += price <= left[i]
            for i in range(longs, left.size):
                above += price >= left[i]
            if below > 0:
                for i in range(longs):
                    if price <= left[i]:
                        loss += quantity[i] * (bankruptcy[i] - price)
                        top = max(top, loss)
                        left[i] = -math.inf
            if above > 0:
                for i in range(longs, left.size):
                    if price >= left[i]:
                        loss += quantity[i] * (price - bankruptcy[i])
                        top = max(top, loss)
                        left[i] = math.inf
        peak[path] = top


def tuned_loop(close: np.ndarray, of: Crowd) -> np.ndarray:
    """As `loop`."""
    peak = np.zeros(close.shape[0])
    _tuned_loop(close, of.quantity, of.level, of.bankruptcy, of.longs, peak)
    return peak


def make_scan():
    """As `vectorised`, in JAX: a scan over steps, compiled, one path after the other.

    Raises
    ------
    ImportError
        If there is no JAX.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def run(close, side, quantity, level, bankruptcy):
        def step(state, price):
            alive, _, _ = state
            hit = alive & (side * (price - level) <= 0)

            def liquidate(state):
                alive, loss, peak = state
                course = loss + jnp.cumsum(jnp.where(hit, side * quantity * (bankruptcy - price), 0.0))
                return alive & ~hit, course[-1], jnp.maximum(peak, course.max())

            return jax.lax.cond(hit.any(), liquidate, lambda state: state, state), None

        def path(prices):
            start = jnp.ones(side.size, bool), jnp.float64(0.0), jnp.float64(0.0)
            (_, _, peak), _ = jax.lax.scan(step, start, prices[1:])
            return peak

        return jax.lax.map(path, close)

    def scan(close: np.ndarray, of: Crowd) -> np.ndarray:
        return np.asarray(run(close, *of[:4]))

    return scan
