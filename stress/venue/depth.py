"""Depth of the order book and the price impact of forced orders.

After forced sales of v coins (net, not yet recovered) the price is lower by the relative displacement
`h(v) = min(max_displacement, width * (v S_0 / usd)^exponent)`. The venue's own mark follows with weight `passthrough`.

Real books are thinnest when they are needed. With a `scale` the depth of a move is `usd / (1 + (w / scale)^power)`,
w = |ln(target / S)|, S the price at the start of the step `window` seconds earlier; what was displaced before stays
displaced.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from stress import quantities
from stress.arguments import is_number, is_word, numbers
from stress.errors import InputError, Problem, raise_if
from stress.files import documents
from stress.venue.values import one_of

FOLDER = Path(__file__).parent / "depth_settings"
SETTINGS = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
FALL = ("window", "scale", "power")
MOST_FACTOR = 1e6  # of a schedule, and its inverse


@dataclass(frozen=True)
class Depth:
    """Depth of the order book. `depth=None` in `stress.simulate` means infinite depth.

    Parameters
    ----------
    usd : float, optional
        USD of quantity, at S_0, that the book absorbs within `width` of the mid, on one side. > 0. Exactly one of
        `usd` and `oi_share` is given.
    width : float
        Fraction of the price, 0 < width <= max_displacement.
    exponent : float
        1: linear; 0.5: square-root impact. > 0.
    half_life : float
        Seconds in which half of the displaced quantity recovers, > 0; inf: it never recovers. Real depth takes 30 to
        60 minutes (`docs/depth.md`); the default of 5 minutes is kept so that earlier runs keep their figures.
    passthrough : float
        Weight of this venue in the index behind its mark, in [0, 1]. 1 (the index is this venue alone) gives
        an upper bound of the cascade, 0 gives no cascade.
    max_displacement : float
        Largest relative displacement, below 1.
    oi_share : float, optional
        The same as a share of the open interest of one side at S_0, > 0. `stress.simulate` takes it of its book.
    window : float
        Seconds behind a move that its size is measured over, >= 0; rounded down to whole steps.
    scale : float, optional
        Log move at which half of the depth is gone, 1e-4 or more. Default: depth does not fall.
    power : float
        How steeply it falls, above 0 and at most 10.
    schedule : sequence of (float, float)
        Seconds since the start of the path, rising, and the factor of the depth from then on (before the first: 1).

    Raises
    ------
    InputError
        Lists every value that is out of range.

    Notes
    -----
    Real crash prices contain the impact of real liquidations already: replaying them with a finite depth counts it
    twice.
    """

    usd: float | None = None
    width: float = 0.01
    exponent: float = 1.0
    half_life: float = 300.0
    passthrough: float = 1.0
    max_displacement: float = 0.9
    oi_share: float | None = None
    window: float = 3600.0
    scale: float | None = None
    power: float = 1.0
    schedule: tuple[tuple[float, float], ...] = field(default=())

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "schedule"}
        given = {name: value for name, value in given.items() if not (value is None and name in OPTIONAL)}
        for name, value in given.items():
            given[name] = (quantities.seconds if name in DURATIONS else quantities.number)(value)
        problems = [
            Problem("depth", quantities.expected(value, forms=_forms(name)), column=name, value=value)
            for name, value in given.items()
            if not is_number(value)
        ]
        schedule = numbers(self.schedule)
        schedule = np.zeros((0, 2)) if schedule is not None and schedule.size == 0 else schedule
        if not _is_schedule(schedule):
            pairs = (
                f"[time, factor] pairs: rising seconds, 0 or more; factors from {1 / MOST_FACTOR:g} to {MOST_FACTOR:g}"
            )
            problems.append(Problem("depth", pairs, column="schedule", value=self.schedule))
        if (self.usd is None) == (self.oi_share is None):
            both = f"usd = {self.usd!r} and oi_share = {self.oi_share!r}" if self.usd is not None else None
            problems.append(Problem("depth", "exactly one of usd and oi_share", column="usd", value=both))
        raise_if(problems)
        assert schedule is not None
        for name, value in given.items():
            object.__setattr__(self, name, float(value))
        object.__setattr__(self, "schedule", tuple((float(time), float(factor)) for time, factor in schedule))
        expected = {
            "usd": (self.usd is None or self.usd >= 1e-6, "USD, 1e-6 or more"),
            "oi_share": (
                self.oi_share is None or 0 < self.oi_share <= 1e6,
                "a share of one-sided open interest, above 0",
            ),
            "width": (0 < self.width <= self.max_displacement, "a fraction above 0, at most max_displacement"),
            "exponent": (0 < self.exponent <= 10, "a number above 0, at most 10"),
            "half_life": (self.half_life > 0, "seconds above 0"),
            "passthrough": (0 <= self.passthrough <= 1, "a fraction from 0 to 1"),
            "max_displacement": (0 < self.max_displacement < 1, "a fraction above 0 and below 1"),
            "window": (0 <= self.window < math.inf, "seconds, 0 or more"),
            "scale": (self.scale is None or 1e-4 <= self.scale < math.inf, "a log move, 1e-4 or more"),
            "power": (0 < self.power <= 10, "a number above 0, at most 10"),
        }
        out = {name: text for name, (ok, text) in expected.items() if not ok}
        raise_if([Problem("depth", text, column=name, value=getattr(self, name)) for name, text in out.items()])

    def __repr__(self) -> str:
        changed = [f for f in fields(self) if getattr(self, f.name) != f.default and getattr(self, f.name) != ()]
        return f"Depth({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"

    @classmethod
    def load(cls, setting: str, **parameters: Any) -> Depth:
        """The depth of a class of venues, see `docs/depth.md`.

        Parameters
        ----------
        setting : str
            One of `stress.venue.depth.SETTINGS`.
        **parameters
            In place of those of the setting; `usd` replaces its `oi_share`.

        Raises
        ------
        InputError
            If there is no such setting, or a parameter is unknown or out of range.
        """
        if not is_word(setting, SETTINGS):
            raise InputError(Problem("depth", one_of(setting, SETTINGS), column="setting", value=setting))
        names = [f.name for f in fields(cls)]
        unknown = [name for name in parameters if name not in names]
        raise_if([Problem("depth", f"one of {', '.join(names)}", column=name) for name in unknown])
        values = {name: figure["value"] for name, figure in setting_figures(setting).items()}
        if parameters.get("usd") is not None:
            del values["oi_share"]
        return cls(**values | parameters)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Depth:
        """The depth that the record of a run describes: its USD, which `oi_share` in there says once more."""
        return cls(**{name: value for name, value in record.items() if name != "oi_share"})

    def resolve(self, open_interest: float) -> Depth:
        """The depth in USD.

        Parameters
        ----------
        open_interest : float
            Of one side at S_0, USD, > 0.
        """
        if self.oi_share is None:
            return self
        return replace(self, usd=self.oi_share * open_interest, oi_share=None)

    def at(self, move: Any, open_interest: float = math.nan) -> Any:
        """USD within `width` at the end of moves of some size, without the schedule.

        Parameters
        ----------
        move : float or array
            Fractions of the price, below 1 in size, the larger of up and down in log price.
        open_interest : float
            Of one side at S_0, USD; needed with `oi_share`.

        Returns
        -------
        float or array
        """
        usd = self.resolve(open_interest).usd
        size = np.abs(np.log1p(-np.abs(move)))
        return usd if self.scale is None else usd / (1.0 + (size / self.scale) ** self.power)

    @property
    def falls(self) -> bool:
        """Whether the depth falls with the size of a move."""
        return self.scale is not None

    def describe(self) -> dict[str, Any]:
        """Parameters as plain values, for the record of a run; without those that are off."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        off = {name for name in OPTIONAL if values[name] is None}
        off |= set() if self.falls else set(FALL)
        off |= set() if self.schedule else {"schedule"}
        values["schedule"] = [list(pair) for pair in self.schedule]
        return {name: value for name, value in values.items() if name not in off}


