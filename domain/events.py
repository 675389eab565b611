"""What can happen to an order, and `apply`, which folds an event into the next state: total, without judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain import wire
from domain.business_time import Calendar
from domain.errors import Invalid
from domain.money import Money, Verb
from domain.policy import Policy
from domain.state import (
    Account,
    Approval,
    CancelRequest,
    Funds,
    Line,
    LineState,
    Milestone,
    MoneyOp,
    Offer,
    Order,
    Outcome,
    Parcel,
    Pause,
    Payment,
    Proof,
    Seen,
    Stuck,
    Ticket,
    TimeRequest,
)


@dataclass(frozen=True, slots=True)
class LinesMoved:
    lines: tuple[str, ...]
    to: LineState
    at: datetime


@dataclass(frozen=True, slots=True)
class LinesHeld:
    """`by` names what holds them; "" lets them go."""

    lines: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class ParcelSent:
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class ParcelMoved:
    parcel_id: str
    milestone: Milestone
    at: datetime
    proof: Proof


@dataclass(frozen=True, slots=True)
class ParcelsWithdrawn:
    parcels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressChanged:
    address_id: str


@dataclass(frozen=True, slots=True)
class AccountChanged:
    account: Account


@dataclass(frozen=True, slots=True)
class PaymentOffered:
    offer: Offer


@dataclass(frozen=True, slots=True)
class PaymentExpired:
    """The order was never paid in time."""


@dataclass(frozen=True, slots=True)
class CancelAsked:
    request: CancelRequest


@dataclass(frozen=True, slots=True)
class CancelEnded:
    """The cancel request was granted, refused, or lapsed because the seller shipped."""

    how: str


@dataclass(frozen=True, slots=True)
class TimeAsked:
    request: TimeRequest


@dataclass(frozen=True, slots=True)
class TimeEnded:
    granted: bool


@dataclass(frozen=True, slots=True)
class DaysGranted:
    """Counts what was granted of one allowance, so that policy's maximum holds."""

    allowance: str
    days: int


@dataclass(frozen=True, slots=True)
class TierMoved:
    """A tier of a clock, such as ``ship.ticket``, rings at `to` instead."""

    tier: str
    to: datetime


@dataclass(frozen=True, slots=True)
class TierPassed:
    """A tier has done its work and does not repeat."""

    tier: str


@dataclass(frozen=True, slots=True)
class TierReset:
    """A tier may ring again: its parcel moved, or a person set it a new time."""

    tier: str


@dataclass(frozen=True, slots=True)
class Paused:
    pause: Pause


@dataclass(frozen=True, slots=True)
class Resumed:
    """The pause is over; the tiers' new times come as `TierMoved`."""


@dataclass(frozen=True, slots=True)
class TicketOpened:
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class TicketAssigned:
    ticket_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class TicketEscalated:
    ticket_id: str
    due: datetime


@dataclass(frozen=True, slots=True)
class TicketExtended:
    """A person gave the ticket a new time; it counts as never having been overdue."""

    ticket_id: str
    due: datetime


@dataclass(frozen=True, slots=True)
class TicketResolved:
    """`by` is the step that ended it; `reason` is a code or the id of a stored note, never free text."""

    ticket_id: str
    outcome: Outcome
    by: str


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    approval: Approval


@dataclass(frozen=True, slots=True)
class ApprovalEnded:
    how: str


@dataclass(frozen=True, slots=True)
class RenewalAsked:
    """The hold runs out: place a new one with the stored payment method."""


@dataclass(frozen=True, slots=True)
class MoneyAsked:
    op: MoneyOp


@dataclass(frozen=True, slots=True)
class MoneyUnknown:
    """The outcome of the operation under way is not known; ask again at `retry_at`."""

    retry_at: datetime
    code: str


@dataclass(frozen=True, slots=True)
class MoneyRefused:
    """The provider definitely did not do it; `code` is its word."""

    op: MoneyOp
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MoneyStuck:
    """What was refused is tried anew later."""

    stuck: Stuck


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """Everything that waits for a later try may be tried now."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HoldOpened:
    ref: str
    amount: Money
    capture_before: datetime
    renewable: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class HoldLost:
    """The authorisation is gone although the order goes on: the buyer is asked to pay anew."""

    at: datetime


@dataclass(frozen=True, slots=True)
class RenewalFailed:
    """The bank wants the buyer to take part in the renewal."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HoldVoided:
    ref: str


