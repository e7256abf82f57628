"""From the arguments of `stress.simulate` to a checked `Design`."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from stress import quantities
from stress.arguments import is_finite, is_number, is_whole, is_word, percent_hint, wrong_types
from stress.book.book import Book
from stress.book.positions import VENUE_EXPECTED
from stress.callers import warn
from stress.engine.design import Design, Detail
from stress.engine.renewal import DAY, Renewal, renewal_of
from stress.errors import Problem, raise_if
from stress.prices import Bars, Paths, PriceModel
from stress.prices.rarest_event import read_tail
from stress.venue.depth import Depth
from stress.venue.events import Events, problems_of_steps
from stress.venue.funding import Funding
from stress.venue.layer import Layer, read_layers, with_fund
from stress.venue.market_venue import load_venue_of
from stress.venue.venue import Venue

MAX_SEED = 2**63 - 1
MAX_PATHS, MAX_STEPS = 2**53, 2**31 - 1  # numbers that the compiled side counts paths and steps with
DEFAULT_PATHS, DEFAULT_HORIZON, DEFAULT_STEP = 10_000, 86_400.0, 60.0


class LateFillWarning(UserWarning):
    """Nothing says how late fills are, where it decides the answer."""


def prepare(
    book: Book,
    venue: Venue | str | Path,
    prices: PriceModel,
    *,
    fund: Any,
    n_paths: Any = None,
    horizon: Any = None,
    step: Any = None,
    depth: Depth | None = None,
    gap: Any = None,
    jump_gap: Any = 1.0,
    seed: int = 0,
    under_margin: Literal["error", "liquidate", "drop"] = "error",
    detail: Detail = "positions",
    delay: Any = None,
    days: Any = None,
    renew: Any = None,
    income_per_day: Any = None,
    fund_cap: Any = None,
    sweep: Any = None,
    layers: Mapping[str, Layer] | None = None,
    funding: Funding | None = None,
    events: Events | None = None,
    tail: Any = None,
) -> Design:
    """The checked run of the arguments of `simulate`."""
    book_expected = "a stress.Book: Book.read(file), Book.from_frame(frame); a scenario is run by stress.run"
    if isinstance(venue, (str, os.PathLike)) and isinstance(book, Book):
        venue = load_venue_of(venue, book.market)
    problems = wrong_types(
        "run",
        book=(book, Book, book_expected),
        venue=(venue, Venue, VENUE_EXPECTED),
        depth=(depth, Depth | None, "a stress.Depth or None"),
        funding=(funding, Funding | None, "a stress.Funding or None"),
        events=(events, Events | None, "a stress.Events or None"),
    )
    raise_if(problems + model_problems(prices))
    assert isinstance(venue, Venue)
    if fund is None:
        expected = "the initial insurance fund in USD, such as 5e6 or '5M'; inf: unlimited"
        problems.append(Problem("run", expected, column="fund"))
        fund = venue.reserve
    fund, jump_gap, gap, delay = *map(quantities.number, (fund, jump_gap, gap)), quantities.seconds(delay)
    renewal = renewal_of(days, renew, income_per_day, fund_cap, sweep, venue.reserve, problems)
    if renewal is not None:
        problems += problems_of_days(venue, events)
        horizon, detail = horizon_of(renewal, horizon, problems), "paths"
    n_paths, horizon, step, of_time = timing(prices, n_paths, horizon, step)
    problems += of_time
    late = {name: value for name, value in {"gap": gap, "delay": delay}.items() if value is not None}
    numbers = {"fund": fund, "jump_gap": jump_gap, **late}
    wrong = {name: value for name, value in numbers.items() if not is_number(value)}
    problems += [_no_number(name, value) for name, value in wrong.items()]
    raise_if(problems)
    steps = horizon / step if step > 0 else 0.0
    n_steps = round(steps) if math.isfinite(steps) else 0
    known = isinstance(seed, (int, np.integer)) and is_whole(seed)
    checks = [
        ("fund", fund, fund >= venue.reserve, f"{venue.money}, at least the venue's reserve {venue.reserve:,.10g}"),
        ("n_paths", n_paths, is_whole(n_paths) and 1 <= n_paths <= MAX_PATHS, "a whole number, 1 or more"),
        ("step", step, step > 0 and math.isfinite(step), "seconds above 0"),
        ("horizon", horizon, n_steps >= 1, "a step or more, in seconds"),
        ("step", step, n_steps <= MAX_STEPS, f"at most {MAX_STEPS:,} steps in the horizon"),
        ("horizon", horizon, n_steps < 1 or abs(n_steps * step - horizon) <= 1e-6 * step, _multiple(horizon, step)),
        ("step", step, renewal is None or n_steps % renewal.days == 0, "whole steps in a day"),
        ("gap", gap, gap is None or 0 <= gap <= 1, f"a share from 0 to 1{percent_hint(gap)}"),
        ("delay", delay, delay is None or 0 <= delay < math.inf, "seconds, 0 or more"),
        ("delay", delay, len(late) < 2, "no delay beside gap, nor gap beside delay: each says how late a fill is"),
        ("jump_gap", jump_gap, 0 <= jump_gap <= 1, f"a share from 0 to 1{percent_hint(jump_gap)}"),
        ("seed", seed, known and 0 <= seed <= MAX_SEED, "a whole number from 0 to 2^63 - 1"),
        ("detail", detail, is_word(detail, get_args(Detail)), "positions or paths"),
    ]
    layers, fund = with_fund(layers, venue, fund)
    layers, problems = read_layers(layers, venue, fund)
    problems += [Problem("run", expected, column=name, value=value) for name, value, ok, expected in checks if not ok]
    raise_if(problems + problems_of_times(funding, events, step))
    if not late and not getattr(prices, "has_jumps", True):
        warn(
            f"{type(prices).__name__}: its steps hold no jumps, so that with gap = 0 every position fills at its "
            "trigger and only a finite depth makes deficits; give delay (seconds) or gap",
            LateFillWarning,
        )
    book = book.of_contract(venue.contract)
    book = book.check_margin(venue, prices.s0, under_margin).balanced("outside").check_limits(venue)
    book.check_orders(prices.s0)
    depth = None if depth is None else depth.resolve(book.open_interest(prices.s0))
    return Design(
        book,
        venue,
        prices,
        int(n_paths),
        n_steps,
        float(step),
        depth,
        float(fund),
        0.0 if gap is None else float(gap),
        float(jump_gap),
        int(seed),
        detail,
        None if delay is None else float(delay),
        renewal,
        layers,
        funding,
        events or None,
        read_tail(tail, prices, int(n_paths), n_steps, float(step)),
    )


def horizon_of(renewal: Renewal, horizon: Any, problems: list[Problem]) -> float:
    """The horizon of a run of days, seconds; one that is given must be the same."""
    whole, given = renewal.days * DAY, quantities.seconds(horizon)
    if given is not None and given != whole:
        problems.append(Problem("run", f"no horizon beside days, or {whole:.12g} s", column="horizon", value=horizon))
    return whole


def problems_of_days(venue: Venue, events: Events | None) -> list[Problem]:
    """Rules that a run of days cannot have, since what they leave behind at the end of a day is not carried on."""
    first = next(iter(venue.cash_layers), "")
    checks = [
        (
            "events",
            events,
            not events,
            "no events beside days: they are at times of one day, and a run of days has many",
        ),
        (
            "carrier",
            venue.carrier,
            venue.carrier == "market",
            "market beside days: what another carrier has taken over is not carried on from day to day",
        ),
        (
            "waterfall",
            list(venue.waterfall),
            first == "fund",
            "the fund as the first layer of money beside days: the balance of no other is carried on",
        ),
    ]
    return [
        Problem("run", expected, column=name, value=None if name == "events" else value)
        for name, value, ok, expected in checks
        if not ok
    ]


def problems_of_times(funding: Funding | None, events: Events | None, step: float) -> list[Problem]:
    """What of funding and events does not fit steps of some length, seconds."""
    if not (step > 0 and math.isfinite(step)):
        return []
    problems = problems_of_steps(events, step)
    if funding is not None:
        steps = funding.interval / step
        if round(steps) < 1 or abs(round(steps) - steps) > 1e-9 * steps:
            expected = _multiple(funding.interval, step)
            problems.append(Problem("run", expected, column="funding.interval", value=funding.interval))
    return problems


def _multiple(horizon: float, step: float) -> str:
    """What a horizon of whole steps would be."""
    if not (step > 0 and math.isfinite(horizon / step)):
        return f"a multiple of {step:g} s"
    below = math.floor(horizon / step)
    near = [f"{n * step:.12g}" for n in (below, below + 1) if n > 0]
    return f"a multiple of {step:g} s, the nearest {'are' if len(near) > 1 else 'is'} {' and '.join(near)} s"


def model_problems(prices: Any) -> list[Problem]:
    """What an object lacks to be a price model."""
    s0: Any = getattr(prices, "s0", None)
    methods = (getattr(prices, name, None) for name in ("block", "describe"))
    if isinstance(prices, type) or not all(map(callable, methods)):
        expected = "a price model: stress.prices.Kou(...) or another, or what has s0, describe() and block()"
        if isinstance(prices, (str, os.PathLike, Bars)) or type(prices).__name__ == "DataFrame":
            expected = "a price model: Replay(bars), Bootstrap(bars), Episode(name) of a crash, in stress.prices"
        return [Problem("run", expected, column="prices", value=prices)]
    if not (is_finite(s0) and s0 > 0):
        return [Problem("run", "a price model whose s0 is a number above 0", column="prices", value=s0)]
    return []


def _no_number(name: str, value: Any) -> Problem:
    """The problem of an argument that is no number, nor text that writes one."""
    forms = quantities.DURATION if name in ("horizon", "step", "delay") else quantities.NUMBER
    return Problem("run", quantities.expected(value, forms=forms), column=name, value=value)


def timing(
    prices: PriceModel, n_paths: int | str | None, horizon: float | str | None, step: float | str | None
) -> tuple[Any, Any, Any, list[Problem]]:
    """Paths, horizon and step: those of the price model where it has its own, and what contradicts them.

    What a model has, `n_paths`, `step` and `horizon`, cannot be changed: a number that is given must be the same. A
    replay may end before its bars do.
    """
    given: dict[str, Any] = {
        "n_paths": quantities.number(n_paths),
        "horizon": quantities.seconds(horizon),
        "step": quantities.seconds(step),
    }
    own = {name: getattr(prices, name, None) for name in given}
    defaults = {"n_paths": DEFAULT_PATHS, "horizon": DEFAULT_HORIZON, "step": DEFAULT_STEP}
    used = {name: next(x for x in (given[name], own[name], defaults[name]) if x is not None) for name in given}
    raise_if([_no_number(name, x) for name, x in used.items() if not is_number(x)])
    wrong = [name for name, value in own.items() if value is not None and not (is_finite(value) and value > 0)]
    model = type(prices).__name__
    raise_if([Problem(f"run, {model}", "a number above 0", column=name, value=own[name]) for name in wrong])
    problems = []
    if own["n_paths"] is not None and used["n_paths"] != own["n_paths"]:
        expected = f"{own['n_paths']:,}, as many as {model} has"
        problems.append(Problem("run", expected, column="n_paths", value=n_paths))
    if own["step"] is not None and used["step"] != own["step"]:
        expected = f"the step of {model}, {own['step']:.12g} seconds"
        problems.append(Problem("run", expected, column="step", value=step))
    if (longest := own["horizon"]) is not None:
        over = used["horizon"] - longest
        if over > 1e-6 * used["step"] or (isinstance(prices, Paths) and abs(over) > 1e-6 * used["step"]):
            most = "" if isinstance(prices, Paths) else "at most "
            expected = f"{most}the length of {model}, {longest:.12g} seconds"
            problems.append(Problem("run", expected, column="horizon", value=horizon))
    return used["n_paths"], used["horizon"], used["step"], problems
