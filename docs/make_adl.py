"""Writes docs/adl.md and its pictures: `python docs/make_adl.py`, three minutes.

designs, frontier    from examples/compare_adl.toml
drivers              the same market with one key moved at a time, on the same random numbers
coins                the same crowd and rules with the prices of docs/adl/*.toml: markets of their own, so runs of
                     their own with errors of their own
"""

from __future__ import annotations

import math
import tomllib
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

import stress
from stress import plots
from stress.analysis import cases
from stress.analysis.adl_drivers import COLUMNS, HIT_RATE, HIT_SHARE, P_ADL, rows_of
from stress.analysis.study import REQUIRED_FUND
from stress.formatting import percent, probability, usd, usd_range
from stress.results import design_words

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "compare_adl.toml"
PRICES = ROOT / "docs" / "adl"
PAGE, IMAGES = ROOT / "docs" / "adl.md", ROOT / "docs" / "img"
PATHS = 2_000
BASE = ["fund.initial=5e6"]
DRIVERS = {  # key: heading, what else is changed, values; the first is what others are measured against
    "population.long_share": ("Long and short accounts", [], [0.5, 0.3, 0.7, 0.85]),
    "funding.rate": ("Funding", ["funding.interval=8h", "funding.rate=0.0"], [0.0, -0.003, 0.003, 0.01]),
    "population.top_share": ("The ten largest accounts of a side", ["population.max_share=0.2"], [0.2, 0.4, 0.6, 0.8]),
    "depth.usd": ("Depth of the book within 1 %", ["depth.usd=2e9"], [2e9, 5e8, 1e8, 3e7]),
}
COINS = "prices"


