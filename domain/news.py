"""What the payment provider tells by itself: disputes, failed refunds, lost holds, payments out of turn, accounts.

The gateway has read the provider's object back before it sends one of these, and signs it. They are taken by an order
that is over, too: its end is final for money but for these (W3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.business_time import add_business_days
from domain.checkout import NOT_A_REFERENCE, REFERENCE, unpaid
from domain.errors import Invalid, Refused
from domain.events import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    Event,
    HoldLost,
    HoldStrayed,
    LinesHeld,
    MoneyStrayed,
    MoneyStuck,
    PaymentOffered,
    RefundFailed as RefundIsBack,
    RetryAsked,
    WindowReopened,
)
from domain.funds import capture_due, desires
from domain.money import Money, Verb, total
from domain.purse import Dispute, DisputeReason, DisputeStatus, Stray
from domain.shares import made_up, parts_of
from domain.state import Cause, Line, Offer, Order, Stuck
from domain.step import Moment
from domain.tickets import due_anew, opened


@dataclass(frozen=True, slots=True)
class PaymentFound:
    """A hold of `amount` stands under `payment_intent` that came without our doing; or, with `charge`, it was taken."""

    payment_intent: str
    charge: str = ""
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class HoldGone:
    """The hold expired, or its issuer cancelled it."""

    hold: str


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """A refund that had been given could not be delivered; the money is back with us."""

    refund: str


@dataclass(frozen=True, slots=True)
class OpenDispute:
    """The buyer's bank took `amount` back, and the provider its `fee` on top.

    `charge` is the payment that it is about, "" for the one that pays for the order.
    """

    dispute: str
    amount: Money
    fee: Money
    reason: DisputeReason = DisputeReason.OTHER
    charge: str = ""


@dataclass(frozen=True, slots=True)
class WinDispute:
    """The bank decided for the seller: the money is back, and `fee` of the fee."""

    dispute: str
    fee: Money


@dataclass(frozen=True, slots=True)
class LoseDispute:
    """The bank decided for the buyer."""

    dispute: str


@dataclass(frozen=True, slots=True)
class AccountNews:
    """The seller's payout account at the provider has changed its standing."""

    account: str


