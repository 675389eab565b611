"""Work for a person: tickets with owner, due time and an outcome, and large commands that wait for an approval.

A step that names a ticket ends it by what it does, and by nothing else (`answered`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    TicketExtended,
    TicketOpened,
    TicketResolved,
)
from domain.money import Verb
from domain.parcels.parcel import Milestone, Parcel
from domain.purse import SHIPPING, DisputeStatus
from domain.state import UNSHIPPED, Cause, Line, LineState, Order, Outcome, Ticket, in_state
from domain.step import Moment
from domain.tiers import clock_of

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


WENT_WRONG = frozenset({Cause.PARCEL_LOST, Cause.PARCEL_RETURNED})
"""Causes of tickets about a parcel that holds its lines until somebody has decided about it."""


def freed(order: Order, ticket: Ticket) -> tuple[Event, ...]:
    """What the ticket's parcel held because it went wrong is let go; other tickets hold no line."""
    return let_go(order, ticket.subject) if ticket.cause in WENT_WRONG else ()


def let_go(order: Order, parcel_id: str) -> tuple[Event, ...]:
    """What that parcel held may move again, unless another box of it went wrong too and its ticket is open.

    Which of them was told first does not matter: nothing moves before somebody has looked into each. What was accepted
    is decided about once, with the last of its boxes that came back.
    """
    held = [line.line_id for line in order.lines if line.held == f"parcel:{parcel_id}"]
    holders = {line_id: _asked_about(order, line_id, parcel_id) for line_id in held}
    return tuple(
        LinesHeld(tuple(line_id for line_id in held if holders[line_id] == holder), holder)
        for holder in dict.fromkeys(holders.values())
    )


def _asked_about(order: Order, line_id: str, but: str) -> str:
    """The holder of a line by the next open ticket about a parcel of it that went wrong, "" when there is none."""
    if order.line(line_id).state is LineState.ACCEPTED:
        return ""
    asked = {ticket.subject for ticket in order.tickets if ticket.cause in WENT_WRONG} - {but}
    boxes = (parcel.parcel_id for parcel in order.sent_with(line_id) if parcel.parcel_id in asked)
    return next((f"parcel:{parcel_id}" for parcel_id in boxes), "")


def _is_about(parcel: Parcel, line: Line) -> bool:
    """Whether the ticket of a parcel that went wrong is about a line of it, which this or another parcel holds.

    What was accepted did arrive in some box, and is a matter of the one alone that has brought it back last.
    """
    own = line.held == f"parcel:{parcel.parcel_id}"
    return own if line.state is LineState.ACCEPTED else line.line_id in parcel.lines


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
        case Cause.PARCEL_LOST | Cause.PARCEL_RETURNED if parcel is not None:
            held = (line for line in order.live if line.held.startswith("parcel:"))
            return tuple(line.line_id for line in held if _is_about(parcel, line))
        case Cause.PARCEL_STALLED | Cause.NUMBER_REUSED if parcel is not None:
            sent = in_state(order.lines, (LineState.SHIPPED, LineState.DELIVERED))
            free = (line.line_id for line in sent if not line.held.startswith("claim:"))
            return tuple(line_id for line_id in free if line_id in parcel.lines)
        case _:
            return ()


ACTS: Mapping[Cause, tuple[str, ...]] = {
    Cause.CONFIRM_OVERDUE: ("extend", "confirm", "decline", "cancel"),
    Cause.SHIP_OVERDUE: ("extend", "ship", "grant_time", "cancel", "grant_cancel"),
    Cause.PARCEL_STALLED: ("parcel_scan", "extend", "open_claim", "refund", "release"),
    Cause.PARCEL_RETURNED: ("refund", "release"),
    Cause.PARCEL_LOST: ("parcel_scan", "refund", "release"),
    Cause.NUMBER_REUSED: ("open_claim", "refund", "release"),
    Cause.RECEIPT_MISSING: ("extend", "open_claim", "release", "refund"),
    Cause.MONEY_UNKNOWN: ("retry",),
    Cause.MONEY_FAILED: ("retry", "payout_account", "refund", "cancel"),
    Cause.DISPUTE: (),
    Cause.CLAIM: ("decide_claim", "ask_party", "escalate_upstream"),
}
"""The desk's steps that act on a ticket of each cause, as far as they are about its own subject."""

