"""Writes the tables of docs/depth.md: which depth passes the crash days and ordinary days, for each population.

`python docs/make_depth.py` from anywhere; it needs the bars and depth files of the folder STRESS_DATA, and takes some
seven minutes on a core. The text of the page outside its marks is written by hand. `--shipped` makes the table of the
shipped settings alone; `--quick` tries a coarser grid on one book and prints the tables instead.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import stress
from stress.analysis.depth_file import read_depth
from stress.analysis.depth_fit import DepthFit, fit_depth
from stress.book.population import MIXES
from stress.prices import Replay, read_bars
from stress.prices.history import windows

PAGE = Path(__file__).with_name("depth.md")
S0, OPEN_INTEREST, ACCOUNTS = 60_000.0, 2e9, 5_000  # USD per coin, USD of one side
DAYS = 500  # most ordinary days
# Seeds of the books that are drawn: what is shipped is shown on books that it was not chosen on.
BOOKS, OTHER_BOOKS = (1, 2, 3, 4, 5), tuple(range(6, 26))
ORDINARY, QUIET = 0.0005, 0.95  # of open interest, on this share of days
NONE_SEEN = 1 - 0.05 ** (1 / DAYS)  # 95 % upper bound of a share of days of which there was none
NEAR = 3.0  # a draw within this factor of the published one is of its order
EXPONENT = 1.1  # of the bids, fitted
WINDOW, FITTED = 1_800.0, (0.067, 1.25)  # seconds; scale and power of the asks on 2025-10-10, an upper bound of depth
FALLS = [{}, *({"scale": scale, "power": power, "window": WINDOW} for scale, power in (FITTED, (0.15, 1.25)))]
GRID: dict[str, list[Any]] = {
    "oi_share": [0.02, 0.03, 0.05, 0.08, 0.12],
    "fall": FALLS,
    "half_life": [300.0, 2_000.0],
    "passthrough": [0.3, 1.0],
}
QUICK = GRID | {"oi_share": [0.02, 0.05, 0.12], "fall": FALLS[:2]}
SEEN = 0.03  # most of open interest that Binance held within 1 %: 0.02, and its error
POPULATIONS = ("retail", "mixed", "institutional")  # of the page; the first is what ships as standard
EXTREME = "extreme"  # liquidated four times as much as any crowd that was measured: one row
SHOWN = 5  # settings of a population


@dataclass(frozen=True)
class Fills:
    """Seconds from trigger to fill, in crashes (bars of a minute) and on ordinary days (of five); 0 is gap 0."""

    name: str
    crash: float
    day: float


AT_ONCE, LATE, *OTHERS = (
    Fills("gap 0", 0.0, 0.0),
    *(Fills(f"{delay} s late", delay, 300.0) for delay in (60, 30, 90, 120, 300)),
)


@dataclass(frozen=True)
class Target:
    """A published draw on the fund, shares of open interest: between `low` and `high`; `low` 0: at most `high`."""

    name: str
    bars: str
    low: float
    high: float

    def miss(self, draw: float) -> float:
        """By which factor a draw is outside, 1 if it is inside."""
        if draw > self.high:
            return draw / self.high
        return self.low / max(draw, 1e-6) if draw < self.low else 1.0


@dataclass(frozen=True)
class VenueClass:
    """A class of venues, and what its funds paid; `rival`: replaces figures of the setting, is shown beside it."""

    setting: str
    venue: str
    market: str
    targets: tuple[Target, ...]
    rival: dict[str, Any]


CLASSES = (
    VenueClass("binance-like", "binance", "BTCUSDT", (
        Target("2020-03-12", "crash_1m/BTCUSDT-perp-1m-2020-03-12.csv", 0.011, 0.011),
        Target("2020-03-13", "crash_1m/BTCUSDT-perp-1m-2020-03-13.csv", 0.029, 0.029),
        Target("2025-10-10", "crash_1m/BTCUSDT-perp-1m-2025-10-10.csv", 0.0, 0.0125),
    ), {"oi_share": 0.12, "scale": FITTED[0]}),
    VenueClass("hyperliquid-like", "hyperliquid", "BTC", (
        Target("2025-10-10", "crash_1m/BTCUSDT-perp-1m-2025-10-10.csv", 1.7e6 / 13.8e9, 12.7e6 / 13.8e9),
    ), {"oi_share": 0.08}),
)  # fmt: skip


@dataclass(frozen=True)
class Tried:
    """What a depth does on some books: share of noisy days, open interest liquidated a day, and draws, shares of it."""

    parameters: dict[str, Any] | None
    noisy: float
    liquidated: float
    by_book: np.ndarray  # (books, targets)
    targets: tuple[Target, ...]

    @property
    def draws(self) -> list[float]:
        """Means over the books."""
        return [float(draw) for draw in self.by_book.mean(axis=0)]

    @property
    def misses(self) -> list[float]:
        """Factors by which the draws and the ordinary days are outside."""
        days = [target.miss(draw) for target, draw in zip(self.targets, self.draws, strict=True)]
        return [*days, max(1.0, self.noisy / (1 - QUIET))]

    @property
    def passes(self) -> bool:
        """Whether the draws are of the published order, and ordinary days as quiet as they were."""
        *days, noisy = self.misses
        within = [miss <= (NEAR if target.low > 0 else 1.0) for miss, target in zip(days, self.targets, strict=True)]
        return all(within) and noisy <= 1.0

    @property
    def distance(self) -> float:
        """How far from the targets, in factors of e."""
        return sum(math.log(miss) for miss in self.misses)


@dataclass(frozen=True)
class Markets:
    """Days and crashes that a book is put through."""

    days: Any
    crashes: tuple[Any, ...]


def markets(folder: Path, targets: tuple[Target, ...]) -> Markets:
    """Ordinary days, each a path, and the crashes."""
    history = windows(read_bars(folder / "calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz"), s0=S0).paths
    close, low, high = (np.asarray(a)[-DAYS:] for a in (history.close, history.low, history.high))
    days = stress.prices.Paths(close, step=history.step, low=low, high=high)
    return Markets(days, tuple(Replay(read_bars(folder / target.bars), s0=S0) for target in targets))


def draw_books(mix: str, venue: stress.Venue, seeds: tuple[int, ...]) -> list[stress.Book]:
    spec = stress.PopulationSpec.load(mix, accounts=ACCOUNTS, open_interest=OPEN_INTEREST)
    return [stress.Book.sample(spec, venue=venue, price=S0, seed=seed) for seed in seeds]


def put_through(
    parameters: dict[str, Any] | None,
    books: list[stress.Book],
    venue: stress.Venue,
    market: Markets,
    kind: VenueClass,
    fills: Fills = LATE,
) -> Tried:
    """Days and crashes with one depth on some books; None: infinite depth."""
    depth = None if parameters is None else stress.Depth(**parameters)
    noisy, liquidated, draws = [], [], []
    for book in books:
        settings = dict(fund=math.inf, depth=depth, detail="paths", threads=1)
        days = stress.simulate(book, venue, market.days, delay=fills.day, **settings).paths
        noisy.append((days["net_loss_peak"] / OPEN_INTEREST > ORDINARY).mean())
        liquidated.append(days["liquidated_quantity"].mean() * S0 / OPEN_INTEREST)
        runs = [stress.simulate(book, venue, crash, delay=fills.crash, **settings) for crash in market.crashes]
        draws.append([run.paths["net_loss_peak"].iloc[0] / OPEN_INTEREST for run in runs])
    return Tried(parameters, float(np.mean(noisy)), float(np.mean(liquidated)), np.array(draws), kind.targets)


def settings_of(grid: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of a grid."""
    made = []
    for values in itertools.product(*grid.values()):
        parameters = dict(zip(grid, values, strict=True))
        made.append({"exponent": EXPONENT} | parameters.pop("fall") | parameters)
    return made


