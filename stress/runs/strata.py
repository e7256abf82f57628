"""What the files of a run directory say of strata: the record in config.json, and the column of paths.csv.gz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from stress.arguments import numbers
from stress.errors import InputError, Problem, raise_if
from stress.runs.shape import TEXT, Column

KEYS = ("coordinate", "from", "to", "probability")  # a list each, one value for each stratum
WHOLE = 1e-9  # that the sum of probabilities may differ from 1


def columns(config: Mapping[str, Any], where: str) -> dict[str, Column]:
    """The column of paths.csv.gz that strata add; none without strata.

    Parameters
    ----------
    config : dict
        Of config.json.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        If the record of the strata is none.
    """
    known = config.get("strata")
    if known is None:
        return {}
    given = known.get("probability") if isinstance(known, Mapping) else None
    chances = numbers(given) if isinstance(given, list) else None
    if (
        chances is None
        or chances.ndim != 1
        or not chances.size
        or not (chances > 0).all()
        or abs(chances.sum() - 1) > WHOLE
    ):
        raise InputError(Problem(where, "probabilities above 0 whose sum is 1", column="strata.probability"))
    wrong = [
        key for key in KEYS if key in known and not (isinstance(known[key], list) and len(known[key]) == chances.size)
    ]
    raise_if([Problem(where, f"a list of {chances.size} values", column=f"strata.{key}") for key in wrong])
    last = chances.size - 1
    return {"stratum": Column("iu", lambda x: (x >= 0) & (x <= last), f"a whole number from 0 to {last}")}


def required(config: Mapping[str, Any]) -> dict[str, Column]:
    """The columns of required_fund.csv that strata add; none without strata."""
    return {} if config.get("strata") is None else {"flag": TEXT, "rests_on": TEXT}


def check(paths: pd.DataFrame, config: Mapping[str, Any], where: str) -> None:
    """Refuse paths whose strata do not weigh what their probabilities say.

    Raises
    ------
    InputError
    """
    if config.get("strata") is None:
        return
    chances = np.asarray(config["strata"]["probability"], float)
    weighed = np.bincount(paths["stratum"], paths["weight"], chances.size) / len(paths)
    counted = np.bincount(paths["stratum"], minlength=chances.size)
    if (counted == 0).any():
        raise InputError(Problem(where, "a path of each stratum of config.json", column="stratum"))
    if not np.allclose(weighed, chances, rtol=1e-6, atol=0.0) and "coordinate" in config["strata"]:
        raise InputError(Problem(where, "weights whose sums are the probabilities of the strata", column="weight"))
