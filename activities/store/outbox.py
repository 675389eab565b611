"""The transactional outbox: what a step tells whom, and the reminders of running clocks, until they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert

from activities.store.desk.case_tables import feedback
from activities.store.desk.message_tables import bounces
from activities.store.tables import data_keys, orders, outbox, people, unsent


@dataclass(frozen=True, slots=True)
class Notice:
    """What somebody is to be told, once per order, cause, role and channel.

    `cause` names the step or the clock's tier, `context` holds ids and numbers only: a notice is rendered when it is
    sent. `channel` is ``mail``, ``storefront`` or ``carrier``. It is due from `due_at` and true until `valid_until`.
    """

    order_id: str
    seq: int
    cause: str
    recipient_role: str
    recipient_id: str
    channel: str
    template: str
    context: dict[str, Any]
    due_at: datetime
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting(Notice):
    """A notice in the outbox. `attempts` have failed so far; `snapshot` is its order's state as JSON, if any.

    `bounced`: a mail to its recipient has come back for good before. `sealed` and `wrapped`: what its order knows of
    the recipient, if that is a person, and the key to it; `personal.opened` reads them.
    """

    id: int = 0
    attempts: int = 0
    reminder: bool = False
    snapshot: str | None = None
    bounced: bool = False
    sealed: bytes | None = field(default=None, repr=False)
    wrapped: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a notice. `to` is a role; one without any of the three ends is still to be sent, at `due_at`."""

    template: str
    to: str
    channel: str
    cause: str
    reminder: bool
    due_at: datetime
    sent_at: datetime | None
    dropped_at: datetime | None
    failed_at: datetime | None
    error: str


REQUEST = "feedback"
"""The template of the mail that asks the sides of a claim how it was handled."""

_QUEUE = insert(outbox).on_conflict_do_nothing()


def queue(conn: Connection, rows: Sequence[Notice]) -> None:
    """Put notices into the outbox; one that is there already, sent or not, stays as it is.

    Whoever has said how a claim was handled, after an earlier end of it, is not asked again.
    """
    said = _said(conn, [_side(row) for row in rows if row.template == REQUEST])
    wanted = [row for row in rows if row.template != REQUEST or _side(row) not in said]
    if wanted:
        conn.execute(_QUEUE, [_plain(row) for row in wanted])


def _side(row: Notice) -> tuple[str, str, str]:
    """Which side of which claim a request for feedback is for."""
    return row.order_id, str(row.context.get("claim_id")), row.recipient_role


def _said(conn: Connection, asked: list[tuple[str, str, str]]) -> frozenset[tuple[str, ...]]:
    """Those of these sides that have given feedback; one query where a claim ends, none elsewhere."""
    if not asked:
        return frozenset()
    side = feedback.c.order_id, feedback.c.claim_id, feedback.c.role
    return frozenset(tuple(row) for row in conn.execute(select(*side).where(tuple_(*side).in_(asked))))


def told(conn: Connection, order_id: str) -> tuple[Told, ...]:
    """Everything that was told of an order, or is to be, in the order in which it came up."""
    columns = (outbox.c["recipient_role" if name.name == "to" else name.name] for name in fields(Told))
    rows = conn.execute(select(*columns).where(outbox.c.order_id == order_id).order_by(outbox.c.id))
    return tuple(Told(*row) for row in rows)


_MINE = update(outbox).where(outbox.c.order_id == bindparam("mine"), outbox.c.reminder, unsent)
_DROP_ALL = _MINE.values(dropped_at=bindparam("now"))
_DROP_OTHERS = _DROP_ALL.where(
    tuple_(outbox.c.cause, outbox.c.recipient_role, outbox.c.channel).not_in(bindparam("kept", expanding=True))
)


def _remind() -> Insert:
    new = insert(outbox)
    moved = ("seq", "recipient_id", "template", "context", "due_at", "valid_until")
    return new.on_conflict_do_update(
        constraint="outbox_once",
        set_={**{name: new.excluded[name] for name in moved}, "dropped_at": None},
        where=outbox.c.reminder & outbox.c.sent_at.is_(None) & outbox.c.failed_at.is_(None),
    )


_REMIND = _remind()


def set_reminders(conn: Connection, order_id: str, wanted: Sequence[Notice], now: datetime) -> None:
    """Make `wanted` the order's reminders: new ones are queued, due times move, others are dropped.

    A reminder that was sent stays sent: it never goes out twice, whatever is wanted.
    """
    kept = [(row.cause, row.recipient_role, row.channel) for row in wanted]
    asked = {"mine": order_id, "now": now}
    if not kept:
        conn.execute(_DROP_ALL, asked)
        return
    conn.execute(_DROP_OTHERS, {**asked, "kept": kept})
    conn.execute(_REMIND, [{**_plain(row), "reminder": True} for row in wanted])


def _plain(row: Notice) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(Notice)}


