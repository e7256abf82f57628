"""A run and the directory that keeps it.

    scenario.json       what was run, every default spelled out
    manifest.json       seed, versions, digests of the inputs, time, command, warnings
    config.json         what the objects of the run said of themselves, the venue with all its sources
    summary.json        the answer; null with a reason where there is no number
    tables/             summary, required_fund, gaps, depletion_curve, by_leverage (.csv),
                        paths, positions (.csv.gz), cells.npz
    figures/            each picture as .svg and .png
    report.html

Everything a report needs is read back from here (`open_run`), to the same bits. A scenario and its seed give the same
bytes of every table; time and date stand in the manifest alone. A directory appears when it is complete: it is written
beside its place and renamed.

Cells, paths and positions as in `stress.Result`. CSV holds the shortest text that gives the same float64 back.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stress import blocks, plain
from stress.errors import InputError, Problem
from stress.estimate import mean, probability
from stress.result import Result
from stress.scenario import Scenario, load_scenario
from stress.simulation import Run, simulate_together

SCHEMA = 1
GZIP = {"method": "gzip", "compresslevel": 1, "mtime": 0}
BOUNDS = (0.0, 0.0), (1.0, 1.0)  # (gap, jump_gap) that stand beside the chosen pair
TEXT = ("account", "market", "side")
# pandas reads to the last bit by itself from 3.1 on
EXACT: Any = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}


@dataclass(frozen=True)
class Record:
    """A run that can be reported: what was asked, what came out, and how it was made.

    Attributes
    ----------
    scenario : dict
        The resolved scenario.
    manifest : dict
        schema_version, name, hash, seed, versions, inputs, threads, wall_seconds, paths_per_second, created, command,
        warnings.
    result : Result
        Of the chosen pair of gap and jump_gap.
    gaps : DataFrame
        A row per pair, (0, 0), the chosen one and (1, 1): `gap`, `jump_gap`, `chosen`; `p_depleted` and `p_adl`
        (somebody is auto-deleveraged) with `_low` and `_high`; `mean_deficit` and `mean_adl_usd` (USD a path) with
        `_se`; `largest_need`, the fund that no path would have depleted; and for each alpha `required_fund_<alpha>`
        with `_low`, `_high` and `_note`.
    required : DataFrame
        A row per alpha: `alpha`, `fund` (USD), `se`, `low`, `high`, `note`.
    """

    scenario: dict[str, Any]
    manifest: dict[str, Any]
    result: Result
    gaps: pd.DataFrame
    required: pd.DataFrame

    @property
    def name(self) -> str:
        return str(self.scenario["name"])

    @property
    def alphas(self) -> tuple[float, ...]:
        """Probabilities of depletion that the fund is sized for."""
        return tuple(self.scenario["fund"]["alphas"])

    @property
    def fund(self) -> float:
        """Initial insurance fund, USD."""
        return float(self.scenario["fund"]["initial"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the answer should know."""
        return tuple(self.manifest["warnings"])


def run(
    scenario: Scenario | str | Path,
    overrides: Iterable[str] = (),
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Record:
    """Run a scenario, given or by its file; see `Scenario.load` and `execute`."""
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario, overrides)
    return execute(scenario, threads=threads, progress=progress)


def execute(
    scenario: Scenario,
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    command: str = "",
) -> Record:
    """Run a scenario at its own pair of gap and jump_gap, at (0, 0) and at (1, 1), on the same prices.

    Parameters
    ----------
    scenario : Scenario
    threads : int, optional
        Default: all processors of this process.
    progress : callable, optional
        Called with (paths done, paths in all) after every block.
    command : str
        For the manifest.

    Raises
    ------
    InputError
        With everything that is wrong with the scenario and its files.
    """
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        built = scenario.build()
        chosen = built.run
        pairs = sorted({*BOUNDS, (chosen.gap, chosen.jump_gap)})
        runs = [replace(chosen, gap=gap, jump_gap=jump_gap) for gap, jump_gap in pairs]
        ready = time.perf_counter()
        results = simulate_together(runs, threads=threads, progress=progress)
    done = time.perf_counter()
    said = list({(str(w.message), w.category): w for w in caught}.values())
    for w in said:
        warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    alphas = scenario.fund.alphas
    at = pairs.index((chosen.gap, chosen.jump_gap))
    result = results[at]
    result = replace(result, config=plain.loads(plain.dumps(result.config)))
    gaps = pd.DataFrame([_gap_row(r, alphas, i == at) for i, r in enumerate(results)])
    manifest = {
        "schema_version": SCHEMA,
        "name": scenario.name,
        "hash": scenario.hash,
        "seed": scenario.seed,
        "versions": result.provenance,
        "inputs": scenario.inputs,
        "threads": threads or blocks.default_threads(),
        "wall_seconds": round(done - start, 3),
        "paths_per_second": round(len(pairs) * result.n_paths / (done - ready), 1),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "warnings": [*(str(w.message) for w in said), *built.notes],
    }
    return Record(scenario.resolved(), manifest, result, gaps, _required(result, alphas))


