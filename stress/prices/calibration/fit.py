"""A fitted price model, whatever the model: what every calibration returns, and all of them by name.

A calibration is a function of bars that returns a `Fit`, in a module of its own beside this one, and a line in
`stress.prices.calibration.fitters`. How good a fit is, is judged in one place and in the same way for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stress.prices.bars import Bars
from stress.prices.base import PriceModel


@dataclass(frozen=True)
class Fit:
    """A model fitted to bars.

    Attributes
    ----------
    kind : str
        Key of `stress.prices.MODELS`.
    parameters : dict
        Arguments of the model as plain values, without `s0` and `bars`; rates and volatility per year of 365 days.
    errors : dict
        Standard error of each fitted parameter, of the same shape; parameters that are assumed are not in it.
    redraws : tuple of dict
        Parameters fitted with one period of the bars left out at a time, oldest first, for the error that a result has
        from its calibration (jackknife). Empty: there are none.
    assumed : tuple of str
        Names of the parameters that are not fitted.
    notes : tuple of str
        What a reader has to know about this fit.
    needs_bars : bool
        Whether the model takes the bars themselves, as a bootstrap does.
    """

    kind: str
    parameters: dict[str, Any]
    errors: dict[str, Any]
    redraws: tuple[dict[str, Any], ...] = ()
    assumed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    needs_bars: bool = field(default=False)

    def model(self, bars: Bars, s0: float | None = None) -> PriceModel:
        """The price model; `s0` (USD per coin) is the last close of the bars by default."""
        from stress.prices import MODELS

        given = dict(self.parameters) | ({"bars": bars} if self.needs_bars else {})
        return MODELS[self.kind](s0=float(bars.close[-1] if s0 is None else s0), **given)


Fitter = Callable[..., Fit]  # bars, and options that have defaults


def jackknife_error(values: npt.ArrayLike) -> np.ndarray:
    """Standard error of each entry from refits that leave out one period each.

    Parameters
    ----------
    values : float[k, ...]
        What the k refits give, two or more of them.

    Returns
    -------
    float64[...]
        sqrt((k - 1) / k sum (x_i - mean)^2); what is the rounding of a constant is 0.

    References
    ----------
    B. Efron and C. Stein, Annals of Statistics 9 (1981).
    """
    x = np.asarray(values, dtype=float)
    k = x.shape[0]
    se = np.sqrt((k - 1) / k * ((x - x.mean(axis=0)) ** 2).sum(axis=0))
    return np.where(se < 1e-12 * np.abs(x).max(axis=0), 0.0, se)
