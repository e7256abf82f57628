"""Ranges of the inputs of a scenario: how far each may lie from what is written, and why.

| input | range | reason |
|---|---|---|
| a parameter of prices with a standard error | its 95 % interval | the calibration says how well the bars tell it |
| `prices.sigma`, `prices.sigmas` | x 0.8 to x 1.25 | volatility of one year against the next |
| `prices.intensity*` | x 0.5 to x 2 | jumps are few: some 8 of them tell their rate to a factor of 2 |
| `prices.eta_*`, `jump_sd` | x 0.8 to x 1.25 | mean size of jumps, as volatility |
| `prices.cap_*`, `cap` | x 0.5 to x 2 | largest move: history shows those that happened, no bound |
| `prices.scale` | 0.8 to 1.25 times | severity of a replayed history |
| `run.jump_gap` | what the bars propose, else 0 to 1 | bars do not show how much of a jump can be traded through |
| `run.delay` | 10 s to 5 min | an engine at work, and one that is overloaded; no venue publishes this |
| `run.gap` | x 0.5 to x 2, at most 1 | as the delay |
| `depth.usd`, `depth.oi_share`, `half_life` | x 0.5 to x 2 | depth halves and doubles within a day |
| `depth.passthrough` | x 0.5 to x 2, at most 1 | weight of this venue in its own index |
| `population.open_interest` | x 0.5 to x 2 | open interest halves and doubles within months |
| `population.leverage` | every leverage x 0.8 to x 1.25 | no venue publishes it; read from liquidations |
| `population.tail_index` | x 0.8 to x 1.25 | concentration: how much the largest accounts hold |
| `population.long_share` | 0.1 either way | the crowd may lean to one side |
| `venue.maintenance_scale` | 0.8 to 1.25 | rates that are revised, or differ from those of the file |

The standard errors are those of [prices.provenance.standard_errors], and the interval is that of
`stress.scenario.redraws.shifted`. The factors are judgements, not estimates: the ranking of inputs follows from them
and is theirs as much as the model's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stress.arguments import is_number
from stress.errors import InputError, Problem, raise_if
from stress.results.estimate import Z
from stress.scenario.keys import check_key, number_of, value_of
from stress.scenario.redraws import moved, usable_errors
from stress.scenario.scenario import Scenario

NEAR, WIDE = (0.8, 1.25), (0.5, 2.0)
LATE = (10.0, 300.0)  # seconds
ASIDE = 0.1  # of the share of longs
VOLATILITY = "volatility of one year against the next"
FEW_JUMPS = "jumps are few, so that their rate is known to a factor of 2"
LARGEST = "history shows the largest move that happened, not the largest there can be"
UNPUBLISHED = "no venue publishes how late its fills are: an engine at work to one that is overloaded"
DEPTH = "depth halves and doubles within a day"
PRICES = (  # names of parameters that move together, factors, reason
    (("sigma",), NEAR, VOLATILITY),
    (("sigmas",), NEAR, VOLATILITY),
    (("intensity",), WIDE, FEW_JUMPS),
    (("intensity_up", "intensity_down"), WIDE, FEW_JUMPS),
    (("intensities_up", "intensities_down"), WIDE, FEW_JUMPS),
    (("eta_up", "eta_down"), NEAR, "mean size of jumps, 1 / eta, as their volatility"),
    (("jump_sd",), NEAR, "size of jumps, as their volatility"),
    (("cap_up", "cap_down"), WIDE, LARGEST),
    (("cap",), WIDE, LARGEST),
    (("scale",), NEAR, "severity of the history that is played"),
)
TABLES = (
    ("depth.usd", WIDE, DEPTH),
    ("depth.oi_share", WIDE, DEPTH),
    ("depth.half_life", WIDE, "how fast depth comes back is hardly ever measured"),
    ("depth.passthrough", WIDE, "weight of this venue in its own index"),
    ("population.open_interest", WIDE, "open interest halves and doubles within months"),
    ("population.leverage", NEAR, "no venue publishes it: read from liquidations"),
    ("population.tail_index", NEAR, "concentration: how much the largest accounts hold"),
)
AT_MOST_ONE = ("depth.passthrough", "run.gap")


@dataclass(frozen=True)
class Range:
    """One input of a scenario between two values.

    key : str, dotted; a pattern such as prices.intensity_* where several move together
    low, high : dict of str to value, the keys that are set
    low_value, high_value : number or text, the two ends
    why : str, where the range comes from
    """

    key: str
    low: dict[str, Any]
    high: dict[str, Any]
    low_value: Any
    high_value: Any
    why: str


def own_ranges(scenario: Scenario) -> list[Range]:
    """A range for each input that the scenario has, see the table above."""
    found = [*_prices(scenario), *_fills(scenario)]
    for key, factors, why in TABLES:
        value = value_of(scenario, key)
        if value not in (None, 0, "inf"):
            found.append(_scaled({key: value}, factors, why))
    longs = value_of(scenario, "population.long_share")
    if longs is not None:
        ends = max(longs - ASIDE, longs / 2), min(longs + ASIDE, (1 + longs) / 2)
        found.append(_between("population.long_share", ends, "the crowd may lean to one side"))
    scale = scenario.venue.maintenance_scale or 1.0
    why = "rates that are revised, or differ from those of the file"
    found.append(_between("venue.maintenance_scale", (NEAR[0] * scale, NEAR[1] * scale), why))
    return found


def given_ranges(ranges: Any) -> list[Range]:
    """Ranges that a person gives: (low, high) of each dotted key.

    Raises
    ------
    InputError
        Lists what is no key, or no two values.
    """
    if not isinstance(ranges, Mapping):
        raise InputError(Problem("tornado", "a mapping of dotted keys to (low, high)", value=ranges))
    problems = [problem for key in ranges for problem in check_key(key, "tornado")]
    for key, ends in ranges.items():
        if not isinstance(ends, (tuple, list, np.ndarray)) or len(ends) != 2:
            problems.append(Problem("tornado", "two values, low and high", column=str(key), value=ends))
    raise_if(problems)
    return [_between(key, tuple(map(number_of, ends)), "given") for key, ends in ranges.items()]


def _between(key: str, ends: tuple[Any, ...], why: str) -> Range:
    low, high = ends
    return Range(key, {key: low}, {key: high}, low, high, why)


def _prices(scenario: Scenario) -> Iterator[Range]:
    """Parameters of the prices: by their standard errors, and the others by factors."""
    given = scenario.price_model[1]
    errors = usable_errors(given)
    for name, error in errors.items():
        if np.any(np.asarray(error) > 0):
            ends = [{f"prices.{name}": moved(given, {name: error}, np.array([z]))[name]} for z in (-Z, Z)]
            yield _named(f"prices.{name}", ends, "95 % interval of its calibration", ("−1.96 se", "+1.96 se"))
    for group, factors, why in PRICES:
        names = [name for name in group if given.get(name) is not None and name not in errors]
        if names:
            yield _scaled({f"prices.{name}": given[name] for name in names}, factors, why)


def _fills(scenario: Scenario) -> Iterator[Range]:
    """How late fills are."""
    model, given = scenario.price_model[:2]
    late = scenario.lateness
    if getattr(model, "has_jumps", True):
        proposed = given.get("provenance", {}).get("jump_gap")
        why = "as the bars propose" if proposed else "nothing says how much of a jump can be traded through"
        yield _between("run.jump_gap", tuple(map(float, proposed or (0.0, 1.0))), why)
    if late.gap:
        yield _scaled({"run.gap": late.gap}, WIDE, UNPUBLISHED)
    else:
        yield _between("run.delay", LATE, UNPUBLISHED)


def _scaled(values: Mapping[str, Any], factors: tuple[float, float], why: str) -> Range:
    """Values times two factors."""
    ends = [{key: _times(value, factor, key in AT_MOST_ONE) for key, value in values.items()} for factor in factors]
    names = list(values)
    prefix = names[0].rpartition("_")[0]
    key = names[0] if len(names) == 1 else f"{prefix}_*"
    return _named(key, ends, why, tuple(f"x {factor:g}" for factor in factors))


def _named(key: str, ends: list[dict[str, Any]], why: str, words: tuple[str, ...]) -> Range:
    """A range whose ends are numbers where one number is varied, and otherwise words."""
    values = [next(iter(end.values())) if len(end) == 1 else None for end in ends]
    low, high = (v if is_number(v) else word for v, word in zip(values, words, strict=True))
    return Range(key, ends[0], ends[1], low, high, why)


def _times(value: Any, factor: float, at_most_one: bool) -> Any:
    """A number, the numbers of a list, or the leverages of a table, times a factor."""
    if isinstance(value, dict):
        return {f"{float(leverage) * factor:.12g}": weight for leverage, weight in value.items()}
    scaled = np.asarray(value, float) * factor
    return (np.minimum(scaled, 1.0) if at_most_one else scaled).tolist()