@dataclass(frozen=True, slots=True)
class Captured:
    charge: str
    amount: Money
    slices: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Released:
    ref: str
    amount: Money
    slices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refunded:
    ref: str
    amount: Money
    slices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyAdopted:
    policy: Policy


@dataclass(frozen=True, slots=True)
class CalendarsExtended:
    seller: Calendar
    buyer: Calendar
    desk: Calendar


@dataclass(frozen=True, slots=True)
class CalendarsAsked:
    """The pinned calendars run short; the step's activity resolves further days."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A note was stored under this id."""

    note_id: str


@dataclass(frozen=True, slots=True)
class WindowClosed:
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A step was taken: counts the order's sequence and remembers the command that asked for it."""

    seq: int
    seen: Seen | None = None


Event = (
    LinesMoved | LinesHeld | ParcelSent | ParcelMoved | ParcelsWithdrawn | AddressChanged | AccountChanged
    | PaymentOffered | PaymentExpired | CancelAsked | CancelEnded | TimeAsked | TimeEnded | DaysGranted
    | TierMoved | TierPassed | TierReset | Paused | Resumed
    | TicketOpened | TicketAssigned | TicketEscalated | TicketExtended | TicketResolved | ApprovalAsked | ApprovalEnded
    | RenewalAsked | MoneyAsked | MoneyUnknown | MoneyRefused | MoneyStuck | RetryAsked
    | HoldOpened | HoldLost | RenewalFailed | HoldVoided | Captured | Released | Refunded
    | PolicyAdopted | CalendarsAsked | CalendarsExtended | Noted | WindowClosed | Taken
)  # fmt: skip

SHIPPING = "shipping"
"""The slice of escrow that pays for shipping; every other slice is named by its line."""

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


def to_plain(event: Event) -> dict[str, Any]:
    """An event as plain data, its kind under ``event``."""
    return {"event": type(event).__name__, **wire.to_plain(event)}


def from_plain(data: Mapping[str, Any]) -> Event:
    """The event that `to_plain` wrote; raises Invalid for a kind that this version does not know."""
    fields = dict(data)
    kind = _KINDS.get(str(fields.pop("event", "")))
    if kind is None:
        raise Invalid("event", f"{data.get('event')!r} is not an event of this version")
    return wire.from_plain(kind, fields)


def _lines(order: Order, ids: Iterable[str], change: Callable[[Line], Line]) -> Order:
    chosen = frozenset(ids)
    return replace(order, lines=tuple(change(line) if line.line_id in chosen else line for line in order.lines))


def _funds(order: Order, slices: tuple[str, ...], funds: Funds) -> Order:
    if SHIPPING in slices:
        order = replace(order, shipping_funds=funds)
    return _lines(order, slices, lambda line: replace(line, funds=funds))


def _parcel_moved(order: Order, event: ParcelMoved) -> Order:
    def moved(parcel: Parcel) -> Parcel:
        if parcel.parcel_id != event.parcel_id:
            return parcel
        proof = event.proof if event.milestone is Milestone.DELIVERED else parcel.proof
        return replace(parcel, milestone=event.milestone, moved_at=event.at, proof=proof)

    return replace(order, parcels=tuple(moved(parcel) for parcel in order.parcels))


def _withdrawn(order: Order, event: ParcelsWithdrawn) -> Order:
    gone = frozenset(event.parcels)
    parcels = tuple(replace(p, withdrawn=True) if p.parcel_id in gone else p for p in order.parcels)
    return replace(order, parcels=parcels)


def _tier_moved(order: Order, event: TierMoved) -> Order:
    others = tuple(item for item in order.moved if item[0] != event.tier)
    return replace(order, moved=(*others, (event.tier, event.to)))


def _without(order: Order, gone: Callable[[str], bool]) -> Order:
    """Forgets where tiers were moved to and that they have rung, for a clock that starts anew."""
    moved = tuple((tier, to) for tier, to in order.moved if not gone(tier))
    passed = frozenset(tier for tier in order.passed if not gone(tier.removeprefix("graced:")))
    return replace(order, moved=moved, passed=passed)


