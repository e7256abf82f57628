"""Concentration: how much of the book, and of its losses, belongs to a few accounts.

Cover-k. CPMI-IOSCO's Principles for financial market infrastructures (2012), principle 4, ask a central counterparty
for resources that cover the default of the member, or of the two members, that would cause the largest aggregate credit
exposure in extreme but plausible market conditions: Cover-1 and Cover-2. The analogue for accounts: under a move from
S_0 to P, an account's loss beyond margin is the sum over its positions that are liquidated on the way,

    loss = max(0, -s q (F - B)),   F = L + jump_gap (P - L)

with L and B the liquidation and bankruptcy price; under a delay F = P, since the price is there by then. Margin is
isolated, so what one position has left pays for no other.
Cover-k is the sum of the k largest such losses. Orders move no price here: it is the book as it stands, not a run.

Why Cover-2 misleads: members of a clearing house default one by one, for reasons of their own, and those who do not
default carry the rest. Accounts of an exchange have no such reasons: the move itself is the default, of every position
whose bankruptcy price it passes, at the same time. What matters is the sum of all losses, and the share of it that the
two largest accounts hold is the share that Cover-2 covers. On the dependence of Cover-2 on the number of members and
their concentration: D. Murphy and P. Nahai-Williamson, Bank of England Financial Stability Paper 30 (2014).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stress.arguments import is_whole, numbers
from stress.errors import InputError, Problem, raise_if
from stress.results.result import Result
from stress.results.summaries import start_price

CLOSED = ("liquidation", "takeover", "deadline", "stop", "take_profit")  # events that may end beyond the margin
MOVES = (-0.5, -0.3, -0.2, -0.1, 0.1, 0.2, 0.3, 0.5)
COVERS = (1, 2, 10)


def top_accounts(result: Result, n: int = 10) -> pd.DataFrame:
    """The accounts with the largest open interest.

    Parameters
    ----------
    result : Result
    n : int
        How many, 1 or more.

    Returns
    -------
    DataFrame
        A row per account, the largest first: `account`, `positions`, `notional` (USD at S_0, of both sides), `share`
        and `cumulative` (of the notional of all positions, longs and shorts), `net` (USD at S_0, longs less shorts).
    """
    if not (is_whole(n) and n >= 1):
        raise InputError(Problem("top_accounts", "a whole number from 1 on", column="n", value=n))
    positions = result.positions
    notional = positions["notional"]
    signed = notional.where(positions["side"] == "long", -notional)
    frame = pd.DataFrame({"account": positions["account"], "notional": notional, "net": signed})
    held = frame.groupby("account", sort=False).agg(
        positions=("notional", "size"), notional=("notional", "sum"), net=("net", "sum")
    )
    held = held.sort_values("notional", ascending=False, kind="stable").head(int(n)).reset_index()
    held["share"] = held["notional"] / notional.sum()
    held["cumulative"] = held["share"].cumsum()
    return held[["account", "positions", "notional", "share", "cumulative", "net"]]


def cover(result: Result, moves: Sequence[float] = MOVES, ks: Sequence[int] = COVERS) -> pd.DataFrame:
    """The loss beyond margin of the k largest accounts under a move, and of all.

    Parameters
    ----------
    result : Result
    moves : sequence of float
        Moves from S_0, above -1, e.g. -0.3.
    ks : sequence of int
        Numbers of accounts, 1 or more.

    Returns
    -------
    DataFrame
        A row per move: `move`, `accounts` (with a loss beyond margin), `total` (USD, the loss of all), and for each k
        `cover_k` (USD). See the module.
    """
    given = numbers(moves)
    if given is None or given.ndim != 1 or not (given > -1).all():
        raise InputError(Problem("cover", "moves above -1", column="moves", value=moves))
    raise_if([Problem("cover", "whole numbers from 1 on", column="ks", value=k) for k in ks
              if not (is_whole(k) and k >= 1)])  # fmt: skip
    positions, s0 = result.positions, start_price(result)
    gap = 1.0 if result.config.get("delay") else float(result.config["jump_gap"])
    side = np.where(positions["side"] == "long", 1.0, -1.0)
    quantity, trigger, bankruptcy = (
        positions[name].to_numpy() for name in ("quantity", "liquidation_price", "bankruptcy_price")
    )
    inverse = result.config["venue"].get("contract") == "inverse"
    if inverse:  # of the linear contract that it is in 1/P
        side, trigger, bankruptcy = -side, *(np.where(np.isneginf(x), np.inf, 1.0 / x) for x in (trigger, bankruptcy))
    account = pd.factorize(positions["account"])[0]
    rows = []
    for move in given:
        price = 1.0 / (s0 * (1 + move)) if inverse else s0 * (1 + move)
        met = side * (price - trigger) <= 0
        with np.errstate(invalid="ignore"):
            loss = np.where(met, -side * quantity * (trigger + gap * (price - trigger) - bankruptcy), 0.0)
        rows.append({"move": float(move)} | _largest(np.bincount(account, np.maximum(loss, 0.0)), ks))
    return pd.DataFrame(rows)


def worst_paths(result: Result, paths: Sequence[int], ks: Sequence[int] = COVERS) -> pd.DataFrame:
    """The loss beyond margin of the k largest accounts on single paths of a run, and of all.

    Parameters
    ----------
    result : Result
        With its run, since the paths are simulated again.
    paths : sequence of int
        Their numbers.
    ks : sequence of int
        Numbers of accounts, 1 or more.

    Returns
    -------
    DataFrame
        A row per path: `path`, then `accounts`, `total` (the `deficit` of the path, to rounding) and `cover_k` as in
        `cover`. Impact, gaps, delay and ADL are those of the run.
    """
    rows = []
    for path in paths:
        log = result.replay_path(int(path))
        lost = log[log["event"].isin(CLOSED) & (log["money"] < 0)]
        rows.append({"path": int(path)} | _largest(-lost.groupby("account")["money"].sum().to_numpy(), ks))
    return pd.DataFrame(rows)


def _largest(losses: np.ndarray, ks: Sequence[int]) -> dict[str, float]:
    """How many accounts have a loss, its sum, and that of the k largest for each k."""
    ordered = np.sort(losses)[::-1]
    covers = {f"cover_{k}": float(ordered[: int(k)].sum()) for k in ks}
    return {"accounts": int((losses > 0).sum()), "total": float(ordered.sum())} | covers
