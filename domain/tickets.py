"""Work for a person: tickets with owner, due time and an outcome, and large commands that wait for an approval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain import wire
from domain.business_time import add_business_days
from domain.checkout import ID, NOT_AN_ID
from domain.claims.case import Status
from domain.errors import Invalid, Refused
from domain.events import (
    ApprovalEnded,
    ClaimAssigned,
    Event,
    LinesHeld,
    TicketAssigned,
    TicketEscalated,
    TicketOpened,
    TicketResolved,
)
from domain.money import Verb
from domain.purse import DisputeStatus
from domain.state import UNSHIPPED, Cause, Line, LineState, Milestone, Order, Outcome, Ticket, in_state
from domain.step import Moment

ESCALATIONS = 2
"""How often an overdue ticket is passed upwards before only the default at the maximum hold is left (docs/rules.md)."""

CLOCK_OF = {
    Cause.CONFIRM_OVERDUE: "confirm",
    Cause.SHIP_OVERDUE: "ship",
    Cause.PARCEL_STALLED: "stall:{}",
    Cause.RECEIPT_MISSING: "receipt:{}",
}
"""The clock that opened a ticket, so that extending the ticket moves that clock."""


@dataclass(frozen=True, slots=True)
class AssignTicket:
    """The ticket is `owner`'s from now on."""

    ticket_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class ResolveTicket:
    """End a ticket without a step: `extend` to `until`, or `no_change`. A step that acts names the ticket itself."""

    ticket_id: str
    outcome: Outcome
    note_id: str
    until: datetime | None = None


def opened(order: Order, cause: Cause, subject: str, now: datetime) -> tuple[Event, ...]:
    """Opens the ticket, or nothing when one of this cause and subject is open."""
    if any(ticket.cause is cause and ticket.subject == subject for ticket in order.tickets):
        return ()
    ticket_id = f"{order.order_id}-{cause}-{order.seq + 1}" + (f"-{subject}" if subject else "")
    return (TicketOpened(Ticket(ticket_id, cause, subject, now, _due(order, now))),)


def _due(order: Order, now: datetime, escalated: bool = False) -> datetime:
    days = order.policy.tickets.escalate if escalated else order.policy.tickets.due
    return add_business_days(order.desk_calendar, now, days)


def known(order: Order, ticket_id: str) -> Ticket:
    """The open ticket; raises Refused when there is none of that id."""
    ticket = order.ticket(ticket_id)
    if ticket is None:
        open_ones = ", ".join(t.ticket_id for t in order.tickets) or "none"
        raise Refused("ticket_unknown", f"no open ticket {ticket_id}; open: {open_ones}")
    return ticket


def assign(moment: Moment) -> tuple[Event, ...]:
    """Hands the ticket to a person, and with a claim's ticket the claim.

    Raises Refused for a party of the order, Invalid for what cannot be an id.
    """
    order, owner = moment.order, moment.body.owner
    if owner and not ID.fullmatch(owner):
        raise Invalid("body.owner", NOT_AN_ID)
    ticket = known(order, moment.body.ticket_id)
    if owner in (order.buyer, order.seller):
        raise Refused("own_case", "nobody of the desk works on an order of their own")
    claims = [claim.claim_id for claim in order.open_claims if ticket.cause is Cause.CLAIM]
    claimed = (ClaimAssigned(claim_id, owner) for claim_id in claims if claim_id == ticket.subject)
    return (TicketAssigned(ticket.ticket_id, owner), *claimed)


