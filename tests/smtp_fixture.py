"""A real SMTP server on loopback that keeps what it gets, refuses on request, and can close for a while."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

_HOST = "127.0.0.1"


class PostOffice:
    """Listens at `host` and `port` while it is open. `refusals` maps an address to the server's answer to it."""

    def __init__(self) -> None:
        self.host = _HOST
        self.port = 0
        self.raw: list[bytes] = []
        self.refusals: dict[str, str] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._open()

    @property
    def mails(self) -> list[EmailMessage]:
        """What has arrived, oldest first."""
        return [message_from_bytes(raw, policy=policy.default) for raw in self.raw]

    @property
    def arrived(self) -> list[tuple[str, str]]:
        """Recipient and kind of each mail, oldest first."""
        return [(str(mail["To"]), str(mail["X-Aftersale-Notice"])) for mail in self.mails]

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody listens at the port in this block."""
        self._close()
        try:
            yield
        finally:
            self._open()

    def end(self) -> None:
        """Close for good."""
        self._close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:  # noqa: N802  # aiosmtpd's name
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.raw.append(envelope.content)
        return "250 OK"

    def _open(self) -> None:
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: SMTP(self, hostname="post.test"), self.host, self.port)

    def _close(self) -> None:
        async def close() -> None:
            self._server.close()
            await self._server.wait_closed()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    """An SMTP server for this test alone."""
    office = PostOffice()
    yield office
    office.end()
