"""Tiers of a market from the rows of a file: order, bounds, rates, leverage, deductions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stress.errors import InputError, Problem
from stress.venue.tier import Tier
from stress.venue.tiers import texts
from stress.venue.tiers.rows import NO_CAP, Row
from stress.venue.tiers.units import Unit
from stress.venue.venue import Venue

PER_CENT = 100.0
SAME = 0.01  # relative: initial margin rate times leverage is 1, or 100 where the rates are per cent
FRACTIONS = 'a fraction, or per cent with a % sign ("0.40%")'

Wrong = Callable[[Row, str, str, Any], None]


@dataclass(frozen=True)
class Built:
    """The tiers of a market, and what was done to its rows.

    Parameters
    ----------
    tiers : tuple of Tier
    added : bool
        Deductions were computed; the file has none.
    scaled : bool
        Rates were per cent.
    moved : int
        Floors that were moved to the cap of the tier before.
    """

    tiers: tuple[Tier, ...]
    added: bool = False
    scaled: bool = False
    moved: int = 0


@dataclass(frozen=True)
class _Values:
    row: Row
    floor: float | None
    cap: float
    rate: float
    leverage: float
    cum: float | None


def build(rows: Sequence[Row], unit: Unit, flat: bool, place: str, problems: list[Problem]) -> Built:
    """The tiers of a market; problems are appended to `problems`."""
    before = len(problems)

    def wrong(row: Row, expected: str, column: str, value: Any = None) -> None:
        problems.append(Problem(place, expected, column=f"{row.label} {column}", value=value))

    scale = _scale(rows)
    values = [found for row in rows if (found := _values(row, scale, wrong)) is not None]
    if len(problems) > before:
        return Built(())
    if _too_large_rates(values, problems, place):
        return Built(())
    values = _in_order(values, wrong)
    if len(problems) > before:
        return Built(())
    built = _tiers(values, unit, flat or unit.basis == "quantity", wrong)
    if len(problems) == before:
        try:
            Venue(name="imported", tiers=built.tiers, tier_basis=unit.basis, contract=unit.contract)
        except InputError as error:
            problems += [Problem(place, p.expected, column=p.column, value=p.value) for p in error.problems]
    return replace(built, scaled=scale != 1.0)


def _values(row: Row, scale: float, wrong: Wrong) -> _Values | None:
    """The numbers of a row; None, and problems, where one is missing or none."""
    given = {name: texts.number(getattr(row, name)) for name in ("floor", "cap", "rate", "leverage", "initial", "cum")}
    bad = [name for name, value in given.items() if value is None and getattr(row, name) is not None]
    for name in bad:
        wrong(row, FRACTIONS if name in ("rate", "initial") else "a number", name, getattr(row, name))
    rate, leverage, initial = given["rate"], given["leverage"], given["initial"]
    if row.rate is None:
        wrong(row, FRACTIONS, "rate", None)
    if leverage is None and row.leverage is None and initial is not None and initial > 0:
        leverage = (1.0 if texts.is_share(row.initial) else scale) / initial
        leverage = round(leverage) if math.isclose(leverage, round(leverage), rel_tol=1e-9) else leverage
    elif row.leverage is None and "initial" not in bad:
        wrong(row, "a largest leverage, or an initial margin rate above 0", "leverage", row.initial)
    if bad or rate is None or leverage is None:
        return None
    cap = given["cap"]
    cap = math.inf if cap is not None and cap >= NO_CAP else math.nan if cap is None else cap
    return _Values(row, given["floor"], cap, rate / scale, float(leverage), given["cum"])


def _scale(rows: Sequence[Row]) -> float:
    """What rates are divided by: 100 if a title says per cent, or initial rate times leverage is 100 in each row."""
    if all(row.share for row in rows):
        return PER_CENT
    products = []
    for row in rows:
        initial, leverage = texts.number(row.initial), texts.number(row.leverage)
        if initial is not None and leverage is not None and not texts.is_share(row.initial):
            products.append(initial * leverage)
    every = len(products) == len(rows) and all(math.isclose(p, PER_CENT, rel_tol=SAME) for p in products)
    return PER_CENT if every and not any(texts.is_share(row.rate) for row in rows) else 1.0


def _too_large_rates(values: Sequence[_Values], problems: list[Problem], place: str) -> bool:
    """Whether the rates are no fractions, which is said once."""
    first = values[0]
    if all(v.rate * v.leverage >= 1.0 and v.rate / PER_CENT * v.leverage < 1.0 for v in values) and first.rate > 0.05:
        text = f"{FRACTIONS}; it times the largest leverage, {first.leverage:.6g}, is 1 or more"
        problems.append(Problem(place, text, column=f"{first.row.label} rate", value=first.row.rate))
        return True
    return False


def _in_order(values: list[_Values], wrong: Wrong) -> list[_Values]:
    """Rows by their bounds, with every floor and cap: what is not given follows from the row beside it."""
    by_floor = all(v.floor is not None for v in values)
    if by_floor:
        values = sorted(values, key=lambda v: (v.floor, v.cap))
    elif sum(math.isnan(v.cap) for v in values) <= 1:
        values = sorted(values, key=lambda v: math.inf if math.isnan(v.cap) else v.cap)
    else:
        lacking = next(v for v in values if v.floor is None and math.isnan(v.cap))
        wrong(lacking.row, "a cap or a floor", "cap", None)
        return values
    floors = [v.floor if v.floor is not None else values[i - 1].cap if i else 0.0 for i, v in enumerate(values)]
    double = next((i for i in range(1, len(values)) if floors[i] == floors[i - 1]), None)
    if double is not None:
        row = values[double].row
        wrong(
            row, f"one row that begins at {floors[double]:.12g}, not also {values[double - 1].row.label}", "floor", None
        )
        return values
    caps = [v.cap if not math.isnan(v.cap) else (*floors[1:], math.inf)[i] for i, v in enumerate(values)]
    return [replace(v, floor=floor, cap=cap) for v, floor, cap in zip(values, floors, caps, strict=True)]


def _tiers(values: Sequence[_Values], unit: Unit, flat: bool, wrong: Wrong) -> Built:
    """Tiers from ordered rows; d_k = d_{k-1} + floor_k (r_k - r_{k-1}) unless each rate holds for the whole."""
    tiers: list[Tier] = []
    border = deduction = below = 0.0
    moved = 0
    closed = len(values) > 1 and values[1].floor == values[0].cap + 1.0  # written as 1..1000, 1001..2000
    for v in values:
        floor = v.floor or 0.0
        gap = 1.0 if tiers or closed else 0.0
        if not (-1e-9 * border <= floor - border <= gap):
            start = "the cap of the tier before" if tiers else "the start"
            wrong(v.row, f"{border:.12g}, {start}", "floor", v.row.floor)
        moved += floor > border * (1 + 1e-9)
        if not flat:
            deduction += border * (v.rate - below)
            below = v.rate
        if v.cum is not None and not math.isclose(v.cum, deduction, rel_tol=1e-6, abs_tol=unit.tolerance):
            expected = f"{deduction:.12g}, which makes the margin continuous"
            if unit.basis == "quantity":
                expected = f"0, since tiers in {unit.quantities} have no deductions"
            wrong(v.row, "0, as required by flat" if flat and unit.basis == "notional" else expected, "cum", v.row.cum)
        tiers.append(Tier(border * unit.size, v.cap * unit.size, v.leverage, v.rate, deduction))
        border = v.cap
    return Built(tuple(tiers), added=all(v.cum is None for v in values) and len(values) > 1, moved=moved)
