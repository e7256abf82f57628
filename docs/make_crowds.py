"""Writes docs/crowds.md: `python docs/make_crowds.py`, from anywhere, in two minutes.

Needs bars of BTC in the folder that STRESS_DATA names (its README says what is in it): five-minute bars of 2023-24 and
hourly bars of 2017-22. The days of 2018 to 2020 stand for the years of the published figures.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import stress
from stress.analysis import crowds
from stress.book.anchors import LIQUIDATION_A_DAY, OPENED
from stress.book.population import FOLDER, MIXES, title
from stress.cli.terminal import crowd_figure
from stress.formatting import percent, significant
from stress.prices import Paths, read_bars
from stress.prices.history import windows

PAGE = Path(__file__).with_name("crowds.md")
RECENT = "calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz"
PAST = "calibration/binance-spot-BTCUSDT-1h-2017-2022.csv.gz"
ACCOUNTS, OPEN_INTEREST, BOOKS = 5_000, 2e9, 10
FITTED = ("retail", "mixed")  # whose buffer_share is fitted
GRID = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
TARGET = "both sides liquidated a day, of one-sided OI"

INTRO = """\
# Crowds

Made by `python docs/make_crowds.py`; change that, not this page. `perp-stress crowds [MIX]` prints such tables for
any mix and any bars.

## What is held against what

The figure that decides most is forced liquidation a day. Cheng, Deng, Wang and Yu (arXiv 2102.04591, abstract)
measured on BitMEX "daily forced liquidations to outstanding futures" of 3.51 % for longs and 1.89 % for shorts. Every
outstanding contract has a long and a short, so each is a share of the open interest (OI) of one side; both together
are 5.40 % of it. (3.51 and 1.89 are the means of two sides. Read as a mean and a standard deviation they would bound
the total by 1.6 and 5.4 %.) Here: coins of positions that a day liquidates, over the coins of one side. Every report
shows it, by side, with its error.

Two differences remain. A run's book is closed: nobody enters, so it runs out of weak positions, and a position that
is opened and liquidated on the same day is in BitMEX's figure and not in ours. And nobody leaves or adds margin in
time, which acts the other way.

## Who is left at a moment

Positions that are opened at a steady rate and closed after an exponential time have, at a random moment, an
exponential age of the same mean: the length bias of long lives and the cut in the middle of them cancel, since the
exponential has no memory. Of these the liquidated are gone. A position at leverage L, of which a move d away
liquidates, has survived with probability 1 - exp(-d sqrt(2 / h) / sigma), h the mean holding time and sigma the
volatility.

Entries have always been drawn this way, and were right given the leverage. The leverages were not, where their
weights are those of trades: an account whose entry did not survive drew another entry and kept its leverage. With
`leverage_at = "opening"` it draws leverage and buffer again too (rejection sampling, exact): the book holds as many
positions of each leverage as have survived. `"now"` (the default) is for weights of a snapshot, such as
Hyperliquid's.
"""

WHAT_FAILS = """\
## What does not fit

- **BitMEX's leverage and BitMEX's liquidations.** A mean of 22x to 30x by size and a liquidation of 2 to 4 % of a
  side a day are not both true of positions that wait for their end: a position at 25x dies of a move of 3.5 %, and on
  a quarter of the days of 2018 to 2020 the price fell by as much, on another quarter it rose. Traders close and add
  margin before; the model has neither. The presets follow the liquidations, and stay a factor of five below that
  leverage.
- **Longs and shorts.** BitMEX's longs were liquidated 1.9 times as much as its shorts. The presets do not have that
  asymmetry: leverage does not depend on the side here.
- **The ten largest.** 46 % is the share among winners of one day, over all coins, on Hyperliquid. `retail` and
  `mixed` cap an account at 2 % of a side, so ten hold at most 20 %.
- **Entries.** No published distances or holding times were found; holding times are assumed.
- **A buffer is one law with three parameters, and one figure.** Median and spread are chosen; only the share of
  accounts that hold one is fitted.

## What moved, and the crowd of before

`retail` took the leverage of trades for that of open positions, and margin for the initial one. It is kept,
unchanged, as the mix `extreme`; on any mix the same is `leverage_at = "now"`, `buffer_share = 0`. `mixed` of before
is `mixed` with `buffer_share = 0`. `institutional` of before has

```toml
[population]
mix = "institutional"
leverage = { 1 = 0.14, 2 = 0.22, 3 = 0.08, 4 = 0.16, 5 = 0.24, 10 = 0.11, 20 = 0.05 }
```

