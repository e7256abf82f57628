"""A claim, and what a run says of it: a verdict that follows from an interval, never from a value alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stress.errors import InputError
from stress.results.estimate import Estimate

Verdict = Literal["holds", "does not hold", "cannot be told", "says nothing"]
HOLDS: Verdict = "holds"
FAILS: Verdict = "does not hold"
OPEN: Verdict = "cannot be told"
SILENT: Verdict = "says nothing"  # the rule that is asked about does not look at it, whatever the paths


@dataclass(frozen=True)
class Finding:
    """A claim or a question, and its answer in figures.

    Parameters
    ----------
    asked : str
        The claim, or the question, as traders read it.
    verdict : str
        Of a claim; "" of a question.
    measure : str
        What the figure is, with its denominator.
    estimate : Estimate
    text : str
        The figures in a sentence.
    command : str
        Which command shows it on a scenario of one's own.
    """

    asked: str
    verdict: str
    measure: str
    estimate: Estimate
    text: str
    command: str

    def row(self) -> dict[str, str | float]:
        """The finding as a row of a table."""
        e = self.estimate
        return {
            "asked": self.asked,
            "verdict": self.verdict,
            "measure": self.measure,
            "estimate": e.value,
            "low": e.low,
            "high": e.high,
            "unit": e.unit,
            "note": e.note,
            "text": self.text,
            "command": self.command,
        }


def not_asked(asked: str, why: str) -> Finding:
    """A claim that cannot be asked of a scenario, with the reason."""
    nothing = Estimate(math.nan, math.nan, math.nan, math.nan, why)
    return Finding(asked, OPEN, "", nothing, f"Not asked of this scenario: {why}.", "")


def reason(error: InputError) -> str:
    """What an error says, as the reason why something is not asked."""
    return "; ".join(f"{p.column or p.where}: needs {p.expected}" for p in error.problems)


def above(e: Estimate, border: float) -> Verdict:
    """Whether a figure is above a border: what its 95 % interval says."""
    if e.low > border:
        return HOLDS
    return FAILS if e.high < border else OPEN


def below(e: Estimate, border: float) -> Verdict:
    """Whether a figure is below a border: what its 95 % interval says."""
    if e.high < border:
        return HOLDS
    return FAILS if e.low > border else OPEN


def times(e: Estimate, shown: Callable[[float], str]) -> str:
    """A ratio with its interval: "3.2 times (2.9 to 3.5)"; a bound where it rests on too few paths."""
    if math.isnan(e.value) or e.note:
        ends = [f"{shown(e.low)} or more" if e.low > 0 else "", f"at most {shown(e.high)}" if e.high < math.inf else ""]
        return " and ".join(end for end in ends if end) + " times" if any(ends) else "an unknown number of times"
    return f"{shown(e.value)} times ({shown(e.low)} to {shown(e.high)})"
