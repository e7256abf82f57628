"""Depth of the order book and the price impact of forced orders.

After forced sales of v coins (net, not yet recovered) the price is lower by the relative displacement
`h(v) = min(max_displacement, width * (v S_0 / usd)^exponent)`. The venue's own mark follows with weight `passthrough`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from stress.arguments import is_number
from stress.errors import Problem, raise_if


@dataclass(frozen=True)
class Depth:
    """Depth of the order book. `depth=None` in `stress.simulate` means infinite depth.

    Parameters
    ----------
    usd : float
        USD of quantity, at S_0, that the book absorbs within `width` of the mid, on one side. > 0.
    width : float
        Fraction of the price, 0 < width <= max_displacement.
    exponent : float
        1: linear; 0.5: square-root impact. > 0.
    half_life : float
        Seconds in which half of the displaced quantity recovers, > 0; inf: it never recovers.
    passthrough : float
        Weight of this venue in the index behind its mark, in [0, 1]. 1 (the index is this venue alone) gives
        an upper bound of the cascade, 0 gives no cascade.
    max_displacement : float
        Largest relative displacement, below 1.

    Raises
    ------
    InputError
        Lists every value that is out of range.

    Notes
    -----
    Real crash prices contain the impact of real liquidations already: replaying them with a finite depth counts it
    twice.
    """

    usd: float
    width: float = 0.01
    exponent: float = 1.0
    half_life: float = 300.0
    passthrough: float = 1.0
    max_displacement: float = 0.9

    def __post_init__(self) -> None:
        wrong = [
            Problem("depth", "a number", column=f.name, value=getattr(self, f.name))
            for f in fields(self)
            if not is_number(getattr(self, f.name))
        ]
        raise_if(wrong)
        for f in fields(self):
            object.__setattr__(self, f.name, float(getattr(self, f.name)))
        expected = {
            "usd": (self.usd >= 1e-6, "USD, 1e-6 or more"),
            "width": (0 < self.width <= self.max_displacement, "a fraction above 0, at most max_displacement"),
            "exponent": (0 < self.exponent <= 10, "a number above 0, at most 10"),
            "half_life": (self.half_life > 0, "seconds above 0"),
            "passthrough": (0 <= self.passthrough <= 1, "a fraction from 0 to 1"),
            "max_displacement": (0 < self.max_displacement < 1, "a fraction above 0 and below 1"),
        }
        out = {name: text for name, (ok, text) in expected.items() if not ok}
        raise_if([Problem("depth", text, column=name, value=getattr(self, name)) for name, text in out.items()])

    def describe(self) -> dict[str, Any]:
        """Parameters as plain values, for the record of a run."""
        return asdict(self)


def to_kernel(depth: Depth | None, s0: float, dt: float) -> Any:
    """Record of a depth for compiled code.

    Parameters
    ----------
    depth : Depth or None
        None: infinite depth.
    s0 : float
        Price at the start, USD per coin.
    dt : float
        Length of a step, seconds.
    """
    from stress.kernels.numerics.elementary import exp, power
    from stress.kernels.rules import records

    if depth is None:
        return records.Depth(slope=0.0, exponent=1.0, cap=math.inf, max_displacement=0.0, recovery=1.0, passthrough=0.0)
    return records.Depth(
        slope=depth.width * power(s0 / depth.usd, float(depth.exponent)),
        exponent=float(depth.exponent),
        cap=depth.usd / s0 * power(depth.max_displacement / depth.width, 1.0 / depth.exponent),
        max_displacement=float(depth.max_displacement),
        recovery=exp(-math.log(2.0) * dt / depth.half_life),
        passthrough=float(depth.passthrough),
    )
