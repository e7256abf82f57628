"""A layer of cash in the waterfall of a venue: what it holds, what it keeps, and what one path may take from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from stress import quantities
from stress.arguments import is_number, is_word
from stress.errors import InputError, Problem, raise_if
from stress.venue.mechanics import CASH_LAYERS
from stress.venue.values import one_of

if TYPE_CHECKING:
    from stress.venue.venue import Venue

FUND = "fund"  # its capital is the fund of the run, and its floor the reserve of the venue


@dataclass(frozen=True)
class Layer:
    """A layer of cash.

    Parameters
    ----------
    capital : float, optional
        USD >= 0 at the start of a path; inf: unlimited. Required of all but the fund, whose capital is that of the run.
    floor : float
        USD >= 0 that losses never draw on; at most the capital. That of the fund is the venue's `reserve`.
    cap : float
        USD >= 0, the most that one path may draw; inf: no limit.

    Raises
    ------
    InputError
        Lists every value that is out of range.
    """

    capital: float | None = None
    floor: float = 0.0
    cap: float = math.inf

    def __post_init__(self) -> None:
        given = {f.name: quantities.number(getattr(self, f.name)) for f in fields(self)}
        expected = {"capital": "USD, 0 or more", "floor": "USD, 0 or more, not inf", "cap": "USD, 0 or more"}
        problems = []
        for name, value in given.items():
            if name == "capital" and value is None:
                continue
            if not (is_number(value) and value >= 0 and (name != "floor" or value < math.inf)):
                text = quantities.expected(value, expected[name])
                problems.append(Problem("layers", text, column=name, value=value))
        raise_if(problems)
        for name, value in given.items():
            object.__setattr__(self, name, None if value is None else float(value))
        if self.capital is not None and self.floor > self.capital:
            raise InputError(
                Problem("layers", f"at most the capital, {self.capital:,.10g} USD", column="floor", value=self.floor)
            )

    def describe(self) -> dict[str, float]:
        """Parameters as plain values, for the record of a run; without those that are off."""
        return {f.name: value for f in fields(self) if (value := asdict(self)[f.name]) != f.default}


def with_fund(layers: Any, venue: Venue, fund: float) -> tuple[Any, float]:
    """Layers and fund of a run, where the waterfall has no fund and `fund` is the capital of its first cash layer.

    That of a vault, of a venue whose vault stands before ADL in place of a fund. What is wrong stays as it is, for
    `read_layers`.
    """
    first = next(iter(venue.cash_layers), FUND)
    if FUND in venue.cash_layers or first == FUND or not isinstance(layers, Mapping | None):
        return layers, fund
    given = {} if layers is None else layers
    layer = given.get(first, Layer())
    if not isinstance(layer, Layer) or layer.capital is not None:
        return layers, fund
    if not layer.floor <= fund:
        return layers, fund
    return {**given, first: replace(layer, capital=fund)}, 0.0


def read_layers(layers: Any, venue: Venue, fund: float) -> tuple[dict[str, Layer] | None, list[Problem]]:
    """The layers of a run by name, and what is wrong with them; None where the fund is the only one, without a cap.

    Parameters
    ----------
    layers : mapping of str to Layer or None
    venue : Venue
        Its waterfall says which layers there are.
    fund : float
        Of the run, USD.
    """
    given = {} if layers is None else layers
    if not isinstance(given, Mapping):
        return None, [Problem("run", "a dict of a stress.Layer for each name", column="layers", value=layers)]
    problems, found = [], {}
    needed = venue.cash_layers
    takes_fund = "" if FUND in needed else next(iter(needed), "")
    for name, layer in given.items():
        column = f"layers.{name}"
        if not is_word(name, CASH_LAYERS):
            problems.append(Problem("run", one_of(name, CASH_LAYERS), column="layers", value=name))
        elif not isinstance(layer, Layer):
            problems.append(Problem("run", "a stress.Layer", column=column, value=layer))
        elif name not in needed:
            expected = f"no such layer: the waterfall of the venue is {', '.join(venue.waterfall)}"
            problems.append(Problem("run", expected, column=column))
        elif name == FUND and (layer.capital is not None or layer.floor):
            if layer.capital is not None:
                expected = "none: the capital of the fund is the fund of the run, fund.initial of a scenario"
                problems.append(Problem("run", expected, column=f"{column}.capital", value=layer.capital))
            if layer.floor:
                expected = "none: the floor of the fund is the reserve of the venue"
                problems.append(Problem("run", expected, column=f"{column}.floor", value=layer.floor))
        elif name == takes_fund and layer.capital is None:  # else `with_fund` would have given it one
            expected = f"at most the capital, {fund:,.10g} USD, which is the fund of the run"
            problems.append(Problem("run", expected, column=f"{column}.floor", value=layer.floor))
            fund = 0.0
        elif name != FUND and layer.capital is None:
            problems.append(Problem("run", "a capital in USD; inf: unlimited", column=f"{column}.capital"))
        else:
            found[name] = layer
    for name in needed:
        if name != FUND and name not in given:
            expected = "this layer of the venue's waterfall, with its capital in USD, such as 5M"
            problems.append(Problem("run", expected, column=f"layers.{name}"))
    if FUND not in needed and fund != 0:
        first = next(iter(needed), "")
        reason = f"the capital of the {first} is given under layers" if first in given else "no layer holds cash"
        expected = f"0, since {reason}; the waterfall of the venue is {', '.join(venue.waterfall)}"
        problems.append(Problem("run", expected, column="fund", value=fund))
    if found.get(FUND) == Layer():
        del found[FUND]
    return {name: found[name] for name in needed if name in found} or None, problems
