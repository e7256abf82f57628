"""What crosses the border between words and numbers: plain arrays, floats, and one record of terms.

Words of the rules become the index of the word in these tuples; what the words mean is said in `stress.venue.rules`.
A new score or sharing rule is added to both, gets its formula in `scores` or `sharing`, and every test that walks these
tuples covers it.
"""

from typing import NamedTuple

import numpy as np

TIER_BASES = ("notional", "entry_notional", "quantity")
RESIDUALS = ("trader", "fund")
SETTLEMENTS = ("profit", "bankruptcy")
ADL_PRICES = ("bankruptcy", "mark", "previous_mark", "oracle")
POLICIES = (
    "queue", "pro_rata", "leverage_pro_rata", "leverage_drain", "top_truncation", "contract_pro_rata",
    "profit_pro_rata", "equity_pro_rata", "risk_linear", "risk_power", "risk_excess", "score_pro_rata", "min_max",
)  # fmt: skip
SCORES = (
    "pnl_leverage", "binance", "hyperliquid", "profit", "profit_size", "size", "random", "return_on_equity",
    "hyperliquid_published", "return", "leverage", "bitget", "gate_2022", "ethereal", "bullish", "bulk",
)  # fmt: skip
CLOSEOUTS = ("whole", "fraction", "tiers", "restore")
CARRIERS = ("market", "fund", "vault")
LAYERS = ("fund", "vault", "house")  # that hold cash
SOCIALISES = ("winners", "everybody")
MARKS = ("book", "ema", "clamp")
LIQUIDATIONS = ("automatic", "margin_call")
ADL_LOSERS = ("spared", "last")


class Tiers(NamedTuple):
    """Maintenance tiers, lowest first.

    floor : float64[K], lower border of each tier, USD (coins with basis "quantity"); the first is 0
    rate : float64[K], maintenance rate, a fraction below 1
    deduction : float64[K], USD
    basis : int, index in TIER_BASES
    max_leverage : float64[K]
    """

    floor: np.ndarray
    rate: np.ndarray
    deduction: np.ndarray
    basis: int
    max_leverage: np.ndarray


class Rules(NamedTuple):
    """Rules of the venue; the integers are indices in the tuples above."""

    fee_rate: float  # fraction of q F
    residual_to_fund: int  # 1 if what is left of the margin goes to the fund, 0 to the trader
    policy: int
    score: int
    settlement: int
    adl_price: int
    reserve: float  # USD, the constant floor of the fund
    drawdown: float  # fraction of the peak balance that ADL rules let the fund lose; nan for none
    drawdown_window: float  # seconds; inf for the whole path
    excess_leverage: float  # leverage from which policy "risk_excess" weighs
    profit_weight: float  # exponent of the profit in the score "bulk"


class Depth(NamedTuple):
    """The order book of `stress.Depth`, in coins.

    It is thinner by 1 + (w / fall_scale)^fall_power, w the log move since the step that begins `fall_steps` earlier.

    slope : float, displacement is slope |v|^exponent; 0: infinite depth
    exponent : float
    cap : float, coins at which the displacement reaches max_displacement
    max_displacement : float
    recovery : float, factor 2^(-dt/half_life) of one step
    passthrough : float
    fall_scale : float, inf: the depth does not fall
    fall_power : float
    fall_steps : int
    """

    slope: float
    exponent: float
    cap: float
    max_displacement: float
    recovery: float
    passthrough: float
    fall_scale: float
    fall_power: float
    fall_steps: int


class Setting(NamedTuple):
    """What a design sets besides rules and order book."""

    dt: float  # seconds of a step
    gap: float  # fraction, of a continuous move
    jump_gap: float  # fraction, of a jump
    delay: float  # seconds from a trigger to its fill, where fills are late by seconds
    seed: int


# The numbers that all paths share. A record is one pointer to pass, where a tuple would be thirty values.
TERMS = np.dtype((np.record, [
    (name, "i8" if kind is int else "f8")
    for record in (Rules, Depth, Setting)
    for name, kind in record.__annotations__.items()
]))  # fmt: skip


def make_terms(
    rules: Rules, depth: Depth, dt: float, gap: float, jump_gap: float, seed: int, delay: float
) -> np.ndarray:
    """TERMS[1] of the rules, the order book, the step in seconds, the gaps as fractions, the seed, and the delay.

    Filled by name: a field without a value is a KeyError, a value without a field a ValueError, two values of one
    name are a TypeError.
    """
    values = dict(**rules._asdict(), **depth._asdict(), dt=dt, gap=gap, jump_gap=jump_gap, seed=seed, delay=delay)
    terms = np.zeros(1, TERMS)
    for name in values.keys() | set(TERMS.names or ()):
        terms[name] = values[name]
    return terms
