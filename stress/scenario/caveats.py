"""Caveats: notes on the choices of a scenario that a reader of its results should know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from stress.formatting import amount, duration, notional, percent
from stress.scenario.lateness import cannot_tell
from stress.scenario.rule_notes import rule_notes
from stress.venue.mechanics import adl_is_behind_cash

if TYPE_CHECKING:
    from stress.engine.design import Design


REAL = ("replay", "episode", "bootstrap", "filtered-bootstrap")  # models that use historical prices


def notes(
    design: Design,
    model: str,
    provenance: dict[str, Any],
    *,
    alphas: Sequence[float] = (),
    delays: tuple[float, ...] = (),
    depth_is_share: bool = False,
) -> Iterator[str]:
    """Caveats of a run, most important first.

    Parameters
    ----------
    design : Design
    model : str
        Name of the price model.
    provenance : dict
        Provenance of its calibration: `fit_for_sizing`, `reasons`, `jump_gap`.
    alphas : sequence of float
        Probabilities that a fund is asked for.
    depth_is_share : bool
        Whether the depth was given as a share of the open interest: then it is said in USD.
    delays : tuple of float
        Delays whose range is the answer, see `stress.scenario.lateness`.

    Yields
    ------
    str
        A sentence or two.
    """
    yield from _of_prices(design, model, provenance, alphas)
    yield from _of_delay(design, delays)
    yield from _of_depth(design, model)
    record = design.depth_record
    if depth_is_share and record is not None:
        yield (
            f"The order book holds {notional(record['usd'])} within {percent(record['width'])}, "
            f"{percent(record['oi_share'])} of the open interest of one side."
        )
    venue = design.venue
    with_adl = adl_is_behind_cash(venue.waterfall)
    if venue.drawdown is not None and with_adl:
        span = "" if venue.drawdown_window is None else f" of the last {duration(venue.drawdown_window)}"
        yield (
            f"ADL begins when the fund is {percent(venue.drawdown)} below its peak{span}, not when it is empty: "
            '"depleted" means that ADL has begun.'
        )
    if venue.reserve > 0 and with_adl:
        yield f'ADL rules keep {amount(venue.reserve, venue.money)} in the fund: "depleted" means that ADL has begun.'
    yield from _of_days(design)
    yield from rule_notes(design)


def _of_days(design: Design) -> Iterator[str]:
    """What begins anew each day, and what goes on."""
    if design.renewal is None:
        return
    venue, depth = design.venue, design.depth_record or {}
    yield (
        f"All {design.renewal.days:,} days of every path begin with one and the same book, as it stands to the price "
        "of that morning: who was closed is replaced overnight, and no crowd grows, shrinks or takes fright."
    )
    anew = {
        "what has been taken from the order book": bool(depth),
        "what the depth has fallen by, and its schedule": bool({"scale", "schedule"} & {*depth}),
        "the peak that a drawdown of the fund is measured from": venue.drawdown is not None,
        "a mark that is an average or is held back": venue.mark != "book",
        "capital and cap of layers other than the fund": len(venue.cash_layers) > 1,
        "open margin calls, which are not settled": venue.liquidation == "margin_call",
    }
    words = ", ".join(text for text, on in anew.items() if on)
    yield (
        f"{f'Anew each morning: {words}. ' if words else ''}The fund, and what the price model carries from step to "
        "step, such as its volatility, go on from day to day."
    )


def _of_prices(design: Design, model: str, provenance: dict[str, Any], alphas: Sequence[float]) -> Iterator[str]:
    if design.n_paths == 1:
        yield "This is one path: it shows the effect of such a move, not its probability."
    sizing = provenance.get("fit_for_sizing")
    fit, least = (sizing.get("fit"), sizing.get("probability")) if isinstance(sizing, dict) else (sizing, None)
    if fit is False:
        reasons = "; ".join(map(str, provenance.get("reasons", []))) or "according to its provenance"
        yield f"The price model is not fit for sizing a fund ({reasons})."
    elif least is not None and any(alpha < least for alpha in alphas):
        yield (
            f"The bars behind the price model support a fund for {percent(least)} of days or more; for a smaller "
            "probability it is an extrapolation of the tail."
        )
    elif model == "gbm":
        yield "The price model has no jumps: it is not fit for sizing a fund."
    elif model == "kou" and "fit_for_sizing" not in provenance:
        yield (
            "Exponential tails of jumps usually decay too fast for sizing a fund, and the scenario has no record that "
            "these were checked."
        )
    proposed = provenance.get("jump_gap") if getattr(design.prices, "has_jumps", True) else None
    if proposed is not None and not proposed[0] <= design.jump_gap <= proposed[1]:
        bound = "an upper bound" if design.jump_gap > proposed[1] else "below what was seen"
        low, high = proposed
        yield f"jump_gap = {design.jump_gap:g} is {bound}: the bars behind the price model propose {low:g} to {high:g}."


def _of_delay(design: Design, delays: tuple[float, ...]) -> Iterator[str]:
    if delays:
        yield (
            f"The answer is the range over delays of {', '.join(map(duration, delays))} from trigger to fill; who is "
            f"hit is shown at {duration(delays[-1])}."
        )
    asked = delays or (() if design.delay is None else (design.delay,))
    wick = getattr(design.prices, "wick_duration", None)
    if wick and (late := [delay for delay in asked if delay > wick]):
        yield (
            f"Wicks last {duration(wick)}: at a delay of {', '.join(map(duration, late))} a fill comes when the "
            "price is back, so that wicks cost next to nothing. Shorter delays cost more here."
        )
    length = design.n_steps * design.step
    if beyond := [delay for delay in asked if delay >= length]:
        yield f"A delay of {', '.join(map(duration, beyond))} ends after the run: all fills are at its last price."
    if blind := [delay for delay in asked if cannot_tell(delay, design.step)]:
        yield (
            f"Steps of {duration(design.step)} cannot tell a delay of {', '.join(map(duration, blind))}: they say "
            "nothing of the way between the points of a step, which is taken as straight."
        )


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
