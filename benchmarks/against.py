"""The engine beside `benchmarks.baselines`, on the same book and the same prices."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

import stress
from benchmarks import baselines
from stress.bench import market
from stress.bench.clock import median_seconds

WORDS = {
    "vectorised": "numpy, over paths and traders",
    "loop": "Numba, parallel loop",
    "tuned_loop": "Numba, parallel loop, tuned",
    "scan": "JAX, scan over steps",
}


def plain_run(traders: int, paths: int) -> Any:
    """The engine's run of what the baselines know: whole jumps, infinite depth, a fund that keeps every surplus."""
    from stress.engine.prepare import prepare

    run = market.load("retail", traders, paths)
    close = run.prices.block(run.seed, 0, paths, run.n_steps, run.step)[0]
    venue = stress.Venue(name="plain", tiers=run.venue.tiers, residual="fund")
    prices = stress.prices.Paths(close, step=run.step)
    return prepare(run.book, venue, prices, fund=math.inf, detail="paths")


def crowd_of(run: Any) -> baselines.Crowd:
    """The book of a run with the engine's own levels, as the baselines take it."""
    level, bankruptcy = run.levels
    return baselines.crowd(run.book.side, run.book.quantity, level, bankruptcy)


def check(name: str, found: np.ndarray, expected: np.ndarray, scale: float) -> None:
    """Refuse a baseline whose D* is not the engine's, to rounding."""
    if not np.allclose(found, expected, rtol=1e-9, atol=1e-12 * scale):
        raise AssertionError(f"{name}: D* is off by up to {np.abs(found - expected).max():.3g} USD")


def measure(traders: int, paths: dict[str, int], threads: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each baseline and one for the engine.

    Parameters
    ----------
    traders : int
    paths : dict of str to int
        For the engine and each baseline, as many as it can work in some seconds.
    threads, rounds : int
    """
    run = plain_run(traders, max(paths.values()))
    close, of = run.prices.close, crowd_of(run)
    expected = market.work(run, threads).paths["net_loss_peak"].to_numpy()

    def row(name: str, words: str, workers: int, n: int, *timed: Any) -> dict[str, Any]:
        seconds = median_seconds(rounds, *timed, warm=False)  # checking has warmed it
        return {
            "name": name,
            "words": words,
            "threads": workers,
            "traders": len(run.book),
            "paths": n,
            "steps": run.n_steps,
            "seconds": seconds,
            "position_steps_per_s": len(run.book) * n * run.n_steps / seconds,
        }

    rows = [row("engine", "this engine, the same task", threads, run.n_paths, market.work, run, threads)]
    numba.set_num_threads(threads)
    for name, words in WORDS.items():
        try:
            call = baselines.make_scan() if name == "scan" else getattr(baselines, name)
        except ImportError:
            rows.append({"name": name, "words": words, "skipped": "JAX is not installed"})
            continue
        mine = close[: paths[name]]
        check(name, call(mine, of), expected[: paths[name]], run.book.open_interest(run.prices.s0))
        rows.append(row(name, words, 1 if name == "vectorised" else threads, len(mine), call, mine, of))
    return rows
