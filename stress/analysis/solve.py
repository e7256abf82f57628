"""The value of a key at which a target holds, with an interval.

All values run on the same random numbers, so that a target such as p_depleted <= 1 % changes from one value of the key
to the next by what the key does, and not by luck: on fixed paths the share of paths that deplete the fund is a step
function of the key, monotone where every path is. Its crossing is found by bisection. Where it is not monotone on a
grid over the bracket, that is said.

The interval is that of the crossing, by test inversion. Let t(x) be the target quantity at the value x of the key, and
x* the value with t(x*) = bound. The run at x gives an interval I(x) that holds t(x) with probability 95 % or more
(exact binomial limits of a probability, exact order statistics of a fund, normal limits of a mean). The set of all x
whose I(x) holds the bound holds x* if and only if I(x*) holds t(x*), so with probability 95 % or more: x* is one fixed
value, and nothing is asked of the intervals at other values together. Where the target is monotone the ends of I are
too, and the set is an interval, from the crossing of one end of I with the bound to that of the other. So three
crossings are bisected: of the estimate and of the two ends. It is the error of the paths alone: a crowd that is drawn,
and the parameters, are held fixed.

Source: G. Casella and R. Berger, Statistical Inference (2002), theorem 9.2.2.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from stress.analysis import cases
from stress.analysis.apart import apart
from stress.analysis.target import Target
from stress.arguments import is_finite
from stress.errors import InputError, Problem, raise_if
from stress.formatting import bare, money
from stress.results.estimate import Estimate
from stress.results.result import Result
from stress.scenario.keys import check_key, number_of, text_of, value_of
from stress.scenario.scenario import Scenario

GRID = 9  # values of the key over the bracket, at first
WIDE = 10.0  # ratio of the ends of a bracket from which on values are spaced by equal ratios
TOLERANCE = 0.01
ROUNDS = 60
AROUND = 10.0  # times and by which the own value of the key is the bracket, if none is given
Holds = Literal["up to", "from", "everywhere", "nowhere", "in parts"]


@dataclass(frozen=True)
class Solution:
    """Where a target holds.

    Attributes
    ----------
    key, target : str
    holds : {"up to", "from", "everywhere", "nowhere", "in parts"}
        Whether the target holds for values of the key up to `value` or from there on; everywhere or nowhere in the
        bracket; or for values apart from each other (then `value` is the border of the part that is named in `notes`).
    value : float
        The last value, within `tolerance`, at which the target holds; nan where it holds everywhere or nowhere.
    low, high : float
        95 % interval of the value at which it would hold exactly with endlessly many paths; -inf or inf where an end
        lies beyond the bracket.
    bracket : (float, float)
        The values between which it was looked for.
    tried : DataFrame
        A row per value of the key that was run, rising: `value`, `estimate`, `se`, `low`, `high` (95 %), `holds`.
    unit : str
        Of the estimates: `money`, or "" for a probability or a share.
    n_paths, seed : int
    notes : tuple of str
        What was held fixed, and what to doubt.
    """

    key: str
    target: str
    holds: Holds
    value: float
    low: float
    high: float
    bracket: tuple[float, float]
    tried: pd.DataFrame = field(repr=False)
    unit: str
    n_paths: int
    seed: int
    notes: tuple[str, ...] = ()
    money: str = "USD"

    @property
    def interval(self) -> str:
        """The interval in words."""
        with money(self.money):
            return self._interval()

    def _interval(self) -> str:
        first, last = (text_of(self.key, x) for x in self.bracket)
        low, high = (text_of(self.key, x) for x in (self.low, self.high))
        if self.low >= self.bracket[1] or self.high <= self.bracket[0]:
            return f"above {last}" if self.low >= self.bracket[1] else f"below {first}"
        if math.isinf(self.low) and math.isinf(self.high):
            return f"no end between {first} and {last}"
        if math.isinf(self.high):
            return f"{low} or more, no end up to {last}"
        return f"{high} or less, no end down to {first}" if math.isinf(self.low) else f"{low} to {bare(high)}"

    def __str__(self) -> str:
        with money(self.money):
            return self._sentence()

    def _sentence(self) -> str:
        if self.holds in ("everywhere", "nowhere"):
            ends = " to ".join(text_of(self.key, x) for x in self.bracket)
            return f"{self.target} holds {self.holds} from {self.key} = {ends}; its border (95 %): {self.interval}"
        which = "in parts, the first up to" if self.holds == "in parts" else self.holds
        return f"{self.target} holds {which} {self.key} = {text_of(self.key, self.value)} (95 %: {self.interval})"


def solve(
    scenario: Scenario | Any,
    vary: str,
    until: str,
    between: tuple[Any, Any] | None = None,
    paths: int | None = None,
    *,
    tolerance: float = TOLERANCE,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> Solution:
    """The value of a key at which a target holds.

    Parameters
    ----------
    scenario : Scenario or path
    vary : str
        Dotted key of a number, such as "population.open_interest".
    until : str
        "NAME <= BOUND" or "NAME >= BOUND": p_depleted, p_adl, p_deficit (probabilities), mean_deficit and
        required_fund(alpha) (USD, or with % a share of the open interest of one side).
    between : (low, high), optional
        Values of the key, numbers or text such as "5M", between which it is looked for; by default a tenth of its own
        value to ten times it.
    paths : int, optional
        By default that of the scenario.
    tolerance : float
        Width at which bisection ends: of the ratio of its ends where the bracket spans a factor of 10 or more,
        otherwise as a share of the bracket.
    threads, progress
        As in `stress.simulate`; `progress` is called anew in each round of values.

    Returns
    -------
    Solution

    Raises
    ------
    InputError
        If the key, the target or the bracket cannot be used, or the scenario refuses a value within the bracket.
    """
    raise_if(check_key(vary, "solve"))
    if not (is_finite(tolerance) and 0 < tolerance < 1):
        raise InputError(Problem("solve", "a share above 0 and below 1", column="tolerance", value=tolerance))
    target = Target.read(until)
    start = cases.read(scenario, paths, "solve")
    own = value_of(start, vary)
    bracket = _bracket(vary, own, between)
    scale = _Scale(*bracket, tolerance, whole=isinstance(own, int) and not isinstance(own, bool))
    results: dict[float, Result] = {}
    estimates: dict[float, Estimate] = {}

    def evaluate(values: list[float]) -> None:
        new = [x for x in values if x not in estimates]
        made = cases.designs(start, [{vary: int(x) if scale.whole else x} for x in new], "solve")
        for x, result in zip(new, cases.run(made, threads, progress), strict=True):
            results[x], estimates[x] = result, target.estimate(result)

    evaluate(scale.grid())
    grid = sorted(estimates)
    side, parts = _side(target, [estimates[x] for x in grid])
    with money(start.venue_object.money):
        notes = _reversals(target, vary, grid, [results[x] for x in grid], side)
    results.clear()  # the estimates are all that bisection asks for
    cells: list[tuple[float, float]] = []
    for _ in range(ROUNDS if side else 0):
        xs = sorted(estimates)
        verdicts = zip(*(target.holds(estimates[x]) for x in xs), strict=True)
        cells = [_crossing(xs, list(verdict), side) for verdict in verdicts]
        middles = [scale.middle(*cell) for cell in cells]
        wanted = sorted({x for x in middles if x is not None and x not in estimates})
        if not wanted:
            break
        evaluate(wanted)
        results.clear()
    with money(start.venue_object.money):
        return _solution(start, vary, target, bracket, side, parts, cells, estimates, notes)


def _bracket(key: str, own: Any, between: Any) -> tuple[float, float]:
    if between is None:
        if not (is_finite(own) and own > 0):
            raise InputError(
                Problem(
                    "solve",
                    f"--between LOW..HIGH, in Python between=(low, high): {key} has no number above 0 to begin from",
                    value=own,
                )
            )
        return float(own) / AROUND, float(own) * AROUND
    ends = [number_of(x) for x in between] if isinstance(between, (tuple, list)) else []
    if len(ends) != 2 or not all(map(is_finite, ends)) or not ends[0] < ends[1]:
        raise InputError(Problem("solve", "two rising values of the key", column="between", value=between))
    return float(ends[0]), float(ends[1])


@dataclass(frozen=True)
class _Scale:
    """Spacing of values in a bracket: by equal ratios over a wide one, otherwise even; whole numbers stay whole."""

    low: float
    high: float
    tolerance: float
    whole: bool

    @property
    def by_ratio(self) -> bool:
        return self.low > 0 and self.high / self.low >= WIDE

    def grid(self) -> list[float]:
        """The first values, rising."""
        made = np.geomspace if self.by_ratio else np.linspace
        inner = made(self.low, self.high, GRID)[1:-1]
        return sorted({self._rounded(float(x)) for x in (self.low, *inner, self.high)})

    def middle(self, a: float, b: float) -> float | None:
        """A value between two, or None where they are near enough."""
        if math.isinf(a) or math.isinf(b) or (self.whole and b - a <= 1):
            return None
        near = b / a <= 1 + self.tolerance if self.by_ratio else b - a <= self.tolerance * (self.high - self.low)
        if near:
            return None
        x = self._rounded(math.sqrt(a * b) if self.by_ratio else (a + b) / 2)
        return x if a < x < b else None

    def _rounded(self, x: float) -> float:
        return float(round(x)) if self.whole else x


def _side(target: Target, grid: list[Estimate]) -> tuple[Holds | None, bool]:
    """On which side of the crossing the target holds, and whether the estimate says that it holds in parts.

    Where the estimate holds everywhere or nowhere, the ends of its interval tell the side, or else its trend; None
    where the key changes nothing.
    """
    for verdict in zip(*map(target.holds, grid), strict=True):
        turns = sum(a != b for a, b in itertools.pairwise(verdict))
        if turns:
            parts = turns > 1 and verdict == tuple(target.holds(e)[0] for e in grid)
            falls = verdict[0] and (turns > 1 or not verdict[-1])
            return ("up to" if falls else "from"), parts
    first, last = (e.high if math.isnan(e.value) else e.value for e in (grid[0], grid[-1]))
    trend = last - first
    if not trend:
        return None, False
    return ("up to" if (trend > 0) == target.at_most else "from"), False


def _crossing(xs: list[float], verdict: list[bool], side: Holds | None) -> tuple[float, float]:
    """The neighbouring values between which a verdict changes, counted from the side on which it holds."""
    edges = [-math.inf, *xs, math.inf]
    if side == "up to":
        i = verdict.index(False) if False in verdict else len(xs)
    else:
        i = len(xs) - (verdict[::-1].index(False) if False in verdict else len(xs))
    return edges[i], edges[i + 1]


def _reversals(target: Target, key: str, xs: list[float], results: list[Result], side: Holds | None) -> list[str]:
    """Where the quantity runs against its trend from one value of the grid to the next, beyond its paired error."""
    if side is None:
        return []
    rising = (side == "up to") == target.at_most
    notes = []
    for a, b, first, second in zip(xs, xs[1:], results, results[1:], strict=False):
        e = apart(first, second, partial(target.difference, first, second), target.estimate)
        if (e.high < 0) if rising else (e.low > 0):
            word = "falls" if rising else "rises"
            notes.append(
                f"{target.name} is not monotone: it {word} from {key} = {text_of(key, a)} to {text_of(key, b)}, so "
                "that it may cross the bound more than once"
            )
    return notes


def _solution(
    start: Scenario,
    key: str,
    target: Target,
    bracket: tuple[float, float],
    side: Holds | None,
    parts: bool,
    cells: list[tuple[float, float]],
    estimates: dict[float, Estimate],
    notes: list[str],
) -> Solution:
    xs, paid = sorted(estimates), start.venue_object.money
    rows = [(x, e.value, e.se, e.low, e.high, target.holds(e)[0]) for x, e in ((x, estimates[x]) for x in xs)]
    tried = pd.DataFrame(rows, columns=["value", "estimate", "se", "low", "high", "holds"])
    at, low, high = math.nan, -math.inf, math.inf
    holds: Holds = "everywhere" if tried["holds"].all() else "nowhere"
    if side is None:
        notes.append(f"{key} does not change {target.name}")
    else:
        low, high = min(a for a, _ in cells), max(b for _, b in cells)
        if not tried["holds"].all() and tried["holds"].any():
            holds = "in parts" if parts else side
            at = cells[0][0] if side == "up to" else cells[0][1]
    if parts:
        where = ", ".join(text_of(key, x) for x, *_, found in rows if found)
        part = "lowest" if side == "up to" else "highest"
        notes.append(f"the target holds in parts of the bracket, at {where}: the border is that of the {part} part")
    if any(e.note for e in estimates.values()):
        notes.append(next(e.note for e in estimates.values() if e.note))
    notes += _held(start, key)
    return Solution(
        key, target.text.strip(), holds, at, low, high, bracket, tried, target.unit and paid,
        start.resolved()["run"]["paths"], start.seed, tuple(notes), paid,
    )  # fmt: skip


def _held(start: Scenario, key: str) -> list[str]:
    """What is held fixed while the key varies, where it is not plain."""
    notes = cases.held(start, [key])
    if start.population is not None:
        seed = start.population_seed
        notes.append(f"the crowd is one draw (population.seed = {seed}); another one has another border")
    if key == "population.open_interest":
        depth = "" if start.depth is None else "; depth stays in USD"
        if value_of(start, "depth.oi_share") is not None:
            depth = "; depth grows with open interest"
        notes.append(
            "the same accounts with the same leverage, side and moment of entry hold larger positions; the number of "
            f"accounts and the fund stay{depth}; tiers cut the leverage of large positions"
        )
    return notes
