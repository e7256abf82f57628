"""From the arguments of `stress.simulate` to a checked `Design`."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np

from stress.book.book import Book
from stress.engine.design import Design, Detail
from stress.errors import Problem, raise_if
from stress.prices import Paths, PriceModel
from stress.venue.depth import Depth
from stress.venue.venue import Venue

MAX_SEED = 2**63 - 1
DEFAULT_PATHS, DEFAULT_HORIZON, DEFAULT_STEP = 10_000, 86_400.0, 60.0


def prepare(
    book: Book,
    venue: Venue,
    prices: PriceModel,
    *,
    fund: float,
    n_paths: int | None = None,
    horizon: float | None = None,
    step: float | None = None,
    depth: Depth | None = None,
    gap: float = 0.0,
    jump_gap: float = 1.0,
    seed: int = 0,
    under_margin: Literal["error", "liquidate", "drop"] = "error",
    detail: Detail = "positions",
) -> Design:
    """The checked run of the arguments of `simulate`."""
    n_paths, horizon, step, problems = timing(prices, n_paths, horizon, step)
    n_steps = round(horizon / step) if step > 0 and math.isfinite(horizon) else 0
    numbers = {"fund": fund, "gap": gap, "jump_gap": jump_gap}
    wrong = {name: value for name, value in numbers.items() if not is_number(value)}
    problems += [Problem("run", "a number", column=name, value=value) for name, value in wrong.items()]
    if depth is not None and not isinstance(depth, Depth):
        problems.append(Problem("run", "a stress.Depth or None", column="depth", value=depth))
    raise_if(problems)
    known = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    checks = [
        ("fund", fund, fund >= venue.reserve, f"USD, at least the venue's reserve {venue.reserve:,.10g}"),
        ("n_paths", n_paths, n_paths >= 1 and n_paths % 1 == 0, "a whole number, 1 or more"),
        ("step", step, step > 0 and math.isfinite(step), "seconds above 0"),
        ("horizon", horizon, n_steps >= 1, "a step or more, in seconds"),
        ("horizon", horizon, n_steps < 1 or abs(n_steps * step - horizon) <= 1e-6 * step, f"a multiple of {step:g} s"),
        ("gap", gap, 0 <= gap <= 1, "a share from 0 to 1"),
        ("jump_gap", jump_gap, 0 <= jump_gap <= 1, "a share from 0 to 1"),
        ("seed", seed, known and 0 <= seed <= MAX_SEED, "a whole number from 0 to 2^63 - 1"),
        ("detail", detail, detail in get_args(Detail), "positions or paths"),
    ]
    raise_if([Problem("run", expected, column=name, value=value) for name, value, ok, expected in checks if not ok])
    book = book.check_margin(venue, prices.s0, under_margin).balanced("outside")
    book.warn_of_limits(venue)
    return Design(
        book,
        venue,
        prices,
        int(n_paths),
        n_steps,
        float(step),
        depth,
        float(fund),
        float(gap),
        float(jump_gap),
        int(seed),
        detail,
    )


def is_number(value: Any) -> bool:
    """Whether a value is a real number, inf and nan included (a bool is none)."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def timing(
    prices: PriceModel, n_paths: int | None, horizon: float | None, step: float | None
) -> tuple[Any, Any, Any, list[Problem]]:
    """Paths, horizon and step: those of the price model where it has its own, and what is wrong with those given."""
    given = {"n_paths": n_paths, "horizon": horizon, "step": step}
    wrong = {name: value for name, value in given.items() if value is not None and not is_number(value)}
    problems = [Problem("run", "a number", column=name, value=value) for name, value in wrong.items()]
    raise_if(problems)
    if isinstance(prices, Paths):
        return prices.n_paths, prices.horizon, prices.step, problems
    own_paths, own_step = getattr(prices, "n_paths", None), getattr(prices, "step", None)
    longest = getattr(prices, "horizon", None)
    if own_paths is not None and n_paths not in (None, own_paths):
        problems.append(Problem("run", f"{own_paths}: a replay is one path", column="n_paths", value=n_paths))
    if own_step is not None and step not in (None, own_step):
        problems.append(Problem("run", f"the step of the bars, {own_step} seconds", column="step", value=step))
    if longest is not None and horizon is not None and horizon > longest:
        expected = f"at most the length of the bars, {longest:g} seconds"
        problems.append(Problem("run", expected, column="horizon", value=horizon))
    defaults = own_paths or DEFAULT_PATHS, longest or DEFAULT_HORIZON, own_step or DEFAULT_STEP
    paths, length, dt = (
        value if value is not None else default for value, default in zip(given.values(), defaults, strict=True)
    )
    return paths, length, dt, problems
