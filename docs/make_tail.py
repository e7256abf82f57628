"""Writes docs/tail.md: what chosen paths tell of rare days. From the root: `python docs/make_tail.py`.

    python docs/make_tail.py [REPETITIONS] [--keep FOLDER]

The studies are in `docs/repetitions/tail.py`; the filtered bootstrap needs bars, in the folder STRESS_DATA. Seeds are
fixed, so the page is the same on every run but for its times. With 200 repetitions it takes forty minutes on two
processors, and is not part of `docs/make_all.py`. Each part is kept in the folder of `--keep`, and read from there if
it is there.
"""

from __future__ import annotations

import argparse
import math
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import stress  # noqa: E402
from docs.repetitions import market  # noqa: E402
from docs.repetitions.tail import (  # noqa: E402
    ALPHAS,
    PATHS,
    Market,
    Repeated,
    jumps,
    models,
    next_decade,
    of_bars,
    one_sided,
    plain,
    repeat,
)
from stress.formatting import significant  # noqa: E402
from stress.prices import Kou  # noqa: E402
from stress.results.estimate import clopper_pearson  # noqa: E402

PAGE = ROOT / "docs" / "tail.md"
INTRO = """\
# Rare days

Made by `python docs/make_tail.py {repetitions}`; change `docs/repetitions/tail.py`, not this page.

With `tail = 1e-6` a run draws its paths by the rarity of their rarest event (`stress.prices.rarest_event`) and weights
them. In short: a price model names independent uniform coordinates, each of which says how rare the worst event of one
sort is on a path, such as its largest jump down ([prices](prices.md#rarities)). Paths are drawn from cells of the
coordinate that is rarest, half a decade of rarity each or less, whose probabilities p are known; of n paths one of K
cells has n (p / 2 + 1 / (2 K)). So half of the paths are ordinary ones, no path weighs more than 2, and no variance is
more than about twice that of plain paths, whatever the cells miss. What an estimate rests on, when it is flagged or
withheld: [estimators](estimators.md#strata). Closed forms and an independent estimator: [validation](validation.md).

All figures are of {paths:,} paths a run. The truth is the mean of all runs, which plain paths confirm where they reach.
"""


def percent(values: np.ndarray, digits: int = 2) -> list[str]:
    return [significant(100 * x, digits) if math.isfinite(x) else "–" for x in values]


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def head(*cells: str) -> list[str]:
    return [row(*cells), row("---", *("---:" for _ in cells[1:]))]


def of_alphas(found: Repeated, place: Market, n_plain: int) -> list[str]:
    """Errors, coverage and plain paths, a column each probability."""
    hits = plain(place, found.x, n_plain)
    ends = [clopper_pearson(int(k), n_plain) for k in hits]
    crude = [math.sqrt((1 - p) / (p * PATHS)) for p in found.mean]
    return [
        *head("", *(f"{alpha:g}" for alpha in ALPHAS)),
        row("error of one run, over its repetitions, %", *percent(found.spread)),
        row("the same, as the run itself says, %", *percent(np.sqrt((found.se**2).mean(axis=0)) / found.mean)),
        row("plain paths, as many, %", *percent(np.array(crude))),
        row("intervals of the probability that hold, %", *percent(found.held, 3)),
        row("intervals of the fund that hold, %", *percent(found.funds_held, 3)),
        row("fund withheld, %", *percent(found.withheld)),
        row(f"probability, mean of {len(found.p)} runs", *(f"{p:.4g}" for p in found.mean)),
        row(f"{n_plain:,} plain paths, 95 %", *(f"{low:.3g} to {high:.3g}" for low, high in ends)),
    ]


