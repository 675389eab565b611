"""Storing what is to be said, and reading threads, inboxes and notices. PostgreSQL only, and blocking."""

from __future__ import annotations

from activities.store import outbox, screens
from activities.store.desk import messages
from activities.store.desk.looks import look_at_words
from activities.store.desk.messages import SHIPPED, Head
from domain import wire
from domain.errors import Invalid
from domain.state import DESK, PARTIES, Actor, Order
from starter.answers import NotFound, texts_of
from starter.messages.views import (
    Inbox,
    NoticeView,
    Thread,
    cursor_of,
    inbox_view,
    notices_view,
    thread_view,
)
from starter.records import Records, check_said
from starter.views import may_see

PAGE = 50
LINES = 200


class Threads:
    """What is written about orders."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def keep_text(self, order_id: str, message_id: str, author: Actor, text: str) -> None:
        """Store a text that a command will say; of one who has no part in the order nothing is kept.

        Raises NotFound, Invalid for a text with nothing to see, too long or no UTF-8, Conflict when the id has another.
        """
        self._records.check_part(order_id, author)
        order = self._records.order(order_id)
        check_said("text", text, order.policy.messages.longest)
        if may_see(author, order.buyer, order.seller):
            with self._records.begin() as conn:
                now = self._records.now_of(order)
                messages.put_text(conn, self._records.vault, order_id, message_id, author, now, text)

    def thread(self, order_id: str, reader: Actor, *, before: int | None = None, limit: int = LINES) -> Thread:
        """The last lines, or those before a sequence; nothing is marked as read. Raises NotFound, for a stranger too.

        Tracking numbers that a person of the desk sees here are on record as looks, also those that somebody wrote.
        """
        with self._records.begin() as conn:
            about = self._head(messages.head(conn, order_id, reader), order_id, reader)
            # One more than is shown tells whether anything stands before.
            found = messages.lines(conn, self._records.vault, about, reader, before=before, limit=limit + 1)
            order = None if about.snapshot is None else wire.from_plain(Order, about.snapshot)
            shown = thread_view(about, order, found, reader, limit)
            if reader.role in DESK and order is not None:
                seen = [line.parcel_id for line in shown.lines if line.kind == SHIPPED and line.tracking_number]
                now = self._records.now_of(order)
                messages.looked(conn, order_id, seen, reader, now)
                look_at_words(conn, self._records.vault, order_id, texts_of(shown), reader, now, seen)
        return shown

    def mark_read(self, order_id: str, reader: Actor, up_to: int) -> None:
        """The reader has seen every line up to this sequence. Raises NotFound, for a stranger too."""
        with self._records.begin() as conn:
            self._head(messages.head(conn, order_id, reader), order_id, reader)
            messages.mark_read(conn, order_id, reader, up_to, self._records.clock())

    def inbox(self, reader: Actor, *, limit: int = PAGE, after: str = "") -> Inbox:
        """The orders whose threads wait for the reader, unread first. Raises Invalid for an `after` of no page."""
        if reader.role not in PARTIES | DESK:
            raise Invalid("as", f"a {reader.role} has no inbox")
        with self._records.begin() as conn:
            return inbox_view(messages.inbox(conn, reader, limit=limit, after=cursor_of(after)), reader, limit)

    def notices(self, order_id: str, reader: Actor) -> tuple[NoticeView, ...]:
        """What the system has told about the order, as far as the reader may know. Raises NotFound, also a stranger."""
        with self._records.begin() as conn:
            self._head(messages.head(conn, order_id, reader), order_id, reader)
            return notices_view(outbox.told(conn, order_id), reader.role)

    def parties(self, order_id: str) -> tuple[str, str]:
        """The ids of the order's buyer and seller. Raises NotFound."""
        with self._records.begin() as conn:
            screen = screens.order_screen(conn, order_id)
        if screen is None:
            raise NotFound(order_id)
        return screen.row.buyer, screen.row.seller

    def _head(self, found: Head | None, order_id: str, reader: Actor) -> Head:
        if found is None or not may_see(reader, found.buyer, found.seller):
            raise NotFound(order_id)
        return found
