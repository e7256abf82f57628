"""Depth of the order book, fitted to snapshots of it.

- `usd` and `exponent`: least squares of ln Q over ln band in each snapshot, Q = usd (band / width)^(1 / exponent) held
  within a band; means over the snapshots (of usd, the geometric one).
- `half_life`: dips, that is, five-minute medians of Q an eighth or more below the median of the hour before, at most
  one in an hour. What is missing is followed for 90 minutes, and 2^(-t / half_life) fitted to it by least squares.
- The fall: least squares of ln Q over w, Q = usd / (1 + (w / scale)^power), w the log move of the bars over `window`,
  for each of four windows, of which the best is taken.

Errors are those of a block jackknife over time (H. Kuensch, Annals of Statistics 17 (1989)): a tenth of the file, an
hour or more, is left out at a time; of the half-life, a dip at a time. What a file cannot tell is not fitted, and the
reason stands in its place: the fall is told only if half of the depth was seen to go, so by no calm day.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from stress.analysis.depth_file import LEAST, Snapshots
from stress.errors import InputError, Problem
from stress.prices.bars import Bars

WIDTH = 0.01
BLOCKS, SHORTEST = 10, 3600.0  # of the jackknife: how many, and seconds
BIN, BEFORE, AFTER = 300.0, 12, 18  # of dips: seconds of a median, how many make the usual depth, how many follow
DIP = math.log(8 / 7)  # an eighth less
FEWEST_DIPS = 4
WINDOWS = (300.0, 900.0, 1800.0, 3600.0)  # seconds
SCALES, POWERS = np.geomspace(1e-3, 1.0, 70), np.linspace(0.25, 5.0, 39)
SURE = 0.5  # relative error of a scale that is still told


@dataclass(frozen=True)
class Figure:
    """A fitted number and its standard error; nan: too few blocks of time to say."""

    value: float
    se: float

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Fall:
    """How depth falls with the move of the price.

    Attributes
    ----------
    side : str
    window : float
        Seconds.
    usd, scale, power : Figure
    explained : float
        Share of the variance of ln Q.
    largest : float
        Largest log move seen.
    is_bound : bool
        Whether snapshots in doubt went into it: then the fitted depth is an upper bound.
    time, fitted : float64[k]
        Seconds since 1970 UTC, and the fitted depth then, USD.
    """

    side: str
    window: float
    usd: Figure
    scale: Figure
    power: Figure
    explained: float
    largest: float
    is_bound: bool
    time: np.ndarray
    fitted: np.ndarray


@dataclass(frozen=True)
class DepthFit:
    """What snapshots of an order book say of its depth.

    Attributes
    ----------
    snapshots : Snapshots
        All of them.
    used : bool[n]
        Those that usd, exponent and half-life are fitted to.
    usd, exponent : dict of str to Figure
        By side, "bids" and "asks".
    half_life : Figure
        Seconds.
    falls : dict of str to Fall
        By side.
    refused : dict of str to str
        What was not fitted, and why.
    notes : tuple of str
        What was left out.
    """

    snapshots: Snapshots
    used: np.ndarray
    usd: dict[str, Figure]
    exponent: dict[str, Figure]
    half_life: Figure
    falls: dict[str, Fall]
    refused: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def levels(self, side: str) -> np.ndarray:
        """Depth within `WIDTH` in each snapshot of a side, by its fitted curve, USD; nan where nothing is held."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.exp(_curve(self.snapshots, side)[1]))

    def to_toml(self, open_interest: float | None = None) -> str:
        """A [depth] block of a scenario, with the error of each figure beside it.

        Parameters
        ----------
        open_interest : float, optional
            Of one side, USD: depth is then given as its share.
        """
        usd, exponent = self.usd["bids"], self.exponent["bids"]
        lines = ["[depth]", f"# bids of {', '.join(self.snapshots.sources)}; longs are sold to bids"]
        if open_interest is None:
            lines.append(f"usd = {usd.value:.3e}  # se {usd.se:.1e}")
        else:
            share, se = usd.value / open_interest, usd.se / open_interest
            lines.append(f"oi_share = {share:.4g}  # se {se:.1g}; {usd.value:.3e} USD of {open_interest:.3e}")
        lines += [f"width = {WIDTH:g}", f"exponent = {exponent.value:.3g}  # se {exponent.se:.1g}"]
        if self.half_life.known:
            lines.append(f"half_life = {self.half_life.value:.0f}  # seconds, se {self.half_life.se:.0f}")
        fall = self.falls.get("bids", self.falls.get("asks"))
        if fall is not None:
            bound = ", an upper bound of the depth" if fall.is_bound else ""
            lines += [
                f"window = {fall.window:.0f}  # from the {fall.side}{bound}; explains {fall.explained:.0%} of ln depth",
                f"scale = {fall.scale.value:.3g}  # se {fall.scale.se:.1g}; largest move seen {fall.largest:.3g}",
                f"power = {fall.power.value:.3g}  # se {fall.power.se:.1g}",
            ]
        lines += [f"# {what}: not fitted, {why}" for what, why in self.refused.items()]
        return "\n".join(lines) + "\n"


