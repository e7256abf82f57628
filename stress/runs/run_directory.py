"""The directory of a run.

    scenario.json       what was run, every default spelled out
    manifest.json       seed, versions, inputs (relative path, digest), time, command, warnings, adjustments of
                        the input, a digest of each file (not of figures and report) and of itself
    config.json         everything that was run as plain values, the venue with all its sources
    summary.json        the answer; null with a reason where there is no number
    tables/             summary, required_fund, gaps, depletion_curve, by_leverage, committee (.csv),
                        paths, positions (.csv.gz), cells, fund_at (.npz);
                        no by_leverage of a run with detail "paths"; no committee of one path;
                        error_budget.csv of a run with error = "full";
                        strata.csv of a run whose paths are drawn from strata;
                        caps.csv of a run with a tail whose price model has a largest jump or bar;
                        fund_grid.csv in the place of depletion_curve.csv where one run gives no curve
    studies/            scenarios, reverse, tornado, margins (.csv), those that were asked for; designs, frontier
    figures/            each figure as .svg and .png       (with a report only)
    report.html                                             (with a report only)

Everything a report needs is read back from here (`open_run`), to the same bits. A scenario and its seed give the same
bytes of every table; time and date stand in the manifest alone. A directory appears when it is complete: it is written
beside its place and renamed. During a run, its finished blocks are in RUN.partial (`stress.runs.checkpoint`).

Cells, paths and positions as in `stress.Result`. CSV holds the shortest text that gives the same float64 back.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stress import serialize
from stress.adjustments import Adjustment
from stress.arguments import path_of
from stress.engine import signals
from stress.engine.design import Design
from stress.errors import InputError, Problem
from stress.files import arrays, csv_tables, documents, reading, writing
from stress.results.committee import committee
from stress.results.result import Result
from stress.runs import caps, inputs, place, sealed, shape, strata, studies
from stress.runs.record import SCHEMA, Record, summary

if TYPE_CHECKING:
    from stress.scenario.scenario import Scenario

TEXT = ("account", "market", "side")
LABELS = ("design", "quantity", "unit", "note", "flag")  # of a long table; in other tables a quantity is a number


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
    directory = place.resolved(directory)
    scenario_hash = record.manifest["hash"]
    place.check(directory, scenario_hash)
    try:
        (scratch or directory).parent.mkdir(parents=True, exist_ok=True)
        folder = writing.temporary(scratch or directory.parent)
        new, old = folder / "new", folder / "old"
        try:
            new.mkdir(parents=True)
            _write(record, new, directory)
            if extras is not None:
                extras(new)
            with signals.deferred():
                place.take(new, directory, old, scenario_hash)
                shutil.rmtree(old, ignore_errors=True)
                placed()
        finally:
            if not old.exists():  # it could not be put back: it is kept
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise InputError(Problem(str(directory), f"a writable path ({error.strerror})")) from None
    return directory


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
    manifest = _read_manifest(directory)
    files = manifest.pop("files", {})
    unread = set(files)

    def read(name: str) -> tuple[bytes, str]:
        """The content of a file, and its name in messages."""
        path = directory / name
        unread.discard(name)
        data = reading.read_bytes(path, pipes=False)
        if files and files.get(name) != hashlib.sha256(data).hexdigest():
            expected = f"the file as the run wrote it, by its digest in {place.MANIFEST}; it is damaged, or was changed"
            raise InputError(Problem(str(path), expected))
        return data, str(path)

    def document(name: str) -> tuple[Any, str]:
        data, where = read(name)
        return documents.parse_json(reading.decode(data, where), where), where

    config, where = document("config.json")
    shape.check_config(config, where)
    scenario, where = document("scenario.json")
    shape.check(scenario, shape.ResolvedScenario, where)
    n_paths = config["paths"]

    data, where = read("tables/paths.csv.gz")
    paths = csv_tables.parse_csv(data, where, (), "path")
    shape.check_table(
        paths, shape.path_columns(config) | strata.columns(config, str(directory / "config.json")), where, n_paths
    )
    shape.check_weights(paths, where)
    strata.check(paths, config, where)
    data, where = read("tables/positions.csv.gz")
    positions = csv_tables.parse_csv(data, where, TEXT, "position")
    counted = "liquidation_rate" in positions
    shape.check_table(positions, shape.position_columns(config, counted), where, config["book"]["positions"])
    data, where = read("tables/cells.npz")
    cells = arrays.parse_arrays(data, where)
    shape.check_cells(cells, n_paths, where)
    data, where = read("tables/fund_at.npz")
    fund_at = arrays.parse_arrays(data, where)
    shape.check_fund_at(fund_at, n_paths, where)
    data, where = read("tables/gaps.csv")
    gaps = csv_tables.parse_csv(data, where, LABELS)
    shape.check_table(gaps, shape.gap_columns(gaps), where)
    shape.check_gaps(gaps, config, where)
    shape.check_delays(gaps, scenario["run"].get("delays"), where)
    data, where = read("tables/required_fund.csv")
    required = csv_tables.parse_csv(data, where, LABELS)
    shape.check_table(required, shape.REQUIRED | strata.required(config), where)
    shape.check_alphas(required, scenario["fund"]["alphas"], where)
    days = None
    if config.get("renewal") is not None:
        data, where = read("tables/days.npz")
        days = shape.check_days(arrays.parse_arrays(data, where), n_paths, config["renewal"]["days"], where)
    budget = None
    if scenario["run"].get("error") == "full":
        data, where = read("tables/error_budget.csv")
        budget = csv_tables.parse_csv(data, where, (*LABELS, "part"))
        shape.check_table(budget, shape.BUDGET, where)
    grid = None
    if "tables/fund_grid.csv" in files:
        data, where = read("tables/fund_grid.csv")
        grid = csv_tables.parse_csv(data, where, ("layer",))
        shape.check_table(grid, shape.grid_columns(config), where)
    at_caps = None
    if "tables/caps.csv" in files:
        data, where = read("tables/caps.csv")
        at_caps = caps.parse(data, where, scenario["fund"]["alphas"])
    found = {}
    for study in studies.COLUMNS:
        if (name := f"studies/{study}.csv") in files:
            found[study] = studies.parse(study, *read(name))
    for name in sorted(unread & place.DATA):  # which people and other programs read
        read(name)
    result = Result(
        paths=paths,
        positions=positions,
        fund_at=fund_at["fund_at"],
        cells=pd.DataFrame(cells),
        config=config,
        provenance=manifest["versions"],
        design=LaterDesign(scenario, manifest, config, directory),  # type: ignore[arg-type]
        adjustments=tuple(map(Adjustment.of_record, manifest.get("adjustments", ()))),
        days=days,
    )
    return Record(scenario, manifest, result, gaps, required, budget, found, grid, at_caps)


def _read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a run directory, with the paths of its inputs absolute."""
    path = directory / place.MANIFEST
    if not path.is_file():
        raise InputError(Problem(str(directory), f"a run directory; there is no {place.MANIFEST} in it"))
    manifest = documents.read_json(path)
    schema = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if isinstance(schema, int) and schema != SCHEMA:
        older = schema < SCHEMA
        why = "an earlier version of perp-stress wrote it: run its scenario again"
        why = why if older else "a newer version of perp-stress wrote it"
        raise InputError(Problem(str(directory), f"a run directory of schema {SCHEMA}; {why}", value=schema))
    manifest = sealed.read(path, "the manifest of a run", required=False)
    shape.check(manifest, shape.Manifest, str(path))
    for entry in manifest["inputs"].values():
        entry["path"] = os.path.normpath(directory.resolve() / entry["path"])
    return manifest


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
        files = inputs.check(self._scenario, self._manifest["inputs"], where)
        from stress.scenario.scenario import Scenario

        scenario = Scenario.parse(self._scenario, where, self._directory, files=files)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are in the manifest
            built = scenario.build().design
        if built.book.digest() != self._config["book"]["sha256"]:
            versions = self._manifest["versions"]["stress"]
            raise InputError(Problem(where, f"the same positions again; this run was made by version {versions}"))
        if scenario.run.tolerance is not None:  # it has grown from the paths of the scenario
            built = replace(built, n_paths=self._config["paths"], batch=built.n_paths)
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
    for name, value in (("scenario", record.scenario), ("config", result.config), ("summary", summary(record))):
        (directory / f"{name}.json").write_bytes(serialize.encode(value))
    folder = directory / "tables"
    folder.mkdir()
    small = {
        "summary": result.summary(),
        "required_fund": record.required,
        "gaps": record.gaps,
    }
    if not result.curve_refused:
        small["depletion_curve"] = result.depletion_curve()
    if record.grid is not None:
        small["fund_grid"] = record.grid
    if record.caps is not None:
        small["caps"] = record.caps
    if "strata" in result.config:
        small["strata"] = result.strata.reset_index()
    if result.days is not None:
        small["ruin_curve"] = result.horizon.ruin_curve()
        small["horizon"] = result.horizon.summary()
    if record.budget is not None:
        small["error_budget"] = record.budget
    if result.n_paths > 1:
        small["committee"] = committee(result, max(record.alphas))
    if result.counts_positions:
        by_leverage = [
            result.by_leverage().assign(side="both"),
            result.by_leverage(side="long").assign(side="long"),
            result.by_leverage(side="short").assign(side="short"),
        ]
        small["by_leverage"] = pd.concat(by_leverage, ignore_index=True)
    for name, table in small.items():
        csv_tables.write_csv(table, folder / f"{name}.csv")
    csv_tables.write_csv(result.paths, folder / "paths.csv.gz", index=True)
    csv_tables.write_csv(result.positions, folder / "positions.csv.gz", index=True)
    columns: dict[str, Any] = {str(name): column.to_numpy() for name, column in result.cells.items()}
    np.savez_compressed(folder / "cells.npz", **columns)
    np.savez_compressed(folder / "fund_at.npz", fund_at=result.fund_at)
    if result.days is not None:
        by_name: dict[str, Any] = {name: result.days[name] for name in result.days.dtype.names or ()}
        np.savez_compressed(folder / "days.npz", **by_name)
    for name, table in record.studies.items():
        (directory / "studies").mkdir(exist_ok=True)
        csv_tables.write_csv(table, directory / "studies" / f"{name}.csv")
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    digests = {path.relative_to(directory).as_posix(): _digest(path) for path in files}
    manifest = record.manifest | {"inputs": _places(record, home), "files": digests}
    (directory / place.MANIFEST).write_bytes(sealed.seal(manifest))


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
