"""What an order's money still has to do, and what became of an operation. `domain/books.py` says how that is booked.

`desires` derives every operation from the order's state, so nothing that should move can be forgotten: a step names
which operation may follow it, a refusal or an unknown outcome leaves the desire standing, and the ``settle`` step comes
back to it. One operation is under way per order at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.business_time import add_business_days
from domain.claims.ends import overtaken_claims
from domain.events import (
    Captured,
    DebtPaid,
    DebtWrittenOff,
    DisputeBorne,
    Event,
    HoldLost,
    HoldOpened,
    HoldStrayed,
    HoldVoided,
    LinesHeld,
    LinesMoved,
    MoneyRefused,
    MoneyStuck,
    MoneyUnknown,
    ParcelsWithdrawn,
    Refunded,
    Released,
    ReleaseReversed,
    RenewalFailed,
    ReviewBegun,
)
from domain.fold import apply_all
from domain.money import Money, Verb, total
from domain.purse import SHIPPING, SUSPENSE, Bearer, Debt, Dispute, DisputeStatus, Moved, Part
from domain.shares import back_of, bears_fee, moving, net_of, shares_of
from domain.state import DEAD, SENT, Actor, Cause, Funds, LineState, MoneyOp, Order, Pause, Role, Stuck
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
    """It was done: `amount` moved. For a hold also the provider's limit and whether a stored mandate can renew it.

    `review` is the provider's review of the hold that is open already, "" for none.
    `netted` are the parts of a release that paid what the seller owed, by order, instead of moving.
    """

    ref: str
    amount: Money
    capture_before: datetime | None = None
    renewable: bool = False
    netted: tuple[tuple[str, Money], ...] = ()
    review: str = ""


@dataclass(frozen=True, slots=True)
class No:
    """The provider definitely did not do it. `code` is our word for the reason (the error's name).

    `stands` is what a hold that was turned away holds, where it stands for this very order.
    """

    code: str
    stands: Money | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """It may or may not stand. `retry_after` are seconds that the provider asked for."""

    code: str
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Short:
    """Nothing was asked of the provider: the seller's other releases have paid what was owed, but for `owed`."""

    owed: Money


Result = Done | No | Unclear | Short


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a step's money operation, and the events that this brings."""

    op: MoneyOp | None
    result: Result | None
    events: tuple[Event, ...]


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
        if stuck.stops(desire.verb, desire.slices, desire.subject):
            yield stuck.retry_at


def _desires(order: Order) -> Iterator[Desire]:
    payment, live = order.payment, order.live
    if payment.offer is not None and (live or payment.offer.payment_intent):
        # An order that is dead by now lets the hold go, too, only once it is known not to be another order's.
        wanted = order.wanted if live else order.priced
        yield Desire(Verb.AUTHORISE, wanted, (), payment.offer.payment_intent, AT_ONCE)
    if payment.hold and payment.captured is None:
        hold = payment.authorised or order.wanted
        if payment.renewing and live:
            yield Desire(Verb.REAUTHORISE, order.wanted, (), payment.hold, AT_ONCE)
        if not live:
            yield Desire(Verb.VOID, hold, (), payment.hold, AT_ONCE)
        elif capture_due(order):
            slices = tuple(line.line_id for line in live) + ((SHIPPING,) if order.shipping else ())
            yield Desire(Verb.CAPTURE, order.wanted, slices, payment.hold, AT_ONCE)
    yield from _debts(order)
    yield from _refunds(order)
    yield from _releases(order)
    held = dict(payment.held)
    for ref in payment.superseded:
        # What is not known is asked for as the whole price; the provider lets go what is there and tells.
        yield Desire(Verb.VOID, held.get(ref, order.priced), (), ref, AT_ONCE)


def capture_due(order: Order) -> bool:
    """Whether policy's trigger has come: the first parcel, or the seller's confirmation."""
    states = {line.state for line in order.live}
    if states & SENT:
        return True
    at_confirmation = order.policy.capture.trigger == "confirmation"
    return at_confirmation and LineState.CONFIRMED in states and LineState.PENDING not in states


def _refunds(order: Order) -> Iterator[Desire]:
    """Dead lines give their money back, also when it was paid out; shipping when no line is left, or the desk says so.

    So does what was granted of a line that goes its way.
    """
    disputed, ours = order.disputed, (Funds.ESCROW, Funds.RELEASED)
    back = [
        line.line_id
        for line in order.lines
        if line.state in DEAD and line.funds in ours and line.line_id not in disputed
    ]
    if order.shipping_goes_back and order.shipping_funds in ours and SHIPPING not in disputed:
        back.append(SHIPPING)
    if back:
        amount = total([order.left(piece) for piece in back], order.currency)
        yield Desire(Verb.REFUND, amount, tuple(back), order.payment.charge, AT_ONCE)
    for part in order.due_back:
        if part.piece not in disputed:
            yield Desire(Verb.REFUND, part.amount, (part.piece,), order.payment.charge, AT_ONCE)
    free = [stray for stray in order.strays if stray.ref not in order.disputed_strays]
    for stray in free[:1]:
        yield Desire(Verb.REFUND, stray.amount, (SUSPENSE,), stray.ref, AT_ONCE)


def _releases(order: Order) -> Iterator[Desire]:
    """Accepted lines pay the seller less fees, once the payout account has settled; shipping goes with the last one.

    Shipping that goes back to the buyer does not. What is granted of a line goes back before its rest is paid. What a
    dispute had taken and was won back is paid out, too. Nothing is paid out while the payment is under review.
    """
    granted = {part.piece for part in order.due_back}
    accepted = [
        line
        for line in order.lines
        if line.state is LineState.ACCEPTED
        and line.funds is Funds.ESCROW
        and not line.held
        and line.line_id not in granted
    ]
    out = [line.line_id for line in accepted]
    live = order.live
    all_out = bool(live) and all(line.line_id in out or line.funds is Funds.RELEASED for line in live)
    kept = order.shipping_funds is Funds.ESCROW and not order.shipping_goes_back
    if all_out and kept and SHIPPING not in order.disputed:
        out.append(SHIPPING)
    out += [dispute.dispute_id for dispute in order.disputes if dispute.status is DisputeStatus.RESTORED]
    if out:
        amount = total([net_of(order, piece) for piece in out], order.currency)
        settled = account_settled(order)
        free = max(settled, order.reviewed_until or settled)
        asked = max([order.placed_at, *(line.since for line in accepted)])
        yield Desire(Verb.RELEASE, amount, tuple(out), order.payment.charge, free if free > asked else AT_ONCE)


def account_settled(order: Order) -> datetime:
    """From when on money may go to the seller's payout account: who takes an account over is not paid at once."""
    return order.account.since + order.policy.payout.account_settles


def _debts(order: Order) -> Iterator[Desire]:
    """A lost dispute is borne; what the seller owes is taken back from his account, and written off in the end.

    One release that cannot be taken back keeps no other from it: each is asked for by itself.
    """
    for dispute in order.disputes:
        if dispute.status is DisputeStatus.LOST:
            pieces = tuple(part.piece for part in dispute.parts)
            yield Desire(Verb.BEAR, dispute.amount, pieces, dispute.dispute_id, AT_ONCE)
    debt = order.debt
    if debt is None:
        return
    for move in order.moves:
        if move.verb is Verb.RELEASE and move.left:
            yield Desire(Verb.REVERSE_RELEASE, min(debt.amount, move.left), (), move.ref, AT_ONCE)
    given_up = debt.since + timedelta(days=order.policy.debt.write_off)
    yield Desire(Verb.WRITE_OFF, debt.amount, (), "", given_up)


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
    after = apply_all(order, events)
    done = overtaken_claims(order, after, now)
    return (*events, *done, *overtaken(apply_all(after, done), f"{op.verb}"))


def _settled(order: Order, op: MoneyOp, result: Result, now: datetime) -> tuple[Event, ...]:
    if isinstance(result, Unclear):
        return (MoneyUnknown(_retry_at(order, op, result, now), result.code),)
    if isinstance(result, No):
        return _refused(order, op, result, now)
    if isinstance(result, Short):
        return (DebtPaid(_owed(order) - result.owed, _debt(order, result.owed, now)),)
    match op.verb:
        case Verb.AUTHORISE | Verb.REAUTHORISE:
            limit = result.capture_before or now + timedelta(days=order.policy.hold.expected)
            opened_hold = HoldOpened(result.ref, result.amount, limit, result.renewable, now)
            return (opened_hold, *_reviewed(order, result.review, now))
        case Verb.CAPTURE:
            return (Captured(result.ref, result.amount, op.slices, now),)
        case Verb.VOID:
            return (HoldVoided(op.subject),)
        case _:
            return _paid(order, op, result, now)


def _reviewed(order: Order, review: str, now: datetime) -> tuple[Event, ...]:
    """The provider began to look at the payment before it was this order's: its news may have found no order."""
    if not review or any(known.about == review for known in order.reviews):
        return ()
    since = min([now, *(pause.since for pause in order.pauses)])
    until = now + timedelta(days=order.policy.pause.longest)
    return (ReviewBegun(Pause(since, until, Actor(Role.PROVIDER, str(Role.PROVIDER)), review=True, about=review)),)


def _paid(order: Order, op: MoneyOp, result: Done, now: datetime) -> tuple[Event, ...]:
    """What moved after the capture."""
    match op.verb:
        case Verb.RELEASE:
            return _released(order, op, result, moving(order, op), now)
        case Verb.REFUND:
            return _given_back(order, op, result, moving(order, op), now)
        case Verb.REVERSE_RELEASE:
            debt = _debt(order, _owed(order) - result.amount, now)
            return (ReleaseReversed(result.ref, op.subject, result.amount, debt),)
        case Verb.BEAR:
            return _borne(order, next(d for d in order.disputes if d.dispute_id == op.subject), now)
        case _:
            return (DebtWrittenOff(result.amount),)


def _given_back(order: Order, op: MoneyOp, result: Done, parts: tuple[Part, ...], now: datetime) -> tuple[Event, ...]:
    """What had been paid out before is owed by the seller. A part of a line that fails later is no line's any more."""
    paid_out = [part for part in parts if order.funds_of(part.piece) is Funds.RELEASED]
    owed = total([back_of(order, part.piece, part.amount).net for part in paid_out], order.currency)
    debt = _debt(order, _owed(order) + owed, now) if owed else None
    partial = parts[0] if any(line.line_id == parts[0].piece for line in order.live) else None
    of = (Part(SUSPENSE, partial.amount),) if partial else parts
    move = Moved(op.verb, result.ref, op.subject, result.amount, of, Money.zero(order.currency))
    return (Refunded(result.ref, result.amount, op.slices, move, debt, partial),)


def _released(order: Order, op: MoneyOp, result: Done, parts: tuple[Part, ...], now: datetime) -> tuple[Event, ...]:
    """What this order's own debt took of the release is no longer owed."""
    netted = total([amount for _, amount in result.netted], order.currency)
    own = total([amount for debtor, amount in result.netted if debtor == order.order_id], order.currency)
    move = Moved(op.verb, result.ref, op.subject, result.amount, parts, Money.zero(order.currency))
    released = Released(result.ref, result.amount, op.slices, move, netted or None)
    return (released, DebtPaid(own, _debt(order, _owed(order) - own, now))) if own else (released,)


def _borne(order: Order, dispute: Dispute, now: datetime) -> tuple[Event, ...]:
    shares, fee_owed = shares_of(order, dispute), bears_fee(order, dispute)
    owed = _owed(order) + total([share.net for share in shares if share.by is Bearer.SELLER], order.currency)
    debt = _debt(order, owed + dispute.sellers_fee if fee_owed else owed, now)
    freed = tuple(line.line_id for line in order.lines if line.held == f"dispute:{dispute.dispute_id}")
    borne = DisputeBorne(dispute.dispute_id, shares, fee_owed, debt, now)
    return (borne, LinesHeld(freed, "")) if freed else (borne,)


def _owed(order: Order) -> Money:
    return order.debt.amount if order.debt else Money.zero(order.currency)


def _debt(order: Order, amount: Money, now: datetime) -> Debt | None:
    """What is owed from now on; an older debt keeps its date."""
    return Debt(amount, order.debt.since if order.debt else now) if amount else None


def _retry_at(order: Order, op: MoneyOp, result: Unclear, now: datetime) -> datetime:
    """Minutes at first, then longer, as policy says; within reason not sooner than the provider asked for.

    Whoever asks for more than the time after which a specialist is asked is asked again then.
    """
    money = order.policy.money
    backoff: timedelta = money.first_retry * 2 ** min(op.attempts, 16)
    wish = min(max(0.0, result.retry_after), money.unknown_ticket.total_seconds())
    return now + max(min(backoff, money.longest_retry), timedelta(seconds=wish))


def _refused(order: Order, op: MoneyOp, result: No, now: datetime) -> tuple[Event, ...]:
    code = result.code
    refused = MoneyRefused(op, code, now)
    match op.verb:
        case Verb.AUTHORISE if result.stands and op.subject not in {order.payment.hold, *order.payment.superseded}:
            return (refused, HoldStrayed(op.subject, result.stands))
        case Verb.AUTHORISE:
            return (refused,)
        case Verb.REAUTHORISE:
            return (refused, RenewalFailed(now))
        case Verb.VOID if code in GONE:
            return (HoldVoided(op.subject),)
        case Verb.CAPTURE:
            return (refused, *_unsecured(order, op, now), *opened(order, Cause.MONEY_FAILED, op.verb, now))
        case _:
            days = order.policy.debt.retry if op.verb is Verb.REVERSE_RELEASE else order.policy.payout.retry
            retry = add_business_days(order.desk_calendar, now, days)
            subject = op.subject if op.verb is Verb.REVERSE_RELEASE else ""
            stuck = MoneyStuck(Stuck(op.verb, op.slices, code, now, retry, subject))
            return (refused, stuck, *opened(order, Cause.MONEY_FAILED, op.verb, now))


def _unsecured(order: Order, op: MoneyOp, now: datetime) -> tuple[Event, ...]:
    """A capture that failed takes the shipment back: the seller must not hand over, the buyer is asked to pay anew."""
    sent = tuple(line.line_id for line in order.lines if line.line_id in op.slices and line.state in SENT)
    parcels = tuple(p.parcel_id for p in order.parcels if not p.withdrawn and set(p.lines) & set(sent))
    if not sent:
        return (HoldLost(now),)
    return (LinesMoved(sent, LineState.CONFIRMED, now), LinesHeld(sent, ""), ParcelsWithdrawn(parcels), HoldLost(now))
