"""The stack with everything round it: the outside world, the carrier's webhook receiver, a worker; a process each.

All of it runs on what ``worker.py``, ``gateway`` and ``sandbox`` are in production: the same commands, told where
everything is by the same environment names.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import secrets
import shutil
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine
from temporalio.client import Client

from activities.store.database import connect
from activities.store.vault import Vault
from demo.postgres import remove_data
from demo.processes import Child, StackError, choose_port
from demo.stack import Stack, stack

STICKY_SECONDS = 1.0
"""How long the next task of an order is offered to the worker that had it last, before any other may take it.

A worker that was killed cannot say goodbye: each order that it had in its cache waits this long, once. A step that was
under way in it is run again elsewhere after 30 seconds, the time that every step is given (`workflows.steps`).
"""

CARRIER_KEY, PROVIDER_KEY = "EZTKsandbox", "sk_test_demo"
"""The keys that the sandbox's carrier and payment provider want; what they guard is made up."""

_ROOT = Path(__file__).resolve().parent.parent
_READY = "ready"


@dataclass
class World:
    """Everything that runs. `environment` is what any process of ours needs to take part in it."""

    stack: Stack
    directory: Path
    environment: Mapping[str, str]
    sandbox_url: str
    gateway_url: str
    sandbox: Child
    worker: Child
    _worker_number: int = field(default=1, repr=False)

    @property
    def mails(self) -> Path:
        """The directory in which every mail that is sent becomes a file."""
        return self.directory / "mails"

    async def replace_worker(self) -> None:
        """Kill the worker without warning, as the kernel or a power cut would, and start another."""
        self.worker.kill()
        self._worker_number += 1
        self.worker = _start_worker(self.stack, self.environment, f"worker-{self._worker_number}")
        await asyncio.to_thread(self.worker.wait_for_line, _READY)


@contextmanager
def world(
    directory: Path,
    *,
    keep: bool = False,
    webhooks: bool = True,
    temporal_port: int | None = None,
    ui_port: int | None = None,
) -> Iterator[World]:
    """Start all of it under `directory`, and end all of it with the block. Raises StackError.

    With `keep` the orders, their data and the keys that guard them are there again the next time. Without `webhooks`
    there is no gateway, and the outside world sends no news.
    """
    with _alone(directory):
        if not keep:
            _clear(directory)
        with stack(directory, keep=keep, temporal_port=temporal_port, ui_port=ui_port) as running:
            yield _populate(running, directory, keep=keep, webhooks=webhooks)


def _populate(running: Stack, directory: Path, *, keep: bool, webhooks: bool) -> World:
    """Start the processes round the stack, all at once: each takes a second or two to be ready."""
    sandbox_url, gateway_url = (f"http://127.0.0.1:{choose_port()}" for _ in range(2))
    environment = {
        **running.environment,
        **_keys(directory if keep else None),
        "STRIPE_SECRET_KEY": PROVIDER_KEY,
        "STRIPE_API_BASE": sandbox_url,
        "STRIPE_WEBHOOK_SECRET": secrets.token_hex(),
        "EASYPOST_API_KEY": CARRIER_KEY,
        "EASYPOST_API_BASE": sandbox_url,
        "SMTP_URL": f"eml://{(directory / 'mails').resolve()}",
        "MAIL_FROM": "orders@flohmarkt.example",
        "DESK_MAIL": "desk@flohmarkt.example",
        "AFTERSALE_POLICIES": str(_ROOT / "policies"),
        "AFTERSALE_TEMPLATES": str(_ROOT / "templates"),
        "GATEWAY_PORT": gateway_url.rpartition(":")[2],
        "STICKY_SECONDS": f"{STICKY_SECONDS:g}",
    }
    state = [f"--state={directory / 'sandbox.sqlite'}"] if keep else []
    told = {**environment, "GATEWAY_URL": gateway_url} if webhooks else {}
    sandbox = running.start("sandbox", "-m", "sandbox", "--port", sandbox_url.rpartition(":")[2], *state, env=told)
    worker = _start_worker(running, environment, "worker")
    sandbox.wait_for_line("http://")
    if webhooks:
        gateway = running.start("gateway", "-m", "gateway", env=environment)
        gateway.wait_until(lambda: _answers(f"{gateway_url}/healthz"))
    worker.wait_for_line(_READY)
    return World(running, directory, environment, sandbox_url, gateway_url, sandbox, worker)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Only one world at a time lives on a directory; the lock ends with the process, however that ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"another one runs on {directory}; end that first (Ctrl-C in its terminal)") from None
        yield


def _clear(directory: Path) -> None:
    """Away with the orders, mails and logs of the last time."""
    remove_data(directory / "postgres")
    for name in ("mails", "log"):
        shutil.rmtree(directory / name, ignore_errors=True)


@dataclass(frozen=True)
class Connections:
    """What a process that takes part in a world holds open."""

    temporal: Client
    engine: Engine
    vault: Vault
    command_key: bytes


@asynccontextmanager
async def connections(around: World) -> AsyncIterator[Connections]:
    """Connect to Temporal and PostgreSQL for the duration of the block."""
    engine = connect(around.environment["DATABASE_URL"], application_name="aftersale-demo", pool_size=16)
    try:
        yield Connections(
            await around.stack.temporal.connect(),
            engine,
            Vault(around.environment["AFTERSALE_MASTER_KEY"]),
            around.environment["AFTERSALE_COMMAND_KEY"].encode(),
        )
    finally:
        engine.dispose()
        # Temporal's client finishes in threads of its own, which do not like an interpreter that is already leaving.
        await asyncio.sleep(0.2)


def _start_worker(running: Stack, environment: Mapping[str, str], name: str) -> Child:
    return running.start(name, "-m", "worker", env=environment)


def _keys(directory: Path | None) -> dict[str, str]:
    """Keys of this world's own; with a `directory` they are kept there, since data on disk need them again."""
    names = ("AFTERSALE_MASTER_KEY", "AFTERSALE_COMMAND_KEY", "EASYPOST_WEBHOOK_SECRET")
    kept = directory / "keys" if directory is not None else None
    if kept is not None and kept.exists():
        return dict(zip(names, kept.read_text().split(), strict=True))
    fresh = [base64.b64encode(secrets.token_bytes(32)).decode() for _ in names]
    if kept is not None:
        write_private(kept, "\n".join(fresh))
    return dict(zip(names, fresh, strict=True))


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # Our own loopback URL.
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
