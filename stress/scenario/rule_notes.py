"""What each rule of part II assumes, a sentence for each that is on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stress.book.columns import PROTECTED
from stress.formatting import SPACE, amount, count, duration, notional, percent, significant
from stress.venue.mechanics import SPARED, USUAL_WATERFALL

if TYPE_CHECKING:
    from stress.engine.design import Design

LAYERS = {"adl": "winners, by ADL", "socialise": "all, as a socialised loss"}


def rule_notes(design: Design) -> Iterator[str]:
    """A sentence for each rule of part II that is on in a design, in the order of the model."""
    venue = vars(design.venue)
    yield from _closeout(venue, getattr(design.venue, "money", "USD"))
    yield from _carrier(venue)
    yield from _layers(venue, getattr(design, "layers", None) or {})
    yield from _queue(venue, getattr(design, "events", None))
    yield from _orders(design)
    if (funding := getattr(design, "funding", None)) is not None:
        yield (
            f"Funding is paid every {duration(float(funding.interval))} at rates that are given: they do not follow "
            "the price, and nobody opens or closes a position because of them."
        )
    if venue.get("fund_in", "usd") == "coin":
        yield (
            "The fund is held in the coin: after a fall it is worth less in USD, when it has to pay; amounts of it are "
            "USD at S_0, the price at the start."
        )
    yield from _mark(venue, getattr(design, "events", None))
    yield from _adl(design)
    yield from _never(design)
    if venue.get("liquidation", "automatic") == "margin_call":
        yield from _calls(venue, design.n_steps * design.step)


def _closeout(venue: Mapping[str, Any], money: str) -> Iterator[str]:
    closeout = venue.get("closeout", "whole")
    if closeout == "fraction":
        above = f" of more than {amount(venue['partial_above'], money)}" if venue.get("partial_above") else ""
        rest = venue.get("cooldown") or 0.0
        then = (
            f"rests {duration(rest)} whatever the mark does" if rest else "is met again at once if it still has to be"
        )
        yield (
            f"A position{above} is first closed by {percent(venue['fraction'])}, filled at once by the order book, and "
            f"{then}; what is left of it is closed whole when it is next met."
        )
    elif closeout == "tiers":
        n = venue.get("tiers_at_once", 1)
        yield (
            f"A position is brought down by {n} {'tier' if n == 1 else 'tiers'} at a time, each cut filled at once "
            "by the order book; in the lowest tier it is closed whole."
        )
    elif closeout == "restore":
        yield (
            f"A position is cut until its equity is {percent(venue['buffer'])} above its maintenance margin, each cut "
            "filled at once by the order book; after eight cuts in a row it is closed whole."
        )


def _carrier(venue: Mapping[str, Any]) -> Iterator[str]:
    name = venue.get("carrier", "market")
    if name == "market":
        return
    below = float(venue.get("takeover_below") or 0.0)
    which = (
        "Bankrupt positions" if below == 0
        else "All liquidated positions" if math.isinf(below)
        else f"Positions with less than {percent(below)} of their maintenance margin"
    )  # fmt: skip
    half_life = float(venue.get("unload_half_life") or 0.0)
    sells = f"sells half of what it holds every {duration(half_life)}" if half_life else "sells it in the next step"
    yield (
        f"{which} go to the {name} at their bankruptcy price; it {sells}, at any price of the order book, does not "
        "hedge, and neither pays nor receives funding."
    )


def _layers(venue: Mapping[str, Any], layers: Mapping[str, Any]) -> Iterator[str]:
    order = tuple(venue.get("waterfall") or USUAL_WATERFALL)
    if order != USUAL_WATERFALL:
        words = ", then ".join(LAYERS.get(name, f"the {name}") for name in order)
        yield (f"Losses fall on {words}; each layer pays at once, nobody adds to it or takes from it during the run.")
    for name, layer in layers.items():
        if layer.capital is not None and math.isinf(float(layer.capital)):
            yield f"The {name} has no limit in this run."
    if "socialise" in order:
        who = "all with a positive result on the path" if venue.get("socialise") != "everybody" else "all with equity"
        yield (
            f"What is still unpaid at the end of a path is taken from {who}, in proportion: nobody has withdrawn "
            "before."
        )


def _queue(venue: Mapping[str, Any], events: Any) -> Iterator[str]:
    throughput = venue.get("throughput")
    if throughput is not None and math.isfinite(throughput):
        yield (
            f"No more than {count(throughput, 'position')} a second can be worked, in the order of liquidation prices; "
            "the others wait for a later step and its prices."
        )
    if len(getattr(events, "outages", ())):
        yield "In an outage nothing is worked at this venue, while prices go on as they would without it."


def _orders(design: Design) -> Iterator[str]:
    names = [
        name
        for name, column in (("stops", "stop"), ("take-profits", "take_profit"))
        if (levels := getattr(design.book, column, None)) is not None and not np.isnan(levels).all()
    ]
    if names:
        yield (
            f"Traders' {' and '.join(names)} stay where they are, are met by the mark, and are filled whole by the "
            "order book: nobody cancels or moves one."
        )


def _adl(design: Design) -> Iterator[str]:
    """When ADL begins and stops, and how much it asks of whom."""
    venue = vars(design.venue)
    if (above := venue.get("adl_above")) is not None:
        limit = amount(above, getattr(design.venue, "money", "USD"))
        yield f"A deficit of one position above {limit} goes to ADL whole: no layer before it pays of that."
    if (stop := venue.get("drawdown_stop")) is not None:
        yield f"Once ADL has begun the fund pays nothing until its drawdown is less than {percent(stop)}."
    if venue.get("adl_losers", "spared") == "last":
        yield "Where no winner is left ADL closes those of their side without profit, as far as their equity lasts."
    if lot := venue.get("adl_lot"):
        yield f"ADL closes whole multiples of {significant(lot)}, rounded by chance, without bias."
    if (cap := venue.get("adl_cap", 1.0)) < 1:
        yield f"One ADL event takes at most {percent(cap)} of what a position can give."
    yield from _spared(design, venue.get("hedged", "ranked") == SPARED)


def _spared(design: Design, hedged: bool) -> Iterator[str]:
    """Whom ADL never closes, with count and notional."""
    book = getattr(design, "book", None)
    if book is None or not (hedged or book.has(PROTECTED)):
        return
    spared = book.spared_quantity(hedged=hedged)
    worth = book.notional(design.s0) * (spared / book.quantity)

    def of_book(which: np.ndarray) -> str:
        positions = count(int(which.sum()), "position")
        return f"{positions} of {len(book):,}, {notional(float(worth[which].sum()))} at the start"

    if book.has(PROTECTED):
        yield f"ADL never closes those who are protected, {of_book(book.protected)}."
    if hedged:
        yield (
            "ADL spares what an account, by name, holds on both sides at the start, also when the other side is gone: "
            f"{of_book((spared > 0) & ~book.protected)}."
        )


def _never(design: Design) -> Iterator[str]:
    """What is set for a time that no path reaches."""
    end = design.n_steps * design.step
    for name, times in vars(design.events).items() if design.events else ():
        late = [first for first, _ in times if first >= end]
        if late:
            yield (
                f"No path gets to {len(late)} of {len(times)} {name.replace('_', ' ')}: the first of those would be "
                f"{duration(late[0])} after the start."
            )
    if design.funding is not None and design.funding.interval >= end:
        yield f"No funding is paid: the first payment would be {duration(design.funding.interval)} after the start."


def _calls(venue: Mapping[str, Any], end: float) -> Iterator[str]:
    """Of paths that end so many seconds after the start."""
    yield (
        f"Called traders pay in with a probability of {percent(float(venue['top_up']))}, whatever the price does and "
        "independently of each other; nobody is closed before the deadline, whatever is lost in the meantime."
    )
    first = float(venue.get("call_deadline") or venue.get("call_time") or 0.0)
    if first >= end:
        at = f"{duration(first)} after the start at the earliest"
        yield f"No path gets to a deadline of a call, {at}: nobody is closed."
    else:
        yield "A call that is open at the end of a path is not settled: what its position has lost is not counted."


def _mark(venue: Mapping[str, Any], events: Any) -> Iterator[str]:
    mark = venue.get("mark", "book")
    if mark == "ema":
        half_life = duration(venue["mark_half_life"])
        yield f"The mark is an average of the price with a half-life of {half_life}: triggers look at it, fills do not."
    elif mark == "clamp":
        most = 100 * venue["mark_clamp"]
        yield (
            f"The mark moves by at most {significant(most)}{SPACE}% a second: triggers look at it, fills are at the "
            "price."
        )
    if len(getattr(events, "stale", ())):
        yield "While the mark stands still triggers look at it, and fills are at the price, which goes on."
    if len(getattr(events, "bad_ticks", ())):
        yield "A bad tick is seen by triggers for one step, at this venue alone: no price, and no fill, follows it."
