"""How the paths of a run with strata were drawn, in words and as a table to read."""

from __future__ import annotations

import math
from typing import Any

from stress.formatting import percent, significant
from stress.results.result import Result

HEAD = ("coordinate", "rarity", "probability", "paths", "weight", "depleted")  # of the table to read
NONE = "–"


def drawn(result: Result) -> str:
    """How many paths of how many strata there are, and what they weigh at most; "" of a run without strata."""
    known = result.config.get("strata")
    if known is None:
        return ""
    n, k = f"{result.n_paths:,} paths", len(known["probability"])
    heaviest = significant(float(result.paths["weight"].max()))
    tail = result.config.get("tail")
    if tail is None:
        return f"The {n} are of {k:,} given strata; weights at most {heaviest}."
    return (
        f"{n} in {k:,} cells, drawn by the rarity of their rarest event down to a probability of {tail:g}; weights at "
        f"most {heaviest}."
    )


def cells(result: Result) -> list[tuple[str, ...]]:
    """The strata as text, a row each, in the order of `HEAD`; rarity is the probability of an event as severe."""
    found: list[tuple[str, ...]] = []
    weight = result.paths.groupby("stratum")["weight"].max()
    for number, row in enumerate(result.strata.to_dict("records")):
        found.append(
            (
                str(row.get("coordinate", f"stratum {number}")),
                _rarity(row),
                percent(row["probability"]),
                f"{row['paths']:,}",
                significant(float(weight.get(number, math.nan))),
                f"{row['hits']:,}",
            )
        )
    return found


def _rarity(row: Any) -> str:
    """Between which probabilities the rarest event of a stratum is."""
    if "from" not in row:
        return NONE
    return f"{row['from']:.1e} to {row['to']:.1e}"
