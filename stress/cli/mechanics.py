"""What the rules of part II did, and a grid of funds, as the command prints them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stress.cli.console import console, table
from stress.formatting import bare, percent, probability, usd, usd_range

if TYPE_CHECKING:
    from rich.console import Console

    from stress.results.result import Result
    from stress.runs.record import Record

GRID = {"depleted": "depleted", "adl": "ADL", "residual": "a loss is left unpaid"}


def print_mechanics(result: Result, out: Console | None = None) -> None:
    """Who paid, and the other figures of the rules that are on; nothing where all are off."""
    from stress.results import mechanics, mechanics_words

    found = mechanics.figures(result)
    if found.empty:
        return
    out = out or console()
    single = result.n_paths == 1
    paid = mechanics.layers(result).to_dict("records")
    if paid:
        out.print("\nWho paid\n")
        head = (
            ["layer", "capital", "paid"]
            if single
            else ["layer", "capital", "drawn on", "mean a path", "where drawn on"]
        )
        out.print(table(head, [_layer(row, single) for row in paid]))
        if "inventory_loss" in result.paths:
            name = mechanics.carrier(result.config)
            out.print(f"\nWhat the {name} gains or loses on positions that it takes over comes on top: see below.")
    rest = found[found["group"] != "layers"]
    if rest.empty:
        return
    out.print("\nWhat the rules of the venue did" + ("" if single else " (means per path)") + "\n")
    rows = []
    for row in rest.to_dict("records"):
        name, value, _, interval = mechanics_words.cells(row)
        rows.append((name if name.startswith("P(") else name[0].lower() + name[1:], value, interval))
    head = ["", "this path"] if single else ["", "estimate", "95 % interval"]
    out.print(table(head, [row[: len(head)] for row in rows]))


def _layer(row: dict[Any, Any], single: bool) -> tuple[str, ...]:
    capital = (
        "not said" if math.isnan(row["capital"]) else "no limit" if math.isinf(row["capital"]) else usd(row["capital"])
    )
    if single:
        return (row["layer"], capital, usd(row["mean"]) if row["mean"] else "nothing")
    drawn = probability(row["p_hit"], row["p_hit_low"], row["p_hit_high"])
    given = "none seen" if math.isnan(row["mean_given_hit"]) else usd(row["mean_given_hit"])
    given += "" if math.isnan(row["mean_given_hit_se"]) else f" ± {bare(usd(row['mean_given_hit_se']))}"
    interval = "" if math.isnan(row["low"]) else f" ({bare(usd_range(row['low'], row['high']))})"
    return (row["layer"], capital, drawn, f"{usd(row['mean'])}{interval}", given)


def print_grid(record: Record, out: Console | None = None) -> None:
    """Why one run does not size the fund, and the grid of funds in its place."""
    out = out or console()
    layer, why = record.layer, record.result.curve_refused
    out.print(f"\nOne run does not say how large the {layer} must be: {why}.")
    if record.grid is None:
        return
    from stress.analysis.fund_grid import smallest

    single, shown = record.result.n_paths == 1, [name for name in GRID if name in record.grid]
    out.print(f"The same prices with other capital of the {layer}, a run each\n")
    rows = []
    for row in record.grid.to_dict("records"):
        chances = [tuple(row[name + end] for end in ("", "_low", "_high")) for name in shown]
        cells = [("yes" if e[0] else "no") if single else probability(*e) for e in chances]
        rows.append((usd(row["fund"]) + (" (present)" if row["own"] else ""), *cells))
    out.print(table([layer, *(GRID[name] for name in shown)], rows))
    if single:
        return
    out.print("")
    for alpha in sorted(record.alphas, reverse=True):
        found = smallest(record.grid, alpha)
        if math.isnan(found["fund"]):
            text = f"more than {usd(found['below'])}, the largest of the grid"
        elif math.isnan(found["below"]):
            text = usd(found["fund"]) + (" or less" if found["fund"] > record.result.least else "")
        else:
            text = f"between {usd_range(found['below'], found['fund'])}".replace(" to ", " and ")
        out.print(f"Depleted with a probability of at most {percent(alpha)}: {text}.")
