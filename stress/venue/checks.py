"""What is wrong with the values of a venue: its rules, what they exclude in each other, and its tiers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING

from stress.arguments import is_number, is_text, is_word
from stress.errors import Problem
from stress.venue import mechanics
from stress.venue.file import SourcedValue
from stress.venue.rules import BY_NAME
from stress.venue.tier import Tier

if TYPE_CHECKING:
    from stress.venue.venue import Venue

TWO_KEYS = ("profit_size", "ethereal")  # scores that compare by one number, then by another


def _rule_checks(venue: Venue) -> Iterator[tuple[str, bool, str]]:
    """For each check: field, whether it passes, and what is expected."""
    yield "name", is_text(venue.name) and bool(venue.name), "a name"
    yield "market", is_text(venue.market), "text"
    yield "title", is_text(venue.title), "text"
    yield "notes", all(map(is_text, venue.notes)), "a sequence of text"
    yield "figures", all(isinstance(figure, SourcedValue) for figure in venue.figures), "a sequence of SourcedValue"
    for rule in BY_NAME.values():
        value = getattr(venue, rule.name)
        yield rule.name, rule.allows(value), rule.expected(value)
        if rule.needs and value is not None:
            yield rule.name, getattr(venue, rule.needs) is not None, f"none where {rule.needs} is not given"
    values = partial(getattr, venue)
    for rule in BY_NAME.values():
        yield rule.name, *rule.within_check(values)
    weighed = not is_word(venue.policy, ("score_pro_rata",)) or not is_word(venue.score, TWO_KEYS)
    yield "score", weighed, "one that is a number above 0 with policy = score_pro_rata, to weigh by"
    yield from mechanics.checks(values)


def _tier_checks(tier: Tier, basis: str, border: float, border_text: str) -> Iterator[tuple[str, bool, str]]:
    """As `_rule_checks`, for a tier that must start at `border`."""
    numbers = [(f.name, is_number(getattr(tier, f.name)), "a number") for f in fields(Tier)]
    yield from numbers
    if not all(ok for _, ok, _ in numbers):
        return
    rate, top, deduction = tier.maintenance_rate, tier.max_leverage, tier.deduction
    yield "floor", tier.floor == border, border_text
    yield "cap", tier.cap > tier.floor, f"more than the floor, {tier.floor:.12g}"
    yield "maintenance_rate", 0 <= rate < 1, "a fraction in [0, 1)"
    yield "max_leverage", 0 < top < math.inf, "a number above 0"
    if 0 < rate < 1 and 0 < top < math.inf:
        yield "max_leverage", top * rate < 1, f"less than 1/maintenance_rate, {1 / rate:.6g}"
    if is_word(basis, ("quantity",)):
        yield (
            "deduction",
            deduction == 0,
            '0 with tier_basis "quantity", otherwise a low price would make the margin negative',
        )
    else:
        most = max(0.0, rate * tier.floor)
        yield "deduction", 0 <= deduction <= most * (1 + 1e-9), f"between 0 and rate * floor, {most:.12g}"


def problems_of_venue(venue: Venue) -> list[Problem]:
    """Everything that is wrong with the values of a venue."""
    where = " ".join(filter(None, ("venue", str(venue.name), str(venue.market))))
    failed = [(name, getattr(venue, name), text) for name, ok, text in _rule_checks(venue) if not ok]
    if not venue.tiers:
        failed.append(("tiers", None, "at least one tier"))
    border, border_text = 0.0, "0, the start of the first tier"
    for number, tier in enumerate(venue.tiers, start=1):
        if not isinstance(tier, Tier):
            failed.append((f"tier {number}", tier, "a Tier"))
            break
        checks = _tier_checks(tier, venue.tier_basis, border, border_text)
        failed += [(f"tier {number} {name}", getattr(tier, name), text) for name, ok, text in checks if not ok]
        if not is_number(tier.cap):
            break
        border, border_text = tier.cap, f"{tier.cap:.12g}, the cap of tier {number}"
    return [Problem(where, text, column=name, value=value) for name, value, text in failed]
