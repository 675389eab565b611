"""Events that webhooks and polls brought in, so that each is acted on once, and up to when each source was polled."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.tables import poll_cursors, webhook_events


def first_seen(conn: Connection, source: str, event_id: str, now: datetime) -> bool:
    """Whether this event of `source` comes for the first time; it is remembered from now on."""
    new = insert(webhook_events).values(source=source, event_id=event_id, at=now).on_conflict_do_nothing()
    return conn.execute(new.returning(webhook_events.c.event_id)).one_or_none() is not None


def is_known(conn: Connection, source: str, event_id: str) -> bool:
    """Whether this event of `source` was acted on before."""
    known = select(webhook_events.c.event_id).where(
        webhook_events.c.source == source, webhook_events.c.event_id == event_id
    )
    return conn.scalar(known) is not None


def polled_until(conn: Connection, source: str) -> datetime | None:
    """Everything that happened at `source` before this instant was acted on; None before the first poll."""
    until: datetime | None = conn.scalar(select(poll_cursors.c.until).where(poll_cursors.c.source == source))
    return until


def set_polled_until(conn: Connection, source: str, until: datetime) -> None:
    """Everything before `until` was acted on; an earlier instant than is known changes nothing."""
    new = insert(poll_cursors).values(source=source, until=until)
    later = new.excluded.until > poll_cursors.c.until
    conn.execute(new.on_conflict_do_update(index_elements=["source"], set_={"until": new.excluded.until}, where=later))
