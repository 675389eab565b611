"""Tickets as rows, so that people find their work; the order's state decides, and these rows follow its events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.tables import tickets
from domain.business_time import CalendarTooShort, add_business_days
from domain.events import Event, TicketAssigned, TicketEscalated, TicketExtended, TicketOpened, TicketResolved
from domain.state import Cause, Order, Ticket


def sync(conn: Connection, order_id: str, events: Iterable[Event], now: datetime) -> None:
    """Write what a step's events did to tickets, in their order; other events are passed over. `now` is order time."""
    for event in events:
        match event:
            case TicketOpened(ticket):
                _open(conn, order_id, ticket)
            case TicketAssigned(ticket_id, owner):
                _change(conn, order_id, ticket_id, owner=owner)
            case TicketEscalated(ticket_id, due):
                _change(conn, order_id, ticket_id, due=due, escalations=tickets.c.escalations + 1)
            case TicketExtended(ticket_id, due):
                _change(conn, order_id, ticket_id, due=due, escalations=0)
            case TicketResolved(ticket_id, outcome, by):
                ending = {"outcome": outcome.value, "resolved_by": by, "resolved_at": now}
                _change(conn, order_id, ticket_id, status="resolved", **ending)
            case _:
                pass


NOTICE_FAILED = "notice_failed"
"""The cause of a ticket that the relay opened."""

PAYOUT_FAILED = "payout_failed"
"""The cause of a ticket about a payout from a seller's account to the bank that came back."""

RECURRING = "recurring"
"""The cause of a ticket about claims that are too many about one seller, product, carrier or reason."""

APART = (NOTICE_FAILED, PAYOUT_FAILED, RECURRING)
"""Causes of tickets that are not the order's: they stand under it in the queue and decide nothing about it."""

RECONCILIATION = "reconciliation"
"""The cause of a ticket about a finding (`activities.store.findings`); the same holds for it."""


SHARED = (Cause.MONEY_UNKNOWN.value,)
"""Causes that lie outside any one order, such as a provider that is away: all tickets of one are one piece of work.

Each order keeps its own, as its clock; the oldest stands for them all in the queue and in the mails.
"""

_other = tickets.alias()
is_led: ColumnElement[bool] = and_(
    tickets.c.cause.in_(SHARED),
    exists().where(
        _other.c.status == "open",
        _other.c.cause == tickets.c.cause,
        tuple_(_other.c.opened_at, _other.c.ticket_id) < tuple_(tickets.c.opened_at, tickets.c.ticket_id),
    ),
)
"""Whether an older ticket of the same cause stands for this one."""


def leads(conn: Connection, ticket_id: str) -> bool:
    """Whether a ticket stands for itself, and perhaps for others of its cause."""
    return conn.scalar(select(is_led).where(tickets.c.ticket_id == ticket_id)) is not True


def shared(conn: Connection) -> dict[str, int]:
    """How many orders wait on each cause that lies outside any one of them."""
    waiting = (tickets.c.status == "open", tickets.c.cause.in_(SHARED))
    query = select(tickets.c.cause, func.count().label("orders")).where(*waiting).group_by(tickets.c.cause)
    return {row.cause: row.orders for row in conn.execute(query)}


def due_apart(order: Order, now: datetime) -> datetime:
    """When the desk should have looked at a ticket that is not the order's own, on the order's calendar of the desk."""
    days = order.policy.tickets.due
    try:
        return add_business_days(order.desk_calendar, now, days)
    except CalendarTooShort:  # An order that ended long ago keeps its calendar as it was.
        return now + timedelta(days=days)


def open_apart(conn: Connection, order: Order, ticket_id: str, cause: str, subject: str, now: datetime) -> bool:
    """Open a ticket under an order that is not the order's own; False when there is one of that id already."""
    row = {
        "ticket_id": ticket_id,
        "order_id": order.order_id,
        "cause": cause,
        "subject": subject,
        "opened_at": now,
        "due": due_apart(order, now),
    }
    new = insert(tickets).values(row).on_conflict_do_nothing().returning(tickets.c.ticket_id)
    return conn.execute(new).one_or_none() is not None


def _open(conn: Connection, order_id: str, ticket: Ticket) -> None:
    row = {
        "ticket_id": ticket.ticket_id,
        "order_id": order_id,
        "cause": ticket.cause.value,
        "subject": ticket.subject,
        "opened_at": ticket.opened_at,
        "due": ticket.due,
        "owner": ticket.owner,
        "escalations": ticket.escalations,
    }
    conn.execute(insert(tickets).values(row))


def _change(conn: Connection, order_id: str, ticket_id: str, **changes: Any) -> None:
    mine = (tickets.c.order_id == order_id, tickets.c.ticket_id == ticket_id, tickets.c.status == "open")
    conn.execute(update(tickets).where(*mine).values(**changes))
