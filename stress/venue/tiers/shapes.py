"""Shapes of files with margin tiers: which market has which rows, whatever the envelope.

| shape | recognised by |
|---|---|
| ccxt | `minNotional`, `maxNotional`, `info`; by market, or a list with `symbol` |
| Binance | `brackets` |
| Bybit, Bitget, KuCoin, Gate, OKX, BingX | a list of rows, in an envelope (`result.list`, `data`) or bare |
| Hyperliquid | `universe` with `marginTables`; or one table, `marginTiers` |
| MEXC | `riskBaseVol`, `riskIncrVol` or `riskLimitCustom` of the contract's detail |
| CoinEx | `level` or `position_level` |
| HTX | `list` of `lever_rate` and `ladders` |
| Kraken | `marginLevels` |
| dYdX | `markets` with `initialMarginFraction` |
| BitMEX | `riskLimit`, `riskStep`, `initMargin`, `maintMargin` of an instrument |

A venue's own way of writing a table (steps, fractions, factors) becomes plain rows here, whose keys say the unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from stress.errors import InputError, Problem
from stress.files.records import check_error
from stress.venue.tiers import aliases, coin_margined
from stress.venue.tiers.coin_margined import inverse
from stress.venue.tiers.group import Group, Record
from stress.venue.tiers.texts import number

ENVELOPES = ("result", "data", "markets", "list", "rows", "items", "instruments", "symbols", "riskLimitsV2", "tiers")
NESTED = ("brackets", "leverageBrackets", "position_level", "level", "riskLimits", "marginLevels")
MEXC = ("riskBaseVol", "riskIncrVol", "riskLimitCustom")
PLAIN_TABLES = 50  # Hyperliquid: a margin table of this number or a lower one is one tier of that leverage
BITMEX_STEPS = 10  # that are written out; the venue's own examples end there
SATOSHI = 1e8  # of a coin, in which BitMEX counts
BITMEX_USD = ("maxValue (riskLimit)", "millionths of USDt", 1e6)


def groups(data: Any, where: str) -> list[Group]:
    """The rows of each market of parsed JSON.

    Raises
    ------
    InputError
        If the shape is not known: with the keys that were found.
    """
    try:
        found = [coin_margined.of_contract(group) for group in _groups(data, None)]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise InputError([replace(p, where=p.where or where) for p in error.problems]) from None
        missed = f"the key {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(Problem(where, f"margin tiers of a known shape ({missed})")) from None
    if not found:
        check_error(data, where)
        raise InputError(Problem(where, f"margin tiers of a known shape; it has {_outline(data)}"))
    return found


def explicit(record: Mapping[str, Any]) -> Record:
    """A row with keys that say the unit, where a venue's own do not."""
    row = dict(record)
    if "amount" in row and not {"maintenance_margin_rate", "min_initial_margin_rate"}.isdisjoint(row):  # CoinEx
        row["maxCoins (amount)"] = row.pop("amount")
    if "adjust_factor" in row:  # HTX
        row |= {f"{old[:3]}Contracts ({old})": row.pop(old) for old in ("min_size", "max_size")}
    if "initialMargin" in row and "contracts" in row:  # Kraken, where a tier begins
        row["minContracts (contracts)"] = row.pop("contracts")
    if "initialMargin" in row and "numNonContractUnits" in row:
        row["minCoins (numNonContractUnits)"] = row.pop("numNonContractUnits")
    return row


def _groups(data: Any, market: str | None) -> Iterator[Group]:
    """The groups below a node of the document; `market` is the key that led there."""
    if isinstance(data, list):
        yield from _listed([row for row in data if isinstance(row, dict)], market)
    elif isinstance(data, dict):
        reader = next((read for keys, read in READERS if keys & data.keys()), None)
        nested = next((key for key in NESTED if isinstance(data.get(key), list)), None)
        if data.get("category") == "inverse" and "list" in data:  # Bybit
            yield from (inverse(group, aliases.COINS) for group in _groups(data["list"], market))
        elif reader is not None:
            yield from reader(data, market)
        elif nested is not None:
            yield _nested(data, nested, market)
        elif _is_row(data):
            yield from _listed([data], market)
        elif (
            inner := next((data[key] for key in ENVELOPES if isinstance(data.get(key), dict | list)), None)
        ) is not None:
            yield from _groups(inner, market)
        else:
            for key, value in data.items():
                if isinstance(value, dict | list):
                    yield from _groups(value, key)


