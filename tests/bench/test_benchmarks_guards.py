"""Guards that hold on any machine: counts of events, allocations, growth of memory, and ratios with room to spare.

Times are the shortest of several rounds: other workers of the tests, and other programs, make single rounds longer.
"""

import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

import stress
from stress.bench import cost, market
from stress.bench.clock import median_seconds
from stress.engine.blocks import work_block
from stress.engine.prepare import prepare


def fastest(run, rounds=7):
    """Shortest time in which the paths of a run were worked, seconds: what disturbs a timing makes it longer."""
    work_block([run], 0, run.n_paths)[0]
    return min(median_seconds(1, work_block, [run], 0, run.n_paths, warm=False) for _ in range(rounds))


def even(n, rotation):
    """n numbers spread evenly over (0, 1), the same everywhere."""
    return (np.arange(1, n + 1) * rotation) % 1.0


def fixed_run(paths=40, steps=200, traders=2_000, fund=2e4):
    """A run whose book and prices are arithmetic, so that its counts are the model's and no generator's."""
    side = np.where(np.arange(traders) % 2 == 0, 1.0, -1.0)
    leverage = 2.0 + 98.0 * np.repeat(even(traders // 2, 0.618033988749895), 2) ** 2
    quantity = np.repeat(1.0 + 9.0 * even(traders // 2, 0.414213562373095), 2)
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    book = stress.Book(side, quantity, np.full(traders, 100.0), 100.0 * quantity / leverage)
    moves = 0.01 * (even(paths * steps, 0.7320508075688772).reshape(paths, steps) - 0.5)
    moves[:, steps // 2] += 0.3 * (even(paths, 0.2360679774997896) - 0.5)
    close = 100.0 * np.cumprod(np.hstack([np.ones((paths, 1)), 1.0 + moves]), axis=1)
    depth = stress.Depth(usd=1e7, passthrough=0.5)
    return prepare(book, venue, stress.prices.Paths(close), fund=fund, depth=depth, detail="paths")


EVENTS = {"liquidated_count": 27_370, "depleted": 13, "adl_events": 13, "adl_count": 4_214}


def test_events_of_a_fixed_run():
    run = fixed_run()
    paths = market.work(run).paths
    assert {name: int(paths[name].sum()) for name in EVENTS} == EVENTS
    assert paths["adl_seen"].sum() <= paths["adl_events"].sum() * len(run.book)


def test_a_quiet_step_costs_little_beside_its_price():
    quiet = market.idle(1_000, 500)
    assert (market.work(quiet).paths["liquidated_count"] == 0).all()
    per_step = 1e9 * fastest(quiet) / (quiet.n_paths * quiet.n_steps)
    assert per_step < 4.0 * cost.price_ns(quiet, 5)


@pytest.mark.parametrize("fund", [math.inf, 1e6])
def test_idle_traders_cost_little(fund):
    run = replace(market.load("retail", 1_000, 300), fund=fund)
    crowd = replace(run, book=market.with_idle(run.book, 99_000, run.prices.s0))
    assert fastest(crowd) < 2.0 * fastest(run)


def traced_peak(run):
    """Most bytes held while a run is worked, by Python and numpy."""
    market.work(run)
    tracemalloc.start()
    try:
        market.work(run)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_a_path_knows_no_traders():
    """What one more path takes is its row of figures; what one more trader takes does not grow with the paths."""
    grown = {}
    for traders in (500, 20_000):
        run = replace(market.load("retail", traders, 200), fund=1e6)
        grown[traders] = (traced_peak(replace(run, n_paths=1_200)) - traced_peak(run)) / 1_000
    assert max(grown.values()) < 2_000
    assert grown[20_000] < grown[500] + 500


def allocations(run):
    """How often compiled code asks for memory in a run."""
    market.work(run)
    before = rtsys.get_allocation_stats().alloc
    market.work(run)
    return rtsys.get_allocation_stats().alloc - before


def test_compiled_code_allocates_by_the_path_and_not_by_the_event():
    _nrt_python.memsys_enable_stats()
    try:
        per_path = {}
        for traders in (500, 5_000):
            run = replace(market.load("retail", traders, 100), fund=math.inf)
            per_path[traders] = (allocations(replace(run, n_paths=200)) - allocations(run)) / 100
        assert per_path[500] < 20
        assert per_path[5_000] < per_path[500] + 2
    finally:
        _nrt_python.memsys_disable_stats()
