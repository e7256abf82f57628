"""Price models: they generate the exogenous price S_0..S_T of every path.

A call of `model.block(seed, first_path, n_paths, n_steps, dt)` of a model (`PriceModel`) returns a `PriceBlock`: close,
low, high, pre_jump and, where paths are drawn from another law than the model's, log_weight; see `stress.prices.base`.
Path i depends only on (seed, i). `model.s0` is S_0, and `model.describe()` returns the name of the model and its
parameters as plain values, for the manifest of a run. A user's model may also return a tuple of the four arrays.

`MODELS` holds the models that a scenario can name. A new model is a small file and a line here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from stress.arguments import is_word
from stress.errors import InputError, Problem
from stress.prices.bar_file import read_bars
from stress.prices.bars import Bars
from stress.prices.base import PriceBlock, PriceModel
from stress.prices.bates import Bates
from stress.prices.bootstrap import Bootstrap
from stress.prices.episode import Episode, episodes, list_episodes
from stress.prices.filtered_bootstrap import FilteredBootstrap
from stress.prices.gbm import GBM
from stress.prices.gjr_garch import GjrGarch
from stress.prices.hawkes_jumps import HawkesJumps
from stress.prices.heston import Heston
from stress.prices.kou import Kou
from stress.prices.merton import Merton
from stress.prices.paths import Paths
from stress.prices.regimes import Regimes
from stress.prices.replay import Replay
from stress.prices.tail_jumps import TailJumps

MODELS: dict[str, Callable[..., PriceModel]] = {
    GBM.kind: GBM,
    Merton.kind: Merton,
    Kou.kind: Kou,
    TailJumps.kind: TailJumps,
    Heston.kind: Heston,
    Bates.kind: Bates,
    HawkesJumps.kind: HawkesJumps,
    Regimes.kind: Regimes,
    GjrGarch.kind: GjrGarch,
    Bootstrap.kind: Bootstrap,
    FilteredBootstrap.kind: FilteredBootstrap,
    Replay.kind: Replay,
    Episode.kind: Episode,
}

__all__ = [
    "GBM",
    "MODELS",
    "Bars",
    "Bates",
    "Bootstrap",
    "Episode",
    "FilteredBootstrap",
    "GjrGarch",
    "HawkesJumps",
    "Heston",
    "Kou",
    "Merton",
    "Paths",
    "PriceBlock",
    "PriceModel",
    "Regimes",
    "Replay",
    "TailJumps",
    "episodes",
    "list_episodes",
    "make",
    "parameters",
    "read_bars",
]


def _check_kind(kind: Any) -> None:
    if not is_word(kind, MODELS):
        raise InputError(Problem("prices", f"one of {', '.join(MODELS)}", column="model", value=kind))


def parameters(kind: str) -> dict[str, bool]:
    """Names of the parameters of a model (a key of `MODELS`), and whether each is required."""
    _check_kind(kind)
    signature = inspect.signature(MODELS[kind]).parameters.values()
    return {p.name: p.default is inspect.Parameter.empty for p in signature}


def make(kind: str, **given: Any) -> PriceModel:
    """Make the model that a scenario names.

    Parameters
    ----------
    kind : str
        A key of MODELS.
    **given
        Parameters of the model.

    Returns
    -------
    PriceModel

    Raises
    ------
    InputError
        Lists every parameter that is unknown, missing or wrong.
    """
    known = parameters(kind)
    problems = [
        Problem("prices", f"a parameter of {kind}: {', '.join(known)}", column=name)
        for name in given
        if name not in known
    ]
    missing = [name for name, required in known.items() if required and name not in given]
    problems += [Problem("prices", f"a value, required by {kind}", column=name) for name in missing]
    try:
        # None for missing parameters, so that the model still checks the others
        model = MODELS[kind](**{n: v for n, v in given.items() if n in known}, **dict.fromkeys(missing))
    except InputError as error:
        problems += [p for p in error.problems if p.column not in missing]
        raise InputError(problems) from None
    if problems:
        raise InputError(problems)
    return model
