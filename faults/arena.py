"""The parts that are broken: the demo's world with a proxy on every way that a worker has to the outside.

Only workers go through the proxies; the harness reads the books directly. Every part can be stopped without warning
and started again on the data that it left.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from demo.life import CURRENCY
from demo.postgres import postgres, remove_data
from demo.processes import Child, StackError
from demo.temporal import temporal
from demo.world import World, world
from faults.proxy import Proxy, proxy
from faults.speech import Http, Transactions
from sandbox.client import SandboxClient

SECONDS_TO_END = 20.0
FLOAT = 100_000_00
"""What the platform keeps at its provider, in minor units: one order's chargeback must not stop another's refund."""
READY = "ready"


@dataclass
class Arena:
    """Everything that runs. Its methods that wait run in the event loop; the proxies have threads of their own."""

    around: World
    database: Proxy
    provider: Proxy
    engine: Proxy
    workers: list[Child] = field(default_factory=list)
    _blocks: ExitStack = field(default_factory=ExitStack, repr=False)
    _started: int = 0
    _temporal: Child | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What a worker is told: the world's own environment, with the proxies in the place of the parts."""
        own = dict(self.around.environment)
        port = urlsplit(own["DATABASE_URL"]).port
        return own | {
            "DATABASE_URL": own["DATABASE_URL"].replace(f":{port}/", f":{self.database.port}/"),
            "STRIPE_API_BASE": f"http://127.0.0.1:{self.provider.port}",
            "TEMPORAL_ADDRESS": f"127.0.0.1:{self.engine.port}",
        }

    async def add_worker(self) -> Child:
        """One more worker, ready."""
        self._started += 1
        worker = self.around.stack.start(f"worker-{self._started}", "-m", "worker", env=self.environment)
        self.workers.append(worker)
        await asyncio.to_thread(worker.wait_for_line, READY)
        return worker

    def kill_workers(self) -> None:
        """End every worker as a power cut would."""
        for worker in self.workers:
            worker.kill()
        self.workers.clear()

    def freeze_workers(self) -> list[Child]:
        """Stop every worker where it is; answers the frozen, which count as no workers until they are thawed."""
        frozen, self.workers = self.workers, []
        for worker in frozen:
            os.kill(worker.pid, signal.SIGSTOP)
        return frozen

    def thaw(self, frozen: list[Child]) -> None:
        """Let frozen workers go on as if no time had passed, beside those that were started since."""
        for worker in frozen:
            os.kill(worker.pid, signal.SIGCONT)

    def dismiss(self, workers: list[Child]) -> None:
        """End workers that others have replaced."""
        for worker in workers:
            worker.kill()

    def administer(self, statement: str) -> None:
        """Run one statement as the database's superuser. Blocks."""
        address = f"host=127.0.0.1 port={self.around.stack.postgres.port} user=postgres dbname=postgres"
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as conn:
            conn.execute(statement.encode())

    async def restart_temporal(self) -> None:
        """Kill the server; another goes on from its database file on the same ports."""
        server = self.around.stack.temporal
        running = self._temporal or server.process
        running.kill()
        port, ui_port = (int(url.rpartition(":")[2]) for url in (server.address, server.ui_url))
        block = temporal(
            self.around.directory / "log" / "temporal.log",
            db_file=self.around.directory / "temporal.db",
            port=port,
            ui_port=ui_port,
        )
        starting = self._blocks.enter_context(block)
        self._temporal = (await asyncio.to_thread(starting.wait)).process

    async def restart_postgres(self) -> None:
        """Stop the server at once (SIGQUIT: nothing is written out) and start it on what it had logged."""
        server = self.around.stack.postgres
        pid = int((server.directory / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)
        await asyncio.to_thread(_gone, pid)
        self._blocks.enter_context(postgres(server.directory, port=server.port, durable=True))


@contextmanager
def arena(directory: Path) -> Iterator[Arena]:
    """All of it under `directory`, with one worker behind the proxies, until the block is left. Raises StackError."""
    _clear(directory)
    with ExitStack() as blocks:
        around = blocks.enter_context(world(directory, keep=True))
        around.worker.kill()
        SandboxClient(around.sandbox_url).top_up(FLOAT, CURRENCY)
        database = ("127.0.0.1", around.stack.postgres.port)
        provider = ("127.0.0.1", urlsplit(around.sandbox_url).port or 0)
        host, _, port = around.stack.temporal.address.rpartition(":")
        yield Arena(
            around,
            blocks.enter_context(proxy(database, Transactions)),
            blocks.enter_context(proxy(provider, Http)),
            blocks.enter_context(proxy((host, int(port)))),
            _blocks=blocks,
        )


def _clear(directory: Path) -> None:
    """Yesterday's orders are no part of today's run."""
    remove_data(directory / "postgres")
    for name in ("temporal.db", "sandbox.sqlite", "keys"):
        (directory / name).unlink(missing_ok=True)


def _gone(pid: int) -> None:
    """Return when the process has ended; it is a child of ours, so its parent must have looked."""
    end = time.monotonic() + SECONDS_TO_END
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return
        except ChildProcessError:
            return
        time.sleep(0.02)
    if Path(f"/proc/{pid}").exists():
        raise StackError(f"process {pid} did not end within {SECONDS_TO_END:g} seconds")
