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
    Captured,
    DaysGranted,
    DebtPaid,
    DebtWrittenOff,
    DisputeBorne,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    HoldLost,
    HoldOpened,
    HoldStrayed,
    HoldVoided,
    LinesHeld,
    LinesMoved,
    MoneyAsked,
    MoneyRefused,
    MoneyStrayed,
    MoneyStuck,
    MoneyUnknown,
    Noted,
    ParcelFound,
    ParcelLost,
    ParcelMoved,
    ParcelSent,
    ParcelsWithdrawn,
    Paused,
    PaymentExpired,
    PaymentOffered,
    PolicyAdopted,
    Refunded,
    RefundFailed,
    Released,
    ReleaseReversed,
    RenewalAsked,
    RenewalFailed,
    Resumed,
    RetryAsked,
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
from domain.money import Verb
from domain.purse import SHIPPING, SUSPENSE, Bearer, Dispute, DisputeStatus, Moved, Part, Stray
from domain.shares import covered
from domain.state import DEAD, Funds, Line, LineState, Milestone, Order, Parcel, Payment, Ticket

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


def _lines(order: Order, ids: Iterable[str], change: Callable[[Line], Line]) -> Order:
    chosen = frozenset(ids)
    return replace(order, lines=tuple(change(line) if line.line_id in chosen else line for line in order.lines))


def _funds(order: Order, slices: tuple[str, ...], funds: Funds) -> Order:
    if SHIPPING in slices:
        order = replace(order, shipping_funds=funds)
    return _lines(order, slices, lambda line: replace(line, funds=funds))


def _parcels(order: Order, ids: Iterable[str], change: Callable[[Parcel], Parcel]) -> Order:
    chosen = frozenset(ids)
    return replace(order, parcels=tuple(change(p) if p.parcel_id in chosen else p for p in order.parcels))


def _parcel_moved(order: Order, event: ParcelMoved) -> Order:
    def moved(parcel: Parcel) -> Parcel:
        proof = event.proof if event.milestone is Milestone.DELIVERED else parcel.proof
        # Whatever else a carrier says of a lost parcel, it is found.
        return replace(parcel, milestone=event.milestone, moved_at=event.at, proof=proof, loss=None)

    return _parcels(order, [event.parcel_id], moved)


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


def _starts_with_payment(tier: str) -> bool:
    """Whether the clock starts anew when an order whose hold was lost is paid again, whatever moved it before."""
    return tier.startswith(("confirm.", "ship.", "stall:", "receipt:"))


