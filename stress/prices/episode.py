"""Historical crashes that are part of the package.

An episode is a file of waypoints in `episodes/`: at most 150 turning points [minutes since the start, price over the
price at the start], with market, source and date. They are chosen from the exchange's bars by `docs/make_episodes.py`
so that the straight lines between them, in log price, are as close to the bars as possible; `error` is the largest
remaining distance.
Each step is a continuous move whose low and high are those of the waypoints within it.

The order of low and high within one source bar is unknown and is inferred from the bar's direction; it never
crosses a step, so no result depends on it beyond the rule of a step.

An episode is a replay: it can be scaled, played at another speed, or started from another price. `stress.prices.replay`
explains this, and why finite depth counts the impact of the historical liquidations twice.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from stress.arguments import is_word
from stress.errors import InputError, Problem, raise_if
from stress.prices.bars import Bars
from stress.prices.replay import Replay

FOLDER = Path(__file__).parent / "episodes"


class EpisodeInfo(NamedTuple):
    """Description of an episode.

    Parameters
    ----------
    name, title, market, start : str
        `start` is the time of the first waypoint, ISO 8601, UTC.
    hours : float
        Length.
    fall : float
        Lowest price over the first, minus 1; negative.
    source : str
    """

    name: str
    title: str
    market: str
    start: str
    hours: float
    fall: float
    source: str


def list_episodes() -> list[EpisodeInfo]:
    """The episodes, in the order of their names."""
    infos = []
    for path in sorted(FOLDER.glob("*.toml")):
        file = tomllib.loads(path.read_text("utf-8"))
        minutes, ratio = np.array(file["waypoints"]).T
        hours, fall = float(minutes[-1]) / 60.0, float(ratio.min()) - 1.0
        infos.append(EpisodeInfo(path.stem, file["title"], file["market"], file["start"], hours, fall, file["source"]))
    return infos


def episodes() -> pd.DataFrame:
    """The historical crashes that are part of the package.

    Returns
    -------
    DataFrame
        A row per crash: `name`, which `Episode` takes, `title`, `market`, `start` (UTC), `hours` (its length),
        `fall_percent` (lowest price against the first, negative), `source`.
    """
    table = pd.DataFrame(list_episodes(), columns=list(EpisodeInfo._fields))
    table["start"] = pd.to_datetime(table["start"])
    table["fall"] *= 100.0
    return table.rename(columns={"fall": "fall_percent"})


class Episode(Replay):
    """One path: a historical crash.

    Parameters
    ----------
    name : str
        One of `list_episodes()`.
    scale : float
        Factor on the log moves, > 0.
    speed : float
        Factor on the speed, > 0: with 4 the same moves take a quarter of the time, in shorter steps.
    s0 : float, optional
        Price to start from, USD. Default: the historical price.

    Attributes
    ----------
    n_paths, n_steps, step, horizon, s0
        See `Replay`.

    Raises
    ------
    InputError
        If the name is unknown (with the nearest known one) or parameters are wrong.
    """

    kind: ClassVar[str] = "episode"

    def __init__(self, name: str, scale: float = 1.0, speed: float = 1.0, s0: float | None = None):
        problems: list[Problem] = []
        try:
            self.name, self.error, bars = _read(name)
        except InputError as error:
            problems += error.problems
            bars = None
        try:
            super().__init__(bars, scale=scale, s0=s0, speed=speed)
        except InputError as error:
            problems += [p for p in error.problems if p.column != "bars"]
        raise_if(problems)

    def describe(self) -> dict[str, Any]:
        """Name of the crash, digest of its file, and how it was scaled, as plain values."""
        return super().describe() | {"name": self.name, "waypoint_error": self.error}


def _read(name: Any) -> tuple[str, float, Bars]:
    """Name, largest distance of the waypoints to the source (log price), and bars of an episode."""
    names = [path.stem for path in sorted(FOLDER.glob("*.toml"))]
    if not is_word(name, names):
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f" (the nearest is {near[0]})" if near else ""
        raise InputError(Problem("prices", f"one of {', '.join(names)}{hint}", column="name", value=name))
    data = (FOLDER / f"{name}.toml").read_bytes()
    file = tomllib.loads(data.decode("utf-8"))
    minutes, ratio = np.array(file["waypoints"], dtype=float).T
    seconds, step = minutes * 60.0, float(file["step"])
    n = round(seconds[-1] / step)
    price = np.exp(np.interp(np.arange(n + 1) * step, seconds, np.log(ratio))) * file["price"]
    low, high = np.minimum(price[:-1], price[1:]), np.maximum(price[:-1], price[1:])
    at = np.clip(np.ceil(seconds / step).astype(int) - 1, 0, n - 1)
    np.minimum.at(low, at, ratio * file["price"])
    np.maximum.at(high, at, ratio * file["price"])
    start = np.datetime64(file["start"].rstrip("Z"), "ns")
    bars = Bars(
        time=start + (np.arange(n) * step * 1e9).astype("timedelta64[ns]"),
        open=price[:-1],
        high=high,
        low=low,
        close=price[1:],
        step=step,
        source=f"{file['source']}, {file['market']}, {file['date']}",
        sha256=hashlib.sha256(data).hexdigest(),
    )
    return str(name), float(file["error"]), bars
