"""Synthetic traders: what each account draws, by address.

| draw of account i | uniforms |
|---|---|
| 0 | size, leverage |
| 1 | side, buffer |
| 2 + 2 r | holding time and place of the entry in round r |
| 3 + 2 r | whether the price crossed the liquidation level on the way (without bars) |
| AGAIN + r | leverage and buffer in round r >= 1, where their laws are those of positions when they are opened |
| ORDERS + k | whether there is a stop (k = 0) or take-profit (k = 1), and its distance |

Of positions that are opened at a steady rate and closed after an exponential time, those that are open at a moment have
an exponential age with the same mean (it has no memory). Some of these were liquidated on the way. A round draws an
age and an entry, and with the laws of opening a leverage and a buffer too; the first round whose position is alive is a
draw from the positions that are open now: rejection sampling, exact.
"""

import math
from typing import NamedTuple

import numpy as np

from stress.kernels.jit import jit
from stress.kernels.numerics.elementary import exp, log, normal_quantile, power
from stress.kernels.numerics.philox import POPULATION, uniforms
from stress.kernels.rules.contract import profit
from stress.kernels.rules.margin import QUANTITY, liquidation_price, maintenance_margin, tier_of

SIZE_DRAW, SIDE_DRAW = np.arange(2)  # numpy integers: a literal compiles `uniforms` for itself
ROUNDS = 256  # entries tried for an account before it enters at the price of now
AGAIN = 2 + 2 * (ROUNDS + 1)
ORDERS = 1 << 31  # beyond all rounds
ORDER_SIGMA = 0.5  # standard deviation of the log of a distance


class Traits(NamedTuple):
    """Distribution of size, leverage and buffer.

    threshold : float64[K-1], normal quantiles of the cumulated weights of leverage, ascending
    correlation : float, of the normal scores of size and leverage
    sigma : float, standard deviation of log size
    tail_from : float, quantile where the Pareto tail starts; above 1 for none
    tail_index : float
    buffer_share : float, share of accounts with margin beyond the initial one
    buffer : float, median of that margin as a share of the notional at entry
    buffer_sigma : float, standard deviation of its log
    at_opening : bool, whether leverage and buffer are those of positions when opened; else of positions open now
    """

    threshold: np.ndarray
    correlation: float
    sigma: float
    tail_from: float
    tail_index: float
    buffer_share: float
    buffer: float
    buffer_sigma: float
    at_opening: bool


class PastEntries(NamedTuple):
    """Where positions were opened.

    low, high : float64[B], USD, of past bars up to now; empty for a log-normal past
    later_low, later_high : float64[B], extremes of all that came after each bar
    step : float, seconds of a bar
    holding : float, mean holding time, seconds
    volatility : float, per square root of a second; used without bars
    """

    low: np.ndarray
    high: np.ndarray
    later_low: np.ndarray
    later_high: np.ndarray
    step: float
    holding: float
    volatility: float


@jit
def size_quantile(traits, u):
    """Size (median 1) at quantile u: log-normal, from `tail_from` on Pareto."""
    if u < traits.tail_from:
        return exp(traits.sigma * normal_quantile(u))
    start = exp(traits.sigma * normal_quantile(traits.tail_from))
    return start * power((1.0 - traits.tail_from) / (1.0 - u), 1.0 / traits.tail_index)


@jit
def leverage_number(traits, u, w):
    """Number of the leverage of an account whose size is at quantile u: a Gaussian copula."""
    rest = math.sqrt(1.0 - traits.correlation * traits.correlation)
    z = traits.correlation * normal_quantile(u) + rest * normal_quantile(w)
    k = 0
    while k < traits.threshold.size and traits.threshold[k] < z:
        k += 1
    return k


@jit
def buffer_quantile(traits, u):
    """Margin beyond the initial one, as a share of the notional at entry: log-normal for some accounts, else 0."""
    if u >= traits.buffer_share:
        return 0.0
    return traits.buffer * exp(traits.buffer_sigma * normal_quantile(u / traits.buffer_share))


@jit
def draw_traits(seed, traits, size, leverage, side, buffer):
    """Size (median 1), number of the leverage, uniform of the side and buffer of every account.

    Parameters
    ----------
    size : float64[N]
        Overwritten.
    leverage : int64[N]
        Overwritten; 0..K-1, ascending in leverage.
    side : float64[N]
        Overwritten; a uniform in (0, 1).
    buffer : float64[N]
        Overwritten; margin beyond the initial one, as a share of the notional at entry.
    """
    for i in range(size.size):
        u, w = uniforms(seed, POPULATION, i, SIZE_DRAW)
        size[i] = size_quantile(traits, u)
        leverage[i] = leverage_number(traits, u, w)
        side[i], v = uniforms(seed, POPULATION, i, SIDE_DRAW)
        buffer[i] = buffer_quantile(traits, v)