def per_cent(share: float) -> str:
    return "0" if share == 0 else f"{100 * share:.2g} %"


def setting_cells(p: dict[str, Any]) -> list[str]:
    """A depth, as the tables say it."""
    fall = f"{p['scale']:g}, {p['power']:g}" if p.get("scale") else "none"
    return [f"{p['oi_share']:g}", fall, f"{p['half_life'] / 60:.0f}", f"{p['passthrough']:g}"]


def row_of(name: str, tried: Tried) -> str:
    """A line of a table."""
    p = tried.parameters
    if p is None:
        cells = [name, "infinite", *["–"] * 3]
    else:
        cells = [name, *setting_cells(p)]
    for draw, of_books in zip(tried.draws, tried.by_book.T, strict=True):
        error = f" ± {per_cent(of_books.std(ddof=1) / len(of_books) ** 0.5)}" if len(of_books) > 1 else ""
        cells.append(f"{per_cent(draw)}{error} ({per_cent(of_books.min())} to {per_cent(of_books.max())})")
    noisy = per_cent(tried.noisy) if tried.noisy else f"0, at most {per_cent(NONE_SEEN)}"
    cells += [noisy, per_cent(tried.liquidated), "yes" if tried.passes else "no"]
    return "| " + " | ".join(cells) + " |"


