"""The seller's answer: confirm all or some lines, or decline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.events import Event, LinesMoved, TierPassed
from domain.parcels.ship import hold_is_good
from domain.state import Cause, Line, LineState, Order
from domain.step import Moment
from domain.tickets import opened


class Reason(StrEnum):
    """Why lines are declined or cancelled; a code, so that nothing personal enters the history."""

    OUT_OF_STOCK = "out_of_stock"
    WRONG_PRICE = "wrong_price"
    CANNOT_SHIP = "cannot_ship"
    DAMAGED = "damaged"
    CHANGED_MIND = "changed_mind"
    ORDERED_BY_MISTAKE = "ordered_by_mistake"
    TOO_SLOW = "too_slow"
    SUSPICION = "suspicion"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Confirm:
    """Confirm `lines`, or all; pending lines that are not named are cancelled at once."""

    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decline:
    """Decline every pending line."""

    reason: Reason


def paid(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The money is held or captured, so that the seller may act on it."""
    payment = order.payment
    return None if payment.hold or payment.captured is not None else "the order is not paid yet"


def capturable(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Where the confirmation captures the money, the hold must still allow it."""
    return hold_is_good(order, lines, now) if order.policy.capture.trigger == "confirmation" else None


def confirm(moment: Moment) -> tuple[Event, ...]:
    """Lines left unconfirmed are cancelled and leave the amount."""
    left = tuple(
        line.line_id
        for line in moment.order.lines
        if line.state is LineState.PENDING and line.line_id not in moment.ids
    )
    return (LinesMoved(left, LineState.CANCELLED, moment.now),) if left else ()


def overdue(moment: Moment) -> tuple[Event, ...]:
    """The seller did not answer: a specialist follows up."""
    return (*opened(moment.order, Cause.CONFIRM_OVERDUE, "", moment.now), TierPassed(moment.body.tier))


def ship_overdue(moment: Moment) -> tuple[Event, ...]:
    """No parcel by the promised time: a specialist follows up."""
    return (*opened(moment.order, Cause.SHIP_OVERDUE, "", moment.now), TierPassed(moment.body.tier))
