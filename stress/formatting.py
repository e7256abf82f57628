"""Numbers as a reader takes them in: money with a unit, probabilities in per cent, never a bare zero from a sample.

All functions take plain floats and give plain text; nothing here knows a table or a picture.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SPACE = "\u00a0"  # keeps a number and its unit on one line
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode: control, format, surrogate, line, paragraph
UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_MONEY = ContextVar("money", default="USD")
NO_MONEY = frozenset(("", "probability", "share", "days", "coins", "contracts"))  # units of figures that are no money
DURATIONS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def significant(x: float, digits: int = 3, *, full: bool = False) -> str:
    """A number in plain decimals with at most `digits` significant digits, thousands grouped.

    `full` keeps zeros at its end: 18 is 18.0, as it stands beside 13.2.
    """
    if x == 0 or not math.isfinite(x):
        return "0" if x == 0 else str(x)
    decimals = digits - 1 - math.floor(math.log10(abs(x)))
    rounded = round(x, decimals)
    decimals -= abs(rounded) >= 10.0 ** (digits - decimals)  # 9.996 is 10.0
    text = f"{rounded:,.{max(0, decimals)}f}"
    return text if full or "." not in text else text.rstrip("0").rstrip(".")


@contextmanager
def money(unit: str) -> Iterator[None]:
    """What `usd` and `usd_range` write in here is in another money, such as the coin of an inverse contract."""
    token = _MONEY.set(unit)
    try:
        yield
    finally:
        _MONEY.reset(token)


def set_money(unit: str) -> None:
    """From here to the end of the `money` around it, amounts are in another money."""
    _MONEY.set(unit)


def is_money(unit: str) -> bool:
    """Whether the unit of a figure is a money: USD, or a coin by its name."""
    return unit not in NO_MONEY


def usd(x: float, digits: int = 3, *, full: bool = False) -> str:
    """Money with its unit: 29_379_600 is "USD 29.4 M", or in another money inside `money`.

    inf is "no limit", nan a dash; `full` as in `significant`.
    """
    return amount(x, _MONEY.get(), digits, full=full)


def notional(x: float, digits: int = 3) -> str:
    """As `usd`, of what is always in USD: a notional, an open interest."""
    return amount(x, "USD", digits)


def bare(text: str) -> str:
    """An amount of money without the money, or the USD, in front."""
    return text.removeprefix(_MONEY.get() + SPACE).removeprefix("USD" + SPACE)


def money_name() -> str:
    """The money that `usd` writes."""
    return _MONEY.get()


def amount(x: float, money: str, digits: int = 3, *, full: bool = False) -> str:
    """As `usd`, of an amount in a given money: 33_880 of "XBT" is "XBT 33.9 k"."""
    if math.isnan(x):
        return "–"
    if math.isinf(x):
        return "no limit"
    scale, unit = next(((s, u) for s, u in UNITS if abs(x) >= s * (1 - 0.5 * 10.0**-digits)), (1.0, ""))
    sign = "−" if x < 0 else ""
    return f"{money}{SPACE}{sign}{significant(abs(x) / scale, digits, full=full and bool(unit))}" + (
        SPACE + unit if unit else ""
    )


def coins(x: float) -> str:
    """A quantity of a market, with at most ten digits: "77 coins", "1 coin"."""
    return f"{significant(x, 10)}{SPACE}{'coin' if x == 1 else 'coins'}"


def price_text(x: float) -> str:
    """A price, USD per coin, without the unit, with at most seven digits: "60,012.5"."""
    return significant(x, 7)


def usd_range(low: float, high: float) -> str:
    """An interval of money, see `usd`; an infinite upper end is put into words."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    if math.isinf(high):
        return f"{usd(low)} or more, no upper end"
    return f"{usd(low, full=True)} to {bare(usd(high, full=True))}"


def percent(p: float, digits: int = 3, *, full: bool = False) -> str:
    """A fraction in per cent; what is not quite 1 is not rounded up to it; `full` as in `significant`."""
    if math.isnan(p):
        return "–"
    if 0.9995 <= p < 1:
        return f"over 99.9{SPACE}%"
    return significant(100 * p, digits, full=full) + SPACE + "%"


def percent_range(low: float, high: float) -> str:
    """An interval of a probability, below a tenth with two significant digits."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    if low <= 0:
        return f"below {percent(high, 2 if high < 0.1 else 3)}"
    ends = [percent(p, 2 if p < 0.1 else 3, full=True) for p in (low, high)]
    return f"{ends[0].removesuffix(SPACE + '%')} to {ends[1]}"


def probability(value: float, low: float, high: float) -> str:
    """A probability with its 95 % interval; one that few paths carry, or none, is given as its upper bound alone."""
    if math.isnan(value):
        return f"below {percent(high)} (withheld, too few)" if high < 1 else "no such case"
    if low <= 0:
        return f"below {percent(high)} ({'too few' if value > 0 else 'none seen'})"
    return f"{percent(value)} ({percent_range(low, high)})"


def duration(seconds: float) -> str:
    """A time span in at most two units: 86_400 is "1 day", 5_400 "1 hour 30 minutes"."""
    for (size, unit), (smaller, part) in itertools.pairwise(DURATIONS):
        if seconds >= size:
            whole, rest = divmod(round(seconds / smaller), round(size / smaller))
            return count(whole, unit) + (f" {count(rest, part)}" if rest else "")
    return count(seconds, "second")


def upper_first(text: str) -> str:
    """Text with a capital letter at its start."""
    return text[:1].upper() + text[1:]


def short_duration(seconds: float) -> str:
    """A time span for a narrow column: "10 s", "1 min", "1.5 h", "1 d"."""
    size, unit = next(((s, u) for s, u in ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min")) if seconds >= s), (1.0, "s"))
    return significant(seconds / size) + SPACE + unit


def visible(text: str, keep: str = "") -> str:
    """Text of somebody else, as it is: what commands a terminal, or turns and hides letters, is escaped.

    A name may be any text. Printed as it is, ESC would start a command to the terminal, a newline would begin a line of
    its own, and a mark of direction would let a name be read as another.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in HIDDEN and c not in keep else c for c in text
    )


def count(n: float, unit: str) -> str:
    """How many of something: "1 position", "2,000 positions"."""
    figure = f"{n:,}" if isinstance(n, int) else f"{n:,g}"
    return f"{figure}{SPACE}{unit}{'' if n == 1 else 's'}"
