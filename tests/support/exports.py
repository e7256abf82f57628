"""Made-up files as a person exports them: positions of an exchange, bars, tiers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

POSITIONS = """symbol,positionSide,positionAmt,entryPrice,markPrice,isolatedMargin,leverage,user
BTCUSDT,BOTH,2,61000,60012.5,9000,10,a
BTCUSDT,BOTH,-1.5,59000,60012.5,9000,10,b
BTCUSDT,BOTH,-0.4,62000,60012.5,2600,10,c
BTCUSDT,BOTH,0.2,64000,60012.5,20,50,d
ETHUSDT,BOTH,0.2,2000,2100,120,50,d
"""
TIERS = """symbol,min_notional,max_notional,mmr,max_leverage
BTCUSDT,0,50000000,0.01,50
"""


def write_positions(folder: Path, text: str = POSITIONS) -> Path:
    path = folder / "positions.csv"
    path.write_text(text)
    return path


def write_bars(folder: Path, n: int = 400, last: float = 30_000.0) -> Path:
    """Hourly bars whose volatility rises and falls, up to a last close."""
    rng = np.random.default_rng(5)
    sd = 0.006 * (1.5 + np.sin(np.arange(n) / 40.0))
    move = sd * rng.standard_t(4, n)
    close = last * np.exp(np.cumsum(move) - move.sum())
    open_ = np.append(close[0] * np.exp(-move[0]), close[:-1])
    high = np.maximum(open_, close) * np.exp(0.5 * sd * rng.random(n))
    low = np.minimum(open_, close) * np.exp(-0.5 * sd * rng.random(n))
    time = np.datetime64("2024-01-01T00:00") + np.arange(n) * np.timedelta64(60, "m")
    rows = [
        f"{t}Z,{o!r},{h!r},{x!r},{c!r}"
        for t, o, h, x, c in zip(time, *map(np.ndarray.tolist, (open_, high, low, close)), strict=True)
    ]
    path = folder / "bars.csv"
    path.write_text("\n".join(["time,open,high,low,close", *rows]))
    return path


def write_tiers(folder: Path) -> Path:
    path = folder / "tiers.csv"
    path.write_text(TIERS)
    return path
