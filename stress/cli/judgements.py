"""What `perp-stress calibrate` prints: a judgement, and a contest of models; on standard error, beside the block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stress.cli.console import TextConsole, table
from stress.cli.terminal import MINUS, ends, records
from stress.formatting import duration, percent, usd, visible
from stress.prices.calibration import summary
from stress.prices.calibration.calibrate import NO_JUMPS

if TYPE_CHECKING:
    from stress.analysis.contest import Contest
    from stress.prices.calibration.calibrate import Calibration


def print_calibration(found: Calibration) -> None:
    """Observed and expected moves, the fund, and what the fit may be used for; on standard error."""
    out = TextConsole(error=True)
    bars, known = found.bars, found.provenance()
    out.print(f"{visible(bars.source)}: {len(bars):,} bars of {duration(bars.step)}, {bars.first} to {bars.last}")
    out.print(f"{bars.describe_gaps()}\n")
    head, rows = summary.counts(known)
    if rows:
        out.print("Windows beyond a move: observed / expected (* outside the 95 % interval, ! far outside)")
        out.print(table(head, [[r[0].replace("-", MINUS), *r[1:]] for r in rows]))
    for half, other in (("later", "earlier"), ("earlier", "later")):
        head, rows = summary.counts(known, half, ("low", "high"))
        if rows:
            out.print(f"\nOut of sample: the {half} half, fitted to the {other} one")
            out.print(table(head, [[r[0].replace("-", MINUS), *r[1:]] for r in rows]))
    funds = summary.funds(known)
    if funds:
        out.print("\nFund that a day needs")
        names = ["gap", "probability", "days of the bars", "the model", "with its calibration's error"]
        out.print(table(names, funds, left=0))
    out.print()
    out.print(summary.verdict(known), style="bold")
    for reason in found.reasons:
        out.print(f"Unfit for sizing a fund: {visible(reason)}")
    low, high = found.jump_gap
    words = (
        f"jump_gap: {low:g} to {high:g}. Fast moves of bars are slides, not proven gaps: the first is the share seen "
        "to be jumped over, the second the share that may have been."
    )
    out.print(words if found.has_jumps else " ".join(NO_JUMPS))
    for note in known["notes"]:
        out.print(f"Note: {visible(note)}")


def print_contest(found: Contest) -> None:
    """Models out of sample, and the fund of a day under those that pass; on standard error."""
    out = TextConsole(error=True)
    bars = found.bars
    out.print(f"{visible(bars.source)}: {len(bars):,} bars of {duration(bars.step)}, {bars.first} to {bars.last}")
    out.print(f"{bars.describe_gaps()}\n\nFitted to one half and judged by the other, both ways\n")
    rows = []
    for r in records(found.table()):
        ranked = r["score"] == r["score"]
        rows.append(
            (
                r["model"],
                f"{r['score']:+.3f}\n({r['score_se']:.3f})".replace("-", MINUS) if ranked else "",
                f"{r['inside']} of {r['rows']}" if r["rows"] else "",
                f"{r['far']}" if r["rows"] else "",
                f"{r['fund']:.3g}" if r["fund"] == r["fund"] else "",
                f"{r['fund_outside']}" if ranked else "",
                f"from {percent(r['probability'], 2)}" if r["fit"] else "no",
                visible(r["reason"]),
            )
        )
    names = [
        "model",
        "log score (se)",
        "inside 95 %",
        "far",
        "fund, factor",
        "fund outside",
        "fit for sizing",
        "why not",
    ]
    out.print(table(names, rows, last=True))
    out.print(
        "\nlog score: of the lows and highs of 24 h, against the first model, nats a day. inside, far: counts of "
        "windows beyond 1 to 20 %. fund, factor: between what the days of the other half need and the model's days.",
    )
    passing = found.passing
    fan = found.fan(passing or [e for e in found.entries if e.ranked])
    words = "models that pass" if passing else "all models, since none passes: no fund of them can be relied on"
    out.print(f"\nFund of a day under {words}\n")
    gaps = sorted(set(fan["gap"]) - {0.0})
    cells: dict[str, dict[tuple[float, float], str]] = {}
    for r in records(fan):
        cells.setdefault(r["model"], {})[r["gap"], r["probability"]] = (
            f"{usd(r['fund'])}\n({ends(r['low'], r['high'])})"
        )
    keys = [(gap, p) for gap in gaps for p in sorted(set(fan["probability"]), reverse=True)]
    out.print(
        table(
            ["model", *(f"gap {gap:g}, {percent(p)}" for gap, p in keys)],
            [(name, *(found_.get(key, "") for key in keys)) for name, found_ in cells.items()],
        )
    )
    winner = found.winner
    if winner is not None:
        verdict = "fit for sizing" if passing else "not fit for sizing, the best of those that are not"
        out.print(f"\nThe block is that of {winner.name}: {verdict}.")
