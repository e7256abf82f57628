"""The protocol of price models, and the block of prices that they return.

A step t of a path is a continuous move from close[t-1] to pre_jump[t] with extremes low[t] and high[t], then a jump to
close[t]. Losses of the two parts differ, so a model states which part of a move is a jump.

A model may draw its paths from another law than its own, so that rare moves are frequent (importance sampling). It then
returns for each path the log of the likelihood ratio dP/dQ of the model's law P over the law Q that the path was drawn
from. The mean of exp(log_weight) over paths drawn from Q is 1 in expectation, and the mean of exp(log_weight) f
is the expected value of f under P: see `stress.results.estimate`.

Or it may say in which ways its paths get rare, and draw them given how rare: optional `rarities` and an argument
`rarity` of `block`. There are D coordinates, each a uniform r in (0, 1), the probability of an event at least as
severe: small where the path is rare in one way. All else of a path is drawn given them, so that uniform coordinates
make the law of the model exactly. A run with a tail (`stress.prices.rarest_event`) then chooses coordinates.

Source: A. Owen, Monte Carlo theory, methods and examples (2013), chapter 9.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from stress import quantities
from stress.arguments import is_finite, is_whole
from stress.errors import Problem, raise_if

DAY = 86_400.0  # seconds
YEAR = 365 * DAY
LARGEST_LOG_WEIGHT = 700.0  # its exponential is finite


class PriceBlock(NamedTuple):
    """Prices of n paths at the steps 0..T, USD per coin, one row per path; column 0 is S_0.

    Parameters
    ----------
    close : float64[n, T + 1]
        Price at the end of each step.
    low, high : float64[n, T + 1], both or none
        Extremes of the continuous move of each step, both of its ends included. None: each step is a jump from close
        to close. Column 0 is not used.
    pre_jump : float64[n, T + 1], optional
        Price at the end of the continuous move, just before the jump; requires low and high. None: there are
        no jumps. It may be the same array as `close`. Column 0 is not used.
    log_weight : float64[n], optional
        Log of the likelihood ratio of each path under the model over the law it was drawn from; -inf where the path
        cannot occur under the model. None: all are 0, since the paths are drawn from the model itself.
    """

    close: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    pre_jump: np.ndarray | None = None
    log_weight: np.ndarray | None = None

    def problems(self, n_paths: int, n_steps: int, s0: float) -> list[str]:
        """Problems of shapes, start prices and weights, one phrase each; prices after the start are not checked."""
        shape = (n_paths, n_steps + 1)
        moves = {"low": self.low, "high": self.high, "pre_jump": self.pre_jump}
        if self.low is not None and self.high is not None and self.pre_jump is None:
            del moves["pre_jump"]
        arrays: dict[str, Any] = {"close": self.close} | ({} if all(a is None for a in moves.values()) else moves)
        problems = [
            f"{name} of shape {np.shape(a)}, not {shape}" if a is not None else f"no {name} of shape {shape}"
            for name, a in arrays.items()
            if np.shape(a) != shape
        ]
        if np.shape(self.close) == shape and np.any(np.asarray(self.close)[:, 0] != s0):
            problems.append(f"a path that does not start at its s0 {s0}")
        if self.log_weight is not None:
            weights_shape = np.shape(self.log_weight)
            if weights_shape != (n_paths,):
                problems.append(f"log_weight of shape {weights_shape}, not {(n_paths,)}")
            elif not np.all(np.asarray(self.log_weight) <= LARGEST_LOG_WEIGHT):
                problems.append(f"a log_weight that is not -inf or a number up to {LARGEST_LOG_WEIGHT:g}")
        return problems


class PriceModel(Protocol):
    """A model of the exogenous price of every path.

    Attributes
    ----------
    kind : str
        Name of the model in a scenario.
    s0 : float
        Price at the start, USD per coin, > 0.
    has_jumps : bool, optional
        False: what a step holds is a continuous move, as bars of a history have it, so that `gap = 0` would fill all
        positions at their triggers. Such prices are run at stated delays where a scenario says nothing.
    rarities : callable, optional
        `rarities(n_steps, dt) -> dict[str, float]`: the ways in which a path can be rare, in the order of the columns
        of `rarity`. Each name is in plain words ("largest jump down"); its value is the probability that a path has
        such an event at all, above which a coordinate means that it has none (1: each path has one). {}: none. Without
        rarities a `tail` is refused with the reason, and `block` is never given any.
    """

    kind: ClassVar[str]

    @property
    def s0(self) -> float:
        """Price at the start, USD per coin, > 0."""
        ...

    def describe(self) -> dict[str, Any]:
        """Name of the model, under "model", and its parameters as plain values, for the manifest of a run."""
        ...

    def block(self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float) -> PriceBlock:
        """Prices of the paths first_path .. first_path + n_paths - 1; path i depends only on (seed, i).

        Parameters
        ----------
        seed : int
            0 <= seed < 2^63.
        first_path, n_paths, n_steps : int
        dt : float
            Length of a step, seconds.

        Notes
        -----
        A model with `rarities` takes one more argument, `rarity`: float64[n_paths, D], the coordinates of each path in
        (0, 1), on which the path then depends beside (seed, i); None, the default: a plain draw, as ever.
        """
        ...


def check_request(seed: Any, first_path: Any, n_paths: Any, n_steps: Any, dt: Any) -> None:
    """Refuse arguments of `PriceModel.block` that ask for no paths.

    Raises
    ------
    InputError
        Lists every argument that is out of range.
    """
    counts = {"seed": (seed, 0), "first_path": (first_path, 0), "n_paths": (n_paths, 1), "n_steps": (n_steps, 1)}
    problems = [
        Problem("block", f"a whole number from {least} to 2^63 - 1", column=name, value=value)
        for name, (value, least) in counts.items()
        if not (isinstance(value, (int, np.integer)) and is_whole(value) and least <= value < 2**63)
    ]
    if not (is_finite(dt) and dt > 0):
        problems.append(Problem("block", "seconds above 0", column="dt", value=dt))
    raise_if(problems)


def check_numbers(model: Any, rules: Iterable[tuple[str, str]]) -> list[Problem]:
    """Problems of the named fields of a dataclass, at most one for each field.

    Parameters
    ----------
    model : dataclass instance
        Fields that pass become floats.
    rules : iterable of (name, rule)
        The rule is "any", or one or two comparisons that the value must satisfy, such as ">= 0" or "> 0, <= 1".
    """
    problems = []
    for name, rule in rules:
        value = quantities.number(getattr(model, name))
        ok = is_finite(value)
        if ok and rule != "any":
            ok = all(_meets(float(value), *part.split()) for part in rule.split(","))
        if ok:
            object.__setattr__(model, name, float(value))
        else:
            wanted = (
                quantities.expected(value, "a finite number")
                if rule == "any"
                else f"a number {rule.replace(',', ' and')}"
            )
            problems.append(Problem("prices", wanted, column=name, value=value))
    return problems


def _meets(value: float, comparison: str, bound: str) -> bool:
    limit = float(bound)
    return {">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit}[comparison]