def of_model(place: Market, repetitions: int, n_plain: int) -> str:
    """A line on the crowd under a price model."""
    found = repeat(place, repetitions)
    (hits, *_) = plain(place, found.x[1:2], n_plain)
    apart = (hits / n_plain - found.mean[1]) / math.sqrt(found.mean[1] / n_plain)
    cells = len(replace(place.design, tail=1e-6).strata.size)
    return row(
        place.name, f"{cells}", *percent(found.spread[1:]), f"{100 * found.held.mean():.1f}",
        f"{100 * found.withheld.mean():.2g}", f"{apart:+.1f} se",
    )  # fmt: skip


def honest_cases() -> dict[str, Market]:
    """Markets whose rare days have other ways than one large jump."""
    thin = stress.Depth(usd=4e6, width=0.01, passthrough=1.0)
    calm = Kou(market.S0, 0.9, 300.0, 0.5, 85.0, 80.0)
    book = market.book(1)
    longs = (book.side > 0).nonzero()[0]
    margin = book.margin.copy()
    margin[longs] = book.quantity[longs] * book.entry_price[longs]  # unlevered
    up_only = stress.Book(book.side, book.quantity, book.entry_price, margin)
    kou = models()["Kou"]
    return {
        "a thin book that dies by a cascade, passthrough 1": Market.of_crowd("thin", calm, depth=thin),
        "danger up only: longs without leverage": Market.of_crowd("up", kou, book=up_only),
        "a week": Market.of_crowd("week", kou, horizon=7 * 86_400.0, step=1_800.0),
    }


def of_honest_case(name: str, place: Market, repetitions: int, n_plain: int) -> str:
    """Lines on a market whose rare days have other ways too."""
    found = repeat(place, repetitions)
    hits = plain(place, found.x, n_plain)
    ratios = [f"{k / n_plain / p:.2f}" if k >= 20 else "–" for k, p in zip(hits, found.mean, strict=True)]
    return "\n".join(
        [
            row(f"{name}: error, %", *percent(found.spread)),
            row("— intervals that hold, %", *percent(found.held, 3)),
            row("— withheld, %", *percent(found.withheld)),
            row("— plain, over the mean of runs", *ratios),
        ]
    )


def of_adl(place: Market, n_plain: int) -> tuple[list[str], float]:
    """Rates of ADL at a fund that is depleted on 8e-4 of the days, and the seconds of the run."""
    need, weights = place.need(999, 4 * PATHS)
    order = np.argsort(-need)
    fund = float(need[order][np.searchsorted(np.cumsum(weights.value[order]) / need.size, 8e-4)])
    start = time.perf_counter()
    chosen = place.run(5, fund=fund, detail="positions")
    seconds = time.perf_counter() - start
    plainly = place.run(5, n_plain, None, fund=fund, detail="positions")
    lines = head("leverage", "ADL, %", "error, %", "plain paths, as many, %", "plain over chosen, variance")
    bins = [0, 5, 10, 20, 50]
    for one, other in zip(*(r.by_leverage(bins).to_dict("records") for r in (chosen, plainly)), strict=True):
        error = one["adl_se"] / one["adl"]
        plain_error = other["adl_se"] * math.sqrt(n_plain / PATHS) / one["adl"]
        ends = f" to {one['upper']:g}x" if math.isfinite(one["upper"]) else "x and more"
        lines.append(
            row(
                f"{one['lower']:g}{ends}", f"{100 * one['adl']:.3g}", f"{100 * error:.2g}",
                f"{100 * plain_error:.2g}", f"{(plain_error / error) ** 2:.0f}",
            )
        )  # fmt: skip
    return lines, seconds


class Parts:
    """Parts of the page, made once and kept in a folder, if there is one."""

    def __init__(self, folder: Path | None):
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], Any]) -> Any:
        """A part by its name."""
        start = time.perf_counter()
        file = None if self.folder is None else self.folder / f"{name}.pickle"
        if file is not None and file.exists():
            return pickle.loads(file.read_bytes())
        made = make()
        if file is not None:
            file.write_bytes(pickle.dumps(made))
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        return made


