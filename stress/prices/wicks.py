"""Wicks of a diffusion: moves down (or up) and back again, so that lows and highs are further out than closes.

Wicks begin at Poisson times, those up and those down at rates of their own, and last `wick_duration` seconds: a
triangle in log price, whose height a has the law

    P(a > v + y) = (1 + xi y / beta)^(-1/xi),    v = wick_from,      up to wick_cap        (xi = 0: exp(-y / beta))

A wick is a continuous move: a position is liquidated within it at the share `gap` of the move, and who reads closes
alone does not see it, unless a close falls inside (the share duration / step of them, for a duration below a step).
Without volatility the number of steps of length h whose low is more than x below the start is, over t years, in the
mean

    rate t (P(a > x) + duration / h E[(1 - x / a)^+])

since a wick of height a is beyond x for the time duration (1 - x / a), which touches one step and one more for each h
of it. After its end a wick has moved nothing, so the drift is not compensated for it. A close inside a wick is
displaced: from one duration after the start on, the mean of the price is S_0 exp(drift t) times

    exp(duration (rate_up (E[(e^a - 1) / a] - 1) + rate_down (E[(1 - e^-a) / a] - 1)))

with the rates per unit of the duration. For 1,000 wicks down a year, of 1 % and two minutes, this is 1 - 2e-5. Paths
begin outside of wicks. The kernel is `stress.kernels.prices.wicks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from stress.arguments import is_finite
from stress.errors import InputError, Problem
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.kernels.prices.wicks import MAX_WICKS, WickLaw
from stress.prices.base import YEAR, check_numbers

SIDES = ("up", "down")


@dataclass(frozen=True)
class Wicks:
    """Base of the models that may have wicks: their parameters, of which none has to be given.

    Parameters
    ----------
    wick_intensity_up, wick_intensity_down : float
        Wicks per year of 365 days, >= 0; 0 (the default) for none. The others are for a side above 0.
    wick_from_up, wick_from_down : float
        Smallest height in log price, >= 0.
    wick_xi_up, wick_xi_down : float
        Shape of the law of heights, above -1 and below 2; 0 (the default) is exponential.
    wick_beta_up, wick_beta_down : float
        Scale of the law, log price, > 0.
    wick_cap_up, wick_cap_down : float
        Largest height, above the smallest; larger draws are set to it.
    wick_duration : float
        Seconds from the begin of a wick to its end, > 0.
    """

    wick_intensity_up: float = field(default=0.0, kw_only=True)
    wick_intensity_down: float = field(default=0.0, kw_only=True)
    wick_from_up: float = field(default=0.0, kw_only=True)
    wick_from_down: float = field(default=0.0, kw_only=True)
    wick_xi_up: float = field(default=0.0, kw_only=True)
    wick_xi_down: float = field(default=0.0, kw_only=True)
    wick_beta_up: float | None = field(default=None, kw_only=True)
    wick_beta_down: float | None = field(default=None, kw_only=True)
    wick_cap_up: float | None = field(default=None, kw_only=True)
    wick_cap_down: float | None = field(default=None, kw_only=True)
    wick_duration: float | None = field(default=None, kw_only=True)

    @property
    def has_wicks(self) -> bool:
        """Whether there are wicks on a side."""
        return self.wick_intensity_up + self.wick_intensity_down > 0.0

    def check_wicks(self) -> list[Problem]:
        """Problems of the parameters of wicks."""
        problems = []
        for side in SIDES:
            bad = check_numbers(self, [(f"wick_intensity_{side}", ">= 0"), (f"wick_from_{side}", ">= 0")])
            sound = not any(p.column == f"wick_from_{side}" for p in bad)
            least = getattr(self, f"wick_from_{side}") if sound else 0.0
            rules = [("xi", "> -1, < 2"), ("beta", "> 0"), ("cap", f"> {least:g}")]
            given = not bad and getattr(self, f"wick_intensity_{side}") > 0.0
            problems += bad + check_numbers(
                self,
                [
                    (name, rule)
                    for name, rule in ((f"wick_{word}_{side}", rule) for word, rule in rules)
                    if given or getattr(self, name) is not None
                ],
            )
        rates = [getattr(self, f"wick_intensity_{side}") for side in SIDES]
        if self.wick_duration is not None or any(is_finite(rate) and rate > 0 for rate in rates):
            problems += check_numbers(self, [("wick_duration", "> 0")])
        return problems

    def wick_sides(self) -> tuple[JumpSizeLaw, JumpSizeLaw]:
        """Laws of the heights of wicks up and down, in log price; of a side without wicks, any."""
        up, down = (self._wick_side(side) for side in SIDES)
        return up, down

    def _wick_side(self, side: str) -> JumpSizeLaw:
        start, xi, beta, cap = (getattr(self, f"wick_{word}_{side}") for word in ("from", "xi", "beta", "cap"))
        if getattr(self, f"wick_intensity_{side}") == 0.0:
            beta = cap = 1.0
        return JumpSizeLaw(body=np.array([start]), tail=1.0, xi=xi, beta=beta, cap=cap)

    def wick_law(self, dt: float) -> WickLaw:
        """Wicks in steps of dt seconds, as the record of the kernels.

        Raises
        ------
        InputError
            If more wicks are expected to be under way at once in a step than there is room for.
        """
        assert self.wick_duration is not None
        at_once = (self.wick_intensity_up + self.wick_intensity_down) * (dt + self.wick_duration) / YEAR
        if at_once > MAX_WICKS / 4:
            expected = f"shorter steps, or fewer or shorter wicks: {at_once:.0f} are expected in one"
            raise InputError(Problem("run", expected, column="step", value=dt))
        up, down = self.wick_intensity_up * dt / YEAR, self.wick_intensity_down * dt / YEAR
        return WickLaw(up, down, math.exp(-up), math.exp(-down), self.wick_duration / dt)

    def _unused(self) -> tuple[str, ...]:
        """Names of the parameters that play no part."""
        if not self.has_wicks:
            return tuple(name for name in Wicks.__dataclass_fields__)
        quiet = [side for side in SIDES if getattr(self, f"wick_intensity_{side}") == 0.0]
        return tuple(f"wick_{word}_{side}" for side in quiet for word in ("from", "xi", "beta", "cap", "intensity"))
