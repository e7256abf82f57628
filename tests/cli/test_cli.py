"""The command: what it prints, its exit codes, what it leaves on disk."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from stress import simulation
from stress.analysis import study
from tests.conftest import ROOT
from tests.support.tiny import BARS, POSITIONS, REPLAY, TINY, write_replay

HEAVY = ("numba", "numpy", "pandas", "matplotlib", "scipy")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["venues", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys\nfrom stress.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as end: assert not end.code\n"
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.rstrip().endswith("LOADED []")


def test_help_names_every_command(command):
    code, out, _ = command("--help")
    assert code == 0
    commands = ("run", "size", "adl", "path", "report", "compare", "backtest", "calibrate", "venues", "check", "doctor")
    commands += ("new", "scenarios", "reverse", "impact", "columns", "sweep", "tornado", "solve", "margins", "advice")
    commands += ("attack", "designs", "trader", "moves")
    for name in commands:
        assert re.search(rf"^  {name} ", out, re.MULTILINE), name
    assert "--set" in command("run", "--help")[1]
    assert "exit with 1" in " ".join(command("size", "--help")[1].lower().split())


def test_run_prints_the_answer_and_keeps_it(command, tmp_path):
    code, out, _ = command("run", "tiny.toml")
    assert code == 0
    assert "40 paths of 2 hours in steps of 1 minute, 200 positions" in out
    for line in (
        r"^20 % +USD",
        r"^1 % +at least USD .* no upper end",
        r"^1 %: 40 paths",
        r"^0, 1 \(chosen\) ",
        r"^over 100x ",
    ):
        assert re.search(line, out, re.MULTILINE), line
    assert "(none seen)" in out  # a probability is never a bare zero
    assert out.count("Exponential tails") == 1
    (directory,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"tiny-[0-9a-f]{8}", directory.name)
    assert f"{directory.name}/report.html" in out
    assert (directory / "report.html").is_file()
    manifest = json.loads((directory / "manifest.json").read_text())
    assert (manifest["name"], manifest["seed"]) == ("tiny", 3)
    assert manifest["hash"].startswith(directory.name[-8:])


def test_the_error_in_full_is_stated_before_and_shown_in_parts(command, tmp_path):
    given = ("tiny.toml", "--error", "full", "--set", "run.redraws=5")
    code, out, err = command("run", *given, "--out", "full")
    assert code == 0
    assert "5 redraws of the book x 40 paths: 200 paths" in err
    part = out[out.index("Where the error comes from") :]
    assert re.search(r"^fund for 20 % +paths +USD", part, re.MULTILINE)
    assert re.search(r"^ +calibration +not estimated", part, re.MULTILINE)
    assert "calibration: not estimated: nothing is known of the errors of the prices." in part
    rows = json.loads((tmp_path / "full" / "summary.json").read_text(encoding="utf-8"))["error_budget"]
    total = next(r for r in rows if r["part"] == "total" and r.get("alpha") == 0.2)
    assert (tmp_path / "full" / "tables" / "error_budget.csv").read_text(encoding="utf-8").startswith("quantity,alpha,")
    between = 0.5 * (total["high"] + next(r["high"] for r in rows if r["part"] == "paths" and r.get("alpha") == 0.2))
    limit = ("--set", "fund.alphas=[0.2]", "--limit", between)
    assert command("size", "tiny.toml", *limit)[0] == 0
    assert command("size", *given, *limit)[0] == 1  # held against all parts
    assert "--error" in command("run", "tiny.toml", "--error", "some")[2]


def test_quiet_prints_the_directory_alone(command):
    code, out, err = command("run", "tiny.toml", "--quiet", "--no-report", "--out", "here/mine")
    assert (code, out, err) == (0, "here/mine\n", "")


def test_options_change_keys(command, tmp_path):
    arguments = ("--seed", 5, "--paths", 6, "--set", "run.gap=0.25", "--set", "name=other", "--threads", 1)
    code, _, _ = command("run", "tiny.toml", "--no-report", "--out", "x", *arguments)
    assert code == 0
    resolved = json.loads((tmp_path / "x" / "scenario.json").read_text())
    assert (resolved["seed"], resolved["run"]["paths"], resolved["run"]["gap"]) == (5, 6, 0.25)
    assert resolved["name"] == "other"


def bad_venue(tmp_path):
    tiers = "tiers = [[0, 1000, 50, 0.01, 0], [2000, inf, 20, 0.02, 0]]"
    (tmp_path / "gap.toml").write_text(f'[venue]\nname = "gap"\n[rules]\n[markets.BTCUSDT]\n{tiers}\n')


BAD = {
    "missing column": (("positions", POSITIONS, ",entry_price", ",cost"), ["positions.csv, entry_price"]),
    "NaN": (("positions", POSITIONS, "20,7300,4000", "20,nan,4000"), ["positions.csv, row 3, entry_price: got 'nan'"]),
    "no number": (("positions", POSITIONS, "20,7300", "x,7300"), ["positions.csv, row 3, size: got 'x'"]),
    "unbalanced": (("positions", POSITIONS, "short,30", "short,31"), ["book.imbalance", "difference -1"]),
    "under margin": (("positions", POSITIONS, "7300,4000", "7300,1"), ["positions.csv, row 3", "maintenance margin"]),
    "negative price": (("positions", POSITIONS, "30,7350", "30,-7350"), ["row 4, entry_price: got '-7350'", "above 0"]),
    "empty positions": (("positions", "", "", ""), ["positions.csv", "empty"]),
    "low above high": (("bars", BARS, "6590", "6950"), ["bars.csv, row 4, low: got '6950'", "low <= open"]),
    "negative bar": (("bars", BARS, "6500", "-6500"), ["bars.csv, row 3, low: got '-6500'", "a price > 0"]),
    "empty bars": (("bars", "", "", ""), ["bars.csv", "empty"]),
    "tiers with a gap": (
        ("crash", REPLAY, 'preset = "binance"', 'file = "gap.toml"'), ["tier 2 floor: got 2000", "expected 1000"]
    ),
    "unknown market": ("venue.market=BTCUSD", ["--set, venue.market: got 'BTCUSD'", "nearest is 'BTCUSDT'"]),
    "misspelt key": ("run.gapp=0.5", ["--set, run.gapp", "nearest is 'gap'"]),
    "misspelt section": ("pricess.scale=2", ["--set, pricess", "nearest is 'prices'"]),
    "probability": ("fund.alphas=[1.5]", ["--set, fund.alphas: got 1.5", "a probability above 0 and below 1"]),
    "paths": ("run.paths=-5", ["--set, run.paths: got -5", "a whole number, 1 or more"]),
    "no such file": ("book.file=nowhere.csv", ["nowhere.csv", "readable"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_error_and_leaves_nothing(name, command, tmp_path):
    change, said = BAD[name]
    path = write_replay(tmp_path)
    bad_venue(tmp_path)
    overrides = []
    if isinstance(change, str):
        overrides = ["--set", change]
    else:
        stem, text, right, wrong = change
        name = "crash.toml" if stem == "crash" else f"{stem}.csv"
        (tmp_path / name).write_text(text.replace(right, wrong))
    before = sorted(p.name for p in tmp_path.iterdir())
    for verb in ("run", "check"):
        code, out, err = command(verb, path, *overrides)
        assert (code, out) == (2, "")
        assert err.startswith("Error: ")
        assert "Traceback" not in err
        for text in said:
            assert text in err
        assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_wrong_use_is_exit_code_2(command):
    assert command("run", "tiny.toml", "--paths", "many")[0] == 2
    assert command("rum")[0] == 2
    assert command("size", "nowhere.toml")[0] == 2


def test_a_directory_of_another_run_is_refused_before_the_run(command, monkeypatch):
    assert command("run", "tiny.toml", "--no-report", "-q", "--out", "x", "--paths", 2)[0] == 0
    monkeypatch.setattr(simulation, "execute", lambda *a, **k: pytest.fail("ran all the same"))
    code, _, err = command("run", "tiny.toml", "--no-report", "-q", "--out", "x", "--paths", 3)
    assert code == 2
    assert "a run directory of the same scenario" in err


def test_an_interrupt_is_exit_code_3_and_leaves_nothing(command, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "run_designs", interrupt)
    code, out, err = command("run", "tiny.toml")
    assert (code, out) == (3, "")
    assert "Interrupted" in err
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.toml"]


def test_an_interrupt_before_a_command_began_is_exit_code_3(command, monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "stress.cli.app", SimpleNamespace(app=interrupt))
    assert command("run", "tiny.toml") == (3, "", "Interrupted.\nNothing was written.\n")


def test_size_holds_a_limit_against_the_upper_end(command, tmp_path):
    code, out, _ = command("size", "tiny.toml", "--alpha", 0.3, "--alpha", 0.2, "-q")
    assert code == 0
    rows = [line.split(",") for line in out.splitlines()]
    assert rows[0] == ["alpha", "fund", "se", "low", "high", "note"]
    assert [row[0] for row in rows[1:]] == ["0.3", "0.2"]
    high = float(rows[2][4])
    assert float(rows[2][1]) < high
    assert command("size", "tiny.toml", "--alpha", 0.2, "--limit", high)[0] == 0
    code, out, _ = command("size", "tiny.toml", "--alpha", 0.2, "--limit", 0.999 * high)
    assert code == 1
    assert "broken" in out
    # too few paths to know: the limit cannot be shown to hold
    assert command("size", "tiny.toml", "--alpha", 0.001, "--limit", 1e12)[0] == 1
    assert not (tmp_path / "runs").exists()


def test_size_of_a_replay_is_the_fund_of_its_path(command, tmp_path):
    path = write_replay(tmp_path)
    _, out, _ = command("size", path)
    assert "Fund that this path takes" in out
    assert "0.5, 1 (chosen)" in out
    assert command("size", path, "--limit", 1)[0] == 1
    assert command("size", path, "--limit", 1e9)[0] == 0


def test_adl_shows_both_sides(command):
    code, out, _ = command("adl", "tiny.toml")
    assert code == 0
    assert "\nlongs\n" in out
    assert "\nshorts\n" in out
    assert re.search(r"^20 to 50x +64 ", out, re.MULTILINE)


def test_adl_says_what_it_costs_whom(command, tmp_path):
    code, out, err = command("adl", "tiny.toml", "--costs", "--out", "costs.csv")
    assert code == 0
    assert "with ADL again, with and without it." in err
    for title in ("Haircut as a share of the equity", "In contracts", "Regret", "By leverage", "By side"):
        assert f"\n{title}\n" in out, title
    assert re.search(r"^Hits that were a favour, by count +positions hit +[\d.]+ %", out, re.MULTILINE)
    table = pd.read_csv(tmp_path / "costs.csv")
    assert set(table["group"]) == {"all", "leverage", "size", "side"}
    assert table[["space", "denominator"]].notna().all().all()
    code, _, err = command("adl", "tiny.toml", "--out", "costs.csv")
    assert code == 2
    assert "--costs" in err


def test_a_path_of_a_scenario_and_of_its_run_are_the_same(command, tmp_path):
    path = write_replay(tmp_path)
    code, out, _ = command("path", path, 0)
    assert code == 0
    assert re.search(r"^liquidation +NA +long +2 ", out, re.MULTILINE)
    assert re.search(r"^adl +x, y +short +2 ", out, re.MULTILINE)
    assert command("run", path, "--no-report", "-q", "--out", "kept")[0] == 0
    assert command("path", "kept", 0)[1] == out
    assert command("path", "kept", 0, "--out", "log.csv", "--account", "NA")[0] == 0
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert len(lines) == 2
    assert "liquidation" in lines[1]
    code, _, err = command("path", "kept", 1)
    assert code == 2
    assert "a path from 0 to 0" in err


def test_check_prints_a_scenario_that_says_the_same(command, tmp_path):
    code, out, err = command("check", "tiny.toml")
    assert code == 0
    assert "tiny.toml: OK. " in err
    (tmp_path / "again.toml").write_text(out)
    _, again, _ = command("check", "again.toml", "--json")
    assert json.loads(again) == tomllib.loads(out)
    assert tomllib.loads(out)["depth"]["half_life"] == 300.0


def test_venues_and_their_figures(command):
    code, out, _ = command("venues")
    assert code == 0
    assert re.search(r"^binance .*official", out, re.MULTILINE)
    code, out, _ = command("venues", "show", "bybit", "--market", "ETHUSDT")
    assert code == 0
    assert "Bybit USDT perpetuals, ETHUSDT" in out
    assert re.search(r"^drawdown +0.3 +official", out, re.MULTILINE)
    code, _, err = command("venues", "show", "bibyt")
    assert code == 2
    assert "the nearest is 'bybit'" in err


def test_doctor_runs(command):
    code, out, _ = command("doctor")
    assert code == 0
    assert re.search(r"^numba +\d", out, re.MULTILINE)
    assert re.search(r"^test run +OK, ", out, re.MULTILINE)


def test_doctor_says_where_code_is_kept_and_what_is_wrong_there(command, monkeypatch, tmp_path):
    from stress.kernels import cache, jit

    folder = tmp_path / "kernels"
    folder.mkdir()
    for number in range(3):
        cache._write(folder / f"{number}.code", bytes(10**6))
    for number in (1, 2):
        (folder / f"{number}.code").write_bytes(b"cut off")
    monkeypatch.setattr(jit, "CACHE_DIR", folder)
    monkeypatch.setattr(jit, "REFUSED", ["/tmp/theirs: it belongs to user 5 and not to user 4, who runs this"])
    code, out, _ = command("doctor")
    assert code == 0
    lines = dict(re.findall(r"^(\w+) +(.*)$", out, re.MULTILINE))
    assert lines["cache"] == f"{folder} (3 files, 1.0 MB)"
    assert lines["refused"] == "/tmp/theirs: it belongs to user 5 and not to user 4, who runs this"
    renewed = "what they held is compiled again when it is needed"
    assert lines["damaged"] == f"2 of these files, the first 1.code: {renewed}"
    monkeypatch.setattr(jit, "CACHE_DIR", None)
    code, out, err = command("doctor")
    assert code == 0
    assert "none: every process compiles" in out
    assert "damaged" not in out
    assert err.endswith("Compiling kernels (in every run: perp-stress doctor says why) ...\n")
    monkeypatch.setenv("STRESS_CACHE_DIR", "/tmp/theirs")
    assert "The folder of STRESS_CACHE_DIR is not used: /tmp/theirs: it belongs" in command("doctor")[2]


def test_threads_that_cannot_begin_are_one_line(command, monkeypatch):
    from stress import simulation

    def no_thread(*arguments, **options):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(simulation, "execute", no_thread)
    code, out, err = command("run", "tiny.toml", "-q")
    assert (code, out) == (2, "")
    assert err == "Error: too little memory, or too many threads and processes (can't start new thread)\n"


def test_a_line_says_that_it_compiles(command, monkeypatch):
    from stress.engine import warm_up
    from stress.kernels import jit

    if jit.CACHE_DIR is None:
        pytest.skip("nothing is compiled, or nothing kept")
    monkeypatch.setattr(jit, "is_warm", lambda: False)
    monkeypatch.setattr(warm_up, "begin", lambda: None)  # what it does is shown in test_first_compile.py
    _, _, err = command("size", "tiny.toml", "--paths", 2)
    assert err == "Compiling kernels (once per version) ...\n"


def test_compare_says_what_differs_on_the_same_paths(command, tmp_path):
    (tmp_path / "other.toml").write_text(TINY.replace('name = "tiny"', 'name = "other"'))
    changed = "venue.policy=pro_rata"
    code, out, _ = command("run", "other.toml", "--set", changed, "--out", "other", "-q")
    assert code == 0
    code, out, _ = command("compare", "tiny.toml", "other")
    assert code == 0
    assert "other against tiny.toml, on the same paths" in out
    assert re.search(r"^P\(fund depleted\) +0 +0 +1 *$", out, re.MULTILINE)
    code, _, error = command("compare", "tiny.toml", "other", "--seed", "99")
    assert code == 2
    assert "seed" in error
    assert command("compare", "tiny.toml")[0] == 2
    code, out, _ = command("compare", "tiny.toml", "other", "--out", "compared", "-q")
    assert code == 0
    assert out.strip() == str(Path("compared", "report.html"))
    assert (tmp_path / "compared" / "changed.csv").read_text().splitlines()[1].startswith("other,venue.policy,")
    code, _, error = command("compare", "tiny.toml", "other", "--out", "other")
    assert code == 2
    assert "a new directory, or one of a comparison" in error


def test_run_names_its_author_and_a_report_may_name_another(command, tmp_path):
    assert command("run", "tiny.toml", "--out", "kept", "-q", "--author", "Market risk")[0] == 0
    assert "Market risk" in (tmp_path / "kept" / "report.html").read_text()
    assert json.loads((tmp_path / "kept" / "manifest.json").read_text())["author"] == "Market risk"
    assert command("report", "kept", "--author", "Second line", "--out", "other.html")[0] == 0
    assert "Second line" in (tmp_path / "other.html").read_text()


def test_a_report_is_written_again_to_the_same_bytes(command, tmp_path):
    assert command("run", "tiny.toml", "--out", "kept", "-q")[0] == 0
    first = (tmp_path / "kept" / "report.html").read_bytes()
    (tmp_path / "kept" / "report.html").unlink()
    code, _, _ = command("report", "kept")
    assert code == 0
    assert (tmp_path / "kept" / "report.html").read_bytes() == first
    assert command("report", "nothing")[0] == 2


def test_size_says_what_moved_since_an_earlier_run(command):
    assert command("run", "tiny.toml", "--out", "before", "-q")[0] == 0
    code, out, _ = command("size", "tiny.toml", "--set", "venue.fee_rate=0.05", "--since", "before")
    assert code == 0
    assert re.search(r"venue\.fee_rate +\S+ +0\.05", out)
    assert "On the same price paths." in out
    assert "The scenario is the same." in command("size", "tiny.toml", "--since", "before")[1]
    assert "On other price paths" in command("size", "tiny.toml", "--seed", "5", "--since", "before")[1]


def test_venues_import_makes_a_venue_that_loads(command, tmp_path):
    (tmp_path / "tiers.csv").write_text(
        "symbol,tier,min_notional,max_notional,mmr,max_leverage,cum\nA,1,0,50000,0.01,50,0\nA,2,50000,500000,0.02,25,500\n"
    )
    code, out, _ = command("venues", "import", "tiers.csv", "--out", "mine.toml")
    assert code == 0
    code, out, _ = command("venues", "show", "mine.toml")
    assert code == 0
    assert "50x" in out
    (tmp_path / "tiers.csv").write_text("symbol,tier\nA,1\n")
    code, _, error = command("venues", "import", "tiers.csv")
    assert code == 2
    assert "max_leverage" in error


REFUSED = {
    "limit": (["size", "tiny.toml", "--limit", "nan"], "'--limit': got 'nan', expected a number such as"),
    "minutes for money": (["size", "tiny.toml", "--limit", "5m"], "'--limit': got '5m', expected a number such as"),
    "half a path": (["size", "tiny.toml", "--paths", "0.5"], "expected a whole number"),
    "negative limit": (["size", "tiny.toml", "--limit=-5"], "'--limit': got '-5', expected an amount, 0 or more"),
    "place": (["run", "tiny.toml", "--out", "/dev/null/x"], "a writable folder"),
    "file": (["calibrate", "tiny.toml", "--out", "."], "this is a directory"),
    "price": (["calibrate", "tiny.toml", "--s0=-5"], "'--s0': got '-5', expected a price above 0"),
    "work": (["run", "tiny.toml", "--set", "run.step=1e-9"], "at most 100,000,000 steps a path"),
    "option": (["check", "tiny.toml", "--paths=-5"], "'--paths': got '-5', expected a whole"),
    "twice": (["compare", "tiny.toml", "./tiny.toml"], "given twice"),
    "account": (["path", "tiny.toml", "0", "--account", "nobody"], "the nearest are"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_the_work(name, command, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "run_designs", lambda *a, **k: pytest.fail("ran all the same"))
    arguments, said = REFUSED[name]
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.toml"]


@pytest.mark.parametrize(("error", "code"), [(OSError("full"), 2), (MemoryError(), 2), (ValueError("bug"), 70)])
def test_only_a_broken_limit_is_exit_code_1(error, code, command, monkeypatch):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(study, "run_designs", fail)
    assert command("size", "tiny.toml", "--limit", 1)[0] == code
