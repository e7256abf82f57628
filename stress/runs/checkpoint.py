"""A run that is not finished: RUN.partial, beside the place of the run directory RUN.

    partial.json        the scenario, the files it reads (the way from here, digest), who made the shards
    shards/             finished blocks of paths (`stress.runs.shards`)
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
from glob import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

try:
    import fcntl
except ImportError:  # not on this system: two processes on one run are not kept apart
    fcntl = None  # type: ignore[assignment]

from stress import serialize
from stress.engine import signals
from stress.engine.blocks import PathBlock, join
from stress.engine.design import Design, SimulationError
from stress.errors import InputError, Problem
from stress.provenance import differences, maker
from stress.runs import files, run_directory, shards
from stress.scenario.scenario import Scenario
from stress.scenario.tables import TABLES

if TYPE_CHECKING:
    from stress.runs.record import Record

SUFFIX = ".partial"
ANEW = "to begin anew, delete this directory or give another place (--out)"
FILE = "partial.json"
SECONDS = 5.0  # between two shards: what a crash may cost, and long against writing one


class Checkpoint:
    """The finished paths of a run while the others are worked.

    As a context it takes care of what an exception leaves: finished paths are on disk, and the exception says how to
    go on. When the run directory is saved, this one goes.

    Parameters
    ----------
    directory : Path
        Where the run directory will be.
    scenario : Scenario
    command : str
        That began it, for the manifest.
    """

    def __init__(self, directory: Path, scenario: Scenario, command: str = ""):
        self.scenario, self.command = scenario, command
        self.directory = _named(directory)
        self.path = self.directory.with_name(self.directory.name + SUFFIX)
        self.made_by: dict[str, str] = {}
        self.found = 0  # paths that an earlier process had finished
        self.done = 0  # paths on disk
        self.n_paths = 0
        self.is_new = False  # nothing was there to go on from
        self.complete = False  # the run directory is in its place
        self._waiting: list[Sequence[PathBlock]] = []
        self._written = time.monotonic()
        self._lock: IO[str] | None = None

    def begin(self, runs: Sequence[Design]) -> list[list[PathBlock]]:
        """Say what is run; returns the blocks that are there already, those of one shard after the other.

        Raises
        ------
        InputError
            If what is there is damaged, of another run, or cannot be written.
        """
        designs = hashlib.sha256(serialize.dumps([run.describe() for run in runs]).encode()).hexdigest()
        self.made_by = {"scenario": self.scenario.hash, "designs": designs} | maker()
        self._written = time.monotonic()
        if os.path.lexists(self.path) and not self.path.is_dir():
            raise InputError(Problem(str(self.path), "nothing, or a directory; unfinished runs are kept there"))
        if not self.begun:  # files of others are no concern of this run
            self.n_paths, self.is_new = runs[0].n_paths, True
            return []
        said = _said(self.path)
        if said["made_by"]["scenario"] != self.scenario.hash:
            raise _other(self.path, changed(said["scenario"], said_by(self.scenario)))
        self._claim()
        self._sweep()
        found = shards.read_all(self._folder, self.made_by, runs[0].n_paths)
        self.n_paths = runs[0].n_paths
        self.found = self.done = sum(shard.n for shard in found)
        return [shard.blocks for shard in found]

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
                if blocks[0].first != end:
                    break
                size, end = size + 1, end + blocks[0].out.size
            together = [join(parts) for parts in zip(*self._waiting[:size], strict=True)]
            with signals.deferred():
                try:
                    self._make()
                    shards.write(self._folder, together, self.made_by)
                except OSError as error:
                    raise self._unwritable(error) from None
                self.done += together[0].out.size
                del self._waiting[:size]
        self._written = time.monotonic()

    def save(self, record: Record, report: bool) -> None:
        """Write the run directory, at first in here; as soon as it is in its place, this one goes.

        Raises
        ------
        InputError
            If there is no room or no right to write.
        """

        def placed() -> None:
            self.complete = True
            with suppress(OSError):  # what stays does no harm
                self.remove()
            self.close()

        try:
            self._make()
        except OSError as error:
            raise self._unwritable(error) from None
        run_directory.save(record, self.directory, report=report, room=self.path, placed=placed)

    def remove(self) -> None:
        """Take it away, with nothing in it that is not its own; never while another process works on it."""
        if self._lock is not None:
            self._sweep()
            for file in (*self._folder.glob(f"*{shards.SUFFIX}"), self.path / FILE, self.path / "lock"):
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

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any) -> None:
        if error is None:
            return
        if self.complete:
            error.add_note(f"The run is complete: {self.directory}")
            return
        if isinstance(error, SimulationError):  # which would come again
            self.remove()
            return
        if isinstance(error, InputError) and not self.n_paths:  # it was refused, and says what to do
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
        how = f"To go on: perp-stress run --resume {shlex.quote(str(self.path))}"
        if self.done:
            error.add_note(f"{self.done:,} of {self.n_paths:,} paths are kept. {how}")
        elif (self.path / FILE).exists() and not isinstance(error, InputError):  # which may say whose it is
            error.add_note(f"What was kept before is still there. {how}")

    @property
    def begun(self) -> bool:
        """Whether there is something to go on from."""
        return is_begun(self.path)

    @property
    def _folder(self) -> Path:
        return self.path / "shards"

    def _make(self) -> None:
        """The directory, with what is needed to go on."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._claim()
            if self.begun:
                self.close()
                raise InputError(Problem(str(self.path), "a place where no other process has begun a run meanwhile"))
        if not (self.path / FILE).exists():
            said = {"made_by": self.made_by, "command": self.command} | tell(self.scenario, self.path)
            files.put(self.path / FILE, [serialize.dumps({"sha256": _digest(said)} | said).encode()])

    def _sweep(self) -> None:
        """Take away what a process left half-written that was killed."""
        for room in self.path.glob(f".{escape(self.directory.name)}.*"):  # a run directory
            shutil.rmtree(room)
        for file in (*self._folder.glob(f"*{files.TEMPORARY}"), *self.path.glob(f"*{files.TEMPORARY}")):
            file.unlink()

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(Problem(str(self.path), f"a place that can be written ({error.strerror})"))

    def _claim(self) -> None:
        """Keep other processes out, until this one ends in whatever way."""
        try:
            self._lock = open(self.path / "lock", "a")  # noqa: SIM115 - open as long as the run
        except OSError as error:
            raise self._unwritable(error) from None
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
    ways = {key: os.path.relpath(path.resolve(), home.resolve()) for key, path in scenario.files.items()}
    return {"scenario": said_by(scenario), "files": ways, "where": scenario.where}


