"""What a scenario defines, once its files are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stress.adjustments import Adjustment
    from stress.engine.design import Design


@dataclass(frozen=True)
class Built:
    """The objects that a scenario defines.

    Attributes
    ----------
    design : Design
        Checked.
    notes : tuple of str
        Caveats of the choices of the scenario, see `stress.scenario.caveats`.
    delays : tuple of float
        Delays whose range is the answer, seconds, rising; the design has the last of them. Empty: the answer is its
        own.
    adjustments : tuple of Adjustment
        What was done to book, bars and prices, and keys of the scenario that were left out.
    """

    design: Design
    notes: tuple[str, ...]
    delays: tuple[float, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
