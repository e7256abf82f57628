"""What one would write without this package, to compare with.

`vectorised_losses` looks at every trader at every step, as a numpy script does. It knows no impact, no ADL and only
whole jumps, and gives D* of each path, which the engine must match.
"""

from __future__ import annotations

import numpy as np


def vectorised_losses(close, side, quantity, liquidation, bankruptcy):
    """Peak net loss D* of each path, USD; fund keeps every surplus.

    Parameters
    ----------
    close : float64[n_paths, n_steps + 1]
    side, quantity, liquidation, bankruptcy : float64[N]

    Returns
    -------
    float64[n_paths]
    """
    peak = np.zeros(len(close))
    for path, prices in enumerate(close):
        alive = np.ones(side.size, bool)
        loss = 0.0
        before = prices[0]
        for price in prices[1:]:
            hit = alive & (side * (price - liquidation) <= 0)
            # the side that the move goes against first, each side from the price nearest to the start
            for s in (1, -1) if price < before else (-1, 1):
                of_side = np.flatnonzero(hit & (side == s))
                order = of_side[np.argsort(-s * liquidation[of_side], kind="stable")]
                losses = loss - np.cumsum(s * quantity[order] * (price - bankruptcy[order]))
                if order.size:
                    peak[path] = max(peak[path], losses.max())
                    loss = losses[-1]
            alive &= ~hit
            before = price
    return peak