def save(record: Record, directory: str | Path, *, report: bool = True) -> Path:
    """Write a run directory; see the module.

    Parameters
    ----------
    record : Record
    directory : path
        A run directory of the same scenario is replaced.
    report : bool
        Whether to draw the figures and write report.html.

    Raises
    ------
    InputError
        If something else is there already.
    """
    directory = Path(directory)
    check_target(directory, record.manifest["hash"])
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as room:
        new, old = Path(room) / "new", Path(room) / "old"
        new.mkdir()
        _write(record, new, report)
        if directory.exists():
            os.replace(directory, old)
        os.replace(new, directory)
    return directory


def check_target(directory: str | Path, scenario_hash: str) -> None:
    """Refuse a directory that holds anything but a run of this scenario."""
    directory = Path(directory)
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    expected = "a new directory, or a run directory of the same scenario"
    try:
        held = plain.loads((directory / "manifest.json").read_text(encoding="utf-8")).get("hash")
    except (OSError, ValueError, AttributeError):
        raise InputError(Problem(str(directory), f"{expected}; this one is something else")) from None
    if held != scenario_hash:
        raise InputError(Problem(str(directory), f"{expected}; this one holds the run {str(held)[:8]}"))


def default_directory(scenario: Scenario) -> Path:
    """runs/<name>-<first 8 digits of its hash>."""
    return Path("runs") / f"{scenario.name}-{scenario.hash[:8]}"


def open_run(directory: str | Path) -> Record:
    """The run that a directory keeps.

    `result.replay_path` builds the run again from the scenario; it needs the input files where they were.

    Raises
    ------
    InputError
        If the directory is not a run directory, or of a newer version.
    """
    directory = Path(directory)
    try:
        scenario, manifest, config = (
            plain.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("scenario", "manifest", "config")
        )
        if manifest["schema_version"] > SCHEMA:
            expected = f"a run directory of schema {SCHEMA} or older; a newer version of perp-stress wrote it"
            raise InputError(Problem(str(directory), expected, value=manifest["schema_version"]))
        tables = directory / "tables"
        with np.load(tables / "cells.npz") as arrays:
            cells = pd.DataFrame({name: arrays[name] for name in arrays.files})
        with np.load(tables / "fund_at.npz") as arrays:
            fund_at = arrays["fund_at"]
        result = Result(
            paths=_read(tables / "paths.csv.gz", index="path"),
            positions=_read(tables / "positions.csv.gz", index="position"),
            fund_at=fund_at,
            cells=cells,
            config=config,
            provenance=manifest["versions"],
            run=LaterRun(scenario, manifest, config, directory),  # type: ignore[arg-type]
        )
        return Record(scenario, manifest, result, _read(tables / "gaps.csv"), _read(tables / "required_fund.csv"))
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(str(directory), f"a run directory ({error})")) from None


