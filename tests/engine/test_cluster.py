"""A cluster on loopback: a real scheduler, real workers, and what becomes of a run when they die."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path

import pytest

import stress
from stress.cli import main
from stress.engine import scheduling
from stress.errors import InputError, WorkerError
from stress.runs import checkpoint
from tests.support.command import exit_code
from tests.support.directories import files, interrupt
from tests.support.processes import ENVIRONMENT, LOOPBACK
from tests.support.small_run import DEPTH, SETTINGS, digests, make_book, make_venue
from tests.support.tiny import TINY

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
cluster = pytest.importorskip("stress.engine.cluster")

PATIENCE = 60  # seconds for anything that a process does
SMALL = 20_000  # bytes of prices in a block: 25 paths of 24 steps, 5 of 120
WORKER = (f"--host={LOOPBACK}", f"--dashboard-address={LOOPBACK}:0", "--nthreads=1", "--no-nanny", "--no-dashboard")


class Slow(stress.prices.Kou):
    """Takes its time, so that a run is long enough to lose a worker."""

    def block(self, seed, first_path, n_paths, n_steps, dt):
        time.sleep(0.02 * n_paths / 25)
        return super().block(seed, first_path, n_paths, n_steps, dt)


class Deadly(stress.prices.Kou):
    """Ends the process that makes the paths from the 100th on."""

    def block(self, seed, first_path, n_paths, n_steps, dt):
        if first_path + n_paths > 100:
            os._exit(1)
        return super().block(seed, first_path, n_paths, n_steps, dt)


PARAMETERS = dict(s0=100.0, sigma=0.9, intensity=12_000.0, p_up=0.45, eta_up=30.0, eta_down=25.0)


def simulate(model=stress.prices.Kou, **changes) -> stress.Result:
    settings = SETTINGS | {"n_paths": 1000} | changes
    return stress.simulate(make_book(), make_venue(), model(**PARAMETERS), depth=DEPTH, **settings)


@pytest.fixture(scope="module")
def alone():
    """The run on one thread of this process."""
    return digests(simulate(threads=1))


class ClusterPool:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path, **environment: str):
        self.folder, self.processes, self.environment = folder, [], environment
        file = folder / "scheduler.json"
        options = [f"--host={LOOPBACK}", "--port=0", "--no-dashboard", f"--scheduler-file={file}"]
        options += [f"--dashboard-address={LOOPBACK}:0"]
        self.scheduler = self.start("scheduler", *options)
        end = time.monotonic() + PATIENCE
        while not file.exists():
            assert self.scheduler.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        self.client = distributed.Client(scheduler_file=str(file), timeout=PATIENCE, set_as_default=False)
        self.address = self.client.scheduler.address

    def start(self, kind: str, *options: str, **environment: str) -> subprocess.Popen:
        with open(self.folder / "log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options], cwd=self.folder,
                env=ENVIRONMENT | self.environment | environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self, **environment: str) -> subprocess.Popen:
        process = self.start("worker", self.address, *WORKER, **environment)
        end = time.monotonic() + PATIENCE
        while process.pid not in self.pids().values():
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.05)
        return process

    def pids(self) -> dict[str, int]:
        """The process of each worker, by its address."""
        return self.client.run(os.getpid, on_error="ignore")  # of one that died just now

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait(PATIENCE)
        self.client.close(timeout=2)


@contextmanager
def two_workers(folder: Path, **environment: str) -> Iterator[ClusterPool]:
    machines = ClusterPool(folder, **environment)
    try:
        for _ in range(2):
            machines.start("worker", machines.address, *WORKER)
        machines.client.wait_for_workers(2, timeout=PATIENCE)
        yield machines
    finally:
        machines.close()


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    with two_workers(tmp_path_factory.mktemp("machines")) as machines:
        yield machines


@pytest.fixture
def own_machines(tmp_path_factory):
    """Machines that a test may ruin."""
    with two_workers(tmp_path_factory.mktemp("machines")) as machines:
        yield machines


def test_two_workers_give_the_same_bytes(machines, alone, monkeypatch):
    """By a client, by its executor, by any size of block; and afterwards nothing of the run is left there."""
    assert digests(simulate(executor=machines.client)) == alone
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", SMALL)
    done = []
    found = simulate(executor=machines.client.get_executor(retries=2), progress=lambda k, n: done.append(k))
    assert digests(found) == alone
    assert len(done) > 3
    assert done == sorted(set(done))
    assert done[-1] == 1000
    left = machines.client.run(lambda dask_worker: [name for name in dask_worker.plugins if "perp" in name])
    assert list(left.values()) == [[], []]


def test_the_run_is_sent_once_to_each_worker(machines, monkeypatch):
    """A block is asked for by a few bytes, whatever the size of the book."""
    from stress.engine.task import Task

    sent = []
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", SMALL)
    real = Task.__reduce__
    monkeypatch.setattr(Task, "__reduce__", lambda self: sent.append(self.token) or real(self))
    simulate(executor=machines.client)
    assert len(sent) == 1  # packed for the scheduler, which hands it to every worker
    assert len(pickle.dumps(cluster.RemoteTask("perp-stress-0123456789abcdef"))) < 100


def test_a_cluster_finishes_what_threads_began(machines, tmp_path, monkeypatch, capsys):
    """And the other way round: the same command line, and the same bytes."""
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", SMALL)
    stress.run("tiny.toml", directory="whole")
    whole = files(tmp_path / "whole")
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    for name, first, then in (
        ("a", {"threads": 1}, ["--cluster", machines.address]),
        ("b", {"executor": machines.client}, ["--threads", "2"]),
    ):
        with pytest.raises(KeyboardInterrupt):
            stress.run("tiny.toml", directory=name, progress=interrupt(15), **first)
        assert (tmp_path / f"{name}.partial").is_dir()
        with pytest.raises(SystemExit) as caught:
            main(["run", "--resume", name, "--no-report", "-q", *then])
        assert not caught.value.code
        assert capsys.readouterr() == (f"{name}\n", "")
        assert files(tmp_path / name) == whole


def test_other_commands_reach_the_cluster_too(machines, tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny.toml").write_text(TINY)
    (tmp_path / "other.toml").write_text(TINY.replace("initial = 1e5", "initial = 2e5"))
    monkeypatch.chdir(tmp_path)
    for arguments in (["size", "tiny.toml", "-q"], ["adl", "tiny.toml", "-q"],
                      ["compare", "tiny.toml", "other.toml", "--out", "table.csv"]):  # fmt: skip
        said = []
        for options in ([], ["--cluster", machines.address]):
            with pytest.raises(SystemExit) as caught:
                main([*arguments, *options])
            assert not caught.value.code
            table = Path("table.csv").read_text() if "compare" in arguments else ""
            said.append((capsys.readouterr().out, table))
        assert said[0] == said[1]


def test_a_worker_that_is_killed_half_way_costs_nothing_but_time(own_machines, alone, monkeypatch):
    """First the one is killed while it has blocks in hand, then the other; one that comes later finishes the run."""
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", SMALL)
    monkeypatch.setattr(scheduling, "SECONDS", 0.04)  # some fifty blocks
    before = own_machines.pids()
    assert len(before) == 2
    (first, pid), (second, other) = before.items()
    fresh, killed = [], []

    def progress(done, total):
        if done >= 200 and not killed and own_machines.client.processing()[first]:
            os.kill(pid, signal.SIGKILL)
            killed.append(first)
        elif done >= 400 and len(killed) == 1 and own_machines.client.processing()[second]:
            os.kill(other, signal.SIGKILL)
            killed.append(second)
            fresh.append(own_machines.worker())

    found = simulate(Slow, executor=own_machines.client, progress=progress)
    assert len(killed) == 2
    assert digests(found) == alone
    assert list(own_machines.pids().values()) == [process.pid for process in fresh]


def test_a_worker_without_the_package_is_said_to_lack_it(own_machines, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['stress'] = None\n")
    worker = own_machines.worker(PYTHONPATH=str(tmp_path))
    with pytest.raises(WorkerError, match=r"it needs what is installed here \(.*No module named 'stress"):
        simulate(executor=own_machines.client)
    worker.kill()


def test_a_cluster_without_workers_is_given_up(own_machines, monkeypatch):
    """After a while; a worker that comes in time is waited for."""
    end = time.monotonic() + PATIENCE
    while own_machines.client.nthreads():
        for pid in own_machines.pids().values():
            os.kill(pid, signal.SIGKILL)
        assert time.monotonic() < end
        time.sleep(0.05)
    monkeypatch.setattr(cluster, "ALONE", 0.5)
    monkeypatch.setattr(scheduling, "PATIENCE", 0.1)
    with pytest.raises(WorkerError, match=r"no worker for 0\.5 seconds"):
        simulate(executor=own_machines.client)
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    with pytest.raises(InputError, match="a scheduler that has workers"), cluster.connect(own_machines.address):
        pass
    worker = own_machines.worker()
    (address,) = (address for address, pid in own_machines.pids().items() if pid == worker.pid)
    with pytest.raises(InputError, match="there is a Worker"), cluster.connect(address):
        pass


def test_a_scheduler_that_goes_leaves_the_finished_paths(own_machines, tmp_path, monkeypatch):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.setattr(scheduling, "BLOCK_BYTES", SMALL)
    stress.run(tmp_path / "tiny.toml", directory=tmp_path / "whole")
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    assert own_machines.client.nthreads()

    def progress(done, total):
        own_machines.scheduler.kill()

    with pytest.raises(WorkerError, match="the scheduler of the cluster is gone") as caught:
        stress.run(
            tmp_path / "tiny.toml", directory=tmp_path / "run", executor=own_machines.client, progress=progress
        )  # fmt: skip
    assert "of 40 paths are saved. To resume: perp-stress run --resume" in caught.value.__notes__[0]
    stress.run(tmp_path / "tiny.toml", directory=tmp_path / "run", threads=2)
    assert files(tmp_path / "run") == files(tmp_path / "whole")


def test_a_run_that_kills_its_workers_is_given_up():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        cluster.connect("local:2") as client,
        pytest.raises(WorkerError, match="2 workers died one after the other on the same paths"),
    ):
        simulate(Deadly, executor=client)


def test_a_cluster_with_certificates(tmp_path, monkeypatch, capsys):
    """As dask is configured, for the scheduler, the workers and this process; who has no certificate is told."""
    made = distributed.Security.temporary()
    (tmp_path / "ca.pem").write_text(made.tls_ca_file)
    (tmp_path / "key.pem").write_text(made.tls_client_key + made.tls_client_cert)
    settings = {"require-encryption": "True", "tls.ca-file": str(tmp_path / "ca.pem")}
    settings |= {f"tls.{role}.cert": str(tmp_path / "key.pem") for role in ("client", "scheduler", "worker")}
    configured = {f"distributed.comm.{name}": value for name, value in settings.items()}
    environment = {
        f"DASK_{name}".upper().replace(".", "__").replace("-", "_"): value for name, value in configured.items()
    }
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(folder)
    assert exit_code("run", "tiny.toml", "--out", "threads", "--no-report", "-q") == 0
    with dask.config.set(configured), two_workers(tmp_path, **environment) as machines:
        assert machines.address.startswith("tls://")
        command = ("run", "tiny.toml", "--no-report", "-q", "--cluster", machines.address)
        assert exit_code(*command, "--out", "tls") == 0
        assert files(folder / "tls") == files(folder / "threads")
        capsys.readouterr()
        plain = machines.address.replace("tls://", "tcp://")
        monkeypatch.setattr(cluster, "TIMEOUT", 2.0)
        for wrong in ({"distributed.comm.tls.client.cert": None}, {"distributed.comm.require-encryption": False}):
            with dask.config.set(wrong):
                address = machines.address if "cert" in str(wrong) else plain
                assert exit_code("run", "tiny.toml", "-q", "--out", "none", "--cluster", address) == 2
                said = capsys.readouterr().err
                assert said.startswith(
                    f"Error: --cluster: got '{address}', expected tcp://HOST:PORT or tls://HOST:PORT"
                )
                assert said.count("\n") == 1
        assert not (folder / "none").exists()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize(
    "address", ["local:0", "local:two", "local:-1", "local:8786", "nowhere", "udp://127.0.0.1:1", "closed"]
)
def test_an_address_that_is_wrong_or_silent_is_one_clear_error(address, tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    if address == "closed":
        address = f"tcp://127.0.0.1:{free_port()}"
    assert exit_code("run", "tiny.toml", "--cluster", address, "-q") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"Error: --cluster: got '{address}', expected ")
    assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["tiny.toml"]


def test_something_else_that_listens_there_is_one_clear_error(tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        assert exit_code("run", "tiny.toml", "--cluster", f"tcp://127.0.0.1:{silent.getsockname()[1]}", "-q") == 2
        assert time.monotonic() - begun < 20
    assert "a dask scheduler that answers within 0.5 seconds, or local:N\n" in capsys.readouterr().err


def test_threads_and_cluster_do_not_go_together(tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    assert exit_code("run", "tiny.toml", "--cluster", "local:1", "--threads", 2, "-q") == 2
    assert "either --threads or --cluster" in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_install_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "stress.engine.cluster")
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert exit_code("run", "tiny.toml", "--cluster", "local:1", "-q") == 2
    said = capsys.readouterr().err
    assert said == "Error: --cluster: expected the extra of distributed: pip install 'perp-stress[cluster]'\n"


def test_what_was_cancelled_is_a_scheduler_that_is_gone():
    reason = cluster.ClusterPool.reason
    said = reason(object.__new__(cluster.ClusterPool), CancelledError())
    assert said == "the scheduler of the cluster is gone (the connection was lost)"
