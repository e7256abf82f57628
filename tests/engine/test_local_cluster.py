"""A cluster of processes of this machine: who may reach it, what it leaves behind, and what it cannot begin without."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.support.command import exit_code
from tests.support.directories import files
from tests.support.processes import ENVIRONMENT, LOOPBACK, MARKER, children, is_running, listening, plant, wait_until
from tests.support.tiny import TINY

distributed = pytest.importorskip("distributed")
cluster = pytest.importorskip("stress.engine.cluster")

linux = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at processes as Linux shows them")


def test_processes_of_this_machine(tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    assert exit_code("run", "tiny.toml", "--out", "threads", "--no-report", "-q", "--threads", 1) == 0
    assert exit_code("run", "tiny.toml", "--out", "processes", "--no-report", "-q", "--cluster", "local:2") == 0
    assert capsys.readouterr() == ("threads\nprocesses\n", "")
    assert files(tmp_path / "processes") == files(tmp_path / "threads")


def refused(address: str, security: Any = None) -> bool:
    """Whether somebody is not let in who knows where to ask."""

    async def ask() -> None:
        arguments = (security or distributed.Security()).get_connection_args("client")
        async with distributed.rpc(address, timeout=2, connection_args=arguments) as there:
            await asyncio.wait_for(there.identity(), 5)

    try:
        asyncio.run(ask())
    except (OSError, TimeoutError, TypeError):
        return True
    return False


@linux
def test_processes_of_this_machine_listen_to_nobody_else():
    """On loopback alone; there, who has not the certificate of the run is not let in, and HTTP servers say nothing."""
    before = listening(os.getpid())
    with cluster.connect("local:2") as client:
        workers = {address: 1 for address in client.nthreads()}
        assert len(workers) == 2
        pids = [pid for pid in children(os.getpid()) if listening(pid) and b"tls-cert" in command_of(pid)]
        assert len(pids) == 2
        open_ports = set().union(listening(os.getpid()) - before, *map(listening, pids))
        assert len(open_ports) == 6  # of each process one for the others, and its HTTP server
        assert {address for address, _ in open_ports} == {"0100007F"}
        addresses = [client.scheduler.address, *workers]
        assert all(address.startswith(f"tls://{LOOPBACK}:") for address in addresses)
        assert not any(refused(address, client.security) for address in addresses)
        for address in addresses:
            assert refused(address)
            assert refused(address, distributed.Security.temporary())
            assert refused(address.replace("tls://", "tcp://"))
        ports = {port for _, port in open_ports} - {int(address.rpartition(":")[2]) for address in addresses}
        assert len(ports) == 3
        for port in ports:
            for page in ("", "status", "info/main/workers.html", "json/counts.json", "api/v1/get_workers", "health"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://{LOOPBACK}:{port}/{page}", timeout=10)


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_the_key_of_a_run_is_for_this_user_alone(monkeypatch):
    seen = {}
    real = cluster.child.start

    def start(code, *arguments, **options):
        (key,) = (Path(a.partition("=")[2]) for a in arguments if a.startswith("--tls-key="))
        seen[key] = (key.parent.stat().st_mode & 0o077, "PRIVATE KEY" in key.read_text())
        return real(code, *arguments, **options)

    monkeypatch.setattr(cluster.child, "start", start)
    with cluster.connect("local:1"):
        assert list(seen.values()) == [(0 if os.name == "posix" else 0o077, True)]
    assert not any(key.exists() for key in seen)


def test_processes_of_this_machine_take_no_modules_from_the_working_folder(tmp_path):
    plant(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    command = [sys.executable, "-m", "stress", "run", "tiny.toml", "--no-report", "-q", "--cluster", "local:2"]
    (tmp_path / "stress.py").unlink()  # which `-m stress` would be
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / MARKER).exists()


@linux
def test_processes_of_this_machine_end_with_this_one(tmp_path):
    """Also where it has no time to end them."""
    code = "from stress.engine import cluster; c = cluster.connect('local:2'); c.__enter__(); print(flush=True)"
    command = [sys.executable, "-c", f"import time; {code}; time.sleep(100)"]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "\n"
    pids = children(parent.pid)
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not any(map(is_running, pids)), 20)


def test_processes_that_cannot_begin_are_one_clear_error(monkeypatch, tmp_path, capsys):
    """At once: there is nothing to wait for."""
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)

    def run() -> str:
        assert exit_code("run", "tiny.toml", "--cluster", "local:2", "-q", "--no-report") == 3
        out, err = capsys.readouterr()
        assert out == ""
        assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]
        return err

    begun = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "WORKER", "raise SystemExit('no room for it')")
        said = run()
    assert said == "Error: local:2: processes did not begin, one ended at once (no room for it)\n"
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "WORKER", "import time; time.sleep(100)")
        patch.setattr(cluster, "STARTING", 0.5)
        said = run()
    assert said == "Error: local:2: processes did not begin, no 2 after 0.5 seconds (they logged nothing)\n"

    def no_process(*arguments, **options):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(cluster.child, "start", no_process)
        said = run()
    assert said.startswith("Error: local:2: only 0 processes can be started (")

    def no_thread(*arguments, **options):
        raise RuntimeError("can't start new thread")

    for name in ("LocalCluster", "Client"):
        with monkeypatch.context() as patch:
            patch.setattr(cluster, name, no_thread)
            said = run()
        assert said == "Error: the scheduler of 127.0.0.1 cannot begin (can't start new thread)\n"

    def no_answer(client):
        raise OSError("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(cluster.Client, "nthreads", no_answer)
        said = run()
    assert said == "Error: the scheduler of 127.0.0.1 does not answer (the connection was lost)\n"
    assert time.monotonic() - begun < cluster.STARTING


def test_without_cryptography_it_says_how_to_install_it(monkeypatch, tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert exit_code("run", "tiny.toml", "--cluster", "local:1", "-q") == 2
    said = capsys.readouterr().err
    assert said == "Error: --cluster: expected the extra of cryptography: pip install 'perp-stress[cluster]'\n"
