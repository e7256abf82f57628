"""Windows of a history as paths."""

from __future__ import annotations

import numpy as np
import pytest

from stress.errors import InputError
from stress.prices import Bars
from stress.prices.bars import Gap
from stress.prices.history import windows

HOUR = 3_600.0


def hourly(n, begin="2024-01-01T05:00", missing=()):
    """Bars of an hour with a trend, without those numbered `missing`."""
    rng = np.random.default_rng(4)
    close = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(n)))
    open_ = np.append(100.0, close[:-1]) * 1.001
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    time = np.datetime64(begin, "ns") + np.arange(n) * np.timedelta64(3_600_000_000_000, "ns")
    keep = np.setdiff1d(np.arange(n), missing)
    jumps = np.flatnonzero(np.diff(keep) > 1)
    gaps = tuple(Gap(int(i), int(keep[i + 1] - keep[i] - 1), time[keep[i]]) for i in jumps)
    return Bars(time[keep], open_[keep], high[keep], low[keep], close[keep], HOUR, gaps=gaps), open_


def test_days_begin_at_midnight_and_at_the_close_before():
    bars, _ = hourly(24 * 4)
    found = windows(bars, s0=50.0)
    assert [str(t) for t in found.start.astype("datetime64[h]")] == [f"2024-01-0{d}T00" for d in (2, 3, 4)]
    first = 19  # hours from 05:00 to midnight
    factor = 50.0 / bars.close[first - 1]
    assert found.paths.close[0, 1:] == pytest.approx(bars.close[first : first + 24] * factor)
    assert found.paths.low[0, 1:] == pytest.approx(bars.low[first : first + 24] * factor)
    assert np.all(found.paths.close[:, 0] == 50.0)
    assert found.left_out == 0


def test_rolling_windows_with_another_start():
    bars, _ = hourly(24 * 4)
    found = windows(bars, stride=6 * HOUR, start=HOUR)
    assert len(found.start) == 12
    assert str(found.start[0].astype("datetime64[h]")) == "2024-01-01T07"


def test_days_with_missing_bars_are_left_out_and_a_day_after_a_gap_starts_at_its_open():
    bars, open_ = hourly(24 * 5, missing=[30, 66])  # in the first whole day; the last bar of the second
    found = windows(bars, s0=1.0)
    assert found.left_out == 2
    assert [str(t) for t in found.start.astype("datetime64[D]")] == ["2024-01-04", "2024-01-05"]
    assert found.paths.close[0, 1] == pytest.approx(bars.close[65] / open_[67])


def test_bad_durations_are_all_reported():
    bars, _ = hourly(48)
    with pytest.raises(InputError) as error:
        windows(bars, length=90.0 * 60, stride=0.0, start=-HOUR, s0=0.0)
    assert {p.column for p in error.value.problems} == {"length", "stride", "start", "s0"}
    with pytest.raises(InputError, match="whole window"):
        windows(bars, length=100 * 24 * HOUR)


def test_a_part_of_bars_keeps_the_gaps_within_it():
    bars, _ = hourly(60, missing=[10, 30, 31, 50])
    part = bars.part(15, 40)
    assert np.array_equal(part.close, bars.close[15:40])
    assert [(gap.after, gap.missing, gap.time) for gap in part.gaps] == [(13, 2, bars.time[28])]
    assert bars.part(10, 29).gaps == ()  # the gap behind bar 28 lies beyond
