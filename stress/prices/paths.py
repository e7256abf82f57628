"""Prices given as arrays, from any model of the user."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from stress.arguments import is_finite, numbers
from stress.errors import InputError, Problem, raise_if
from stress.prices.base import PriceBlock, check_request
from stress.prices.strata import read_strata


class Paths:
    """Exogenous prices, one row per path.

    With `low` and `high` each step is a continuous move from close[t-1] to pre_jump[t] within them, then a jump to
    close[t]. Without them the whole step is a jump.

    Parameters
    ----------
    close : float[n_paths, n_steps + 1]
        USD per coin, > 0; column 0 is S_0, the same on every path. A single path may be one-dimensional.
    step : float
        Length of a step, seconds, > 0.
    low, high : float[n_paths, n_steps + 1], both or none
        low <= both ends of the continuous move <= high. Column 0 is not used.
    pre_jump : float[n_paths, n_steps + 1], optional
        End of the continuous move; requires low and high. Default: close, which means no jumps. Column 0 is not used.
    stratum : int[n_paths], optional
        Of paths from a sampler of your own: the part of the space of paths that each was drawn from, 0 to K - 1, with 2
        paths or more of each. A run uses all the paths.
    probability : float[K], optional
        Probability of each stratum under the model, > 0; they add to 1. With `stratum`.

    Attributes
    ----------
    n_paths, n_steps : int
    step, horizon : float
        Seconds.
    s0 : float
    strata : stress.prices.strata.Strata or None
        Those that were given. A path of stratum k weighs probability[k] n_paths / (number of its paths).

    Raises
    ------
    InputError
        Lists every invalid array, each with its first few invalid entries (path, step), counted from 0.
    """

    kind: ClassVar[str] = "paths"
    shown = 5  # invalid entries reported for each array

    def __init__(
        self,
        close: npt.ArrayLike,
        step: float = 60.0,
        low: npt.ArrayLike | None = None,
        high: npt.ArrayLike | None = None,
        pre_jump: npt.ArrayLike | None = None,
        stratum: npt.ArrayLike | None = None,
        probability: npt.ArrayLike | None = None,
    ):
        problems: list[Problem] = []
        if not is_finite(step) or step <= 0:
            problems.append(Problem("paths", "seconds > 0", column="step", value=step))
        if (low is None) != (high is None):
            problems.append(Problem("paths", "low and high together", column="low" if low is None else "high"))
        if pre_jump is not None and low is None:
            problems.append(Problem("paths", "low and high to be given too", column="pre_jump"))
        given = {"low": low, "high": high, "pre_jump": pre_jump}
        moves = {name: a for name, a in given.items() if a is not None}
        arrays = {name: _array(name, a, problems) for name, a in {"close": close, **moves}.items()}
        raise_if(problems)
        shape = arrays["close"].shape
        if shape[0] < 1 or shape[1] < 2:
            problems.append(Problem("paths", "at least one path and one step", column="close", value=shape))
        problems += [
            Problem("paths", f"the shape of close, {shape}", column=name, value=a.shape)
            for name, a in arrays.items()
            if a.shape != shape
        ]
        self.strata = read_strata(stratum, probability, shape[0], problems)
        raise_if(problems)
        self.close = arrays["close"]
        self.low = self.high = self.pre_jump = None
        if low is not None:
            self.low, self.high = arrays["low"], arrays["high"]
            self.pre_jump = arrays["pre_jump"] if pre_jump is not None else self.close
            for a in (self.low, self.high, self.pre_jump):
                a[:, 0] = self.close[:, 0]
        self.step = float(step)
        self._check_prices()
        self.n_paths, self.n_steps = shape[0], shape[1] - 1
        self.horizon = self.n_steps * self.step
        self.s0 = float(self.close[0, 0])

    def _check_prices(self) -> None:
        problems: list[Problem] = []

        def report(name: str, wrong: np.ndarray, values: np.ndarray, expected: str) -> None:
            at = np.argwhere(wrong)
            for path, step in at[: self.shown]:
                where = f"paths, path {path}, step {step}"
                problems.append(Problem(where, expected, column=name, value=float(values[path, step])))
            if len(at) > self.shown:
                problems.append(Problem("paths", f"{expected}; {len(at)} entries fail", column=name))

        for name in ("close", "low", "high", "pre_jump"):
            a = getattr(self, name)
            if a is not None and not (name == "pre_jump" and a is self.close):
                report(name, ~(np.isfinite(a) & (a > 0)), a, "a finite price > 0")
        raise_if(problems)
        start = np.zeros(self.close.shape, dtype=bool)
        start[:, 0] = self.close[:, 0] != self.close[0, 0]
        report("close", start, self.close, f"the same S_0 on every path ({self.close[0, 0]!r})")
        if self.low is not None and self.high is not None and self.pre_jump is not None:
            begin = np.concatenate([self.close[:, :1], self.close[:, :-1]], axis=1)
            below, above = np.minimum(begin, self.pre_jump), np.maximum(begin, self.pre_jump)
            report("low", self.low > below, self.low, "low <= both ends of the continuous move")
            report("high", self.high < above, self.high, "high >= both ends of the continuous move")
        raise_if(problems)

    def block(self, seed: int, first_path: int, n_paths: int, n_steps: int, dt: float) -> PriceBlock:
        """Rows first_path .. first_path + n_paths - 1, all steps; the seed has no effect.

        Raises
        ------
        InputError
            If the request is for more paths, another number of steps, or another step length than the arrays have.
        """
        check_request(seed, first_path, n_paths, n_steps, dt)
        problems = []
        if first_path + n_paths > self.n_paths:
            problems.append(
                Problem("paths", f"at most the {self.n_paths} given", column="paths", value=first_path + n_paths)
            )
        if n_steps != self.n_steps:
            problems.append(Problem("paths", f"the {self.n_steps} steps given", column="horizon", value=n_steps))
        if dt != self.step:
            problems.append(Problem("paths", f"the step given, {self.step} s", column="step", value=dt))
        if problems:
            raise InputError(problems)
        rows = slice(first_path, first_path + n_paths)
        if self.low is None or self.high is None or self.pre_jump is None:
            return PriceBlock(self.close[rows])
        return PriceBlock(self.close[rows], self.low[rows], self.high[rows], self.pre_jump[rows])

    def describe(self) -> dict[str, Any]:
        """Shape, step and a digest of the prices, and of the strata where they are given."""
        digest = hashlib.sha256()
        for a in (self.close, self.low, self.high, self.pre_jump):
            digest.update(b"-" if a is None else a.tobytes())
        if self.strata is not None:
            digest.update(self.strata.order.tobytes() + self.strata.probability.tobytes())
        return {
            "model": self.kind,
            "s0": self.s0,
            "n_paths": self.n_paths,
            "n_steps": self.n_steps,
            "step": self.step,
            "sha256": digest.hexdigest(),
        }


def _array(name: str, values: Any, problems: list[Problem]) -> np.ndarray:
    a = numbers(values)
    if a is None:
        problems.append(Problem("paths", "an array of numbers", column=name, value=type(values).__name__))
        return np.ones((1, 1))
    if a.ndim > 2:
        problems.append(Problem("paths", "an array (path, step)", column=name, value=a.shape))
    return np.ascontiguousarray(np.atleast_2d(a))
