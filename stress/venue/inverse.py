"""An inverse contract as the linear contract that it is in 1/P.

Margin, profit and fund of an inverse contract are in coin, its quantity q in contracts of 1 USD, and its profit is
U = s q (1/e - 1/P). In y = 1/P, coins per USD, this is U = -s q (y - 1/e): a linear contract of the other side, entered
at 1/e. So the compiled code runs it as it is, on a mirrored book and mirrored prices, and knows nothing of it.

| of the contract | in y |
|---|---|
| side s, entry e, a level of the price | -s, 1/e, 1/level |
| quantity q, margin m, tiers, fund | the same numbers: contracts for coins, coins for USD |
| close, pre_jump; low; high | their reciprocals; 1/high; 1/low |
| depth | `usd` contracts within `width` of y |

What a person sees is turned back: sides, prices and levels. Amounts stay in coin.
"""

from __future__ import annotations

import numpy as np


def mirrored(price: np.ndarray) -> np.ndarray:
    """The reciprocals of prices; those that are not finite and positive stay impossible."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1.0 / price)


def mirrored_level(level: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Prices of levels of y; what y does not reach above 0 is -inf for a long and inf for a short, as no price is.

    Parameters
    ----------
    level : float64[N]
        Coins per USD.
    side : float64[N]
        Of the contract, +1 long, -1 short.
    """
    reached = (level > 0.0) & np.isfinite(level)
    return np.where(reached, 1.0 / np.where(reached, level, 1.0), -side * np.inf)
