"""What an order's money still has to do, what became of an operation, and how that is booked.

`desires` derives every outside operation from the order's state, so nothing that should move can be forgotten: a step
names which operation may follow it, a refusal or an unknown outcome leaves the desire standing, and the ``settle``
step comes back to it. One operation is under way per order at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from domain.accounts import CLEARING, FEES, escrow_account, seller_account
from domain.business_time import add_business_days
from domain.events import (
    SHIPPING,
    Captured,
    Event,
    HoldLost,
    HoldOpened,
    HoldVoided,
    LinesHeld,
    LinesMoved,
    MoneyRefused,
    MoneyStuck,
    MoneyUnknown,
    ParcelsWithdrawn,
    Refunded,
    Released,
    RenewalFailed,
)
from domain.fold import apply_all
from domain.money import Money, Verb, total
from domain.state import DEAD, SENT, Cause, Funds, Line, LineState, MoneyOp, Order, Stuck
from domain.tickets import opened, overtaken

AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
"""The due time of work that waits for nothing."""


@dataclass(frozen=True, slots=True)
class Desire:
    """An operation that the order's state calls for, from `not_before` on."""

    verb: Verb
    amount: Money
    slices: tuple[str, ...]
    subject: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """The provider did it. For a hold also the provider's limit and whether a stored mandate can renew it."""

    ref: str
    amount: Money
    capture_before: datetime | None = None
    renewable: bool = False


@dataclass(frozen=True, slots=True)
class No:
    """The provider definitely did not do it. `code` is our word for the reason (the error's name)."""

    code: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may or may not stand. `retry_after` are seconds that the provider asked for."""

    code: str
    retry_after: float = 0.0


Result = Done | No | Unclear

GONE = frozenset({"AuthorisationExpired", "AlreadyDone"})
"""Refusals of a void that mean that the hold is gone, which is what a void is for."""


def desires(order: Order) -> tuple[Desire, ...]:
    """Everything that money still has to do, most urgent first; what was refused waits for its retry."""
    return tuple(
        Desire(d.verb, d.amount, d.slices, d.subject, max([d.not_before, *_retries(order, d)])) for d in _desires(order)
    )


def _retries(order: Order, desire: Desire) -> Iterator[datetime]:
    """When what was refused before may be tried anew."""
    for stuck in order.stuck:
        if stuck.verb is desire.verb and (not stuck.slices or set(stuck.slices) & set(desire.slices)):
            yield stuck.retry_at


def _desires(order: Order) -> Iterator[Desire]:
    payment, live = order.payment, order.live
    if payment.offer is not None and live:
        yield Desire(Verb.AUTHORISE, order.wanted, (), payment.offer.payment_intent, AT_ONCE)
    elif payment.offer is not None and payment.offer.payment_intent:
        yield Desire(Verb.VOID, order.priced, (), payment.offer.payment_intent, AT_ONCE)
    if payment.hold and payment.captured is None:
        hold = payment.authorised or order.wanted
        if payment.renewing and live:
            yield Desire(Verb.REAUTHORISE, order.wanted, (), payment.hold, AT_ONCE)
        if not live:
            yield Desire(Verb.VOID, hold, (), payment.hold, AT_ONCE)
        elif capture_due(order):
            slices = tuple(line.line_id for line in live) + ((SHIPPING,) if order.shipping else ())
            yield Desire(Verb.CAPTURE, order.wanted, slices, payment.hold, AT_ONCE)
    yield from _refunds(order)
    yield from _releases(order)
    for ref in payment.superseded:
        yield Desire(Verb.VOID, payment.authorised or order.priced, (), ref, AT_ONCE)


def capture_due(order: Order) -> bool:
    """Whether policy's trigger has come: the first parcel, or the seller's confirmation."""
    states = {line.state for line in order.live}
    if states & SENT:
        return True
    at_confirmation = order.policy.capture.trigger == "confirmation"
    return at_confirmation and LineState.CONFIRMED in states and LineState.PENDING not in states


def _refunds(order: Order) -> Iterator[Desire]:
    """Dead lines give their escrow back; shipping goes with the last of them when nothing is left to ship."""
    back = tuple(line for line in order.lines if line.state in DEAD and line.funds is Funds.ESCROW)
    with_shipping = not order.live and order.shipping_funds is Funds.ESCROW
    if back or with_shipping:
        amount = total([line.price for line in back], order.currency)
        amount = amount + order.shipping if with_shipping else amount
        slices = tuple(line.line_id for line in back) + ((SHIPPING,) if with_shipping else ())
        yield Desire(Verb.REFUND, amount, slices, order.payment.charge, AT_ONCE)


def _releases(order: Order) -> Iterator[Desire]:
    """Accepted lines pay the seller less fees, once the payout account has settled; shipping goes with the last one."""
    out = tuple(
        line
        for line in order.lines
        if line.state is LineState.ACCEPTED and line.funds is Funds.ESCROW and not line.held
    )
    live = order.live
    all_out = bool(live) and all(line in out or line.funds is Funds.RELEASED for line in live)
    with_shipping = all_out and order.shipping_funds is Funds.ESCROW
    if out or with_shipping:
        amount = total([net(line) for line in out], order.currency)
        amount = amount + order.shipping if with_shipping else amount
        slices = tuple(line.line_id for line in out) + ((SHIPPING,) if with_shipping else ())
        settled = order.account.since + order.policy.payout.account_settles
        yield Desire(Verb.RELEASE, amount, slices, order.payment.charge, settled)


def net(line: Line) -> Money:
    """What the seller gets for a line."""
    return line.price - line.fee


def plan(order: Order, now: datetime, seq: int) -> MoneyOp | None:
    """The operation to carry out now as step `seq`, or None while one is under way or nothing is due."""
    if order.op is not None:
        return None
    for desire in desires(order):
        if desire.not_before <= now:
            return MoneyOp(seq, desire.verb, desire.amount, now, desire.slices, desire.subject)
    return None


def next_try(order: Order) -> datetime | None:
    """When ``settle`` has work: the operation under way is asked after, or the next desire is due; None for never."""
    if order.op is not None:
        return order.op.retry_at or AT_ONCE
    return min((desire.not_before for desire in desires(order)), default=None)


def settle(order: Order, op: MoneyOp, result: Result, now: datetime) -> tuple[Event, ...]:
    """What an operation's result does to the order, and which tickets it ends. Total over verbs and results."""
    events = _settled(order, op, result, now)
    return (*events, *overtaken(apply_all(order, events), f"{op.verb}"))


