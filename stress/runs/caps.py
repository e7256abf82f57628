"""What tables/caps.csv of a run directory must be: the figures of a run at two caps of the jump size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stress.analysis.caps import COLUMNS, FACTOR, LARGEST, LOG_PRICE
from stress.analysis.study import REQUIRED_FUND
from stress.errors import InputError, Problem
from stress.files import csv_tables
from stress.prices.caps import LIMITED
from stress.results import mechanics
from stress.runs.shape import ANY, TEXT, Column, check_table

CAPS = tuple(LARGEST + name for name in LIMITED)
QUANTITIES = (*CAPS, REQUIRED_FUND, mechanics.DEPLETED, mechanics.DEPLETED_ALONE)
WORDS = ("quantity", "unit", "note", "flag")
SHAPE = dict.fromkeys(COLUMNS, ANY) | dict.fromkeys(WORDS, TEXT)
SHAPE |= {
    "quantity": Column("", lambda x: np.isin(x.astype(str), QUANTITIES), "a cap, a required fund or P(depleted)"),
    "factor": Column("iuf", lambda x: np.isin(x, (1.0, FACTOR)), f"1 or {FACTOR:g}"),
}


def parse(data: bytes, where: str, alphas: Sequence[float]) -> pd.DataFrame:
    """The table of a file.

    Parameters
    ----------
    data : bytes
    where : str
        Its name in messages.
    alphas : sequence of float
        Probabilities that a fund may be asked for.

    Raises
    ------
    InputError
        If it is not what a run writes.
    """
    table = csv_tables.parse_csv(data, where, WORDS)
    check_table(table, SHAPE, where)
    is_cap, of_fund = table["unit"] == LOG_PRICE, table["quantity"] == REQUIRED_FUND
    wrong = (is_cap != table["quantity"].isin(CAPS)) | (is_cap & ~(table["estimate"] > 0))
    wrong |= of_fund != table["alpha"].isin([float(alpha) for alpha in alphas])
    wrong |= ~of_fund & table["alpha"].notna()
    pairs = table.groupby(["quantity", "alpha"], dropna=False)["factor"].agg(lambda x: sorted(x) == [1.0, FACTOR])
    if wrong.any() or not is_cap.any() or is_cap.all() or not pairs.all():
        expected = "caps above 0, and figures of the scenario's probabilities, at both of the caps"
        row = int(np.argmax(wrong)) + 2 if wrong.any() else None
        raise InputError(Problem(where, expected, row, "quantity"))
    return table