def _ticket(order: Order, ticket_id: str, change: Callable[[Ticket], Ticket]) -> Order:
    return replace(order, tickets=tuple(change(t) if t.ticket_id == ticket_id else t for t in order.tickets))


def _days(order: Order, event: DaysGranted) -> Order:
    granted = dict(order.granted_days)
    granted[event.allowance] = granted.get(event.allowance, 0) + event.days
    return replace(order, granted_days=tuple(granted.items()))


def _pay(order: Order, **changes: Any) -> Order:
    return replace(order, payment=replace(order.payment, **changes))


def _unknown(order: Order, event: MoneyUnknown) -> Order:
    op = order.op
    return order if op is None else replace(order, op=replace(op, retry_at=event.retry_at, attempts=op.attempts + 1))


def _settled(order: Order, verb: Verb, slices: tuple[str, ...]) -> Order:
    """The operation under way is over, and nothing is stuck any more about the slices that it moved, or of its kind."""
    rest = (replace(s, slices=tuple(p for p in s.slices if p not in slices)) for s in order.stuck if s.slices)
    whole = (s for s in order.stuck if not s.slices and s.verb is not verb)
    return replace(order, op=None, stuck=(*whole, *(s for s in rest if s.slices)))


def _stuck(order: Order, event: MoneyStuck) -> Order:
    mine = event.stuck
    others = tuple(s for s in order.stuck if not (s.verb is mine.verb and set(s.slices) <= set(mine.slices)))
    return replace(order, stuck=(*others, mine))


def _refused(order: Order, event: MoneyRefused) -> Order:
    order = replace(order, op=None)
    if event.op.verb is Verb.AUTHORISE:
        return _pay(order, offer=None)
    return _pay(order, renewing=False) if event.op.verb is Verb.REAUTHORISE else order


def _retry(order: Order, event: RetryAsked) -> Order:
    stuck = tuple(replace(item, retry_at=min(item.retry_at, event.at)) for item in order.stuck)
    op = order.op
    if op is not None and op.retry_at is not None:
        op = replace(op, retry_at=min(op.retry_at, event.at))
    return replace(order, stuck=stuck, op=op)


def _hold_opened(order: Order, event: HoldOpened) -> Order:
    payment, verb = order.payment, order.op.verb if order.op else Verb.AUTHORISE
    # A new hold that is as good as run out is not renewed again, or renewals would follow each other without end.
    lasts = event.capture_before - order.policy.hold.margin > event.at
    order = _pay(
        order,
        offer=None,
        renewing=False,
        buyer_asked_at=None,
        lost_at=None,
        superseded=_let_go(payment, event.ref),
        hold=event.ref,
        authorised=event.amount,
        capture_before=event.capture_before,
        renewable=event.renewable and (lasts or not payment.hold),
        paid_at=payment.paid_at if payment.hold else event.at,
    )
    return _settled(order, verb, ())


def _let_go(payment: Payment, hold: str) -> tuple[str, ...]:
    """The holds to let go once `hold` stands instead ("" for none)."""
    return (*payment.superseded, payment.hold) if payment.hold and payment.hold != hold else payment.superseded


def _hold_lost(order: Order, event: HoldLost) -> Order:
    """The seller's and the carrier's clocks start anew with the next payment."""
    order = _without(order, lambda tier: tier.startswith(("confirm.", "ship.", "stall:", "receipt:")))
    let_go = _let_go(order.payment, "")
    return _pay(
        order, hold="", superseded=let_go, capture_before=None, renewing=False, buyer_asked_at=None, lost_at=event.at
    )


def _hold_voided(order: Order, event: HoldVoided) -> Order:
    order, payment = _settled(order, Verb.VOID, ()), order.payment
    if event.ref in payment.superseded:
        return _pay(order, superseded=tuple(ref for ref in payment.superseded if ref != event.ref))
    if payment.offer is not None and event.ref == payment.offer.payment_intent:
        return _pay(order, offer=None)
    return _pay(order, hold="", capture_before=None, renewing=False, buyer_asked_at=None)