def _listed(rows: list[Record], market: str | None) -> Iterator[Group]:
    """Groups of a list: of rows with a market each, or of tables."""
    if rows and "universe" in rows[0]:
        yield from _hyperliquid(rows[0], market)
        return
    if rows and not _is_row(rows[0]):
        for row in rows:
            yield from _groups(row, market)
        return
    tables: dict[str | None, list[Record]] = {}
    for row in rows:
        tables.setdefault(market or market_of(row), []).append(row)
    for name, records in tables.items():
        yield of_ccxt(name, records) if "minNotional" in records[0] else Group(name, records)


def _is_row(data: Mapping[str, Any]) -> bool:
    """Whether a node is a tier itself: it has a rate or a bound, and no table below it."""
    if any(isinstance(data.get(key), list) for key in NESTED) or any(keys & data.keys() for keys, _ in READERS):
        return False
    fields = {aliases.field_of(key) for key, value in data.items() if not isinstance(value, dict | list)}
    return bool(fields & {"rate", "cap"})


def market_of(row: Mapping[str, Any]) -> str | None:
    """The market that a row names."""
    for name in aliases.OTHERS["market"]:
        for key, value in row.items():
            if aliases.fold(key) == aliases.fold(name) and isinstance(value, str) and value.strip():
                return value.strip()
    return None


def _nested(table: Record, key: str, market: str | None) -> Group:
    around = {name: value for name, value in table.items() if not isinstance(value, list)}
    return Group(market_of(table) or market, [explicit(row) for row in table[key]], around)


def of_ccxt(market: str | None, rows: list[Record]) -> Group:
    """Rows of ccxt, whose bounds are called notional whatever the venue counts; its own answer is in `info`."""
    infos = [explicit(row["info"]) if isinstance(row.get("info"), dict) else {} for row in rows]
    first = infos[0]
    if first.get("riskBaseVol") is not None and number(first["riskBaseVol"]) != number(first.get("riskIncrVol")):
        rule = "ccxt begins the steps at 0, while the first tier of the venue ends at riskBaseVol"
        (group,) = _mexc(first, market)
        return replace(group, notes=(("read from the contract's detail in info", rule), *group.notes))
    if "riskIncrVol" in first:
        key = _mexc_cap(first)
        infos = [{**info, key: row.get("maxNotional")} for info, row in zip(infos, rows, strict=True)]
    flat = True if "riskIncrVol" in first else None
    records = [{**row, "info": info} for row, info in zip(rows, infos, strict=True)]
    return coin_margined.of_contract(Group(market, records, first, flat))


def _hyperliquid(meta: Record, _: str | None) -> Iterator[Group]:
    """Assets of `meta`; the maintenance rate is half of the initial margin rate, 1/(2 max leverage)."""
    tables = {key: table["marginTiers"] for key, table in meta.get("marginTables") or []}
    problems = []
    for asset in meta["universe"]:
        name, number_, top = asset["name"], asset.get("marginTableId"), asset["maxLeverage"]
        if asset.get("isDelisted"):
            yield Group(name, [], left_out="delisted")
        elif tables.get(number_):
            yield Group(name, _half_margins(tables[number_]))
        elif isinstance(number_, int) and number_ <= PLAIN_TABLES and number_ == number(top):
            yield Group(name, _half_margins([{"lowerBound": 0.0, "maxLeverage": top}]))
        else:
            expected = (
                f"the margin table {number_} of {name} among marginTables (of the request meta), "
                f"since it is not the plain table of leverage {top}"
            )
            problems.append(Problem("", expected, column=f"{name} marginTableId", value=number_))
    if problems:
        raise InputError(problems)


def _margin_table(table: Record, market: str | None) -> Iterator[Group]:
    yield Group(market, _half_margins(table["marginTiers"]))


def _half_margins(tiers: list[Record]) -> list[Record]:
    tops = [number(tier["maxLeverage"]) for tier in tiers]
    return [{**tier, "mmr": 1.0 / (2.0 * top) if top else None} for tier, top in zip(tiers, tops, strict=True)]


