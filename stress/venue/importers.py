"""Margin tiers of other people's files, and the venue file that they make.

A file is a table (CSV, spreadsheet, parquet) whose columns `stress.venue.tiers.aliases` names, or JSON of a shape in
`stress.venue.tiers.shapes`: the answers of venues, and of ccxt. What a bound counts is said by the name of its field,
or by `unit`; it is never guessed from the figure. Bounds in contracts or coins become tiers in coins. Those of an
inverse market are coins of notional or contracts of 1 USD (`stress.venue.tiers.coin_margined`).

Deductions follow from continuity, d_k = d_{k-1} + floor_k (r_k - r_{k-1}), and must agree with the amount `cum` where a
file has it. With `flat`, and in coins, each rate applies to the whole position instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from stress.adjustments import Adjustment
from stress.arguments import is_number, path_of
from stress.errors import InputError, Problem, raise_if
from stress.files import documents, names, reading, records
from stress.venue.markets import spellings_of
from stress.venue.rules import RULES
from stress.venue.tier import Tier
from stress.venue.tiers import markets as tables
from stress.venue.tiers import shapes
from stress.venue.tiers.aliases import UNITS
from stress.venue.tiers.group import Group
from stress.venue.tiers.rows import table_groups
from stress.venue.values import one_of
from stress.venue.venue import Venue


class ImportedTiers(dict[str, tuple[Tier, ...]]):
    """Tiers by market, under the names of the file.

    Attributes
    ----------
    tier_basis : {"notional", "quantity"}
        Whether floors and caps are USD of notional or coins; of inverse markets, coins of notional or contracts of
        1 USD.
    inverse : frozenset of str
        The markets that are inverse.
    adjustments : tuple of Adjustment
        The unit that was taken, and what else was done to the rows.
    """

    tier_basis: str = "notional"
    inverse: frozenset[str] = frozenset()
    adjustments: tuple[Adjustment, ...] = ()

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[Any, ...], dict[str, Any]]:
        return type(self), (dict(self),), self.__dict__


def read_tiers(
    path: str | Path,
    *,
    flat: bool = False,
    market: str | None = None,
    unit: str | None = None,
    contract_size: float | None = None,
) -> ImportedTiers:
    """Read the tiers of each market of a file.

    Parameters
    ----------
    path : str or Path
    flat : bool
        Each rate applies to the whole position: no deductions.
    market : str, optional
        Read only this market, however it is spelled; in a file that names no market, its name.
    unit : {"usd", "coins", "contracts"}, optional
        What the bounds count. Default: what their names say.
    contract_size : float, optional
        Coins of a contract, of an inverse one USD, where the file counts contracts. Default: what the file says.

    Returns
    -------
    ImportedTiers
        Tiers by market, floors and caps in USD of notional, or in coins and flat (`tier_basis="quantity"`). Inverse
        markets are read where the file has no others, or none of another basis; elsewhere they are left out and named.

    Raises
    ------
    InputError
        Lists every problem of the file: a unit that is not known or cannot be, invalid values, gaps between tiers,
        inconsistent rates and leverages, amounts `cum` that do not follow from continuity.
    """
    path = path_of(path, "file")
    where = str(path)
    problems = []
    if contract_size is not None and not (is_number(contract_size) and 0 < contract_size < math.inf):
        problems.append(Problem(where, "a number of coins above 0", column="contract_size", value=contract_size))
    if unit is not None and unit not in UNITS:
        problems.append(Problem(where, one_of(unit, UNITS), column="unit", value=unit))
    elif unit not in (None, "contracts") and contract_size is not None:
        problems.append(Problem(where, 'no contract_size beside unit = "usd" or "coins"', column="unit", value=unit))
    raise_if(problems)
    groups, adjustments = _groups(path, where)
    groups = _named(groups, market, where) if market is not None or len(groups) == 1 else groups
    unnamed = [group for group in groups if not names.is_name(group.market)]
    expected = f"{names.EXPECTED}; --market names it where the file does not"
    raise_if([Problem(where, expected, column="market", value=group.market) for group in unnamed[:1]])
    read, left_out = tables.built(groups, where, flat, unit, contract_size)
    found = ImportedTiers({market: built.tiers for market, (_, _, built) in read.items()})
    found.tier_basis = next(taken.basis for _, taken, _ in read.values())
    found.inverse = frozenset(market for market, (group, _, _) in read.items() if group.contract == "inverse")
    found.adjustments = (*tables.adjustments(read, left_out, path.name, flat), *adjustments)
    return found


def to_toml(
    tiers: Mapping[str, Iterable[Tier]],
    *,
    name: str,
    tier_basis: str = "notional",
    inverse: Iterable[str] = (),
    comment: str = "",
) -> str:
    """Text of a venue file with these tiers, all of status "user".

    `load_venue(path, market=...)` reads such a file.

    Parameters
    ----------
    tiers : dict of str to sequence of Tier
        As `read_tiers` returns them. Deductions that are neither all 0 nor follow from continuity are written in a
        fifth column.
    name : str
        Name of the venue.
    tier_basis : {"notional", "entry_notional", "quantity"}
    inverse : set of str
        The markets whose contract is inverse; the others are linear.
    comment : str
        First line of the file.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the tiers are not those of a valid `Venue`.
    """
    markets = {market: tuple(rows) for market, rows in tiers.items()}
    contracts = {market: "inverse" for market in inverse}
    for market, rows in markets.items():
        contract = contracts.get(market, "linear")
        Venue(name=name, tiers=rows, market=market, tier_basis=tier_basis, contract=contract)
    unnamed = [text for text in (name, *markets) if not names.is_name(text)]
    raise_if([Problem("to_toml", names.EXPECTED, column="name or market", value=text) for text in unnamed])
    lines = [f"# {line}" for line in map(_printable, comment.splitlines())]
    lines += [
        "# The rules that are not given keep their defaults; set those of your venue:",
        f"# {', '.join(rule.name for rule in RULES if rule.name != 'tier_basis')}.",
        "",
        "[venue]",
        f"name = {_quoted(name)}",
        "",
        "[rules]",
        f"tier_basis = {_quoted(tier_basis)}",
        "",
        "# tiers: floor, cap, max_leverage, maintenance_rate[, deduction]",
    ]
    for market, rows in markets.items():
        mode = _mode(rows)
        texts = [[_number(v) for v in astuple(tier)[: 4 if mode else 5]] for tier in rows]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines += ["", f"[markets.{_quoted(market)}]"]
        lines += [f"contract = {_quoted(contracts[market])}"] if market in contracts else []
        lines += [*([f'deduction = "{mode}"'] if mode else []), "tiers = ["]
        lines += [f"  [{', '.join(c.rjust(w) for c, w in zip(row, widths, strict=True))}]," for row in texts]
        lines.append("]")
    return "\n".join(lines) + "\n"


def import_venue(
    path: str | Path,
    *,
    name: str | None = None,
    flat: bool = False,
    market: str | None = None,
    unit: str | None = None,
    contract_size: float | None = None,
) -> str:
    """Text of a venue file with the tiers of another file; its comment says in which unit they were read.

    Other parameters and errors as in `read_tiers`.

    Parameters
    ----------
    name : str, optional
        Name of the venue. Default: the file's name without its suffix.
    """
    path = path_of(path, "file")
    tiers = read_tiers(path, flat=flat, market=market, unit=unit, contract_size=contract_size)
    return venue_text(tiers, path, name)


def venue_text(tiers: ImportedTiers, path: Path, name: str | None = None) -> str:
    """Text of a venue file with tiers that were read from a file."""
    comment = "\n".join([f"Tiers of {path.name}", *map(str, tiers.adjustments)])
    return to_toml(tiers, name=name or path.stem, tier_basis=tiers.tier_basis, inverse=tiers.inverse, comment=comment)


def _groups(path: Path, where: str) -> tuple[list[Group], tuple[Adjustment, ...]]:
    """The rows of a file by market: JSON by its first letter or its name, a table otherwise."""
    if records.is_json(path.name, reading.read_bytes(path)):
        return shapes.groups(documents.read_json(path, where), where), ()
    return table_groups(path)


def _named(groups: Sequence[Group], market: str | None, where: str) -> list[Group]:
    """The group of one market; one that has no name in the file gets it."""
    if len(groups) == 1 and groups[0].market is None:
        return [replace(groups[0], market=market)]
    if market is None:
        return list(groups)
    spellings = spellings_of(market, [group.market for group in groups if group.market is not None])
    same = [group for group in groups if group.market in spellings]
    if len(same) != 1:
        known = [str(group.market) for group in same or groups]
        raise InputError(Problem(where, one_of(market, known), column="market", value=market))
    return same


def _mode(tiers: tuple[Tier, ...]) -> str:
    """Word of a file that describes the deductions; "" if they need a column."""
    if not any(tier.deduction for tier in tiers):
        return "flat"
    deduction = below = 0.0
    for tier in tiers:
        deduction += tier.floor * (tier.maintenance_rate - below)
        below = tier.maintenance_rate
        if not math.isclose(tier.deduction, deduction, rel_tol=1e-9, abs_tol=1e-9):
            return ""
    return "continuity"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    return "".join(letter if names.is_plain(letter) else "?" for letter in text)


def _number(value: float) -> str:
    whole = abs(value) < 2**53 and value == int(value)
    return f"{int(value):_}" if whole else repr(float(value))
