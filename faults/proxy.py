"""A TCP proxy between a worker and what it needs, that can be told to fail in every way in which a network can.

As a whole it forwards, refuses, or swallows what comes. A `Trap` waits for one request: it can stop it on its way
there, or let it through and stop its answer. Each proxy runs in a thread of its own; everything may be called from any.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from faults.speech import Opaque, Speech

CHUNK = 64 * 1024
START_SECONDS = 10.0


class Mode(StrEnum):
    """What happens to all connections."""

    FORWARD = "forward"
    REFUSE = "refuse"  # new connections are closed at once
    SWALLOW = "swallow"  # connections stand, and no byte arrives on the other side


class Side(StrEnum):
    """Where a request is stopped."""

    REQUEST = "request"  # before it reaches the server: no effect
    ANSWER = "answer"  # after the server has answered: the effect stands


class Deed(StrEnum):
    """What a trap does to what it catches."""

    NOTE = "note"  # nothing, but that it was there
    HOLD = "hold"  # keep it until released
    CUT = "cut"  # close the connection


@dataclass
class Trap:
    """Waits for one request whose bytes contain all `needles`. `reached` is set when it is caught."""

    needles: tuple[bytes, ...]
    side: Side
    deed: Deed
    reached: threading.Event = field(default_factory=threading.Event)
    _decided: Future[bool] = field(default_factory=Future, repr=False)

    def release(self, *, forwards: bool = True) -> None:
        """Let what is held go on, or with `forwards` false drop it with its connection; the first decision counts."""
        with suppress(InvalidStateError):
            self._decided.set_result(forwards)

    async def passes(self) -> bool:
        """In the proxy: whether what was caught may go on; returns when that is decided."""
        self.reached.set()
        if self.deed is Deed.HOLD:
            return await asyncio.wrap_future(self._decided)
        return self.deed is Deed.NOTE


class Proxy:
    """Forwards from `port` on loopback to `target`; `speech` makes what listens in on each connection."""

    def __init__(self, target: tuple[str, int], speech: Callable[[], Speech] = Opaque) -> None:
        self.target = target
        self.port = 0
        self.connections = 0
        self._mode = Mode.FORWARD
        self._speech = speech
        self._traps: list[Trap] = []
        self._lock = threading.Lock()
        self._open: set[asyncio.StreamWriter] = set()
        self._begun: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.listening = threading.Event()

    def run(self) -> None:
        """Listen and forward until `stop`; blocks."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End `run`, and cut what stands."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, family=socket.AF_INET, limit=CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        await self._stopped.wait()
        # What was accepted a moment ago has to begin, or nobody would close it; it is refused then. The server is
        # closed last, because it leaves open what it had accepted and not yet made a connection of.
        self._loop.remove_reader(server.sockets[0])
        self._mode = Mode.REFUSE
        while left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left & self._begun:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        server.close()

    def set_mode(self, mode: Mode, *, cut: bool = False) -> None:
        """Treat everything so from now on; with `cut` the connections that stand are closed first."""
        self._call(lambda: self._treat(mode, cut=cut))

    def cut(self) -> None:
        """Close every connection that stands, as a router does that forgets them all."""
        self._call(self._cut)

    def trap(self, *needles: bytes, side: Side, deed: Deed) -> Trap:
        """Wait for the next request that contains all needles."""
        laid = Trap(needles, side, deed)
        with self._lock:
            self._traps.append(laid)
        return laid

    def forget(self, trap: Trap) -> None:
        """Take a trap away, and let go of what it holds."""
        with self._lock, suppress(ValueError):
            self._traps.remove(trap)
        trap.release()

    def _call(self, deed: Callable[[], None]) -> None:
        """Do something in the proxy's own thread, and return when it is done."""
        if self._loop is None:
            return
        done = threading.Event()

        def do() -> None:
            deed()
            done.set()

        self._loop.call_soon_threadsafe(do)
        done.wait(START_SECONDS)

    def _treat(self, mode: Mode, *, cut: bool) -> None:
        self._mode = mode
        if mode is Mode.SWALLOW:
            self.flowing.clear()
        else:
            self.flowing.set()
        if cut:
            self._cut()

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    def caught(self, speech: Speech, chunk: bytes) -> Trap | None:
        """In the proxy: the trap that waited for this request, which is used up by it."""
        if not speech.is_request(chunk):
            return None
        with self._lock:
            found = next((trap for trap in self._traps if speech.mentions(trap.needles)), None)
            if found is not None:
                self._traps.remove(found)
            return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        # A cancelled server's connection is no error that anybody waits for, and neither is a target that is away.
        with self._held(writer), suppress(asyncio.CancelledError, OSError):
            if self._mode is not Mode.REFUSE:
                there, onward = await asyncio.open_connection(*self.target)
                with self._held(onward):
                    await _Line(self, self._speech(), reader, writer, there, onward).run()

    @contextmanager
    def _held(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        """A connection that `cut` closes, and that does not outlive the block."""
        self._open.add(writer)
        try:
            yield
        finally:
            self._open.discard(writer)
            writer.transport.abort()


class _Line:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: Proxy,
        speech: Speech,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
    ) -> None:
        self._proxy, self._speech = proxy, speech
        self._reader, self._writer, self._there, self._onward = reader, writer, there, onward
        self._awaited: Trap | None = None

    async def run(self) -> None:
        """Pump both ways until either side ends."""
        pumps = [asyncio.create_task(self._requests()), asyncio.create_task(self._answers())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _requests(self) -> None:
        while chunk := await self._reader.read(CHUNK):
            await self._proxy.flowing.wait()
            trap = self._proxy.caught(self._speech, chunk)
            if trap is not None and trap.side is Side.REQUEST and not await trap.passes():
                return
            if trap is not None and trap.side is Side.ANSWER:
                self._awaited = trap
            self._onward.write(chunk)
            await self._onward.drain()

    async def _answers(self) -> None:
        while chunk := await self._there.read(CHUNK):
            await self._proxy.flowing.wait()
            trap, self._awaited = self._awaited, None
            if trap is not None and not await trap.passes():
                return
            self._writer.write(chunk)
            await self._writer.drain()


@contextmanager
def proxy(target: tuple[str, int], speech: Callable[[], Speech] = Opaque) -> Iterator[Proxy]:
    """A running proxy in front of `target`, on a free port, until the block is left."""
    made = Proxy(target, speech)
    thread = threading.Thread(target=made.run, name=f"proxy to {target[1]}", daemon=True)
    thread.start()
    try:
        if not made.listening.wait(START_SECONDS):
            raise TimeoutError("the proxy did not start")
        yield made
    finally:
        made.stop()
        thread.join()
