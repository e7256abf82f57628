"""A run that is not finished: RUN.partial, beside the place of the run directory RUN.

    partial.json        the scenario, the files it reads (the way from here, digest), who made the shards
    shards/             finished blocks of paths (`stress.shards`)
    lock                held by the process that works on it

It appears with the first shard, some seconds into a run, and goes when RUN is there. What was finished is kept whatever
ends the process; a run that goes on from it gives the same bytes as one that was never interrupted.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # not on this system: two processes on one run are not kept apart
    fcntl = None  # type: ignore[assignment]

from stress import plain, shards
from stress.engine import Block, Run, SimulationError, join
from stress.errors import InputError, Problem, raise_if
from stress.provenance import differences, maker
from stress.scenario import Scenario
from stress.sections import TABLES

SUFFIX = ".partial"
FILE = "partial.json"
SECONDS = 5.0  # between two shards: what a crash may cost, and long against writing one


class PartialRun:
    """The finished paths of a run while the others are worked.

    As a context it takes care of what an exception leaves: finished paths are on disk, and the exception says how to
    go on. Without one the directory goes, since the run is complete.

    Parameters
    ----------
    directory : Path
        Where the run directory will be.
    scenario : Scenario
    command : str
        That began it, for the manifest.
    """

    def __init__(self, directory: Path, scenario: Scenario, command: str = ""):
        self.directory, self.scenario, self.command = directory, scenario, command
        named = directory if directory.name not in ("", "..") else directory.resolve()
        self.path = named.with_name(named.name + SUFFIX)
        self.made_by: dict[str, str] = {}
        self.found = 0  # paths that an earlier process had finished
        self.done = 0  # paths on disk
        self.n_paths = 0
        self._waiting: list[Sequence[Block]] = []
        self._written = time.monotonic()
        self._lock: IO[str] | None = None

    def begin(self, runs: Sequence[Run]) -> list[list[Block]]:
        """Say what is run; returns the blocks that are there already, those of one shard after the other.

        Raises
        ------
        InputError
            If what is there is damaged, or of another run.
        """
        designs = hashlib.sha256(plain.dumps([run.describe() for run in runs]).encode()).hexdigest()
        self.made_by = {"scenario": self.scenario.hash, "designs": designs} | maker()
        self._written = time.monotonic()
        if self._is_new():
            self.n_paths = runs[0].n_paths
            return []
        theirs = _said(self.path)["made_by"]
        self._claim()
        if wrong := differences(theirs, self.made_by):
            expected = f"a run that this one can go on from, it has {wrong}; delete this directory to begin anew"
            raise InputError(Problem(str(self.path), expected))
        for leftover in self._folder.glob(f"*{shards.TEMPORARY}"):
            leftover.unlink()
        found = shards.read_all(self._folder, self.made_by, runs[0].n_paths)
        self.n_paths = runs[0].n_paths
        self.found = self.done = sum(shard.n for shard in found)
        return [shard.blocks for shard in found]

    def add(self, blocks: Sequence[Block]) -> None:
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
                if blocks[0].first != end:
                    break
                size, end = size + 1, end + blocks[0].out.size
            together = [join(parts) for parts in zip(*self._waiting[:size], strict=True)]
            try:
                self._make()
                shards.write(self._folder, together, self.made_by)
            except OSError as error:
                problem = f"a place that can be written ({error.strerror})"
                raise InputError(Problem(str(self.path), problem)) from None
            self.done += together[0].out.size
            del self._waiting[:size]
        self._written = time.monotonic()

    def remove(self) -> None:
        """Take it away, with nothing in it that is not its own."""
        if self._lock is not None or os.path.lexists(self.path):
            for room in self.path.glob(f".{self.directory.name}.*"):  # a run directory that was half-written
                shutil.rmtree(room)
            own = [*self._folder.glob(f"*{shards.SUFFIX}"), *self._folder.glob(f"*{shards.TEMPORARY}")]
            for file in (*own, self.path / FILE, self.path / "lock"):
                file.unlink(missing_ok=True)
            for folder in (self._folder, self.path):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        self.close()

    def close(self) -> None:
        """Let another process work on it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> PartialRun:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        if error is None or isinstance(error, SimulationError):  # which would come again
            self.remove()
            return
        try:
            self.flush()
        except InputError as second:
            if type(error) is not InputError:
                error.add_note(f"The last finished paths could not be written. {second}")
        if self.n_paths and not self.done:
            with suppress(OSError):
                self.remove()
        self.close()
        how = f"To go on: perp-stress run --resume {shlex.quote(str(self.path))}"
        if self.done:
            error.add_note(f"{self.done:,} of {self.n_paths:,} paths are kept. {how}")
        elif (self.path / FILE).exists():
            error.add_note(f"What was kept before is still there. {how}")

    @property
    def room(self) -> Path | None:
        """Where the run directory may be written before it is renamed; None: nothing is there yet."""
        return None if self._lock is None else self.path

    @property
    def _folder(self) -> Path:
        return self.path / "shards"

    def _make(self) -> None:
        """The directory, with what is needed to go on."""
        if self._lock is not None:
            return
        said = {"made_by": self.made_by, "command": self.command} | tell(self.scenario, self.path)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._claim()
        shards.put(self.path / FILE, [plain.dumps(said).encode()])

    def _is_new(self) -> bool:
        """Whether nothing is there, or what a process left that ended before it said anything."""
        if not os.path.lexists(self.path):
            return True
        if (self.path / FILE).exists():
            return False
        own = {"lock", "shards", FILE + shards.TEMPORARY}
        return self.path.is_dir() and {file.name for file in self.path.iterdir()} <= own

    def _claim(self) -> None:
        """Keep other processes out, until this one ends in whatever way."""
        try:
            self._lock = open(self.path / "lock", "a")  # noqa: SIM115 - open as long as the run
        except OSError as error:
            raise InputError(Problem(str(self.path), f"a place that can be written ({error.strerror})")) from None
        if fcntl is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise InputError(Problem(str(self.path), "a run that no other process works on right now")) from None
        except OSError:  # a file system without locks
            return


