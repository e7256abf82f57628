"""Processes that this one starts: where they take modules from, and when they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import stress
from stress.engine import child
from stress.module_path import without_working_folder
from tests.conftest import ROOT
from tests.support.processes import MARKER, is_running, plant, wait_until

pytestmark = pytest.mark.nojit


def output(code: str, **options) -> str:
    process = child.start(code, stdout=subprocess.PIPE, **options)
    said = process.stdout.read().decode()
    process.wait()
    process.stdout.close()
    child.end(process)
    return said.strip()


@pytest.mark.parametrize("setting", [None, "", ".", os.pathsep, f"{os.pathsep}{ROOT}"])
def test_nothing_is_imported_from_the_working_folder(tmp_path, monkeypatch, setting):
    """An empty entry of PYTHONPATH means the working folder to Python; what names it is meant."""
    plant(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path, str(tmp_path)])
    if setting is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", setting)
    named = setting == "."
    assert (str(tmp_path) in without_working_folder()) is named
    if not named:
        assert output("import json, numba, yaml, stress; print(stress.__file__)") == stress.__file__
        inner = (
            "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import json'], check=True); print('so are')"
        )
        assert output(inner) == "so are"
    assert not (tmp_path / MARKER).exists()


def test_modules_are_found_where_this_process_finds_them(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "my_model.py").write_text("NAME = 'mine'\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "models")])
    assert output("import my_model; print(my_model.NAME)") == "mine"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    assert str(ROOT) in without_working_folder()  # a clone that is not installed


def test_a_working_folder_that_is_gone_is_nobodys(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(sys, "path", ["", str(ROOT)])
    assert without_working_folder() == [str(ROOT)]


def test_arguments_and_settings_reach_it():
    code = "import os, sys; print(sys.argv[1:], os.environ['MINE'])"
    process = child.start(code, "--a", "b c", settings={"MINE": "1"}, stdout=subprocess.PIPE)
    assert process.stdout.read().decode().strip() == "['--a', 'b c'] 1"
    process.stdout.close()
    child.end(process)


def test_it_is_ended():
    process = child.start("import time; time.sleep(100)")
    assert process.poll() is None
    child.end(process)
    assert process.returncode
    assert process.stdin.closed
    child.end(process)  # again


PARENT = """
import sys, time
from stress.engine import child
process = child.start({code!r}, stdout=-3)
print(process.pid, flush=True)
time.sleep(100)
"""
BUSY = {
    "sleeps": "import time; time.sleep(100)",
    "computes": "while True: pass",
    "loads": "import numba, pandas; import time; time.sleep(100)",
}


@pytest.mark.parametrize("code", BUSY.values(), ids=BUSY.keys())
def test_it_ends_when_its_parent_is_killed(code):
    command = [sys.executable, "-c", PARENT.format(code=code)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_running(pid), 20)


@pytest.mark.parametrize("planted", ["in the folder", "named by an empty entry"])
def test_the_command_takes_no_modules_from_the_working_folder(tmp_path, planted):
    plant(tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONPATH"] = os.pathsep if planted != "in the folder" else ""
    command = Path(sys.executable).with_name("perp-stress")
    if not command.exists():
        pytest.skip("the command is not installed beside this Python")
    (tmp_path / "stress.py").unlink()  # with an empty entry Python itself finds it first
    done = subprocess.run(
        [command, "venues", "show", "binance"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / MARKER).exists()


def test_nor_does_the_module_that_is_the_command(tmp_path):
    plant(tmp_path)
    (tmp_path / "stress.py").unlink()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "stress", "venues", "show", "binance"], cwd=tmp_path, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / MARKER).exists()
