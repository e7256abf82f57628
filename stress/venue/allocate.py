"""The pure rules of auto-deleveraging, as the engine uses them: who gives how much of a budget."""

from __future__ import annotations

import numpy as np

from stress.errors import Problem, raise_if


def allocate(policy: str, capacity, key, budget: float) -> np.ndarray:
    """Share a budget among winners.

    Parameters
    ----------
    policy : str
        "queue": highest key first, each to its capacity, ties in the order given; "pro_rata": in proportion to
        capacity; "leverage_pro_rata": w min(1, c lev); "leverage_drain": w max(0, 1 - c / lev); "top_truncation":
        max(0, w - c).
    capacity : array_like, shape (n,)
        Most that each can give, >= 0: USD or contracts.
    key : array_like, shape (n,) or (n, 2), or None
        Score of the queue, the larger goes first, two columns compared left to right; leverage > 0 for the two
        leverage rules; not used by the others.
    budget : float
        >= 0, in the unit of capacity. What all capacities together cannot give is left over.

    Returns
    -------
    float64[n]
        Amounts between 0 and capacity; their sum is min(budget, sum(capacity)), up to rounding and up to an unfilled
        share of 1e-12 of the budget.

    Raises
    ------
    InputError
        With everything that is wrong with the arguments.

    Notes
    -----
    The engine rounds scores to 40 bits before it compares them; this function compares keys as they are.
    """
    from stress.kernels.rules import sharing as rules
    from stress.kernels.rules.records import POLICIES

    capacity = np.array(capacity, np.float64).reshape(-1)
    if capacity.size == 0:
        key = None
    keys = np.zeros((capacity.size, 2))
    given = np.zeros(capacity.size) if key is None else np.asarray(key, np.float64)
    problems = []
    if policy not in POLICIES:
        problems.append(Problem("allocate", "one of " + ", ".join(POLICIES), column="policy", value=policy))
    if not np.all((capacity >= 0) & np.isfinite(capacity)):
        problems.append(Problem("allocate", "finite amounts, 0 or more", column="capacity", value=capacity.tolist()))
    if given.shape not in ((capacity.size,), (capacity.size, 2)):
        expected = f"shape ({capacity.size},) or ({capacity.size}, 2)"
        problems.append(Problem("allocate", expected, column="key", value=given.shape))
    elif np.isnan(given).any() or (policy.startswith("leverage") and np.any(given <= 0)):
        problems.append(Problem("allocate", "numbers, for leverage above 0", column="key", value=given.tolist()))
    if not (budget >= 0 and np.isfinite(budget)):
        problems.append(Problem("allocate", "a finite amount, 0 or more", column="budget", value=budget))
    raise_if(problems)

    keys[:, : given.ndim] = given[:, None] if given.ndim == 1 else given
    able = np.flatnonzero(capacity > 0)
    part = np.zeros(able.size)
    rules.allocate(POLICIES.index(policy), capacity[able], np.ascontiguousarray(keys[able]), able, float(budget), part)
    amount = np.zeros(capacity.size)
    amount[able] = part
    return amount