def tell(scenario: Scenario, home: Path) -> dict[str, Any]:
    """A scenario as plain values, its files by their way from a directory."""
    tables = {key: getattr(scenario, key) for key in TABLES}
    head: dict[str, Any] = {"name": scenario.name, "seed": scenario.seed}
    said = {key: table.model_dump(exclude_unset=True) for key, table in tables.items() if table is not None}
    files = {key: os.path.relpath(path.resolve(), home.resolve()) for key, path in scenario.files.items()}
    return {"scenario": head | said, "files": files, "where": scenario.where}


def retold(said: dict[str, Any], home: Path) -> Scenario:
    """The scenario that `tell` told."""
    files = {key: Path(os.path.normpath(home.resolve() / way)) for key, way in said["files"].items()}
    return Scenario.parse(said["scenario"], said["where"], home, files=files)


def open_partial(directory: str | Path) -> PartialRun:
    """The unfinished run that a directory keeps: RUN.partial, or RUN for short.

    Raises
    ------
    InputError
        If there is none, or if its scenario or the files it reads are not what they were.
    """
    run = Path(directory)
    if run.suffix == SUFFIX:
        run = run.with_suffix("")
    path = run.with_name(run.name + SUFFIX)
    if run.exists() and not path.exists():
        raise InputError(Problem(str(run), "a run that was interrupted; this one is complete"))
    said = _said(path)
    scenario = retold(said, path)
    if scenario.hash != said["made_by"]["scenario"]:
        named = ", ".join(map(str, scenario.files.values())) or FILE
        raise InputError(Problem(str(path), f"the scenario and its files as they were when it began ({named})"))
    return PartialRun(run, scenario, said["command"])


def _said(path: Path) -> dict[str, Any]:
    """What an unfinished run says of itself."""
    file = path / FILE
    try:
        said = plain.loads(file.read_text(encoding="utf-8"))
        missing = {"made_by", "command", "scenario", "files", "where"} - set(said)
        raise_if([Problem(str(file), "this key", column=key) for key in sorted(missing)])
        return said
    except OSError as error:
        raise InputError(Problem(str(path), f"a run that was interrupted ({FILE}: {error.strerror})")) from None
    except (ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        expected = f"what an interrupted run says of itself, this is damaged ({error}); delete {path} to begin anew"
        raise InputError(Problem(str(file), expected)) from None
