"""Depth from snapshots: truth is found within its error, unusable snapshots are left out, and no guess is made."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stress.analysis.depth_file import Snapshots, read_depth
from stress.analysis.depth_fit import fit_depth
from stress.cli.app import app
from stress.errors import InputError
from stress.prices.bars import Bars
from stress.venue.depth import Depth

START, STEP = 1_700_000_000.0 // 86_400 * 86_400, 30.0
TIME = START + STEP * np.arange(2_880)
BAND = np.arange(1, 6) / 100
USD, EXPONENT, SCALE, POWER, WINDOW = 3e8, 1.25, 0.06, 1.5, 1_800.0


def noise(rng, half_life=600.0, sd=0.1):
    """An autoregression in ln depth."""
    keep = 2.0 ** (-STEP / half_life)
    shocks, out = rng.normal(0.0, sd * np.sqrt(1 - keep**2), TIME.size), np.zeros(TIME.size)
    for i in range(1, TIME.size):
        out[i] = keep * out[i - 1] + shocks[i]
    return out


def crash_bars(depth=0.2) -> Bars:
    """Minute bars from two hours before: a fall within twenty minutes at 12:00, half of it back by 15:00, and again."""
    t = START - 7_200.0 + 60.0 * np.arange(1_560)
    hour = (t + 60.0 - START) / 3_600.0
    log = np.interp(
        hour,
        [-2, 6, 6.3, 8, 12, 12.33, 15, 18, 18.2, 20],
        np.array([0, 0, 0.3, 0.2, 0.2, 1, 0.5, 0.5, 0.8, 0.5]) * -depth,
    )
    price = 100.0 * np.exp(log)
    return Bars((1e9 * t).astype("datetime64[ns]"), price, price, price, price, volume=None, step=60.0)


def move_of(bars: Bars) -> np.ndarray:
    ends = bars.time.astype(np.int64) / 1e9 + bars.step
    log = np.log(bars.close)
    return np.abs(np.interp(TIME, ends, log) - np.interp(TIME - WINDOW, ends, log))


def made(ln_depth: np.ndarray, usd=USD) -> Snapshots:
    held = usd * np.exp(ln_depth)[:, None] * (BAND / 0.01) ** (1 / EXPONENT)
    return Snapshots(TIME, BAND, held, 0.8 * held, ("made.csv",))


def write_long(path: Path, snapshots: Snapshots) -> Path:
    rows = ["timestamp,percentage,depth,notional"]
    for i, t in enumerate(snapshots.time):
        when = str(np.datetime64(int(t), "s")).replace("T", " ")
        for sign, held in ((-1, snapshots.bids), (1, snapshots.asks)):
            rows += [f"{when},{sign * round(100 * k)},1.0,{float(held[i, j])!r}" for j, k in enumerate(snapshots.band)]
    path.write_text("\n".join(rows))
    return path


def write_wide(path: Path, snapshots: Snapshots) -> Path:
    names = [f"notional_usdt_{sign}{k}pct" for sign in "-+" for k in range(1, 6)]
    rows = [",".join(["utc", *names])]
    for i, t in enumerate(snapshots.time):
        held = [*snapshots.bids[i].tolist(), *snapshots.asks[i].tolist()]
        rows.append(",".join([f"{np.datetime64(int(t), 's')}Z", *map(repr, held)]))
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize("seed", [1, 2])
def test_truth_is_found_within_its_error(seed):
    bars = crash_bars()
    fall = -np.log1p((move_of(bars) / SCALE) ** POWER)
    found = fit_depth(made(fall + noise(np.random.default_rng(seed))), bars)
    assert found.used.all()
    assert found.exponent["bids"].value == pytest.approx(EXPONENT, rel=1e-9)
    for side, usd in (("bids", USD), ("asks", 0.8 * USD)):
        of_side = found.falls[side]
        assert of_side.window == WINDOW
        assert not of_side.is_bound
        for figure, truth, step in (
            (of_side.usd, usd, 0.0),
            (of_side.scale, SCALE, 0.1 * SCALE),
            (of_side.power, POWER, 0.13),
        ):
            assert 0 < figure.se < 0.5 * figure.value
            assert abs(figure.value - truth) <= 4 * figure.se + step, (side, figure, truth)


def test_half_life_of_dips():
    ln_depth = np.zeros(TIME.size)
    for start in (3, 7, 11, 15, 19):
        since = TIME - START - 3_600.0 * start
        ln_depth -= np.where(since >= 0, 0.8 * 2.0 ** (-np.maximum(since, 0.0) / 1_800.0), 0.0)
    found = fit_depth(made(ln_depth + noise(np.random.default_rng(3), sd=0.01)))
    assert found.half_life.value == pytest.approx(1_800.0, rel=0.15)
    assert found.half_life.se < 200.0
    assert "fall" in found.refused


def test_a_calm_file_tells_neither_fall_nor_half_life():
    bars = crash_bars(0.005)
    found = fit_depth(made(noise(np.random.default_rng(4), sd=0.02)), bars)
    assert found.falls == {}
    assert not found.half_life.known
    assert "never seen to go" in found.refused["fall of the bids"]
    block = found.to_toml()
    assert "# fall of the bids: not fitted" in block
    assert set(tomllib.loads(block)["depth"]) == {"usd", "width", "exponent"}


def test_unusable_snapshots_are_left_out_with_all_near_them():
    good = made(noise(np.random.default_rng(5)))
    bids = good.bids.copy()
    bids[1_000:1_010, 0] = 1e5  # all but nothing within 1 %: inverted, and frozen from the second on
    bids[2_000, 3] = bids[2_000, 2] / 2
    bids[2_500] = bids[2_499]
    found = fit_depth(Snapshots(TIME, BAND, bids, good.asks, good.sources))
    inverted, frozen = found.snapshots.unusable("bids")
    assert np.flatnonzero(inverted).tolist() == [*range(1_000, 1_010), 2_000]
    assert np.flatnonzero(frozen).tolist() == [2_500]
    assert not found.snapshots.unusable("asks")[0].any()
    left_out = np.flatnonzero(~found.used)
    expected = np.concatenate([np.arange(940, 1_070), np.arange(1_940, 2_061), np.arange(2_440, 2_561)])
    assert left_out.tolist() == expected.tolist()
    assert "11 snapshots with inverted bids, the first at 2023-11-14T08:20:00Z" in found.notes[0]
    clean = fit_depth(good)
    assert found.usd["bids"].value == pytest.approx(clean.usd["bids"].value, rel=0.02)


def test_both_shapes_of_file_and_what_is_wrong_with_others(tmp_path):
    good = made(noise(np.random.default_rng(6)))
    long, wide = write_long(tmp_path / "long.csv", good), write_wide(tmp_path / "wide.csv", good)
    for path in (long, wide):
        read = read_depth([path])
        for name in ("time", "band", "bids", "asks"):
            np.testing.assert_allclose(getattr(read, name), getattr(good, name), rtol=1e-12)
    assert len(read_depth([wide], until=float(TIME[99]))) == 100
    with pytest.raises(InputError, match="do not overlap"):
        read_depth([long, wide])
    bad = tmp_path / "bad.csv"
    bad.write_text("timestamp,percentage,depth,notional\n2025-01-01 00:00:00,-1,2,abc\n2025-01-01 00:00:00,1,2,-5\n")
    with pytest.raises(InputError) as caught:
        read_depth([bad])
    (problem,) = caught.value.problems
    assert (problem.row, problem.column, problem.value) == (2, "notional", "abc")
    assert problem.expected.endswith("2 rows fail: 2, 3")
    bad.write_text("timestamp,price\n2025-01-01,5\n")
    with pytest.raises(InputError, match="percentage and notional"):
        read_depth([bad])


def test_the_command_writes_a_block_that_is_a_depth(tmp_path):
    file = write_long(tmp_path / "depth.csv", made(noise(np.random.default_rng(7))))
    out, picture = tmp_path / "depth.toml", tmp_path / "depth.png"
    arguments = ["calibrate-depth", str(file), "--oi", "1e10", "--out", str(out), "--picture", str(picture)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    table = tomllib.loads(out.read_text())["depth"]
    assert Depth(**table).oi_share == pytest.approx(USD / 1e10, rel=0.1)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert CliRunner().invoke(app, [*arguments, "--until", "yesterday"]).exit_code != 0


DATA = os.environ.get("STRESS_DATA")


@pytest.mark.skipif(not DATA, reason="STRESS_DATA names no folder of real data")
def test_the_archive_of_2025_10_10():
    from stress.prices import read_bars

    file = Path(str(DATA)) / "depth/binance-perp-BTCUSDT-bookdepth-30s-2025-10-10.csv.gz"
    found = fit_depth(read_depth([file]), read_bars(Path(str(DATA)) / "crash_5m/binance-perp-BTCUSDT-5m-2025-10.csv"))
    last = float(found.snapshots.time[found.used][-1])
    assert np.datetime64("2025-10-10T14:30") < np.datetime64(int(last), "s") < np.datetime64("2025-10-10T15:30")
    assert found.usd["bids"].value == pytest.approx(304e6, abs=4 * found.usd["bids"].se)
    assert set(found.falls) == {"asks"}
    assert found.falls["asks"].is_bound
    assert 0.02 < found.falls["asks"].scale.value < 0.12
    assert 600 < found.half_life.value < 5_400
