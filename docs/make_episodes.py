"""Make the waypoint files of stress/prices/episodes/ from bars of the exchanges.

    python docs/make_episodes.py [FOLDER OF THE BARS]

The folder is that of the tests: STRESS_DATA, or ../shared/data beside the repository. An episode whose bars are absent
is left as it is.

A bar of m minutes becomes three points: the two extremes, the high first if the bar fell, and the close. Of all points
those are kept that the straight lines in log price between the kept ones miss most, one after the other, until 150
points are kept (300 figures) or no point is further away than 2e-4.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from stress.prices.bar_file import read_bars  # noqa: E402
from stress.prices.bars import Bars  # noqa: E402

FOLDER = ROOT / "stress" / "prices" / "episodes"
POINTS = 150
CLOSE_ENOUGH = 2e-4


class Plan(NamedTuple):
    """One episode: bars of `file` from `start` up to, not including, `end`."""

    title: str
    market: str
    source: str
    file: str
    start: str
    end: str


PERP = "Binance USDT-M futures, public one-minute klines of the perpetual"
SPOT = "Binance spot, public one-minute klines"
PERP5 = "Binance USDT-M futures, public five-minute klines of the perpetual"
OKX = "OKX, public five-minute candles of the perpetual swap"
PLANS = {
    "2020-03-12-btc": Plan(
        "Black Thursday, first leg: 29 % in half an hour",
        "BTCUSDT", PERP, "crash_1m/BTCUSDT-perp-1m-2020-03-12.csv", "2020-03-12T10:13", "2020-03-12T12:01",
    ),
    "2020-03-13-btc": Plan(
        "Black Thursday, second leg: the lowest price, and 40 % up from it",
        "BTCUSDT", PERP, "crash_1m/BTCUSDT-perp-1m-2020-03-13.csv", "2020-03-13T01:21", "2020-03-13T03:00",
    ),
    "2021-05-19-btc": Plan(
        "China's ban repeated: 40,000 to 30,000 in three hours",
        "BTCUSDT", SPOT, "crash_1m/binance-spot-BTCUSDT-1m-2021-05-19.csv", "2021-05-19T10:00", "2021-05-19T15:00",
    ),
    "2022-05-11-doge": Plan(
        "The end of LUNA, in a small coin",
        "DOGE-USDT-SWAP", OKX, "crash_5m/okx-swap-DOGEUSDT-5m-2022-05-luna.csv", "2022-05-11T09:00", "2022-05-12T00:00",
    ),
    "2022-11-08-btc": Plan(
        "The end of FTX: Bitcoin",
        "BTC-USDT-SWAP", OKX, "crash_5m/okx-swap-BTCUSDT-5m-2022-11-ftx.csv", "2022-11-08T15:00", "2022-11-10T00:00",
    ),
    "2022-11-09-sol": Plan(
        "The end of FTX: Solana, the coin of its books",
        "SOL-USDT-SWAP", OKX, "crash_5m/okx-swap-SOLUSDT-5m-2022-11-ftx.csv", "2022-11-09T09:00", "2022-11-10T00:00",
    ),
    "2025-10-10-btc": Plan(
        "The largest wave of liquidations so far: Bitcoin",
        "BTCUSDT", PERP, "crash_1m/BTCUSDT-perp-1m-2025-10-10.csv", "2025-10-10T20:53", "2025-10-10T22:33",
    ),
    "2025-10-10-sol": Plan(
        "The largest wave of liquidations so far: Solana",
        "SOLUSDT", PERP5, "crash_5m/binance-perp-SOLUSDT-5m-2025-10.csv", "2025-10-10T15:00", "2025-10-11T00:00",
    ),
}  # fmt: skip


def points(bars: Bars, start: str, end: str) -> tuple[np.ndarray, np.ndarray]:
    """Minutes since the start and prices: the first open, then extreme, extreme, close of each bar."""
    inside = (bars.time >= np.datetime64(start)) & (bars.time < np.datetime64(end))
    if any(inside[gap.after] and inside[gap.after + 1] for gap in bars.gaps):
        raise ValueError(f"{bars.source} has gaps between {start} and {end}")
    opens, high, low, close = (a[inside] for a in (bars.open, bars.high, bars.low, bars.close))
    fell = close < opens
    m = bars.step / 60.0
    minutes = (np.arange(close.size)[:, None] + np.array([0.3, 0.7, 1.0])) * m
    prices = np.stack([np.where(fell, high, low), np.where(fell, low, high), close], axis=1)
    return np.append(0.0, minutes.ravel()).round(1), np.append(opens[0], prices.ravel())


def choose(minutes: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Indices of the waypoints, and the largest distance in x (log price) that is left."""
    kept = [0, x.size - 1]
    while True:
        distance = np.abs(x - np.interp(minutes, minutes[kept], x[kept]))
        worst = int(distance.argmax())
        if len(kept) == POINTS or distance[worst] <= CLOSE_ENOUGH:
            return np.array(kept), float(distance[worst])
        kept = sorted([*kept, worst])


def make(plan: Plan, path: Path) -> str:
    """The text of a waypoint file."""
    bars = read_bars(path)
    minutes, price = points(bars, plan.start, plan.end)
    ratio = np.round(price / price[0], 5)
    kept, error = choose(minutes, np.log(ratio))
    cells = [f"[{minutes[i]:g}, {ratio[i]:.5f}]" for i in kept]
    rows = ["  " + ", ".join(cells[i : i + 6]) + "," for i in range(0, len(cells), 6)]
    lines = [
        f'title = "{plan.title}"',
        f'market = "{plan.market}"',
        f'source = "{plan.source}"',
        f'date = "{plan.start[:10]}"',
        f'start = "{plan.start}:00Z"',
        f"price = {float(price[0])!r}  # USD, at the start",
        f"step = {bars.step:g}  # seconds, of the source",
        f"error = {np.ceil(error * 1e5) / 1e5:.5f}  # largest distance of a point of the source, in log price",
        "# minutes since the start, price over the price at the start",
        "waypoints = [",
        *rows,
        "]",
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path) -> list[str]:
    """Write the files whose bars are there; their names."""
    made = []
    for name, plan in PLANS.items():
        path = folder / plan.file
        if path.is_file():
            (FOLDER / f"{name}.toml").write_text(make(plan, path), "utf-8")
            made.append(name)
    return made


if __name__ == "__main__":
    source = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("STRESS_DATA") or ROOT.parent / "shared" / "data"
    done = main(Path(source))
    print("\n".join(f"made {name}" if name in done else f"left {name}: no bars" for name in PLANS))
