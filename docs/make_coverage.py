"""Writes docs/coverage.md: how often intervals hold the truth. From the root: `python docs/make_coverage.py`.

    python docs/make_coverage.py [REPETITIONS OF THE CHAIN] [--keep FOLDER]

The studies are in `docs/repetitions/`; seeds are fixed, so the page is the same on every run. With 300 repetitions it
takes forty minutes on one processor, and is not part of `docs/make_all.py`. Each repetition of the chain is kept in the
folder of `--keep`, and read from there where it is known already.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.repetitions import chain, market, rates  # noqa: E402

PAGE = ROOT / "docs" / "coverage.md"
NAMES = {
    "liquidation": "liquidation", "liquidation_by_notional": "liquidation, by notional", "adl": "ADL",
    "adl_by_notional": "ADL, by notional", "adl_given_event": "ADL, given an event",
    "adl_given_event_by_notional": "ADL, given an event, by notional",
}  # fmt: skip


def shown(share: float, trials: int) -> str:
    """A coverage in per cent with the standard error of its count."""
    if math.isnan(share):
        return "–"
    return f"{100 * share:.1f} ± {100 * math.sqrt(max(share * (1 - share), 0.5 / trials) / trials):.1f}"


def rates_table(found: pd.DataFrame, repetitions: int) -> list[str]:
    """Classes of leverage, a row each rate."""
    lines = [
        "| leverage | rate | true | too few | interval holds, % | bound holds, % |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in found[found["by"] == "leverage"].to_dict("records"):
        upper = f"{row['lower']:g} to {row['upper']:g}x" if math.isfinite(row["upper"]) else f"over {row['lower']:g}x"
        few = round(row["few"] * repetitions)
        lines.append(
            f"| {upper} | {NAMES[row['rate']]} | {100 * row['true']:.3g} % | {100 * row['few']:.0f} % | "
            f"{shown(row['held'], max(row['intervals'], 1))} | {shown(row['bounds'], max(few, 1))} |"
        )
    return lines


def sizes_table(found: pd.DataFrame) -> list[str]:
    """Deciles of notional: all ten together, a row each rate."""
    lines = ["| rate | lowest | mean | highest |", "|---|---:|---:|---:|"]
    for name, group in found[found["by"] == "size"].groupby("rate", sort=False):
        held = 100 * group["held"]
        lines.append(f"| {NAMES[str(name)]} | {held.min():.1f} | {held.mean():.1f} | {held.max():.1f} |")
    return lines


def chain_table(budgets: pd.DataFrame) -> list[str]:
    """The whole chain, a row a quantity."""
    lines = [
        "| quantity | true | all parts hold, % | true one above, below, % | paths alone hold, % | mean share of the "
        "variance: paths, book, calibration |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in chain.counted(budgets).to_dict("records"):
        n = row["repetitions"]
        fund = row["alpha"] == row["alpha"]
        name = f"fund for {100 * row['alpha']:g} %" if fund else "probability of depletion"
        true = f"USD {row['true'] / 1e6:.3g} M" if fund else f"{100 * row['true']:.3g} %"
        shares = ", ".join(f"{100 * row[f'share_{part}']:.0f} %" for part in ("paths", "book", "calibration"))
        misses = f"{100 * row['total_below']:.1f}, {100 * row['total_above']:.1f}"
        lines.append(f"| {name} | {true} | {shown(row['total'], n)} | {misses} | {shown(row['paths'], n)} | {shares} |")
    return lines


def page(studies: dict[int, tuple[int, pd.DataFrame]], budgets: pd.DataFrame) -> str:
    """The page; `studies` are those of the rates, (repetitions, table) by their number of paths."""
    values = {
        "jumps": ", ".join(f"{name} {value:g}" for name, value in market.JUMPS.items()),
        "accounts": f"{market.ACCOUNTS:,}",
        "hours": f"{market.HORIZON / 3600:g}",
        "minutes": f"{market.STEP / 60:g}",
        "fund": f"USD {market.FUND / 1e6:g} M",
        "truth": f"{rates.TRUTH:,}",
        "chains": budgets["repetition"].nunique(),
        "days": chain.DAYS,
        "paths": f"{chain.PATHS:,}",
        "books": chain.BOOKS,
        "true_books": chain.TRUE_BOOKS,
        "true_paths": f"{chain.TRUE_PATHS:,}",
        "chain": "\n".join(chain_table(budgets)),
    }
    parts = []
    for n, (repetitions, found) in studies.items():
        parts += [f"### {repetitions} repetitions of {n:,} paths", "", *rates_table(found, repetitions), ""]
        parts += ["Deciles of notional, intervals that hold, % of those that are printed:", "", *sizes_table(found)]
        parts.append("")
    return TEXT.format(rates="\n".join(parts).rstrip(), **values)


TEXT = """\
# Coverage

Made by `python docs/make_coverage.py {chains}`; change `docs/repetitions/`, not this page.

How often 95 % intervals hold what they estimate, counted by repetition where the truth is known. The market:
{accounts} accounts of the mix extreme under Binance's rules, Kou's jumps
({jumps}), {hours} hours in steps of {minutes} minutes, a fund of {fund}. After ± is the standard error of the count.

## Rates by class

Repetitions of one book, against {truth} paths of other seeds. *Too few*: the share of repetitions in which the rate is
only an upper bound, as [estimators](estimators.md) say; *bound holds*: how often that bound is above the truth. All
rows of a table share the same repetitions, so their errors go together. Where an event has only some 45 paths, as ADL
has in 500, intervals err on the wide side. Where most repetitions say *too few*, the ones that print an interval are
those that happened to see many hits.

{rates}

## The whole chain

{chains} repetitions of: {days} days of five-minute bars of the true model, Kou's model calibrated to them, a book
drawn, {paths} paths, and the error in full from {books} other books and the refits with one of 20 periods left out. The
truth is the fund at the true parameters, in the middle of {true_books} books of {true_paths} paths each.

{chain}

What this does not count: a model that is wrong. Here the bars are Kou's, and Kou's model is fitted to them.
"""


def kept(folder: Path | None, repetitions: int) -> pd.DataFrame:
    """Budgets of all repetitions of the chain, with what is true; those in the folder are read."""
    known = chain.truth()
    found = []
    for i in range(repetitions):
        file = None if folder is None else folder / f"rep_{i}.csv"
        if file is not None and file.exists():
            found.append(pd.read_csv(file))
            continue
        found.append(chain.repetition(i))
        if file is not None:
            found[-1].to_csv(file, index=False)
    return pd.concat(found, ignore_index=True).pipe(chain.with_truth, known)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("chain", nargs="?", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="a folder for finished repetitions of the chain")
    given = parser.parse_args()
    budgets = kept(given.keep, given.chain)
    studies = {n: (k, rates.coverage(k, n)) for n, k in rates.REPETITIONS.items()}
    PAGE.write_text(page(studies, budgets), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
