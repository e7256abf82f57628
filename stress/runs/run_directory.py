"""The directory of a run.

    scenario.json       what was run, every default spelled out
    manifest.json       seed, versions, inputs (relative path, digest), time, command, warnings
    config.json         everything that was run as plain values, the venue with all its sources
    summary.json        the answer; null with a reason where there is no number
    tables/             summary, required_fund, gaps, depletion_curve, by_leverage (.csv),
                        paths, positions (.csv.gz), cells, fund_at (.npz);
                        no by_leverage of a run with detail "paths"
    figures/            each figure as .svg and .png       (with a report only)
    report.html                                             (with a report only)

Everything a report needs is read back from here (`open_run`), to the same bits. A scenario and its seed give the same
bytes of every table; time and date stand in the manifest alone. A directory appears when it is complete: it is written
beside its place and renamed. During a run, its finished blocks are in RUN.partial (`stress.runs.checkpoint`).

Cells, paths and positions as in `stress.Result`. CSV holds the shortest text that gives the same float64 back.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress import serialize
from stress.arguments import path_of
from stress.engine import signals
from stress.engine.design import Design
from stress.errors import InputError, Problem
from stress.results.result import Result
from stress.runs.record import SCHEMA, Record, summary

if TYPE_CHECKING:
    from stress.scenario.scenario import Scenario

GZIP = {"method": "gzip", "compresslevel": 1, "mtime": 0}
TEXT = ("account", "market", "side")
LABELS = ("design", "quantity", "unit")  # of a long table; in other tables a quantity is a number
# pandas reads to the last bit by itself from 3.1 on
EXACT: Any = {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}


def save(
    record: Record,
    directory: str | Path,
    *,
    extras: Callable[[Path], None] | None = None,
    scratch: Path | None = None,
    placed: Callable[[], None] = lambda: None,
) -> Path:
    """Write a run directory; see the module.

    Parameters
    ----------
    record : Record
    directory : path
        A run directory of the same scenario is replaced.
    extras : callable, optional
        Writes more files (figures/, report.html) into the directory that it is given, before that is renamed into its
        place.
    scratch : Path, optional
        A directory on the same disk to write in before the rename. Default: the one it will be in.
    placed : callable
        Called as soon as it is in its place; no interruption comes in between.

    Raises
    ------
    InputError
        If something else is there already, or if there is no room or no right to write; what was there is kept.
    """
    directory = Path(directory)
    check_target(directory, record.manifest["hash"])
    try:
        (scratch or directory).parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch or directory.parent, prefix=f".{directory.name}.") as folder:
            new, old = Path(folder) / "new", Path(folder) / "old"
            new.mkdir()
            _write(record, new, directory)
            if extras is not None:
                extras(new)
            with signals.deferred():
                if directory.exists():
                    os.replace(directory, old)
                os.replace(new, directory)
                placed()
    except OSError as error:
        raise InputError(Problem(str(directory), f"a writable path ({error.strerror})")) from None
    return directory


def check_place(directory: Path) -> None:
    """Refuse a directory that cannot be made: the nearest folder above it that exists must take new ones."""
    above = next((p for p in directory.absolute().parents if os.path.lexists(p)), Path("/"))
    try:
        with tempfile.TemporaryDirectory(dir=above, prefix=".stress."):
            pass
    except OSError as error:
        problem = f"a directory in a writable folder ({above}: {error.strerror})"
        raise InputError(Problem(str(directory), problem)) from None


def check_target(directory: str | Path, scenario_hash: str) -> None:
    """Refuse a directory that holds anything but a run of this scenario, or that cannot be made."""
    directory = Path(directory)
    check_place(directory)
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    expected = "a new directory, or a run directory of the same scenario"
    try:
        present = serialize.loads((directory / "manifest.json").read_text(encoding="utf-8")).get("hash")
    except (OSError, ValueError, AttributeError):
        raise InputError(Problem(str(directory), f"{expected}; this one is something else")) from None
    if present != scenario_hash:
        raise InputError(Problem(str(directory), f"{expected}; this one holds the run {str(present)[:8]}"))


def default_directory(scenario: Scenario) -> Path:
    """runs/<name>-<first 8 digits of its hash>."""
    return Path("runs") / f"{scenario.name}-{scenario.hash[:8]}"


def open_run(directory: str | Path) -> Record:
    """The run of a directory.

    `result.replay_path` builds the run again from the scenario; it needs the input files where they were, as seen from
    the directory. Their paths in `manifest` are absolute.

    Raises
    ------
    InputError
        If the directory is not a run directory, or was written by an earlier or a newer version.
    """
    directory = path_of(directory, "open_run")
    try:
        scenario, manifest, config = (
            serialize.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("scenario", "manifest", "config")
        )
        if manifest["schema_version"] != SCHEMA:
            older = manifest["schema_version"] < SCHEMA
            why = (
                "an earlier version of perp-stress wrote it: run its scenario again"
                if older
                else ("a newer version of perp-stress wrote it")
            )
            expected = f"a run directory of schema {SCHEMA}; {why}"
            raise InputError(Problem(str(directory), expected, value=manifest["schema_version"]))
        for entry in manifest["inputs"].values():
            entry["path"] = str((directory / entry["path"]).resolve())
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
            design=LaterDesign(scenario, manifest, config, directory),  # type: ignore[arg-type]
        )
        return Record(
            scenario, manifest, result, _read(tables / "gaps.csv", text=LABELS), _read(tables / "required_fund.csv")
        )
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Problem(str(directory), f"a run directory ({error})")) from None


class LaterDesign:
    """The run of a saved result, built again when something of it is asked for."""

    def __init__(self, scenario: dict[str, Any], manifest: dict[str, Any], config: dict[str, Any], directory: Path):
        self._scenario, self._manifest, self._config, self._directory = scenario, manifest, config, directory

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._run, name)

    @cached_property
    def _run(self) -> Design:
        where = f"{self._directory} (scenario.json)"
        if self._manifest.get("made_in") == "python":
            raise InputError(
                Problem(where, "a run of a scenario; this one was made in Python, its inputs are not saved")
            )
        files = {key: Path(found["path"]) for key, found in self._manifest["inputs"].items()}
        files = {key: path for key, path in files.items() if key != "prices.calibrate"}  # its parameters are kept
        from stress.scenario.scenario import Scenario

        scenario = Scenario.parse(self._scenario, where, self._directory, files=files)
        for key, found in scenario.inputs.items():
            if found["sha256"] != self._manifest["inputs"][key]["sha256"]:
                raise InputError(Problem(where, "the file as it was when it was run", column=key, value=found["path"]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are in the manifest
            built = scenario.build().design
        if built.book.digest() != self._config["book"]["sha256"]:
            versions = self._manifest["versions"]["stress"]
            raise InputError(Problem(where, f"the same positions again; this run was made by version {versions}"))
        return built


def _places(record: Record, home: Path) -> dict[str, dict[str, str]]:
    """The inputs by their path relative to the run directory.

    A manifest names no folder of the machine, unless the scenario does.
    """
    found = {}
    for key, entry in record.manifest["inputs"].items():
        section, name = key.split(".")
        written = str(record.scenario.get(section, {}).get(name, ""))
        path = entry["path"] if os.path.isabs(written) else os.path.relpath(entry["path"], home.resolve())
        found[key] = entry | {"path": Path(path).as_posix()}
    return found


def _write(record: Record, directory: Path, home: Path) -> None:
    result = record.result
    for name, value in (
        ("scenario", record.scenario),
        ("manifest", record.manifest | {"inputs": _places(record, home)}),
        ("config", result.config),
        ("summary", summary(record)),
    ):
        (directory / f"{name}.json").write_text(serialize.dumps(value), encoding="utf-8")
    tables = directory / "tables"
    tables.mkdir()
    small = {
        "summary": result.summary(),
        "required_fund": record.required,
        "gaps": record.gaps,
        "depletion_curve": result.depletion_curve(),
    }
    if result.counts_positions:
        by_leverage = [
            result.by_leverage().assign(side="both"),
            result.by_leverage(side="long").assign(side="long"),
            result.by_leverage(side="short").assign(side="short"),
        ]
        small["by_leverage"] = pd.concat(by_leverage, ignore_index=True)
    for name, table in small.items():
        table.to_csv(tables / f"{name}.csv", index=False, lineterminator="\n")
    result.paths.to_csv(tables / "paths.csv.gz", lineterminator="\n", compression=GZIP)
    result.positions.to_csv(tables / "positions.csv.gz", lineterminator="\n", compression=GZIP)
    arrays: dict[str, Any] = {str(name): column.to_numpy() for name, column in result.cells.items()}
    np.savez_compressed(tables / "cells.npz", **arrays)
    np.savez_compressed(tables / "fund_at.npz", fund_at=result.fund_at)


def _read(path: Path, index: str | None = None, text: Sequence[str] = TEXT) -> pd.DataFrame:
    """A table to the same bits; text columns keep their text."""
    header = pd.read_csv(path, nrows=0).columns
    words = [name for name in header if name in text or name.endswith("note")]
    numbers = {name: ["", "nan"] for name in header if name not in words}
    return pd.read_csv(
        path,
        index_col=index,
        dtype=dict.fromkeys(words, str),
        keep_default_na=False,
        na_values=numbers,
        **EXACT,
    )