def any_open(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a ticket to work on."""
    return None if order.tickets else "no ticket is open"


def freed(order: Order, ticket: Ticket) -> tuple[Event, ...]:
    """The lines that were held because of the ticket's parcel may move again."""
    held = tuple(line.line_id for line in order.lines if line.held and line.held == f"parcel:{ticket.subject}")
    return (LinesHeld(held, ""),) if held else ()


_ABOUT_LINES = frozenset(
    {Cause.PARCEL_STALLED, Cause.PARCEL_RETURNED, Cause.PARCEL_LOST, Cause.NUMBER_REUSED, Cause.RECEIPT_MISSING}
)
"""Causes of tickets that are about some lines of an order; the others are about all of it, its money, or a claim."""


def lines_of(order: Order, ticket: Ticket) -> tuple[str, ...]:
    """The lines that a ticket about a parcel or a receipt is about, and that no claim has; none for other tickets.

    What was paid out or refunded before, a parcel that went wrong does not hold.
    """
    parcel = order.parcel(ticket.subject)
    match ticket.cause:
        case Cause.RECEIPT_MISSING:
            return (ticket.subject,)
        case Cause.PARCEL_LOST | Cause.PARCEL_RETURNED:
            return tuple(line.line_id for line in order.lines if line.held == f"parcel:{ticket.subject}")
        case Cause.PARCEL_STALLED | Cause.NUMBER_REUSED if parcel is not None:
            sent = in_state(order.lines, (LineState.SHIPPED, LineState.DELIVERED))
            free = (line.line_id for line in sent if not line.held.startswith("claim:"))
            return tuple(line_id for line_id in free if line_id in parcel.lines)
        case _:
            return ()


def is_of_claim(order: Order, ticket_id: str) -> bool:
    """Whether the ticket is a claim's, which only the claim's own steps end."""
    ticket = order.ticket(ticket_id)
    return ticket is not None and ticket.cause is Cause.CLAIM


def of_ticket(order: Order, ticket_id: str, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Those of `lines` that the ticket is about; all of them where there is none, or it is about no line."""
    ticket = order.ticket(ticket_id)
    if ticket is not None and ticket.cause is Cause.CLAIM:
        return tuple(line for line in lines if line.held == f"claim:{ticket.subject}")
    if ticket is None or ticket.cause not in _ABOUT_LINES:
        return lines
    about = lines_of(order, ticket)
    return tuple(line for line in lines if line.line_id in about)


def overdue(moment: Moment) -> tuple[Event, ...]:
    """Nobody ended the ticket in time: it goes one level up."""
    due = _due(moment.order, moment.now, escalated=True)
    return (TicketEscalated(moment.body.subject, due),)


def facts_digest(order: Order, name: str, body: str) -> str:
    """Over a command and the money it is about; another when anything moved in between."""
    funds = [[line.line_id, line.state.value, line.funds.value] for line in order.lines]
    claims = [[claim.claim_id, claim.status.value] for claim in order.claims]
    return wire.digest([order.order_id, name, body, funds, order.shipping_funds.value, *claims])


def overtaken(order: Order, by: str) -> tuple[Event, ...]:
    """Tickets whose cause is gone are resolved by the step that removed it.

    An approval ends with the facts that it was asked about (docs/rules.md, Second operator).
    """
    gone = (ticket for ticket in order.tickets if not _stands(order, ticket))
    resolved = tuple(TicketResolved(ticket.ticket_id, Outcome.ACT, by) for ticket in gone)
    waiting = order.approval
    if waiting is None or facts_digest(order, waiting.name, waiting.body) == waiting.digest:
        return resolved
    return (*resolved, ApprovalEnded("overtaken"))


def _stands(order: Order, ticket: Ticket) -> bool:
    """Whether the cause of a ticket is still there."""
    states = {line.state for line in order.live}
    parcel = order.parcel(ticket.subject)
    match ticket.cause:
        case Cause.CONFIRM_OVERDUE:
            return LineState.PENDING in states
        case Cause.SHIP_OVERDUE:
            return bool(states & UNSHIPPED)
        case Cause.PARCEL_STALLED:
            moved = parcel is not None and (parcel.moved_at or parcel.shipped_at) > ticket.opened_at
            return parcel is not None and not moved and any(_travels(order, line) for line in parcel.lines)
        case Cause.PARCEL_RETURNED | Cause.PARCEL_LOST:
            became = Milestone.LOST if ticket.cause is Cause.PARCEL_LOST else Milestone.RETURNED
            is_so = parcel is not None and parcel.milestone is became
            return is_so and any(line.held == f"parcel:{ticket.subject}" for line in order.live)
        case Cause.NUMBER_REUSED:
            return bool(states - {LineState.ACCEPTED})
        case Cause.RECEIPT_MISSING:
            line = next(line for line in order.lines if line.line_id == ticket.subject)
            return line.state is LineState.DELIVERED and not line.held.startswith("claim:")
        case Cause.CLAIM:
            return any(c.claim_id == ticket.subject and c.status is Status.ESCALATED for c in order.claims)
        case _:
            return _money_stands(order, ticket)


def _money_stands(order: Order, ticket: Ticket) -> bool:
    """Whether the cause of a ticket about money is still there."""
    match ticket.cause:
        case Cause.MONEY_UNKNOWN:
            return order.op is not None and str(order.op.seq) == ticket.subject
        case Cause.DISPUTE:
            return any(d.dispute_id == ticket.subject and d.status is DisputeStatus.OPEN for d in order.disputes)
        case _:
            return _money_failed(order, ticket)


def _travels(order: Order, line_id: str) -> bool:
    """Whether the line is on its way, and no claim asks where it is."""
    line = order.line(line_id)
    return line.state is LineState.SHIPPED and not line.held.startswith("claim:")


def _money_failed(order: Order, ticket: Ticket) -> bool:
    if ticket.subject == Verb.CAPTURE:
        return order.payment.lost_at is not None and bool(order.live)
    return any(stuck.verb == ticket.subject for stuck in order.stuck) or (
        order.op is not None and order.op.verb == ticket.subject
    )
