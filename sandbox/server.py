"""The sandbox as a server on loopback, in a thread or in a process of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.app import build_app
from sandbox.carrier import CarrierWorld
from sandbox.world import World, real_clock

START_TIMEOUT = 30.0  # seconds
KEEP_ALIVE = 600  # seconds; a connection closed for idleness just as its client speaks would be a fault nobody planned


class Protocol(H11Protocol):
    """HTTP/1.1 that shows every request the connection it came by, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = self.app_state | {"connection": transport}


class Server(uvicorn.Server):
    """A server that says when it listens, and where."""

    def __init__(self, world: World, *, host: str = "127.0.0.1", port: int = 0) -> None:
        carrier = CarrierWorld(clock=world.clock)
        super().__init__(
            uvicorn.Config(
                build_app(world, carrier),
                host=host,
                port=port,
                http=Protocol,
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=1,
            )
        )
        self.world = world
        self.carrier = carrier
        self.listening = threading.Event()
        self.on_listening: Callable[[str], None] = lambda _: None

    @property
    def url(self) -> str:
        """The address, such as ``http://127.0.0.1:49152``; known once it listens."""
        host, port = cast("tuple[str, int]", self.servers[0].sockets[0].getsockname()[:2])
        return f"http://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self.on_listening(self.url)
            self.listening.set()


@contextmanager
def serve(
    *, clock: Callable[[], datetime] = real_clock, state: Path | None = None, hold_days: float = 7
) -> Iterator[Server]:
    """Run a sandbox in a thread on a free port for the duration of a ``with`` block."""
    server = Server(World(clock=clock, state=state, hold_days=hold_days))
    thread = threading.Thread(target=server.run, name="sandbox", daemon=True)
    thread.start()
    try:
        if not server.listening.wait(START_TIMEOUT):
            raise TimeoutError("the sandbox did not start")
        yield server
    finally:
        server.should_exit = True
        thread.join()
        server.world.store.close()
