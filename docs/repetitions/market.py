"""The synthetic market of the repetitions: the mix extreme under Binance's rules, and Kou's jumps, known exactly."""

from __future__ import annotations

import warnings
from typing import Any

import stress
from stress import prices

S0 = 60_000.0
ACCOUNTS = 2_000
OPEN_INTEREST = 2e8  # USD, one side
HORIZON, STEP = 14_400.0, 300.0  # seconds
JUMPS = {"sigma": 0.5, "intensity": 3_000.0, "p_up": 0.45, "eta_up": 90.0, "eta_down": 75.0}  # some eight a day, 1.2 %
FUND = 4e5  # USD


def model() -> prices.Kou:
    """The price model that is true."""
    return prices.Kou(s0=S0, **JUMPS)


def book(seed: int) -> stress.Book:
    """A crowd, drawn with a seed."""
    traders = stress.PopulationSpec.load("extreme", accounts=ACCOUNTS, open_interest=OPEN_INTEREST)
    return stress.Book.sample(traders, venue=venue(), price=S0, seed=seed)


def venue() -> stress.Venue:
    """Whose rules hold."""
    return stress.load_venue("binance", market="BTCUSDT")


def run(held: stress.Book, n_paths: int, seed: int, **options: Any) -> stress.Result:
    """Paths of this market."""
    depth = stress.Depth(usd=2.5e7, width=0.01, passthrough=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        return stress.simulate(
            held, venue(), model(), fund=FUND, n_paths=n_paths, horizon=HORIZON, step=STEP, depth=depth, seed=seed,
            **options,
        )  # fmt: skip
