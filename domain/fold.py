"""`apply` folds one event into the next state of an order: total, without clock or judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from domain.events import (
    AccountChanged,
    AddressChanged,
    ApprovalAsked,
    ApprovalEnded,
    CalendarsAsked,
    CalendarsExtended,
    CancelAsked,
    CancelEnded,
    DaysGranted,
    Event,
    GoodsReceived,
    LinesHeld,
    LinesMoved,
    MessageSaid,
    Noted,
    ParcelFound,
    ParcelLost,
    ParcelMoved,
    ParcelSent,
    ParcelsWithdrawn,
    Paused,
    PaymentExpired,
    PolicyAdopted,
    Resumed,
    ReviewBegun,
    ReviewEnded,
    Taken,
    TicketAssigned,
    TicketEscalated,
    TicketExtended,
    TicketOpened,
    TicketResolved,
    TierMoved,
    TierPassed,
    TierReset,
    TimeAsked,
    TimeEnded,
    WindowClosed,
    WindowReopened,
)
from domain.folds.claims import CLAIM_FOLDS
from domain.folds.common import asked, on_lines, without
from domain.folds.money import MONEY_FOLDS
from domain.parcels.parcel import Parcel
from domain.shares import with_dues
from domain.state import Line, Order, Ticket

SEEN_LIMIT = 1000
"""How many taken commands a running order remembers; PostgreSQL remembers all of them."""


def apply(order: Order, event: Event) -> Order:
    """The order after `event`."""
    return _FOLDS[type(event)](order, event)


def apply_all(order: Order, events: Iterable[Event]) -> Order:
    """The order after all of `events`, in their order."""
    for event in events:
        order = apply(order, event)
    return order


def _parcels(order: Order, ids: Iterable[str], change: Callable[[Parcel], Parcel]) -> Order:
    chosen = frozenset(ids)
    return replace(order, parcels=tuple(change(p) if p.parcel_id in chosen else p for p in order.parcels))


def _parcel_moved(order: Order, event: ParcelMoved) -> Order:
    return _parcels(order, [event.parcel_id], lambda parcel: parcel.moved_on(event.milestone, event.at, event.proof))


def _tier_moved(order: Order, event: TierMoved) -> Order:
    others = tuple(item for item in order.moved if item[0] != event.tier)
    return replace(order, moved=(*others, (event.tier, event.to)))


def _extended(ticket: Ticket, event: TicketExtended) -> Ticket:
    kept = event.due if event.after_bank else ticket.kept_until
    return replace(ticket, due=event.due, escalations=0, kept_until=kept)


def _ticket(order: Order, ticket_id: str, change: Callable[[Ticket], Ticket]) -> Order:
    return replace(order, tickets=tuple(change(t) if t.ticket_id == ticket_id else t for t in order.tickets))


def _days(order: Order, event: DaysGranted) -> Order:
    granted = dict(order.granted_days)
    granted[event.allowance] = granted.get(event.allowance, 0) + event.days
    return replace(order, granted_days=tuple(granted.items()))


def _held(order: Order, event: LinesHeld) -> Order:
    """A line that is let go is still held by a dispute about it that the bank has not decided."""
    disputes = [dispute for dispute in order.disputes if dispute.holds]

    def holder(line: Line) -> str:
        names = (f"dispute:{d.dispute_id}" for d in disputes for part in d.parts if part.piece == line.line_id)
        return event.by or next(names, "")

    return on_lines(order, event.lines, lambda line: replace(line, held=holder(line)))


def _taken(order: Order, event: Taken) -> Order:
    seen = order.seen if event.seen is None else (*order.seen, event.seen)[-SEEN_LIMIT:]
    return replace(order, seq=event.seq, seen=seen)


def _calendars(order: Order, event: CalendarsExtended) -> Order:
    return replace(order, seller_calendar=event.seller, buyer_calendar=event.buyer, desk_calendar=event.desk)


_FOLDS: Mapping[type, Callable[[Order, Any], Order]] = {
    LinesMoved: lambda o, e: with_dues(asked(on_lines(o, e.lines, lambda li: replace(li, state=e.to, since=e.at)))),
    LinesHeld: _held,
    ParcelSent: lambda o, e: replace(o, parcels=(*o.parcels, e.parcel)),
    ParcelMoved: _parcel_moved,
    ParcelLost: lambda o, e: _parcels(o, [e.parcel_id], lambda p: replace(p, loss=e.loss)),
    ParcelFound: lambda o, e: o,
    GoodsReceived: lambda o, e: on_lines(o, e.lines, lambda li: replace(li, received=True)),
    ParcelsWithdrawn: lambda o, e: _parcels(o, e.parcels, lambda p: replace(p, withdrawn=True)),
    AddressChanged: lambda o, e: replace(o, address_id=e.address_id),
    AccountChanged: lambda o, e: replace(o, account=e.account),
    PaymentExpired: lambda o, e: replace(o, expired=True),
    CancelAsked: lambda o, e: replace(without(o, "cancel.end".__eq__), cancel_request=e.request),
    CancelEnded: lambda o, e: replace(o, cancel_request=None),
    TimeAsked: lambda o, e: replace(without(o, "time.end".__eq__), time_request=e.request),
    TimeEnded: lambda o, e: replace(o, time_request=None),
    DaysGranted: _days,
    TierMoved: _tier_moved,
    TierPassed: lambda o, e: replace(o, passed=o.passed | {e.tier}),
    TierReset: lambda o, e: replace(o, passed=o.passed - {e.tier}),
    Paused: lambda o, e: replace(o, paused=e.pause),
    Resumed: lambda o, e: replace(o, paused=None),
    ReviewBegun: lambda o, e: replace(o, reviews=(*o.reviews, e.review)),
    ReviewEnded: lambda o, e: replace(o, reviews=tuple(r for r in o.reviews if r.about != e.about)),
    TicketOpened: lambda o, e: replace(o, tickets=(*o.tickets, e.ticket)),
    TicketAssigned: lambda o, e: _ticket(o, e.ticket_id, lambda t: replace(t, owner=e.owner)),
    TicketEscalated: lambda o, e: _ticket(
        o, e.ticket_id, lambda t: replace(t, due=e.due, escalations=t.escalations + 1)
    ),
    TicketExtended: lambda o, e: _ticket(o, e.ticket_id, lambda t: _extended(t, e)),
    TicketResolved: lambda o, e: replace(o, tickets=tuple(t for t in o.tickets if t.ticket_id != e.ticket_id)),
    ApprovalAsked: lambda o, e: replace(o, approval=e.approval),
    ApprovalEnded: lambda o, e: replace(o, approval=None),
    PolicyAdopted: lambda o, e: replace(o, policy=e.policy),
    CalendarsAsked: lambda o, e: o,
    CalendarsExtended: _calendars,
    Noted: lambda o, e: o,
    MessageSaid: lambda o, e: o,
    WindowClosed: lambda o, e: replace(o, closed_at=e.at, first_closed_at=o.first_closed_at or e.at),
    WindowReopened: lambda o, e: replace(o, closed_at=None),
    **MONEY_FOLDS,
    **CLAIM_FOLDS,
    Taken: _taken,
}