whose set leverage matched Hyperliquid's classes; now the effective leverage of the drawn book does. The seed of the
crowd was that of the run; it is `[population] seed`, 1 by default.
"""


def main() -> None:
    """Write the page, or say what is missing."""
    folder = os.environ.get("STRESS_DATA", "")
    missing = [name for name in (RECENT, PAST) if not (Path(folder) / name).is_file()]
    if not folder or missing:
        sys.exit(f"STRESS_DATA must name a folder with {', '.join(missing or (RECENT, PAST))}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        PAGE.write_text(render(Path(folder)), encoding="utf-8")


def render(folder: Path) -> str:
    """The page."""
    venue = stress.load_venue("binance", market="BTCUSDT").simplified()
    recent, past = days_of(folder / RECENT), days_of(folder / PAST, (2018, 2020))
    days = {
        "diffusion, 50 % a year": crowds.diffusion(0.5),
        "diffusion, 80 % a year": crowds.diffusion(0.8),
        f"{recent.n_paths:,} days of 2023-24 (5 min)": recent,
        f"{past.n_paths:,} days of 2018-20 (1 h)": past,
    }
    parts = [INTRO, survivors(venue), "## The presets\n", setting(), liquidations(venue, days), fits(venue, past)]
    for mix in MIXES:
        found = crowds.against_anchors(spec_of(mix), venue, books=BOOKS)
        parts += [f"### {mix}\n", f"{title(mix)}.\n", figures(found)]
    return "\n".join([*parts, WHAT_FAILS])


def days_of(file: Path, years: tuple[int, int] | None = None) -> Paths:
    """Every whole day of some bars, or of some years, as a path."""
    history = windows(read_bars(file))
    if years is None:
        return history.paths
    year = history.start.astype("datetime64[Y]").astype(int) + 1970
    chosen, p = (year >= years[0]) & (year <= years[1]), history.paths
    return Paths(p.close[chosen], p.step, p.low[chosen], p.high[chosen])


def spec_of(mix: str, **changes: Any) -> stress.PopulationSpec:
    return stress.PopulationSpec.load(mix, accounts=ACCOUNTS, open_interest=OPEN_INTEREST, **changes)


def table(header: list[str], rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, rule, *rows])


def setting() -> str:
    return (
        f"{ACCOUNTS:,} accounts, OI of {OPEN_INTEREST / 1e9:g} bn USD on each side, the tiers of Binance BTCUSDT, "
        f"{BOOKS} redrawn books, infinite depth and fund. ± is one standard error, of books and days together.\n\n"
        "Forced liquidation a day over one-sided OI, longs + shorts = both:\n"
    )


def liquidations(venue: stress.Venue, days: dict[str, Any]) -> str:
    """Liquidation a day of every mix on every set of days."""
    said = " + ".join(percent(float(LIQUIDATION_A_DAY[side].value or 0)) for side in ("long", "short"))
    both = float(LIQUIDATION_A_DAY["both"].value or 0)
    rows = [["**published, BitMEX**", *[f"{said} = {percent(both)}"] * len(days)]]
    for mix in MIXES:
        cells = []
        for prices in days.values():
            found = crowds.liquidation_on(prices, spec_of(mix), venue, BOOKS)
            long, short, total = found["estimate"]
            error = found["se"].iloc[2]
            cells.append(
                f"{percent(long, 2)} + {percent(short, 2)} = {percent(total, 2)} ± {100 * error:.1f}, "
                f"{significant(total / both, 2)} times"
            )
        rows.append([mix, *cells])
    return table(["crowd", *days], rows)


def fits(venue: stress.Venue, days: Paths) -> str:
    """The share of accounts with a buffer at which liquidation is as published, beside the one that ships."""
    goal = float(LIQUIDATION_A_DAY["both"].value or 0)
    rows = []
    for mix in FITTED:
        found = [crowds.liquidation_on(days, spec_of(mix, buffer_share=float(x)), venue, BOOKS).iloc[2] for x in GRID]
        value, se = (np.array([f[k] for f in found]) for k in ("estimate", "se"))
        share = float(np.interp(-goal, -value, GRID))
        slope = float(np.interp(share, GRID, np.gradient(value, GRID)))
        error = float(np.interp(share, GRID, se)) / abs(slope)
        rows.append([mix, f"{share:.2f} ± {error:.2f}", f"{spec_of(mix).buffer_share:g}"])
    text = (
        f"`buffer_share` at which the days of 2018-20 liquidate {percent(goal)} of one-sided OI, given the other two:\n"
    )
    return "\n".join([text, table(["crowd", "fitted", "shipped"], rows)])


def figures(found: pd.DataFrame) -> str:
    """What a crowd is, beside the published figures."""
    rows = []
    for r in found.itertuples():
        published = "–" if r.published != r.published else crowd_figure(r.published, r.unit)
        times = "–" if r.published != r.published else f"{significant(r.estimate / r.published, 2)} times"
        rows.append(
            [r.figure, f"{crowd_figure(r.estimate, r.unit)}", f"{crowd_figure(r.se, r.unit)}", published, times]
        )
        rows[-1].append(r.where)
    return table(["figure", "crowd", "standard error", "published", "crowd is", "where"], rows)


def survivors(venue: stress.Venue) -> str:
    """What is opened and what is open, for the leverage of Binance's trades."""
    rows = []
    opened = spec_of("extreme").leverage
    for label, changes in (
        ("open now, no buffer", {"leverage_at": "opening"}),
        ("open now, `retail`", None),
    ):
        spec = spec_of("extreme", **changes) if changes else spec_of("retail")
        book = stress.Book.sample(spec, venue=venue, price=50_000.0, seed=1)
        set_, q = book.leverage, book.quantity
        rows.append(
            [
                label,
                percent(float((set_ >= 20).mean()), 2),
                percent(float((set_ >= 125).mean()), 2),
                percent(float(q[set_ >= 20].sum() / q.sum()), 2),
            ]
        )
    high = sum(w for leverage, w in opened.items() if leverage >= 20)
    first = ["opened (Binance 2019, by trades)", percent(high, 2), percent(opened[125.0], 2), "–"]
    assert [round(high, 6), opened[125.0]] == [OPENED[0].value, OPENED[1].value], FOLDER
    return table(["positions", "set at 20x or more", "at 125x", "20x or more, by notional"], [first, *rows])


if __name__ == "__main__":
    main()
