"""How much of a position is closed first, as the compiled code has it (`stress.kernels.mechanics.closeout`).

| symbol | meaning |
|---|---|
| s, q, e, m | side, quantity, entry price and margin |
| P | mark |
| E | equity m + s q (P - e) |
| r, d, cap | maintenance rate, deduction and cap of a tier |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

INSIDE = 1.0 - 1e-9  # share of the cap of a tier that a cut goes down to
ALL = 1.0 - 1e-6  # a cut of this share is of the whole
LEAST = 1e-3  # share of the position that a cut to restore the margin is at least; one that needs less closes the whole


@dataclass(frozen=True)
class Closeout:
    """The rules of a venue that decide it, and its tiers.

    Parameters
    ----------
    closeout : {"whole", "fraction", "tiers", "restore"}
    fraction : float or None
    partial_above : float
        Notional, in the money of the margin.
    tiers_at_once : int
    buffer : float or None
    basis : {"notional", "entry_notional", "quantity"}
        What picks the tier.
    floor, rate, deduction : float64[tiers]
    """

    closeout: str
    fraction: float | None
    partial_above: float
    tiers_at_once: int
    buffer: float | None
    basis: str
    floor: np.ndarray
    rate: np.ndarray
    deduction: np.ndarray

    def cut(self, s: np.ndarray, q: np.ndarray, e: np.ndarray, m: np.ndarray, price: np.ndarray) -> np.ndarray:
        """Quantity of a position never cut before that is closed at a mark.

        Parameters
        ----------
        s, q, e, m, price : float64[N]
            Of a linear contract, or of an inverse one in 1/P.

        Returns
        -------
        float64[N]
            In (0, q].
        """
        equity = m + s * q * (price - e)
        if self.closeout == "whole":
            return q.copy()
        if self.closeout == "fraction":
            assert self.fraction is not None
            c = np.where(q * price > self.partial_above, self.fraction * q, q)
        else:
            unit = {"notional": price, "entry_notional": e, "quantity": np.ones_like(q)}[self.basis]
            tier = np.maximum(np.searchsorted(self.floor, q * unit, side="right") - 1, 0)
            c = q - (self._lower(tier) / unit if self.closeout == "tiers" else self._restored(tier, equity, e, price))
        least = LEAST * q if self.closeout == "restore" else 0.0
        whole = (equity <= 0.0) | (c >= q * ALL) | (c <= least)
        return np.where(whole, q, c)

    def _lower(self, tier: np.ndarray) -> np.ndarray:
        """What the position comes down to, in the unit of the tiers; 0 from the lowest."""
        caps = np.append(self.floor[1:], np.inf)
        cap = caps[np.maximum(tier - self.tiers_at_once, 0)]
        return np.where(tier == 0, 0.0, INSIDE * cap)

    def _restored(self, tier: np.ndarray, equity: np.ndarray, e: np.ndarray, price: np.ndarray) -> np.ndarray:
        """The quantity at which the equity is (1 + buffer) times the maintenance margin, in this tier."""
        assert self.buffer is not None
        rate = self.rate[tier]
        notional = (equity / (1.0 + self.buffer) + self.deduction[tier]) / np.where(rate > 0.0, rate, np.nan)
        left = notional / (e if self.basis == "entry_notional" else price)
        return np.where((rate > 0.0) & (left > 0.0), left, 0.0)