def render(repetitions: int, parts: Parts) -> str:
    """The page."""
    some, more, n_plain = max(8, repetitions // 8), max(10, repetitions // 3), 2_000 * repetitions
    quickstart, crowd = Market.quickstart(), Market.of_crowd("tail-jumps", models()["tail-jumps"])
    found = parts.get("quickstart", lambda: repeat(quickstart, more))
    first = parts.get("quickstart-table", lambda: of_alphas(found, quickstart, n_plain))
    often = parts.get("crowd", lambda: repeat(crowd, repetitions))
    second = parts.get("crowd-table", lambda: of_alphas(often, crowd, n_plain))
    adl, seconds = parts.get("adl", lambda: of_adl(quickstart, n_plain))
    of_jumps = parts.get("jumps", lambda: {name: jumps(model, 100_000) for name, model in one_sided().items()})
    decades = parts.get("decades", lambda: [next_decade(quickstart, 1, alpha) for alpha in (1e-2, 1e-3, 1e-4)])
    lines = head("model", "cells", *(f"{a:g}, %" for a in ALPHAS[1:]), "held, %", "withheld, %", "plain, at 1e-3")
    places = {name: Market.of_crowd(name, model) for name, model in models().items()}
    places |= {name: Market.of_crowd(name, model, **settings) for name, (model, settings) in of_bars().items()}
    lines += [parts.get(name, partial(of_model, place, some, n_plain)) for name, place in places.items()]
    honest = head("market", *(f"{a:g}" for a in ALPHAS))
    honest += [
        parts.get(place.name, partial(of_honest_case, name, place, some, n_plain))
        for name, place in honest_cases().items()
    ]
    page = [
        INTRO.format(repetitions=repetitions, paths=PATHS),
        "## The market of the README, with a finite depth",
        f"{more} runs, funds without counting positions {np.median(found.seconds):.0f} s each, with rates of "
        f"ADL {seconds:.0f} s, on two processors that had other work.",
        "\n".join(first),
        "## How often intervals hold",
        f"{repetitions} runs of a crowd of {market.ACCOUNTS:,} accounts under tail-jumps, days of five-minute steps.",
        "\n".join(second),
        "## Who is auto-deleveraged",
        f"At a fund that is depleted on 8e-4 of the days; variances of plain paths from {n_plain:,} of them.",
        "\n".join(adl),
        "## Price models",
        f"The same crowd, {some} runs each: error of a run, intervals of all five probabilities that hold, and by how "
        f"many of their standard errors {n_plain:,} plain paths are off.",
        "\n".join(lines),
        "Number of steps that fall by more than each size, from one that is exceeded daily to one in a million days, "
        "against the exact number: largest difference "
        + ", ".join(f"{name} {100 * x:.2g} %" for name, x in of_jumps.items())
        + " (100,000 paths, no engine).",
        "## Where it must be honest",
        "The cells know of single events. These markets die in other ways too, and the intervals must hold all the "
        f"same, or the figure be withheld. {some} runs each, and {n_plain:,} plain paths.",
        "\n".join(honest),
        "## One decade on",
        "A generalized Pareto law, fitted to the needs beyond the fund for a probability, foretells the one for a tenth"
        " of it; beside it what the run finds there. It is a cross-check, not an estimate: needs are bounded by what "
        "traders owe, and the cap of jumps bends the curve.",
        "\n".join(
            [
                *head("from", "to", "foretold, USD M", "found, USD M"),
                *(
                    row(f"{a:g}", f"{a / 10:g}", f"{one / 1e6:.1f}", f"{other / 1e6:.1f}")
                    for a, (one, other) in zip((1e-2, 1e-3, 1e-4), decades, strict=True)
                ),
            ]
        ),
    ]
    return "\n\n".join(part.strip("\n") for part in page) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repetitions", type=int, nargs="?", default=200)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    PAGE.write_text(render(given.repetitions, Parts(given.keep)), encoding="utf-8")
