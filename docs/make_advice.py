"""Writes docs/adl-advice.md: `python docs/make_advice.py`, from anywhere, in two minutes.

Claims and questions are those of `stress.advice`; the market is that of examples/compare_adl.toml with a finite order
book, the other coins have the prices of docs/adl/*.toml. No figure of the page is typed.
"""

from __future__ import annotations

import math
import tomllib
import warnings
from pathlib import Path

import pandas as pd

import stress
from stress.analysis.advice.finding import FAILS, HOLDS, OPEN, SILENT
from stress.formatting import count, significant

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "compare_adl.toml"
PAGE = ROOT / "docs" / "adl-advice.md"
COINS = ("btc", "eth", "sol", "hype")  # of the same days, from the largest to the smallest
RATIOS = ("hit rate", "P(liquidated) at")  # measures that are times, and not probabilities
CHANGES = ["depth.usd=100M", "fund.initial=5M"]
PATHS = 10_000

INTRO = """\
# What traders are told about ADL

Made by `python docs/make_advice.py`; change that, not this page. Articles on auto-deleveraging give advice, and answer
the same questions, in words. Here each claim has a measure, a figure with its 95 % interval, and the verdict that
follows from the interval. `perp-stress advice FILE` does the same for any scenario.

All figures are those of one market: {market}.
{paths} days, the same for all cases. Another crowd, another fund or another venue may say otherwise; ask them.
"""

VERDICTS = f"""\
**{HOLDS.capitalize()}**, **{FAILS}**: the whole interval is on one side of the border that the measure names.
**{OPEN.capitalize()}**: the interval has both. **{SILENT.capitalize()}**: the venue's rule does not look at it, so what is
measured is a coincidence of this crowd.
"""  # noqa: E501

LIMITS = """\
## What this cannot say

- Positions are isolated and stay as they are: nobody trades, adds margin or leaves, but for the orders and calls that a
  case is about. Cross margin and hedges over several markets are not in it, so "diversify" is answered for two markets
  that have nothing to do with each other, and for a crash that both share, and not for anything between.
- Funding moves margin here and does not change who holds what. That a high rate tells of a crowded side is seen in
  [the drivers](adl.md): there the crowd itself is skewed.
- Coins differ here by their prices alone, at the same open interest, crowd and order book, and these prices are fitted
  to four months of 2025 that hold no crash. Small coins have thinner books and other crowds beside.
- The prices of the market are fitted to bars that do not hold the largest crashes, and are
  [not called fit to size a fund](calibration.md). Compare figures of this page with each other, not with the world.
"""


def main() -> None:
    """Run everything and write the page."""
    warnings.simplefilter("ignore")
    scenario = stress.load_scenario(EXAMPLE, [*CHANGES, f"run.paths={PATHS}"])
    table = stress.advice(scenario, {coin.upper(): other(coin) for coin in COINS})
    market = f"[compare_adl.toml](../examples/compare_adl.toml) with `{'`, `'.join(CHANGES)}`"
    claims, questions = (table[table["part"] == part] for part in ("claim", "question"))
    parts = [
        INTRO.format(market=market, paths=f"{table.attrs['paths']:,}"),
        "## Claims\n\n" + VERDICTS,
        claims_of(claims),
        "## Questions\n\n" + questions_of(questions),
        LIMITS,
    ]
    PAGE.write_text("\n".join(part.strip() + "\n" for part in parts), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {count(len(claims), 'claim')}, {count(len(questions), 'question')}")


def other(coin: str) -> stress.Scenario:
    """The same crowd and rules under the prices of another coin."""
    raw = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    raw["prices"] = tomllib.loads((ROOT / "docs" / "adl" / f"{coin}.toml").read_text(encoding="utf-8"))["prices"]
    raw["run"]["paths"], raw["fund"]["initial"] = PATHS, 5e6
    raw["depth"] = {"usd": 100e6}
    raw.pop("designs", None)
    return stress.Scenario.parse(raw, f"{coin}.toml", EXAMPLE.parent)


def claims_of(claims: pd.DataFrame) -> str:
    """The table of claims, then each in words."""
    lines = ["| claim | verdict | measure | figure (95 %) |", "|---|---|---|---|"]
    lines += [
        f"| {row['asked']} | {row['verdict']} | {row['measure'] or '–'} | {figure(row)} |"
        for row in claims.to_dict("records")
    ]
    words = [f"**{r['asked']}** {r['text']} (`{r['command']}`)" for r in claims.to_dict("records")]
    return "\n".join(lines) + "\n\n" + "\n\n".join(words)


def questions_of(questions: pd.DataFrame) -> str:
    """Each question with its answer."""
    return "\n\n".join(f"**{r['asked']}** {r['text']} (`{r['command']}`)" for r in questions.to_dict("records"))


def figure(row: dict) -> str:
    """A figure with its interval; of bounds these alone."""
    if math.isnan(row["low"]) or not row["measure"]:
        return "–"
    is_ratio = row["measure"].startswith(RATIOS)
    shown = significant if is_ratio else percents
    ends = [f"{shown(row['low'])} or more" if row["low"] > 0 else "", f"up to {shown(row['high'])}"]
    if row["note"]:
        return ", ".join(end for end in ends[: 1 + math.isfinite(row["high"])] if end)
    return f"{shown(row['estimate'])} ({shown(row['low'])} to {shown(row['high'])})"


def percents(x: float) -> str:
    """A probability, or a difference of two, in per cent."""
    return f"{'−' if x < 0 else ''}{significant(100 * abs(x))} %"


if __name__ == "__main__":
    main()
