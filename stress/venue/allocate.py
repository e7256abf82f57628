"""The sharing rules of auto-deleveraging, as the engine uses them: how a budget is split among winners."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stress.arguments import is_finite, is_whole, is_word, numbers
from stress.errors import Problem, raise_if

LEVERAGES = ("leverage_pro_rata", "leverage_drain", "risk_linear", "risk_power", "risk_excess")  # keys above 0
WEIGHTS = ("contract_pro_rata", "profit_pro_rata", "equity_pro_rata", "score_pro_rata", "min_max")  # keys from 0


def allocate(
    policy: str,
    capacity: npt.ArrayLike,
    key: npt.ArrayLike | None,
    budget: float,
    *,
    excess_leverage: float | None = None,
    lot: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """Split a budget among winners.

    Parameters
    ----------
    policy : str
        With capacity w and leverage lev of a winner, and c such that the amounts add up to the budget: "queue": highest
        key first, each up to its capacity, ties in the order given; "pro_rata": in proportion to w;
        "leverage_pro_rata": w min(1, c lev); "leverage_drain": w max(0, 1 - c / lev); "top_truncation": max(0, w - c);
        "risk_linear", "risk_power", "risk_excess": min(w, c w lev g(lev)) with g = lev, lev^2, and
        max(0, lev - excess_leverage); "contract_pro_rata", "profit_pro_rata", "equity_pro_rata", "score_pro_rata":
        min(w, c key); "min_max": the largest amount / key is the least possible, which without lots is
        "equity_pro_rata". Once all with a key above 0 have given all they can, the others give in proportion to w.
    capacity : array_like, shape (n,)
        Largest amount that each can give, >= 0: USD or contracts.
    key : array_like, shape (n,) or (n, 2), or None
        Score of the queue: larger scores come first, two columns are compared left to right. Leverage > 0 for the rules
        of leverage and of risk; contracts, profit, equity or score >= 0 for those in proportion to it, equity for
        "min_max". Not used by the others.
    budget : float
        >= 0, in the unit of capacity. The part above the sum of all capacities is not allocated.
    excess_leverage : float, optional
        >= 0; required by "risk_excess", and none of any other.
    lot : float, optional
        Above 0, in the unit of capacity: amounts are whole lots but for one, and but for those who give all of an odd
        capacity. "min_max" is exact then; others are rounded by chance, each expected to be what it is without lots and
        less than a lot off. 0: not rounded.
    seed : int, optional
        0 <= seed < 2^63; of that chance.

    Returns
    -------
    float64[n]
        Amounts between 0 and capacity; their sum is min(budget, sum(capacity)), up to rounding and up to an unfilled
        share of 1e-12 of the budget.

    Raises
    ------
    InputError
        Lists every invalid argument.

    Notes
    -----
    The engine rounds scores to 40 bits before it compares them; this function compares keys as they are.

    Examples
    --------
    >>> allocate("pro_rata", [8, 4, 0.5], None, 7.5).tolist()
    [4.8, 2.4, 0.3]
    """
    from stress.kernels.numerics.philox import SCORE, uniforms
    from stress.kernels.rules import lots
    from stress.kernels.rules import sharing as rules
    from stress.kernels.rules.records import POLICIES

    given = numbers(capacity)
    capacities = np.zeros(0) if given is None else given.reshape(-1)
    scores = np.zeros(capacities.size) if key is None or not capacities.size else numbers(key)
    problems = []
    if not is_word(policy, POLICIES):
        problems.append(Problem("allocate", "one of " + ", ".join(POLICIES), column="policy", value=policy))
    if given is None or given.ndim > 1 or not np.all((given >= 0) & np.isfinite(given)):
        problems.append(Problem("allocate", "finite amounts, 0 or more", column="capacity", value=capacity))
    if scores is None:
        problems.append(Problem("allocate", "numbers", column="key", value=key))
    elif scores.shape not in ((capacities.size,), (capacities.size, 2)):
        expected = f"shape ({capacities.size},) or ({capacities.size}, 2)"
        problems.append(Problem("allocate", expected, column="key", value=scores.shape))
    elif (
        np.isnan(scores).any()
        or (is_word(policy, LEVERAGES) and not np.all((scores > 0) & np.isfinite(scores)))
        or (is_word(policy, WEIGHTS) and not np.all((scores >= 0) & np.isfinite(scores)))
    ):
        expected = "numbers; leverages above 0; contracts, profits, equities and weights 0 or more"
        problems.append(Problem("allocate", expected, column="key", value=scores.tolist()))
    elif key is None and capacities.size and is_word(policy, WEIGHTS):
        problems.append(Problem("allocate", f"a number for each, with policy {policy}", column="key"))
    if not (is_finite(budget) and budget >= 0):
        problems.append(Problem("allocate", "a finite amount, 0 or more", column="budget", value=budget))
    if is_word(policy, ("risk_excess",)):
        if not (is_finite(excess_leverage) and excess_leverage >= 0):  # type: ignore[operator]
            problems.append(Problem("allocate", "0 or more", column="excess_leverage", value=excess_leverage))
    elif excess_leverage is not None:
        problems.append(
            Problem("allocate", "none without policy risk_excess", column="excess_leverage", value=excess_leverage)
        )
    if not (is_finite(lot) and lot >= 0):
        problems.append(Problem("allocate", "an amount, 0 or more", column="lot", value=lot))
    if not (is_whole(seed) and 0 <= seed < 2**63):
        problems.append(Problem("allocate", "a whole number from 0 to 2^63 - 1", column="seed", value=seed))
    raise_if(problems)

    assert scores is not None
    keys = np.zeros((capacities.size, 2))
    keys[:, : scores.ndim] = scores[:, None] if scores.ndim == 1 else scores
    able = np.flatnonzero(capacities > 0)
    room, keys, part = capacities[able], np.ascontiguousarray(keys[able]), np.zeros(able.size)
    level = math.nan if excess_leverage is None else float(excess_leverage)
    rules.allocate(POLICIES.index(policy), room, keys, able, level, float(budget), part)
    if lot > 0 and budget > 0:
        weighed = keys[:, 0] > 0
        if policy == "min_max" and weighed.all():
            lots.min_max_in_lots(room, keys[:, 0].copy(), able, float(lot), min(float(budget), room.sum()), part)
        else:
            lots.round_to_lots(part, room, float(lot), uniforms(int(seed), int(SCORE), 0, 0)[0])
    amount = np.zeros(capacities.size)
    amount[able] = part
    return amount
