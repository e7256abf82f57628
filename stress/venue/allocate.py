"""The sharing rules of auto-deleveraging, as the engine uses them: how a budget is split among winners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stress.arguments import is_finite, is_word, numbers
from stress.errors import Problem, raise_if


def allocate(policy: str, capacity: npt.ArrayLike, key: npt.ArrayLike | None, budget: float) -> np.ndarray:
    """Split a budget among winners.

    Parameters
    ----------
    policy : str
        With capacity w and leverage lev of a winner, and c such that the amounts add up to the budget: "queue": highest
        key first, each up to its capacity, ties in the order given; "pro_rata": in proportion to w;
        "leverage_pro_rata": w min(1, c lev); "leverage_drain": w max(0, 1 - c / lev); "top_truncation": max(0, w - c).
    capacity : array_like, shape (n,)
        Largest amount that each can give, >= 0: USD or contracts.
    key : array_like, shape (n,) or (n, 2), or None
        Score of the queue: larger scores come first, two columns are compared left to right. Leverage > 0 for the two
        leverage rules. Not used by the others.
    budget : float
        >= 0, in the unit of capacity. The part above the sum of all capacities is not allocated.

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
    """
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
    elif np.isnan(scores).any() or (str(policy).startswith("leverage") and np.any(scores <= 0)):
        problems.append(Problem("allocate", "numbers; leverages above 0", column="key", value=scores.tolist()))
    if not (is_finite(budget) and budget >= 0):
        problems.append(Problem("allocate", "a finite amount, 0 or more", column="budget", value=budget))
    raise_if(problems)

    assert scores is not None
    keys = np.zeros((capacities.size, 2))
    keys[:, : scores.ndim] = scores[:, None] if scores.ndim == 1 else scores
    able = np.flatnonzero(capacities > 0)
    part = np.zeros(able.size)
    rules.allocate(
        POLICIES.index(policy), capacities[able], np.ascontiguousarray(keys[able]), able, float(budget), part
    )
    amount = np.zeros(capacities.size)
    amount[able] = part
    return amount
