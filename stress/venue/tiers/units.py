"""The unit of the bounds of a market's tiers, and what a tier's bound is in coins or USD."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stress.errors import Problem
from stress.venue.tiers import texts
from stress.venue.tiers.aliases import COINS, CONTRACTS, USD
from stress.venue.tiers.group import Group
from stress.venue.tiers.rows import NO_CAP, Row

LEAST_LIMIT = 10_000.0
"""USD. The largest bound of a market that a venue publishes in money is never below; coins and contracts often are."""

OPTION = "--unit usd|coins|contracts"


@dataclass(frozen=True)
class Unit:
    """What the bounds of a market count.

    Parameters
    ----------
    name : str
        One of `aliases.UNITS`.
    size : float
        Coins of one: of a contract, or 1. Of an inverse market, whose quantities are contracts of 1 USD, USD of one.
    why : str
        Where it is from.
    contract : {"linear", "inverse"}
    """

    name: str
    size: float
    why: str
    contract: str = "linear"

    @property
    def basis(self) -> str:
        """Of a `Venue`: what picks the tier, the notional in the money of the margin or the quantity."""
        return "notional" if self.name == (COINS if self.contract == "inverse" else USD) else "quantity"

    @property
    def text(self) -> str:
        """In words."""
        if self.contract == "inverse":
            names = {
                USD: "contracts of 1 USD",
                COINS: "coins of notional",
                CONTRACTS: f"contracts of {self.size:.12g} USD",
            }
        else:
            names = {USD: "USD of notional", COINS: "coins", CONTRACTS: f"contracts of {self.size:.12g} coins"}
        return names[self.name]

    @property
    def quantities(self) -> str:
        """What a quantity of the market counts."""
        return "contracts of 1 USD" if self.contract == "inverse" else "coins"

    @property
    def tolerance(self) -> float:
        """Of an amount that is deducted, in the money of the margin."""
        return 1e-6 if self.contract == "inverse" else 0.01


def unit_of(
    rows: Sequence[Row],
    place: str,
    unit: str | None,
    contract_size: float | None,
    problems: list[Problem],
    group: Group,
) -> Unit | None:
    """The unit of the rows of one market; None, and a problem, where it is not known or cannot be.

    Parameters
    ----------
    rows : sequence of Row
    place : str
        For messages.
    unit, contract_size
        What the person says, which goes before what the names say.
    problems : list of Problem
    group : Group
        Of the rows: its contract and, of an inverse market, what the venue counts whatever the names say.
    """
    inverse = group.contract == "inverse"
    said = {group.counted} if inverse else {row.unit for row in rows}
    names = ", ".join(dict.fromkeys(name for row in rows for name in row.named.split(", ") if name))
    chosen = CONTRACTS if unit is None and contract_size is not None else unit
    if chosen is None and not inverse and (len(said) > 1 or any(row.mixed for row in rows)):
        problems.append(Problem(place, f"bounds of one unit: {OPTION}", column="unit", value=names))
        return None
    if chosen is None and said != {None}:
        (chosen,) = said
    if chosen is None:
        silent = f"the name {names} does not say it" if names else "nothing in the file says it"
        if inverse:
            silent = f"what {names or 'this venue'} counts in an inverse market, margined in its coin, is not known"
        expected = f"the unit of the bounds, since {silent}: {OPTION}"
        problems.append(Problem(place, expected, column="unit"))
        return None
    option = unit is not None or contract_size is not None
    why = "as --unit or --contract-size says" if option else f"by the name {names}; {OPTION}"
    if chosen == CONTRACTS:
        size = _size(rows, place, contract_size, problems)
        return None if size is None else Unit(CONTRACTS, size, why, group.contract)
    if chosen == USD and unit is None and not inverse and (largest := _largest(rows)) < LEAST_LIMIT:
        expected = (
            f"a largest bound of USD {LEAST_LIMIT:,.0f} or more, or the unit of these bounds: "
            f"{OPTION}, --contract-size COINS"
        )
        problems.append(Problem(place, expected, column=names or "cap", value=largest))
        return None
    return Unit(chosen, 1.0, why, group.contract)


def _size(rows: Sequence[Row], place: str, given: float | None, problems: list[Problem]) -> float | None:
    """Coins of a contract: as the person says or, where nothing is said, as the file does."""
    sizes = {texts.number(row.size) for row in rows if row.size is not None}
    if given is None and len(sizes) == 1:
        (size,) = sizes
        if size is not None and 0 < size < math.inf:
            return size
    if given is not None and sizes <= {given}:
        return float(given)
    of_file = ", ".join(str(row.size) for row in rows[:1]) if sizes else None
    expected = "--contract-size, the coins of a contract, of an inverse one USD (the rows count contracts)"
    if given is not None:
        expected = f"the contract size of the file, {of_file}, in --contract-size too"
    problems.append(Problem(place, expected, column="contract_size", value=given if given is not None else of_file))
    return None


def _largest(rows: Sequence[Row]) -> float:
    """The largest finite bound; inf if there is none."""
    bounds = [texts.number(value) for row in rows for value in (row.floor, row.cap)]
    finite = [value for value in bounds if value is not None and 0 < value < NO_CAP]
    return max(finite, default=math.inf)
