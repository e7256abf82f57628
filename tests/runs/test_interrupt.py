"""Real processes that are interrupted, terminated and killed: what they had finished is there, and the run goes on."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import stress
from stress.cli import main
from stress.runs import checkpoint, shards
from tests.conftest import ROOT
from tests.support.directories import files
from tests.support.tiny import TINY

PATHS = 600
SCENARIO = TINY.replace("paths = 40", f"paths = {PATHS}")
PATIENCE = 120  # seconds for anything that a process does

# A run of some seconds on any machine: 120 blocks of 0.05 s, each a shard of its own.
CHILD = """
import sys, time
from stress.engine import scheduling, task
from stress import cli, simulation
from stress.runs import checkpoint
scheduling.BLOCK_BYTES, checkpoint.SECONDS = 20_000, 0.0
work, execute = task.work_block, simulation.execute
task.work_block = lambda *block: (time.sleep(0.05), work(*block))[1]
def told(scenario, **options):
    options["progress"] = lambda done, total: print(done, flush=True)
    return execute(scenario, **options)
simulation.execute = told
cli.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "small.toml").write_text(SCENARIO)
    stress.run(folder / "small.toml", directory=folder / "run")
    return files(folder / "run")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "small.toml").write_text(SCENARIO)
    return tmp_path


class Child:
    """A process that runs the command; it says how many paths are done, each time that they are on disk."""

    def __init__(self, place: Path, *arguments: str):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments], cwd=place, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.said = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE)

    def wait_for(self, paths: int) -> None:
        """Until so many paths are done."""
        assert self.process.stdout is not None
        while self.said < paths:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.said = int(line)

    def end(self, number: int) -> str:
        """Send a signal; what it says on standard error."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        self.said = max([self.said, *(int(line) for line in out.splitlines() if line.isdigit())])
        return err


def held(place: Path) -> int:
    """Paths on disk; every shard is whole."""
    path = place / "run.partial"
    return sum(
        shard.n
        for shard in shards.read_all(
            path / "shards", checkpoint.read_description(path, ("scenario",))["made_by"], PATHS
        )
    )


@pytest.fixture
def finish(place, monkeypatch, capsys):
    """Go on to the end, in this process."""

    def call(command="run --resume run.partial"):
        monkeypatch.chdir(place)
        with pytest.raises(SystemExit) as caught:
            main([*shlex.split(command), "--no-report", "-q"])
        assert not caught.value.code
        assert capsys.readouterr() == ("run\n", "")
        return files(place / "run")

    return call


def test_killed_again_and_again_it_loses_no_path_that_it_had_finished(place, whole, finish):
    rng = random.Random(7)
    arguments = ["run", "small.toml", "--out", "run", "--threads", "2"]
    before = 0
    for _ in range(3):
        with Child(place, *arguments) as child:
            child.wait_for(before + rng.randrange(20, 150))
            time.sleep(rng.uniform(0.0, 0.1))  # anywhere between two shards, or in the middle of one
            child.end(signal.SIGKILL)
            assert child.process.returncode == -signal.SIGKILL
            assert child.said <= held(place) < PATHS
            assert held(place) - child.said <= 2 * 2 * 5  # no more than the blocks that were in hand
        assert not (place / "run").exists()
        assert before < held(place)
        before = held(place)
        arguments = ["run", "--resume", "run"]
    assert finish() == whole
    assert sorted(p.name for p in place.iterdir()) == ["run", "small.toml"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_says_how_to_go_on(number, place, whole, finish):
    with Child(place, "run", "small.toml", "--out", "run", "--threads", "2") as child:
        child.wait_for(100)
        begun = time.monotonic()
        said = child.end(number).splitlines()
        assert time.monotonic() - begun < 30
        assert child.process.returncode == 3
    assert said[-2] == "Interrupted."
    kept, _, how = said[-1].partition(" of 600 paths are saved. To resume: perp-stress ")
    assert int(kept) == held(place) >= child.said >= 100
    assert not (place / "run").exists()
    assert finish(how) == whole


def test_interrupted_before_it_began_it_leaves_nothing(place):
    with Child(place, "run", "small.toml", "--out", "run") as child:
        time.sleep(0.3)  # while it still imports
        child.end(signal.SIGTERM)
        assert child.process.returncode in (3, -signal.SIGTERM)
    assert sorted(p.name for p in place.iterdir()) == ["small.toml"]
