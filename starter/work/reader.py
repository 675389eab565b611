"""One ticket as the desk reads it: what it is about, what mends it, what was noted. PostgreSQL only, blocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from activities.store import orders, personal, screens
from activities.store.desk import recurring
from activities.store.desk.looks import look_at_words
from activities.store.desk.recurring import RecurringRow
from activities.store.desk.tickets import RECONCILIATION
from activities.store.personal import Note
from activities.store.screens import TicketRow
from domain import wire
from domain.claims.case import case_number
from domain.errors import Invalid
from domain.state import DESK, Actor, Cause, Order
from starter.answers import NotFound, texts_of
from starter.records import Records
from starter.trouble import ended, mending


@dataclass(frozen=True, slots=True)
class Noted:
    """What somebody of the desk wrote about the order."""

    at: datetime
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket. `claims` are the numbers of the claims that it is about; `command` is one to start from.

    `mends` and `command` are "" for one that has ended, and `order_id` is for a finding about no order.
    """

    ticket_id: str
    order_id: str
    cause: str
    subject: str
    opened_at: datetime
    due: datetime
    owner: str
    escalations: int
    status: str
    outcome: str
    resolved_by: str
    resolved_at: datetime | None
    claims: tuple[str, ...]
    mends: str
    command: str
    notes: tuple[Noted, ...]


class Work:
    """Tickets by their ids alone."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def show(self, ticket_id: str, reader: Actor) -> TicketView:
        """All about a ticket, for a person of the desk who is no party of its order, nor of a claim that it is about.

        That somebody wrote a tracking number into it is recorded as a look. Raises NotFound, Invalid for a party.
        """
        row = self._row(ticket_id, reader)
        with self._records.begin() as conn:
            order = self._order(conn, row)
            notes = personal.notes_of_ticket(conn, self._records.vault, row.order_id or "", ticket_id)
            view = _view(row, order, notes, recurring.of_ticket(conn, ticket_id))
            now = self._records.clock() if order is None else self._records.now_of(order)
            look_at_words(conn, self._records.vault, view.order_id, texts_of(view), reader, now)
        return view

    def _order(self, conn: Connection, row: TicketRow) -> Order | None:
        plain = orders.snapshot(conn, row.order_id) if row.order_id else None
        return None if plain is None else wire.from_plain(Order, plain)

    def _row(self, ticket_id: str, reader: Actor) -> TicketRow:
        with self._records.begin() as conn:
            found = screens.ticket(conn, ticket_id)
        if reader.role not in DESK:
            raise Invalid("--as", f"a {reader.role} has no tickets")
        if found is None or not reader.id or reader.id in found[1]:
            raise NotFound(ticket_id, "ticket")
        return found[0]


def _view(row: TicketRow, order: Order | None, notes: Sequence[Note], recurs: RecurringRow | None) -> TicketView:
    mends, command = _mended(row, order)
    own = (case_number(row.order_id, row.subject),) if row.order_id and row.cause == Cause.CLAIM else ()
    return TicketView(
        row.ticket_id, row.order_id or "", row.cause, row.subject, row.opened_at, row.due, row.owner,
        row.escalations, row.status, row.outcome, row.resolved_by, row.resolved_at,
        own or (recurs.claims if recurs else ()), mends, command,
        tuple(Noted(n.at, f"{n.author.role} {n.author.id}", n.text) for n in notes if n.author.role in DESK),
    )  # fmt: skip


def _mended(row: TicketRow, order: Order | None) -> tuple[str, str]:
    """Which commands mend the ticket, and one to start from."""
    if row.status != "open":
        return "", ""
    ticket = order.ticket(row.ticket_id) if order is not None else None
    if ticket is not None and order is not None:
        return mending(order, ticket)
    if row.cause == RECONCILIATION:
        return "resolve-finding", f"aftersale findings --order {row.order_id}" if row.order_id else "aftersale findings"
    return "tickets resolve", ended(row.ticket_id)
