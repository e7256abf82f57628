"""How late a fill is, as a scenario states it: a share of the move, some seconds, or a range of seconds.

`gap` is a share of the continuous move of a step, so what it means hangs on the length of a step; `delay` is in
seconds and does not. Bars of a history hold no jumps: with `gap = 0` nothing would ever fill beyond its trigger, and
the answer would be zero, or all impact. So where such prices are run and nothing is stated, the run is made at several
delays, and its answer is the range over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stress.errors import Problem
from stress.scenario.tables import RunTable

# A liquidation engine at work, a busy one, an overloaded one, and one that is down for a while: venues publish none of
# these times, so the answer is shown over more than two decades of them.
DELAYS = (1.0, 10.0, 60.0, 300.0)
KEYS = ("gap", "delay", "delays")
BLIND = 0.5  # of a step: a shorter delay mostly ends on the straight line where it began


@dataclass(frozen=True)
class Lateness:
    """What a scenario says; exactly one of the three is not None.

    gap : float, share of a continuous move
    delay : float, seconds
    delays : tuple of float, seconds, rising: the answer is the range over them
    """

    gap: float | None = None
    delay: float | None = None
    delays: tuple[float, ...] | None = None

    def of_design(self) -> dict[str, Any]:
        """Arguments of `stress.engine.prepare` for the design that is shown in detail: of a range the longest delay."""
        return {"gap": self.gap, "delay": self.delays[-1] if self.delays else self.delay}

    def resolved(self) -> dict[str, Any]:
        """Keys of [run]."""
        values = {"gap": self.gap, "delay": self.delay, "delays": self.delays and list(self.delays)}
        return {key: value for key, value in values.items() if value is not None}


def cannot_tell(delay: float, step: float) -> bool:
    """Whether a delay is so far below the step, both in seconds, that what it costs is the shape of a line."""
    return 0 < delay < BLIND * step


def of_run(run: RunTable, model: Any) -> Lateness:
    """What [run] says, and where it says nothing what suits the price model."""
    if run.delays is not None:
        return Lateness(delays=tuple(sorted(set(run.delays))))
    if run.delay is not None:
        return Lateness(delay=run.delay)
    if run.gap is None and not getattr(model, "has_jumps", True):
        return Lateness(delays=DELAYS)
    return Lateness(gap=run.gap or 0.0)


def problems_of_run(run: RunTable, where: str) -> list[Problem]:
    """What is said twice."""
    given = [key for key in KEYS if getattr(run, key) is not None]
    expected = f"no {{}} beside run.{given[0]}: one of them says how late a fill is" if given else ""
    return [
        Problem(where, expected.format(f"run.{key}"), column=f"run.{key}", value=getattr(run, key)) for key in given[1:]
    ]
