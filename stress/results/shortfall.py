"""Expected shortfall of the need of the fund, and what classes of traders add to it.

The need of a path is X = D*, the peak of the cumulative net loss C (deficits less what liquidations pay into the fund)
on the path with a fund without limit. With a constant floor of the fund, the required fund is the floor plus a quantile
of X.

    ES = E[X | X beyond its (1 - alpha) quantile]

over the tail of weight exactly alpha: a path on its border counts with the part of its weight that lies inside (C.
Acerbi and D. Tasche, J. Banking & Finance 26, 2002). C is a sum over positions, and X is C at one moment, the peak. So
by the envelope theorem the Euler contribution of a class c is

    ES_c = E[C_c at the peak | X in the tail],    sum over classes of ES_c = ES, exactly

(D. Tasche, Euler allocation, arXiv:0708.2542). It is negative where a class pays more into the fund than it loses.

The engine sums deficits over a path and not by class, so the paths of the tail are simulated again, one by one, with
their event log. Errors: paths of the tail, and as many beside it as a resampled tail can reach, are drawn again with
replacement (`stress.results.resample`).

A drawdown rule asks for more than X; shares here are those of X all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress.arguments import is_number
from stress.book.classes import BORDERS, SIZES
from stress.errors import InputError, Problem
from stress.formatting import count
from stress.results import mechanics
from stress.results.estimate import Estimate
from stress.results.evidence import of_tail, tail_lacks
from stress.results.replay import EVENTS, events
from stress.results.resample import ENDS, Tail, first_paths
from stress.results.result import Result

if TYPE_CHECKING:
    from stress.engine.design import Design

CUT = EVENTS.index("cut")
ORDERS = [EVENTS.index(name) for name in ("stop", "take_profit")]
CLOSINGS = [EVENTS.index(name) for name in ("liquidation", "deadline")] + [CUT, *ORDERS]  # what moves the net loss
MOST = 1_000  # paths that are simulated again
FEW = 20  # paths in the tail, below which its mean says little
LEVERAGES = (0.0, 5.0, 10.0, 20.0, 50.0, 100.0)  # lower borders, some of `BORDERS`
SIZE_CLASSES = ((0, 5, "the smaller half"), (5, 9, "the next 40 %"), (9, SIZES, "the largest tenth"))


@dataclass(frozen=True)
class Shortfall:
    """Expected shortfall of the need of the fund above its floor, and its parts.

    Attributes
    ----------
    alpha : float
        Weight of the tail.
    quantile : float
        USD, the smallest need in it.
    total : Estimate
        USD; `note` says where it is carried by few paths.
    parts : DataFrame
        A row per class: `by` ("leverage", "side", "size", or "tier", the margin tier at S_0), `name`, `positions`,
        `notional` (USD at S_0), `value` (USD, the Euler contribution) with `low`, `high` (95 %), `share` (of the total)
        with `share_low`, `share_high`, and `book` (share of the notional). The values of one `by` add to the total.
    paths : int
        Paths of the tail.
    of : int
        Paths that it is the tail of: all of the run, or the first of them where its tail is more than `MOST` paths.
    """

    alpha: float
    quantile: float
    total: Estimate
    parts: pd.DataFrame
    paths: int
    of: int


def expected_shortfall(result: Result, alpha: float) -> Shortfall:
    """Expected shortfall of the need of the fund, with the shares of classes by leverage, side, size and tier.

    Parameters
    ----------
    result : Result
        With its run and detail "positions".
    alpha : float
        Weight of the tail: at least one path, or of paths from strata 10 effective hits. Where it holds more than
        `MOST` paths, the first ones of the run stand for all (`stress.results.resample.first_paths`).

    Returns
    -------
    Shortfall

    Raises
    ------
    InputError
        If the tail holds too few paths, or nothing is needed in it.
    """
    if not (is_number(alpha) and 0 < alpha < 1):
        raise InputError(Problem("shortfall", "a probability above 0 and below 1", column="alpha", value=alpha))
    if result.design is None or not result.counts_positions:
        raise InputError(Problem("shortfall", "a run with detail='positions' that can be run again"))
    if (carrier := mechanics.carrier(result.config)) != "market":
        expected = f"a venue where nobody takes positions over: what the {carrier} loses on them is of no class"
        raise InputError(Problem("shortfall", expected))
    need = result.paths["net_loss_peak"].to_numpy()
    chosen, weights = first_paths(need, alpha, result.weights, MOST)
    tail = Tail(need[chosen], alpha, weights, result.config["seed"])
    near, inside = chosen[tail.near], chosen[tail.inside]
    evidence = of_tail(tail.inside, weights, need[chosen])
    lacks = tail_lacks(alpha, evidence, weights, chosen.size)
    if lacks or not near.size:
        expected, value = lacks or ("a tail in which the fund is needed", alpha)
        raise InputError(Problem("shortfall", expected, column="alpha", value=value))
    classes = _classes(result.positions, result.design)
    by_position = _at_the_peak(result.design, near)
    by_class = np.stack([by_position(member) for _, _, member in classes], axis=1)
    whole = by_position(np.ones(len(result.positions), bool))
    values = np.column_stack([whole, by_class])
    found, draws = tail.mean(values), tail.resampled(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = draws[:, 1:] / draws[:, :1]
    low, high = np.quantile(draws, ENDS, axis=0)
    share_low, share_high = np.nanquantile(shares, ENDS, axis=0)
    few = f"carried by {count(inside.size, 'path')}" if inside.size < FEW else ""
    total = Estimate(float(found[0]), float(draws[:, 0].std(ddof=1)), float(low[0]), float(high[0]), few)
    total = replace(total, evidence=evidence)
    notional = result.positions["notional"].to_numpy()
    rows = [
        {
            "by": by, "name": name, "positions": int(member.sum()), "notional": float(notional[member].sum()),
            "value": float(found[1 + i]), "low": float(low[1 + i]), "high": float(high[1 + i]),
            "share": float(found[1 + i] / found[0]), "share_low": float(share_low[i]),
            "share_high": float(share_high[i]), "book": float(notional[member].sum() / notional.sum()),
        }
        for i, (by, name, member) in enumerate(classes)
    ]  # fmt: skip
    quantile = float(need[inside[-1]])
    return Shortfall(float(alpha), quantile, total, pd.DataFrame(rows), int(inside.size), chosen.size)


def _classes(positions: pd.DataFrame, design: Design) -> list[tuple[str, str, np.ndarray]]:
    """By what, the name, and the positions, bool[N], of each class that holds a position."""
    lower = BORDERS[positions["leverage_class"].clip(upper=BORDERS.size - 2).to_numpy()]
    size = positions["size_class"].to_numpy()
    found = []
    for first, last in zip(LEVERAGES, (*LEVERAGES[1:], math.inf), strict=True):
        name = f"{first:g} to {last:g}" if math.isfinite(last) else f"{first:g} and more"
        found.append(("leverage", name, (lower >= first) & (lower < last)))
    found += [("side", f"{side}s", (positions["side"] == side).to_numpy()) for side in ("long", "short")]
    found += [("size", name, (size >= first) & (size < end)) for first, end, name in SIZE_CLASSES]
    tier = _tier(design)
    found += [("tier", f"tier {k}, up to {of.max_leverage:g}x", tier == k)
              for k, of in enumerate(design.venue.tiers, 1)]  # fmt: skip
    return [(by, name, member) for by, name, member in found if member.any()]


def _tier(design: Design) -> np.ndarray:
    """The margin tier of each position at S_0, from 1 on, int64[N]: by notional there or at entry, or by quantity."""
    book, venue = design.book, design.venue
    at: Any = book.entry_price if venue.tier_basis == "entry_notional" else design.s0
    size = book.quantity if venue.tier_basis == "quantity" else book.value(at)
    return np.maximum(np.searchsorted([tier.floor for tier in venue.tiers], size, side="right"), 1)


def _at_the_peak(design: Design, paths: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What positions have added to the cumulative net loss of paths at its peak.

    Returns
    -------
    callable
        Maps bool[N], the positions of a class, to float64[paths], USD.
    """
    logs = [_net_loss(design, int(path)) for path in paths]

    def of_class(member: np.ndarray) -> np.ndarray:
        return np.array([float(loss[member[number]].sum()) for number, loss in logs])

    return of_class


def _net_loss(design: Design, path: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the positions that one path liquidates up to the peak of its net loss, and what each adds to it."""
    log = events(design, path, math.inf)
    log = log[np.isin(log["kind"], CLOSINGS)]
    loss = _into_the_fund(design, log)
    end = int(np.argmax(np.cumsum(loss))) + 1 if loss.size else 0
    return design.ladder.number[log["place"][:end]], loss[:end]


def _into_the_fund(design: Design, log: Any) -> np.ndarray:
    """Deficits of liquidations less what they pay into the fund, USD, float64[k], by the rules of the venue.

    A cut has its fee for money. What a trader's own order leaves is the trader's.
    """
    money = np.asarray(log["money"], float)
    surplus = np.maximum(money, 0.0)
    if design.venue.residual == "trader":
        fees = np.minimum(surplus, design.venue.fee_rate * log["quantity"] * log["price"])
        surplus = np.where(log["kind"] == CUT, surplus, fees)
    surplus[np.isin(log["kind"], ORDERS)] = 0.0
    return np.where(money < 0, -money, -surplus)