@jit
def past_price(history, price, u, w):
    """Entry price at a holding time drawn by u, its number of the bar (-1 without bars) and the holding time."""
    bars = history.low.size
    if bars == 0:
        held = -history.holding * log(1.0 - u)
        return price * exp(history.volatility * math.sqrt(held) * normal_quantile(w)), -1, held
    known = 1.0 - exp(-bars * history.step / history.holding)
    held = -history.holding * log(1.0 - u * known)
    j = max(bars - 1 - int(held / history.step), 0)
    return history.low[j] + w * (history.high[j] - history.low[j]), j, held


@jit
def is_alive(contract, tiers, history, s, q, e, m, price, bar, held, u):
    """Whether a position opened at e is above its maintenance margin now and was so since."""
    if m + profit(contract, s, q, e, price) <= maintenance_margin(tiers, q, e, price):
        return False
    level = liquidation_price(contract, tiers, s, q, e, m, e)
    if abs(level) == math.inf:
        return True
    if s * (e - level) <= 0.0 or s * (price - level) <= 0.0:
        return False
    if bar >= 0:
        return s * ((history.later_low[bar] if s > 0 else history.later_high[bar]) - level) > 0.0
    # A Brownian bridge in log price from e to now touches the level with this probability.
    variance = history.volatility * history.volatility * held
    return variance <= 0.0 or u >= exp(-2.0 * log(e / level) * log(price / level) / variance)


@jit
def draw_entries(
    seed, traits, contract, tiers, max_leverage, history, price, side, quantity, levels, number, buffer,
    leverage, entry, margin, held
):  # fmt: skip
    """Entry price and margin of every account: of those that would still be open now.

    The margin is the initial margin of the set leverage, which is lowered to what the tier allows, and the buffer.

    Parameters
    ----------
    max_leverage : float64[T]
        By tier.
    side, quantity : float64[N]
    levels : float64[K]
        Leverage by number.
    number : int64[N]
        Of the wanted leverage, as `draw_traits` has drawn it.
    buffer : float64[N]
        As `draw_traits` has drawn it.
    leverage : float64[N]
        Overwritten by the leverage that the tier of the entry allows.
    entry, margin, held : float64[N]
        Overwritten; held in seconds since the entry.

    Returns
    -------
    late : int
        Accounts that found no past entry to survive from and entered at the price of now.
    dead : int
        Those of them that are at or below their maintenance margin even so.
    """
    late, dead = 0, 0
    for i in range(side.size):
        s, q, wanted, extra = side[i], quantity[i], levels[number[i]], buffer[i]
        alive = False
        for r in range(ROUNDS + 1):
            if r > 0 and traits.at_opening:
                size_at = uniforms(seed, POPULATION, i, SIZE_DRAW)[0]
                w, v = uniforms(seed, POPULATION, i, AGAIN + r)
                wanted, extra = levels[leverage_number(traits, size_at, w)], buffer_quantile(traits, v)
            if r < ROUNDS:
                u, w = uniforms(seed, POPULATION, i, 2 + 2 * r)
                e, bar, age = past_price(history, price, u, w)
            else:
                e, bar, age = price, -1, 0.0
            k = tier_of(tiers, q if tiers.basis == QUANTITY else q * e)
            leverage[i] = min(wanted, max_leverage[k])
            entry[i], margin[i], held[i] = e, q * e / leverage[i] + extra * (q * e), age
            crossing = uniforms(seed, POPULATION, i, 3 + 2 * r)[0] if bar < 0 else 1.0
            alive = is_alive(contract, tiers, history, s, q, e, margin[i], price, bar, age, crossing)
            if alive:
                break
        if r == ROUNDS:
            late += 1
            if not alive:
                dead += 1
    return late, dead


@jit
def draw_orders(seed, kind, share, distance, price, towards, level):
    """Price of an order of every account; nan where it has none, or one that no price reaches.

    Parameters
    ----------
    kind : int
        0 stops, 1 take-profits.
    share, distance : float
        Share of accounts that have one, and its median distance from the price, as a fraction of it: log-normal.
    price : float
        Of the mark.
    towards : float64[N]
        +1 where the order lies above the price, -1 below.
    level : float64[N]
        Overwritten.
    """
    for i in range(level.size):
        u, w = uniforms(seed, POPULATION, i, ORDERS + kind)
        away = distance * exp(ORDER_SIGMA * normal_quantile(w))
        level[i] = math.nan
        if u < share and (towards[i] > 0.0 or away < 1.0):
            level[i] = price * (1.0 + towards[i] * away)
