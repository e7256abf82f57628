"""Writes docs/delay.md: what a delay and a gap cost on crashes, at bars of several lengths.

From the root, with the folder of history in STRESS_DATA: `python docs/make_delay.py`. Without it the page stays as it
is. The minutes of a crash are put together to longer bars, from every minute on that a bar may begin, so that what a
figure owes to the grid shows too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import stress  # noqa: E402
from stress.prices import Bars, Replay, read_bars  # noqa: E402
from stress.scenario.lateness import cannot_tell  # noqa: E402

PAGE = ROOT / "docs" / "delay.md"
OPEN_INTEREST, ACCOUNTS = 2e9, 5_000
LENGTHS = (1, 5, 15)  # minutes of a bar
DELAYS = (1, 5, 15, 30)  # minutes
SPREAD = np.exp(np.linspace(-np.log(1.5), np.log(1.5), 7))  # delays around one, by a factor of 1.5 either way
CRASHES = {  # file, first minute, minutes
    "2020-03-12": ("BTCUSDT-perp-1m-2020-03-12.csv", 0, 108),
    "2020-03-13": ("BTCUSDT-perp-1m-2020-03-13.csv", 0, 99),
    "2021-05-19": ("binance-spot-BTCUSDT-1m-2021-05-19.csv", 1_440, 1_440),
    "2025-10-10": ("BTCUSDT-perp-1m-2025-10-10.csv", 0, 100),
}


def longer(bars: Bars, minutes: int, first: int, last: int) -> Bars:
    """Bars of so many minutes out of the minutes first .. last - 1."""
    n = (last - first) // minutes

    def cut(column: np.ndarray) -> np.ndarray:
        return np.asarray(column)[first : first + n * minutes].reshape(n, minutes)

    return Bars(
        cut(bars.time)[:, 0], cut(bars.open)[:, 0], cut(bars.high).max(axis=1), cut(bars.low).min(axis=1),
        cut(bars.close)[:, -1], bars.step * minutes,
    )  # fmt: skip


class Crash:
    """A crash, and a retail book at its first price."""

    def __init__(self, folder: Path, file: str, first: int, minutes: int):
        self.bars, self.first, self.last = read_bars(folder / "crash_1m" / file), first, first + minutes
        self.s0 = float(self.bars.close[first])
        self.venue = stress.load_venue("binance", market="BTCUSDT").simplified()
        spec = stress.PopulationSpec.load("retail", accounts=ACCOUNTS, open_interest=OPEN_INTEREST)
        self.book = stress.Book.sample(spec, venue=self.venue, price=self.s0, seed=1)

    def deficits(self, minutes: int, begin: int, **late: float) -> float:
        """Deficits, % of open interest, at bars of so many minutes; the first begins `begin` minutes late."""
        path = Replay(longer(self.bars, minutes, self.first + begin, self.last), s0=self.s0)
        result = stress.simulate(self.book, self.venue, path, fund=np.inf, detail="paths", threads=1, **late)
        return float(100 * result.paths["deficit"][0] / OPEN_INTEREST)

    def over_grids(self, minutes: int, lates: list[dict[str, float]]) -> np.ndarray:
        """Deficits from every minute on that a bar may begin, for each fill; in % of open interest."""
        return np.array([self.deficits(minutes, begin, **late) for begin in range(minutes) for late in lates])


def around(minutes: float) -> list[dict[str, float]]:
    return [{"delay": 60.0 * minutes * factor} for factor in SPREAD]


def apart(values: list[float]) -> str:
    """How many times the largest is the smallest."""
    return f"{max(values) / min(values):.2f}" if min(values) > 0 else "–"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def one_grid(crash: Crash) -> str:
    """One crash, bars from its first minute on."""
    fills = {"gap 1": {"gap": 1.0}, **{f"{d} min late": {"delay": 60.0 * d} for d in DELAYS}}
    rows = []
    for name, late in fills.items():
        found = [crash.deficits(length, 0, **late) for length in LENGTHS]
        delay = late.get("delay", np.inf)
        blind = [cannot_tell(delay, 60.0 * length) for length in LENGTHS]
        cells = [f"{x:.2f}" + (" *" if b else "") for x, b in zip(found, blind, strict=True)]
        told = [x for x, length in zip(found, LENGTHS, strict=True) if delay >= 60.0 * length]
        rows.append([name, *cells, apart(told) if len(told) > 1 else "–"])
    return table(["fill", *(f"{length} min" for length in LENGTHS), "times apart"], rows)


def all_grids(crashes: dict[str, Crash]) -> dict[str, str]:
    """All crashes, over the grids and over delays around each: the table, and how far its rows are apart."""
    fills = {"gap 1": [{"gap": 1.0}], **{f"about {d} min late": around(d) for d in DELAYS[1:]}}
    rows = []
    ratios: dict[str, list[float]] = {"gap": [], "two": [], "one": []}
    for day, crash in crashes.items():
        for name, lates in fills.items():
            found = [crash.over_grids(length, lates) for length in LENGTHS]
            means = [float(x.mean()) for x in found]
            cells = [f"{x.mean():.2f} ({x.std():.2f})" for x in found]
            rows.append([day, name, *cells, apart(means[:2]), apart(means)])
            short, all_of = max(means[:2]) / min(means[:2]), max(means) / min(means)
            if name == "gap 1":
                ratios["gap"].append(all_of)
            elif "30" in name:
                ratios["two"].append(all_of)
            elif "15" in name:
                ratios["two"].append(short)
                ratios["one"].append(all_of)
            else:
                ratios["one"].append(short)
    head = ["crash", "fill", *(f"{x} min (sd)" for x in LENGTHS), "1 and 5 min apart", "all apart"]
    said = {name: f"{np.median(x):.2f} in the median, {max(x):.2f} at most" for name, x in ratios.items()}
    return {"all": table(head, rows)} | said


TEXT = """\
# Delay: how late a fill is

