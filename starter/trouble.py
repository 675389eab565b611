"""Why an order is where it is: what is open, since when, which clocks run, and which command mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from activities.store.desk.tickets import RECONCILIATION
from activities.store.screens import OrderScreen
from domain import wire
from domain.business_time import local_text
from domain.checkout import unpaid
from domain.claims.case import case_number
from domain.deadlines import deadlines
from domain.funds import AT_ONCE
from domain.state import Cause, Order, Ticket
from domain.summary import BANK_FIRST, IDLE, bank_decides, menders, mends, named, next_clock, sentence, summary, typed
from domain.words import OTHERWISE, not_paid


@dataclass(frozen=True, slots=True)
class Open:
    """Something that keeps the order where it is. `mends` says which commands do, `command` is one to start from."""

    kind: str
    what: str
    since: datetime | None
    due: datetime | None
    mends: str
    command: str


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A clock of the order: when it rings, who can prevent it, and what it does."""

    at: datetime
    at_text: str
    step: str
    who: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Why:
    """The answer to "why is it there": in a sentence, by what is open, and by the clocks."""

    order_id: str
    stage: str
    waiting_on: str
    next: str
    attention: bool
    open: tuple[Open, ...]
    clocks: tuple[RunningClock, ...]


def why(screen: OrderScreen) -> Why:
    """What keeps an order where it is."""
    row = screen.row
    if screen.snapshot is None:
        return Why(row.order_id, row.status, "platform", "", row.status == "admitting", (_unadmitted(row.status),), ())
    order = wire.from_plain(Order, screen.snapshot)
    shown, clock = summary(order), next_clock(order)
    return Why(
        order.order_id,
        shown.stage.value,
        shown.waiting_on,
        sentence(order, clock) if clock else "Nothing is open.",
        shown.attention,
        (*_begun(screen), *_open(order), *_elsewhere(screen, order)),
        tuple(dict.fromkeys(_clocks(order))),  # Lines that came together have clocks that differ in nothing shown here.
    )


def _clocks(order: Order) -> Iterator[RunningClock]:
    for c in deadlines(order):
        if c.step not in IDLE:
            at_text = local_text(order.desk_calendar, c.at) if c.at > AT_ONCE else "now"
            yield RunningClock(c.at, at_text, c.step, c.who, OTHERWISE[c.step])


def _unadmitted(status: str) -> Open:
    if status == "refused":
        return Open("checkout", "the checkout was refused", None, None, "place", "aftersale place FILE.json")
    return Open("admission", "no worker has admitted the order yet", None, None, "a running worker", "python -m worker")


def _begun(screen: OrderScreen) -> Iterator[Open]:
    """A step whose money may have moved and that did not get into our records: mostly it is about to."""
    if screen.begun is None:
        return
    step, order_id = screen.begun, screen.row.order_id
    what = (
        f"step {step['seq']} ({step['step']}) has begun and is not recorded; if it stays so, AttentionReason in the "
        "Temporal UI and the worker's log say whether PostgreSQL is away or the books refuse the step"
    )
    command = typed(order_id, "restart")
    yield Open("step", what, wire.instant(step["now"]), None, "itself, else restart", command)


def _open(order: Order) -> Iterator[Open]:
    o = order.order_id
    for ticket in order.tickets:
        case = f" {case_number(o, ticket.subject)}" if ticket.cause is Cause.CLAIM else ""
        owner = f"owner {ticket.owner}" if ticket.owner else "nobody has taken it"
        yield Open(
            "ticket",
            f"{named(order, ticket)}{case}, {owner}, escalated {ticket.escalations} times: {ticket.ticket_id}",
            ticket.opened_at,
            ticket.due,
            *mending(order, ticket),
        )
    yield from _money(order)
    if order.approval is not None:
        asked = order.approval
        yield Open(
            "approval",
            f"{asked.name}, asked by {asked.asked_by.role} {asked.asked_by.id}, waits for a second operator",
            None,
            asked.lapses_at,
            "approve",
            typed(o, f"approve --digest {asked.digest}"),
        )
    for pause in order.pauses:
        what = f"paused by {pause.by.role} {pause.by.id}" + (f", {UNDER_REVIEW}" if pause.review else "")
        yield Open("pause", what, pause.since, pause.until, "resume", typed(o, "resume"))
    if order.cancel_request is not None:
        what = f"the buyer asks to cancel {', '.join(order.cancel_request.lines)} ({order.cancel_request.reason})"
        command = f"aftersale grant-cancel {o} --as specialist"
        yield Open("request", what, order.cancel_request.asked_at, None, "grant-cancel or refuse-cancel", command)
    if order.time_request is not None:
        what = f"the seller asks for {order.time_request.days} more business days to ship"
        command = f"aftersale grant-time {o} --as specialist"
        yield Open("request", what, order.time_request.asked_at, None, "grant-time or refuse-time", command)


UNDER_REVIEW = "the payment is under review: nothing is sent or paid out"


def mending(order: Order, ticket: Ticket) -> tuple[str, str]:
    """The commands that mend a ticket in words, and the mildest as it is typed."""
    return mends(order, ticket), typed(order.order_id, menders(order, ticket)[0])


def ended(ticket_id: str) -> str:
    """The command that ends a ticket without a step of the order."""
    return f"aftersale tickets resolve {ticket_id} --outcome no_change --reason '...'"


def _elsewhere(screen: OrderScreen, order: Order) -> Iterator[Open]:
    """Tickets that are about our own parts, such as a notice that cannot be sent, and not about the order's state."""
    for ticket in screen.tickets:
        if ticket.status == "open" and order.ticket(ticket.ticket_id) is None:
            what = f"{ticket.cause} ({ticket.subject}): {ticket.ticket_id}"
            compared = ticket.cause == RECONCILIATION
            command = f"aftersale findings --order {order.order_id}" if compared else ended(ticket.ticket_id)
            yield Open("ticket", what, ticket.opened_at, ticket.due, "whoever runs this", command)


def _money(order: Order) -> Iterator[Open]:
    """Money that has not moved although it should have."""
    refused = order.payment.refused
    if refused and unpaid(order, (), order.placed_at) is None:
        what = f"{not_paid(refused)} ({refused})"
        yield Open("payment", what, None, None, "pay", typed(order.order_id, "pay"))
    command = typed(order.order_id, "retry")
    op = order.op
    if op is not None:
        known = "its outcome is unknown" if op.retry_at is not None else "it is under way"
        what = f"{op.verb} of {op.amount}: {known}, asked {op.attempts} times"
        yield Open("money", what, op.asked_at, op.retry_at, "retry", command)
    for stuck in order.stuck:
        what = f"{stuck.verb} of {', '.join(stuck.slices)} was refused: {stuck.code}"
        if bank_decides(order, stuck):
            noted = typed(order.order_id, "note")
            yield Open("money", f"{what}, {BANK_FIRST}", stuck.since, None, "the bank", noted)
        else:
            yield Open("money", what, stuck.since, stuck.retry_at, "retry", command)
