"""Caveats: notes on the choices of a scenario that a reader of its results should know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stress.formatting import duration, percent, usd

if TYPE_CHECKING:
    from stress.engine.design import Design


REAL = ("replay", "episode", "bootstrap", "filtered-bootstrap")  # models that use historical prices


def notes(design: Design, model: str, provenance: dict[str, Any]) -> Iterator[str]:
    """Caveats of a run, most important first.

    Parameters
    ----------
    design : Design
    model : str
        Name of the price model.
    provenance : dict
        Provenance of its calibration: `fit_for_sizing`, `reasons`, `jump_gap`.

    Yields
    ------
    str
        A sentence or two.
    """
    yield from _of_prices(design, model, provenance)
    yield from _of_depth(design, model)
    venue = design.venue
    if venue.drawdown is not None:
        span = "" if venue.drawdown_window is None else f" of the last {duration(venue.drawdown_window)}"
        yield (
            f"ADL begins when the fund is {percent(venue.drawdown)} below its peak{span}, not when it is empty: "
            '"depleted" means that ADL has begun.'
        )
    if venue.reserve > 0:
        yield f'ADL rules keep {usd(venue.reserve)} in the fund: "depleted" means that ADL has begun.'


def _of_prices(design: Design, model: str, provenance: dict[str, Any]) -> Iterator[str]:
    if design.n_paths == 1:
        yield "This is one path: it shows the effect of such a move, not its probability."
    if provenance.get("fit_for_sizing") is False:
        reasons = "; ".join(map(str, provenance.get("reasons", []))) or "according to its provenance"
        yield f"The price model is not fit for sizing a fund ({reasons})."
    elif model == "gbm":
        yield "The price model has no jumps: it is not fit for sizing a fund."
    elif model == "kou" and "fit_for_sizing" not in provenance:
        yield (
            "Exponential tails of jumps usually decay too fast for sizing a fund, and the scenario has no record that "
            "these were checked."
        )
    proposed = provenance.get("jump_gap")
    if proposed is not None and not proposed[0] <= design.jump_gap <= proposed[1]:
        bound = "an upper bound" if design.jump_gap > proposed[1] else "below what was seen"
        low, high = proposed
        yield f"jump_gap = {design.jump_gap:g} is {bound}: the bars behind the price model propose {low:g} to {high:g}."


def _of_depth(design: Design, model: str) -> Iterator[str]:
    if model in REAL and design.depth is not None:
        yield (
            "Real prices already contain the impact of real liquidations: with a finite depth it is counted twice. "
            'depth = "none" counts it once.'
        )
    if model not in REAL and design.depth is None:
        yield "No [depth]: forced orders move no price, so there is no cascade."
    if design.depth is not None and design.depth.passthrough == 1.0:
        yield "passthrough = 1 (the index is this venue alone) gives an upper bound of the cascade."