Made by `python docs/make_delay.py` from files that are not in the repository.

A position is liquidated from a price y that is worse than the price x at which it was met. `gap` makes y a share of the
move of the step, so what it costs hangs on how long a step is. `delay` makes y the price some seconds later, on
whatever step that is ([model](model.md), section 4). Below: bitcoin in four crashes, a retail book of 2 bn USD of open
interest a side and {accounts} accounts, infinite depth, the minutes put together to longer bars. Deficits in % of open
interest.

## One crash, one grid

2021-05-19 from midnight, bars that begin with the first minute. *Times apart* compares the bars that are not longer
than the delay. A star: the bars cannot tell (the delay is below half a bar).

{grid}

At a gap of 1 the answer grows with the bar. At a delay it does not, but one grid of one crash is still noisy: the price
fell and came back within minutes, so a fill some minutes earlier or later costs twice as much or half, and a bar does
not hold the minute of its low.

## Four crashes, all grids

The mean, and in brackets the standard deviation, over every minute at which the bars may begin and over seven delays
within a factor of 1.5 of the one named, as the delays of an engine scatter.

{all}

How many times the largest of a row is the smallest:

- **a delay of two bars or more** (30 min, and 15 min at bars of 1 and 5): {two};
- **a delay of one bar** (15 min at bars up to 15, 5 min at bars up to 5): {one};
- **a gap of 1**: {gap}.

So the answer at a delay of two bars or more hangs little on the bars, at a delay of one bar more than that, and at a
gap far more. The course inside a bar is a straight line in log price over its low and high, at one speed: that makes a
sudden fall slower than it was, and puts the low at another minute. A delay below half a bar is marked: *these bars
cannot tell*. What it costs is the shape of the line.

## Which delay

No venue publishes it. So where bars of a history are run (`replay`, `episode`, `bootstrap`), whose moves hold no jumps,
and a scenario says neither `gap` nor `delay`, the run is made at 1 s, 10 s, 1 min and 5 min, and its answer is the
range over them: an engine at work, a busy one, an overloaded one, and one that is down for a while. `[run] delays`
states others. The cost of a delay does not grow with it for ever, since prices come back: the range is that of the
smallest and the largest answer, whatever the delays. Who is hit is shown at the longest.
"""


def main() -> int:
    folder = Path(os.environ.get("STRESS_DATA", ""))
    if not os.environ.get("STRESS_DATA") or not (folder / "crash_1m").is_dir():
        print(f"{PAGE.name} stays: no folder of history in STRESS_DATA")
        return 0
    crashes = {day: Crash(folder, *where) for day, where in CRASHES.items()}
    page = TEXT.format(accounts=f"{ACCOUNTS:,}", grid=one_grid(crashes["2021-05-19"]), **all_grids(crashes))
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
