"""The rules of a venue that are off by default: how a position is closed, and who stands behind it.

Part II of docs/model.md. A venue that says nothing of them closes a position whole at the market as soon as the mark
meets its liquidation price, and has a fund and ADL. `checks` says which of them exclude each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from stress.arguments import is_number, is_whole, is_word
from stress.kernels.rules import records
from stress.venue.rule import AMOUNT, INNER_FRACTION, Check, Rule

CASH_LAYERS = records.LAYERS
ADL, SOCIALISE = "adl", "socialise"
USUAL_WATERFALL = ("fund", ADL)
NOT_NEGATIVE = Check(lambda x: x >= 0, "a number, 0 or more")
ABOVE = Check(lambda x: 0 < x < math.inf, "a number above 0")
WAIT = Check(lambda x: 0 <= x < math.inf, 'a duration, 0 or more: seconds, or "30s" in a file')
SPAN = Check(lambda x: 0 < x < math.inf, 'a finite duration above 0: seconds, or "8h" in a file')
PROBABILITY = Check(lambda x: 0 <= x <= 1, "a probability from 0 to 1")
TIME_OF_DAY = Check(lambda x: 0 <= x < 86_400, 'a time of day: seconds since midnight below 86,400, or "16h" in a file')
SHARE = Check(lambda x: 0 < x <= 1, "a share in (0, 1]")
LOT = Check(lambda x: 0 <= x < math.inf, "a number of coins or contracts, 0 or more")
COUNT = Check(lambda x: is_whole(x) and x >= 1, "a whole number, 1 or more")

FRACTION_OF = ("closeout", ("fraction",))
TAKEN_OVER = ("carrier", ("fund", "vault"))
CALLED = ("liquidation", ("margin_call",))
WITH_ADL = ("waterfall", (ADL,))
IN_CONTRACTS = ("settlement", ("bankruptcy",))
SPARED = "spared"

MECHANICS = (
    Rule(
        name="closeout",
        kind="word",
        default="whole",
        words={
            "whole": "the whole position",
            "fraction": "a fraction first, the rest when next met",
            "tiers": "down to a lower tier",
            "restore": "as much as restores the margin",
        },
        codes=records.CLOSEOUTS,
        label="closed at once",
        sentence="How much of a position is closed when it is met.",
    ),
    Rule(
        name="partial_above",
        kind="number",
        default=0.0,
        unit="USD",
        check=AMOUNT,
        label="in parts above",
        sentence="USD of notional above which a fraction is closed first; smaller positions are closed whole.",
        within=FRACTION_OF,
    ),
    Rule(
        name="fraction",
        kind="number",
        default=None,
        unit="fraction",
        check=INNER_FRACTION,
        absent=math.nan,
        label="fraction",
        sentence="Fraction in (0, 1) of the position that is closed first.",
        within=FRACTION_OF,
        required=True,
    ),
    Rule(
        name="cooldown",
        kind="duration",
        default=0.0,
        unit="seconds",
        check=WAIT,
        label="rest after a cut",
        sentence="Seconds that the rest of a position is left alone after a fraction was closed.",
        within=FRACTION_OF,
    ),
    Rule(
        name="tiers_at_once",
        kind="number",
        default=1,
        check=COUNT,
        label="tiers at once",
        sentence="How many tiers a position is brought down when it is met.",
        within=("closeout", ("tiers",)),
    ),
    Rule(
        name="buffer",
        kind="number",
        default=None,
        unit="fraction",
        check=ABOVE,
        absent=math.nan,
        label="margin restored",
        sentence="What equity exceeds the maintenance margin by after a cut, as a fraction of it, above 0.",
        within=("closeout", ("restore",)),
        required=True,
    ),
    Rule(
        name="carrier",
        kind="word",
        default="market",
        words={
            "market": "the market",
            "fund": "the fund, which sells them bit by bit",
            "vault": "a vault, which sells them bit by bit",
        },
        codes=records.CARRIERS,
        label="who takes positions",
        sentence="Who gets a position that is liquidated.",
    ),
    Rule(
        name="takeover_below",
        kind="number",
        default=0.0,
        check=NOT_NEGATIVE,
        label="taken over below",
        sentence="Equity over maintenance margin up to which a position is taken over; 0: bankrupt ones, inf: all.",
        within=TAKEN_OVER,
    ),
    Rule(
        name="unload_half_life",
        kind="duration",
        default=None,
        unit="seconds",
        check=WAIT,
        absent=math.nan,
        label="inventory halved in",
        sentence="Seconds in which half of what was taken over is sold; 0: all at the next step.",
        within=TAKEN_OVER,
        required=True,
    ),
    Rule(
        name="waterfall",
        kind="list",
        default=USUAL_WATERFALL,
        words={
            "fund": "the insurance fund",
            "vault": "a vault",
            "house": "the house",
            ADL: "auto-deleveraging",
            SOCIALISE: "a loss that is shared at the end",
        },
        last=SOCIALISE,
        label="waterfall",
        sentence="Who bears a loss, in order.",
    ),
    Rule(
        name="socialise",
        kind="word",
        default="winners",
        words={
            "winners": "in proportion to the profit on the path",
            "everybody": "in proportion to equity",
        },
        codes=records.SOCIALISES,
        label="loss shared by",
        sentence="Who shares a loss that is left at the end of a path.",
        within=("waterfall", (SOCIALISE,)),
    ),
    Rule(
        name="throughput",
        kind="number",
        default=None,
        check=ABOVE,
        absent=math.inf,
        label="positions a second",
        sentence="Positions that are liquidated in a second at most; None: any number.",
    ),
    Rule(
        name="mark",
        kind="word",
        default="book",
        words={
            "book": "the price",
            "ema": "an exponential average of the price",
            "clamp": "the price, at a bounded speed",
        },
        codes=records.MARKS,
        label="mark",
        sentence="What liquidations are triggered by.",
    ),
    Rule(
        name="mark_half_life",
        kind="duration",
        default=None,
        unit="seconds",
        check=SPAN,
        absent=math.nan,
        label="mark follows in",
        sentence="Seconds in which the average forgets half.",
        within=("mark", ("ema",)),
        required=True,
    ),
    Rule(
        name="mark_clamp",
        kind="number",
        default=None,
        unit="fraction",
        check=ABOVE,
        absent=math.nan,
        label="mark a second",
        sentence="Fraction of itself that the mark moves in a second at most.",
        within=("mark", ("clamp",)),
        required=True,
    ),
    Rule(
        name="liquidation",
        kind="word",
        default="automatic",
        words={"automatic": "at once", "margin_call": "after a margin call"},
        codes=records.LIQUIDATIONS,
        label="liquidated",
        sentence="Whether a position that is met is liquidated, or called for margin.",
    ),
    Rule(
        name="call_deadline",
        kind="duration",
        default=None,
        unit="seconds",
        check=SPAN,
        absent=math.nan,
        label="time after a call",
        sentence="Seconds from a margin call to its deadline.",
        within=CALLED,
    ),
    Rule(
        name="call_time",
        kind="duration",
        default=None,
        unit="seconds",
        check=TIME_OF_DAY,
        absent=math.nan,
        label="deadline at",
        sentence="Time of day of all deadlines, seconds in [0, 86,400); a path begins at 0.",
        within=CALLED,
    ),
    Rule(
        name="top_up",
        kind="number",
        default=None,
        check=PROBABILITY,
        absent=math.nan,
        label="calls met",
        sentence="Probability that a called position is topped up to its initial margin by the deadline.",
        within=CALLED,
        required=True,
    ),
    Rule(
        name="adl_above",
        kind="number",
        default=None,
        unit="USD",
        check=ABOVE,
        absent=math.inf,
        label="ADL alone above",
        sentence="USD of a position's deficit above which all of it goes to ADL and no layer before pays; None: never.",
        within=WITH_ADL,
    ),
    Rule(
        name="drawdown_stop",
        kind="number",
        default=None,
        unit="fraction",
        check=INNER_FRACTION,
        absent=math.nan,
        needs="drawdown",
        label="ADL stops below",
        sentence="Fraction of its peak, less than drawdown: once ADL has begun the fund pays nothing until it is back "
        "above 1 less this of its peak; None: it pays what its floor allows.",
    ),
    Rule(
        name="adl_losers",
        kind="word",
        default="spared",
        words={"spared": "spared", "last": "closed after all winners, as far as their equity lasts"},
        codes=records.ADL_LOSERS,
        label="ADL of those without profit",
        sentence="Whether ADL closes positions of the winning side that have no profit, once no winner is left.",
        within=IN_CONTRACTS,
    ),
    Rule(
        name="adl_lot",
        kind="number",
        default=0.0,
        check=LOT,
        label="ADL in lots of",
        sentence="Coins, or inverse contracts, that ADL closes whole multiples of, rounded without bias; 0: any.",
        within=IN_CONTRACTS,
    ),
    Rule(
        name="adl_cap",
        kind="number",
        default=1.0,
        check=SHARE,
        label="ADL share at once",
        sentence="Largest share in (0, 1] of what a position can give that one ADL event takes.",
        within=WITH_ADL,
    ),
    Rule(
        name="hedged",
        kind="word",
        default="ranked",
        words={"ranked": "ranked like any other", SPARED: "spared, what exceeds the other side is ranked"},
        codes=("ranked", SPARED),
        label="hedged in ADL",
        sentence="Whether ADL may close what an account holds on both sides at the start.",
        within=WITH_ADL,
    ),
    Rule(
        name="fund_in",
        kind="word",
        default="usd",
        words={"usd": "in money", "coin": "in the coin, worth what that is worth"},
        codes=("usd", "coin"),
        label="fund held",
        sentence="What the fund of a linear contract is held in; in coin it is worth its balance times S_t / S_0.",
    ),
)


BY_NAME = {rule.name: rule for rule in MECHANICS}


def adl_is_behind_cash(waterfall: Sequence[str]) -> bool:
    """Whether ADL stands behind a first layer of cash: then it begins once that layer does not pay in full."""
    first = next((word for word in waterfall if word in (*CASH_LAYERS, ADL)), ADL)
    return first != ADL and ADL in waterfall


def checks(value: Callable[[str], Any]) -> Iterator[tuple[str, bool, str]]:
    """What valid values of the rules exclude in each other: field, whether it passes, and what is expected.

    Parameters
    ----------
    value : callable
        Returns the value of a rule by its name.
    """
    linear = is_word(value("contract"), ("linear",)) or not is_word(value("fund_in"), ("coin",))
    yield "fund_in", linear, "usd where the contract is not linear: its fund is in coin by itself"
    yield from _of_calls(value)
    yield from _of_carrier(value)
    in_money, at_bankruptcy = value("settlement") == "profit", value("adl_price") == "bankruptcy"
    alone = value("adl_above") is None or in_money or at_bankruptcy
    yield "adl_above", alone, "none where adl_price is not bankruptcy: the first layer would pay the difference"
    start, stop = value("drawdown"), value("drawdown_stop")
    below = not (is_number(start) and is_number(stop)) or stop < start
    yield "drawdown_stop", below, f"less than drawdown, {start}, at which ADL begins"


def _of_calls(value: Callable[[str], Any]) -> Iterator[tuple[str, bool, str]]:
    if not is_word(value("liquidation"), ("margin_call",)):
        return
    for name in ("closeout", "carrier"):
        off = BY_NAME[name].default
        yield name, value(name) == off, f"{off} with liquidation = margin_call, which closes a position whole"
    one = (value("call_deadline") is None) != (value("call_time") is None)
    yield "call_deadline", one, "one of call_deadline and call_time, with liquidation = margin_call"


def _of_carrier(value: Callable[[str], Any]) -> Iterator[tuple[str, bool, str]]:
    carrier, waterfall = value("carrier"), value("waterfall")
    if not is_word(carrier, CASH_LAYERS):
        return
    settled = is_word(value("settlement"), ("bankruptcy",))
    yield "settlement", settled, f"bankruptcy with carrier = {carrier}: it takes positions at that price"
    if not BY_NAME["waterfall"].allows(waterfall):
        return
    first = next((word for word in waterfall if word in (*CASH_LAYERS, ADL)), None)
    expected = f"{carrier} as the first layer with cash, and before {ADL}, since it takes positions over"
    yield "waterfall", first == carrier, expected
