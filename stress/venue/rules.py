"""The rules of a venue, each declared once.

The keys of a venue file and of [venue] in a scenario, the checks of `Venue`, the record of the compiled code, the
phrases of reports and the tables of docs/venues.md are generated from `RULES`. The fields of `Venue` are written out,
so that editors know them; tests check that they agree with this list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stress.arguments import is_number, is_word
from stress.kernels.rules import records
from stress.quantities import number, seconds
from stress.venue.values import one_of


@dataclass(frozen=True)
class Check:
    """The numbers that a rule allows, and their description in errors."""

    valid: Callable[[float], bool]
    expected: str


FRACTION = Check(lambda x: 0 <= x < 1, "a fraction in [0, 1)")
INNER_FRACTION = Check(lambda x: 0 < x < 1, "a fraction in (0, 1)")
AMOUNT = Check(lambda x: 0 <= x < math.inf, "an amount in USD, 0 or more")
DURATION = Check(lambda x: x > 0, 'a duration above 0: seconds, or "8h" in a file')


@dataclass(frozen=True)
class Rule:
    """One rule of a venue: a word, a number or a duration.

    Attributes
    ----------
    name : str
        Key of a file and argument of `Venue`.
    kind : {"word", "number", "duration"}
        A duration is a number of seconds, or text such as "8h" in a file.
    default : str, float or None
    label : str
        Heading of its column in a table.
    sentence : str
        Description of the rule.
    words : mapping of str to str
        Allowed words, in the order in which errors list them, each with its phrase in reports.
    codes : tuple of str
        The same words, each at the index that is its code in compiled code; empty where compiled code needs none.
    unit : {"", "fraction", "USD", "seconds"}
    check : Check, optional
        Check of numbers; words are checked against `words`.
    absent : float, optional
        The number that represents None in compiled code. Where it is given, a value may be None ("none" in a scenario).
    needs : str
        Name of another rule; if that is None, this one must be None.
    kernel_field : str
        Field of the record of compiled code, where its name is not that of the rule.
    """

    name: str
    kind: Literal["word", "number", "duration"]
    default: str | float | None
    label: str
    sentence: str
    words: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    unit: Literal["", "fraction", "USD", "seconds"] = ""
    check: Check | None = None
    absent: float | None = None
    needs: str = ""
    kernel_field: str = ""

    @property
    def optional(self) -> bool:
        """Whether None is allowed."""
        return self.absent is not None

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        if value is None:
            return self.optional
        if self.kind == "word":
            return is_word(value, self.words)
        return is_number(value) and (self.check is None or self.check.valid(value))

    def expected(self, value: Any) -> str:
        """Description of allowed values, for the error about a wrong value."""
        if self.kind == "word":
            return one_of(value, self.words)
        return "a number" if self.check is None else self.check.expected

    def read(self, value: Any) -> Any:
        """Convert a value of a file: a number or a duration that is written as text becomes one."""
        return value if self.kind == "word" else (number if self.kind == "number" else seconds)(value)

    def number(self, value: Any) -> float:
        """The value for compiled code: the code of a word, a float, or the number that represents None."""
        if self.kind == "word":
            return self.codes.index(value)
        if value is None and self.absent is not None:
            return self.absent
        return float(value)


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
        },
        codes=records.POLICIES,
        label="ADL",
        sentence='How ADL spreads a loss: "queue" by score, or a sharing rule of `stress.allocate`.',
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
        },
        codes=records.SCORES,
        label="ranking",
        sentence="Order of the queue.",
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

BY_NAME = {rule.name: rule for rule in (*RULES, CONTRACT)}


def phrase(name: str, word: str) -> str:
    """Phrase of a word of a rule in reports; the word itself if it is unknown, as in the record of another version."""
    return BY_NAME[name].words.get(word, word)


def kernel_numbers(values: Callable[[str], Any]) -> dict[str, Any]:
    """Value of every rule for compiled code, by the field of its record.

    Parameters
    ----------
    values : callable
        Returns the value of a rule by its name.
    """
    return {rule.kernel_field or rule.name: rule.number(values(rule.name)) for rule in RULES}