class LaterRun:
    """The run of a saved result, built again when something of it is asked for."""

    def __init__(self, scenario: dict[str, Any], manifest: dict[str, Any], config: dict[str, Any], directory: Path):
        self._scenario, self._manifest, self._config, self._directory = scenario, manifest, config, directory

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._run, name)

    @cached_property
    def _run(self) -> Run:
        where = f"{self._directory} (scenario.json)"
        files = {key: Path(found["path"]) for key, found in self._manifest["inputs"].items()}
        files = {key: path for key, path in files.items() if key != "prices.calibrate"}  # its parameters are kept
        scenario = Scenario.parse(self._scenario, where, self._directory, files=files)
        for key, found in scenario.inputs.items():
            if found["sha256"] != self._manifest["inputs"][key]["sha256"]:
                raise InputError(Problem(where, "the file as it was when it was run", column=key, value=found["path"]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are in the manifest
            built = scenario.build().run
        if built.book.digest() != self._config["book"]["sha256"]:
            versions = self._manifest["versions"]["stress"]
            raise InputError(Problem(where, f"the same positions again; this run was made by version {versions}"))
        return built


def _gap_row(result: Result, alphas: tuple[float, ...], chosen: bool) -> dict[str, Any]:
    paths = result.paths
    depleted = result.depletion_probability()
    hit = probability(int((paths["adl_count"] > 0).sum()), result.n_paths)
    deficit, adl = mean(paths["deficit"].to_numpy()), mean(paths["adl_usd"].to_numpy())
    row: dict[str, Any] = {"gap": result.config["gap"], "jump_gap": result.config["jump_gap"], "chosen": chosen}
    for name, e in (("p_depleted", depleted), ("p_adl", hit)):
        row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
    row |= {"mean_deficit": deficit.value, "mean_deficit_se": deficit.se}
    row |= {"mean_adl_usd": adl.value, "mean_adl_usd_se": adl.se}
    row["largest_need"] = float(paths["fund_needed"].max())
    for alpha in alphas:
        e, name = result.required_fund(alpha), f"required_fund_{alpha:g}"
        row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high, f"{name}_note": e.note}
    return row


def _required(result: Result, alphas: tuple[float, ...]) -> pd.DataFrame:
    found = [(alpha, result.required_fund(alpha)) for alpha in alphas]
    rows = [(alpha, e.value, e.se, e.low, e.high, e.note) for alpha, e in found]
    return pd.DataFrame(rows, columns=["alpha", "fund", "se", "low", "high", "note"])


def _write(record: Record, directory: Path, report: bool) -> None:
    result = record.result
    for name, value in (
        ("scenario", record.scenario),
        ("manifest", record.manifest),
        ("config", result.config),
        ("summary", summary(record)),
    ):
        (directory / f"{name}.json").write_text(plain.dumps(value), encoding="utf-8")
    tables = directory / "tables"
    tables.mkdir()
    by_leverage = [
        result.by_leverage().assign(side="both"),
        result.by_leverage(side="long").assign(side="long"),
        result.by_leverage(side="short").assign(side="short"),
    ]
    small = {
        "summary": result.summary(),
        "required_fund": record.required,
        "gaps": record.gaps,
        "depletion_curve": result.depletion_curve(),
        "by_leverage": pd.concat(by_leverage, ignore_index=True),
    }
    for name, table in small.items():
        table.to_csv(tables / f"{name}.csv", index=False, lineterminator="\n")
    result.paths.to_csv(tables / "paths.csv.gz", lineterminator="\n", compression=GZIP)
    result.positions.to_csv(tables / "positions.csv.gz", lineterminator="\n", compression=GZIP)
    arrays: dict[str, Any] = {str(name): column.to_numpy() for name, column in result.cells.items()}
    np.savez_compressed(tables / "cells.npz", **arrays)
    np.savez_compressed(tables / "fund_at.npz", fund_at=result.fund_at)
    if report:
        _draw(record, directory / "figures")
        from stress.report import write

        write(record, directory / "report.html")


def _draw(record: Record, folder: Path) -> None:
    from matplotlib.figure import Figure

    from stress import plots

    folder.mkdir()
    pictures = {
        "depletion_curve": lambda ax: plots.plot_depletion_curve(record.result, alphas=record.alphas, ax=ax),
        "adl_by_leverage": lambda ax: plots.plot_adl_by_leverage(record.result, ax=ax),
    }
    with plots.style():
        for name, draw in pictures.items():
            figure = Figure()
            draw(figure.subplots())
            for kind in ("svg", "png"):
                figure.savefig(folder / f"{name}.{kind}", metadata={"Date": None} if kind == "svg" else None)


def summary(record: Record) -> dict[str, Any]:
    """The answer as plain values; null with a reason where there is no number."""
    result = record.result
    lines = [{str(k): v for k, v in row.items()} for row in result.summary().to_dict("records")]
    required = [{str(k): v for k, v in row.items()} for row in record.required.to_dict("records")]
    pairs = []
    for row in record.gaps.to_dict("records"):
        values = {str(k): v for k, v in row.items()}
        for alpha in record.alphas:
            if note := values[f"required_fund_{alpha:g}_note"]:
                values |= plain.finite({f"required_fund_{alpha:g}_high": values[f"required_fund_{alpha:g}_high"]}, note)
        pairs.append(plain.finite(values, "one path gives no error"))
    return {
        "schema_version": SCHEMA,
        "name": record.name,
        "hash": record.manifest["hash"],
        "seed": record.manifest["seed"],
        "paths": result.n_paths,
        "fund": record.fund,
        "required_fund": [plain.finite(row) for row in required],
        "gaps": pairs,
        "summary": [plain.finite(row, "one path gives no error") for row in lines],
        "warnings": list(record.warnings),
    }


def _read(path: Path, index: str | None = None) -> pd.DataFrame:
    """A table to the same bits; text columns keep their text."""
    header = pd.read_csv(path, nrows=0).columns
    text = [name for name in header if name in TEXT or name.endswith("note")]
    numbers = {name: ["", "nan"] for name in header if name not in text}
    return pd.read_csv(
        path,
        index_col=index,
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        na_values=numbers,
        **EXACT,
    )
