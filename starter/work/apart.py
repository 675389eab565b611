"""Tickets apart from an order's state: who may work on one, and what becomes of it. PostgreSQL only, blocking.

No loop of an order judges what is asked of such a ticket, so this is the one place that does: for the client, the
command line and sheets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from activities.store import findings
from activities.store.desk import apart, messages
from activities.store.desk.apart import Apart
from activities.store.desk.tickets import RECONCILIATION
from domain.checkout import ID, NOT_AN_ID
from domain.errors import Invalid, Refused
from domain.process import roles_of
from domain.state import DESK, Actor, Order, Outcome
from domain.tickets import AssignTicket, ResolveTicket
from starter.records import Records


@dataclass(frozen=True, slots=True)
class NoteTicket:
    """Something to be known about a ticket."""

    ticket_id: str
    note_id: str


Asked = AssignTicket | ResolveTicket | NoteTicket
"""What may be asked of a ticket; the first two as its order's loop takes them."""

_NAMES: dict[type[Asked], str] = {AssignTicket: "assign_ticket", ResolveTicket: "resolve_ticket", NoteTicket: "note"}


def check(ticket: Apart, order: Order, by: Actor, asked: Asked, now: datetime) -> None:
    """Whether `by` may ask this of a ticket that is said to stand under that order, as an order's loop would judge.

    Raises Refused for who is not of the desk, for a party of the order or of a claim that the ticket is about, also as
    the one to work on it, for another order's ticket, for one that has ended, and for an end by a step, as there is
    none; Invalid for an extension that is not to a time ahead, within the longest pause of the order's policy.
    """
    name = _NAMES[type(asked)]
    if by.role not in DESK:
        roles = ", ".join(roles_of(name))
        raise Refused("role_not_allowed", f"a {by.role} may not {name}; that is for: {roles}")
    if ticket.order_id != order.order_id:
        raise Refused("ticket_unknown", f"order {order.order_id} has no ticket {ticket.ticket_id}")
    if not by.id or by.id in ticket.parties:
        raise Refused("own_case", f"{by.role} {by.id} is a party of what ticket {ticket.ticket_id} is about")
    if not ticket.is_open and not isinstance(asked, NoteTicket):
        raise Refused("ticket_ended", f"ticket {ticket.ticket_id} has ended")
    if isinstance(asked, AssignTicket) and asked.owner in ticket.parties:
        raise Refused("own_case", f"{asked.owner} is a party of what ticket {ticket.ticket_id} is about")
    if isinstance(asked, ResolveTicket):
        _check_end(asked, order, now)


def _check_end(asked: ResolveTicket, order: Order, now: datetime) -> None:
    if asked.outcome is Outcome.ACT:
        rule = f"no step of an order ends ticket {asked.ticket_id}: extend it, or no_change once its matter is mended"
        raise Refused("no_step_acts", rule)
    latest = now + timedelta(days=order.policy.pause.longest)
    if asked.outcome is Outcome.EXTEND and (asked.until is None or not now < asked.until <= latest):
        missing = "is missing; it " if asked.until is None else ""
        raise Invalid("until", f"{missing}must lie between now and {latest.isoformat()}")


class ApartTickets:
    """Works on tickets apart."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def take(self, order_id: str, by: Actor, asked: Asked, reason: str = "") -> Order | None:
        """Do what is asked of a ticket apart, and give its order; None for one that is the order's own, or unknown.

        Raises Invalid for a bad id or reason, Refused as `check`, NotFound for an order that was never admitted;
        nothing is changed then.
        """
        if isinstance(asked, AssignTicket) and asked.owner and not ID.fullmatch(asked.owner):
            raise Invalid("owner", NOT_AN_ID)
        with self._records.begin() as conn:
            ticket = apart.standing(conn, [asked.ticket_id], lock=True).get(asked.ticket_id)
            if ticket is None:
                return None
            order = self._records.found(conn, order_id)
            check(ticket, order, by, asked, self._records.now_of(order))
            match asked:
                case AssignTicket(ticket_id, owner):
                    apart.assign(conn, ticket_id, owner)
                    if owner:
                        messages.follow(conn, order_id, owner, self._records.now_of(order))
                case ResolveTicket() | NoteTicket():
                    self._records.write_note(conn, order, asked.note_id, by, reason, ticket.ticket_id)
            if isinstance(asked, ResolveTicket):
                self._end(conn, ticket, asked)
            return order

    def _end(self, conn: Connection, ticket: Apart, asked: ResolveTicket) -> None:
        """Extending leaves the ticket, due at its new time (docs/rules.md)."""
        now = self._records.clock()
        if asked.outcome is Outcome.EXTEND and asked.until is not None:
            apart.extend(conn, ticket.ticket_id, asked.until)
        elif ticket.cause == RECONCILIATION:
            findings.accept_ticket(conn, ticket.order_id, ticket.ticket_id, "resolve_ticket", now)
        else:
            apart.close(conn, ticket.ticket_id, asked.outcome.value, now)