def header(kind: VenueClass) -> list[str]:
    published = []
    for t in kind.targets:
        order = f"{per_cent(t.low)} to {per_cent(t.high)}" if t.low < t.high else per_cent(t.high)
        published.append(f"{t.name}: {order if t.low else f'at most {100 * t.high:.3g} %'}")
    titles = ["population", "oi_share", "scale, power", "half-life, min", "passthrough", *published]
    titles += [f"days above {per_cent(ORDINARY)}", "liquidated a day", "passes"]
    return ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]


def nearest(found: list[Tried], n: int) -> list[Tried]:
    """The nearest settings; of those that pass, those whose draws are nearest come first."""
    return sorted(found, key=lambda tried: (not tried.passes, tried.distance))[:n]


def shipped(folder: Path, mixes: list[str], seeds: tuple[int, ...]) -> str:
    """The table of the settings that come with the package, on every population."""
    lines: list[str] = []
    for kind in CLASSES:
        venue, market = stress.load_venue(kind.venue, market=kind.market).simplified(), markets(folder, kind.targets)
        lines += ["", f"`{kind.setting}`", "", *header(kind)]
        parameters = stress.Depth.load(kind.setting).describe()
        for mix in dict.fromkeys([*mixes, EXTREME]):
            books = draw_books(mix, venue, seeds)
            rows: list[tuple[Fills, dict[str, Any] | None]] = [(LATE, parameters)]
            if mix == mixes[0]:
                rows += [(fills, parameters) for fills in OTHERS]
            if mix != EXTREME:
                rows += [(AT_ONCE, parameters), (LATE, None), (LATE, parameters | kind.rival)]
            for fills, depth in rows:
                tried = put_through(depth, books, venue, market, kind, fills)
                lines.append(row_of(f"{mix}, {fills.name}", tried))
    return "\n".join(lines).strip()


def is_real(parameters: dict[str, Any]) -> bool:
    """Whether a depth falls, and takes as long to come back as it was seen to."""
    return parameters["half_life"] >= 1_800 and bool(parameters.get("scale"))


def everywhere(grid: dict[str, list[Any]], passing: list[list[bool]]) -> str:
    """The settings that pass on all populations, the one that holds least first: this is shipped."""
    each = zip(settings_of(grid), zip(*passing, strict=True), strict=True)
    found = [p for p, passes in each if all(passes) and is_real(p)]
    return "; ".join(" / ".join(setting_cells(p)) for p in sorted(found, key=lambda p: p["oi_share"])) or "none"


