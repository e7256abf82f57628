"""Reader of files of bars.

Supported are the exports of the venues and of vendors: Binance's klines, with or without a header, Bybit, OKX,
Hyperliquid, Kraken, Coinbase, ccxt, freqtrade, CryptoDataDownload, TradingView, MetaTrader, Yahoo; and any table that
`stress.files.table` reads whose header names the columns (`stress.prices.bar_table.NAMES`). A table whose first cell
begins with a digit has no header: its columns are time, open, high, low, close, volume, in this order, or in that of
Coinbase, KuCoin or Bitfinex where no other is possible.

Rows may be in any order. Time stamps are ISO 8601 (UTC unless they have an offset), plausible counts since 1970 in
seconds, ms, us or ns, or local forms that have one reading; `stress.prices.stamps` lists those that need a time format.
Binance changed from ms to us in 2025: a file that changes once is read. Several columns of times are accepted if they
agree in every row, as far as one of whole days or seconds can, or if one has opening times and the other closing
times; a time format is that of all of them. Of several volumes the first is read. A volume may be missing: nothing,
nan, null, none, NA. What was done to the rows is in `Bars.adjustments`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from stress.errors import InputError, Problem
from stress.files.table import read_table
from stress.prices.bar_table import ALIASES, NO_HEADER, OPTIONAL, SEVERAL
from stress.prices.bar_table import BarsWarning as BarsWarning
from stress.prices.bars import Bars
from stress.prices.stamps import check_format


def read_bars(path: str | Path, time_format: str | None = None) -> Bars:
    """Read bars from a file.

    Parameters
    ----------
    path : path
        The description of the module lists the supported formats.
    time_format : str, optional
        "iso", "seconds", "ms", "us", "ns", "yyyymmdd", "excel", "dmy", "mdy", or a format of strptime, see
        `stress.prices.stamps`. Default: ISO 8601, counts since 1970 that lie between 2009 and 2100, or local forms that
        have one reading.

    Returns
    -------
    Bars

    Warns
    -----
    BarsWarning
        For each of its adjustments: rows that were sorted or left out, times that were turned into opening times, a
        unit of time that changes within the file, one of several volumes. And if bars lie in the future.

    Raises
    ------
    InputError
        Lists every problem: columns that are missing or there twice, values that are not numbers or times, prices <= 0,
        a low above the open, close or high, a high below them, time stamps that have several readings, repeat with
        other prices, or are not on the grid of the step. Rows are counted from 1 and include the header.
    """
    check_format(time_format)
    table = read_table(path, ALIASES, order=NO_HEADER, several=SEVERAL, optional=OPTIONAL)
    return Bars.of_table(table, time_format)


def as_bars(bars: Any, problems: list[Problem]) -> Bars | None:
    """Bars, read from a file or a data frame if they are none; None if that fails, with the problems appended."""
    if isinstance(bars, Bars):
        return bars
    try:
        if isinstance(bars, pd.DataFrame):
            return Bars.from_frame(bars)
        if isinstance(bars, (str, os.PathLike)):
            return read_bars(bars)  # type: ignore[arg-type]  # of bytes, the reader says that it is none
    except InputError as error:
        problems += error.problems
    else:
        expected = "stress.prices.Bars, a pandas DataFrame, or the path of a file"
        problems.append(Problem("prices", expected, column="bars", value=type(bars).__name__))
    return None
