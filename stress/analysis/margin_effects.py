"""What a turn of leverage is worth, and what higher maintenance is: the same run with other margins, path by path.

| change | is |
|---|---|
| one turn less from L x on | who has an effective leverage l = n / E of L or more at S_0 posts as much as makes it l - 1: n (1 / (l - 1) - 1 / l) more |
| maintenance x 1.1 | the maintenance rate of every tier, and its deduction, a tenth higher |
| maintenance + 1 point | the maintenance rate of every tier one percentage point higher |

Positions, prices and all else stay, so differences are those of the change on common random numbers
(`stress.results.compare`). Where a rate comes to 1 / max_leverage of its tier or more, the largest leverage of the tier
is lowered below it. Who is then at or below maintenance margin at S_0 is liquidated in the first step, as with
`under_margin = "liquidate"`; how many that is stands in the table.

Effects are of one change at a time and of today's book: traders who are asked for more margin may also leave.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis import cases
from stress.analysis.study import Study
from stress.arguments import numbers
from stress.engine.design import Design
from stress.errors import InputError, Problem
from stress.results import comparison, mechanics
from stress.scenario.scenario import Scenario
from stress.venue.venue import Venue

LEVERAGES = (5.0, 10.0, 20.0, 50.0)
RAISED = {"maintenance x 1.1": (1.1, 0.0), "maintenance + 1 point": (1.0, 0.01)}
BASE = "as it is"
ROOM = 0.99  # of 1 / rate: the largest leverage that a tier is left with
COLUMNS = (
    "change", "quantity", "base", "value", "difference", "se", "low", "high", "unit", "note", "positions", "notional",
    "at_once",
)  # fmt: skip


def margin_effects(
    scenario: Scenario | Any,
    leverages: Sequence[float] = LEVERAGES,
    alphas: Sequence[float] | None = None,
    paths: int | None = None,
    *,
    threads: int | None = None,
    progress: cases.Progress | None = None,
) -> pd.DataFrame:
    """The required fund, P(depletion) and P(ADL) with other margins, each against the scenario as it is.

    Parameters
    ----------
    scenario : Scenario or path
    leverages : sequence of float
        Effective leverages at S_0, 2 or more, from which on a turn is taken off; those that nobody has are left out.
    alphas : sequence of float, optional
        Probabilities of depletion; by default those of the scenario.
    paths : int, optional
        By default that of the scenario, 2,000 at most, or as many as the cells of its tail take.
    threads, progress
        As in `stress.simulate`.

    Returns
    -------
    DataFrame
        A row per change and quantity: `change`, `quantity` ("fund for alpha = 0.01", P(depletion), P(ADL)), `base` and
        `value`, `difference` with `se`, `low`, `high` (95 %, paired path by path; nan where a fund is only a bound),
        `unit`, `note`, and whom the change concerns: `positions`, their `notional` (USD at S_0), and `at_once`, how
        many are liquidated in the first step. `attrs` holds `paths` and `seed`, `held`: what is held fixed where the
        scenario has a range of answers, and `money`.

    Raises
    ------
    InputError
        If a leverage is below 2, or the scenario renews its book each day.
    """
    given = numbers(leverages)
    if given is None or given.ndim != 1 or not (np.isfinite(given) & (given >= 2)).all():
        raise InputError(Problem("margin_effects", "leverages of 2 or more", column="leverages", value=leverages))
    start = cases.read(scenario, None, "margin_effects")
    start = cases.read(start, cases.few_paths(start) if paths is None else paths, "margin_effects")
    alphas = start.fund.alphas if alphas is None else [quantities.number(alpha) for alpha in alphas]
    comparison.check_alphas(alphas)
    (base,) = cases.designs(start, [{}], "margin_effects")
    if base.renewal is not None:
        raise InputError(Problem("margin_effects", "a run of one book: that of a run of days is drawn anew each day"))
    designs, concerned = {BASE: base}, {}
    for leverage in np.unique(given):
        changed, mine = one_turn_less(base, float(leverage))
        if mine.any():
            name = f"one turn less from {leverage:g}x on"
            designs[name], concerned[name] = changed, (mine, 0)
    for name, (scale, points) in RAISED.items():
        changed, at_once = higher_maintenance(base, scale, points)
        designs[name], concerned[name] = changed, (np.ones(len(base.book), bool), at_once)
    table = Study(designs).run(threads=threads, progress=progress).compare(BASE, alphas)
    wanted = {mechanics.DEPLETED, mechanics.DEPLETED_ALONE, comparison.ADL_EVENT}
    table = table[table["quantity"].isin(wanted) | table["quantity"].str.startswith("fund for ")]
    notional = base.book.notional(base.s0)
    masks = [concerned[name] for name in table["design"]]
    table = table.rename(columns={"design": "change"}).assign(
        positions=[int(mine.sum()) for mine, _ in masks],
        notional=[float(notional[mine].sum()) for mine, _ in masks],
        at_once=[at_once for _, at_once in masks],
    )
    out = table[list(COLUMNS)].reset_index(drop=True)
    out.attrs = {"paths": base.n_paths, "seed": start.seed, "held": cases.held(start, ())}
    out.attrs["money"] = start.venue_object.money
    return out


def one_turn_less(design: Design, leverage: float) -> tuple[Design, np.ndarray]:
    """A design with a turn less where the effective leverage at S_0 is so much or more; and where that is, bool[N]."""
    book, s0 = design.book, design.s0
    has = book.effective_leverage(s0)
    mine = np.isfinite(has) & (has >= leverage)
    more = np.zeros(len(book))
    more[mine] = book.value(s0)[mine] * (1.0 / (has[mine] - 1.0) - 1.0 / has[mine])
    return replace(design, book=book.with_margin(book.margin + more)), mine


def higher_maintenance(design: Design, scale: float, points: float) -> tuple[Design, int]:
    """A design whose maintenance rates are scaled and raised by points, and how many are liquidated at once."""
    venue = _raised(design.venue, scale, points)
    at_once = int((design.book.equity(design.s0) <= design.book.maintenance(venue, design.s0)).sum())
    book = design.book.check_margin(venue, design.s0, "liquidate")
    return replace(design, venue=venue, book=book), at_once


def _raised(venue: Venue, scale: float, points: float) -> Venue:
    tiers = []
    for tier in venue.tiers:
        rate = tier.maintenance_rate * scale + points
        if not rate < 1.0:
            expected = "maintenance rates that stay below 1"
            raise InputError(Problem("margin_effects", expected, column="maintenance_rate", value=rate))
        most = min(tier.max_leverage, ROOM / rate) if rate > 0 else tier.max_leverage
        tiers.append(replace(tier, maintenance_rate=rate, deduction=tier.deduction * scale, max_leverage=most))
    figures = tuple(figure for figure in venue.figures if figure.name != "tiers")
    return replace(venue, tiers=tuple(tiers), figures=figures)
