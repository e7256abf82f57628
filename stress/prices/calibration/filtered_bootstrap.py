"""Calibration of the filtered bootstrap: the weights of its filter of volatility.

The weights are fitted by maximum likelihood (`stress.prices.range_filter`); standardised bars and their tails follow
from the bars and the weights. Each redraw leaves out one tenth of the bars, which is then neither fitted to nor
resampled, so that a result has the error of the whole history and not of the weights alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stress.prices.bars import Bars
from stress.prices.calibration.fit import Fit, jackknife_error
from stress.prices.calibration.fits import digits
from stress.prices.filtered_bootstrap import PERIODS, FilteredBootstrap


def fit_filtered_bootstrap(bars: Bars, *, cap: float | None = None, **assumed: Any) -> Fit:
    """Fit the weights of the filter to bars.

    Parameters
    ----------
    bars : Bars
        At least 200 of them.
    cap : float, optional
        Largest size of a bar, log price. Default: twice the largest of the bars, an assumption.
    **assumed
        Other arguments of `FilteredBootstrap`: half_lives, mean_block, start, tail, near, largest_multiple.

    Returns
    -------
    Fit
        Its model needs the bars.

    Raises
    ------
    InputError
        As `FilteredBootstrap`.
    """
    if cap is not None:
        assumed["cap"] = cap
    model = FilteredBootstrap(bars, **assumed)
    whole = {
        "weights": _rounded(model.weights),
        "half_lives": list(model.half_lives),
        "mean_block": digits(model.mean_block),
        "start": model.start,
        "tail": model.tail,
        "near": model.near,
        "cap": digits(model.cap),
        "largest_multiple": digits(model.largest_multiple),
    } | assumed
    given = {k: v for k, v in whole.items() if k != "weights"}
    redraws = tuple(
        whole | {"weights": _rounded(FilteredBootstrap(bars, **given, left_out=k).weights), "left_out": k}
        for k in range(PERIODS)
    )
    se = jackknife_error([redraw["weights"] for redraw in redraws])
    return Fit(
        kind=FilteredBootstrap.kind,
        parameters=whole,
        errors={"weights": digits(se, 3)},
        redraws=redraws,
        assumed=tuple(given),
        notes=(
            f"the trend of the bars, {model.trend:+.3g} per year in log price, is left out",
            f"no bar exceeds {model.cap:.3g} in log price, and no level {model.largest_multiple:.3g} times its mean: "
            "both are assumptions",
        ),
        needs_bars=True,
    )


def _rounded(weights: tuple[float, ...]) -> list[float]:
    """Weights as they are printed: to six decimals, rounded down, so that their sum does not grow."""
    return [float(w) for w in np.floor(np.array(weights) * 1e6) / 1e6]
