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

import numpy as np

from stress.engine.blocks import PathBlock
from stress.errors import InputError, Problem
from stress.files import writing
from stress.provenance import differences

SUFFIX = ".shard"
ARRAYS = tuple(field.name for field in fields(PathBlock) if field.name != "first")


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
    parts: list[bytes | memoryview] = [json.dumps(head).encode() + b"\n"]
    for array in (np.ascontiguousarray(getattr(block, name)) for block in blocks for name in ARRAYS):
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


def read(path: Path, made_by: dict[str, str]) -> Shard:
    """The shard of a file.

    Raises
    ------
    InputError
        If it is damaged or of another run, by name, and what to do.
    """

    def wrong(what: str) -> InputError:
        return InputError(Problem(str(path), f"{what}; delete this file, and its paths are run again"))

    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise InputError(Problem(str(path), f"a shard that can be read ({error.strerror})")) from None
    if bytes(content[:65]) != hashlib.sha256(content[65:]).hexdigest().encode() + b"\n":
        raise wrong("a whole shard, this one is damaged")
    stream = io.BytesIO(content[65:])
    head = json.loads(stream.readline())
    if head["made_by"] != made_by:
        raise wrong(f"a shard of this run, this one has {differences(head['made_by'], made_by)}")
    blocks = []
    for _ in range(head["designs"]):
        arrays = {name: np.lib.format.read_array(stream, allow_pickle=False) for name in ARRAYS}
        blocks.append(PathBlock(first=head["first"], **arrays))
    shard = Shard(path, blocks)
    if path.name != (name := _name(shard.first, shard.n)):
        raise wrong(f"a shard of the paths that its name says, this one is {name}")
    return shard


def read_all(folder: Path, made_by: dict[str, str], n_paths: int) -> list[Shard]:
    """The shards of a folder, in the order of their paths.

    Raises
    ------
    InputError
        With all that are damaged, of another run, or hold paths that another one holds.
    """
    found: list[Shard] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found.append(read(path, made_by))
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
