"""Importers of margin tiers from files of other formats.

| format | a file of |
|---|---|
| `ccxt` | leverage tiers by symbol (tier, minNotional, maxNotional, maintenanceMarginRate, maxLeverage, info) |
| `binance` | leverage brackets (notionalFloor, notionalCap, initialLeverage, maintMarginRatio, cum) |
| `hyperliquid` | `meta` with its margin tables; the maintenance rate is 1/(2 max leverage) |
| `csv` | columns symbol, min_notional, max_notional, mmr, max_leverage and, if wanted, cum |

Deductions follow from continuity, d_k = d_{k-1} + floor_k (r_k - r_{k-1}), and must agree with the amount `cum` where a
file has it. With `flat` each rate applies to the whole position instead. Tables that count contracts are read with
`contract_size`; their tiers are in coins and flat.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from stress.arguments import is_number
from stress.errors import InputError, Problem, raise_if
from stress.files import cells, documents, names
from stress.files.table import read_table
from stress.venue.rules import RULES
from stress.venue.values import one_of
from stress.venue.venue import Tier, Venue

FORMATS = ("ccxt", "binance", "hyperliquid", "csv")
CSV_COLUMNS = ("symbol", "min_notional", "max_notional", "mmr", "max_leverage")
CSV_ALIASES = {name.replace("_", ""): name for name in (*CSV_COLUMNS, "cum")}
CONTRACTS = "contract_size, the coins of a contract (the rows count contracts), and a market of that size"
NO_CAP = 1e15  # some interfaces give a huge number, or none, where there is no limit


@dataclass(frozen=True)
class _Row:
    """A tier as it is in a file, with unconverted values."""

    market: str
    label: str
    floor: Any
    cap: Any
    leverage: Any
    rate: Any
    cum: Any = None
    contracts: bool = False


def read_tiers(
    path: str | Path,
    format: str | None = None,
    *,
    flat: bool = False,
    market: str | None = None,
    contract_size: float | None = None,
) -> dict[str, tuple[Tier, ...]]:
    """Read the tiers of each market of a file.

    Parameters
    ----------
    path : str or Path
    format : {"ccxt", "binance", "hyperliquid", "csv"}, optional
        Default: detected from the content.
    flat : bool
        Each rate applies to the whole position: no deductions.
    market : str, optional
        Read only this market.
    contract_size : float, optional
        Coins of a contract, where the file counts contracts; the tiers are then in coins and flat
        (`tier_basis="quantity"`).

    Returns
    -------
    dict of str to tuple of Tier
        Markets under the names of the file; floors and caps in USD of notional, or in coins.

    Raises
    ------
    InputError
        Lists every problem of the file: invalid values, gaps between tiers, inconsistent rates and leverages, amounts
        `cum` that do not follow from continuity.
    """
    path = Path(path)
    where = str(path)
    rows = list(_rows(path, where, format))
    if contract_size is not None and not (is_number(contract_size) and 0 < contract_size < math.inf):
        raise InputError(Problem(where, "a number of coins above 0", column="contract_size", value=contract_size))
    unnamed = [row for row in rows if not names.is_name(row.market)]
    raise_if([Problem(where, names.EXPECTED, column=f"{row.label} market", value=row.market) for row in unnamed])
    if market is not None:
        rows = _one_market(rows, market, where)
    markets: dict[str, list[_Row]] = {}
    for row in rows:
        markets.setdefault(row.market, []).append(row)
    problems: list[Problem] = []
    if not markets:
        problems.append(Problem(where, "the tiers of at least one market"))
    tiers = {name: _tiers(name, group, where, flat, contract_size, problems) for name, group in markets.items()}
    raise_if(problems)
    return tiers


def to_toml(
    tiers: Mapping[str, Iterable[Tier]],
    *,
    name: str,
    tier_basis: str = "notional",
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
    for market, rows in markets.items():
        Venue(name=name, tiers=rows, market=market, tier_basis=tier_basis)
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
        lines += ["", f"[markets.{_quoted(market)}]", *([f'deduction = "{mode}"'] if mode else []), "tiers = ["]
        lines += [f"  [{', '.join(c.rjust(w) for c, w in zip(row, widths, strict=True))}]," for row in texts]
        lines.append("]")
    return "\n".join(lines) + "\n"


def import_venue(
    path: str | Path,
    *,
    name: str | None = None,
    format: str | None = None,
    flat: bool = False,
    market: str | None = None,
    contract_size: float | None = None,
) -> str:
    """Text of a venue file with the tiers of a file of another format.

    Other parameters and errors as in `read_tiers`.

    Parameters
    ----------
    name : str, optional
        Name of the venue. Default: the file's name without its suffix.
    """
    path = Path(path)
    tiers = read_tiers(path, format, flat=flat, market=market, contract_size=contract_size)
    return to_toml(
        tiers,
        name=name or path.stem,
        tier_basis="notional" if contract_size is None else "quantity",
        comment=f"Tiers of {path.name}",
    )


def _rows(path: Path, where: str, format: str | None) -> Iterator[_Row]:
    if format is not None and format not in FORMATS:
        raise InputError(Problem(where, one_of(format, FORMATS), column="format", value=format))
    if format == "csv" or (format is None and any(suffix.lower() == ".csv" for suffix in path.suffixes)):
        return _csv_rows(path)
    data = documents.read_json(path, where)
    kind = format or _kind(data)
    reader = {"ccxt": _ccxt_rows, "binance": _binance_rows, "hyperliquid": _hyperliquid_rows}.get(kind)
    try:
        if reader is not None:
            return iter(list(reader(data)))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        missing = f"the key {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise InputError(Problem(where, f"the shape of {kind} ({missing})")) from None
    raise InputError(Problem(where, f"the shape of one of {', '.join(FORMATS)}; a CSV file ends in .csv")) from None


def _kind(data: Any) -> str:
    """Format that parsed JSON has; "" if none is recognised."""
    data = data[0] if isinstance(data, list) and data else data
    if not isinstance(data, dict):
        return ""
    if "universe" in data:
        return "hyperliquid"
    if "brackets" in data:
        return "binance"
    data = data.get("data", data)
    if isinstance(data, dict) and (
        "maintenanceMarginRate" in data or any(isinstance(rows, list) for rows in data.values())
    ):
        return "ccxt"
    return ""


def _csv_rows(path: Path) -> Iterator[_Row]:
    table = read_table(path, CSV_ALIASES)
    raise_if([Problem(table.where, f"a column {c}", row=1, column=c) for c in CSV_COLUMNS if c not in table])
    cums = table.columns.get("cum", itertools.repeat(""))
    columns = [table.columns[name] for name in CSV_COLUMNS]
    for row, symbol, floor, cap, rate, leverage, cum in zip(table.rows.tolist(), *columns, cums, strict=False):
        yield _Row(symbol, f"row {row}", floor, cap, leverage, rate, cum or None)


def _ccxt_rows(data: Any) -> Iterator[_Row]:
    if isinstance(data, dict):
        groups = data.get("data", data)
    else:
        groups = {}
        for row in data:
            groups.setdefault(row["symbol"], []).append(row)
    for market, rows in groups.items():
        for number, row in enumerate(rows, start=1):
            info = row.get("info") or {}
            yield _Row(
                market,
                f"tier {row.get('tier', number)}",
                row["minNotional"],
                row["maxNotional"],
                row["maxLeverage"],
                row["maintenanceMarginRate"],
                next((info[key] for key in ("cum", "mmDeduction") if info.get(key) not in (None, "")), None),
                contracts="minSz" in info,
            )


def _binance_rows(data: Any) -> Iterator[_Row]:
    for table in [data] if isinstance(data, dict) else data:
        for number, row in enumerate(table["brackets"], start=1):
            yield _Row(
                table["symbol"],
                f"bracket {row.get('bracket', number)}",
                row["notionalFloor"],
                row["notionalCap"],
                row["initialLeverage"],
                row["maintMarginRatio"],
                row.get("cum"),
            )


def _hyperliquid_rows(data: Any) -> Iterator[_Row]:
    meta = data[0] if isinstance(data, list) else data
    tables = {key: table["marginTiers"] for key, table in meta.get("marginTables", [])}
    for asset in meta["universe"]:
        if asset.get("isDelisted"):
            continue
        # ids without a table are maximum leverages themselves
        plain = [{"lowerBound": 0.0, "maxLeverage": asset["maxLeverage"]}]
        tiers = tables.get(asset.get("marginTableId")) or plain
        caps = [tier["lowerBound"] for tier in tiers[1:]] + [None]
        for number, (tier, cap) in enumerate(zip(tiers, caps, strict=True), start=1):
            leverage = _float(tier["maxLeverage"])
            rate = 1.0 / (2.0 * leverage) if leverage else None
            yield _Row(asset["name"], f"tier {number}", tier["lowerBound"], cap, leverage, rate)


def _one_market(rows: list[_Row], market: str, where: str) -> list[_Row]:
    known = dict.fromkeys(row.market for row in rows)
    if market not in known:
        raise InputError(Problem(where, one_of(market, known), column="market", value=market))
    return [row for row in rows if row.market == market]


def _tiers(
    market: str, rows: list[_Row], where: str, flat: bool, contract_size: float | None, problems: list[Problem]
) -> tuple[Tier, ...]:
    """The tiers of a market; problems are appended to `problems`."""
    place, before = f"{where}, {market}", len(problems)

    def wrong(row: _Row, expected: str, column: str, value: Any = None) -> None:
        problems.append(Problem(place, expected, column=f"{row.label} {column}", value=value))

    if contract_size is None and rows[0].contracts:
        problems.append(Problem(place, CONTRACTS, column="contract_size"))
        return ()
    size = 1.0 if contract_size is None else float(contract_size)
    tiers: list[Tier] = []
    border = deduction = below = 0.0
    for row in rows:
        values = {name: _float(getattr(row, name)) for name in ("floor", "cap", "leverage", "rate", "cum")}
        if row.cap is None or (values["cap"] or 0.0) >= NO_CAP:
            values["cap"] = math.inf
        for name, value in values.items():
            if value is None and not (name == "cum" and row.cum is None):
                wrong(row, "a number", name, getattr(row, name))
        floor, cap, leverage, rate, cum = values.values()
        if floor is None or cap is None or leverage is None or rate is None:
            return ()
        # some files write tiers as 1..1000, 1001..2000
        if not (-1e-9 * border <= floor - border <= (1.0 if tiers else 0.0)):
            wrong(row, f"{border:.12g}, {'the cap of the tier before' if tiers else 'the start'}", "floor", row.floor)
        if contract_size is None and not flat:
            deduction += border * (rate - below)
            below = rate
        if cum is not None and not math.isclose(cum, deduction, rel_tol=1e-6, abs_tol=0.01):
            expected = "0, as required by flat" if flat else f"{deduction:.12g}, which makes the margin continuous"
            wrong(row, expected, "cum", row.cum)
        tiers.append(Tier(border * size, cap * size, leverage, rate, deduction))
        border = cap
    if len(problems) == before:
        basis = "notional" if contract_size is None else "quantity"
        try:
            Venue(name="imported", tiers=tuple(tiers), market=market, tier_basis=basis)
        except InputError as error:
            problems += [Problem(place, p.expected, column=p.column, value=p.value) for p in error.problems]
    return tuple(tiers)


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


def _float(value: Any) -> float | None:
    """Convert a number, or text of one ("inf" for no limit), to float; None if it is neither."""
    if isinstance(value, str):
        text = value.strip()
        value = math.inf if text.lower() == "inf" else cells.number(text)
    return float(value) if is_number(value) else None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    return "".join(letter if names.is_plain(letter) else "?" for letter in text)


def _number(value: float) -> str:
    whole = abs(value) < 2**53 and value == int(value)
    return f"{int(value):_}" if whole else repr(float(value))
