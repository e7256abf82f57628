"""Makes the tables of docs/calibration.md: `python docs/make_calibration.py`, where the bars are (STRESS_DATA).

For each of four histories every model is fitted to one half and judged by the other, both ways
(`stress.analysis.contest`), and the fits to all bars of the models in `SHOWN` are held against the counts that kill
positions and the fund. Cuts of a history show what short ones are worth. The text between the marks of the page is
replaced; nothing else is. Takes some ten minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from stress.analysis.contest import Contest, contest
from stress.formatting import duration, percent, usd, usd_range
from stress.plots.days import draw_days
from stress.prices import Bars, read_bars
from stress.prices.base import DAY
from stress.prices.calibration.calibrate import calibrate
from stress.prices.calibration.judge import garwood, number, observed, worst

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "calibration.md"
PICTURE = ROOT / "docs" / "img" / "simulated_days.png"
DATA = Path(os.environ.get("STRESS_DATA") or ROOT.parent / "shared" / "data") / "calibration"
HISTORIES = {
    "BTC 5 min, 2023-24": "binance-perp-BTCUSDT-5m-2023-2024.csv.gz",
    "BTC 1 h, 2017-22": "binance-spot-BTCUSDT-1h-2017-2022.csv.gz",
    "DOGE 1 h, 2022-26": "okx-mark-DOGEUSDT-1h-2022-2026.csv.gz",
    "HYPE 5 min, spring 2025": "hyperliquid-perp-HYPE-5m-2025.csv.gz",
}
# counts that are shown: horizon in seconds (0: a bar), kind, move
COUNTS = (
    (0.0, "low", -0.03),
    (0.0, "low", -0.1),
    (3600.0, "low", -0.05),
    (DAY, "low", -0.1),
    (DAY, "low", -0.2),
    (DAY, "high", 0.1),
)
SHOWN = ("filtered-bootstrap", "regimes", "hawkes-jumps", "tail-jumps")  # beside the bars; the contest shows all
FAR, OUTSIDE = " **!**", r" \*"
CUTS = (2.9, 7.0, 98.0, 250.0)  # days


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def histories(bars: dict[str, Bars]) -> str:
    rows = []
    for name, b in bars.items():
        w = worst(b)
        deepest = (b.low[1:] / b.close[:-1] - 1).min()
        days, gaps = f"{len(b) * b.step / DAY:,.0f}", b.describe_gaps().partition(";")[0]
        rows.append([name, days, gaps, *(f"{x:+.1%}" for x in (deepest, w["low"], w["return"], w["high"]))])
    return table(
        ["bars", "days", "gaps in the file", "lowest low of a bar", "24 h low", "24 h return", "24 h high"], rows
    )


def counts(bars: dict[str, Bars], found: dict[str, Contest]) -> str:
    rows = []
    for title, b in bars.items():
        seen = observed(b).set_index(["horizon", "of", "move"])
        tables = {
            e.name: e.calibration.judgement.table.set_index(["horizon", "of", "move"])
            for e in found[title].entries
            if e.calibration is not None and e.calibration.judgement is not None
        }
        for horizon, kind, move in COUNTS:
            key = (horizon or b.step, kind, move)
            row = seen.loc[key]
            if row.observed == 0:
                continue
            low, high = garwood(row.observed, row.dispersion)
            cells = []
            for name in SHOWN:
                if name not in tables:
                    cells.append("no fit")
                    continue
                judged = tables[name].loc[key]
                cells.append(number(judged.expected) + (FAR if judged.far else "" if judged.inside else OUTSIDE))
            window = f"{kind} of {duration(key[0])} beyond {move:+.0%}"
            rows.append([title, window, f"{number(row.observed)} ({number(low)} to {number(high)})", *cells])
    return table(["bars", "window", "observed", *SHOWN], rows)


def contests(found: dict[str, Contest]) -> str:
    rows = []
    for title, one in found.items():
        for r in one.table().itertuples():
            ranked = r.score == r.score
            score = f"{r.score:+.3f} ({r.score_se:.3f})" if ranked else ""
            inside, far = (f"{r.inside} of {r.rows}", str(r.far)) if r.rows else ("", "")
            factor = f"{r.fund:.2f}" if r.fund == r.fund else ""
            verdict = f"from {percent(r.probability, 2)}" if r.fit else "no"
            rows.append([title, r.model, score, inside, far, factor, verdict, r.reason.partition("; ")[0]])
    return table(
        ["bars", "model", "log score (se)", "inside 95 %", "far", "fund, factor", "fit for sizing", "why not"], rows
    )


def funds(found: dict[str, Contest]) -> str:
    rows = []
    for title, one in found.items():
        tables = {
            e.name: e.calibration.judgement.fund.set_index(["gap", "probability"])
            for e in one.entries
            if e.calibration is not None and e.calibration.judgement is not None
        }
        for probability in (0.05, 0.01):
            seen, cells = "", []
            for name in SHOWN:
                if name not in tables:
                    cells.append("no fit")
                    continue
                r = tables[name].loc[(0.5, probability)]
                low_high = usd_range(r.expected_low, r.expected_high)
                cells.append(f"{usd(r.expected)} ({low_high})" + ("" if r.inside else FAR))
                few = r.observed != r.observed
                seen = "too few days" if few else f"{usd(r.observed)} ({usd_range(r.low, r.high)})"
            rows.append([title, percent(probability), seen, *cells])
    return table(["bars", "probability", "days of the bars", *SHOWN], rows)


def cuts(bars: Bars) -> str:
    rows = []
    for days in CUTS:
        cut = bars.part(0, round(days * DAY / bars.step))
        try:
            verdict = calibrate(cut, halves=False).verdict
            assert verdict is not None
            fit = "no" if verdict.probability is None else f"from {percent(verdict.probability, 2)}"
            rows.append([f"{days:g} days", fit, verdict.reasons[-1] if verdict.reasons else ""])
        except ValueError as error:
            rows.append([f"{days:g} days", "no fit", str(error)])
    return table(["the first", "fit for sizing", "why not"], rows)


def put(text: str, mark: str, made: str) -> str:
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
    assert re.search(pattern, text, re.DOTALL), mark
    return re.sub(pattern, lambda m: f"{m[1]}{made}\n{m[2]}", text, flags=re.DOTALL)


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    missing = [name for name in HISTORIES.values() if not (DATA / name).is_file()]
    if missing:
        print(f"docs/calibration.md stays as it is: no {', '.join(missing)} under STRESS_DATA", file=sys.stderr)
        return 0
    bars = {title: read_bars(DATA / name) for title, name in HISTORIES.items()}
    found = {}
    for title, b in bars.items():
        found[title] = contest(b, progress=lambda name, title=title: print(f"{title}: {name}", flush=True))
    text = PAGE.read_text(encoding="utf-8")
    first = next(iter(bars.values()))
    parts = {
        "histories": histories(bars), "counts": counts(bars, found), "contests": contests(found), "funds": funds(found),
        "cuts": cuts(first),
    }  # fmt: skip
    for mark, made in parts.items():
        text = put(text, mark, made)
    PAGE.write_text(text, encoding="utf-8")
    draw_days(found["BTC 1 h, 2017-22"].days(), "BTC, hourly bars 2017-22").savefig(PICTURE, dpi=110)
    return 0


if __name__ == "__main__":
    sys.exit(main())
