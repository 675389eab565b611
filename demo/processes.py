"""Child processes that are ready when they are handed over, and gone when their block is left."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_LEASH = Path(__file__).with_name("leash.py")
_LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.02
_LOG_TAIL_LINES = 15


class StackError(Exception):
    """A part of the embedded stack did not start; the message says which, why, and where its log is."""


@dataclass
class Child:
    """A running child process; `pid` is that of the command itself, for signals sent on purpose."""

    name: str
    log: Path
    _process: subprocess.Popen[bytes] = field(repr=False)
    _log_start: int = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def output(self) -> str:
        """What this child, and no earlier one with the same log file, has printed so far."""
        with self.log.open("rb") as stream:
            stream.seek(self._log_start)
            return stream.read().decode(errors="replace")

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 30) -> None:
        """Return when `ready` answers true; raise StackError when the child ends or `seconds` pass before."""
        end = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise StackError(
                    f"{self.name} ended with code {self._process.returncode} at its start\n{self.last_words()}"
                )
            if time.monotonic() > end:
                raise StackError(f"{self.name} was not ready within {seconds:g} seconds\n{self.last_words()}")
            time.sleep(_POLL_SECONDS)

    def wait_for_line(self, start: str, *, seconds: float = 30) -> str:
        """The first printed line that begins with `start`, without that beginning; for a ready message or a port."""
        self.wait_until(lambda: self._line(start) is not None, seconds=seconds)
        return self._line(start) or ""

    def wait_for_exit(self, *, seconds: float = 30) -> int:
        """The exit code, negative for a signal; raises StackError when the child still runs after `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StackError(f"{self.name} still runs after {seconds:g} seconds") from None

    def kill(self) -> None:
        """End it at once and without warning, as a crash would (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def stop(self, with_signal: signal.Signals = signal.SIGTERM, *, seconds: float = 10) -> None:
        """Ask it to end, wait up to `seconds`, then kill it; does nothing when it has already ended."""
        if self.running:
            self._process.send_signal(with_signal)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def last_words(self) -> str:
        """The end of its output, with the place of all of it."""
        return "\n".join([f"{self.log} says:", *self.output().splitlines()[-_LOG_TAIL_LINES:]])

    def _line(self, start: str) -> str | None:
        complete = self.output().rpartition("\n")[0]
        found = (line.removeprefix(start).strip() for line in complete.splitlines() if line.startswith(start))
        return next(found, None)


@contextmanager
def child(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: str = "",
    stop_signal: signal.Signals = signal.SIGTERM,
    stop_seconds: float = 10,
) -> Iterator[Child]:
    """Run `command` until the block is left, however it is left.

    Output goes to the file `log`, appended. `env` is added to this process's environment. The child has a process group
    of its own, so Ctrl-C reaches only this process, which then stops its children in order. When this process is killed
    outright, Linux sends the child `stop_signal`. The kernel watches the starting thread for that, so start children
    from a thread that lives as long as they shall.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    leash = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(int(stop_signal)), user]
    with log.open("ab") as stream:
        stream.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            [*leash, *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        started = Child(name, log, process, stream.tell())
    try:
        yield started
    finally:
        started.stop(stop_signal, seconds=stop_seconds)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Within the block SIGTERM raises KeyboardInterrupt, so that ending this process from outside tears down too."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


_FREE = range(15_000, 32_000)
"""Where free ports are looked for: below those that systems lend to outgoing connections, which could take a port
between its choice and the start of the server that is to listen there."""


def choose_port(port: int | None = None) -> int:
    """`port` when it is free on loopback, any free one when None; raises StackError when it is in use."""
    if port is None:
        # A random start keeps stacks that are set up at the same time apart.
        candidates = secrets.SystemRandom().sample(_FREE, 100)
        found = next((candidate for candidate in candidates if _is_free(candidate)), None)
        if found is None:
            raise StackError(f"a hundred ports between {_FREE.start} and {_FREE.stop} are all in use")
        return found
    if not _is_free(port):
        raise StackError(f"port {port} is in use; stop what listens there, or choose another port")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
        return True
