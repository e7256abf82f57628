"""Running blocks on more machines, through dask.distributed (extra `cluster`).

Every worker gets the run once, ahead of its first block, and so does one that joins later; a block is then asked for by
a token and two numbers. One worker of each host compiles before the others begin, which load what it left. A worker
that dies loses its unfinished blocks, and others process them again; results depend on the path numbers alone.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Client, KilledWorker, LocalCluster, Security, WorkerPlugin, get_worker, rpc

from stress.engine import child, scheduling
from stress.engine.task import Task, forget
from stress.errors import InputError, Problem, WorkerError

TIMEOUT = 10.0  # seconds that a scheduler may take to answer, and to have a worker
LOOPBACK = "127.0.0.1"
STARTING, POLL = 60.0, 0.05  # seconds that processes of this machine may take to begin; how often they are looked for
WORKER = "from distributed.cli.dask_worker import main; main()"
LOG = "log"  # file of what they say
MOST = 256  # processes of this machine
ALONE = 60.0  # seconds without any worker after which a run gives up


@contextmanager
def connect(address: str) -> Iterator[Client]:
    """A cluster by its address, or `local:N`: N processes of this machine, one thread each.

    Raises
    ------
    InputError
        If it does not answer, or has no workers.
    """
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is in the exception
    if address == "local" or address.startswith("local:"):
        with _local(address) as client:
            yield client
        return
    try:
        asyncio.run(asyncio.wait_for(_greet(address), TIMEOUT))  # a client may wait for ever
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        why = f" ({error})" if str(error) else ""
        expected = f"tcp://HOST:PORT or tls://HOST:PORT of a dask scheduler that answers within {TIMEOUT:g} seconds"
        raise InputError(Problem("--cluster", f"{expected}, or local:N{why}", value=address)) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError:
            raise InputError(Problem("--cluster", "a scheduler that has workers", value=address)) from None
        yield client


async def _greet(address: str) -> None:
    """Ask who is there."""
    async with rpc(address, timeout=TIMEOUT, connection_args=Security().get_connection_args("client")) as there:
        kind = (await there.identity())["type"]
    if kind != "Scheduler":
        raise ValueError(f"there is a {kind}")


@contextmanager
def _local(address: str) -> Iterator[Client]:
    """Processes of this machine, which nobody else can reach.

    Whoever reaches a scheduler or a worker runs code there. So they listen on loopback alone, and take only what holds
    a key that is made for this run; their HTTP servers, which dask always starts, have nothing to say. The processes
    have a session of their own, so that Ctrl-C reaches this process alone.
    """
    text = address.partition(":")[2] or str(scheduling.default_threads())
    if not (text.isdecimal() and 1 <= int(text) <= MOST):
        raise InputError(Problem("--cluster", f"local:N with N processes, 1 to {MOST}", value=address))
    with (
        tempfile.TemporaryDirectory() as folder,
        _scheduler(security := _new_key()) as client,
        _started_workers(int(text), client.scheduler_info()["address"], security, Path(folder)) as started,
    ):
        _wait_for(started, client, Path(folder))
        yield client


def _new_key() -> Any:
    """A key and a certificate that exist as long as the run."""
    try:
        return Security.temporary()
    except ImportError:
        missing = "the extra of cryptography: pip install 'perp-stress[cluster]'"
        raise InputError(Problem("--cluster", missing)) from None


@contextmanager
def _scheduler(security: Any) -> Iterator[Client]:
    """A scheduler in this process, and who speaks to it."""
    with ExitStack() as stack:
        try:
            with dask.config.set({"distributed.scheduler.http.routes": []}):
                cluster = LocalCluster(
                    n_workers=0, host=LOOPBACK, security=security, silence_logs=logging.CRITICAL,
                    scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
                )  # fmt: skip
            stack.enter_context(cluster)
            client = stack.enter_context(Client(cluster, set_as_default=False))
        except (OSError, RuntimeError) as error:
            raise WorkerError(f"the scheduler of {LOOPBACK} cannot begin ({error})") from error
        yield client


@contextmanager
def _started_workers(count: int, scheduler: str, security: Any, folder: Path) -> Iterator[list[child.Child]]:
    """Processes that will be workers, until they are ended; a folder of this user has the key, and what they log."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_text(security.tls_worker_key, encoding="ascii")
    certificate.write_text(security.tls_worker_cert, encoding="ascii")
    options = [
        f"--host={LOOPBACK}", f"--dashboard-address={LOOPBACK}:0", "--no-dashboard", "--no-nanny", "--nthreads=1",
        "--memory-limit=0", f"--death-timeout={STARTING:g}", f"--local-directory={folder}",
        f"--tls-ca-file={certificate}", f"--tls-cert={certificate}", f"--tls-key={key}",
    ]  # fmt: skip
    settings = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True", "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]"}
    with ExitStack() as stack:
        log = stack.enter_context(open(folder / LOG, "wb"))
        started: list[child.Child] = []
        for _ in range(count):
            try:
                process = child.start(
                    WORKER, scheduler, *options,
                    settings=settings, start_new_session=True, stdout=log, stderr=log,
                )  # fmt: skip
            except OSError as error:
                raise WorkerError(f"local:{count}: only {len(started)} processes can be started ({error})") from error
            stack.callback(child.end, process)
            started.append(process)
        yield started


