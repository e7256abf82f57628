"""How large a deficit is: overshoot of jumps, and none where nothing is jumped over."""

from __future__ import annotations

import math
from functools import cache, partial

import numpy as np
from scipy import stats

import stress
from docs.validation.case import DAY, S0, Found, Section, exact, sampled, share
from stress.prices import GBM, Kou, Paths
from tests.support import closed_forms as closed

section = Section("How large a deficit is")
add = section.add

LEVEL, ETA = 95.0 / 0.995, 40.0  # liquidation price of a 20x long; 1 / mean size of a jump down


@cache
def jump_crossings():
    """A long of 3 coins at 20x under Kou jumps, and the fills of the paths whose crossing was a jump."""
    model = Kou(S0, 0.25, 4 * 365, p_up=0.4, eta_up=60, eta_down=ETA)
    result = closed.simulate(closed.make_book([1], [3.0], [20]), model, n_paths=30_000, step=60.0, seed=15)
    paths = result.paths[result.paths["liquidated_count"] > 0]
    fill = 95.0 + (paths["inflow"] - paths["deficit"]).to_numpy() / 3.0
    return result, fill[fill < LEVEL * (1 - 1e-9)]


def curve_at(fund: float) -> Found:
    """P(D* > fund) / P(D* > 0), from the depletion curve."""
    curve, ever = jump_crossings()[0].depletion_curve([0.0, fund])["probability"], (jump_crossings()[1] < 95).sum()
    return share(curve[1] / curve[0] * ever, int(ever), (1 - fund / 285.0) ** ETA)


def fund_less_formula() -> Found:
    """Required fund less the inverse of the tail, which starts from the probability of any deficit as counted."""
    result, answer = jump_crossings()[0], jump_crossings()[0].required_fund(0.01)
    some = result.depletion_curve([0.0])["probability"][0]
    return Found(answer.value - 285.0 * (1 - (0.01 / some) ** (1 / ETA)), answer.se, sampled=True)


def distance() -> Found:
    overshoots = np.log(LEVEL / jump_crossings()[1])
    law = stats.kstest(overshoots, "expon", args=(0, 1 / ETA))
    return exact(law.statistic * math.sqrt(overshoots.size), 1.95)


CHANCE = (95.0 / LEVEL) ** ETA
KOU = "Kou (2002): exponential overshoot"
add(
    "P(deficit, a jump crosses L)",
    f"(B/L)^eta; {KOU}",
    CHANCE,
    lambda: share((jump_crossings()[1] < 95).sum(), jump_crossings()[1].size, CHANCE),
)
add(
    "mean deficit per coin, a jump crosses L",
    "B (B/L)^eta / (eta + 1)",
    95 * CHANCE / (ETA + 1),
    lambda: sampled(np.maximum(0.0, 95.0 - jump_crossings()[1])),
)
add("overshoot: sqrt(n) times its Kolmogorov distance from Exp(40); 1.95 is the 0.1 % point", KOU, 0, distance)
for _fund in (1.5, 6.0, 15.0, 30.0):
    add(
        f"depletion curve: P(D* > {_fund:g}) / P(D* > 0)",
        "(1 - x / (q B))^eta",
        (1 - _fund / 285.0) ** ETA,
        partial(curve_at, _fund),
    )
add(
    "required fund at 1 % less q B (1 - (alpha / P(D* > 0))^(1/eta)), USD",
    "inverse of the tail",
    0,
    fund_less_formula,
)


def no_gap() -> Found:
    """Largest D*: no jumps; slippage of 0.2 % inside a maintenance margin of 0.5 %."""
    book = closed.make_book([1, -1], [10.0, 10.0], [20, 20])
    depth = stress.Depth(usd=2_500.0, width=0.01, half_life=1.0, passthrough=0.0)
    result = closed.simulate(book, GBM(S0, 1.5), n_paths=20_000, step=600.0, depth=depth, seed=3)
    assert result.paths["liquidated_count"].mean() > 1
    return exact(result.paths["net_loss_peak"].max())


def coarse(step: float) -> Found:
    book = closed.make_book([1, -1], [10.0, 10.0], [20, 20])
    return exact(closed.simulate(book, GBM(S0, 4.0), n_paths=4_000, step=step, seed=3).paths["deficit"].max())


def jumps_traded_through() -> Found:
    run = jump_crossings()[0].design
    again = closed.simulate(run.book, run.prices, n_paths=5_000, step=60.0, jump_gap=0.0, seed=15)
    return exact(again.paths["deficit"].max())


def overshoot(steps: int) -> Found:
    """Fill at the close: how far below L, in log price, over sigma sqrt(dt); a log price without drift."""
    n, sd = 20_000, 0.8 * math.sqrt(1 / 365 / steps)
    close = GBM(S0, 0.8, drift=0.32).block(31, 0, n, steps, DAY / steps)[0]
    book = closed.make_book([1], [1.0], [40])
    paths = closed.simulate(book, Paths(close, step=DAY / steps), closed.make_venue(0.0)).paths
    fill = 97.5 + (paths["inflow"] - paths["deficit"])[paths["liquidated_count"] > 0]
    return sampled(np.log(97.5 / fill) / sd)


NO_GAP = "no gap, no deficit"
add("largest D*, no jumps, slippage inside the maintenance margin", NO_GAP, 0, no_gap)
for _step, _word in ((60.0, "1 min"), (3_600.0, "1 h"), (DAY, "1 day")):
    add(f"largest deficit, no jumps, sigma 4, steps of {_word}", NO_GAP, 0, partial(coarse, _step))
add("largest deficit, Kou jumps, jump_gap 0", NO_GAP, 0, jumps_traded_through)
for _steps in (288, 1440):
    add(
        f"fill at the close instead, {_steps} steps: mean overshoot of L in sigma sqrt(dt)",
        "-zeta(1/2) / sqrt(2 pi); Broadie, Glasserman and Kou (1997)",
        0.5825971579,
        partial(overshoot, _steps),
    )
