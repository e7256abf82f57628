"""Horizons of several days: each day begins with a fresh book, and the fund and the price go on.

A path of prices is one path over all days, so what a price model carries from step to step, such as a volatility, it
carries from day to day. The book is renewed at the start of each day: the same population, as it stands to the price
of that moment. Since money scales with prices, that is a run of the day's prices times S_0 / S_day on the same book,
with the same USD (quantities in coins are then those of the book times S_0 / S_day). The order book has recovered; what
looks back (a drawdown's peak, a mark that is an average, a depth that falls, a schedule) begins anew, and so do the
capital and the cap of other layers than the fund; a delayed fill comes at the last price of the day at the latest, and
a margin call that is open then is not settled. Events and an inventory of what was taken over are refused.

At the end of day d, with the fund at f_{d-1} at its start and at x at its end:

    x -> x + income                     paid in
    x -> x - sweep max(0, x - f_{d-1})  the share of the day's gain that is taken out
    f_d = min(x, cap)                   what is above the cap is taken out

Where money is in coin, the coins of a day's run are worth S_0 / S_day of a coin, since its price begins at S_0: the
fund is turned at the start and the end of each day. Tiers keep their size in USD then, the reserve its size in coin.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from stress import quantities
from stress.arguments import is_number, is_whole, is_word, percent_hint
from stress.errors import Problem

DAY = 86_400.0  # seconds
MOST_DAYS = 36_500
SEED_STEP = 0x9E3779B97F4A7C15  # between the seeds of two days: what is drawn on a path differs from day to day

DAY_ROW = np.dtype(
    [
        ("fund_end", "f8"),  # balance that the next day begins with
        ("taken", "f8"),  # swept, and above the cap
        ("net_loss", "f8"),  # deficits less what liquidations paid in, had the fund been unlimited on this day
        ("net_loss_peak", "f8"),  # its largest value within the day, 0 or more
        ("deficit", "f8"),
        ("inflow", "f8"),
        ("depletion_step", "f8"),  # of the day, 1 and more; -1: never
    ]
)


@dataclass(frozen=True)
class Renewal:
    """Days of a run, and what happens to the fund between them; checked by `renewal_of`.

    Parameters
    ----------
    days : int
    income_per_day : float
        Money that is paid into the fund at the end of each day, 0 or more, beside what liquidations pay.
    cap : float
        What the fund has more at the end of a day is taken out; inf: nothing.
    sweep : float
        Share in [0, 1] of what the fund has gained within a day, income included, that is taken out at its end.
    """

    days: int
    income_per_day: float = 0.0
    cap: float = math.inf
    sweep: float = 0.0

    def next_day(self, start: float, end: float) -> tuple[float, float]:
        """Balance that the next day begins with, and what is taken out, of those at the start and the end of a day."""
        paid = end + self.income_per_day
        if math.isinf(paid):
            return paid, 0.0
        left = min(paid - self.sweep * max(0.0, paid - start), self.cap)
        return left, paid - left

    def describe(self) -> dict[str, Any]:
        """Plain values, for the record of a run; without those that are off."""
        values = asdict(self)
        off = {"income_per_day": 0.0, "cap": math.inf, "sweep": 0.0}
        return {name: value for name, value in values.items() if value != off.get(name)} | {"renew": "daily"}


def renewal_of(
    days: Any, renew: Any, income_per_day: Any, fund_cap: Any, sweep: Any, reserve: float, problems: list[Problem]
) -> Renewal | None:
    """The checked renewal of the arguments of `simulate`; None for a run of one book.

    Parameters
    ----------
    days, renew, income_per_day, fund_cap, sweep
        See `stress.simulate`.
    reserve : float
        Of the venue, which a cap must leave in the fund.
    problems : list of Problem
        Appended to.
    """
    days, income, cap, share = map(quantities.number, (days, income_per_day, fund_cap, sweep))
    if days is None:
        off = {"income_per_day": income, "sweep": share}  # 0 of them is none
        given = {"renew": renew, "fund_cap": cap} | {k: None if is_number(x) and x == 0 else x for k, x in off.items()}
        problems += [
            Problem("run", "days too, the number of days of the horizon", column=name, value=value)
            for name, value in given.items()
            if value is not None
        ]
        return None
    income, share = (0.0 if x is None else x for x in (income, share))
    cap = math.inf if cap is None else cap
    checks = [
        ("days", days, is_whole(days) and 1 <= days <= MOST_DAYS, f"a whole number of days from 1 to {MOST_DAYS:,}"),
        ("renew", renew, renew is None or is_word(renew, ("daily",)), "daily: a fresh book at the start of each day"),
        ("income_per_day", income, is_number(income) and 0 <= income < math.inf, "an amount of money a day, 0 or more"),
        ("fund_cap", cap, is_number(cap) and cap > 0 and cap >= reserve, "an amount above 0, at least the reserve"),
        ("sweep", share, is_number(share) and 0 <= share <= 1, f"a share from 0 to 1{percent_hint(share)}"),
    ]
    wrong = [Problem("run", expected, column=name, value=value) for name, value, ok, expected in checks if not ok]
    problems += wrong
    return None if wrong else Renewal(int(days), float(income), float(cap), float(share))


def seed_of(seed: int, day: int) -> int:
    """Seed of what is drawn on the paths of a day, from 0 on; on the first day that of the run."""
    return (seed + day * SEED_STEP) % 2**63
