"""Small results that tests of pictures and reports share."""

import functools
import warnings
from dataclasses import replace

import numpy as np

import stress
from stress import prices
from stress.venue.depth import Depth

HOSTILE = '<script>alert("x")</script> & $\\frac{1}{2}$'


def crowd(n: int, seed: int = 1, account=None, market: str = "BTCUSDT") -> stress.Book:
    """n positions of set leverage 2 to 60 around 60,000 USD, longs and shorts by turns and of equal quantity."""
    rng = np.random.default_rng(seed)
    side = np.tile([1.0, -1.0], n // 2)
    quantity = np.repeat(rng.lognormal(0.0, 1.5, n // 2), 2)
    entry = 60_000.0 * np.exp(-side * np.abs(rng.normal(0.0, 0.02, n)))  # all in profit
    leverage = np.exp(rng.uniform(np.log(2.0), np.log(60.0), n))
    return stress.Book(side, quantity, entry, quantity * entry / leverage, account=account, market=market)


def kou() -> prices.Kou:
    return prices.Kou(s0=60_000.0, sigma=0.6, intensity=150.0, p_up=0.4, eta_up=30.0, eta_down=20.0)


def depth() -> Depth:
    return Depth(usd=2e7, passthrough=0.5)


def simulate(*arguments, **settings) -> stress.Result:
    """Run without a word on what the book holds that its venue would not allow, or holds outside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stress.BookWarning)
        return stress.simulate(*arguments, **settings)


@functools.cache
def sample(gap: float = 0.0, jump_gap: float = 1.0, fund: float = 3e5, **rules):
    """400 paths, some with deficits and ADL; rules of the venue as given, the others Binance's; names are hostile."""
    book = crowd(600, account=[f"{HOSTILE} {i}" for i in range(600)])
    venue = replace(stress.load_venue("binance", market="BTCUSDT").simplified(), **rules)
    return simulate(
        book, venue, kou(), fund=fund, n_paths=400, horizon=14_400.0,
        depth=depth(), gap=gap, jump_gap=jump_gap, seed=5,
    )  # fmt: skip


@functools.cache
def quiet():
    """Nothing happens, and the fund has no limit."""
    return simulate(
        crowd(100), stress.load_venue("binance", market="BTCUSDT").simplified(), prices.GBM(s0=60_000.0, sigma=0.001),
        fund=np.inf, n_paths=60, horizon=14_400.0, seed=1,
    )  # fmt: skip


@functools.cache
def one_path():
    """A crash, once."""
    close = np.concatenate([np.full(3, 60_000.0), np.linspace(60_000.0, 45_000.0, 8)])[None]
    return simulate(
        crowd(600), stress.load_venue("binance", market="BTCUSDT").simplified(), prices.Paths(close, step=60.0),
        fund=1e5, depth=depth(),
    )  # fmt: skip


@functools.cache
def one_side():
    """Three longs, no winners, losses paid in money: what the fund cannot pay is left unpaid."""
    tier = stress.Tier(floor=0.0, cap=np.inf, max_leverage=100.0, maintenance_rate=0.005)
    venue = stress.Venue(name="x", tiers=(tier,), settlement="profit")
    book = stress.Book(["long"] * 3, [1.0, 2.0, 3.0], [100.0] * 3, [5.0, 20.0, 60.0])
    model = prices.Kou(s0=100.0, sigma=0.8, intensity=300.0, p_up=0.5, eta_up=30.0, eta_down=15.0)
    return simulate(book, venue, model, fund=1.0, n_paths=300, horizon=14_400.0, seed=2)