def search(folder: Path, mixes: list[str], seeds: tuple[int, ...], grid: dict[str, list[Any]]) -> str:
    """The table of the nearest settings of every class of venues and population, and how many pass."""
    lines: list[str] = []
    for kind in CLASSES:
        venue, market = stress.load_venue(kind.venue, market=kind.market).simplified(), markets(folder, kind.targets)
        lines += ["", f"`{kind.setting}`, rules of {kind.venue}", "", *header(kind)]
        counts, passing = [], []
        for mix in mixes:
            books = draw_books(mix, venue, seeds)
            found = [put_through(p, books, venue, market, kind) for p in settings_of(grid)]
            passing.append([t.passes for t in found])
            real = [t for t in found if is_real(t.parameters)]
            seen = [t for t in real if t.parameters["oi_share"] <= SEEN]
            groups = {"": (found, SHOWN), ", falling": (real, SHOWN - 2), ", as seen": (seen, 1)}
            for name, (group, n) in groups.items():
                lines += [row_of(f"{mix}{name}", tried) for tried in nearest(group, n)]
            counts.append(
                f"- {mix}: {sum(t.passes for t in found)} of {len(found)} settings pass; "
                f"{sum(t.passes for t in real)} of the {len(real)} whose depth falls and takes half an hour or more to "
                f"come back (*falling*); {sum(t.passes for t in seen)} of the {len(seen)} of these that hold at most "
                f"{per_cent(SEEN)} of open interest (*as seen*)."
            )
            print("\n".join(lines), counts[-1], sep="\n", file=sys.stderr, flush=True)
        counts.append(f"- On every one of these populations pass, of the falling: {everywhere(grid, passing)}.")
        lines += ["", *counts]
    return "\n".join(lines).strip()


def fitted(folder: Path) -> DepthFit:
    """The fit to the depth file of 2025-10-10."""
    file = folder / "depth/binance-perp-BTCUSDT-bookdepth-30s-2025-10-10.csv.gz"
    return fit_depth(read_depth([file]), read_bars(folder / "crash_5m/binance-perp-BTCUSDT-5m-2025-10.csv"))


def fit_table(fit: DepthFit) -> str:
    """What the depth file says."""
    rows = ["| figure | bids | asks |", "|---|---|---|"]
    usd = [f"{fit.usd[side].value / 1e6:.0f} ± {fit.usd[side].se / 1e6:.0f} M USD" for side in ("bids", "asks")]
    exponent = [f"{fit.exponent[side].value:.2f} ± {fit.exponent[side].se:.2f}" for side in ("bids", "asks")]
    rows += [f"| within 1 % | {' | '.join(usd)} |", f"| exponent | {' | '.join(exponent)} |"]
    half = f"{fit.half_life.value / 60:.0f} ± {fit.half_life.se / 60:.0f} min, both sides together"
    rows.append(f"| half-life of a dip | {half} | |")
    cells = []
    for side in ("bids", "asks"):
        fall = fit.falls.get(side)
        if fall is None:
            cells.append("not told")
        else:
            bound = ", upper bound of the depth" if fall.is_bound else ""
            cells.append(
                f"scale {fall.scale.value:.3f} ± {fall.scale.se:.3f}, power {fall.power.value:.1f} ± "
                f"{fall.power.se:.1f} over {fall.window / 60:.0f} min{bound}"
            )
    rows.append(f"| fall | {' | '.join(cells)} |")
    return "\n".join([*rows, "", *(f"- {note}." for note in fit.notes)])


def put(text: str, mark: str, table: str) -> str:
    """A page with the text between two marks replaced."""
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
    new, n = re.subn(pattern, lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text, flags=re.DOTALL)
    assert n == 1, mark
    return new


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a coarser grid on one book; prints the tables")
    parser.add_argument("--shipped", action="store_true", help="only the table of the shipped settings")
    parser.add_argument("--mix", action="append", choices=MIXES, help="these populations instead of those of the page")
    given = parser.parse_args()
    folder = os.environ.get("STRESS_DATA")
    if not folder:
        print("STRESS_DATA names no folder: docs/depth.md is left as it is")
        return 0
    warnings.simplefilter("ignore", stress.BookWarning)
    where, mixes = Path(folder), given.mix or list(POPULATIONS)
    seeds, grid = (BOOKS[:1], QUICK) if given.quick else (BOOKS, GRID)
    tables = {"shipped": shipped(where, mixes, seeds if given.quick else OTHER_BOOKS)}
    if not given.shipped:
        tables |= {"fit": fit_table(fitted(where)), "frontier": search(where, mixes, seeds, grid)}
    if given.quick:
        print("\n\n".join(tables.values()))
        return 0
    page = PAGE.read_text(encoding="utf-8")
    for mark, table in tables.items():
        page = put(page, mark, table)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
