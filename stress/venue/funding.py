"""Funding: what longs pay to shorts at fixed intervals, as a fraction of the value of their positions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stress import quantities
from stress.arguments import is_number, numbers, percent_hint
from stress.errors import Problem, raise_if

RATE = "a fraction of the mark an interval, above -1 and below 1"


@dataclass(frozen=True)
class Funding:
    """Funding of the positions of a run.

    Parameters
    ----------
    interval : float
        Seconds from one payment to the next, or text such as "8h"; a whole number of steps. The first payment is one
        interval after the start of the path.
    rate : float, or sequence of (float, float)
        Fraction of the mark that a long pays for each coin at every payment, and a short receives; below 0 the other
        way round. As pairs of a time (seconds of the path, rising) and the rate in force from then on; 0 before the
        first.

    Raises
    ------
    InputError
        Lists every value that is out of range.
    """

    interval: float
    rate: float | tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        interval, rate = quantities.seconds(self.interval), quantities.numbers(self.rate)
        problems = []
        if not (is_number(interval) and 0 < interval < math.inf):
            expected = quantities.expected(interval, "seconds above 0", quantities.DURATION)
            problems.append(Problem("funding", expected, column="interval", value=self.interval))
        if is_number(rate):
            if not -1 < rate < 1:
                problems.append(Problem("funding", RATE + percent_hint(rate), column="rate", value=self.rate))
            rate = float(rate)
        else:
            pairs = _pairs(self.rate)
            if pairs is None or not (np.abs(pairs[:, 1]) < 1).all():
                expected = f"{RATE}; or [time, rate] pairs of such rates, the times rising seconds, 0 or more"
                problems.append(Problem("funding", expected, column="rate", value=self.rate))
            else:
                rate = tuple((float(time), float(value)) for time, value in pairs)
        raise_if(problems)
        object.__setattr__(self, "interval", float(interval))
        object.__setattr__(self, "rate", rate)

    @property
    def rates(self) -> np.ndarray:
        """Times from which on a rate holds (seconds, rising), and the rates, float64[n, 2]."""
        return np.array(((0.0, self.rate),) if isinstance(self.rate, float) else self.rate, np.float64)

    def describe(self) -> dict[str, Any]:
        """Parameters as plain values, for the record of a run."""
        rate = self.rate if isinstance(self.rate, float) else [list(pair) for pair in self.rate]
        return {"interval": self.interval, "rate": rate}


def _pairs(rates: Any) -> np.ndarray | None:
    """Times, rising, and rates, float64[n, 2]; None if that is not what they are."""
    try:
        found = numbers([[quantities.seconds(time), quantities.number(rate)] for time, rate in rates])
    except (TypeError, ValueError):
        return None
    if found is None or not found.size or not np.isfinite(found).all():
        return None
    return found if found[0, 0] >= 0 and bool((np.diff(found[:, 0]) > 0).all()) else None
