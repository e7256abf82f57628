"""Writes docs/history.md: crashes and ordinary days of the past against what the tool says of them.

`python docs/make_history.py` from anywhere; it needs the bars of the folder STRESS_DATA, and takes some ten minutes.
"""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import stress
from stress import formatting
from stress.analysis.backtest import Backtest, backtest
from stress.engine.prepare import prepare
from stress.prices import Replay, read_bars
from stress.prices.bars import Bars
from stress.prices.calibration.fitters import FITTERS
from stress.prices.history import windows

PAGE = Path(__file__).with_name("history.md")
ROOT = PAGE.parents[1]
S0, OPEN_INTEREST, ACCOUNTS = 100.0, 2e9, 5_000  # USD per coin, USD of one side
CROWD, SETTING = "retail", "binance-like"  # what ships, and what the quickstart takes
BOOKS = (1, 2, 3, 4, 5)  # seeds of the crowd
DELAYS = (10.0, 60.0, 300.0)
ALPHAS = (0.05, 0.01, 0.001)
MODELS = ("filtered-bootstrap", "hawkes-jumps", "tail-jumps")
PATHS = 5_000
NAMED = 3  # worst days of each test

INTRO = """\
# History

Made by `python docs/make_history.py` from bars that are not in the repository; change that, not this page.

A model of risk that a known crash refutes is wrong, however exact its arithmetic. Here the shipped inputs are held
against crashes whose outcome is known, and sized funds against days that they were not fitted to, misses included.
"""
CRASHES_INTRO = f"""\
## Crashes

The bars of the crash replayed against a fresh book of the `{CROWD}` crowd ({ACCOUNTS:,} accounts, Binance's rules),
with the depth `{SETTING}`, at several delays from trigger to fill. Draws on the fund (peak of the net loss) as shares
of the open interest of one side: the mean of {len(BOOKS)} books, and the least and the most of them. Published draws
are of one venue each, and their open interest is known to one digit or so.
"""
CRASHES_NOTES = """\
What to make of it:

- Prices of a crash hold the impact of that day's liquidations; with finite depth it comes on top, so draws are too
  large by that. Infinite depth leaves it out, and leaves out what this venue adds.
- From book to book draws move by a factor of ten and more: which large account stands where decides. One replay is
  one draw of that.
- The two files of 2020 begin in the middle of the fall, with a fresh book that has not lost its weakest positions
  yet.
- A delay of 5 minutes for a whole crash is an engine that is overloaded all the while.
"""
TESTS_INTRO = f"""\
## Days of a history against the fund

A model is fitted to the first half of the bars, a fund is sized for a day, and every day of the second half is played
against the same book (`perp-stress backtest`): how many took more than the fund, and how many should have. Infinite
depth, so that prices alone are judged; {PATHS:,} paths. The p-value is that of the exact binomial law, beside
Kupiec's and Christoffersen's. Fills are 5 minutes late with bars of 5 minutes and half an hour late with bars of an
hour: with hourly bars no shorter delay can be told.
"""
WORTH_INTRO = """\
## What wicks, clusters and depth are worth

The days of a history as they are, with lows and highs cut down to open and close, and with whole bars in random
order; the fund that one day in a hundred takes, and its 95 % interval. Closes alone ask for less and independent
moves for another amount: two errors that may cancel in a figure and do not in a model. Infinite depth.
"""
DEPTH_INTRO = f"""\
And the same days, as they are, with other depths within 1 % of the price (linear, half of it back in 5 minutes, half
of the displacement in the mark), as shares of the open interest of one side, and with `{SETTING}`:
"""
ERRORS_INTRO = """\
## The whole error of the quickstart

`perp-stress run examples/quickstart.toml --error full`: what the interval of each figure is if paths, crowd or
calibration alone were uncertain, and all together. The errors of the calibration are the standard errors of its
parameters, drawn independently: an approximation.
"""
DAYS_INTRO = """\
## Days on which the tool would have been wrong

The worst windows of each second half, from any full hour, that took more than the 0.1 % fund of the model (or, where
the paths give no such fund, than its lower bound), for each model:
"""


@dataclass(frozen=True)
class Crash:
    """A crash, its bars, and what a fund paid; None: not published."""

    name: str
    bars: str
    published: str


