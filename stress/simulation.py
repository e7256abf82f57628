"""The one orchestrator: book, venue and prices in, `Result` out.

`simulate` checks its arguments, has the paths of the run (`stress.engine.Run`) worked in blocks (`stress.gather`), and
puts the result together in the order of the paths.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from stress.book import Book
from stress.depth import Depth
from stress.engine import Detail, Run, SimulationError
from stress.errors import InputError, Problem, raise_if
from stress.gather import gather
from stress.prices import Paths
from stress.provenance import provenance
from stress.result import Result
from stress.venue import Venue

if TYPE_CHECKING:
    from stress.partial import PartialRun

__all__ = ["SimulationError", "prepare", "provenance", "simulate", "simulate_together", "timing"]

MAX_SEED = 2**63 - 1
DEFAULT_PATHS, DEFAULT_HORIZON, DEFAULT_STEP = 10_000, 86_400.0, 60.0


def simulate(
    book: Book,
    venue: Venue,
    prices: Any,
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
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run the loss waterfall on many price paths.

    Parameters
    ----------
    book : Book
        Long and short quantity should balance; a difference is held outside, with a warning.
    venue : Venue
    prices : price model
        Anything with `s0`, `describe()` and `block(seed, first_path, n_paths, n_steps, dt)`. With `Paths` the number
        of paths, the horizon and the step are its own. `Replay` and `Episode` are one path, with the step of their bars
        and at most their length; `Bootstrap` has the step of its bars.
    fund : float
        Initial insurance fund, USD, at least the venue's reserve; inf: unlimited.
    n_paths : int, optional
        Default: 10,000, or what the prices have.
    horizon, step : float, optional
        Seconds; the horizon is a whole number of steps. Default: a day and a minute, or what the prices have.
    depth : Depth, optional
        Default: a book of infinite depth.
    gap, jump_gap : float
        Share of a continuous move, and of a jump, that cannot be traded through, in [0, 1]. The required fund hangs
        on these two more than on any other number.
    seed : int
        0 <= seed < 2^63. The same seed gives the same bytes, whatever the threads and blocks.
    under_margin : {"error", "liquidate", "drop"}
        What to do with positions at or below their maintenance margin at S_0.
    detail : {"positions", "paths"}
        "paths" counts nothing per position and per class of leverage, and is faster: for questions about the fund.
        Money may differ from that of "positions" in its last bits, since more of it is summed at once.
    threads : int, optional
        Default: all processors of this process.
    executor : concurrent.futures.Executor or distributed.Client, optional
        Works the blocks instead of threads, and stays open: a pool of processes (by spawn, or a fork of a process
        without threads), a cluster of dask.distributed, or anything else with `submit`. `threads` then says how many
        blocks are worked at a time, by default as many as the executor has workers.
    progress : callable, optional
        Called with (paths done, paths in all) after every block.

    Returns
    -------
    Result

    Raises
    ------
    InputError
        With everything that is wrong with the arguments.
    SimulationError
        If a path met an impossible price.
    WorkerError
        If the workers of the executor are gone, or have other versions.
    """
    run = prepare(
        book, venue, prices, fund=fund, n_paths=n_paths, horizon=horizon, step=step, depth=depth, gap=gap,
        jump_gap=jump_gap, seed=seed, under_margin=under_margin, detail=detail,
    )  # fmt: skip
    return simulate_together([run], threads=threads, executor=executor, progress=progress)[0]


def simulate_together(
    runs: Sequence[Run],
    *,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    kept: PartialRun | None = None,
) -> list[Result]:
    """Run several designs on the same price paths, which are made once.

    Parameters
    ----------
    runs : sequence of Run
        From `prepare`; they share prices, number of paths, steps and seed.
    threads, executor, progress
        As in `simulate`.
    kept : PartialRun, optional
        Where finished paths are kept on disk, and those of an interrupted run are found.

    Returns
    -------
    list of Result, in the order of the runs
    """
    lead = runs[0]
    for run in runs:
        same = run.prices is lead.prices and run.seed == lead.seed
        if not (same and (run.n_paths, run.n_steps, run.step) == (lead.n_paths, lead.n_steps, lead.step)):
            raise ValueError("designs that run together share prices, seed, paths, steps and step")
        _ = run.kernel  # made once, before the workers share it
    if threads is not None and not (_is_number(threads) and threads >= 1 and threads % 1 == 0):
        raise InputError(Problem("run", "a whole number, 1 or more", column="threads", value=threads))
    found = gather(runs, threads=threads, executor=executor, progress=progress, kept=kept)
    made_by = provenance()
    return [Result.assemble(run, block, made_by) for run, block in zip(runs, found, strict=True)]


def prepare(
    book: Book,
    venue: Venue,
    prices: Any,
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
) -> Run:
    """The checked run of the arguments of `simulate`."""
    n_paths, horizon, step, problems = timing(prices, n_paths, horizon, step)
    n_steps = round(horizon / step) if step > 0 and math.isfinite(horizon) else 0
    numbers = {"fund": fund, "gap": gap, "jump_gap": jump_gap}
    wrong = {name: value for name, value in numbers.items() if not _is_number(value)}
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
    return Run(
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


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def timing(
    prices: Any, n_paths: int | None, horizon: float | None, step: float | None
) -> tuple[Any, Any, Any, list[Problem]]:
    """Paths, horizon and step: those of the price model where it has its own, and what is wrong with those given."""
    given = {"n_paths": n_paths, "horizon": horizon, "step": step}
    wrong = {name: value for name, value in given.items() if value is not None and not _is_number(value)}
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
