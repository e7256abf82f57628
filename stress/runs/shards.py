"""A shard: finished blocks of paths in a file.

    sha256 of everything below, in hex, and a line's end
    JSON in a line: who made it (scenario, designs, versions), first path, number of paths
    for each design the arrays of its block, as .npy

A shard is written to a temporary name, brought to the disk and renamed: it is whole or not there. One that is damaged,
or of another run, is never taken for one of this run.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stress.book.classes import N_CELLS
from stress.engine.blocks import CELL_ROW, FAN_PATHS, MORE_ROW, POSITION_ROW, PathBlock
from stress.engine.renewal import DAY_ROW
from stress.errors import InputError, Problem
from stress.files import arrays, documents, reading, writing
from stress.kernels.mechanics.records import MORE
from stress.kernels.path.records import CHECKPOINTS, OUTCOME
from stress.provenance import differences
from stress.runs import shape

SUFFIX = ".shard"
FLOAT = np.dtype("f8")
ARRAYS = tuple(field.name for field in fields(PathBlock) if field.name not in ("first", "days"))


class Head(shape.Document):
    """The line of JSON."""

    first: Annotated[int, Field(ge=0)]
    n: Annotated[int, Field(ge=1)]
    designs: Annotated[int, Field(ge=1)]
    made_by: dict[str, str]
    days: Annotated[int, Field(ge=0)] = 0  # of a run whose book is renewed each day


@dataclass(frozen=True)
class Shard:
    """The paths first .. first + n - 1 of every design.

    path : Path, the file
    blocks : list of Block, one for each design
    """

    path: Path
    blocks: list[PathBlock]

    @property
    def first(self) -> int:
        """Number of the first path."""
        return self.blocks[0].first

    @property
    def n(self) -> int:
        """Number of paths."""
        return self.blocks[0].out.size


def write(folder: Path, blocks: list[PathBlock], made_by: dict[str, str]) -> Path:
    """Write blocks of the same paths, one for each design, to a shard of the folder.

    Raises
    ------
    OSError
        If there is no room or no right to; nothing is left then.
    """
    first, n = blocks[0].first, blocks[0].out.size
    head = {"first": first, "n": n, "designs": len(blocks), "made_by": made_by}
    names = ARRAYS
    if blocks[0].days.size:
        head["days"], names = blocks[0].days.shape[1], (*ARRAYS, "days")
    parts: list[bytes | memoryview] = [json.dumps(head).encode() + b"\n"]
    for array in (np.ascontiguousarray(getattr(block, name)) for block in blocks for name in names):
        about = io.BytesIO()
        np.lib.format.write_array_header_1_0(about, np.lib.format.header_data_from_array_1_0(array))
        parts += [about.getvalue(), array.reshape(-1).view(np.uint8).data]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    path = folder / _name(first, n)
    writing.put(path, [digest.hexdigest().encode() + b"\n", *parts])
    return path


def _name(first: int, n: int) -> str:
    return f"{first:012d}-{first + n:012d}{SUFFIX}"


def read(path: Path, made_by: dict[str, str], n_designs: int | None = None, n_positions: int | None = None) -> Shard:
    """The shard of a file.

    Parameters
    ----------
    path : Path
    made_by : dict of str to str
        What wrote the shards of this run.
    n_designs, n_positions : int, optional
        Designs of this run, and positions of its book. Default: any.

    Raises
    ------
    InputError
        If it is damaged or of another run, by name, and what to do.
    """

    def wrong(what: str) -> InputError:
        return InputError(Problem(str(path), f"{what}; delete this file, and its paths are run again"))

    damaged = "a whole shard, this one is damaged"
    content = memoryview(reading.read_bytes(path, pipes=False))
    if bytes(content[:65]) != hashlib.sha256(content[65:]).hexdigest().encode() + b"\n":
        raise wrong(damaged)
    stream = io.BytesIO(content[65:])
    try:
        head = documents.parse_json(reading.decode(stream.readline(), str(path)), str(path))
        shape.check(head, Head, str(path))
    except InputError as error:
        raise wrong(f"{damaged} ({error.problems[0].expected})") from None
    if head["made_by"] != made_by:
        raise wrong(f"a shard of this run, this one has {differences(head['made_by'], made_by)}")
    if n_designs not in (None, head["designs"]):
        raise wrong(f"{damaged} (blocks of {n_designs} designs)")
    blocks = []
    try:
        for _ in range(head["designs"]):
            found = {name: arrays.read_array(stream, str(path)) for name in ARRAYS}
            n_days = head.get("days", 0)
            found["days"] = arrays.read_array(stream, str(path)) if n_days else np.zeros((head["n"], 0), DAY_ROW)
            blocks.append(PathBlock(first=head["first"], **found))
    except InputError as error:
        raise wrong(f"{damaged} ({error.problems[0].expected})") from None
    if stream.read(1) or not all(_fits(block, head["n"], n_positions) for block in blocks):
        raise wrong(f"{damaged} (other paths, cells or positions than a run has)")
    shard = Shard(path, blocks)
    if path.name != (name := _name(shard.first, shard.n)):
        raise wrong(f"a shard of the paths that its name says, this one is {name}")
    return shard


def _fits(block: PathBlock, n: int, n_positions: int | None) -> bool:
    """Whether arrays are those of n paths, and name none but these, cells that there are, and positions of the book."""
    kinds = {
        "days": DAY_ROW,
        "out": OUTCOME,
        "weight": FLOAT,
        "fund_at": FLOAT,
        "cells": CELL_ROW,
        "position_counts": POSITION_ROW,
        "more": MORE,
        "more_counts": MORE_ROW,
    }
    sizes = {"out": (n,), "weight": (n,), "fund_at": (max(0, min(n, FAN_PATHS - block.first)), CHECKPOINTS)}
    sizes["days"] = (n, *block.days.shape[1:2])
    for name, kind in kinds.items():
        array = getattr(block, name)
        if array.dtype.descr != kind.descr or array.shape != sizes.get(name, (array.size,)):
            return False
    if block.more.size not in (0, n):
        return False
    path, cell, most = block.cells["path"], block.cells["cell"], n_positions or 2**62
    numbers = [(counts["number"], 0, most) for counts in (block.position_counts, block.more_counts)]
    ranges = ((path, block.first, block.first + n), (cell, 0, N_CELLS), *numbers)
    return all(bool(((low <= x) & (x < end)).all()) for x, low, end in ranges)


def read_all(
    folder: Path, made_by: dict[str, str], n_paths: int, n_designs: int | None = None, n_positions: int | None = None
) -> list[Shard]:
    """The shards of a folder, in the order of their paths; arguments as in `read`.

    Raises
    ------
    InputError
        With all that are damaged, of another run, or hold paths that another one holds.
    """
    found: list[Shard] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found.append(read(path, made_by, n_designs, n_positions))
        except InputError as error:
            problems += error.problems
    found.sort(key=lambda shard: shard.first)
    end = 0
    for shard in found:
        if shard.first < end or shard.first + shard.n > n_paths:
            expected = "paths that no other shard holds, and that the run has; delete this file"
            problems.append(Problem(str(shard.path), expected, value=f"{shard.first} to {shard.first + shard.n - 1}"))
        end = max(end, shard.first + shard.n)
    if problems:
        raise InputError(problems)
    return found