def fit_depth(snapshots: Snapshots, bars: Bars | None = None) -> DepthFit:
    """Fit the depth of an order book.

    Parameters
    ----------
    snapshots : Snapshots
    bars : Bars, optional
        Of the same hours, for the fall.

    Raises
    ------
    InputError
        If too few snapshots are usable.
    """
    used = ~snapshots.in_doubt()
    notes = _left_out(snapshots, used)
    if used.sum() < LEAST:
        expected = f"{LEAST} usable snapshots or more; {'; '.join(notes)}"
        raise InputError(Problem(", ".join(snapshots.sources), expected, value=int(used.sum())))
    usd, exponent = {}, {}
    kept = snapshots.select(used)
    for side in ("bids", "asks"):
        slope, level = _curve(kept, side)
        usd[side] = _figure(kept.time, partial(_geometric_mean, level))
        exponent[side] = _figure(kept.time, partial(_exponent, slope))
    refused: dict[str, str] = {}
    half_life = _half_life(snapshots, used, refused)
    falls: dict[str, Fall] = {}
    if bars is None:
        refused["fall"] = "no bars were given, which say how the price moved"
    else:
        for side in ("bids", "asks"):
            found = _fall(snapshots, used, side, bars)
            if isinstance(found, Fall):
                falls[side] = found
            else:
                refused[f"fall of the {side}"] = found
    return DepthFit(snapshots, used, usd, exponent, half_life, falls, refused, tuple(notes))


def _left_out(snapshots: Snapshots, used: np.ndarray) -> list[str]:
    """What is left out, why, and from when on."""
    notes = []
    for side in ("bids", "asks"):
        for word, bad in zip(("inverted", "frozen"), snapshots.unusable(side), strict=True):
            if bad.any():
                notes.append(
                    f"{bad.sum():,} snapshots with {word} {side}, the first at {_stamp(snapshots.time[bad][0])}"
                )
    if not used.all():
        notes.append(
            f"{(~used).sum():,} of {used.size:,} snapshots are left out, the first at "
            f"{_stamp(snapshots.time[~used][0])}: these, and all within half an hour of them"
        )
    return notes


def _stamp(time: float) -> str:
    return f"{np.datetime64(int(time), 's')}Z"