def _settled(order: Order, op: MoneyOp, result: Result, now: datetime) -> tuple[Event, ...]:
    if isinstance(result, Unclear):
        return (MoneyUnknown(_retry_at(order, op, result, now), result.code),)
    if isinstance(result, No):
        return _refused(order, op, result.code, now)
    match op.verb:
        case Verb.AUTHORISE | Verb.REAUTHORISE:
            limit = result.capture_before or now + timedelta(days=order.policy.hold.expected)
            return (HoldOpened(result.ref, result.amount, limit, result.renewable, now),)
        case Verb.CAPTURE:
            return (Captured(result.ref, result.amount, op.slices, now),)
        case Verb.VOID:
            return (HoldVoided(op.subject),)
        case Verb.RELEASE | Verb.REVERSE_RELEASE:
            return (Released(result.ref, result.amount, op.slices),)
        case Verb.REFUND:
            return (Refunded(result.ref, result.amount, op.slices),)


def _retry_at(order: Order, op: MoneyOp, result: Unclear, now: datetime) -> datetime:
    """Minutes at first, then longer, as policy says; never sooner than the provider asked for."""
    money = order.policy.money
    backoff: timedelta = money.first_retry * 2 ** min(op.attempts, 16)
    return now + max(min(backoff, money.longest_retry), timedelta(seconds=result.retry_after))


def _refused(order: Order, op: MoneyOp, code: str, now: datetime) -> tuple[Event, ...]:
    refused = MoneyRefused(op, code, now)
    match op.verb:
        case Verb.AUTHORISE:
            return (refused,)
        case Verb.REAUTHORISE:
            return (refused, RenewalFailed(now))
        case Verb.VOID if code in GONE:
            return (HoldVoided(op.subject),)
        case Verb.CAPTURE:
            return (refused, *_unsecured(order, op, now), *opened(order, Cause.MONEY_FAILED, op.verb, now))
        case _:
            retry = add_business_days(order.desk_calendar, now, order.policy.payout.retry)
            stuck = MoneyStuck(Stuck(op.verb, op.slices, code, now, retry))
            return (refused, stuck, *opened(order, Cause.MONEY_FAILED, op.verb, now))


def _unsecured(order: Order, op: MoneyOp, now: datetime) -> tuple[Event, ...]:
    """A capture that failed takes the shipment back: the seller must not hand over, the buyer is asked to pay anew."""
    sent = tuple(line.line_id for line in order.lines if line.line_id in op.slices and line.state in SENT)
    parcels = tuple(p.parcel_id for p in order.parcels if not p.withdrawn and set(p.lines) & set(sent))
    if not sent:
        return (HoldLost(now),)
    return (LinesMoved(sent, LineState.CONFIRMED, now), LinesHeld(sent, ""), ParcelsWithdrawn(parcels), HoldLost(now))


class Side(StrEnum):
    """The two sides of an entry."""

    DEBIT = "debit"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a booking; `amount` is positive."""

    account: str
    side: Side
    amount: Money


def entries(order: Order, op: MoneyOp, result: Result) -> tuple[Entry, ...]:
    """The balanced booking of an operation that was done; empty when no money changed hands."""
    if not isinstance(result, Done):
        return ()
    gross = {piece: _slice_price(order, piece) for piece in op.slices}
    match op.verb:
        case Verb.CAPTURE:
            taken = [Entry(escrow_account(order.order_id, s), Side.CREDIT, amount) for s, amount in gross.items()]
            return (Entry(CLEARING, Side.DEBIT, op.amount), *taken)
        case Verb.REFUND:
            debits = [Entry(escrow_account(order.order_id, s), Side.DEBIT, amount) for s, amount in gross.items()]
            return (*debits, Entry(CLEARING, Side.CREDIT, op.amount))
        case Verb.RELEASE:
            return _release_entries(order, op, gross)
        case _:
            return ()


def _release_entries(order: Order, op: MoneyOp, gross: dict[str, Money]) -> tuple[Entry, ...]:
    seller, currency = seller_account(order.seller), order.currency
    fee = total([line.fee for line in order.lines if line.line_id in op.slices], currency)
    debits = [Entry(escrow_account(order.order_id, s), Side.DEBIT, amount) for s, amount in gross.items()]
    booked = [*debits, Entry(seller, Side.CREDIT, op.amount), Entry(FEES, Side.CREDIT, fee)]
    paid = [Entry(seller, Side.DEBIT, op.amount), Entry(CLEARING, Side.CREDIT, op.amount)]
    return tuple(entry for entry in [*booked, *paid] if entry.amount)


def _slice_price(order: Order, piece: str) -> Money:
    return order.shipping if piece == SHIPPING else order.line(piece).price
