"""What each role may see of a thread, an inbox and the notices of an order. Pure: made from what is on record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.store.desk.messages import SHIPPED, Cursor, Head, Line, Waiting
from activities.store.outbox import Told
from domain import wire
from domain.deadlines import payment_standing
from domain.errors import Invalid
from domain.notices import Channel
from domain.state import DESK, PARTIES, Actor, Order, Role
from starter.views import bounce_words

PRIVATE = frozenset({"message_refused", "payment_declined", "renewal_failed"})
"""Mails that are nothing to anybody but the party who gets them: what was refused to him, his card."""


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """One line of a thread. `kind` is ``text``, ``claim`` for what was written with a step of the claim `claim_id`, or
    ``shipped`` for what the process wrote about a parcel or a return.

    `unread` is so for the viewer; `author_id` is for the desk alone, but for one's own lines. `attachments` are ids.
    """

    seq: int
    message_id: str
    kind: str
    at: datetime
    who: str
    author_id: str
    mine: bool
    unread: bool
    internal: bool
    text: str
    attachments: tuple[str, ...]
    parcel_id: str
    tracking_number: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class Thread:
    """The last lines of an order's thread, oldest first; `before` fetches those before them, None when there are none.

    `up_to` is the sequence to mark as read once they were seen. `bounces` says to whom mails cannot be delivered.
    """

    order_id: str
    seen_as: str
    lines: tuple[ThreadLine, ...]
    up_to: int
    before: int | None
    bounces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One order whose thread the viewer follows: how many lines of others are unread, and when the last was written."""

    order_id: str
    unread: int
    last_at: datetime
    stage: str
    waiting_on: str
    due_at: datetime | None
    bounces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of an inbox; `after` fetches the next one, "" when this is the last."""

    rows: tuple[InboxRow, ...]
    after: str


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A note of the system: `what` it is, `to` whom, and whether it is ``sent``, ``dropped``, ``failed``, ``waiting``.

    `at` is when that happened, or when a waiting one is due. `code` says to the desk why it could not be sent.
    """

    what: str
    to: str
    channel: str
    status: str
    at: datetime
    reminder: bool
    code: str = ""


def thread_view(about: Head, order: Order | None, found: Sequence[Line], reader: Actor, limit: int) -> Thread:
    """The thread for `reader`, who may see it: the last `limit` lines of those found.

    Numbers are shown of parcels that were really sent. What is new and not shown stays unread.
    """
    before, found = found[:-limit], found[-limit:]
    shown = tuple(_line(line, order, reader, about.up_to_seq) for line in found)
    more = found[0].seq if before else None
    whole = not before or before[-1].seq <= about.up_to_seq
    last = found[-1].seq if found and whole else about.up_to_seq
    return Thread(about.order_id, reader.role.value, shown, last, more, bounce_words(about.bounced, reader.role))


def _line(line: Line, order: Order | None, reader: Actor, up_to: int) -> ThreadLine:
    mine = line.author == reader
    text, number = (line.text, "") if line.kind != SHIPPED else _shipped(line, order)
    return ThreadLine(
        line.seq,
        line.message_id,
        line.kind,
        line.at,
        line.author.role.value,
        line.author.id if mine or reader.role in DESK else "",
        mine,
        line.seq > up_to and not mine,
        line.internal,
        text,
        line.attachments,
        line.parcel_id,
        number,
        line.claim_id,
    )


def _shipped(line: Line, order: Order | None) -> tuple[str, str]:
    """What is to be said of a parcel now, and its number once it was really sent; no payment holds a return up."""
    parcel = order.parcel(line.parcel_id) if order is not None else None
    backs = [back for claim in order.claims for back in claim.returns] if order is not None else []
    carriers = [back.carrier for back in backs if back.parcel_id == line.parcel_id]
    if carriers:
        return f"A return was sent with {carriers[0]}.", line.number
    if order is None or parcel is None or parcel.withdrawn:
        return "A parcel was announced and taken back: its payment could not be secured.", ""
    if payment_standing(order) != "secured":
        return f"A parcel with {parcel.carrier} waits until its payment is secured.", ""
    return f"A parcel was sent with {parcel.carrier}.", line.number


def inbox_view(rows: Sequence[Waiting], reader: Actor, limit: int) -> Inbox:
    """A page of the reader's inbox."""
    shown = tuple(
        InboxRow(
            row.order_id,
            row.unread,
            row.last_at,
            row.stage,
            row.waiting_on,
            row.due_at,
            bounce_words(row.bounced, reader.role),
        )
        for row in rows
    )
    return Inbox(shown, _written(rows[-1].cursor) if len(rows) == limit else "")


def _written(cursor: Cursor) -> str:
    unread, last_at, order_id = cursor
    return f"{'unread' if unread else 'read'}/{wire.instant_text(last_at)}/{order_id}"


def cursor_of(text: str) -> Cursor | None:
    """Where the page before ended, as `Inbox.after` said it; None for "". Raises Invalid."""
    if not text:
        return None
    kind, _, rest = text.partition("/")
    last_at, _, order_id = rest.partition("/")
    if kind not in ("unread", "read") or not order_id or "\0" in order_id:
        raise Invalid("after", "must be what the page before gave as `after`")
    return kind == "unread", wire.instant(last_at, "after"), order_id


def notices_view(rows: Iterable[Told], reader: Role) -> tuple[NoticeView, ...]:
    """The mails of an order as far as a role may know of them, oldest first; the desk sees every channel.

    A seller sees what went to the buyer, so that nobody says again what the system has said; a buyer sees his own.
    """
    return tuple(_notice(row, reader) for row in rows if _may_know(row, reader))


def _may_know(row: Told, reader: Role) -> bool:
    if reader in DESK:
        return True
    if row.channel != Channel.MAIL or row.to not in PARTIES:
        return False
    return row.to == reader or (reader is Role.SELLER and row.template not in PRIVATE)


def _notice(row: Told, reader: Role) -> NoticeView:
    ends = {"sent": row.sent_at, "dropped": row.dropped_at, "failed": row.failed_at}
    status, at = next(((name, at) for name, at in ends.items() if at is not None), ("waiting", row.due_at))
    code = row.error if reader in DESK and status != "sent" else ""
    return NoticeView(row.template, row.to, row.channel, status, at, row.reminder, code)
