"""One position: profit, equity, margins and levels (section 2), inverse contracts directly (section II.9)."""

from __future__ import annotations

import math

from tests.twin.records import LONG, SHORT, Position, Rules, Tier


def rounded(value: float) -> float:
    """The nearest number with a 40-bit significand, ties to even."""
    if value == 0.0 or not math.isfinite(value):
        return value
    significand, exponent = math.frexp(value)
    return math.ldexp(round(significand * 2**40), exponent - 40)


def profit(p: Position, price: float) -> float:
    return p.side * p.quantity * (price - p.entry_price)


def equity(p: Position, price: float) -> float:
    return p.margin + profit(p, price)


def bankruptcy_price(p: Position) -> float:
    return p.entry_price - p.side * p.margin / p.quantity


def leverage(p: Position, price: float) -> float:
    return p.quantity * price / equity(p, price)


def notional(p: Position, price: float) -> float:
    """q P, and none where funding has moved P below zero (section II.8)."""
    return p.quantity * max(0.0, price)


def tier_of(p: Position, price: float, rules: Rules) -> Tier:
    """The tier a position is in at a price; the last tier extends to infinity."""
    basis = {
        "notional": notional(p, price),
        "entry_notional": p.quantity * p.entry_price,
        "quantity": p.quantity,
    }
    return [tier for tier in rules.tiers if tier.floor <= basis[rules.tier_basis]][-1]


def maintenance(p: Position, price: float, rules: Rules) -> float:
    tier = tier_of(p, price, rules)
    n = notional(p, p.entry_price if rules.tier_basis == "entry_notional" else price)
    return tier.maintenance_rate * n - tier.deduction


def threshold(p: Position, tier: Tier, rules: Rules) -> float:
    """The price at which E = MM with the rate and deduction of one tier."""
    s, q, e, m = p.side, p.quantity, p.entry_price, p.margin
    if rules.tier_basis == "entry_notional":
        return e + s * (tier.maintenance_rate * q * e - tier.deduction - m) / q
    return (q * e - s * (m + tier.deduction)) / (q * (1 - s * tier.maintenance_rate))


def liquidation_price(p: Position, rules: Rules, s0: float, under_margin: str = "error") -> float:
    """The first price, moving adversely from `s0`, at which E <= MM; rounded; infinite if there is none."""
    never = -p.side * math.inf
    if equity(p, s0) <= maintenance(p, s0, rules):
        if under_margin != "liquidate":
            raise ValueError(f"{p} is under its maintenance margin at {s0}")
        return rounded(threshold(p, tier_of(p, s0, rules), rules))

    if rules.tier_basis != "notional":  # the tier does not depend on the price
        price = threshold(p, tier_of(p, s0, rules), rules)
        return rounded(price) if price > 0 else never

    # Each tier is an interval of prices. In it E - MM is monotone: from the end we enter by, the first price
    # that fails is that end itself (MM may jump there) or the threshold of the tier, if it lies inside.
    tiers = list(rules.tiers)
    ends = [(tier.floor / p.quantity, tier.cap / p.quantity, tier) for tier in tiers]
    ends[-1] = (ends[-1][0], math.inf, tiers[-1])
    if p.side == LONG:
        for low, high, tier in reversed(ends):
            if low < s0:
                price = min(threshold(p, tier, rules), s0, high)
                if price >= low and price > 0:
                    return rounded(price)
    else:
        for low, high, tier in ends:
            if high > s0:
                price = max(threshold(p, tier, rules), s0, low)
                if price < high:
                    return rounded(price)
    return never


def level_with_funding(p: Position, rules: Rules, P: float, under_margin: str = "error") -> float:
    """L where the frame may be moved below zero: a long that no price liquidates has E = MM of no notional there."""
    L = liquidation_price(p, rules, P, under_margin)
    if p.side == SHORT or L > 0:
        return L
    return rounded(p.entry_price - (p.margin - maintenance(p, 0.0, rules)) / p.quantity)


def initial_margin(p: Position, price: float, rules: Rules) -> float:
    """What a new position of this size needs; the notional is that of `maintenance`."""
    n = notional(p, p.entry_price if rules.tier_basis == "entry_notional" else price)
    return n / tier_of(p, price, rules).max_leverage


def is_under_margin(p: Position, price: float, rules: Rules) -> bool:
    return equity(p, price) <= maintenance(p, price, rules)


def tier_number(p: Position, price: float, rules: Rules) -> int:
    return list(rules.tiers).index(tier_of(p, price, rules))


# --------------------------------------------------------------------------- inverse contracts, directly (section II.9)


def inverse_profit(side: int, quantity: float, entry: float, price: float) -> float:
    """Profit in coins of `quantity` contracts of 1 USD."""
    return side * quantity * (1.0 / entry - 1.0 / price)


def inverse_bankruptcy_price(side: int, quantity: float, entry: float, margin: float) -> float:
    """Where margin and profit, in coins, are zero; infinite for a short that cannot lose its margin."""
    rest = side * margin + quantity / entry
    return quantity / rest if rest > 0 else math.inf


def inverse_liquidation_price(side: int, quantity: float, entry: float, margin: float, rate: float) -> float:
    """Where equity in coins is `rate` times the notional in coins, q / P."""
    rest = side * margin + quantity / entry
    return quantity * (1.0 + side * rate) / rest if rest > 0 else math.inf
