"""What the typed client does with messages: write one, read the thread, the inbox and the notices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Unpack

from domain.state import Actor
from domain.thread import Message
from starter.answers import Progress
from starter.messages.threads import LINES, PAGE, Threads
from starter.messages.views import Inbox, NoticeView, Thread
from starter.sending import Commands, How, id_from, named


class MessageCommands(Commands):
    """Messages of buyers, sellers and the desk. The text is stored first and never sent to Temporal."""

    async def message(
        self,
        order_id: str,
        by: Actor,
        *,
        text: str,
        internal: bool = False,
        attachments: Sequence[str] = (),
        **how: Unpack[How],
    ) -> Progress:
        """Write to the others of the order; an internal one is read by the desk alone. The text is stored, not sent."""
        message_id = f"m-{id_from(order_id, named(how))[:16]}"
        await asyncio.to_thread(self._threads.keep_text, order_id, message_id, by, text)
        return await self.send(order_id, "message", by, Message(message_id, internal, tuple(attachments)), **how)

    async def thread(self, order_id: str, by: Actor, *, before: int | None = None, limit: int = LINES) -> Thread:
        """What was written about the order, the last lines; marks nothing as read. Raises NotFound."""
        return await asyncio.to_thread(self._threads.thread, order_id, by, before=before, limit=limit)

    async def mark_read(self, order_id: str, by: Actor, *, up_to: int) -> None:
        """The lines up to a sequence, a thread's `up_to`, were seen. Raises NotFound."""
        await asyncio.to_thread(self._threads.mark_read, order_id, by, up_to)

    async def inbox(self, by: Actor, *, limit: int = PAGE, after: str = "") -> Inbox:
        """What waits for a person across orders, unread first. Raises Invalid."""
        return await asyncio.to_thread(self._threads.inbox, by, limit=limit, after=after)

    async def notices(self, order_id: str, by: Actor) -> tuple[NoticeView, ...]:
        """Which notes the system has sent about the order, as far as `by` may know of them. Raises NotFound."""
        return await asyncio.to_thread(self._threads.notices, order_id, by)

    @property
    def _threads(self) -> Threads:
        return Threads(self._records)
