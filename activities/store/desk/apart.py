"""Tickets apart from an order's state, as rows: about a lost notice, a payout, a recurring issue or a finding.

They stand under an order in the queue and decide nothing about it. Who may work on one is `starter.work.apart`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, any_, literal, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from activities.store.desk.tickets import APART, RECONCILIATION
from activities.store.tables import notes, tickets

CAUSES = (*APART, RECONCILIATION)
"""Causes of tickets that no order's state knows."""

PARTIES_OF = """ARRAY(
        SELECT unnest(ARRAY[own.buyer, own.seller]) FROM orders own WHERE own.order_id = tickets.order_id
        UNION
        SELECT unnest(ARRAY[each.buyer, each.seller])
        FROM recurring issue
        CROSS JOIN LATERAL jsonb_array_elements_text(issue.claims) AS about (number)
        JOIN claims each ON each.number = about.number
        WHERE issue.ticket_id = tickets.ticket_id
    )"""
PARTIES = literal_column(PARTIES_OF, ARRAY(Text))
"""The parties of a ticket, in a query about `tickets`: buyer and seller of its order and of each claim it is about."""


def is_party(person: str) -> ColumnElement[bool]:
    """Whether the person is one of `PARTIES`, in a query about `tickets`."""
    return literal(person) == any_(PARTIES)


@dataclass(frozen=True, slots=True)
class Apart:
    """A ticket apart. `order_id` is "" for one about no order; `parties` are the ids of those whose case it is."""

    ticket_id: str
    order_id: str
    cause: str
    is_open: bool
    parties: frozenset[str]


def standing(conn: Connection, ticket_ids: Sequence[str], *, lock: bool = False) -> dict[str, Apart]:
    """Those of these tickets that are apart, open or ended, by their ids; one query. `lock` keeps them as they are."""
    own = (tickets.c.ticket_id, tickets.c.order_id, tickets.c.cause, tickets.c.status)
    query = select(*own, PARTIES.label("parties"))
    query = query.where(tickets.c.ticket_id.in_(ticket_ids), tickets.c.cause.in_(CAUSES))
    rows = conn.execute(query.with_for_update() if lock else query)
    return {
        row.ticket_id: Apart(
            row.ticket_id, row.order_id or "", row.cause, row.status == "open", frozenset(filter(None, row.parties))
        )
        for row in rows
    }


def noted(conn: Connection, note_ids: Collection[str]) -> frozenset[str]:
    """Those of these notes that are on record; one query, none for none."""
    if not note_ids:
        return frozenset()
    return frozenset(conn.scalars(select(notes.c.note_id).where(notes.c.note_id.in_(note_ids))))


def assign(conn: Connection, ticket_id: str, owner: str) -> None:
    """Hand the ticket to a person, "" to nobody."""
    _change(conn, ticket_id, owner=owner)


def extend(conn: Connection, ticket_id: str, until: datetime) -> None:
    """Leave the ticket open, due at `until`."""
    _change(conn, ticket_id, due=until, escalations=0)


def close(conn: Connection, ticket_id: str, outcome: str, now: datetime) -> None:
    """End the ticket at `now`."""
    _change(conn, ticket_id, status="resolved", outcome=outcome, resolved_by="resolve_ticket", resolved_at=now)


def _change(conn: Connection, ticket_id: str, **changes: Any) -> None:
    mine = (tickets.c.ticket_id == ticket_id, tickets.c.status == "open", tickets.c.cause.in_(CAUSES))
    conn.execute(update(tickets).where(*mine).values(**changes))
