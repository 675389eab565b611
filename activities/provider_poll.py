"""Polling the payment provider's lists of events, its own and the sellers': what no webhook told acts all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity
from temporalio.service import RPCError

from activities.providers.port import News, PaymentProvider
from activities.store import payments
from activities.store.desk import inbox
from domain.errors import AftersaleError
from domain.wire import instant

log = structlog.get_logger(__name__)

FIRST_LOOK: Final = timedelta(days=3)
"""How far back the first poll looks: as long as the provider repeats a webhook."""

PAID_LATELY: Final = timedelta(days=14)
"""How long after a release the bank may send the seller's payout back."""

ALIVE: Final = 10.0
"""Seconds after which a poll that waits for the provider says that it is alive."""

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
            accounts = payments.accounts_in_use(conn, now - PAID_LATELY)
        since = before - OVERLAP if before else now - FIRST_LOOK
        until, told = now, 0
        events = self._provider.events(since, accounts=accounts)
        while (news := await _next(events)) is not None:
            activity.heartbeat()
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


async def _next(events: Iterator[News]) -> News | None:
    """The next event; to find it, the accounts of many sellers may have to be asked one after the other."""
    asked = asyncio.create_task(asyncio.to_thread(next, events, None))
    while not (await asyncio.wait([asked], timeout=ALIVE))[0]:
        activity.heartbeat()
    return asked.result()
