"""An order on one line: where it is, who is waited for, until when, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.deadlines import Clock, deadlines
from domain.state import Cause, Order, Role, Stage, Ticket, is_over, stage
from domain.words import DUTY, OTHERWISE

NOBODY = "nobody"

MENDS = {
    Cause.CONFIRM_OVERDUE: "extend, cancel, or confirm in the seller's place",
    Cause.SHIP_OVERDUE: "extend, cancel, or ship in the seller's place",
    Cause.PARCEL_STALLED: "resolve-ticket, refund or release",
    Cause.PARCEL_RETURNED: "refund or release",
    Cause.PARCEL_LOST: "refund or release",
    Cause.NUMBER_REUSED: "resolve-ticket, refund or release",
    Cause.RECEIPT_MISSING: "release, refund or resolve-ticket",
    Cause.MONEY_UNKNOWN: "retry",
    Cause.MONEY_FAILED: "retry",
    Cause.CLAIM: "claims",
}
"""Which commands of ``aftersale`` mend a ticket of each cause."""

IDLE = frozenset({"extend_calendars"})
"""Clocks that are housekeeping: they do not make anybody wait."""


@dataclass(frozen=True, slots=True)
class Summary:
    """`due` is when the next thing happens unless `waiting_on` acts; `reason` says what is wrong and what mends it."""

    stage: Stage
    waiting_on: str
    due: datetime | None
    attention: bool
    reason: str


def summary(order: Order) -> Summary:
    """The order on one line."""
    clock = next_clock(order)
    troubles = tuple(trouble(order))
    waiting = NOBODY if clock is None else str(clock.who)
    if order.tickets:
        waiting = str(Role.SPECIALIST)
    if stage(order) is Stage.COMPLETED and not troubles:
        waiting = NOBODY
    return Summary(stage(order), waiting, clock.at if clock else None, bool(troubles), "; ".join(troubles)[:250])


def next_clock(order: Order) -> Clock | None:
    """The clock that presses somebody next, housekeeping left out."""
    return next((clock for clock in deadlines(order) if clock.step not in IDLE), None)


def trouble(order: Order) -> Iterator[str]:
    """Why a person should look at this order, each with the command that mends it."""
    if is_over(order):
        return
    for ticket in order.tickets:
        yield f"{_named(ticket)} since {ticket.opened_at:%Y-%m-%d}: aftersale {MENDS[ticket.cause]}"
    if order.op is not None and order.op.retry_at is not None:
        yield f"{order.op.verb} unknown since {order.op.asked_at:%Y-%m-%d %H:%M}: aftersale retry"
    for stuck in order.stuck:
        yield f"{stuck.verb} refused ({stuck.code}): aftersale retry"
    if order.approval is not None:
        yield f"{order.approval.name} waits for a second operator: aftersale approve"
    if order.paused is not None:
        yield f"paused until {order.paused.until:%Y-%m-%d}: aftersale resume"


def _named(ticket: Ticket) -> str:
    return f"{ticket.cause} ({ticket.subject})" if ticket.subject else str(ticket.cause)


def sentence(order: Order, clock: Clock) -> str:
    """'The seller should confirm or decline the order; otherwise a specialist follows up.'"""
    duty = DUTY.get(clock.who, {}).get(stage(order))
    otherwise = OTHERWISE[clock.step]
    if duty is None:
        return f"Next: {otherwise}."
    return f"The {clock.who} should {duty}; otherwise {otherwise}."