def main() -> None:
    """Run everything and write the page."""
    mpl.use("agg")
    warnings.simplefilter("ignore")
    found = stress.adl_designs(EXAMPLE)
    table, frontier = found.table(), found.frontier()
    save(plots.plot_adl_frontier(frontier), "adl_frontier")
    parts = [head(found, table), designs_of(table), frontier_of(frontier)]
    drivers = [stress.adl_drivers(stress.load_scenario(EXAMPLE, [*BASE, *more]), {key: values}, paths=PATHS)
               for key, (_, more, values) in DRIVERS.items()]  # fmt: skip
    for (key, (title, more, _)), rows in zip(DRIVERS.items(), drivers, strict=True):
        parts.append(driver_of(rows, key, title, more))
    parts.append(driver_of(coins(), COINS, "The coin", []))
    PAGE.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def coins() -> pd.DataFrame:
    """The rows of `stress.adl_drivers` for the same crowd and rules under the prices of each coin."""
    rows: list[dict[str, Any]] = []
    for path in [PRICES / f"{coin}.toml" for coin in ("btc", "eth", "sol", "hype")]:
        raw = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
        raw["prices"] = tomllib.loads(path.read_text(encoding="utf-8"))["prices"]
        raw["run"]["paths"], raw["fund"]["initial"] = PATHS, 5e6
        (result,) = cases.run([stress.Scenario.parse(raw, path.name, path.parent).build().design])
        own = {"key": COINS, "value": path.stem.upper()}
        rows += [own | row for row in rows_of(result, result, 0.01)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table[["difference", "difference_low", "difference_high"]] = math.nan  # not the same random numbers
    return table


def save(ax: Any, name: str) -> None:
    """Write a picture."""
    ax.figure.savefig(IMAGES / f"{name}.png", dpi=110)


def markdown(first: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = [first, ["---"] * len(first), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def head(found: Any, table: pd.DataFrame) -> str:
    """What the page is."""
    n = next(iter(found.results.values())).n_paths
    looked = {name: costs.n_looked_at for name, costs in found.costs.items()}
    with_adl = next(iter(found.costs.values())).n_with_event
    return f"""# Designs of auto-deleveraging, and what drives it

Written by `python docs/make_adl.py`. The market is that of [compare_adl.toml](../examples/compare_adl.toml): a day of
BTC and a crowd of the preset `retail`, {n:,} days, the same for all designs. On {with_adl:,} of them the fund is
empty and winners are auto-deleveraged; {min(looked.values()):,} of these were run again with their event log. The
prices are those of the quickstart, which are not called fit to size a fund: read the tables as a comparison of rules.

```console
$ perp-stress designs examples/compare_adl.toml --picture frontier.png
```"""


def designs_of(table: pd.DataFrame) -> str:
    """The tables of the designs."""
    parts = ["## What each design costs whom"]
    for title, quantities in design_words.GROUPS.items():
        first, rows = design_words.cells(table, quantities)
        parts.append(f"{title}:\n\n{markdown(first, rows)}")
    first_name = str(table["design"].iloc[0])
    said = design_words.LEGEND.format(first=first_name)
    worst = table[(table["quantity"] == "worst haircut") & (table["space"] == "equity")].set_index("design")["estimate"]
    favour = table[table["quantity"] == "hits that were a favour"].set_index("design")
    ends = favour["estimate"].idxmin(), favour["estimate"].idxmax()
    told = [
        f"The smallest worst haircut of equity is that of `{worst.idxmin()}`, {percent(worst.min())} on average; the "
        f"largest that of `{worst.idxmax()}`, {percent(worst.max())}.",
        "A hit was a favour where the market turned and its owner ends the day with more than without ADL: between "
        + " and ".join(
            f"{percent(favour.loc[x, 'estimate'])} ({percent(favour.loc[x, 'low'])} to "
            f"{percent(favour.loc[x, 'high'])}) of the hits of `{x}`" for x in ends
        ) + ".",
    ]  # fmt: skip
    return "\n\n".join([*parts, said.replace("*", r"\*", 1), " ".join(told)])


def frontier_of(frontier: pd.DataFrame) -> str:
    """Fund against worst haircut."""
    rows = []
    of = frontier[frontier["space"] == "equity"]
    for name, part in of.groupby("design", sort=False):
        cells = [
            "–" if math.isnan(r["worst"]) else f"{percent(r['worst'])} ({percent(r['low'])} to {percent(r['high'])})"
            for r in part.to_dict("records")
        ]
        rows.append([str(name), *cells])
    one = of[of["design"] == of["design"].iloc[0]]
    p = ["P(ADL), of " + str(of["design"].iloc[0]), *(
        probability(r["p_adl"], r["p_low"], r["p_high"]) for r in one.to_dict("records"))]  # fmt: skip
    first = ["design", *(usd(fund) for fund in one["fund"])]
    return f"""## Fund against worst haircut

A larger fund makes ADL rarer. Does it also make it milder? The worst haircut of a path with ADL, as a share of the
equity of the one who is hit, mean over the paths with ADL at that fund, with its 95 % interval:

{markdown(first, [p, *rows])}

![The worst haircut by size of the fund](img/adl_frontier.png)"""


def driver_of(rows: pd.DataFrame, key: str, title: str, more: list[str]) -> str:
    """A table and a picture of one driver."""
    values = list(dict.fromkeys(rows["value"]))
    classes = rows[rows["quantity"] == HIT_RATE].drop_duplicates("class")["class"].tolist()
    body = []
    for value in values:
        mine = rows[rows["value"] == value].set_index(["quantity", "class"])
        line = [value, estimate(mine, P_ADL, "all"), estimate(mine, REQUIRED_FUND, "all")]
        line += [estimate(mine, HIT_RATE, name) for name in classes]
        body.append(line)
    shares = []
    for value in values:
        mine = rows[rows["value"] == value].set_index(["quantity", "class"])
        shares.append([value, *(estimate(mine, HIT_SHARE, name) for name in classes)])
    name = f"adl_driver_{key.rpartition('.')[2]}"
    save(plots.plot_adl_driver(rows[rows["by"] != "side"], key, HIT_RATE), name)
    set_ = " ".join(f"--set {x}" for x in more)
    how = (
        f"`{key}`{', with ' + f'`{set_}`' if more else ''}; the fund holds USD 5 M. {PATHS:,} paths on the same random "
        "numbers; in brackets 95 % intervals, and behind them the paired difference from the first row where it is "
        "told from 0."
        if key != COINS
        else "The same crowd, open interest, rules and fund of USD 5 M under the prices of four coins of one venue, "
        f"of the same four months ([docs/adl](adl)), {PATHS:,} days each. These are runs of their own, with errors of "
        "their own. "
        "The months were calm: compare the coins, size nothing."
    )
    return f"""## {title}

{how}

{markdown([key, "P(ADL)", "fund for 1 %", *(f"hit rate, {name}" for name in classes)], body)}

Share of all hits:

{markdown([key, *classes], shares)}

![Hit rate by leverage](img/{name}.png)"""


def estimate(rows: pd.DataFrame, quantity: str, name: str) -> str:
    """An estimate with its interval, and its difference where it is told from 0."""
    if (quantity, name) not in rows.index:
        return "–"
    r = rows.loc[(quantity, name)]
    money = quantity == REQUIRED_FUND
    if math.isnan(r["estimate"]):
        return "–"
    text = (
        f"{usd(r['estimate'])} ({usd_range(r['low'], r['high'])})"
        if money
        else probability(r["estimate"], r["low"], r["high"])
    )
    if r["difference_low"] > 0 or r["difference_high"] < 0:
        text += f"; {'+' if r['difference'] > 0 else ''}{usd(r['difference']) if money else percent(r['difference'])}"
    return text


if __name__ == "__main__":
    main()
