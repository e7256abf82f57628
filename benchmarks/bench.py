"""Timings of the engine, beside what one would write without it. Ratios from one run on one machine.

    python -m benchmarks.bench                 # prints the tables
    python -m benchmarks.bench --write         # and writes benchmarks/RESULTS.md
    python -m benchmarks.bench --quick         # seconds instead of minutes; the tests run this

Every case checks its answer before it is timed. Work must grow with events, not with traders x steps: the tables show
both axes.
"""

from __future__ import annotations

import argparse
import datetime
import math
import platform
import time
from pathlib import Path

import numpy as np

import stress
from benchmarks.baselines import vectorised_losses
from stress.simulation import prepare

S0 = 60_000.0
SPEC = dict(open_interest=2e9)


def best_of(times: int, call) -> float:
    """Shortest of several timings, seconds."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return min(spent)


def make_book(accounts: int):
    venue = stress.load_venue("binance", market="BTCUSDT")
    spec = stress.PopulationSpec.load("retail", accounts=accounts, **SPEC)
    return stress.Book.sample(spec, venue=venue, price=S0, seed=1), venue


def jumps(steps: int, paths: int, step: float = 60.0):
    """Close prices alone, so that the baseline sees what the engine sees."""
    model = stress.prices.Kou(S0, 0.6, 1000.0, 0.5, 60.0, 50.0)
    close = model.block(7, 0, paths, steps, step)[0]
    return stress.prices.Paths(close, step=step)


def against_numpy(accounts: int, steps: int, paths: int, repeat: int) -> dict:
    """One thread against the vectorised baseline: same D*, time per path."""
    book, venue = make_book(accounts)
    venue = stress.Venue(name="plain", tiers=venue.tiers, residual="fund")
    paths_ = jumps(steps, paths)
    run = prepare(book, venue, paths_, fund=math.inf)
    prices = run.price_block(0, paths)
    got = run.block(0, prices).out["net_loss_peak"]
    liquidation, bankruptcy = run.levels
    few = slice(0, max(1, min(paths, 200_000 // accounts + 2)))
    expected = vectorised_losses(paths_.close[few], book.side, book.quantity, liquidation, bankruptcy)
    np.testing.assert_allclose(got[few], expected, rtol=1e-9, atol=1e-9 * book.open_interest(S0))
    ours = best_of(repeat, lambda: run.block(0, prices)) / paths
    theirs = best_of(
        1, lambda: vectorised_losses(paths_.close[few], book.side, book.quantity, liquidation, bankruptcy)
    ) / len(expected)
    liquidations = run.block(0, prices).out["liquidated_count"].mean()
    return {
        "traders": f"{accounts:,}",
        "steps": f"{steps:,}",
        "liquidations a path": f"{liquidations:,.0f}",
        "engine, us a path": f"{1e6 * ours:,.0f}",
        "numpy, us a path": f"{1e6 * theirs:,.0f}",
        "ratio": f"{theirs / ours:,.0f}",
    }


def quiet_steps(accounts: int, steps: int, paths: int, repeat: int) -> dict:
    """A market in which nobody is liquidated: the cost of a step."""
    book, venue = make_book(accounts)
    close = np.full((paths, steps + 1), S0)
    close[:, 1::2] *= 1 + 1e-9
    run = prepare(
        book, venue, stress.prices.Paths(close), fund=1e9,
        depth=stress.Depth(usd=2.5e8), gap=0, jump_gap=1, seed=0,
    )  # fmt: skip
    prices = run.price_block(0, paths)
    assert run.block(0, prices).out["liquidated_count"].sum() == 0
    spent = best_of(repeat, lambda: run.block(0, prices))
    return {"traders": f"{accounts:,}", "steps": f"{steps:,}", "ns a step": f"{1e9 * spent / paths / steps:.2f}"}


def adl_events(accounts: int, paths: int, repeat: int) -> dict:
    """An empty fund and a crash: every path reaches ADL. Cost of a path with its event, and of one liquidation."""
    book, venue = make_book(accounts)
    crash = stress.prices.Paths(np.tile([S0, 0.8 * S0], (paths, 1)))
    spent, out = {}, {}
    for fund in (0.0, 1e12):
        run = prepare(
            book, venue, crash, fund=fund, depth=stress.Depth(usd=2.5e8), gap=0,
            jump_gap=1, seed=0,
        )  # fmt: skip
        prices = run.price_block(0, paths)
        out[fund] = run.block(0, prices).out
        spent[fund] = best_of(repeat, lambda run=run, prices=prices: run.block(0, prices))
    assert (out[0.0]["adl_events"] > 0).all()
    assert (out[1e12]["adl_events"] == 0).all()
    liquidated = out[1e12]["liquidated_count"].sum()
    return {
        "traders": f"{accounts:,}",
        "ns a liquidation": f"{1e9 * spent[1e12] / liquidated:.0f}",
        "winners hit a path": f"{out[0.0]['adl_count'].mean():,.0f}",
        "us a path without ADL": f"{1e6 * spent[1e12] / paths:,.0f}",
        "us a path with ADL": f"{1e6 * spent[0.0] / paths:,.0f}",
    }


def price_models(steps: int, paths: int, repeat: int) -> list[dict]:
    models = {
        "GBM": stress.prices.GBM(S0, 0.6),
        "Kou": stress.prices.Kou(S0, 0.6, 1000.0, 0.5, 60.0, 50.0),
    }
    rows = []
    for name, model in models.items():
        model.block(1, 0, 2, 2, 60.0)
        spent = best_of(repeat, lambda model=model: model.block(1, 0, paths, steps, 60.0))
        rows.append({"model": name, "ns a step": f"{1e9 * spent / paths / steps:.0f}"})
    return rows


def whole_runs(accounts: int, paths: int, threads: tuple[int, ...]) -> list[dict]:
    """A day of minutes with jumps and finite depth, prices included."""
    book, venue = make_book(accounts)
    model = stress.prices.Kou(S0, 0.6, 1000.0, 0.5, 60.0, 50.0)
    rows, first = [], None
    for n in threads:
        start = time.perf_counter()
        result = stress.simulate(
            book, venue, model, fund=20e6, n_paths=paths, depth=stress.Depth(usd=2.5e8, passthrough=0.5), threads=n
        )
        spent = time.perf_counter() - start
        first = first or spent
        rows.append(
            {
                "traders": f"{accounts:,}",
                "paths": f"{paths:,}",
                "threads": n,
                "liquidations a path": f"{result.paths['liquidated_count'].mean():,.0f}",
                "paths a second": f"{paths / spent:,.0f}",
                "speed-up": f"{first / spent:.2f}",
            }
        )
    return rows


def table(rows: list[dict]) -> str:
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(row[h]) for h in head) + " |" for row in rows])


def report(quick: bool) -> str:
    repeat = 1 if quick else 5
    sizes = [1_000] if quick else [1_000, 10_000, 100_000]
    lengths = [60] if quick else [360, 1_440, 5_760]
    paths = 4 if quick else 100
    middle = sizes[-1] if quick else 10_000
    warm = make_book(1_000)
    stress.simulate(*warm, stress.prices.GBM(S0, 0.6), fund=0.0, n_paths=2, horizon=120.0)
    sections = {
        "Against a vectorised numpy script, one thread, more traders": [
            against_numpy(n, lengths[0] if quick else 1_440, paths, repeat) for n in sizes
        ],
        "Against a vectorised numpy script, one thread, more steps": [
            against_numpy(middle, t, paths, repeat) for t in lengths
        ],
        "A quiet step costs the same whatever the number of traders": [
            quiet_steps(n, lengths[-1], paths, repeat) for n in sizes
        ],
        "Liquidations and ADL": [adl_events(n, paths, repeat) for n in sizes],
        "Prices": price_models(lengths[0], paths, repeat),
        "Whole runs": whole_runs(middle, 20 if quick else 2_000, (1, 2)),
    }
    text = "\n\n".join(f"## {title}\n\n{table(rows)}" for title, rows in sections.items())
    made = f"{datetime.date.today()}, {platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}"
    head = f"# Benchmarks\n\nOne run on one machine ({made}); read the ratios."
    return f"{head} Made by `python -m benchmarks.bench --write`.\n\n{text}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    text = report(given.quick)
    print(text)
    if given.write:
        (Path(__file__).parent / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
