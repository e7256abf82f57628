"""The largest size of a jump, a wick or a bar that a price model allows, and the same model with larger ones.

Such a cap is an assumption: bars cannot identify it, and far in the tail it decides what a fund must hold. So the
figures of a run with a tail stand at two caps (`stress.analysis.caps`). A cap that no size reaches is left out: that of
a side without jumps, of jumps without a tail, of a tail that ends below it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from stress.arguments import is_finite
from stress.errors import InputError, Problem
from stress.formatting import percent, significant
from stress.kernels.prices.diffusion import JumpSizeLaw
from stress.prices.bootstrap import Bootstrap
from stress.prices.filtered_bootstrap import FilteredBootstrap
from stress.prices.regimes import Regimes
from stress.prices.tail_jumps import TailJumps
from stress.prices.wicks import Wicks

SIDES = ("down", "up")
LIMITED = tuple(f"{sort} {side}" for sort in ("jump", "wick", "bar") for side in SIDES)  # what has a largest size
PLAINLY = 5.0  # log price, up to which a rise is said in per cent too


def caps_of(model: Any) -> dict[str, float]:
    """Caps of a price model that play a part.

    Parameters
    ----------
    model : price model

    Returns
    -------
    dict of str to float
        Largest size, log price, > 0, by what it limits: "jump down", "jump up", "wick down", "wick up", "bar down",
        "bar up". Empty of a model without caps.
    """
    return {name: getattr(model, key) for name, key in _keys(model).items()}


def with_caps(model: Any, factor: float) -> Any:
    """The same price model with its caps multiplied by a factor.

    What depends on a cap, such as the compensator that keeps the expected price, the model computes anew.

    Parameters
    ----------
    model : price model
    factor : float
        > 0, of log prices.

    Returns
    -------
    price model or None
        None of a model without caps.

    Raises
    ------
    InputError
        If the factor is no number above 0, or the model refuses such a cap.
    """
    if not (is_finite(factor) and factor > 0):
        raise InputError(Problem("with_caps", "a number above 0", column="factor", value=factor))
    keys = set(_keys(model).values())
    if not keys:
        return None
    if isinstance(model, Bootstrap):
        block = model.mean_block if model.chosen == "given" else None
        return Bootstrap(model.bars, block, model.s0, model.tail, factor * model.cap)
    if isinstance(model, FilteredBootstrap):
        return FilteredBootstrap(
            model.bars,
            weights=model.weights,
            half_lives=model.half_lives,
            mean_block=model.mean_block,
            s0=model.s0,
            start=model.start,
            tail=model.tail,
            cap=factor * model.cap,
            largest_multiple=model.largest_multiple,
            left_out=model.left_out,
            near=model.near,
        )
    return replace(model, **{key: factor * getattr(model, key) for key in keys})


def cap_words(name: str, cap: float) -> str:
    """A cap in log price and, in brackets, as a share of the price, such as "0.3 (26 %)"; `name` as in `caps_of`."""
    if name.endswith("down"):
        return f"{significant(cap)} ({percent(-math.expm1(-cap))})"
    return significant(cap) + (f" ({percent(math.expm1(cap))})" if cap <= PLAINLY else "")


def _keys(model: Any) -> dict[str, str]:
    """Attributes of the caps that play a part, by what they limit."""
    if isinstance(model, Bootstrap):
        return {f"bar {side}": "cap" for side, law in model.tails().items() if _reaches(law)}
    if isinstance(model, FilteredBootstrap):  # a bar of the history too may be played at a level beyond its own
        return {f"bar {side}": "cap" for side in SIDES}
    found = {}
    if isinstance(model, TailJumps | Regimes):
        for side, law in zip(("up", "down"), model.jump_sides(), strict=True):
            if _has_jumps(model, side) and law.tail > 0.0 and _reaches(law):
                found[f"jump {side}"] = f"cap_{side}"
    if isinstance(model, Wicks):
        for side, law in zip(("up", "down"), model.wick_sides(), strict=True):
            if getattr(model, f"wick_intensity_{side}") > 0.0 and _reaches(law):
                found[f"wick {side}"] = f"wick_cap_{side}"
    return {name: found[name] for name in LIMITED if name in found}


def _has_jumps(model: TailJumps | Regimes, side: str) -> bool:
    if isinstance(model, Regimes):
        return any(rate > 0.0 for rate in getattr(model, f"intensities_{side}"))
    return bool(getattr(model, f"intensity_{side}") > 0.0)


def _reaches(law: JumpSizeLaw) -> bool:
    """Whether sizes of the tail reach the cap: its law ends at start - beta / xi for xi < 0."""
    return law.xi >= 0.0 or float(law.body[-1]) - law.beta / law.xi > law.cap
