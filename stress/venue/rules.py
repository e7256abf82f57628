"""The rules of a venue, each declared once.

The keys of a venue file and of [venue] in a scenario, the checks of `Venue`, the record of the compiled code, the
phrases of reports and the tables of docs/venues.md are generated from `RULES`, which every venue has, and from
`MECHANICS`, which are off by default. The fields of `Venue` are written out, so that editors know them; tests check
that they agree with these lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from stress.kernels.rules import records
from stress.venue.mechanics import MECHANICS
from stress.venue.rule import AMOUNT, DURATION, FRACTION, INNER_FRACTION, Check, Rule

NOT_NEGATIVE = Check(lambda x: 0 <= x < math.inf, "a finite number, 0 or more")
SHARE = Check(lambda x: 0 <= x <= 1, "a number from 0 to 1")

RULES = (
    Rule(
        name="fee_rate",
        kind="number",
        default=0.0,
        unit="fraction",
        check=FRACTION,
        label="liquidation fee",
        sentence="Liquidation fee as a fraction in [0, 1) of the quantity closed times its fill price; "
        "goes to the fund.",
    ),
    Rule(
        name="residual",
        kind="word",
        default="fund",
        words={"fund": "to the fund", "trader": "to the trader"},
        codes=records.RESIDUALS,
        kernel_field="residual_to_fund",
        label="what is left",
        sentence="Who keeps what a liquidation leaves of the margin after the fee.",
    ),
    Rule(
        name="policy",
        kind="word",
        default="queue",
        words={
            "queue": "winners are closed one after the other, by score",
            "pro_rata": "all winners share the loss in proportion to what they can bear",
            "leverage_pro_rata": "winners share the loss, more of it the higher their leverage",
            "leverage_drain": "winners are brought down from the highest leverage to a common level",
            "top_truncation": "the largest winners are cut down to a common level",
            "contract_pro_rata": "all winners share the loss in proportion to their contracts",
            "profit_pro_rata": "all winners share the loss in proportion to their profit",
            "equity_pro_rata": "all winners share the loss in proportion to their equity",
            "risk_linear": "winners share the loss, more of it by the square of their leverage",
            "risk_power": "winners share the loss, more of it by the cube of their leverage",
            "risk_excess": "winners share the loss by their leverage and what it has above a level",
            "score_pro_rata": "all winners share the loss in proportion to their score",
            "min_max": "the largest part of an equity that is taken is the least possible",
        },
        codes=records.POLICIES,
        label="ADL",
        sentence='How ADL spreads a loss: "queue" by score, or a sharing rule of `stress.allocate`.',
    ),
    Rule(
        name="excess_leverage",
        kind="number",
        default=None,
        check=NOT_NEGATIVE,
        absent=0.0,
        label="leverage above",
        sentence='Leverage above which policy "risk_excess" weighs, 0 or more.',
        within=("policy", ("risk_excess",)),
        required=True,
    ),
    Rule(
        name="score",
        kind="word",
        default="pnl_leverage",
        words={
            "pnl_leverage": "return times leverage",
            "binance": "return on margin times margin ratio",
            "hyperliquid": "price ratio times leverage",
            "profit": "profit in money",
            "profit_size": "classes of return, then size",
            "size": "size",
            "random": "chance",
            "return_on_equity": "return on equity",
            "hyperliquid_published": "price over entry times leverage on both sides",
            "return": "return",
            "leverage": "leverage",
            "bitget": "return times margin ratio",
            "gate_2022": "profit times leverage",
            "ethereal": "leverage, then profit",
            "bullish": "initial margin over equity",
            "bulk": "profit and leverage, each with an exponent",
        },
        codes=records.SCORES,
        label="ranking",
        sentence='Order of the queue, or what policy "score_pro_rata" weighs by.',
    ),
    Rule(
        name="profit_weight",
        kind="number",
        default=None,
        check=SHARE,
        absent=0.0,
        label="weight of profit",
        sentence='Exponent of the profit in score "bulk", from 0 to 1; that of the leverage is 1 less it.',
        within=("score", ("bulk",)),
        required=True,
    ),
    Rule(
        name="settlement",
        kind="word",
        default="profit",
        words={
            "profit": "a winner realises profit at the mark price, and it pays the loss",
            "bankruptcy": "what the fund cannot pay is not sold, but closed against winners",
        },
        codes=records.SETTLEMENTS,
        label="settlement",
        sentence="ADL in money owed by winners, or in contracts kept and closed against winners.",
    ),
    Rule(
        name="adl_price",
        kind="word",
        default="bankruptcy",
        words={
            "bankruptcy": "bankruptcy price",
            "mark": "mark price",
            "previous_mark": "mark price of the step before",
            "oracle": "price outside this venue at that moment",
        },
        codes=records.ADL_PRICES,
        label="closed at",
        sentence='Price of contracts closed by ADL under settlement "bankruptcy".',
    ),
    Rule(
        name="reserve",
        kind="number",
        default=0.0,
        unit="USD",
        check=AMOUNT,
        label="reserve",
        sentence="USD >= 0 that ADL rules keep in the fund.",
    ),
    Rule(
        name="drawdown",
        kind="number",
        default=None,
        unit="fraction",
        check=INNER_FRACTION,
        absent=math.nan,
        label="drawdown before ADL",
        sentence="Fraction in (0, 1) of its peak balance that the fund may lose before ADL.",
    ),
    Rule(
        name="drawdown_window",
        kind="duration",
        default=None,
        unit="seconds",
        check=DURATION,
        absent=math.inf,
        needs="drawdown",
        label="peak within",
        sentence="Seconds the peak looks back; None for the whole path.",
    ),
    Rule(
        name="tier_basis",
        kind="word",
        default="notional",
        words={"notional": "notional at mark", "entry_notional": "notional at entry", "quantity": "coins"},
        codes=records.TIER_BASES,
        kernel_field="basis",
        label="tier by",
        sentence='What picks the tier; with "entry_notional" the maintenance margin is fixed in money.',
    ),
)

# A key of [venue] in a file, not of [rules]: the kind of contract that the market trades.
CONTRACT = Rule(
    name="contract",
    kind="word",
    default="linear",
    words={
        "linear": "linear contract",
        "inverse": "inverse contract: quantity in contracts of 1 USD; margin, profit and fund in coin",
    },
    label="contract",
    sentence="Kind of the contract.",
)

# Rules of `RULES` that belong to a word of another one, and are not told of a venue without it.
PARAMETERS = tuple(rule for rule in RULES if rule.within is not None)
ALL_RULES = (*RULES, *MECHANICS)
BY_NAME = {rule.name: rule for rule in (*RULES, CONTRACT, *MECHANICS)}


def phrase(name: str, word: str) -> str:
    """Phrase of a word of a rule in reports; the word itself if it is unknown, as in the record of another version."""
    return BY_NAME[name].words.get(word, word)


def kernel_numbers(values: Callable[[str], Any]) -> dict[str, Any]:
    """Value of every rule of `RULES` for compiled code, by the field of its record.

    Parameters
    ----------
    values : callable
        Returns the value of a rule by its name.
    """
    return {rule.kernel_field or rule.name: rule.number(values(rule.name)) for rule in RULES}
