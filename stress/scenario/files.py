"""The files that a scenario names: their keys, paths and digests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from stress.errors import InputError, Problem, raise_if
from stress.files import reading

FILES = ("venue.file", "population.mix", "population.bars", "book.file", "prices.bars", "prices.calibrate")


def files_of(raw: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Dotted key and text of every file that the tables name."""
    for key in FILES:
        section, name = key.split(".")
        table = raw.get(section)
        text = table.get(name) if isinstance(table, dict) else None
        if isinstance(text, str) and (name != "mix" or text.endswith(".toml")):
            yield key, text


def among(key: str, keys: Iterable[str]) -> bool:
    """Whether a dotted key, or a table above it, is one of the keys."""
    return any(key == other or key.startswith(f"{other}.") for other in keys)


def paths_of(
    raw: Mapping[str, Any], folder: Path, overridden: Collection[str], where: str, problems: list[Problem]
) -> dict[str, Path]:
    """Paths of the files by dotted key: relative to a folder, those of overridden keys to the current one.

    Problems of paths that are no files are appended; a file that is not there is no problem yet.
    """
    paths = {key: (Path() if among(key, overridden) else folder) / name for key, name in files_of(raw)}
    for key, path in paths.items():
        if path.exists() and not (path.is_file() or path.is_dir()):
            expected = "a file; a pipe or a device cannot be read again, for its digest"
            problems.append(Problem(where, expected, column=key, value=str(path)))
    return paths


def digests(paths: Mapping[str, Path], place: Callable[[str], str]) -> dict[str, dict[str, str]]:
    """Path and SHA-256 of every file, by dotted key; `place` names the source of a key in messages.

    Raises
    ------
    InputError
        For every file that is unreadable.
    """
    found = {}
    problems = []
    for key, path in paths.items():
        try:
            digest = hashlib.sha256(reading.read_bytes(path)).hexdigest()
        except InputError as error:
            problems += [Problem(place(key), p.expected, column=key, value=p.where) for p in error.problems]
            continue
        found[key] = {"path": str(path.resolve()), "sha256": digest}
    raise_if(problems)
    return found
