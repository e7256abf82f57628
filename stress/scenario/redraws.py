"""The inputs of a scenario drawn again: other crowds of its population, other parameters of its prices.

What redraws of the prices are, depends on what is known of their error:

- `calibrate`, or bars of a model that can leave a period of them out, as the filtered bootstrap can: fitted again with
  one period left out at a time (jackknife)
- another model that takes bars, such as the bootstrap: the bars redrawn in 20 periods, with replacement
- parameters with [prices.provenance.standard_errors]: normal draws, on the log scale of what is positive and the log
  odds of a share; the entries of a list, such as the quantiles of jump sizes, move together. How the errors are
  correlated is not known: each parameter is drawn by itself, which is an approximation
- none of these: nothing, and the part is not estimated

Every redraw has the seed of the run for its prices. Random numbers are addressed by (seed, purpose, redraw).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.engine.design import Design
from stress.errors import InputError
from stress.prices.bars import Bars, Gap
from stress.prices.base import PriceModel

if TYPE_CHECKING:
    from stress.scenario.scenario import Scenario

BOOK, PARAMETERS, PERIODS = range(1, 4)  # purposes of random numbers
PARTS = 20  # periods of bars that are redrawn
SHARES = ("p_up", "tail_up", "tail_down", "tail")
REAL = ("xi_up", "xi_down", "mean_jump", "mu", "rho", "drift")  # that may be negative
TAIL_PATHS = 10  # beyond the smallest probability, on the paths of a redraw


@dataclass(frozen=True)
class Plan:
    """How one part of the error is redrawn.

    part : "book" or "calibration"
    count : int, number of redraws; 0: none
    paths : int, of each
    design : callable, the run with inputs of redraw i < count
    jackknife : bool, whether a redraw leaves a period out
    given : bool, whether the part has no error at all
    note : str, how, or why not
    """

    part: str
    count: int
    paths: int
    design: Callable[[int], Design]
    jackknife: bool = False
    given: bool = False
    note: str = ""


def plans(scenario: Scenario, design: Design) -> list[Plan]:
    """How book and prices of a scenario are redrawn; `design` is the run itself."""
    smallest = min(scenario.fund.alphas)
    paths = min(design.n_paths, max(1_000, math.ceil(TAIL_PATHS / smallest)))
    lean = replace(design, n_paths=paths, detail="paths")
    return [_books(scenario, lean), _prices(scenario, lean)]


def generator(seed: int, purpose: int, number: int) -> np.random.Generator:
    """Random numbers of one redraw."""
    return np.random.default_rng([seed, purpose, number])


def _books(scenario: Scenario, lean: Design) -> Plan:
    if scenario.population is None:
        return Plan("book", 0, 0, lambda i: lean, given=True, note="the book is given")

    def design(i: int) -> Design:
        seed = int(generator(scenario.population_seed, BOOK, i).integers(2**63))
        drawn = scenario.draw_book(lean.venue, lean.s0, seed)
        return replace(lean, book=drawn.check_margin(lean.venue, lean.s0, "error").balanced("outside"))

    return Plan("book", scenario.run.redraws, lean.n_paths, design, note="other seeds of the population")


def _prices(scenario: Scenario, lean: Design) -> Plan:
    count = scenario.run.redraws
    own, given = scenario.price_model
    bars = getattr(own, "bars", None)
    fits = scenario.calibration_redraws() if "prices.calibrate" in scenario.files else _without_periods(given, bars)
    if fits:

        def refitted(i: int) -> Design:
            return _with_prices(lean, _made(given["model"], {"s0": own.s0, "bars": bars} | fits[i]))

        note = "fitted again with one period of the bars left out at a time"
        return Plan("calibration", len(fits), lean.n_paths, refitted, jackknife=True, note=note)
    if isinstance(bars, Bars) and getattr(own, "horizon", None) is None and len(bars) >= 2 * PARTS:
        options = {k: v for k, v in given.items() if k not in ("model", "bars", "time_format", "provenance", "s0")}

        def resampled(i: int) -> Design:
            drawn = redrawn_bars(bars, generator(lean.seed, PERIODS, i))
            return _with_prices(lean, _made(given["model"], options | {"s0": own.s0, "bars": drawn}))

        note = f"{PARTS} periods of the bars redrawn with replacement"
        return Plan("calibration", count, lean.n_paths, resampled, note=note)
    errors = given.get("provenance", {}).get("standard_errors")
    usable = {k: e for k, e in (errors or {}).items() if _matches(given.get(k), e)}
    if usable:

        def drawn(i: int) -> Design:
            rng = generator(lean.seed, PARAMETERS, i)
            steps = rng.standard_normal(len(usable))
            return _with_prices(lean, _shifted(given, usable, dict(zip(usable, steps, strict=True))))

        note = "parameters drawn by their standard errors, as if independent: an approximation"
        return Plan("calibration", count, lean.n_paths, drawn, note=note)
    return Plan("calibration", 0, 0, lambda i: lean, note="not estimated: nothing is known of the errors of the prices")


def _without_periods(given: dict[str, Any], bars: Bars | None) -> tuple[dict[str, Any], ...]:
    """Parameters with one period of the bars left out at a time, of a model that can do so; otherwise none.

    What was fitted is fitted again; weights that somebody chose stay.
    """
    from stress.prices import parameters
    from stress.prices.calibration.fitters import FITTERS

    model = given["model"]
    if bars is None or model not in FITTERS or "left_out" not in parameters(model) or "left_out" in given:
        return ()
    fitted = given.get("provenance", {}).get("standard_errors", {})
    chosen = {name: given[name] for name in parameters(model) if name in given and name not in ("bars", "s0")}
    free = {name: value for name, value in chosen.items() if name not in fitted}
    return tuple(chosen | redraw | free for redraw in FITTERS[model](bars, **free).redraws)


def _with_prices(lean: Design, model: PriceModel) -> Design:
    return replace(lean, prices=model)


def _made(kind: str, values: dict[str, Any]) -> PriceModel:
    from stress.prices import make, parameters

    known = parameters(kind)
    return make(kind, **{name: value for name, value in values.items() if name in known})


def _matches(value: Any, error: Any) -> bool:
    """Whether a standard error is one of the value: numbers of the same shape, not negative."""
    try:
        a, b = np.asarray(value, float), np.asarray(error, float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.all(np.isfinite(a)) and np.all(np.isfinite(b)) and np.all(b >= 0))


def _shifted(given: dict[str, Any], errors: dict[str, Any], steps: dict[str, float]) -> PriceModel:
    """The model with each parameter moved by so many standard errors, or by as many as it takes, halved."""
    for _ in range(20):
        moved = {name: _moved(name, given[name], errors[name], z) for name, z in steps.items()}
        try:
            return _made(given["model"], given | moved)
        except InputError:  # outside the valid range: nearer
            steps = {name: z / 2 for name, z in steps.items()}
    return _made(given["model"], given)


def _moved(name: str, value: Any, error: Any, z: float) -> Any:
    x, se = np.asarray(value, float), np.asarray(error, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        if name in REAL or np.any(x <= 0):
            out = x + z * se
        elif name in SHARES:
            out = 1 / (1 + (1 - x) / x * np.exp(-z * se / (x * (1 - x))))
        else:
            out = x * np.exp(z * se / x)
    return float(out) if out.ndim == 0 else np.maximum.accumulate(out).tolist()


def redrawn_bars(bars: Bars, rng: np.random.Generator, parts: int = PARTS) -> Bars:
    """A history of as many periods of the bars, drawn with replacement; their times are made up, with gaps between.

    Parameters
    ----------
    bars : Bars
    rng : Generator
    parts : int
        Number of periods of equal length that the bars are cut into.
    """
    edges = np.linspace(0, len(bars), parts + 1).round().astype(int)
    chosen = rng.integers(parts, size=parts)
    missing = np.zeros(len(bars), np.int64)
    for gap in bars.gaps:
        missing[gap.after] = gap.missing
    rows = np.concatenate([np.arange(edges[i], edges[i + 1]) for i in chosen])
    absent = missing[rows]
    ends = np.cumsum([edges[i + 1] - edges[i] for i in chosen]) - 1
    absent[ends] = 1  # the price before is not that of the bar before
    absent[-1] = 0
    places = np.arange(rows.size) + np.concatenate([[0], np.cumsum(absent)[:-1]])
    time = bars.time[0] + (places * bars.step * 1e9).astype("timedelta64[ns]")
    gaps = tuple(Gap(int(i), int(absent[i]), time[i]) for i in np.flatnonzero(absent))
    columns = {name: getattr(bars, name)[rows] for name in ("open", "high", "low", "close")}
    return Bars(time=time, step=bars.step, source=bars.source, gaps=gaps, **columns)