CRASHES = (
    Crash("2020-03-12, BTC", "crash_1m/BTCUSDT-perp-1m-2020-03-12.csv", "1.1 % (BitMEX: 1,627 XBT, secondary)"),
    Crash("2020-03-13, BTC", "crash_1m/BTCUSDT-perp-1m-2020-03-13.csv", "2.9 % (BitMEX: 2,606 XBT, secondary)"),
    Crash("2021-05-19, BTC", "crash_1m/binance-spot-BTCUSDT-1m-2021-05-19.csv", "not published"),
    Crash(
        "2025-10-10, BTC", "crash_1m/BTCUSDT-perp-1m-2025-10-10.csv",
        "at most 1.25 % (Binance, pool of BTC, ETH, BNB), 0.01 to 0.09 % (Hyperliquid, all coins)",
    ),
    Crash("2025-10-10, SOL", "crash_5m/binance-perp-SOLUSDT-5m-2025-10.csv", "not published"),
    Crash("2022-05, DOGE", "crash_5m/okx-swap-DOGEUSDT-5m-2022-05-luna.csv", "not published"),
    Crash("2022-11, SOL", "crash_5m/okx-swap-SOLUSDT-5m-2022-11-ftx.csv", "not published"),
)  # fmt: skip
HISTORIES = (
    ("BTC 5 min, 2023-24", "calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz", 300.0),
    ("BTC 1 h, 2017-22", "calibration/binance-spot-BTCUSDT-1h-2017-2022.csv.gz", 1_800.0),
    ("DOGE 1 h, 2022-26", "calibration/okx-mark-DOGEUSDT-1h-2022-2026.csv.gz", 1_800.0),
)


def share(x: float) -> str:
    return formatting.percent(x, 2).replace(formatting.SPACE, " ") if x > 0 else "0"


def money(x: float) -> str:
    return formatting.usd(x).replace(formatting.SPACE, " ")