OPTIONAL = ("usd", "oi_share", "scale")
DURATIONS = ("half_life", "window")


def _forms(name: str) -> str:
    """How a parameter may be written as text."""
    return quantities.DURATION if name in DURATIONS else quantities.NUMBER


def setting_figures(setting: str) -> dict[str, dict[str, Any]]:
    """Value and source of each parameter of a setting."""
    figures: dict[str, dict[str, Any]] = documents.read_toml(FOLDER / f"{setting}.toml")["figures"]
    return figures


def _is_schedule(pairs: np.ndarray | None) -> bool:
    """Whether an array holds rising times and factors of the depth."""
    if pairs is None or pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all():
        return False
    time, factor = pairs.T
    rises = bool((np.diff(time) > 0).all() and (time >= 0).all())
    return rises and bool(((factor >= 1 / MOST_FACTOR) & (factor <= MOST_FACTOR)).all())


def to_kernel(depth: Depth | None, s0: float, dt: float) -> Any:
    """Record of a depth for compiled code.

    Parameters
    ----------
    depth : Depth or None
        In USD; None: infinite depth.
    s0 : float
        Price at the start, USD per coin.
    dt : float
        Length of a step, seconds.
    """
    from stress.kernels.numerics.elementary import exp, power
    from stress.kernels.rules import records

    if depth is None:
        return records.Depth(
            slope=0.0, exponent=1.0, cap=math.inf, max_displacement=0.0, recovery=1.0, passthrough=0.0,
            fall_scale=math.inf, fall_power=1.0, fall_steps=0,
        )  # fmt: skip
    assert depth.usd is not None, "the depth is resolved against a book"
    return records.Depth(
        slope=depth.width * power(s0 / depth.usd, float(depth.exponent)),
        exponent=float(depth.exponent),
        cap=depth.usd / s0 * power(depth.max_displacement / depth.width, 1.0 / depth.exponent),
        max_displacement=float(depth.max_displacement),
        recovery=exp(-math.log(2.0) * dt / depth.half_life),
        passthrough=float(depth.passthrough),
        fall_scale=math.inf if depth.scale is None else depth.scale,
        fall_power=depth.power,
        fall_steps=min(int(depth.window / dt + 1e-9), LONGEST),
    )


LONGEST = 2**31 - 1  # steps, more than any path has


def schedule_of(depth: Depth | None) -> np.ndarray:
    """The schedule of a depth for compiled code, float64[n, 2]."""
    return np.array(() if depth is None else depth.schedule, np.float64).reshape(-1, 2)