def _wait_for(started: list[child.Child], client: Client, folder: Path) -> None:
    """Wait until each process is a worker."""
    end = time.monotonic() + STARTING
    while _count(client) < len(started):
        ended = [process for process in started if process.poll() is not None]
        if ended or time.monotonic() > end:
            logged = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip()
            last = logged.rpartition("\n")[2] or "they logged nothing"
            found = "one ended at once" if ended else f"no {len(started)} after {STARTING:g} seconds"
            raise WorkerError(f"local:{len(started)}: processes did not begin, {found} ({last})")
        time.sleep(POLL)


def _count(client: Client) -> int:
    """Workers that are there."""
    try:
        return len(client.nthreads())
    except OSError as error:
        raise WorkerError(f"the scheduler of {LOOPBACK} does not answer ({error})") from error


@contextmanager
def cluster_pool(client: Client, executor: Any, task: Task) -> Iterator[ClusterPool]:
    """The workers of a client, each with the run, and with compiled kernels.

    Parameters
    ----------
    client : distributed.Client
    executor : distributed.Client or its executor
        What was asked to work.
    task : Task
    """
    plugin = RunPlugin(task)
    pool = ClusterPool(client, client.get_executor() if executor is client else executor, plugin.name)
    try:
        pool.send(plugin)
        pool.compile()
        yield pool
    finally:
        if client.status == "running":
            with suppress(Exception):  # a worker that dies just now, or never had it, fails no run
                client.unregister_worker_plugin(plugin.name)


class RunPlugin(WorkerPlugin):
    """A run on its way to every worker; the scheduler keeps a copy for those that join later."""

    def __init__(self, task: Task):
        self.task = task
        self.name = f"perp-stress-{task.token}"

    def teardown(self, worker: Any) -> None:
        """Free the memory of the run on a worker."""
        forget(self.task.token)


class RemoteTask:
    """The task that the worker was given."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, first: int, n: int) -> Any:
        """Process a block with the task that the worker has."""
        plugin: Any = get_worker().plugins[self.name]
        return plugin.task(first, n)

    def __dask_tokenize__(self) -> str:
        return self.name


class ClusterPool(scheduling.WorkerPool):
    """The workers of a cluster."""

    lost = (CancelledError, KilledWorker)

    def __init__(self, client: Client, executor: Executor, name: str):
        super().__init__(executor, 1)
        self.client, self.sent = client, RemoteTask(name)
        self.last_seen = self.last_counted = time.monotonic()
        self.count_workers()

    def count(self) -> int:
        """Threads of all workers, looked up anew now and then."""
        if time.monotonic() - self.last_counted > scheduling.PATIENCE:
            self.count_workers()
        return max(1, self.workers)

    def count_workers(self) -> None:
        """Threads of the workers that are there now."""
        try:
            self.workers = sum(self.client.nthreads().values())
        except OSError as error:
            raise WorkerError(self.reason(error)) from error
        self.last_counted = time.monotonic()
        if self.workers:
            self.last_seen = self.last_counted

    def submit(self, task: Any, first: int, n: int) -> Future[Any]:
        """Hand out a block; the task itself is on the workers already."""
        return self.executor.submit(scheduling.timed, self.sent, first, n)

    def check(self) -> None:
        """Raise `WorkerError` if the cluster has been without workers for too long."""
        self.count_workers()
        if time.monotonic() - self.last_seen > ALONE:
            raise WorkerError(f"the cluster has had no worker for {ALONE:g} seconds")

    def send(self, plugin: RunPlugin) -> None:
        """Give the run to every worker that is there or comes."""
        for last in (False, False, True):
            try:
                self.client.register_plugin(plugin)
                return
            except OSError as error:  # one that dies just now is no longer asked the next time
                if last or self.client.status != "running":
                    raise WorkerError(self.reason(error)) from error
                time.sleep(scheduling.PATIENCE)
            except Exception as error:
                failed = f"a worker of the cluster cannot take the run, it needs what is installed here ({error})"
                raise WorkerError(failed) from error

    def compile(self) -> None:
        """Have one worker of each host work a path, so that the others find the kernels compiled."""
        hosts: dict[str, str] = {}
        for address in self.client.nthreads():
            hosts.setdefault(address.rpartition("://")[2].rpartition(":")[0], address)
        chosen = [self.client.get_executor(workers=[address], allow_other_workers=True) for address in hosts.values()]
        waiting = {each.submit(scheduling.timed, self.sent, 0, 1, pure=False) for each in chosen}
        while waiting:
            done, waiting = wait(waiting, scheduling.PATIENCE)
            for future in done:
                try:
                    future.result()
                except self.lost as error:
                    raise WorkerError(self.reason(error)) from error
            self.check()

    def reason(self, error: Exception) -> str:
        """What an error among `lost` means."""
        if isinstance(error, KilledWorker):
            return (
                f"{error.allowed_failures + 1} workers died one after the other on the same paths: "
                "they were ended, or had too little memory"
            )
        return f"the scheduler of the cluster is gone ({str(error) or 'the connection was lost'})"