def table(head: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


def venue_and_books() -> tuple[stress.Venue, list[stress.Book]]:
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    spec = stress.PopulationSpec.load(CROWD, accounts=ACCOUNTS, open_interest=OPEN_INTEREST)
    return venue, [stress.Book.sample(spec, venue=venue, price=S0, seed=seed) for seed in BOOKS]


def crashes(folder: Path) -> str:
    """Draws of the crashes, published and simulated."""
    venue, books = venue_and_books()
    rows = []
    for crash in CRASHES:
        bars = read_bars(folder / crash.bars)
        prices = Replay(bars, s0=S0, gaps="jump")
        low, high = bars.low.min() / bars.open[0] - 1, bars.high.max() / bars.open[0] - 1
        for name, depth in (("infinite", None), (SETTING, stress.Depth.load(SETTING))):
            cells = []
            for delay in DELAYS:
                runs = [
                    stress.simulate(book, venue, prices, fund=float("inf"), depth=depth, delay=delay, detail="paths")
                    for book in books
                ]
                draws = [float(run.paths["net_loss_peak"].iloc[0]) / OPEN_INTEREST for run in runs]
                blind = " \\*" if delay < 0.5 * bars.step else ""
                cells.append(f"{share(np.mean(draws))} ({share(min(draws))} to {share(max(draws))}){blind}")
            first = name == "infinite"
            moves = f"{100 * low:+.0f} %, {100 * high:+.0f} %" if first else ""
            rows.append([crash.name if first else "", moves, crash.published if first else "", name, *cells])
    late = [f"{formatting.duration(delay)} late".replace(formatting.SPACE, " ") for delay in DELAYS]
    found = table(["crash", "lowest, highest", "published draw", "depth", *late], rows)
    return found + "\n\\* The bars cannot tell: the delay is below half of a bar.\n"


def tests(folder: Path) -> tuple[str, str]:
    """Funds against the days of the other half, and the days that were beyond."""
    venue, books = venue_and_books()
    rows: list[list[str]] = []
    named: list[str] = []
    for name, file, delay in HISTORIES:
        bars = read_bars(folder / file)
        half = len(bars) // 2
        first, second = bars.part(0, half), bars.part(half, len(bars))
        for kind in MODELS:
            try:
                found = held(first, second, kind, venue, books[0], delay)
            except stress.InputError as error:
                rows.append([name, kind, "not fitted: " + str(error).replace("\n", "; "), *[""] * 7])
                continue
            print(name, kind, file=sys.stderr, flush=True)
            for r in found.funds.to_dict("records"):
                p_values = ["–" if r[k] != r[k] else f"{r[k]:.2g}" for k in ("exact", "kupiec", "christoffersen")]
                fund = ("at least " if r["note"] else "") + money(r["fund"])
                days = f"{r['observed']} ({formatting.significant(r['expected'])})"
                rows.append([name, kind, share(r["alpha"]), fund, f"{r['days']}", days, *p_values, r["verdict"]])
            limit = float(found.funds["fund"].iloc[-1])
            beyond = found.worst[found.worst["needed"] > limit].head(NAMED)
            days_named = ", ".join(
                f"{str(r['start'])[:10]} ({100 * r['lowest']:+.0f} %, {100 * r['highest']:+.0f} %: "
                f"{money(r['needed'])})"
                for r in beyond.to_dict("records")
            )
            count = int((found.worst["needed"] > limit).sum())
            more = f", and {count - len(beyond)} more" if count > len(beyond) else ""
            named.append(f"- {name}, {kind}, fund {money(limit)}: {days_named + more if count else 'none'}.")
    head = ["bars", "model", "probability", "fund", "days", "above (expected)", "binomial p", "Kupiec p"]
    return table([*head, "Christoffersen p", "verdict"], rows), "\n".join(named) + "\n"


def without_wicks(bars: Bars) -> Bars:
    """Lows and highs cut down to the ends of the bar."""
    ends = bars.open, bars.close
    return replace(bars, low=np.minimum(*ends), high=np.maximum(*ends))


def shuffled(bars: Bars, seed: int = 1) -> Bars:
    """Whole bars in random order, each from the close of the one before."""
    before = np.append(bars.open[0], bars.close[:-1])
    order = np.random.default_rng(seed).permutation(len(bars))
    moves = {name: (getattr(bars, name) / before)[order] for name in ("open", "low", "high", "close")}
    close = bars.open[0] * np.cumprod(moves["close"])
    start = np.append(bars.open[0], close[:-1])
    prices = {name: start * ratio for name, ratio in moves.items() if name != "close"}
    low, high = np.minimum(prices["low"], close), np.maximum(prices["high"], close)
    time = bars.time[0] + np.arange(len(bars)) * np.timedelta64(round(bars.step * 1e9), "ns")
    return Bars(time, np.clip(prices["open"], low, high), high, low, close, bars.step, source=bars.source)


def worth(folder: Path) -> tuple[str, str]:
    """Funds of the days of a history: as they are and otherwise, and at several depths."""
    venue, books = venue_and_books()
    rows = []
    for name, file, delay in HISTORIES:
        bars = read_bars(folder / file)
        for word, variant in (
            ("as they are", bars), ("without wicks", without_wicks(bars)), ("in random order", shuffled(bars)),
        ):  # fmt: skip
            days = windows(variant, s0=S0).paths
            cells = []
            for fills in ({"gap": 1.0}, {"delay": delay}):
                run = stress.simulate(books[0], venue, days, fund=0.0, detail="paths", **fills)
                cells.append(interval(run.required_fund(0.01)))
            rows.append([name if word == "as they are" else "", word, *cells])
    first = table(["bars", "days", "gap 1", "late, as below"], rows)
    days = windows(read_bars(folder / HISTORIES[1][1]), s0=S0).paths
    depths = [("infinite", None)]
    depths += [(share(x), stress.Depth(oi_share=x, passthrough=0.5)) for x in (0.125, 0.05, 0.02)]
    depths += [(SETTING, stress.Depth.load(SETTING))]
    rows = [
        [word, *(
            interval(
                stress.simulate(
                    books[0], venue, days, fund=0.0, depth=depth, gap=gap, detail="paths"
                ).required_fund(0.01)
            )
            for gap in (0.0, 0.5)
        )]
        for word, depth in depths
    ]  # fmt: skip
    return first, table([f"depth, {HISTORIES[1][0]}", "gap 0", "gap 0.5"], rows)


def interval(found: stress.Estimate) -> str:
    return f"{money(found.value)} ({formatting.usd_range(found.low, found.high)})".replace(formatting.SPACE, " ")


def errors() -> str:
    """The budget of the quickstart."""
    record = stress.run(ROOT / "examples" / "quickstart.toml", ["run.error=full"])
    assert record.budget is not None
    rows = []
    for r in record.budget.to_dict("records"):
        fund = r["alpha"] == r["alpha"]
        name = f"fund for {share(r['alpha'])}" if fund else f"depleted with {money(record.fund)}"
        ends = (formatting.usd_range if fund else formatting.percent_range)(r["low"], r["high"])
        of = "" if r["share"] != r["share"] else f"{100 * r['share']:.0f} %"
        rows.append([name if r["part"] == "paths" else "", r["part"], ends.replace(formatting.SPACE, " "), of])
    return table(["figure", "part", "95 % interval", "share of the variance"], rows)


def held(first: Bars, second: Bars, kind: str, venue: stress.Venue, book: stress.Book, delay: float) -> Backtest:
    """A model of the first half against the days of the second."""
    prices = FITTERS[kind](first).model(first, S0)
    design = prepare(
        book, venue, prices, fund=0.0, n_paths=PATHS, step=first.step, delay=delay, jump_gap=1.0, seed=7, detail="paths"
    )
    return backtest(design, second, ALPHAS)


def main() -> int:
    folder = os.environ.get("STRESS_DATA")
    if not folder:
        print("STRESS_DATA names no folder: docs/history.md is left as it is")
        return 0
    warnings.simplefilter("ignore")
    of_days, named = tests(Path(folder))
    of_bars, of_depths = worth(Path(folder))
    parts = [INTRO, CRASHES_INTRO, crashes(Path(folder)), CRASHES_NOTES, TESTS_INTRO, of_days, DAYS_INTRO, named]
    parts += [WORTH_INTRO, of_bars, DEPTH_INTRO, of_depths, ERRORS_INTRO, errors()]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