def _hold_opened(order: Order, event: HoldOpened) -> Order:
    payment, verb = order.payment, order.op.verb if order.op else Verb.AUTHORISE
    # A new hold that is as good as run out is not renewed again, or renewals would follow each other without end.
    lasts = event.capture_before - order.policy.hold.margin > event.at
    order = _pay(
        order if payment.lost_at is None else _without(order, _starts_with_payment),
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
    order = _without(order, _starts_with_payment)
    let_go = _let_go(order.payment, "")
    return _pay(
        order, hold="", superseded=let_go, capture_before=None, renewing=False, buyer_asked_at=None, lost_at=event.at
    )


def _hold_voided(order: Order, event: HoldVoided) -> Order:
    order, payment = _settled(order, Verb.VOID, ()), order.payment
    order = _pay(order, voided=(*payment.voided, event.ref))
    if event.ref in payment.superseded:
        return _pay(order, superseded=tuple(ref for ref in payment.superseded if ref != event.ref))
    if payment.offer is not None and event.ref == payment.offer.payment_intent:
        return _pay(order, offer=None)
    return _pay(order, hold="", capture_before=None, renewing=False, buyer_asked_at=None)


def _captured(order: Order, event: Captured) -> Order:
    order = _funds(_settled(order, Verb.CAPTURE, event.slices), event.slices, Funds.ESCROW)
    return _pay(order, charge=event.charge, captured=event.amount, captured_at=event.at, buyer_asked_at=None)


def _asked(order: Order) -> Order:
    """A request to cancel is about the lines that are still confirmed; without any there is none."""
    request = order.cancel_request
    if request is None:
        return order
    left = tuple(name for name in request.lines if order.line(name).state is LineState.CONFIRMED)
    return replace(order, cancel_request=replace(request, lines=left) if left else None)


def _held(order: Order, event: LinesHeld) -> Order:
    """A line that is let go is still held by a dispute about it that the bank has not decided."""
    disputes = [dispute for dispute in order.disputes if dispute.holds]

    def holder(line: Line) -> str:
        names = (f"dispute:{d.dispute_id}" for d in disputes for part in d.parts if part.piece == line.line_id)
        return event.by or next(names, "")

    return _lines(order, event.lines, lambda line: replace(line, held=holder(line)))


def _moved(order: Order, verb: Verb, slices: tuple[str, ...], funds: Funds, move: Moved | None) -> Order:
    """Slices left for `funds`; money that was no line's, of a dispute or a stray payment, is no longer there."""
    order = _funds(_settled(order, verb, slices), slices, funds)
    disputes = tuple(_paid_out(dispute) if dispute.dispute_id in slices else dispute for dispute in order.disputes)
    strays = order.strays[1:] if SUSPENSE in slices else order.strays
    return replace(order, disputes=disputes, strays=strays, moves=(*order.moves, *([move] if move else [])))


def _paid_out(dispute: Dispute) -> Dispute:
    return replace(dispute, status=DisputeStatus.WON)


def _refunded(order: Order, event: Refunded) -> Order:
    order = _moved(order, Verb.REFUND, event.slices, Funds.REFUNDED, event.move)
    return order if event.debt is None else replace(order, debt=event.debt)


def _reversed(order: Order, event: ReleaseReversed) -> Order:
    moves = tuple(
        replace(move, reversed=move.reversed + event.amount) if move.ref == event.release else move
        for move in order.moves
    )
    return replace(_settled(order, Verb.REVERSE_RELEASE, ()), moves=moves, debt=event.debt)


def _debt_paid(order: Order, event: DebtPaid) -> Order:
    return replace(_settled(order, Verb.REVERSE_RELEASE, ()), debt=event.debt)


def _written_off(order: Order, _: DebtWrittenOff) -> Order:
    stuck = tuple(item for item in order.stuck if item.verb is not Verb.REVERSE_RELEASE)
    return replace(_settled(order, Verb.WRITE_OFF, ()), stuck=stuck, debt=None)


def _refund_failed(order: Order, event: RefundFailed) -> Order:
    failed = event.move
    moves = tuple(move for move in order.moves if move.ref != failed.ref)
    pieces = tuple(part.piece for part in failed.parts)
    order = _funds(replace(order, moves=moves), pieces, Funds.ESCROW)
    order = replace(order, disputes=covered(order))
    back = tuple(Stray(failed.source, part.amount) for part in failed.parts if part.piece == SUSPENSE)
    return replace(order, strays=(*order.strays, *back))


def _dispute(order: Order, dispute_id: str, **changes: Any) -> Order:
    disputes = tuple(replace(d, **changes) if d.dispute_id == dispute_id else d for d in order.disputes)
    return replace(order, disputes=disputes)


def _won(order: Order, event: DisputeWon) -> Order:
    """The slices are free again; what had been borne already goes into escrow under the dispute's own name."""
    dispute = event.won
    borne = dispute.status is DisputeStatus.BORNE and bool(dispute.restorable)
    status = DisputeStatus.RESTORED if borne else DisputeStatus.WON
    order = _dispute(order, dispute.dispute_id, status=status, fee_back=dispute.fee_back)
    return replace(order, disputes=covered(order))


def _borne(order: Order, event: DisputeBorne) -> Order:
    """What a slice lost counts as given back; a line with nothing left is refunded."""
    order = _dispute(order, event.dispute_id, status=DisputeStatus.BORNE, shares=event.shares, fee_owed=event.fee_owed)
    lost = tuple(Part(s.piece, s.amount) for s in event.shares if s.by is not Bearer.PLATFORM and s.amount)
    order = replace(order, given_back=(*order.given_back, *lost), debt=event.debt)
    gone = tuple(part.piece for part in lost if not order.left(part.piece))
    order = _funds(_settled(order, Verb.BEAR, gone), gone, Funds.REFUNDED)

    def after(line: Line) -> Line:
        return line if line.state in DEAD else replace(line, state=LineState.REFUNDED, since=event.at)

    return _asked(_lines(order, gone, after))


def _taken(order: Order, event: Taken) -> Order:
    seen = order.seen if event.seen is None else (*order.seen, event.seen)[-SEEN_LIMIT:]
    return replace(order, seq=event.seq, seen=seen)


def _calendars(order: Order, event: CalendarsExtended) -> Order:
    return replace(order, seller_calendar=event.seller, buyer_calendar=event.buyer, desk_calendar=event.desk)


_FOLDS: Mapping[type, Callable[[Order, Any], Order]] = {
    LinesMoved: lambda o, e: _asked(_lines(o, e.lines, lambda line: replace(line, state=e.to, since=e.at))),
    LinesHeld: _held,
    ParcelSent: lambda o, e: replace(o, parcels=(*o.parcels, e.parcel)),
    ParcelMoved: _parcel_moved,
    ParcelLost: lambda o, e: _parcels(o, [e.parcel_id], lambda p: replace(p, loss=e.loss)),
    ParcelFound: lambda o, e: o,
    ParcelsWithdrawn: lambda o, e: _parcels(o, e.parcels, lambda p: replace(p, withdrawn=True)),
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
    ReviewBegun: lambda o, e: replace(o, reviews=(*o.reviews, e.review)),
    ReviewEnded: lambda o, e: replace(o, reviews=tuple(r for r in o.reviews if r.about != e.about)),
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
    HoldStrayed: lambda o, e: _pay(o, superseded=(*o.payment.superseded, e.ref)),
    Released: lambda o, e: _moved(o, Verb.RELEASE, e.slices, Funds.RELEASED, e.move),
    Refunded: _refunded,
    ReleaseReversed: _reversed,
    DebtPaid: _debt_paid,
    DebtWrittenOff: _written_off,
    RefundFailed: _refund_failed,
    MoneyStrayed: lambda o, e: replace(o, strays=(*o.strays, e.stray)),
    DisputeOpened: lambda o, e: replace(o, disputes=(*o.disputes, e.dispute)),
    DisputeWon: _won,
    DisputeLost: lambda o, e: _dispute(o, e.dispute_id, status=DisputeStatus.LOST),
    DisputeBorne: _borne,
    PolicyAdopted: lambda o, e: replace(o, policy=e.policy),
    CalendarsAsked: lambda o, e: o,
    CalendarsExtended: _calendars,
    Noted: lambda o, e: o,
    WindowClosed: lambda o, e: replace(o, closed_at=e.at),
    WindowReopened: lambda o, e: replace(o, closed_at=None),
    Taken: _taken,
}