def said_by(scenario: Scenario) -> dict[str, Any]:
    """The tables of a scenario, as they were written."""
    tables = {key: getattr(scenario, key) for key in TABLES}
    said = {key: table.model_dump(exclude_unset=True) for key, table in tables.items() if table is not None}
    return serialize.loads(serialize.dumps({"name": scenario.name, "seed": scenario.seed} | said))


def retold(said: dict[str, Any], home: Path) -> Scenario:
    """The scenario that `tell` told."""
    places = {key: Path(os.path.normpath(home.resolve() / way)) for key, way in said["files"].items()}
    return Scenario.parse(said["scenario"], said["where"], home, files=places)


def changed(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """How the tables of two scenarios differ, in words."""
    theirs, ours = _flat(theirs), _flat(ours)
    keys = [key for key in ours | theirs if theirs.get(key) != ours.get(key)]
    said = [f"{key} {theirs.get(key, 'by default')}, not {ours.get(key, 'by default')}" for key in keys]
    return "; ".join(said) or "other content of its input files"


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """Values by dotted keys."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": v for inner, v in _flat(value).items()}
        else:
            found[key] = value
    return found


def open_checkpoint(directory: str | Path) -> Checkpoint:
    """The unfinished run that a directory keeps: RUN.partial, or RUN for short.

    Raises
    ------
    InputError
        If there is none, or if its scenario or the files it reads are not what they were.
    """
    run = _named(Path(directory))
    if run.suffix == SUFFIX:
        run = run.with_suffix("")
    path = run.with_name(run.name + SUFFIX)
    if not is_begun(path):
        complete = (run / "manifest.json").exists()
        why = "this one is complete" if complete else f"there is nothing to go on from in {path}"
        raise InputError(Problem(str(directory), f"a run that was interrupted; {why}"))
    said = _said(path)
    scenario = retold(said, path)
    if scenario.hash != said["made_by"]["scenario"]:
        named = ", ".join(map(str, scenario.files.values())) or FILE
        raise InputError(Problem(str(path), f"the scenario and its files as they were when it began ({named})"))
    return Checkpoint(run, scenario, said["command"])


def is_begun(path: Path) -> bool:
    """Whether RUN.partial holds something to go on from."""
    return (path / FILE).exists() or any((path / "shards").glob(f"*{shards.SUFFIX}"))


def _named(directory: Path) -> Path:
    """The directory by a way that ends in its name."""
    named = directory if directory.name not in ("", "..") else directory.resolve()
    if not named.name:
        raise InputError(Problem(str(directory), "a run directory, not the root of the disk"))
    return named


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(serialize.dumps(said).encode()).hexdigest()


def _said(path: Path) -> dict[str, Any]:
    """What an unfinished run says of itself; one of other versions is refused."""
    file = path / FILE
    try:
        said = serialize.loads(file.read_text(encoding="utf-8"))
        if said.pop("sha256") != _digest(said):
            raise ValueError
    except FileNotFoundError:
        raise InputError(Problem(str(file), f"what an interrupted run says of itself, it is missing; {ANEW}")) from None
    except OSError as error:
        raise InputError(Problem(str(file), f"a file that can be read ({error.strerror})")) from None
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise InputError(
            Problem(str(file), f"what an interrupted run says of itself, this is damaged; {ANEW}")
        ) from None
    versions = {key: version for key, version in said["made_by"].items() if key not in ("scenario", "designs")}
    if wrong := differences(versions, maker()):
        raise _other(path, wrong)
    return said


def _other(path: Path, wrong: str) -> InputError:
    return InputError(Problem(str(path), f"a run that this one can go on from, it has {wrong}; {ANEW}"))
