"""What [prices] leaves open: a model fitted to the bars that a scenario names, and the price that prices start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stress.adjustments import Adjustment
from stress.errors import InputError, Problem, raise_if
from stress.venue.values import one_of

# From the price that prices start from by themselves, or None, to s0 as [prices] has it, or nothing; and what is said.
Start = Callable[[float | None], tuple[dict[str, float], tuple[Adjustment, ...]]]
OPTIONS = ("s0", "threshold", "cap")  # beside calibrate
NOTE = "judged in its own bars alone: `perp-stress calibrate` judges by halves and the fund"


class BuiltPrices(NamedTuple):
    """What [prices] defines.

    model : price model
    table : dict, the table with all parameters of the model
    adjustments : tuple of Adjustment, what was done to bars that the model was fitted to and does not hold
    """

    model: Any
    table: dict[str, Any]
    adjustments: tuple[Adjustment, ...] = ()


def as_they_are(own: float | None) -> tuple[dict[str, float], tuple[Adjustment, ...]]:
    """Prices start from what they start from by themselves."""
    return {}, ()


def anywhere(own: float | None) -> tuple[dict[str, float], tuple[Adjustment, ...]]:
    """Prices start from any price, where only the rest of them is looked at."""
    return {"s0": own or 1.0}, ()


def start_of(
    found: tuple[float, tuple[Adjustment, ...]], own: float | None
) -> tuple[dict[str, float], tuple[Adjustment, ...]]:
    """A price that was chosen, as s0 unless the prices start from it by themselves."""
    price, said = found
    return ({} if price == own else {"s0": price}), said


def own_start(model: str, given: Mapping[str, Any]) -> float | None:
    """What prices start from without s0, USD per coin; None where they need one, or their parameters are wrong."""
    from stress.prices import make

    bars = given.get("bars")
    if bars is not None:
        return float(bars.open[0] if model == "replay" else bars.close[-1])
    try:
        return float(make(model, **given).s0)
    except InputError:
        return None


def fitted(
    model: str, given: Mapping[str, Any], bars: Path, time_format: str | None, start: Start = as_they_are
) -> tuple[dict[str, Any], dict[str, Any], tuple[Adjustment, ...]]:
    """Parameters and provenance of a fit to bars, and what was done to these.

    Parameters
    ----------
    model : str
    given : mapping
        Keys of [prices] beside `model`, `calibrate` and the like.
    bars : Path
    time_format : str or None

    Raises
    ------
    InputError
        If the model cannot be fitted, keys are not `OPTIONS`, or the bars are unreadable or too few.
    """
    from stress.prices import read_bars
    from stress.prices.calibration import calibrate as fit
    from stress.prices.history_use import is_same_price, rescaled

    problems = [
        Problem("prices", f"with calibrate, {one_of(key, OPTIONS)}", column=key) for key in given if key not in OPTIONS
    ]
    if model not in fit.FITTERS:
        problems.append(Problem("prices", one_of(model, fit.FITTERS), column="model", value=model))
    raise_if(problems)
    calibration = fit.calibrate(read_bars(bars, time_format), model, **_options(given), halves=False)
    done, last = calibration.bars.adjustments, float(calibration.bars.close[-1])
    if "s0" not in given:
        chosen, said = start(last)
        given, done = {"s0": last} | dict(given) | chosen, (*done, *said)
    s0 = float(given["s0"])
    if not is_same_price(last, s0) and not calibration.fit.needs_bars:  # a model with bars says so itself
        done = *done, rescaled(calibration.bars, last, s0, "prices.s0")
    provenance = calibration.provenance() | {"standard_errors": calibration.errors}
    provenance["notes"].append(NOTE)
    return {"s0": s0} | calibration.parameters, provenance, done


def refits(model: str, given: Mapping[str, Any], bars: Path, time_format: str | None) -> tuple[dict[str, Any], ...]:
    """Parameters fitted to bars with one period left out at a time; none for a model without them."""
    from stress.prices import read_bars
    from stress.prices.calibration.fitters import FITTERS

    return FITTERS[model](read_bars(bars, time_format), **_options(given)).redraws


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in given.items() if k != "s0"}
