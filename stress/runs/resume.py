"""Resuming an interrupted run: what RUN.partial records of the scenario, and how it is read back.

The scenario is stored as its file wrote it, with the paths of the files it reads relative to RUN.partial, so that both
may be moved together.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stress import serialize
from stress.errors import InputError, Problem
from stress.runs import inputs, place, shape
from stress.runs.checkpoint import FILE, Checkpoint, is_begun, read_description
from stress.scenario import keys
from stress.scenario.scenario import Scenario

IDENTITY = ("scenario",)


@dataclass(frozen=True)
class UnfinishedRun:
    """A run of a scenario on its way into a run directory.

    directory : Path, where the run directory will be
    scenario : Scenario
    command : str, that started it, for the manifest
    checkpoint : Checkpoint, its finished blocks
    """

    directory: Path
    scenario: Scenario
    command: str
    checkpoint: Checkpoint


def unfinished_run(directory: Path, scenario: Scenario, command: str = "") -> UnfinishedRun:
    """A run that begins, or resumes from what is in RUN.partial beside its directory."""
    directory = place.resolved(directory)
    path = place.partial(directory)
    checkpoint = Checkpoint(
        path,
        {"scenario": scenario.hash},
        {"command": command} | describe_scenario(scenario, path),
        lambda found: scenario_differences(found["scenario"], scenario_tables(scenario)),
        f"perp-stress run --resume {shlex.quote(str(path))}",
    )
    return UnfinishedRun(directory, scenario, command, checkpoint)


def open_unfinished(directory: str | Path) -> UnfinishedRun:
    """The unfinished run of a directory: RUN.partial, or RUN for short.

    Raises
    ------
    InputError
        If there is none, or if its scenario or the files it reads have changed.
    """
    run = place.resolved(directory)
    if run.suffix == place.PARTIAL:
        run = run.with_suffix("")
    path = place.partial(run)
    if not is_begun(path):
        complete = (run / place.MANIFEST).exists()
        why = "this one is complete" if complete else f"there is nothing to resume from in {path}"
        raise InputError(Problem(str(directory), f"a run that was interrupted; {why}"))
    found = read_description(path, IDENTITY)
    shape.check(found, shape.Unfinished, str(path / FILE))
    scenario = read_scenario(found, path)
    if scenario.hash != found["made_by"]["scenario"]:
        named = ", ".join(map(str, scenario.files.values())) or FILE
        raise InputError(Problem(str(path), f"the scenario and its files as they were when the run began ({named})"))
    return unfinished_run(run, scenario, found["command"])


def describe_scenario(scenario: Scenario, home: Path) -> dict[str, Any]:
    """A scenario as plain values, with the paths of its files relative to a directory."""
    found = {key: file | {"path": _relative(file["path"], home.resolve())} for key, file in scenario.inputs.items()}
    return {"scenario": scenario_tables(scenario), "inputs": found, "where": scenario.where}


def _relative(path: str, home: Path) -> str:
    try:
        return os.path.relpath(path, home)
    except ValueError:  # on another drive
        return path


def scenario_tables(scenario: Scenario) -> dict[str, Any]:
    """The tables of a scenario, as its file wrote them, as plain values."""
    return dict(serialize.loads(serialize.dumps(keys.written(scenario))))


def read_scenario(description: dict[str, Any], home: Path) -> Scenario:
    """The scenario that `describe_scenario` described.

    Raises
    ------
    InputError
        If a file that it reads is gone, or is not as it was.
    """
    found = {
        key: file | {"path": os.path.normpath(home.resolve() / file["path"])}
        for key, file in description["inputs"].items()
    }
    paths = inputs.check(description["scenario"], found, f"{home}, {description['where']}")
    try:
        return Scenario.parse(description["scenario"], description["where"], home, files=paths)
    except InputError as error:
        raise InputError([replace(p, where=f"{home / FILE}, {p.where}") for p in error.problems]) from None


def scenario_differences(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """How the tables of two scenarios differ, in words."""
    theirs, ours = _by_dotted_key(theirs), _by_dotted_key(ours)
    keys = [key for key in ours | theirs if theirs.get(key) != ours.get(key)]
    parts = [f"{key} {theirs.get(key, 'by default')}, not {ours.get(key, 'by default')}" for key in keys]
    return "; ".join(parts) or "other content of its input files"


def _by_dotted_key(table: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": v for inner, v in _by_dotted_key(value).items()}
        else:
            found[key] = value
    return found
