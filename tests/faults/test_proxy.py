"""The proxy of the fault harness leaves no connection behind, wherever it stood when the proxy was stopped."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from faults.proxy import Mode, Proxy, proxy

PATIENCE = 10.0
ROUNDS = 50


@contextmanager
def leaving_nothing() -> Iterator[None]:
    """Whatever is forgotten open in the block is told at its end."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(each.message) for each in told] == []


def nothing(through: Proxy) -> None:
    pass


def refuses(through: Proxy) -> None:
    through.set_mode(Mode.REFUSE)


@pytest.mark.parametrize("made", [nothing, refuses])
@pytest.mark.parametrize("answers", [True, False])
def test_a_stopped_proxy_has_closed_every_connection_that_it_took(answers: bool, made: Callable[[Proxy], None]) -> None:
    with ExitStack() as blocks:
        server = blocks.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        # A queue that is full answers no connection more, so that the proxy waits for its target.
        for _ in range(0 if answers else 3):
            waits = blocks.enter_context(socket.socket())
            waits.setblocking(False)
            waits.connect_ex(server.getsockname())
        with leaving_nothing(), proxy(server.getsockname()) as through:
            made(through)
            taken = blocks.enter_context(socket.create_connection(("127.0.0.1", through.port), PATIENCE))
            while not through.connections:
                pass
        with suppress(ConnectionResetError):
            assert taken.recv(1) == b""


def test_a_connection_that_comes_while_the_proxy_is_stopped_is_closed_as_well() -> None:
    with ExitStack() as blocks, leaving_nothing():
        server = blocks.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(ROUNDS):
            with proxy(server.getsockname()) as through:
                for _ in range(5):
                    comes = blocks.enter_context(socket.socket())
                    comes.setblocking(False)
                    comes.connect_ex(("127.0.0.1", through.port))
