"""Polling the payment provider's list of events: what no webhook told is acted on all the same, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.service import RPCError

from activities.providers.port import News, PaymentProvider
from activities.store import inbox, payments
from domain.errors import AftersaleError
from domain.wire import instant

log = structlog.get_logger(__name__)

FIRST_LOOK: Final = timedelta(days=3)
"""How far back the first poll looks: as long as the provider repeats a webhook."""

OVERLAP: Final = timedelta(hours=1)
"""How far each poll looks back before the last one: events may be listed late. Those seen are passed over."""


class ProviderPoll:
    """Walks the events of `source` since the last poll and has each unseen one looked into, as its webhook would."""

    def __init__(
        self, engine: Engine, provider: PaymentProvider, source: str, look: Callable[[News], Awaitable[bool]]
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._source = source
        self._look = look

    @activity.defn(name="poll_provider")
    async def poll(self, now_text: str) -> int:
        """Returns how many events concerned an order. What cannot be looked into now is left to the next poll."""
        now = instant(now_text)
        with self._engine.begin() as conn:
            before = inbox.polled_until(conn, self._source)
            accounts = payments.accounts_in_use(conn)
        since = before - OVERLAP if before else now - FIRST_LOOK
        until, told = now, 0
        events = self._provider.events(since, accounts=accounts)
        while (news := await asyncio.to_thread(next, events, None)) is not None:
            activity.heartbeat(told)
            if await asyncio.to_thread(self._is_known, news):
                continue
            try:
                told += await self._look(news)
            except (AftersaleError, RPCError, SQLAlchemyError) as error:
                log.warning("an event could not be looked into", event_id=news.event_id, code=type(error).__name__)
                until = min(until, news.at)
            else:
                await asyncio.to_thread(self._remember, news, now_text)
        with self._engine.begin() as conn:
            inbox.set_polled_until(conn, self._source, until)
        return told

    def _is_known(self, news: News) -> bool:
        with self._engine.begin() as conn:
            return inbox.is_known(conn, self._source, news.event_id)

    def _remember(self, news: News, now_text: str) -> None:
        with self._engine.begin() as conn:
            inbox.first_seen(conn, self._source, news.event_id, instant(now_text))
