"""Writes the tables of 24 h windows into docs/prices.md: `python docs/make_days.py [FOLDER]`, in some three minutes.

The folder is that of the tests: STRESS_DATA, or ../shared/data beside the repository.
"""

from __future__ import annotations

import math
import os
import re
import sys
from pathlib import Path

import numpy as np

from stress.prices import Bars, read_bars
from stress.prices.base import DAY, PriceBlock
from stress.prices.calibration.fitters import FITTERS
from stress.prices.history import windows

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("prices.md")
HISTORIES = {
    "BTC 5m 2023-24": "binance-perp-BTCUSDT-5m-2023-2024",
    "BTC 1h 2017-22": "binance-spot-BTCUSDT-1h-2017-2022",
    "DOGE 1h 2022-26": "okx-mark-DOGEUSDT-1h-2022-2026",
}
UNSEEN = {  # by which nothing in the models was chosen
    "SOL 1h 2020-22": "binance-spot-SOLUSDT-1h-2017-2022",
    "ETH 5m 2025": "hyperliquid-perp-ETH-5m-2025",
    "HYPE 5m 2025": "hyperliquid-perp-HYPE-5m-2025",
}
MODELS = {"filtered-bootstrap": True, "gjr-garch": False}  # whether by halves, and on the unseen, too
LEVELS = (0.03, 0.05, 0.1, 0.2)
N_PATHS, SEED, PERIODS = 12_000, 1, 25


def beyond(block: PriceBlock) -> np.ndarray:
    """Whether the low, and the high, of each path is beyond each level, bool[paths, 8]."""
    low, high = block.low.min(axis=1), block.high.max(axis=1)
    return np.column_stack([*(low < 1.0 - x for x in LEVELS), *(high > 1.0 + x for x in LEVELS)])


def seen(bars: Bars) -> list[tuple[float, float, float]]:
    """Share of the 24 h windows, by the hour, its error over periods, and the upper bound of none in so many days."""
    found = beyond(windows(bars, stride=3_600.0, s0=1.0).paths)
    shares = np.array([rows.mean(axis=0) for rows in np.array_split(found, PERIODS)])
    bound = -math.log(0.05) / (len(found) / 24)
    return [
        (m, s / math.sqrt(PERIODS), bound) for m, s in zip(found.mean(axis=0), shares.std(axis=0, ddof=1), strict=True)
    ]


def expected(model: str, bars: Bars) -> np.ndarray:
    """Share of simulated days beyond each level, of a fit to the bars."""
    steps = round(DAY / bars.step)
    paths = FITTERS[model](bars).model(bars, s0=1.0)
    blocks = [
        beyond(paths.block(SEED, first, N_PATHS // 12, steps, bars.step)) for first in range(0, N_PATHS, N_PATHS // 12)
    ]
    return np.concatenate(blocks).mean(axis=0)


def cell(observed: tuple[float, float, float], simulated: float) -> str:
    """Seen and simulated, per cent."""
    share, se, bound = (100 * x for x in observed)
    digits = 1 if share >= 10 else 2
    told = f"{share:.{digits}f} ± {se:.{digits}f}" if share > 0 else f"none (< {bound:.1f})"
    of_model = f"{100 * simulated:.{digits}f}" if simulated > 0 else f"none (< {300 / N_PATHS:.2f})"
    return f"{told} / {of_model}"


def table(model: str, folder: Path) -> str:
    """The table of a model."""
    header = ["bars, fit -> test", *(f"{side} {100 * x:g} %" for side in ("low", "high") for x in LEVELS)]
    rows = [header, ["---"] * len(header)]
    for name, file in (HISTORIES | (UNSEEN if MODELS[model] else {})).items():
        bars = read_bars(folder / "calibration" / f"{file}.csv.gz")
        middle = len(bars) // 2
        parts = {"whole": bars}
        if MODELS[model] and name not in UNSEEN:
            parts |= {"1st half": bars.part(0, middle), "2nd half": bars.part(middle, len(bars))}
        simulated = {key: expected(model, of) for key, of in parts.items()}
        for fit, test in (("whole", "whole"), ("1st half", "2nd half"), ("2nd half", "1st half")):
            if fit in parts:
                cells = [cell(o, s) for o, s in zip(seen(parts[test]), simulated[fit], strict=True)]
                rows.append([f"{name}, {fit} -> {test}", *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    source = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("STRESS_DATA") or ROOT.parent / "shared" / "data"
    text = PAGE.read_text(encoding="utf-8")
    for model in MODELS:
        made = table(model, Path(source))
        marks = rf"(<!-- days of {model} -->\n).*?(<!-- /days of {model} -->)"
        text = re.sub(marks, lambda found, made=made: f"{found[1]}{made}{found[2]}", text, flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