def _due(*narrowed: ColumnElement[bool]) -> Select[tuple[Any, ...]]:
    """What may be sent at ``now``, oldest first; made once, since making it costs more than running it."""
    now = bindparam("now", type_=outbox.c.due_at.type)
    earlier = outbox.alias("earlier")
    blocked = exists().where(
        earlier.c.order_id == outbox.c.order_id,
        earlier.c.recipient_role == outbox.c.recipient_role,
        earlier.c.recipient_id == outbox.c.recipient_id,
        earlier.c.id < outbox.c.id,
        earlier.c.due_at <= now,
        earlier.c.reminder.is_(False),
        earlier.c.sent_at.is_(None),
        earlier.c.dropped_at.is_(None),
        earlier.c.failed_at.is_(None),
    )
    due = (outbox.c.due_at <= now, or_(outbox.c.next_attempt_at.is_(None), outbox.c.next_attempt_at <= now))
    columns = (outbox.c[name] for name in (*(each.name for each in fields(Notice)), "id", "attempts", "reminder"))
    bounced = exists().where(bounces.c.order_id == outbox.c.order_id, bounces.c.person_id == outbox.c.recipient_id)
    beside = (cast(orders.c.snapshot, Text), bounced, people.c.sealed, data_keys.c.wrapped)
    recipient = and_(people.c.order_id == outbox.c.order_id, people.c.person_id == outbox.c.recipient_id)
    known = (
        outbox.outerjoin(orders, orders.c.order_id == outbox.c.order_id)
        .outerjoin(people, recipient)
        .outerjoin(data_keys, data_keys.c.subject == func.concat("person:", people.c.person_id))
    )
    query = select(*columns, *beside).select_from(known).where(unsent, *due, ~blocked, *narrowed)
    limit = bindparam("limit", type_=Integer)
    oldest = query.order_by(outbox.c.due_at, outbox.c.id).limit(limit)
    return oldest.with_for_update(skip_locked=True, of=outbox)


_REVOCABLE = or_(outbox.c.reminder, outbox.c.template == REQUEST)
"""What may be taken back while it waits: reminders by a step, the request for feedback by whoever gives it."""

_MINE_ALONE = outbox.c.order_id == bindparam("order_id")
_FIRM_DUE, _FIRM_DUE_OF_ONE = _due(~_REVOCABLE), _due(~_REVOCABLE, _MINE_ALONE)
_REVOCABLE_DUE, _REVOCABLE_DUE_OF_ONE = _due(_REVOCABLE), _due(_REVOCABLE, _MINE_ALONE)


def take(conn: Connection, now: datetime, limit: int, order_id: str | None = None) -> tuple[Waiting, ...]:
    """Up to `limit` notices to send now, oldest first, kept from other relays until this transaction ends.

    In order per order and recipient: a notice waits for earlier ones that are due and unsent, also between their
    attempts. Reminders hold nothing up. Nobody but a relay changes what is taken here, so that nobody waits for it.
    """
    asked = {"now": now, "limit": limit}
    if order_id is None:
        rows = conn.execute(_FIRM_DUE, asked)
    else:
        rows = conn.execute(_FIRM_DUE_OF_ONE, {**asked, "order_id": order_id})
    return tuple(Waiting(*row) for row in rows)


def take_revocable(conn: Connection, now: datetime, order_id: str | None = None) -> Waiting | None:
    """The oldest notice to send now that may still be taken back, as `take` does; `lend` it before it is sent.

    Whoever takes it back, or moves it, waits until this transaction ends.
    """
    asked = {"now": now, "limit": 1}
    if order_id is None:
        row = conn.execute(_REVOCABLE_DUE, asked).one_or_none()
    else:
        row = conn.execute(_REVOCABLE_DUE_OF_ONE, {**asked, "order_id": order_id}).one_or_none()
    return None if row is None else Waiting(*row)


def lend(conn: Connection, notice_id: int, until: datetime) -> None:
    """Keep it from other relays until then, also after this transaction; it may be taken back meanwhile."""
    _end(conn, notice_id, next_attempt_at=until)


_SENT = (
    update(outbox)
    .where(outbox.c.id == any_(bindparam("ids", type_=ARRAY(outbox.c.id.type))))
    .where(outbox.c.sent_at.is_(None), outbox.c.failed_at.is_(None))
    .values(sent_at=bindparam("now"), dropped_at=None, attempts=outbox.c.attempts + 1)
)


def sent(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """These notices have left, also one that was taken back while it left: it must not leave again."""
    if ids:
        conn.execute(_SENT, {"ids": list(ids), "now": now})


def retry_later(conn: Connection, notice_id: int, next_attempt_at: datetime, error: str) -> None:
    """It could not be sent this time. `error` is a code or an exception's name, nothing personal."""
    _end(conn, notice_id, next_attempt_at=next_attempt_at, attempts=outbox.c.attempts + 1, error=error)


def drop(conn: Connection, notice_id: int, now: datetime) -> None:
    """It is no longer true, and is not sent."""
    _end(conn, notice_id, dropped_at=now)


def fail(conn: Connection, notice_id: int, now: datetime, error: str) -> None:
    """It can never be sent. `error` as for `retry_later`."""
    _end(conn, notice_id, failed_at=now, attempts=outbox.c.attempts + 1, error=error)


def _end(conn: Connection, notice_id: int, **changes: object) -> None:
    conn.execute(update(outbox).where(outbox.c.id == notice_id, unsent).values(**changes))
