"""Cancelling, and asking for time: what one side wants and the other answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.business_time import add_business_days
from domain.confirm import Reason
from domain.errors import Refused
from domain.events import (
    CancelAsked,
    CancelEnded,
    DaysGranted,
    Event,
    TicketResolved,
    TierMoved,
    TierReset,
    TimeAsked,
    TimeEnded,
)
from domain.limits import seller_times
from domain.state import CancelRequest, Cause, Line, LineState, Order, Outcome, TimeRequest, in_state
from domain.step import Moment, Tick
from domain.tiers import ship_tiers


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel `lines`, or all that can be."""

    reason: Reason
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestCancel:
    """The buyer asks the seller to cancel confirmed `lines`, or all of them."""

    reason: Reason
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantCancel:
    """Cancel what the buyer asked for."""

    def chosen(self, order: Order) -> tuple[str, ...]:
        """The requested lines that are still unshipped."""
        return requested(order)


@dataclass(frozen=True, slots=True)
class SilentGrant(Tick):
    """The seller's silence cancels what the buyer asked for."""

    def chosen(self, order: Order) -> tuple[str, ...]:
        """The requested lines that are still unshipped."""
        return requested(order)


@dataclass(frozen=True, slots=True)
class AskTime:
    """The seller asks for `days` more business days to ship."""

    days: int


def requested(order: Order) -> tuple[str, ...]:
    """The lines of an open request to cancel that were not shipped meanwhile."""
    asked = order.cancel_request.lines if order.cancel_request else ()
    return tuple(line.line_id for line in in_state(order.lines, (LineState.CONFIRMED,)) if line.line_id in asked)


def no_request_open(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """One request at a time."""
    return "a request to cancel waits for the seller's answer" if order.cancel_request else None


def request_open(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a request to answer."""
    return None if order.cancel_request else "there is no request to cancel"


def requestable(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Confirmed lines are cancelled by request, others at once or not at all."""
    return None if in_state(order.lines, (LineState.CONFIRMED,)) else "no line is confirmed and unshipped"


def request(moment: Moment) -> tuple[Event, ...]:
    """The seller is asked; silence grants it."""
    order, body = moment.order, moment.body
    confirmed = tuple(line.line_id for line in in_state(order.lines, (LineState.CONFIRMED,)))
    wanted = body.lines or confirmed
    wrong = [line_id for line_id in wanted if line_id not in confirmed]
    if wrong:
        raise Refused(
            "line_not_confirmed", f"only confirmed lines can be asked for: {', '.join(confirmed)}, not {wrong[0]}"
        )
    return (CancelAsked(CancelRequest(tuple(wanted), body.reason, moment.now)),)


def granted(moment: Moment) -> tuple[Event, ...]:
    """The requested lines that were not shipped meanwhile are cancelled by the row itself."""
    return (CancelEnded("granted"),)


def refuse(moment: Moment) -> tuple[Event, ...]:
    """The seller ships after all."""
    return (CancelEnded("refused"),)


def tidy_request(moment: Moment) -> tuple[Event, ...]:
    """A cancellation overtakes a request for the same lines."""
    asked = moment.order.cancel_request
    return (CancelEnded("granted"),) if asked and set(asked.lines) <= set(moment.ids) else ()


def shipping_due(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a shipment to wait for."""
    return None if in_state(order.lines, (LineState.CONFIRMED,)) else "no line waits to be shipped"


def no_time_asked(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """One request at a time."""
    return "more time was asked for and waits for an answer" if order.time_request else None


def ship_days_left(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The policy's allowance is not used up."""
    had = dict(order.granted_days).get("ship", 0)
    return None if had < order.policy.ship.more_time else f"{had} more business days were given, which is all there are"


def time_asked(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a request to answer."""
    return None if order.time_request else "nobody asked for more time"


def ask_time(moment: Moment) -> tuple[Event, ...]:
    """The buyer, or a specialist, is asked for more time."""
    order, days = moment.order, moment.body.days
    most, had = order.policy.ship.more_time, dict(order.granted_days).get("ship", 0)
    if not 1 <= days <= most - had:
        raise Refused("more_than_allowed", f"up to {most - had} more business days can be asked for, not {days}")
    return (TimeAsked(TimeRequest(days, moment.now)),)


def grant_time(moment: Moment) -> tuple[Event, ...]:
    """Every tier of the seller's clock moves; a ticket that had been opened ends, and may come again at its new time.

    Where the hold on the buyer's card leaves no later time for it, it stays the one that came.
    """
    order, asked = moment.order, moment.order.time_request
    days = asked.days if asked else 0
    later = {tier: add_business_days(order.seller_calendar, at, days) for tier, at in ship_tiers(order).items()}
    again = seller_times(order, "ship", later)[0] > moment.now
    moved = tuple(TierMoved(tier, at) for tier, at in later.items())
    overdue = (ticket.ticket_id for ticket in order.tickets if again and ticket.cause is Cause.SHIP_OVERDUE)
    ended = tuple(TicketResolved(ticket_id, Outcome.EXTEND, "grant_time") for ticket_id in overdue)
    reset: tuple[Event, ...] = (TierReset("ship.ticket"), *ended) if again else ()
    return (TimeEnded(granted=True), DaysGranted("ship", days), *moved, *reset)


def refuse_time(moment: Moment) -> tuple[Event, ...]:
    """The clock stays as it is."""
    return (TimeEnded(granted=False),)
