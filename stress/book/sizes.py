"""Sizes of the positions of one side: a drawn shape scaled to its open interest, under a cap, in lots."""

from __future__ import annotations

import math

import numpy as np

from stress.errors import InputError, Problem

TOP = 10  # accounts of a side whose share can be asked for


def share_out(size: np.ndarray, total: float, cap: float) -> np.ndarray:
    """Return min(c size, cap), float64[N], with c such that the sum is `total`."""
    order = np.argsort(size, kind="stable")[::-1]
    below = np.cumsum(size[order][::-1])[::-1]  # of each size and all smaller ones
    capped = np.arange(size.size)
    factor = (total - capped * cap) / below
    # The largest are capped one after the other until the next one fits under the cap.
    first = int(np.argmax(factor * size[order] <= cap))
    if factor[first] * size[order[first]] > cap:
        return np.full(size.size, total / size.size)
    shares: np.ndarray = np.minimum(factor[first] * size, cap)
    return shares


def check_top(share: float, accounts: int, cap: float, side: str) -> None:
    """Refuse a share that the ten largest of so many accounts of a side cannot hold; the cap is a share of the side."""
    least, most = TOP / accounts, min(TOP * cap, 1.0)
    if accounts <= TOP:
        expected = f"more than {TOP} accounts on each side for the share of the {TOP} largest; {accounts} are {side}"
        raise InputError(Problem("population", expected, column="accounts", value=accounts))
    if not least <= share <= most:
        expected = f"from {least:.6g}, {TOP} of {accounts} {side} accounts alike, to {most:.6g}, each at its cap"
        raise InputError(Problem("population", expected, column="top_share", value=share))


def with_top(size: np.ndarray, total: float, cap: float, share: float) -> np.ndarray:
    """Quantities, float64[N], of which the ten largest sizes hold a share and no other is above the tenth.

    Either group keeps its proportions, but for the cap above and, of the ten, the mean of all others below.
    """
    order = np.argsort(size, kind="stable")[::-1]
    top, rest = order[:TOP], order[TOP:]
    held, left = share * total, (1.0 - share) * total
    shares = np.empty_like(size)
    shares[top] = _between(size[top], held, left / rest.size, cap)
    shares[rest] = share_out(size[rest], left, float(shares[top].min()))
    return shares


def _between(size: np.ndarray, total: float, least: float, most: float) -> np.ndarray:
    """Return c size, cut to [least, most], float64[N], with c such that the sum is `total` to rounding."""
    low, high = 0.0, most / float(size.min())  # at which all are `least`, and all are `most`
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.clip(middle * size, least, most).sum() < total else (low, middle)
    shares: np.ndarray = np.clip(high * size, least, most)
    return shares


def in_lots(quantity: np.ndarray, total: float) -> np.ndarray:
    """Round quantities to multiples of a power of two; their sum is `total`, rounded, in any order of summation."""
    lot = math.ldexp(1.0, math.frexp(total)[1] - 51)
    lots = np.maximum(np.floor(quantity / lot), 1.0).astype(np.int64)
    lots[np.argmax(lots)] += round(total / lot) - int(lots.sum())
    rounded: np.ndarray = lots * lot
    return rounded
