"""What a value of a key is looked for by: a quantity of a run, and the bound that it is to keep."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stress import quantities
from stress.arguments import is_finite, is_number
from stress.errors import InputError, Problem, raise_if
from stress.results import comparison
from stress.results.estimate import Estimate, event_probability, mean
from stress.results.result import Result
from stress.results.sizing import required_fund

EVENTS: dict[str, Callable[[Any], Any]] = {
    "p_depleted": lambda paths: paths["depleted"],
    "p_adl": lambda paths: paths["adl_count"] > 0,
    "p_deficit": lambda paths: paths["deficit"] > 0,
}
MEANS = {"mean_deficit": "deficit"}
FUND = "required_fund"
TARGET = re.compile(r"\s*(\w+)\s*(?:\(([^)]*)\))?\s*(<=|>=)\s*(.+?)\s*")
EXPECTED = (
    "NAME <= BOUND or NAME >= BOUND, NAME one of p_depleted, p_adl, p_deficit, mean_deficit, required_fund(alpha); "
    'such as "p_depleted <= 1 %" or "required_fund(0.01) <= 5M" (in % : of the open interest of one side)'
)


@dataclass(frozen=True)
class Target:
    """What is to hold.

    Attributes
    ----------
    text : str, as it was asked for
    name : str, the quantity
    alpha : float, of a required fund; otherwise nan
    at_most : bool, whether the quantity is to be at most the bound; otherwise at least
    bound : float, a probability, USD, or a share of the open interest of one side
    of_open_interest : bool, whether it is such a share
    """

    text: str
    name: str
    alpha: float
    at_most: bool
    bound: float
    of_open_interest: bool

    @classmethod
    def read(cls, text: Any) -> Target:
        """The target that a text asks for."""
        match = TARGET.fullmatch(text) if isinstance(text, str) else None
        if match is None or match[1] not in (*EVENTS, *MEANS, FUND) or (match[1] == FUND) != (match[2] is not None):
            raise InputError(Problem("target", EXPECTED, value=text))
        name, share = match[1], match[4].endswith("%") and match[1] not in EVENTS
        alpha, bound = quantities.number(match[2]), quantities.number(match[4])
        checks = [
            ("alpha", match[2], name != FUND or (is_number(alpha) and 0 < alpha < 1), "a probability, in (0, 1)"),
            ("bound", match[4], is_finite(bound), "a number such as 0.01, 1 % or 5M"),
        ]
        if is_finite(bound) and name in EVENTS:
            checks.append(("bound", match[4], 0 < bound < 1, "a probability above 0 and below 1"))
        raise_if([Problem("target", expected, column=c, value=value) for c, value, ok, expected in checks if not ok])
        return cls(text, name, float(alpha) if name == FUND else math.nan, match[3] == "<=", float(bound), share)

    @property
    def unit(self) -> str:
        """Of the quantity: "USD", or "" for a probability or a share."""
        return "" if self.name in EVENTS or self.of_open_interest else "USD"

    def estimate(self, result: Result) -> Estimate:
        """The quantity of a run; an InputError where it has none."""
        if self.name == "p_adl" and not result.has_adl:
            raise InputError(Problem("target", "another quantity: there is no ADL in this waterfall", value=self.text))
        if self.name in EVENTS:
            lost = result.paths["net_loss_peak"].to_numpy()
            return event_probability(np.asarray(EVENTS[self.name](result.paths)), result.weights, lost)
        values = self._amounts(result)
        if self.name in MEANS:
            return mean(values, 0.0, result.weights)
        return required_fund(values, self.alpha, result.least * self._factor(result), result.weights)

    def difference(self, first: Result, second: Result) -> Estimate:
        """The quantity of the second run less that of the first, paired."""
        if self.name in EVENTS:
            return comparison.event_apart(first, second, EVENTS[self.name])
        a, b = self._amounts(first), self._amounts(second)
        if self.name in MEANS:
            return comparison.mean_apart(first, second, a, b)
        estimates, weights = (self.estimate(first), self.estimate(second)), (first.weights, second.weights)
        return comparison.fund_difference(*estimates, (a, b), self.alpha, first.config["seed"], weights)

    def _amounts(self, result: Result) -> np.ndarray:
        if self.name == FUND:
            result.check_curve("target")
        column = "fund_needed" if self.name == FUND else MEANS[self.name]
        amounts: np.ndarray = result.paths[column].to_numpy() * self._factor(result)
        return amounts

    def _factor(self, result: Result) -> float:
        design = result.design
        assert design is not None
        return design.usd_of_money / design.book.open_interest(design.s0) if self.of_open_interest else 1.0

    def holds(self, e: Estimate) -> tuple[bool, bool, bool]:
        """Whether the estimate meets the bound, whether its interval does wholly, and whether it does anywhere.

        Of one that is withheld the end of its interval counts as the estimate, which is the cautious one.
        """
        if math.isnan(e.value) and e.is_withheld:  # its bounds alone are known
            e = replace(e, value=e.high if self.at_most else e.low)
        if self.at_most:
            return e.value <= self.bound, e.high <= self.bound, not e.low > self.bound
        return e.value >= self.bound, e.low >= self.bound, not e.high < self.bound
