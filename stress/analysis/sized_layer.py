"""The layer whose capital a study sizes and varies: the first of the waterfall that holds money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from stress.arguments import is_finite
from stress.engine.design import Design
from stress.errors import Problem
from stress.results import mechanics


def name_of(design: Design) -> str:
    """Its name; "fund" where no layer holds money."""
    return mechanics.first_layer(design.describe())


def capital_of(design: Design) -> float:
    """What it begins with."""
    config = design.describe()
    return mechanics.capital(config, mechanics.first_layer(config))


def problems_of_capital(design: Design, capital: Any, where: str) -> Iterator[Problem]:
    """What is wrong with another capital, an argument `fund`; None: its own."""
    config = design.describe()
    layer = mechanics.first_layer(config)
    least, kept = (
        mechanics.floor(config, layer),
        "the venue's reserve" if layer == "fund" else f"the floor of the {layer}",
    )
    if capital is not None and not (is_finite(capital) and capital >= least):
        yield Problem(where, f"{design.venue.money}, at least {kept} {least:g}", column="fund", value=capital)


def with_capital(design: Design, capital: float) -> Design:
    """The design with another capital of it."""
    layer = name_of(design)
    own = (design.layers or {}).get(layer)
    if own is None or own.capital is None:
        return replace(design, fund=capital)
    return replace(design, layers={**(design.layers or {}), layer: replace(own, capital=capital)})
