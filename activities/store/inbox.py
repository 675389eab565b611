"""Webhook events that came in, so that each is acted on once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.tables import webhook_events


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