def _curve(snapshots: Snapshots, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Slope of ln Q over ln band and ln Q at `WIDTH`, of each snapshot."""
    x = np.log(snapshots.band / WIDTH)
    y = np.log(getattr(snapshots, side))
    slope = ((y - y.mean(axis=1, keepdims=True)) * (x - x.mean())).sum(axis=1) / ((x - x.mean()) ** 2).sum()
    return slope, y.mean(axis=1) - slope * x.mean()


def _blocks(time: np.ndarray) -> np.ndarray:
    """Block of the jackknife that each time is in."""
    length = max(SHORTEST, (time[-1] - time[0]) / BLOCKS)
    return np.asarray((time - time[0]) // length, int)


def _figure(time: np.ndarray, estimate: Callable[[np.ndarray], float]) -> Figure:
    """An estimate from all of some observations, with its jackknife error; `estimate` takes which are kept, bool[n]."""
    block = _blocks(time)
    everything = np.ones(time.size, bool)
    value = estimate(everything)
    names = np.unique(block)
    if names.size < 3:
        return Figure(value, math.nan)
    found = np.array([estimate(block != name) for name in names])
    return Figure(value, float(np.sqrt((names.size - 1) * np.var(found))))


def _sound(snapshots: Snapshots, used: np.ndarray, side: str) -> np.ndarray:
    """Which snapshots of a side tell how it falls and comes back, bool[n].

    In a crash the bids of an archive may be unusable and all asks sound in themselves: then all asks are taken. What is
    fitted to them is an upper bound of the depth, since the price that the bands refer to lags behind the falling mid.
    """
    return used if np.any(snapshots.unusable(side)) else np.ones(len(snapshots), bool)


def _geometric_mean(level: np.ndarray, keep: np.ndarray) -> float:
    return math.exp(float(level[keep].mean()))


def _exponent(slope: np.ndarray, keep: np.ndarray) -> float:
    return 1.0 / float(slope[keep].mean())


def _half_life(snapshots: Snapshots, used: np.ndarray, refused: dict[str, str]) -> Figure:
    """Half-life of what is missing after dips of both sides; a reason in `refused` if there are too few."""
    gaps, starts = [], []
    for side in ("bids", "asks"):
        kept = snapshots.select(_sound(snapshots, used, side))
        for start, gap in _dips(kept.time, _curve(kept, side)[1]):
            starts.append(start)
            gaps.append(gap)
    if len(gaps) < FEWEST_DIPS:
        refused["half-life"] = f"{len(gaps)} dips of an eighth or more; {FEWEST_DIPS} are needed"
        return Figure(math.nan, math.nan)
    order = np.argsort(starts)
    time, missing = np.array(starts)[order], np.array(gaps)[order]

    def estimate(keep: np.ndarray) -> float:
        chosen = missing[keep]
        half_lives = np.geomspace(60.0, 86_400.0, 400)
        decay = 2.0 ** (-BIN * np.arange(1, AFTER + 1) / half_lives[:, None])
        loss = np.nansum((chosen[None, :, 1:] - chosen[None, :, :1] * decay[:, None, :]) ** 2, axis=(1, 2))
        return float(half_lives[np.argmin(loss)])

    value = estimate(np.ones(len(time), bool))
    found = np.array([estimate(np.arange(len(time)) != k) for k in range(len(time))])
    return Figure(value, float(np.sqrt((len(time) - 1) * np.var(found))))


def _dips(time: np.ndarray, level: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Dips, deepest first, at most one in an hour: when, and what was missing then and in the `AFTER` bins after it."""
    place = np.asarray((time - time[0]) // BIN, int)
    median = np.full(place[-1] + 1, np.nan)
    for k in np.unique(place):
        median[k] = np.median(level[place == k])
    missing = np.full(median.size, np.nan)
    usual = np.full(median.size, np.nan)
    for k in range(BEFORE, median.size):
        before = median[k - BEFORE : k]
        if np.isfinite(before).sum() >= BEFORE // 2:
            usual[k] = np.nanmedian(before)
            missing[k] = usual[k] - median[k]
    found: list[tuple[float, np.ndarray]] = []
    taken = np.zeros(median.size, bool)
    for k in np.argsort(-np.nan_to_num(missing, nan=-np.inf)):
        if not missing[k] >= DIP:
            break
        if not taken[k] and k + AFTER < median.size:
            found.append((time[0] + BIN * k, usual[k] - median[k : k + AFTER + 1]))
            taken[max(0, k - BEFORE) : k + BEFORE + 1] = True
    return found


def _fall(snapshots: Snapshots, used: np.ndarray, side: str, bars: Bars) -> Fall | str:
    """The fall of a side, or why it is not told."""
    sound = _sound(snapshots, used, side)
    kept = snapshots.select(sound)
    ends = (bars.time.astype("datetime64[ns]").astype(np.int64) / 1e9) + bars.step
    inside = (kept.time - max(WINDOWS) >= ends[0]) & (kept.time <= ends[-1])
    if inside.sum() < LEAST:
        return "the bars do not cover the snapshots and an hour before them"
    kept = kept.select(inside)
    log_price = np.log(bars.close)
    now = np.interp(kept.time, ends, log_price)
    level = _curve(kept, side)[1]
    fits = []
    for window in (w for w in WINDOWS if w >= bars.step):
        move = np.abs(now - np.interp(kept.time - window, ends, log_price))
        fits.append((_least(move, level)[3], window, move))
    if not fits:
        return f"bars of {max(WINDOWS):.0f} s or less are needed"
    loss, window, move = min(fits, key=lambda fit: fit[0])
    largest = float(move.max())
    half = np.median(level[move <= np.median(move)]) - math.log(2)
    usd, scale, power, _ = _least(move, level)
    gone = f"the largest move in {window / 60:.0f} minutes is {largest:.2%}"
    if scale > largest or not (level[move >= min(scale, largest)] < half).any():
        return f"half of the depth was never seen to go ({gone}); a file with a crash in it is needed"
    usd_of, scale_of, power_of = (_figure(kept.time, partial(_of_fall, k, move, level)) for k in range(3))
    if not scale_of.se <= SURE * scale:
        return f"scale {scale:.3g} has an error of {scale_of.se:.2g} ({gone})"
    explained = 1.0 - loss / float(((level - level.mean()) ** 2).sum())
    is_bound = bool((~used[sound][inside]).any())
    fitted = usd / (1.0 + (move / scale) ** power)
    return Fall(side, window, usd_of, scale_of, power_of, explained, largest, is_bound, kept.time, fitted)


def _of_fall(k: int, move: np.ndarray, level: np.ndarray, keep: np.ndarray) -> float:
    """usd, scale or power (k = 0, 1, 2) of some snapshots."""
    return _least(move[keep], level[keep])[k]


def _least(move: np.ndarray, level: np.ndarray) -> tuple[float, float, float, float]:
    """usd, scale and power of the least squares of ln Q over the move, on a grid, and the sum of squares."""
    edges = np.unique(np.quantile(move, np.linspace(0, 1, 200)))
    cell = np.clip(np.searchsorted(edges, move, side="right") - 1, 0, edges.size - 1)
    count = np.bincount(cell, minlength=edges.size)
    some = count > 0
    n = count[some]
    x, y = (np.bincount(cell, values, minlength=edges.size)[some] / n for values in (move, level))
    fall = np.log1p((x / SCALES[:, None, None]) ** POWERS[:, None])
    rest = y + fall
    base = (n * rest).sum(axis=2) / n.sum()
    loss = (n * (rest - base[:, :, None]) ** 2).sum(axis=2)
    i, j = np.unravel_index(np.argmin(loss), loss.shape)
    within = float(((level - y[np.cumsum(some)[cell] - 1]) ** 2).sum())
    return math.exp(base[i, j]), float(SCALES[i]), float(POWERS[j]), float(loss[i, j]) + within