PAYS_SELLER = frozenset({Verb.RELEASE, Verb.REVERSE_RELEASE})
"""What another account of the seller may mend."""


def answered(before: Order, after: Order, ticket_id: str, step: str) -> tuple[Event, ...]:
    """What `step`, which names the ticket and led from one state to the other, means for it.

    The ticket ends when its cause is gone, all that it is about is settled, or the clock that opened it was moved. When
    only a part is done, or the provider has yet to answer, it stays until the rest is. Raises Refused for a step that
    did nothing about it: a ticket that ends while its cause stands is work that nobody sees any more.
    """
    ticket = known(before, ticket_id)
    if after.ticket(ticket_id) is None:
        return ()
    matter, left = _matter(before, ticket), _matter(after, ticket)
    settled = bool(lines_of(before, ticket)) and not lines_of(after, ticket)
    extended = step == "extend" and _clock(before, ticket) != _clock(after, ticket)
    if settled or extended or not _stands(after, ticket):
        return (TicketResolved(ticket_id, Outcome.ACT, step),)
    if matter != left or step in _begun_by(ticket):
        return ()
    about = " ".join(filter(None, (ticket.cause, ticket.subject)))
    would = " or ".join((*ACTS[ticket.cause], "resolve_ticket"))
    raise Refused("not_of_ticket", f"{step} as asked does nothing about ticket {ticket_id} ({about}); take {would}")


def _matter(order: Order, ticket: Ticket) -> object:
    """What a step may do a part of: lines that wait, a parcel that moves, money that goes another way."""
    parcel = order.parcel(ticket.subject)
    match ticket.cause:
        case Cause.CONFIRM_OVERDUE:
            return [line.line_id for line in in_state(order.lines, (LineState.PENDING,))]
        case Cause.SHIP_OVERDUE:
            return [line.line_id for line in in_state(order.lines, (LineState.CONFIRMED,))]
        case Cause.PARCEL_STALLED:
            return lines_of(order, ticket), parcel
        case Cause.MONEY_FAILED if ticket.subject == Verb.CAPTURE:
            return [line.line_id for line in order.live]
        case Cause.MONEY_FAILED:
            pieces = {piece for stuck in order.stuck if stuck.verb == ticket.subject for piece in stuck.slices}
            return [line.state for line in order.lines if line.line_id in pieces]
        case _:
            return lines_of(order, ticket)


def _clock(order: Order, ticket: Ticket) -> list[tuple[str, datetime]]:
    """Where the clock that opened the ticket was moved to."""
    name = CLOCK_OF.get(ticket.cause, "").format(ticket.subject)
    return [(tier, at) for tier, at in order.moved if clock_of(tier) == name]


def _begun_by(ticket: Ticket) -> tuple[str, ...]:
    """The steps whose answer ends the ticket later: that of the provider, or of a clock that has no later time."""
    match ticket.cause:
        case Cause.SHIP_OVERDUE:
            return ("grant_time",)
        case Cause.MONEY_UNKNOWN:
            return ("retry",)
        case Cause.MONEY_FAILED if ticket.subject != Verb.CAPTURE:
            return ("retry", "payout_account") if ticket.subject in PAYS_SELLER else ("retry",)
        case _:
            return ()


