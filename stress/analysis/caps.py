"""The figures of a run with a tail at two caps of the size of jumps: those of its price model, and larger ones.

Far in the tail the largest jump that a price model allows decides the fund, and no history can tell it
(`stress.prices.caps`). So such a run is followed by one of the same seed and paths, whose caps are `FACTOR` times as
large in log price. Of a figure that moves beyond its own 95 % interval it is said that the cap decides it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from stress.analysis.study import REQUIRED_FUND, run_designs
from stress.engine.design import Design, SimulationError
from stress.errors import InputError
from stress.formatting import bare, percent, percent_range, upper_first, usd, usd_range
from stress.prices.caps import cap_words, caps_of, with_caps
from stress.results import mechanics
from stress.results.estimate import Estimate
from stress.results.result import Result

FACTOR = 1.5
LARGEST = "largest "  # begins the quantity of a cap
LOG_PRICE = "log price"  # its unit
COLUMNS = ("quantity", "alpha", "factor", "estimate", "se", "low", "high", "unit", "note", "flag")
DECIDES, DOES_NOT, OPEN = "decides", "does not decide", "cannot be told"
ROUNDING = 1e-9  # relative: money is summed in another order where positions are counted
TITLE = "The largest jump is an assumption"
HEAD = ("", "as assumed", f"{FACTOR:g} times as large", "the cap")  # of the table to read


def is_shown(design: Design) -> bool:
    """Whether the figures of a run stand at two caps: it has a tail, and its price model has caps."""
    return design.tail is not None and bool(caps_of(design.prices))


def at_two_caps(
    result: Result,
    alphas: Sequence[float],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run the design of a result again with larger caps, and put the figures beside each other.

    Parameters
    ----------
    result : Result
        With its design, for which `is_shown` holds.
    alphas : sequence of float
        Probabilities of depletion that a fund is asked for.
    threads, executor, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        Two rows per quantity, of the factor 1 and of `FACTOR` (column `factor`, on the caps in log price). Quantities
        are the caps ("largest jump down", unit "log price"), the required fund for each alpha, if the run gives one,
        and the probability that its own fund is depleted. Columns `quantity`, `alpha` (nan but of a fund), `factor`,
        `estimate`, `se`, `low`, `high` (95 %), `unit`, `note` (why there is a bound or no number), `flag` (what the
        estimate lacks, `Evidence.flag`). Where the larger caps cannot be run, `note` says why.
    """
    assert result.design is not None
    design, wide, why = result.design, None, ""
    try:
        larger = replace(design, prices=with_caps(design.prices, FACTOR), detail="paths")
        (wide,) = run_designs([larger], threads=threads, executor=executor, progress=progress)
    except (InputError, SimulationError) as error:  # the figures of the run itself are not lost by it
        why = f"not run: {error.problems[0]}" if isinstance(error, InputError) else f"not run: {error}"
    rows = [
        (f"{LARGEST}{name}", math.nan, factor, factor * cap, *[math.nan] * 3, LOG_PRICE, "", "")
        for name, cap in caps_of(design.prices).items()
        for factor in (1.0, FACTOR)
    ]
    asked = () if result.curve_refused else dict.fromkeys(alphas)
    for alpha in (*asked, math.nan):
        rows += [_row(result, alpha, 1.0, _figure(result, alpha))]
        none = Estimate(math.nan, math.nan, math.nan, math.nan, why)
        rows += [_row(result, alpha, FACTOR, none if wide is None else _figure(wide, alpha))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _figure(result: Result, alpha: float) -> Estimate:
    """The fund for a probability; nan: the probability that the run's own fund is depleted."""
    return result.depletion_probability() if math.isnan(alpha) else result.required_fund(alpha)


def _row(result: Result, alpha: float, factor: float, e: Estimate) -> tuple[Any, ...]:
    of_fund = not math.isnan(alpha)
    quantity, unit = (REQUIRED_FUND, result.money) if of_fund else (mechanics.depletion(result.config), "")
    return quantity, float(alpha), factor, e.value, e.se, e.low, e.high, unit, e.note, e.flag


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values, without what their quantity has not; null where there is no number."""
    found = []
    for row in table.to_dict("records"):
        left_out = {"alpha"} if math.isnan(row["alpha"]) else set()
        if row["unit"] == LOG_PRICE:
            left_out |= {"se", "low", "high", "note", "flag"}
        numbers = {
            str(key): None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
            if key not in left_out
        }
        found.append(numbers)
    return found


@dataclass(frozen=True)
class Effect:
    """What larger caps do to a figure.

    alpha : float, of a required fund; nan: the probability that the run's own fund is depleted
    own, wide : Estimate, at the caps of the scenario and at larger ones
    flag : str, what the second lacks
    """

    alpha: float
    own: Estimate
    wide: Estimate
    flag: str = ""

    @property
    def verdict(self) -> str:
        """Whether the cap decides the figure: "decides", "does not decide" or "cannot be told"."""
        a, b = self.own, self.wide
        if a.note or b.note or math.isnan(a.value) or math.isnan(b.value):
            return DECIDES if b.low > a.high or b.high < a.low else OPEN
        near = ROUNDING * abs(a.value)
        return DOES_NOT if a.low - near <= b.value <= a.high + near else DECIDES


def effects(table: pd.DataFrame) -> list[Effect]:
    """What larger caps do to each figure of a table of `at_two_caps`."""
    figures, found = table[table["unit"] != LOG_PRICE], []
    for _, pair in figures.groupby(["quantity", "alpha"], sort=False, dropna=False):
        own, wide = (row._asdict() for row in pair.sort_values("factor").itertuples(index=False))
        found.append(Effect(float(own["alpha"]), _estimate(own), _estimate(wide), wide["flag"]))
    return found


def _estimate(row: dict[str, Any]) -> Estimate:
    value, se, low, high = (float(row[name]) for name in ("estimate", "se", "low", "high"))
    return Estimate(value, se, low, high, row["note"], row["unit"])


def cells(table: pd.DataFrame, layer: str, capital: float) -> list[tuple[Any, ...]]:
    """The table as text, a row for each cap and figure, in the order of `HEAD`.

    A figure is a pair of texts, value and interval. Money is that of `stress.formatting.money`.
    """
    found: list[tuple[Any, ...]] = []
    for quantity, pair in table[table["unit"] == LOG_PRICE].groupby("quantity", sort=False):
        words = [cap_words(str(quantity), float(x)) for x in pair.sort_values("factor")["estimate"]]
        found.append((f"{quantity}, {LOG_PRICE}", *words, ""))
    for effect in effects(table):
        name = f"depleted with {usd(capital)}" if math.isnan(effect.alpha) else f"{layer} for {percent(effect.alpha)}"
        show = _chance if math.isnan(effect.alpha) else _fund
        found.append((name, show(effect.own), show(effect.wide), effect.verdict))
    return found


def _fund(e: Estimate) -> tuple[str, str]:
    if math.isnan(e.value):
        return ("not run", "") if math.isnan(e.high) else ("withheld", bare(usd_range(e.low, e.high)))
    ends = "no upper end" if math.isinf(e.high) else bare(usd_range(e.low, e.high))
    return ("at least " if e.note else "") + usd(e.value), ends


def _chance(e: Estimate) -> tuple[str, str]:
    if math.isnan(e.value):
        return ("not run", "") if math.isnan(e.high) else ("withheld", f"below {percent(e.high)}")
    if e.low <= 0:
        return "too few" if e.value > 0 else "none seen", f"below {percent(e.high)}"
    return percent(e.value), percent_range(e.low, e.high)


def remarks(table: pd.DataFrame, layer: str) -> list[str]:
    """What the figures at the larger caps lack, a sentence each."""
    return [
        f"{upper_first(_named([effect], layer))} with the larger caps: {said}."
        for effect in effects(table)
        if (said := effect.wide.note or effect.flag)
    ]


def assumed(table: pd.DataFrame) -> str:
    """The caps of the scenario in a sentence."""
    caps = table[(table["unit"] == LOG_PRICE) & (table["factor"] == 1.0)]
    limits = [
        f"a {quantity.removeprefix(LARGEST)} of at most {cap_words(quantity, float(cap))}"
        for quantity, cap in zip(caps["quantity"], caps["estimate"], strict=True)
    ]
    limits[0] = limits[0].replace(")", " of the price)")
    return f"The prices assume, in log price, {_and(limits)}."


def decided(table: pd.DataFrame, layer: str) -> str:
    """Which figures the cap decides, in sentences; `layer` is the one that is sized."""
    by: dict[str, list[Effect]] = {}
    for effect in effects(table):
        by.setdefault(effect.verdict, []).append(effect)
    sentences, begin = [], f"with caps {FACTOR:g} times as large, "
    if of := by.get(DECIDES):
        many = "move by more than their" if len(of) > 1 else "moves by more than its"
        sentences.append(f"{begin}{_named(of, layer, moved=True)} {many} 95 % interval: the cap decides there")
        begin = ""
    if of := by.get(DOES_NOT):
        many = "move by less than their" if len(of) > 1 else "moves by less than its"
        sentences.append(f"{begin}{_named(of, layer)} {many} error: the cap does not decide there")
    if of := by.get(OPEN):
        sentences.append(f"what the cap does to {_named(of, layer)} cannot be told from these paths")
    return " ".join(f"{upper_first(text)}." for text in sentences)


def _named(of: Sequence[Effect], layer: str, moved: bool = False) -> str:
    """Figures in a sentence; `moved`: with how far they move."""
    funds = [x for x in of if not math.isnan(x.alpha)]
    named = [f"{percent(x.alpha)}{_from_to(x) if moved else ''}" for x in funds]
    found = [f"the {layer}{'s' if len(funds) > 1 else ''} for {_and(named)}"] if funds else []
    found += [f"the chance of depletion{_from_to(x) if moved else ''}" for x in of if math.isnan(x.alpha)]
    return _and(found)


def _from_to(effect: Effect) -> str:
    """How far a figure moves, where both of its values are shown."""
    a, b = effect.own, effect.wide
    if a.note or b.note or math.isnan(a.value) or math.isnan(b.value):
        return ""
    if math.isnan(effect.alpha):
        return f" ({percent(a.value)} to {percent(b.value)})" if a.value > 0 else ""
    return f" ({usd(a.value)} to {bare(usd(b.value))})"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
