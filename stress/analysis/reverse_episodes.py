"""Reverse stress on history: how many times as violent a crash would have to be to empty the fund.

The log moves of an episode are multiplied by a factor, as `scale` does in a scenario, until the fund does not survive
it. A larger factor need not cost more, since other positions are met at other times: the search starts at the first of
some 40 factors that empties the fund, and ends by bisection. Each factor is one path, exact.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stress import quantities
from stress.analysis import sized_layer
from stress.analysis.stress_scenarios import DELAYS, episode_design
from stress.arguments import is_finite
from stress.engine.design import Design
from stress.errors import InputError, Problem, raise_if
from stress.kernels.path.records import Prices
from stress.prices.episode import Episode, EpisodeInfo, list_episodes
from stress.results.sizing import crash_refused
from stress.scenario.lateness import cannot_tell
from stress.scenario.scenario import Scenario, as_scenario

FACTORS = np.geomspace(0.1, 5.0, 40)  # of the log moves
NEARNESS = 1e-4  # of the factor that is found, relative


def reverse_episodes(
    scenario: Scenario | str | Path, fund: float | str | None = None, delay: float | str | None = None
) -> pd.DataFrame:
    """The smallest factor on the moves of each shipped episode that depletes the fund of a scenario.

    Parameters
    ----------
    scenario : Scenario or path
        Its book, venue and price at the start are used. Depth is left out, see `stress.analysis.stress_scenarios`.
    fund : float, optional
        Capital of the first layer of cash, the insurance fund on most venues, USD; default: that of the scenario.
    delay : float, optional
        Seconds from trigger to fill. Default: the scenario's gap, or delay (of several the longest); 5 minutes where it
        states neither.

    Returns
    -------
    DataFrame
        A row per episode: `scenario`, `title`, `delay`, `gap` (one of the two is nan), `scale` (factor on the log
        moves; nan: none up to 5 depletes the fund), `fall` and `rise` (at that factor, over the first price, less 1),
        `needed` (USD, what the fund needs there), `told` (whether the steps can tell the delay).

    Raises
    ------
    InputError
        With everything that is wrong with the scenario, its files and the arguments.
    """
    scenario = as_scenario(scenario)
    today = scenario.build().design
    if why := crash_refused(today.describe()):
        raise InputError(Problem("reverse", f"rules under which a crash tells what is lost: {why}"))
    money: Any = quantities.number(fund)
    late = quantities.seconds(delay)
    problems = list(sized_layer.problems_of_capital(today, money, "reverse"))
    if not (late is None or (is_finite(late) and late >= 0)):
        problems.append(Problem("reverse", "seconds, 0 or more", column="delay", value=late))
    raise_if(problems)
    capital = sized_layer.capital_of(today) if fund is None else float(money)
    fill: dict[str, Any] = {"gap": today.gap, "delay": today.delay}
    if delay is not None or not (today.gap or today.delay):
        fill = {"gap": 0.0, "delay": float(DELAYS[-1] if late is None else late)}
    return pd.DataFrame([_row(replace(today, **fill), info, capital) for info in list_episodes()])


def _row(today: Design, info: EpisodeInfo, fund: float) -> dict[str, Any]:
    fill = {"gap": today.gap, "delay": today.delay}
    design = episode_design(today, info.name, fill)
    scale = _smallest(design, info.name, fund)
    ends = dict.fromkeys(("fall", "rise", "needed"), math.nan)
    if not math.isnan(scale):
        prices = _prices(design, info.name, scale)
        fall, rise = float(prices.low.min()) / design.s0 - 1.0, float(prices.high.max()) / design.s0 - 1.0
        ends = {"fall": fall, "rise": rise, "needed": _needed(design, info.name, scale)}
    return {
        "scenario": info.name,
        "title": info.title,
        "delay": math.nan if today.delay is None else today.delay,
        "gap": today.gap if today.delay is None else math.nan,
        "scale": scale,
        **ends,
        "told": today.delay is None or not cannot_tell(today.delay, design.step),
    }


def _smallest(design: Design, name: str, fund: float) -> float:
    """The factor, to `NEARNESS`; nan where none of `FACTORS` depletes the fund."""
    first = next((i for i, factor in enumerate(FACTORS) if _needed(design, name, factor) > fund), None)
    if first is None:
        return math.nan
    safe, fatal = float(FACTORS[first - 1]) if first else 0.0, float(FACTORS[first])
    while fatal - safe > NEARNESS * fatal:
        middle = 0.5 * (safe + fatal)
        safe, fatal = (safe, middle) if _needed(design, name, middle) > fund else (middle, fatal)
    return fatal


def _needed(design: Design, name: str, scale: float) -> float:
    """Fund that the episode needs with its moves scaled, USD."""
    return float(design.fund_needed(design.outcomes(_prices(design, name, scale), 0, math.inf))[0])


def _prices(design: Design, name: str, scale: float) -> Prices:
    made = Episode(name, scale=scale, s0=design.s0).block(0, 0, 1, design.n_steps, design.step)
    assert made.low is not None
    assert made.high is not None
    assert made.pre_jump is not None
    return Prices(made.close, made.low, made.high, made.pre_jump)
