"""The rows of tickets, claims and messages, kept in step with their order."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from activities.store.desk import claims, messages, tickets
from domain.contract import Ask
from domain.events import Event
from domain.state import Order


def follow(conn: Connection, ask: Ask, order: Order, happened: Sequence[Event]) -> None:
    """Write what the step `ask`, with all that `happened` in it, did to tickets, claims and messages."""
    tickets.sync(conn, order.order_id, happened, ask.now)
    claims.sync(conn, order, ask.step, ask.envelope.actor.role.value, ask.now)
    messages.keep(conn, order, ask.seq, ask.now, ask.envelope.actor, happened)