def free_of_others(order: Order, ticket_id: str, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Those of `lines` that no claim has, nor a parcel that is lost or came back, but for that of the ticket.

    Whoever names no line means no money of another case. Raises Refused where only such a parcel has lines; where a
    claim has them all they are what is asked for, and the step says who decides.
    """
    ticket = order.ticket(ticket_id)
    own = lines_of(order, ticket) if ticket is not None and ticket.cause in WENT_WRONG else ()
    free = tuple(line for line in lines if line.line_id in own or not line.held.startswith(("claim:", "parcel:")))
    other = next((line for line in lines if line.held.startswith("parcel:")), None)
    if not free and other is not None:
        case = f"{other.line_id} is held by {other.held}, which is lost or came back"
        raise Refused("lines_not_named", f"name the lines, or the ticket of their parcel: {case}")
    return free or lines


def of_ticket(order: Order, ticket_id: str, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Those of `lines` that the ticket is about; all of them where there is none, or it is about no line."""
    ticket = order.ticket(ticket_id)
    if ticket is not None and ticket.cause is Cause.CLAIM:
        return tuple(line for line in lines if line.held == f"claim:{ticket.subject}")
    if ticket is None or ticket.cause not in _ABOUT_LINES:
        return lines
    about = lines_of(order, ticket)
    return tuple(line for line in lines if line.line_id in about)


def due_anew(order: Order, pieces: frozenset[str], now: datetime) -> tuple[Event, ...]:
    """The bank has decided about these slices: what was brought back of them is the desk's to judge again."""
    back = (ticket for ticket in order.tickets if ticket.cause is Cause.PARCEL_RETURNED)
    about = (ticket for ticket in back if pieces & set(lines_of(order, ticket)))
    return tuple(TicketExtended(ticket.ticket_id, _due(order, now), after_bank=True) for ticket in about)


def overdue(moment: Moment) -> tuple[Event, ...]:
    """Nobody ended the ticket in time: it goes one level up."""
    due = _due(moment.order, moment.now, escalated=True)
    return (TicketEscalated(moment.body.subject, due),)


def facts_digest(order: Order, name: str, body: str) -> str:
    """Over a command and all that it is decided on; another when any of it changed in between.

    That is where lines, parcels, claims, their returns and disputes stand, when a parcel was last seen, what holds each
    line and what is left of it, which money is under way or granted, and who would be paid.
    """
    lines = [
        [line.line_id, line.state.value, line.funds.value, line.held, str(order.left(line.line_id))]
        for line in order.lines
    ]
    shipping = [order.shipping_funds.value, str(order.left(SHIPPING))]
    parcels = [
        [p.parcel_id, p.milestone or "", p.moved_at.isoformat() if p.moved_at else "", p.withdrawn]
        for p in order.parcels
    ]
    claims = [[claim.claim_id, claim.status.value, claim.goods_are_back] for claim in order.claims]
    returns = [
        [claim.claim_id, claim.goods_travel, claim.finding or "", *(back.parcel_id for back in claim.returns)]
        for claim in order.claims
        if claim.returns or claim.finding
    ]
    disputes = [[dispute.dispute_id, dispute.status.value] for dispute in order.disputes]
    granted = [[part.piece, str(part.amount)] for part in order.due_back]
    op = [order.op.verb.value, *order.op.slices] if order.op else []
    # A claim without a return adds nothing, so that an approval which waits for a release of this code goes on waiting.
    facts = [lines, shipping, parcels, claims, disputes, granted, op, order.account.ref, *returns]
    return wire.digest([order.order_id, name, body, facts])


def overtaken(order: Order, by: str) -> tuple[Event, ...]:
    """Tickets whose cause is gone are resolved by the step that removed it.

    An approval ends with the facts that it was asked about, and with the ticket that it was asked for (docs/rules.md,
    Second operator).
    """
    gone = {ticket.ticket_id for ticket in order.tickets if not _stands(order, ticket)}
    resolved = tuple(
        TicketResolved(ticket.ticket_id, Outcome.ACT, by) for ticket in order.tickets if ticket.ticket_id in gone
    )
    waiting = order.approval
    if waiting is None:
        return resolved
    open_ones = {"", *(ticket.ticket_id for ticket in order.tickets)} - gone
    same = facts_digest(order, waiting.name, waiting.body) == waiting.digest
    if same and json.loads(waiting.body)["ticket_id"] in open_ones:
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
            return is_so and bool(lines_of(order, ticket))
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
