"""Signals: asked once, not lost, and never in the middle of what must end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

import stress
from stress.engine import signals
from stress.engine.signals import SIGNALS, caught, check, deferred
from tests.conftest import ROOT

pytestmark = pytest.mark.nojit


@pytest.fixture(autouse=True)
def handlers():
    """No test leaves a handler behind."""
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_and_is_remembered_until_it_is_over(number, capfd):
    check()
    with caught(lambda: "wait"):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            check()  # though the first was dropped
    check()
    assert capfd.readouterr() == ("", "wait\n")


def test_the_compiler_is_not_broken_by_one():
    """What is raised in its callbacks is printed and dropped, and then it fails."""
    code = "import signal\nsignal.raise_signal(signal.SIGINT)\ndone = True"
    names = {"__name__": "llvmlite.binding.executionengine"}
    with caught():
        exec(code, names)
        assert names["done"]
        with pytest.raises(KeyboardInterrupt):
            check()


def test_two_that_come_at_once_are_one(capfd):
    """A terminal sends one to the whole group, and a parent passes it on."""
    with caught(lambda: "wait"):
        for number in SIGNALS:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(number)
                assert number == signal.SIGTERM
    assert capfd.readouterr().err == "wait\n"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_one_ends_the_process(number):
    code = f"""
import signal
from contextlib import suppress
import stress
from stress.engine import signals
signals.AGAIN = 0.0
with signals.caught():
    for _ in range(2):
        with suppress(KeyboardInterrupt):
            signal.raise_signal({number.value})
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert done.stderr == "Interrupted again: ended at once. What was on disk is still there.\n"


def test_what_is_deferred_is_done_to_its_end():
    done = []

    def work():
        with deferred():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")
        done.append("what follows")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]


def test_what_the_parent_wants_ignored_is_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with caught(), deferred():
            signal.raise_signal(signal.SIGINT)
        check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_leaves_signals_alone():
    """Python lets the main thread alone handle them."""
    found = []

    def work():
        before = signal.getsignal(signal.SIGINT)
        with caught(), deferred():
            found.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True]
    assert signals._asked == 0.0


def test_a_signal_that_comes_when_all_is_said_changes_nothing():
    """Not the exit code, and no traceback of the interpreter that is ending."""
    code = """
import atexit, signal
from stress.cli import main
atexit.register(lambda: [signal.raise_signal(number) for number in (signal.SIGINT, signal.SIGTERM)])
main(["--version"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{stress.__version__}\n", "")
