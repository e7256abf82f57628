"""Finished blocks of a run that is not finished yet, on disk: RUN.partial.

    partial.json        a description of the run (plain values) and the versions that made the shards
    shards/             finished blocks of paths (`stress.runs.shards`)
    lock                held by the process that is writing here

The directory appears with the first shard, some seconds into a run, and is removed when the run is complete. Finished
blocks survive whatever ends the process; a run that resumes from them gives the same bytes as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # not on this system: two processes on one run are not kept apart
    fcntl = None  # type: ignore[assignment]

from stress import serialize
from stress.engine import signals
from stress.engine.blocks import PathBlock, join
from stress.engine.design import Design, SimulationError
from stress.errors import InputError, Problem
from stress.files import writing
from stress.provenance import differences, maker
from stress.runs import sealed, shape, shards

START_OVER = "to start over, delete this directory or give another place (--out)"
FILE = "partial.json"
SECONDS = 5.0  # between two shards: what a crash may cost, and long against writing one


class Checkpoint:
    """A sink of blocks (`stress.engine.run_blocks.BlockSink`) that keeps them as shards.

    As a context it handles what an exception leaves behind: finished blocks are written, and the exception gets a note
    that says how to resume.

    Parameters
    ----------
    path : Path
        The directory, made with the first shard.
    identity : mapping of str to str
        What tells this run from others, by name. Shards of another identity are refused.
    description : dict
        Plain values that the owner wants to find again (`read_description`).
    explain : callable
        How a description that is found there differs from this one, in words.
    resume_command : str
        The command that resumes the run, for the note.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, str],
        description: dict[str, Any],
        explain: Callable[[dict[str, Any]], str],
        resume_command: str,
    ):
        self.path, self.identity, self.description = path, dict(identity), description
        self.explain, self.resume_command = explain, resume_command
        self.made_by: dict[str, str] = {}
        self.resumed_paths = 0  # finished by an earlier process
        self.done = 0  # paths on disk
        self.n_paths = 0
        self.is_new = False  # there was nothing to resume from
        self.borders: set[int] = set()  # numbers of paths at which a run that grows is looked at: no shard goes across
        self.result: Path | None = None  # what the blocks were kept for, once it is in its place
        self._waiting: list[Sequence[PathBlock]] = []
        self._written = time.monotonic()
        self._lock: IO[str] | None = None

    def begin(self, designs: Sequence[Design], most_paths: int | None = None) -> list[list[PathBlock]]:
        """Start a run of these designs; returns the blocks that are there already, one shard after the other.

        Parameters
        ----------
        designs : sequence of Design
        most_paths : int, optional
            Of a run that grows (`grow`), which these designs begin; default: the paths that they have.

        Raises
        ------
        InputError
            If what is there is damaged, of another run, or cannot be written.
        """
        described = serialize.dumps([design.describe() for design in designs])
        self.made_by = self.identity | {"designs": hashlib.sha256(described.encode()).hexdigest()} | maker()
        self._written = time.monotonic()
        if os.path.lexists(self.path) and (self.path.is_symlink() or not self.path.is_dir()):
            raise InputError(Problem(str(self.path), "nothing, or a directory; unfinished runs are kept there"))
        if os.path.lexists(self._folder) and not self._folder.is_dir():
            raise InputError(Problem(str(self._folder), "a directory; finished paths are kept there"))
        if not self.begun:  # files of others are no concern of this run
            self.n_paths, self.is_new = designs[0].n_paths, True
            return []
        found = read_description(self.path, self.identity)
        if any(found["made_by"].get(name) != value for name, value in self.identity.items()):
            raise _other_run(self.path, self.explain(found))
        self._claim()
        self._sweep()
        most = most_paths or designs[0].n_paths
        finished = shards.read_all(self._folder, self.made_by, most, len(designs), len(designs[0].book))
        self.n_paths = designs[0].n_paths
        self.resumed_paths = self.done = sum(shard.n for shard in finished)
        return [shard.blocks for shard in finished]

    def grow(self, n_paths: int) -> None:
        """Go on with the run to another number of paths, all of the paths before being done."""
        self.borders.add(self.n_paths)
        self.n_paths = n_paths

    def add(self, blocks: Sequence[PathBlock]) -> None:
        """Take finished blocks of the same paths, one for each design; now and then they are written.

        Raises
        ------
        InputError
            If there is no room or no right to write.
        """
        self._waiting.append(blocks)
        if time.monotonic() - self._written >= SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was taken, a shard for each range of paths that follow each other."""
        self._waiting.sort(key=lambda blocks: blocks[0].first)
        while self._waiting:
            size, end = 0, self._waiting[0][0].first
            for blocks in self._waiting:
                if blocks[0].first != end or (size and end in self.borders):
                    break
                size, end = size + 1, end + blocks[0].out.size
            together = [join(parts) for parts in zip(*self._waiting[:size], strict=True)]
            with signals.deferred():
                self.make()
                try:
                    shards.write(self._folder, together, self.made_by)
                except OSError as error:
                    raise _unwritable(self.path, error) from None
                self.done += together[0].out.size
                del self._waiting[:size]
        self._written = time.monotonic()

    def finish(self, result: Path) -> None:
        """Called when what the blocks were kept for is in its place: they are removed."""
        self.result = result
        with suppress(OSError):  # what stays does no harm
            self.remove()
        self.close()

    def remove(self) -> None:
        """Remove the directory with nothing in it that is not its own; never while another process writes to it."""
        if self._lock is not None:
            self._sweep()
            for file in (*self._folder.glob(f"*{shards.SUFFIX}"), self.path / FILE, self.path / "lock"):
                file.unlink(missing_ok=True)
            for folder in (self._folder, self.path):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        self.close()

    def close(self) -> None:
        """Release the lock, so that another process may resume the run."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        if error is None:
            return
        if self.result is not None:
            error.add_note(f"The run is complete: {self.result}")
            return
        if isinstance(error, SimulationError):  # which would happen again
            self.remove()
            return
        if isinstance(error, InputError) and not self.n_paths:  # it was refused, and the message says what to do
            self.close()
            return
        try:
            self.flush()
        except InputError as second:
            if type(error) is not InputError:
                error.add_note(f"The last finished paths could not be written. {second}")
        if self.is_new and not self.done:
            with suppress(OSError):
                self.remove()
        self.close()
        how = f"To resume: {self.resume_command}"
        if self.done:
            error.add_note(f"{self.done:,} of {self.n_paths:,} paths are saved. {how}")
        elif (self.path / FILE).exists() and not isinstance(error, InputError):  # which may name another process
            error.add_note(f"What was saved before is still there. {how}")

    @property
    def begun(self) -> bool:
        """Whether there is something to resume from."""
        return is_begun(self.path)

    @property
    def _folder(self) -> Path:
        return self.path / "shards"

    def make(self) -> None:
        """Make the directory and write its description, if they are not there.

        Raises
        ------
        InputError
            If there is no room or no right to write, or another process has begun a run here meanwhile.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._lock is None:
                self._claim()
                if self.begun:
                    self.close()
                    raise InputError(Problem(str(self.path), "a path where no other process has begun a run meanwhile"))
            if not (self.path / FILE).exists():
                content = {"made_by": self.made_by} | self.description
                writing.put(self.path / FILE, [sealed.seal(content)])
        except OSError as error:
            raise _unwritable(self.path, error) from None

    def _sweep(self) -> None:
        """Remove what a process that was killed left half-written."""
        for path in (*writing.leftovers(self.path), *writing.leftovers(self._folder)):
            if path.is_dir() and not path.is_symlink():  # a run directory
                shutil.rmtree(path)
            else:
                path.unlink()

    def _claim(self) -> None:
        """Keep other processes out, until this one ends in whatever way."""
        try:
            self._lock = open(self.path / "lock", "a")  # noqa: SIM115 - open as long as the run
        except OSError as error:
            raise _unwritable(self.path, error) from None
        if fcntl is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise InputError(Problem(str(self.path), "a run that no other process is working on")) from None
        except OSError:  # a file system without locks
            return


def is_begun(path: Path) -> bool:
    """Whether RUN.partial holds something to resume from."""
    return (path / FILE).exists() or any((path / "shards").glob(f"*{shards.SUFFIX}"))


def read_description(path: Path, identity: Iterable[str]) -> dict[str, Any]:
    """The description of an unfinished run, and `made_by`: its identity and the versions.

    Parameters
    ----------
    path : Path
        RUN.partial.
    identity : iterable of str
        Names of its identity.

    Raises
    ------
    InputError
        If it is missing or damaged, or was written by other versions.
    """
    file = path / FILE
    if not file.exists():
        expected = f"the description of an interrupted run, it is missing; {START_OVER}"
        raise InputError(Problem(str(file), expected))
    found = sealed.read(file, "the description of an interrupted run", then=START_OVER)
    shape.check(found, shape.Description, str(file))
    versions = {key: value for key, value in found["made_by"].items() if key not in (*identity, "designs")}
    if wrong := differences(versions, maker()):
        raise _other_run(path, wrong)
    return found


def _other_run(path: Path, wrong: str) -> InputError:
    return InputError(Problem(str(path), f"a run that can be resumed here, this one has {wrong}; {START_OVER}"))


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(Problem(str(path), f"a writable path ({error.strerror})"))
