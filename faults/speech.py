"""How the proxy knows what passes: which bytes of a connection are a request, and whether it is the awaited one.

Nothing is parsed beyond what is needed. HTTP requests of the provider carry their idempotency key in their head; a
transaction in PostgreSQL is everything since the last one ended, and its request is the COMMIT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

MOST_REMEMBERED = 2_000_000
"""Bytes of one transaction that are kept for the search; larger than any step's."""


class Speech(Protocol):
    """What the client says on one connection."""

    def is_request(self, chunk: bytes) -> bool:
        """Take the next bytes in; whether they ask for an effect."""

    def mentions(self, needles: Sequence[bytes]) -> bool:
        """Whether the request that `is_request` has just found contains all of these."""


class Http:
    """One request a chunk: heads are small, and a client waits for the answer before it sends the next."""

    def __init__(self) -> None:
        self._chunk = b""

    def is_request(self, chunk: bytes) -> bool:
        self._chunk = chunk
        return chunk.startswith((b"POST ", b"GET ", b"DELETE "))

    def mentions(self, needles: Sequence[bytes]) -> bool:
        return all(needle in self._chunk for needle in needles)


class Transactions:
    """PostgreSQL's protocol as far as COMMIT; what the driver sends before it belongs to the same transaction."""

    def __init__(self) -> None:
        self._said = bytearray()
        self._ended = False

    def is_request(self, chunk: bytes) -> bool:
        if self._ended:
            self._said.clear()
        if len(self._said) < MOST_REMEMBERED:
            self._said += chunk
        self._ended = b"COMMIT" in chunk or b"ROLLBACK" in chunk
        return b"COMMIT" in chunk

    def mentions(self, needles: Sequence[bytes]) -> bool:
        return all(needle in self._said for needle in needles)


class Opaque:
    """Bytes that nobody looks into, such as gRPC's; such a connection can only be treated as a whole."""

    def is_request(self, chunk: bytes) -> bool:  # noqa: ARG002  # the protocol's signature
        return False

    def mentions(self, needles: Sequence[bytes]) -> bool:  # noqa: ARG002  # the protocol's signature
        return False