def captured_before(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Only what was taken can be taken back, also when the order had no claim to it."""
    return None if order.payment.captured is not None or order.charges else "nothing was captured"


def hold_stands(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is an authorisation to lose."""
    stands = order.payment.hold and order.payment.captured is None
    return None if stands else "the order stands on no hold"


def refund_given(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a refund that can fail."""
    return None if any(move.verb is Verb.REFUND for move in order.moves) else "nothing was refunded"


def dispute_undecided(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The bank has yet to decide."""
    return None if any(d.status is DisputeStatus.OPEN for d in order.disputes) else "no dispute is open"


def dispute_not_won(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """A dispute is open, or lost: banks change their minds."""
    lost = (DisputeStatus.OPEN, DisputeStatus.LOST, DisputeStatus.BORNE)
    return None if any(d.status in lost for d in order.disputes) else "there is no dispute to win"


def release_waits(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """A release is due that a restricted account would refuse."""
    due = order.op is None and any(desire.verb is Verb.RELEASE for desire in desires(order))
    return None if due and not _release_stuck(order) else "no release waits for an account"


def release_refused(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Something waits for the seller's account."""
    return None if _release_stuck(order) else "nothing waits for the seller's account"


def _release_stuck(order: Order) -> bool:
    return any(item.verb in (Verb.RELEASE, Verb.REVERSE_RELEASE) for item in order.stuck)


def capture_not_asked(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """What becomes of the hold is told by the operation on it that is under way, or due."""
    op = order.op
    if op is not None and op.subject == order.payment.hold and not op.is_check:
        return f"{op.verb} in progress; it will tell"
    return "capture in progress; it will tell" if order.payment.captured is None and capture_due(order) else None


def reopened(order: Order) -> tuple[Event, ...]:
    """An order whose window had ended is open again."""
    return (WindowReopened(),) if order.closed_at is not None else ()


def payment_found(moment: Moment) -> tuple[Event, ...]:
    """An order that waits to be paid takes the payment; any other gives it back.

    With what was taken from the hold that it stands on, an order loses that hold.
    """
    order, body = moment.order, moment.body
    _check("payment_intent", body.payment_intent)
    if body.charge:
        return _taken(order, body, moment.now)
    if body.amount is not None and body.amount.minor < 0:
        raise Invalid("body.amount", "must not be negative")
    if body.payment_intent in {order.payment.hold, *order.payment.superseded, *order.payment.voided}:
        raise Refused("nothing_new", "this payment is known")
    if unpaid(order, (), moment.now) is None:
        return (PaymentOffered(Offer(body.payment_intent)),)
    if order.payment.offer is not None and order.payment.offer.payment_intent == body.payment_intent:
        raise Refused("nothing_new", "this payment is being authorised")
    return (*reopened(order), HoldStrayed(body.payment_intent, body.amount))


def _taken(order: Order, body: PaymentFound, now: datetime) -> tuple[Event, ...]:
    """Money that this order did not ask for goes back. Its own hold is lost by it, unless our capture will tell."""
    _check("charge", body.charge)
    if body.amount is None or body.amount.currency != order.currency or body.amount.minor <= 0:
        raise Invalid("body.amount", f"must be what was taken, in {order.currency} and above zero")
    if body.charge in order.charges:
        raise Refused("nothing_new", "this payment is known")
    strayed = (*reopened(order), MoneyStrayed(Stray(body.charge, body.amount)))
    lost = body.payment_intent == order.payment.hold and not hold_stands(order, (), now)
    return (*strayed, HoldLost(now)) if lost and not capture_not_asked(order, (), now) else strayed


def hold_gone(moment: Moment) -> tuple[Event, ...]:
    """The buyer is asked to pay anew; the seller must not hand anything over."""
    order, body = moment.order, moment.body
    if body.hold != order.payment.hold:
        raise Refused("nothing_new", "the order does not stand on this hold")
    return (HoldLost(moment.now),)


def refund_failed(moment: Moment) -> tuple[Event, ...]:
    """The money is here again and is refunded anew; a specialist looks at the reason.

    But what the bank has given the buyer meanwhile, and the platform has borne, makes up for that loss.
    """
    order, now = moment.order, moment.now
    move = next((m for m in order.moves if m.verb is Verb.REFUND and m.ref == moment.body.refund), None)
    if move is None:
        raise Refused("nothing_new", "no refund of that id stands")
    back = RefundIsBack(move, made_up(order, move.source, move.amount))
    if not back.back:
        return (back,)
    pieces = tuple(part.piece for part in back.back)
    retry = add_business_days(order.desk_calendar, now, order.policy.payout.retry)
    stuck = MoneyStuck(Stuck(Verb.REFUND, pieces, "RefundFailed", now, retry))
    return (*reopened(order), back, stuck, *opened(order, Cause.MONEY_FAILED, Verb.REFUND, now))


def open_dispute(moment: Moment) -> tuple[Event, ...]:
    """What is left of the disputed payment stands still until the bank has decided.

    It may take more than was paid, because rates change; what exceeds the payment is laid over nothing.
    Another payment than the one that pays for the order is none of its lines' and none of the seller's business.
    """
    order, body, now = moment.order, moment.body, moment.now
    _check("dispute", body.dispute)
    if any(known.dispute_id == body.dispute for known in order.disputes):
        raise Refused("nothing_new", "this dispute is known")
    other = "" if body.charge == order.payment.charge else body.charge
    if not came_in(order, other):
        raise Refused("captured_before", f"nothing came in under {other}" if other else "nothing was captured")
    if body.amount.currency != order.currency or body.amount.minor <= 0:
        raise Invalid("body.amount", f"must be above zero, and in {order.currency}")
    if body.fee.minor < 0:
        raise Invalid("body.fee", "must not be negative")
    parts = parts_of(order, body.amount, other or order.payment.charge)
    dispute = Dispute(body.dispute, body.amount, body.fee, body.reason, now, parts, charge=other)
    held = tuple(part.piece for part in parts if _free(order, part.piece))
    holding: tuple[Event, ...] = (LinesHeld(held, f"dispute:{body.dispute}"),) if held else ()
    ticket = opened(order, Cause.DISPUTE, body.dispute, now)
    return (*reopened(order), DisputeOpened(dispute), *holding, *ticket)


def about_other_payment(order: Order, events: Iterable[Event]) -> bool:
    """Whether they tell of a dispute about another payment than the one that pays for the order."""
    disputes = {
        event.dispute_id if isinstance(event, DisputeLost) else event.dispute.dispute_id
        for event in events
        if isinstance(event, DisputeOpened | DisputeWon | DisputeLost)
    }
    return any(dispute.charge for dispute in order.disputes if dispute.dispute_id in disputes)


def came_in(order: Order, other: str) -> Money:
    """What was captured; or, under an `other` charge, what came in without a claim to it, wherever it is by now."""
    if not other:
        return order.payment.captured or Money.zero(order.currency)
    back = [move.amount for move in order.moves if move.source == other]
    borne = [d.stray_back for d in order.disputes if d.charge == other and d.status is DisputeStatus.BORNE]
    return total([order.in_suspense(other), *back, *borne], order.currency)


def _free(order: Order, piece: str) -> bool:
    return any(line.line_id == piece and not line.held for line in order.lines)


def win_dispute(moment: Moment) -> tuple[Event, ...]:
    """The money is back: slices go on where they stood, or, borne meanwhile, what they lost is paid to the seller."""
    order, body = moment.order, moment.body
    dispute = _dispute(order, body.dispute)
    if dispute.status in (DisputeStatus.WON, DisputeStatus.RESTORED):
        raise Refused("nothing_new", "this dispute is won")
    if body.fee.currency != dispute.fee.currency or not 0 <= body.fee.minor <= dispute.fee.minor:
        raise Invalid("body.fee", f"must be from zero to the fee that was taken, {dispute.fee}")
    freed = tuple(line.line_id for line in order.lines if line.held == f"dispute:{dispute.dispute_id}")
    made = made_up(order, order.disputed_charge(dispute), dispute.stray_back, dispute.dispute_id)
    won = DisputeWon(dispute, body.fee, made)
    sellers = won.won.restorable - won.won.restorable_fee
    if order.written_off and dispute.status is DisputeStatus.BORNE and sellers:
        won = replace(won, recovered=min(order.written_off, sellers))
    held: tuple[Event, ...] = (LinesHeld(freed, ""),) if freed else ()
    return (*reopened(order), won, *held, *_judged_anew(moment, dispute))


def lose_dispute(moment: Moment) -> tuple[Event, ...]:
    """The money is gone; who bears it is settled as soon as nothing else is under way."""
    dispute = _dispute(moment.order, moment.body.dispute)
    if dispute.status is not DisputeStatus.OPEN:
        raise Refused("nothing_new", f"this dispute is {dispute.status}")
    return (DisputeLost(dispute.dispute_id), *_judged_anew(moment, dispute))


def presume_lost(moment: Moment) -> tuple[Event, ...]:
    """No answer for so long counts as lost; an answer that comes later still counts."""
    dispute = _dispute(moment.order, moment.body.subject)
    return (DisputeLost(dispute.dispute_id), *_judged_anew(moment, dispute))


def _judged_anew(moment: Moment, dispute: Dispute) -> tuple[Event, ...]:
    """The desk could not give back what the bank was deciding about, and has its time now."""
    return due_anew(moment.order, frozenset(part.piece for part in dispute.parts), moment.now)


def account_restricted(moment: Moment) -> tuple[Event, ...]:
    """A release that waits would be refused: it is stuck until the account is mended, and a specialist knows."""
    order, now = moment.order, moment.now
    _own_account(order, moment.body.account)
    waiting = next(desire for desire in desires(order) if desire.verb is Verb.RELEASE)
    retry = add_business_days(order.desk_calendar, now, order.policy.payout.retry)
    stuck = Stuck(Verb.RELEASE, waiting.slices, "AccountRestricted", now, retry)
    return (MoneyStuck(stuck), *opened(order, Cause.MONEY_FAILED, Verb.RELEASE, now))


def account_active(moment: Moment) -> tuple[Event, ...]:
    """What waits for the account is tried at once."""
    _own_account(moment.order, moment.body.account)
    return (RetryAsked(moment.now),)


def _own_account(order: Order, account: str) -> None:
    if account != order.account.ref:
        raise Refused("nothing_new", "the seller of this order is paid to another account")


def _dispute(order: Order, dispute_id: str) -> Dispute:
    dispute = next((d for d in order.disputes if d.dispute_id == dispute_id), None)
    if dispute is None:
        raise Refused("dispute_unknown", "this order has no dispute of that id")
    return dispute


def _check(field: str, reference: str) -> None:
    if not REFERENCE.fullmatch(reference):
        raise Invalid(f"body.{field}", NOT_A_REFERENCE)
