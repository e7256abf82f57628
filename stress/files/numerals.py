"""Numbers as people and spreadsheets write them: `1.234,50 €`, `48 %`, `(1,234.50)`, `20x`, `5M`.

What a mark means is decided for a column, and where that says nothing for the whole file, never cell by cell: `1,234`
is 1.234 beside `0,5` and 1234 beside `0.5`; where nothing decides it is refused. Units may not be mixed in a column.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from stress.files.cells import LONGEST_NUMBER, Cells, TextCells, missing

POINT, COMMA, UNKNOWN = ".", ",", ""
BLANKS = " \u00a0\u2007\u2009\u202f"  # no-break, figure, thin, narrow no-break
SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₿": "BTC", "₮": "USDT", "US$": "USD"}
CODES = [
    "USD",
    "USDT",
    "USDC",
    "USDE",
    "USDS",
    "BUSD",
    "FDUSD",
    "TUSD",
    "DAI",
    "EUR",
    "GBP",
    "JPY",
    "CNY",
    "CHF",
    "KRW",
    "BTC",
    "XBT",
    "ETH",
    "SOL",
    "BNB",
    "XRP",
    "HYPE",
]
SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}
_UNIT = "|".join([*map(re.escape, sorted(SIGNS, key=len, reverse=True)), *sorted(CODES, key=len, reverse=True)])
_SIMPLE = re.compile(r"([+-]?)([0-9][0-9.,]*)")  # most of them, in a fifth of the time
_BLANK = f"[{BLANKS}]*"
_NUMERAL = re.compile(
    rf"(?:(?P<outer>{_UNIT}){_BLANK}(?=\())?(?P<open>\()?{_BLANK}(?P<sign>[+-])?{_BLANK}"
    rf"(?:(?P<before>{_UNIT}){_BLANK}(?P<inner>[+-])?{_BLANK})?(?P<factor>[xX×](?=[0-9]))?"
    rf"(?P<body>[0-9][0-9.,'’_{BLANKS}]*|[.,][0-9]+)(?P<exponent>[eE][+-]?[0-9]+)?{_BLANK}"
    rf"(?P<scale>[kKMB])??{_BLANK}(?P<after>%|[xX×]|{_UNIT})?{_BLANK}(?P<close>\))?{_BLANK}(?P<behind>{_UNIT})?"
)
_GROUPED = {
    decimal: re.compile(
        rf"[0-9]*|[1-9][0-9]{{0,2}}(?:(?P<mark>[{other}'’_{BLANKS}])[0-9]{{3}})(?:(?P=mark)[0-9]{{3}})*"
    )
    for decimal, other in ((POINT, COMMA), (COMMA, POINT))
}
_DOTTED = re.compile(r"[0-9]\.[0-9]{3}\.[0-9]{3}")

SENSES = {  # what a cell was taken for, in words
    "decimal comma": "with a decimal comma",
    "thousands": "with thousands separators",
    "per cent": "as per cent",
    "scale": "in thousands, millions or billions",
    "currency": "without their currency",
    "negative": "from parentheses as negative",
}


class Numeral(NamedTuple):
    """A text that writes a number.

    Parameters
    ----------
    point, comma : float
        The number if the decimal mark is a point, or a comma; nan if it is none then.
    senses : tuple of str
        Keys of `SENSES` that hold with either mark.
    unit : str
        "%", "x", the code of a currency, or "".
    """

    point: float
    comma: float
    senses: tuple[str, ...]
    unit: str


@dataclass
class Reading:
    """Numbers of a column.

    Parameters
    ----------
    values : float64[N]
        nan where a cell is missing or no number.
    senses : dict of str to list of int
        Cells that were read in another sense than a plain number, by keys of `SENSES`.
    unit : str
        Currency of the cells, or "%" or "x"; "" for none.
    ambiguous : int or None
        The first cell that has two readings, where nothing decides.
    mixed : str
        What is expected of all cells where some have a unit that others lack; "" if that is so.
    """

    values: np.ndarray
    senses: dict[str, list[int]] = field(default_factory=dict)
    unit: str = ""
    ambiguous: int | None = None
    mixed: str = ""


def read(cells: Cells, decimal: str) -> Reading:
    """The numbers of a column.

    Parameters
    ----------
    cells : Cells
    decimal : {".", ",", ""}
        Decimal mark of the file; "" where it is not known.
    """
    values = cells.numbers()
    wrong = np.isnan(values)
    if (decimal == POINT and not wrong.any()) or not _is_text(cells):
        return Reading(values)
    texts = list(cells)
    plain = ~wrong & (decimal == POINT)
    if cells.typed is not None:
        plain |= cells.typed
    found = {i: parse(texts[i]) for i in np.flatnonzero(~plain & ~missing(texts)).tolist()}
    numerals = {i: numeral for i, numeral in found.items() if numeral is not None}
    own = _mark(_Evidence().add(numerals.values())) if decimal == UNKNOWN else decimal
    return _decided(values, texts, plain, numerals, own)


def _decided(
    values: np.ndarray, texts: list[str], plain: np.ndarray, numerals: dict[int, Numeral], decimal: str
) -> Reading:
    """The numbers of a column by its decimal mark."""
    reading = Reading(np.where(plain, values, np.nan))
    for i, numeral in numerals.items():
        if decimal == UNKNOWN and _differ(numeral):
            reading.ambiguous = i if reading.ambiguous is None else reading.ambiguous
            continue
        mark = decimal or (COMMA if math.isnan(numeral.point) else POINT)  # both marks, each without doubt
        reading.values[i] = value = numeral.comma if mark == COMMA else numeral.point
        if math.isnan(value):
            continue
        for sense in _senses(texts[i], numeral, mark):
            reading.senses.setdefault(sense, []).append(i)
    _check_units(reading, plain & ~np.isnan(values), numerals)
    return reading


def _senses(text: str, numeral: Numeral, mark: str) -> list[str]:
    grouped = (COMMA if mark == POINT else POINT) in text or any(sign in text.lstrip("'") for sign in "'’_")
    return [
        *(["decimal comma"] if mark == COMMA and COMMA in text else []),
        *(["thousands"] if grouped or re.search(rf"[0-9][{BLANKS}][0-9]", text) else []),
        *numeral.senses,
    ]


def _check_units(reading: Reading, plain: np.ndarray, numerals: dict[int, Numeral]) -> None:
    """Take the unit of a column; cells without it where it matters, and those of another one, are wrong."""
    units = [numeral.unit for numeral in numerals.values() if numeral.unit not in ("", "x")]
    if not units:
        reading.unit = "x" if any(numeral.unit for numeral in numerals.values()) else ""
        return
    unit = reading.unit = max(dict.fromkeys(units), key=units.count)
    bare_is_wrong = unit == "%"
    wrong = [
        i
        for i, numeral in numerals.items()
        if numeral.unit != unit and (numeral.unit or (bare_is_wrong and reading.values[i] != 0.0))
    ]
    if bare_is_wrong:
        wrong += np.flatnonzero(plain & (reading.values != 0.0)).tolist()
    if wrong:
        reading.mixed = f"the unit {unit} as in other rows, or none in all of them"
        reading.values[wrong] = np.nan


def file_decimal(columns: Iterable[Cells], delimiter: str) -> str:
    """The decimal mark of a file: "." or ","; "" where its cells do not say.

    Parameters
    ----------
    columns : iterable of Cells
    delimiter : str
        Of a text; a spreadsheet writes semicolons where the comma is the decimal mark.
    """
    texts = [cells for cells in columns if _is_text(cells)]
    no_commas = not any(map(_may_have_commas, texts))
    if no_commas and delimiter != ";":
        return POINT
    evidence = _Evidence(no_commas)
    for cells in texts:
        texts_alone = itertools.compress(cells, ~cells.typed) if cells.typed is not None else iter(cells)
        evidence.add(filter(None, map(parse, (text for text in texts_alone if POINT in text or COMMA in text))))
        if evidence.is_enough():
            break
    if evidence.point or evidence.comma or not evidence.either:
        return _mark(evidence) if evidence.point or evidence.comma else POINT
    if delimiter == ";":
        return COMMA if evidence.commas else UNKNOWN
    return UNKNOWN if evidence.commas else POINT


def parse(text: str) -> Numeral | None:
    """What a text says as a number; None if it says none."""
    text = text.replace("\u2212", "-").removeprefix("'")
    simple = _SIMPLE.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    if simple is not None:
        sign, body = simple.groups()
        point, comma = (_value(body, "", mark, -1.0 if sign == "-" else 1.0, False) for mark in (POINT, COMMA))
        return None if point != point and comma != comma else Numeral(point, comma, (), "")
    match = _NUMERAL.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    signs = [sign for sign in (match["sign"], match["inner"]) if sign]
    units = [unit for unit in map(match.group, ("outer", "before", "after", "behind")) if unit]
    if len(signs) + bool(match["open"]) > 1 or len(units) + bool(match["factor"]) > 1:
        return None
    unit = "x" if match["factor"] else units[0] if units else ""
    unit = "x" if unit in "xX×" and unit else SIGNS.get(unit, unit)
    scale = SCALES[match["scale"]] if match["scale"] else 1.0
    factor = -1.0 if signs == ["-"] or match["open"] else 1.0
    senses = [
        *(["per cent"] if unit == "%" else []),
        *(["scale"] if match["scale"] else []),
        *(["currency"] if unit not in ("", "%", "x") else []),
        *(["negative"] if match["open"] else []),
    ]
    values = [
        _value(match["body"].rstrip(BLANKS), match["exponent"] or "", mark, scale, unit == "%") * factor
        for mark in (POINT, COMMA)
    ]
    if all(map(math.isnan, values)):
        return None
    return Numeral(values[0], values[1], tuple(senses), unit)


def _value(body: str, exponent: str, decimal: str, scale: float, percent: bool) -> float:
    """The number that digits write with a decimal mark; nan if they do not."""
    whole, mark, fraction = body.partition(decimal)
    if mark == COMMA and not fraction:
        return math.nan
    groups = _GROUPED[decimal].fullmatch(whole)
    if groups is None or (fraction and not fraction.isdigit()) or not (whole or fraction) or (exponent and groups[1]):
        return math.nan
    digits = whole.replace(groups[1], "") if groups[1] else whole
    value = float(f"{digits}.{fraction or '0'}{exponent}")
    value = value / 100.0 if percent else value * scale
    return value if math.isfinite(value) else math.nan


class _Evidence:
    """What numerals say of a decimal mark.

    Parameters
    ----------
    no_commas : bool
        Whether it is known that none speaks for the comma.

    Attributes
    ----------
    point, comma : bool
        Whether there is one that is a number with this mark alone.
    either, commas : bool
        Whether one has two readings; with a comma in it.
    """

    def __init__(self, no_commas: bool = False) -> None:
        self.no_commas = no_commas
        self.point = self.comma = self.either = self.commas = False

    def add(self, numerals: Iterable[Numeral]) -> _Evidence:
        for point, comma, _, _ in numerals:
            if math.isnan(comma):
                self.point = True
            elif math.isnan(point):
                self.comma = True
            elif point != comma:
                self.either = True
                self.commas |= abs(point) > abs(comma)
            if self.is_enough():
                break
        return self

    def is_enough(self) -> bool:
        """Whether more numerals would not change what follows."""
        return self.point and (self.comma or self.no_commas)


def _mark(evidence: _Evidence) -> str:
    if evidence.point == evidence.comma:
        return UNKNOWN
    return POINT if evidence.point else COMMA


def _differ(numeral: Numeral) -> bool:
    both = not math.isnan(numeral.point) and not math.isnan(numeral.comma)
    return both and numeral.point != numeral.comma


def _is_text(cells: Cells) -> bool:
    """Whether the file has texts, which may write numbers."""
    return cells.times is None and (isinstance(cells, TextCells) or bool(getattr(cells, "is_text", False)))


def _may_have_commas(cells: Cells) -> bool:
    """Whether a cell may have a comma, or points between thousands; cheap for plain numbers."""
    if not isinstance(cells, TextCells):
        return any(COMMA in cell or _DOTTED.search(cell) for cell in cells)
    if any(COMMA in block for block in cells.blocks):
        return True
    if cells.is_plain() and not np.isnan(cells.numbers()).any():
        return False
    return any(_DOTTED.search(block) for block in cells.blocks)
