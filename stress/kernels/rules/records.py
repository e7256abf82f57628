"""What crosses the border between words and numbers: plain arrays, floats, and one record of terms.

Words of the rules become the index of the word in these tuples. A new score or sharing rule is added here, gets its
formula in `scores` or `allocate`, and every test that walks these tuples covers it.
"""

from typing import NamedTuple

import numpy as np

TIER_BASES = ("notional", "entry_notional", "quantity")
SETTLEMENTS = ("profit", "bankruptcy")
ADL_PRICES = ("bankruptcy", "mark", "previous_mark")
POLICIES = ("queue", "pro_rata", "leverage_pro_rata", "leverage_drain", "top_truncation")
SCORES = ("pnl_leverage", "binance", "hyperliquid", "profit", "profit_size", "size", "random")


class Tiers(NamedTuple):
    """Maintenance tiers, lowest first.

    floor : float64[K], lower border of each tier, USD (coins with basis "quantity"); the first is 0
    rate : float64[K], maintenance rate, a fraction below 1
    deduction : float64[K], USD
    basis : int, index in TIER_BASES
    """

    floor: np.ndarray
    rate: np.ndarray
    deduction: np.ndarray
    basis: int


class Rules(NamedTuple):
    """Rules of the venue.

    fee_rate : float, liquidation fee as a fraction of q F
    residual_to_fund : int, 1 if what is left of the margin goes to the fund, 0 to the trader
    policy, score, settlement, adl_price : int, indices in the tuples above
    reserve : float, USD, the constant floor of the fund
    drawdown : float, fraction of the peak balance that ADL rules let the fund lose; nan for none
    drawdown_window : float, seconds; inf for the whole path
    """

    fee_rate: float
    residual_to_fund: int
    policy: int
    score: int
    settlement: int
    adl_price: int
    reserve: float
    drawdown: float
    drawdown_window: float


class Depth(NamedTuple):
    """The order book of `stress.Depth`, in coins.

    slope : float, displacement is slope |v|^exponent; 0: infinite depth
    exponent : float
    cap : float, coins at which the displacement reaches max_displacement
    max_displacement : float
    recovery : float, factor 2^(-dt/half_life) of one step
    passthrough : float
    """

    slope: float
    exponent: float
    cap: float
    max_displacement: float
    recovery: float
    passthrough: float


# The numbers that all paths share. A record is one pointer to pass, where a tuple would be thirty values.
TERMS = np.dtype((np.record, [
    ("fee_rate", "f8"), ("residual_to_fund", "i8"),
    ("policy", "i8"), ("score", "i8"), ("settlement", "i8"), ("adl_price", "i8"),
    ("reserve", "f8"), ("drawdown", "f8"), ("drawdown_window", "f8"),                   # Rules
    ("slope", "f8"), ("exponent", "f8"), ("cap", "f8"), ("max_displacement", "f8"),
    ("recovery", "f8"), ("passthrough", "f8"),                                          # Depth
    ("dt", "f8"), ("gap", "f8"), ("jump_gap", "f8"), ("seed", "i8"),                    # seconds, fractions
]))  # fmt: skip


def make_terms(rules: Rules, depth: Depth, dt: float, gap: float, jump_gap: float, seed: int) -> np.ndarray:
    """TERMS[1] of the rules, the order book, the step in seconds, the gaps as fractions, and the seed."""
    return np.array([(*rules, *depth, dt, gap, jump_gap, seed)], TERMS)
