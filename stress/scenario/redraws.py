"""The inputs of a scenario drawn again: other crowds of its population, other parameters of its prices.

What redraws of the prices are, depends on what is known of their error:

- `calibrate`, or bars of a model that can leave a period of them out, as the filtered bootstrap can: fitted again with
  one period left out at a time (jackknife)
- another model that takes bars, such as the bootstrap: the bars redrawn in 20 periods, with replacement
- parameters with [prices.provenance.standard_errors]: normal draws on a scale that keeps the parameter within its
  bounds, such as the log of what is positive and the log odds of a share, as wide there as gives the parameter its
  standard error; what is 0 at a bound stays 0. The entries of a list, such as the quantiles of jump sizes, move
  together. How the errors are correlated is not known: each parameter is drawn by itself, which is an approximation
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
TRIES = 20  # draws of a redraw that the model refuses, before the last one is halved
HALVINGS = 20
INF = math.inf
# where a parameter lies, of those that are not just positive; gjr-garch's beta: see `moved`
BOUNDS = {
    **dict.fromkeys(("p_up", "tail_up", "tail_down", "branching"), (0.0, 1.0)),
    "rho": (-1.0, 1.0),
    **dict.fromkeys(("xi_up", "xi_down", "wick_xi_up", "wick_xi_down"), (-1.0, 2.0)),
    "eta_up": (1.0, INF),
    "nu": (2.0, INF),
    **dict.fromkeys(("jump_mean", "gamma", "drift"), (-INF, INF)),
}
POSITIVE = (0.0, INF)
WIDEST = 5.0  # standard deviation of log odds: the share is then near 0 or near 1
TAIL_PATHS = 10  # beyond the smallest probability, on the paths of a redraw
CELL_PATHS = 40  # of each cell of a tail, at least, on the paths of a redraw


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
    paths = min(design.n_paths, max(1_000, _enough(design, smallest)))
    lean = replace(design, n_paths=paths, detail="paths")
    return [_books(scenario, lean), _prices(scenario, lean)]


def _enough(design: Design, smallest: float) -> int:
    """Paths of a redraw that say something of the smallest probability; with a tail so many of each cell."""
    strata = design.strata
    return math.ceil(TAIL_PATHS / smallest) if strata is None else 2 * CELL_PATHS * strata.probability.size


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
    own, given, _ = scenario.price_model
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
    if usable := usable_errors(given):
        return _by_errors(given, usable, count, lean)
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


def _by_errors(given: dict[str, Any], errors: dict[str, Any], count: int, lean: Design) -> Plan:
    """Prices whose parameters are drawn by their standard errors."""
    fit = _made(given["model"], given).describe()
    drawn = [_drawn(given, errors, generator(lean.seed, PARAMETERS, i), lean) for i in range(count)]
    models = [one.model for one in drawn if one.model is not None and one.model.describe() != fit]
    if len(models) < count:
        why = next((one.refused for one in drawn if one.model is None), "their standard errors move no parameter")
        note = f"not estimated: {count - len(models)} of {count} redraws equal the fit ({why})"
        return Plan("calibration", 0, 0, lambda i: lean, note=note)
    note = "parameters drawn by their standard errors, as if independent: an approximation"
    if again := sum(one.refused != "" for one in drawn):
        note += f"; {again} of {count} redraws were refused by the model and drawn again"
    if nearer := sum(one.halvings > 0 for one in drawn):
        note += f"; {nearer} of {count} were refused {TRIES} times and drawn nearer, the error may be larger"
    return Plan("calibration", count, lean.n_paths, lambda i: _with_prices(lean, models[i]), note=note)


def _with_prices(lean: Design, model: PriceModel) -> Design:
    return replace(lean, prices=model)


def _made(kind: str, values: dict[str, Any]) -> PriceModel:
    from stress.prices import make, parameters

    known = parameters(kind)
    return make(kind, **{name: value for name, value in values.items() if name in known})


def usable_errors(given: dict[str, Any]) -> dict[str, Any]:
    """Standard errors of the parameters of a price model, of those that play a part in it."""
    errors = given.get("provenance", {}).get("standard_errors")
    return {k: e for k, e in (errors or {}).items() if _matches(given.get(k), e) and _plays_a_part(k, given)}


def _matches(value: Any, error: Any) -> bool:
    """Whether a standard error is one of the value: numbers of the same shape, not negative."""
    try:
        a, b = np.asarray(value, float), np.asarray(error, float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and bool(np.all(np.isfinite(a)) and np.all(np.isfinite(b)) and np.all(b >= 0))


def _plays_a_part(name: str, given: dict[str, Any]) -> bool:
    """Whether a parameter does anything: `today` only where paths start there."""
    return name != "today" or given.get("start") == "today"


@dataclass(frozen=True)
class _Drawn:
    """A redraw of a model.

    model : PriceModel or None, None if it was refused however near
    refused : str, why the last of the refused draws was; "": none was
    halvings : int, how often the step was halved
    """

    model: PriceModel | None
    refused: str
    halvings: int = 0


def _drawn(given: dict[str, Any], errors: dict[str, Any], rng: np.random.Generator, lean: Design) -> _Drawn:
    """The model with each parameter moved by its error; what the model refuses is drawn again, at last nearer."""
    steps, refused = np.zeros(len(errors)), ""
    for attempt in range(TRIES + HALVINGS):
        halvings = max(0, attempt - TRIES + 1)
        steps = steps / 2 if halvings else rng.standard_normal(len(errors))
        try:
            model = _made(given["model"], given | moved(given, errors, steps))
            model.block(lean.seed, 0, 1, 1, lean.step)  # a step may be refused where the parameters are not
            return _Drawn(model, refused, halvings)
        except InputError as error:
            refused = str(error)
    return _Drawn(None, refused)


def moved(given: dict[str, Any], errors: dict[str, Any], steps: np.ndarray) -> dict[str, Any]:
    """The parameters that have errors, each moved by so many of them."""
    moved: dict[str, Any] = {}
    for name, z in sorted(zip(errors, steps, strict=True), key=lambda step: step[0] == "beta"):
        low, high = BOUNDS.get(name, POSITIVE)
        if name == "beta":  # of gjr-garch: below what alpha and gamma leave of a persistence of 1
            now = given | moved
            high = 1.0 - now["alpha"] - now["gamma"] / 2
        out = shifted(np.asarray(given[name], float), np.asarray(errors[name], float), float(z), low, high)
        if name.startswith("sizes_"):
            out = np.maximum.accumulate(out)  # a table of quantiles
        elif name == "today" and out.ndim:
            out = out / out.sum()  # probabilities
        moved[name] = out.tolist()
    return moved


def shifted(x: np.ndarray, se: np.ndarray, z: float | np.ndarray, low: float, high: float) -> np.ndarray:
    """Quantile at the normal score z of a law within (low, high) with the median x and the standard deviation se.

    The law is normal, with one bound log-normal from there, with two logit-normal. The standard deviation s of the log
    follows from w = exp(s^2), se^2 = (x - low)^2 w (w - 1). What lies at a bound stays there.

    Parameters
    ----------
    x, se : float64, of the same shape
    z : float, or float64 of a shape that broadcasts with theirs
    low, high : float
        `low` may be -inf, if `high` is inf.
    """
    if low == -INF:
        return np.asarray(x + z * se)
    inside = (x > low) & (x < high)
    if high == INF:
        above = np.where(inside, x - low, 1.0)
        width = np.sqrt(np.log(0.5 + np.sqrt(0.25 + np.square(se / above))))
        return np.where(inside, low + above * np.exp(z * width), x)
    share = np.where(inside, (x - low) / (high - low), 0.5)
    width = np.vectorize(_width_of_log_odds, otypes=[float])(share, se / (high - low))
    return np.where(inside, low + (high - low) / (1 + (1 - share) / share * np.exp(-z * width)), x)


def _width_of_log_odds(share: float, se: float) -> float:
    """Standard deviation of normal log odds around those of a share that gives the share its standard error."""
    from scipy.optimize import brentq

    z, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = weight / weight.sum()

    def excess(width: float) -> float:
        p = 1 / (1 + (1 - share) / share * np.exp(-z * width))
        return math.sqrt(max(0.0, float(weight @ p**2 - (weight @ p) ** 2))) - se

    return float(brentq(excess, 0.0, WIDEST)) if se > 0 and excess(WIDEST) > 0 else WIDEST * (se > 0)


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