def _captured(order: Order, event: Captured) -> Order:
    order = _funds(_settled(order, Verb.CAPTURE, event.slices), event.slices, Funds.ESCROW)
    return _pay(order, charge=event.charge, captured=event.amount, captured_at=event.at, buyer_asked_at=None)


def _taken(order: Order, event: Taken) -> Order:
    seen = order.seen if event.seen is None else (*order.seen, event.seen)[-SEEN_LIMIT:]
    return replace(order, seq=event.seq, seen=seen)


def _calendars(order: Order, event: CalendarsExtended) -> Order:
    return replace(order, seller_calendar=event.seller, buyer_calendar=event.buyer, desk_calendar=event.desk)


_FOLDS: Mapping[type, Callable[[Order, Any], Order]] = {
    LinesMoved: lambda o, e: _lines(o, e.lines, lambda line: replace(line, state=e.to, since=e.at)),
    LinesHeld: lambda o, e: _lines(o, e.lines, lambda line: replace(line, held=e.by)),
    ParcelSent: lambda o, e: replace(o, parcels=(*o.parcels, e.parcel)),
    ParcelMoved: _parcel_moved,
    ParcelsWithdrawn: _withdrawn,
    AddressChanged: lambda o, e: replace(o, address_id=e.address_id),
    AccountChanged: lambda o, e: replace(o, account=e.account),
    PaymentOffered: lambda o, e: _pay(o, offer=e.offer),
    PaymentExpired: lambda o, e: replace(o, expired=True),
    CancelAsked: lambda o, e: replace(_without(o, "cancel.end".__eq__), cancel_request=e.request),
    CancelEnded: lambda o, e: replace(o, cancel_request=None),
    TimeAsked: lambda o, e: replace(_without(o, "time.end".__eq__), time_request=e.request),
    TimeEnded: lambda o, e: replace(o, time_request=None),
    DaysGranted: _days,
    TierMoved: _tier_moved,
    TierPassed: lambda o, e: replace(o, passed=o.passed | {e.tier}),
    TierReset: lambda o, e: replace(o, passed=o.passed - {e.tier}),
    Paused: lambda o, e: replace(o, paused=e.pause),
    Resumed: lambda o, e: replace(o, paused=None),
    TicketOpened: lambda o, e: replace(o, tickets=(*o.tickets, e.ticket)),
    TicketAssigned: lambda o, e: _ticket(o, e.ticket_id, lambda t: replace(t, owner=e.owner)),
    TicketEscalated: lambda o, e: _ticket(
        o, e.ticket_id, lambda t: replace(t, due=e.due, escalations=t.escalations + 1)
    ),
    TicketExtended: lambda o, e: _ticket(o, e.ticket_id, lambda t: replace(t, due=e.due, escalations=0)),
    TicketResolved: lambda o, e: replace(o, tickets=tuple(t for t in o.tickets if t.ticket_id != e.ticket_id)),
    ApprovalAsked: lambda o, e: replace(o, approval=e.approval),
    ApprovalEnded: lambda o, e: replace(o, approval=None),
    RenewalAsked: lambda o, e: _pay(o, renewing=True),
    MoneyAsked: lambda o, e: replace(o, op=e.op),
    MoneyUnknown: _unknown,
    MoneyRefused: _refused,
    MoneyStuck: _stuck,
    RetryAsked: _retry,
    HoldOpened: _hold_opened,
    HoldLost: _hold_lost,
    RenewalFailed: lambda o, e: _pay(o, renewing=False, buyer_asked_at=e.at),
    HoldVoided: _hold_voided,
    Captured: _captured,
    Released: lambda o, e: _funds(_settled(o, Verb.RELEASE, e.slices), e.slices, Funds.RELEASED),
    Refunded: lambda o, e: _funds(_settled(o, Verb.REFUND, e.slices), e.slices, Funds.REFUNDED),
    PolicyAdopted: lambda o, e: replace(o, policy=e.policy),
    CalendarsAsked: lambda o, e: o,
    CalendarsExtended: _calendars,
    Noted: lambda o, e: o,
    WindowClosed: lambda o, e: replace(o, closed_at=e.at),
    Taken: _taken,
}

_KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in _FOLDS}