def _mexc(detail: Record, market: str | None) -> Iterator[Group]:
    """Levels of a contract: explicit, or steps.

    Level k ends at riskBaseVol + (k - 1) riskIncrVol; its rates are the first ones and k - 1 increments.
    """
    name = market or market_of(detail)
    cap = _mexc_cap(detail)
    if custom := detail.get("riskLimitCustom"):
        rows = [{**{k: v for k, v in row.items() if k != "maxVol"}, cap: row["maxVol"]} for row in custom]
    else:
        keys = (
            "riskBaseVol",
            "riskIncrVol",
            "maintenanceMarginRate",
            "riskIncrMmr",
            "initialMarginRate",
            "riskIncrImr",
        )
        base, step, rate, more_rate, initial, more_initial = (_given(detail, key) for key in keys)
        levels = int(number(detail.get("riskLevelLimit")) or 1) if step else 1
        rows = [
            {cap: base + k * step, "mmr": rate + k * more_rate, "imr": initial + k * more_initial}
            for k in range(levels)
        ]
    around = {key: value for key, value in detail.items() if not isinstance(value, list)}
    group = Group(name, rows, around, True)
    is_inverse = bool(detail.get("settleCoin")) and detail.get("settleCoin") == detail.get("baseCoin")
    yield inverse(group, aliases.CONTRACTS if "Contracts" in cap else None) if is_inverse else group


def _mexc_cap(detail: Record) -> str:
    """What the volumes of a contract are: riskLimitType says it."""
    return "maxValue (BY_VALUE)" if detail.get("riskLimitType") == "BY_VALUE" else "maxContracts (riskIncrVol)"


def _htx(answer: Record, market: str | None) -> Iterator[Group]:
    """Ladders of one leverage, whose rate is the factor over the leverage. Several leverages are several tables."""
    name = market or market_of({"symbol": answer.get("contract_code") or answer.get("symbol")})
    ladders = [(row["lever_rate"], row["ladders"]) for row in answer["list"]]
    if len(ladders) > 1:
        leverages = ", ".join(str(leverage) for leverage, _ in ladders)
        expected = f"the ladders of one lever_rate, on which the rate depends; it has those of {leverages}"
        raise InputError(Problem("", expected, column=f"{name} lever_rate"))
    ((leverage, steps),) = ladders
    rows = [
        {**explicit(row), "mmr": _given(row, "adjust_factor") / float(leverage), "max_leverage": leverage}
        for row in steps
    ]
    yield Group(name, rows, {}, True)


def _dydx(market: Record, name: str | None) -> Iterator[Group]:
    """One tier: the fractions of the market."""
    fractions = ("initialMarginFraction", "maintenanceMarginFraction")
    rule = "the initial margin fraction rises with open interest on the venue; its base value is read"
    row = {"lowerBound": 0.0, **{key: market[key] for key in fractions}}
    yield Group(market_of(market) or name, [row], notes=(("read as one tier without end", rule),))


def _bitmex(instrument: Record, name: str | None) -> Iterator[Group]:
    """Steps of an instrument: each adds the base maintenance margin to both margins of the whole position."""
    market, settled = market_of(instrument) or name, instrument.get("settlCurrency")
    of_coin = bool(instrument.get("isInverse")) and settled == "XBt"
    if instrument.get("isQuanto") or not (of_coin or settled == "USDt"):
        yield Group(market, [], left_out=f"{'quanto, ' * bool(instrument.get('isQuanto'))}settled in {settled}")
        return
    cap, small, unit = ("maxCoins (riskLimit)", "satoshi", SATOSHI) if of_coin else BITMEX_USD
    limit, step, initial, rate = (
        _given(instrument, key) for key in ("riskLimit", "riskStep", "initMargin", "maintMargin")
    )
    rows = [
        {cap: (limit + k * step) / unit, "mmr": (k + 1) * rate, "imr": initial + k * rate}
        for k in range(BITMEX_STEPS + 1)
        if initial + k * rate < 1.0
    ]
    rule = f"riskLimit and {BITMEX_STEPS} times riskStep, in {small}; each adds maintMargin to both margins"
    group = Group(market, rows, flat=True, notes=(("written out from risk steps", rule),))
    yield inverse(group, aliases.COINS) if of_coin else group


def _given(row: Mapping[str, Any], key: str) -> float:
    value = number(row[key])
    if value is None:
        raise InputError(Problem("", "a number", column=key, value=row[key]))
    return value


READERS: tuple[tuple[frozenset[str], Callable[[Record, str | None], Iterator[Group]]], ...] = (
    (frozenset(("universe",)), _hyperliquid),
    (frozenset(("marginTiers",)), _margin_table),
    (frozenset(MEXC), _mexc),
    (frozenset(("riskStep",)), _bitmex),
    (frozenset(("maintenanceMarginFraction",)), _dydx),
    (frozenset(("trade_partition", "contract_code")), _htx),
)


def _outline(data: Any) -> str:
    if isinstance(data, dict):
        return f"the keys {aliases.keys_found([data])}"
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return f"rows with the keys {aliases.keys_found(data[:1])}"
    return "no table" if not isinstance(data, list) or data else "an empty list"
