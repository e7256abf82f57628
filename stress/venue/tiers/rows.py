"""A tier as a file has it: fields found by their names, bounds with the unit that the names say."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stress.adjustments import Adjustment
from stress.errors import InputError, Problem
from stress.files.table import read_table
from stress.files.titles import shown_titles
from stress.venue.tiers import aliases, texts
from stress.venue.tiers.coin_margined import of_contract
from stress.venue.tiers.group import Group
from stress.venue.tiers.shapes import market_of, of_ccxt

BOUNDS = tuple(aliases.BOUNDS)
INFO = "info."  # before what a venue itself says, in a flattened answer of ccxt
NO_CAP = 1e15  # some interfaces give a huge number where there is no limit


@dataclass(frozen=True)
class Row:
    """A tier with values as they are in the file, None where it has none.

    Parameters
    ----------
    label : str
        What messages call it: "row 3", "bracket 2".
    unit : str or None
        One of `aliases.UNITS`, as `named` says; None if no name says it.
    named : str
        The names that say the unit.
    mixed : bool
        They say different ones.
    """

    market: str
    label: str
    floor: Any = None
    cap: Any = None
    rate: Any = None
    leverage: Any = None
    initial: Any = None
    cum: Any = None
    size: Any = None
    unit: str | None = None
    named: str = ""
    mixed: bool = False
    share: bool = False


def rows_of(group: Group, market: str) -> list[Row]:
    """The rows of a group of a document."""
    return [_row(record, group.around, market, number) for number, record in enumerate(group.records, start=1)]


def table_groups(path: Path) -> tuple[list[Group], tuple[Adjustment, ...]]:
    """The rows of a table by market, each with its place as `row N`; and what was done to the file as it was read.

    Raises
    ------
    InputError
        As `stress.files.table.read_table`; and if the table has no column of rates or of bounds.
    """
    table = read_table(path, aliases.table_titles())
    known = table.names.found if table.names else ()
    wanted = {"rate": ("rate",), "leverage": ("leverage", "initial"), "cap": ("cap", "range", "floor")}
    lacking = [field for field, columns in wanted.items() if not any(column in table for column in columns)]
    if lacking:
        names = "; ".join(f"{field} ({', '.join(aliases.ALIASES[field][:5])})" for field in lacking)
        expected = (
            f"{'a column' if len(lacking) == 1 else 'columns'} for {names}; the columns are {shown_titles(known)}"
        )
        raise InputError(Problem(table.where, f"{expected}; all titles: perp-stress columns tiers"))
    of_venue = [title for title in known if title.lower().startswith(INFO)]
    groups: dict[str | None, list[dict[str, Any]]] = {}
    titles = [table.titles[name] for name in table.columns]
    for row, *cells in zip(table.rows.tolist(), *table.columns.values(), strict=True):
        record: dict[str, Any] = dict(zip(titles, cells, strict=True)) | {"": f"row {row}"}
        info = _parsed(record.pop(table.titles["info"])) if "info" in table else None
        own = {title[len(INFO) :]: record.pop(title, None) for title in of_venue}
        if own or info:
            record["info"] = own | (info or {})
        name = record[table.titles["market"]] if "market" in table else None
        groups.setdefault(name or market_of(info or {}), []).append(record)
    found = [
        of_ccxt(market, records) if all("info" in record for record in records) else of_contract(Group(market, records))
        for market, records in groups.items()
    ]
    return found, table.adjustments


def _parsed(text: str) -> dict[str, Any] | None:
    """A dictionary that was written into a cell."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, dict) else None


def _row(record: Mapping[str, Any], around: Mapping[str, Any], market: str, number: int) -> Row:
    info = record.get("info")
    found: dict[str, tuple[str, Any]] = {}
    for key, value in record.items():
        field = aliases.field_of(key)
        if field is not None and not isinstance(value, dict | list) and not texts.missing(value):
            found.setdefault(field, (key, value))
    for source in (info if isinstance(info, dict) else {}, around):
        for key, value in source.items():
            field = aliases.field_of(key)
            if field in ("size", "cum", "initial") and not isinstance(value, dict | list) and not texts.missing(value):
                found.setdefault(field, (key, value))
    values = {field: value for field, (_, value) in found.items()}
    units = dict(_units(record, info if isinstance(info, dict) else None))
    rate = found.get("rate", ("", None))
    floor, cap = values.get("floor"), values.get("cap")
    if "range" in values and floor is cap is None:
        floor, cap, said = _range(str(values["range"]), market)
        units |= {values["range"]: said} if said else {}
    known = list(dict.fromkeys(unit for unit in units.values() if unit is not None))
    return Row(
        market,
        record.get("") or _label(record, number),
        floor,
        cap,
        rate[1],
        values.get("leverage"),
        values.get("initial"),
        values.get("cum"),
        values.get("size"),
        known[0] if len(known) == 1 else None,
        ", ".join(dict.fromkeys(str(key) for key in units)),
        len(known) > 1,
        "%" in rate[0] and not texts.is_share(rate[1]),
    )


def _units(record: Mapping[str, Any], info: Mapping[str, Any] | None) -> Iterator[tuple[str, str | None]]:
    """The units that the names of bounds say.

    In rows of ccxt, those of the venue's own answer count; amounts that are deducted are money, and so are the bounds
    that make them continuous.
    """
    is_ccxt = info is not None or "minNotional" in record  # which is called so whatever the venue counts
    source = info or {} if is_ccxt else record
    bounds = [(key, aliases.unit_of(key)) for key in source if key and aliases.field_of(key) in BOUNDS]
    yield from ((key, unit) for key, unit in bounds if not _is_number_of_tier(key, source[key]))
    if is_ccxt and not bounds:
        yield from ((key, aliases.USD) for key in source if aliases.field_of(key) == "cum")


def _is_number_of_tier(key: str, value: Any) -> bool:
    """Whether a "bracket" is no range but the number of one."""
    return aliases.field_of(key) == "range" and texts.number(value) is not None


def _range(text: str, market: str) -> tuple[Any, Any, str | None]:
    """Floor and cap of a range, and its unit where the range itself says it."""
    bounds = texts.bounds(text)
    if bounds is None:
        return None, text, None
    unit = None
    for word in texts.words(text):
        if aliases.MONEY.search(word):
            unit = aliases.USD
        elif word in ("cont", "conts", "contract", "contracts"):
            unit = aliases.CONTRACTS
        elif market.lower().startswith(word):
            unit = aliases.COINS
    floor, cap = bounds
    return None if math.isnan(floor) else floor, cap, unit


def _label(record: Mapping[str, Any], number: int) -> str:
    for key in aliases.LABELS:
        value = record.get(key)
        if value is not None and str(value).removesuffix(".0").isdigit():
            return f"{'bracket' if key == 'bracket' else 'tier'} {str(value).removesuffix('.0')}"
    return f"tier {number}"
