"""Funds for probabilities that plain paths do not hold: the tail that `perp-stress size` draws by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stress.formatting import significant

if TYPE_CHECKING:
    from stress.scenario.scenario import Scenario

ENOUGH = 10  # plain paths that are depleted, of a probability that is asked for, below which a tail is drawn


def with_tail(scenario: Scenario) -> tuple[Scenario, str]:
    """A scenario with the tail that its smallest probability takes, and a sentence on it; "" and as it is without need.

    A scenario that sets run.tail itself, to none also, stays as it is.
    """
    from stress.prices.rarest_event import LEAST_TAIL, least_paths, rarities_of
    from stress.scenario.keys import with_keys

    run, alpha, timing = scenario.run, min(scenario.fund.alphas), scenario.resolved()["run"]
    paths, step = timing["paths"], timing["step"]
    if "tail" in run.model_fields_set or paths == 1 or alpha * paths >= ENOUGH or alpha > 0.1:
        return scenario, ""
    model, steps = scenario.price_model[0], round(timing["horizon"] / step)
    few = f"A probability of {alpha:g} is {significant(alpha * paths, 2)} of {paths:,} plain paths"
    kind = scenario.prices.model
    if not any(chance > alpha / 10 for chance in rarities_of(model, steps, step).values()):
        return scenario, f"{few}, and no tail can be drawn: {kind} has no events by whose rarity to draw its paths."
    if alpha < LEAST_TAIL:
        return scenario, f"{few}, and a tail is drawn down to {LEAST_TAIL:g} alone (run.tail)."
    if paths < (least := least_paths(alpha, model, steps, step)):
        return scenario, f"{few}; a tail (run.tail) would take {least:,} paths or more."
    made = with_keys(scenario, {"run.tail": alpha})
    return made, f"{few}: the paths are drawn by their rarest event, down to there (run.tail = {alpha:g})."
