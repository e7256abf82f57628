"""`perp-stress calibrate`: the block and the table it prints, and what the examples owe to it."""

from __future__ import annotations

import re
import tomllib

from tests.conftest import ROOT, data_file


def test_calibrate_prints_a_block_and_its_table(command, tmp_path):
    bars = data_file("calibration/binance-perp-BTCUSDT-5m-2023-2024.csv.gz")
    code, out, err = command("calibrate", bars, "--model", "kou", "--no-fund")
    assert code == 0
    prices = tomllib.loads(out)["prices"]
    assert prices["model"] == "kou"
    assert prices["provenance"]["fit_for_sizing"]["fit"] is False
    assert "Unfit for sizing a fund" in err
    assert re.search(r"^low below \u22123% +25.0 / \d+\.\d! ", err, re.MULTILINE)
    assert command("calibrate", bars, "--model", "normal")[0] == 2


def test_a_contest_of_all_models_ends_in_a_block(command, tmp_path):
    """Two models: one that fits, and one that cannot be fitted."""
    import numpy as np

    from stress.errors import InputError, Problem
    from stress.prices.calibration.fitters import FITTERS

    rng = np.random.default_rng(5)
    close = (100.0 * np.exp(np.cumsum(0.01 * rng.standard_t(3, size=3000)))).tolist()
    hours = np.datetime64("2020-03-01T00") + np.arange(len(close))
    rows = [f"{time},{c},{c},{c},{c}" for time, c in zip(hours, close, strict=True)]
    (tmp_path / "hours.csv").write_text("\n".join(["time,open,high,low,close", *rows]))

    def fails(bars):
        raise InputError(Problem("kou", "a longer history"))

    whole = dict(FITTERS)
    two = {"kou": fails, "tail-jumps": FITTERS["tail-jumps"]}
    try:
        FITTERS.clear()
        FITTERS.update(two)
        code, out, err = command("calibrate", "hours.csv", "--all", "--picture", "days.svg")
    finally:  # in their order, which messages show
        FITTERS.clear()
        FITTERS.update(whole)
    assert code == 0, err
    assert tomllib.loads(out)["prices"]["model"] == "tail-jumps"
    assert "a longer history" in err
    assert "Fund of a day under all models, since none passes" in err
    assert (tmp_path / "days.svg").read_text().startswith("<?xml")
    for wrong in (["--picture", "days.svg"], ["--all", "--picture", "days.txt"], ["--all", "--cap", "1"]):
        assert command("calibrate", "hours.csv", *wrong)[0] == 2


def test_calibrate_asks_for_a_time_format_and_tells_what_it_assumes(command, tmp_path):
    import numpy as np

    rng = np.random.default_rng(5)
    close = (100.0 * np.exp(np.cumsum(0.01 * rng.standard_t(3, size=3000)))).tolist()
    hours = np.datetime64("2020-03-01T00") + np.arange(len(close))

    def write(times):
        rows = [f"{time},{c},{c},{c},{c}" for time, c in zip(times, close, strict=True)]
        (tmp_path / "hours.csv").write_text("\n".join(["time,open,high,low,close", *rows]))

    def calibrate(*options):
        return command("calibrate", "hours.csv", "--model", "kou", "--no-fund", *options)

    write(str(hour).replace("-", "").replace("T", "") for hour in hours)
    code, out, err = calibrate()
    assert (code, out) == (2, "")
    assert "got '2020030100'" in err
    assert "'yyyymmdd' reads 2020-03-01T00:00:00, 'seconds' reads 2034-01-04T23:28:20; 3,000 rows are like it" in err
    assert calibrate("--time-format", "days")[2].startswith("Error: bars, time_format: got 'days', expected one of")
    code, asked, err = calibrate("--time-format", "yyyymmdd")
    assert (code, "Note: hours.csv" in err) == (0, False)
    seconds = hours.astype("datetime64[s]").astype(int).tolist()
    write([t * 1000 if i < 1000 else t * 10**6 for i, t in enumerate(seconds)])
    code, out, err = calibrate()
    assert (code, tomllib.loads(out)["prices"]["eta_up"]) == (0, tomllib.loads(asked)["prices"]["eta_up"])
    assert "Note: hours.csv: 2,000 of 3,000 rows read with times in us (rows 1002, 1003," in err


def test_the_quickstart_is_what_its_calibration_says(command):
    """Prices of the example come from its bars, digit for digit, and run as they are."""
    example = ROOT / "examples" / "quickstart.toml"
    code, out, _ = command("run", example, "--paths", 4, "--set", "population.accounts=500", "--no-report")
    assert code == 0
    assert "4 paths of 1 day in steps of 1 minute, 500 positions" in out
    written = tomllib.loads(example.read_text())["prices"]
    bars = data_file(f"calibration/{written['provenance']['source']}")
    found = tomllib.loads(command("calibrate", bars, "--no-fund", "--model", written["model"])[1])["prices"]
    kept = {name: value for name, value in written.items() if name != "provenance"}
    assert {name: found[name] for name in kept} == kept
    for name in ("source", "sha256", "first", "last", "gaps", "jump_gap", "standard_errors"):
        assert found["provenance"][name] == written["provenance"][name]


def test_the_real_crash_needs_its_bars(command):
    example = ROOT / "examples" / "real_crash.toml"
    code, _, err = command("run", example)
    assert code == 2
    assert "--set prices.bars=FILE" in err
    bars = data_file("crash_1m/BTCUSDT-perp-1m-2020-03-12.csv")
    code, out, _ = command("run", example, "--set", f"prices.bars={bars}", "--no-report")
    assert code == 0
    assert "Over the delays: USD 0 at a delay of 1 second, to USD" in out
    for pair in ("0, 0", "1 minute late, 1", "5 minutes late, 1", "1, 1"):
        assert re.search(rf"^{re.escape(pair)} +USD", out, re.MULTILINE)
