"""A small run from plain arithmetic, and the digests of its tables."""

from __future__ import annotations

import hashlib
import math

import numpy as np

import stress

N_PATHS = 300
SETTINGS = dict(fund=150.0, gap=0.1, jump_gap=1.0, seed=20, horizon=7_200.0, step=300.0, n_paths=N_PATHS)
DEPTH = stress.Depth(usd=1e5, width=0.02, half_life=900.0, passthrough=0.7)
MODEL = stress.prices.Kou(100.0, 0.9, 12_000.0, p_up=0.45, eta_up=30.0, eta_down=25.0)


def make_book(n: int = 200) -> stress.Book:
    """Sizes, leverage and entries from plain arithmetic: the same on every machine."""
    i = np.arange(n)
    side = np.where(i % 2 == 0, 1.0, -1.0)
    quantity = 1.0 + (i // 2) % 7 + ((i // 2) % 13) / 16
    k = (i // 2) % 5
    winner = (side < 0) & (k == 0)  # the other shorts would need a fall to 70
    entry = np.where(side > 0, 100.0 - k, np.where(winner, 100.0, 70.0))
    leverage = np.where(side > 0, np.array([20.0, 30.0, 12.0, 10.0, 15.0])[k], np.where(winner, 5.0, 1.0))
    return stress.Book(side, quantity, entry, quantity * entry / leverage)


def make_venue(**changes) -> stress.Venue:
    rules = dict(policy="queue", score="random", settlement="profit", residual="trader", fee_rate=0.005) | changes
    return stress.Venue(name="small", tiers=[stress.Tier(0, math.inf, 100, 0.005, 0)], **rules)


def simulate(**changes) -> stress.Result:
    return stress.simulate(make_book(), make_venue(), MODEL, depth=DEPTH, **(SETTINGS | changes))


def digest(frame) -> str:
    """SHA-256 of a table: whole numbers as they are, fractions as hex."""
    sha = hashlib.sha256()
    for name in frame.columns:
        column = frame[name].to_numpy()
        words = [x.hex() for x in column.tolist()] if column.dtype.kind == "f" else [str(x) for x in column.tolist()]
        sha.update("\n".join([name, *words]).encode())
    return sha.hexdigest()


def digests(result) -> dict[str, str]:
    return {name: digest(getattr(result, name)) for name in ("paths", "positions", "cells")}


# A silent change of any number shows here. Where a change is meant, write the new digests down, and say in the
# CHANGELOG which numbers moved and why.
GOLDEN = {
    "paths": "2ed504fd9f78ddd5f9e0e1cc3961b10e6bc46e49f03b99a41892f04cb4712af0",
    "positions": "94cf5ad283ea5636a3fd9c0a1b44182deb49b07571b8cf8b1664db4fa3fc2acc",
    "cells": "5cf2029c10d7a43265e99bbe02780fad78b1afa3f4910d7fbd39559928ee0be3",
}
FIRST_PATHS = 20
GOLDEN_OF_FIRST = "a01e83cb71f607a0b241fe52c58b265de8746e95e1f2b541aa5f3fd387722051"
