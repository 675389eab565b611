"""What each event of an order's money does to the order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from domain.events import (
    Captured,
    DebtPaid,
    DebtWrittenOff,
    DisputeBorne,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    HoldLost,
    HoldOpened,
    HoldStrayed,
    HoldVoided,
    MoneyAsked,
    MoneyRefused,
    MoneyStrayed,
    MoneyStuck,
    MoneyUnknown,
    PaymentOffered,
    Refunded,
    RefundFailed,
    Released,
    ReleaseReversed,
    RenewalAsked,
    RenewalFailed,
    RetryAsked,
    ShippingGranted,
)
from domain.folds.common import asked, on_lines, with_funds, without
from domain.money import Money, Verb
from domain.purse import SUSPENSE, Bearer, Dispute, DisputeStatus, Moved, Part, Stray
from domain.shares import covered, emptied_for_the_buyer, less, with_dues
from domain.state import DEAD, Funds, Line, LineState, Order, Payment


def _pay(order: Order, **changes: Any) -> Order:
    return replace(order, payment=replace(order.payment, **changes))


def _unknown(order: Order, event: MoneyUnknown) -> Order:
    op = order.op
    return order if op is None else replace(order, op=replace(op, retry_at=event.retry_at, attempts=op.attempts + 1))


def _settled(order: Order, verb: Verb, slices: tuple[str, ...], subject: str = "") -> Order:
    """The operation under way is over, and nothing is stuck any more about the slices that it moved, or of its kind.

    With a `subject` only what was about that is stuck no more.
    """
    rest = (replace(s, slices=tuple(p for p in s.slices if p not in slices)) for s in order.stuck if s.slices)
    whole = (s for s in order.stuck if not s.slices and (s.verb is not verb or (subject and s.subject != subject)))
    return replace(order, op=None, stuck=(*whole, *(s for s in rest if s.slices)))


def _stuck(order: Order, event: MoneyStuck) -> Order:
    mine = event.stuck
    alike = (s for s in order.stuck if s.verb is mine.verb and s.subject == mine.subject)
    again = [s for s in alike if set(s.slices) <= set(mine.slices)]
    others = tuple(s for s in order.stuck if s not in again)
    return replace(order, stuck=(*others, mine))


def _refused(order: Order, event: MoneyRefused) -> Order:
    order = replace(order, op=None)
    if event.op.verb is Verb.AUTHORISE:
        return _pay(order, offer=None, refused=event.code)
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
        order if payment.lost_at is None else without(order, _starts_with_payment),
        offer=None,
        refused="",
        renewing=False,
        buyer_asked_at=None,
        lost_at=None,
        superseded=_let_go(payment, event.ref),
        held=_amounts(payment, event.ref),
        hold=event.ref,
        authorised=event.amount,
        capture_before=event.capture_before,
        renewable=event.renewable and (lasts or not payment.hold),
        paid_at=payment.paid_at if payment.hold else event.at,
    )
    return _settled(order, verb, ())


def _let_go(payment: Payment, hold: str) -> tuple[str, ...]:
    """The holds to let go once `hold` stands instead ("" for none), which may have been one of them."""
    return tuple(ref for ref in (*payment.superseded, payment.hold) if ref not in ("", hold))


def _amounts(payment: Payment, hold: str) -> tuple[tuple[str, Money], ...]:
    """What the holds to let go hold, once `hold` stands instead; the next may be for less."""
    stood = () if payment.authorised is None else ((payment.hold, payment.authorised),)
    return tuple(item for item in (*payment.held, *stood) if item[0] not in ("", hold))


def _hold_lost(order: Order, event: HoldLost) -> Order:
    order = without(order, _starts_with_payment)
    let_go, held = _let_go(order.payment, ""), _amounts(order.payment, "")
    order = _pay(order, hold="", superseded=let_go, held=held, lost_at=event.at)
    return _pay(order, capture_before=None, renewing=False, buyer_asked_at=None)


def _hold_strayed(order: Order, event: HoldStrayed) -> Order:
    payment = order.payment
    held = payment.held if event.amount is None else (*payment.held, (event.ref, event.amount))
    return _pay(order, superseded=(*payment.superseded, event.ref), held=held)


def _hold_voided(order: Order, event: HoldVoided) -> Order:
    order, payment = _settled(order, Verb.VOID, ()), order.payment
    order = _pay(order, voided=(*payment.voided, event.ref))
    if event.ref in payment.superseded:
        held = tuple(item for item in payment.held if item[0] != event.ref)
        return _pay(order, superseded=tuple(ref for ref in payment.superseded if ref != event.ref), held=held)
    return _pay(order, hold="", capture_before=None, renewing=False, buyer_asked_at=None)


def _captured(order: Order, event: Captured) -> Order:
    order = with_funds(_settled(order, Verb.CAPTURE, event.slices), event.slices, Funds.ESCROW)
    return _pay(order, charge=event.charge, captured=event.amount, captured_at=event.at, buyer_asked_at=None)


def _moved(order: Order, verb: Verb, slices: tuple[str, ...], funds: Funds, move: Moved | None) -> Order:
    """Slices left for `funds`; money that was no line's, of a dispute or a stray payment, is no longer there."""
    order = with_funds(_settled(order, verb, slices), slices, funds)
    disputes = tuple(_paid_out(dispute) if dispute.dispute_id in slices else dispute for dispute in order.disputes)
    order = _sent_back(order, move) if SUSPENSE in slices else order
    return replace(order, disputes=disputes, moves=(*order.moves, *([move] if move else [])))


def _sent_back(order: Order, move: Moved | None) -> Order:
    """The stray payment that went back is the oldest of its charge, or, in steps of an older version, of all."""
    gone = next((stray for stray in order.strays if move and stray.ref == move.source), order.strays[0])
    at = order.strays.index(gone)
    return replace(order, strays=(*order.strays[:at], *order.strays[at + 1 :]))


def _paid_out(dispute: Dispute) -> Dispute:
    return replace(dispute, status=DisputeStatus.WON)


def _refunded(order: Order, event: Refunded) -> Order:
    if event.part is not None:
        return _part_refunded(order, event, event.part)
    order = _moved(order, Verb.REFUND, event.slices, Funds.REFUNDED, event.move)
    return order if event.debt is None else replace(order, debt=event.debt)


def _part_refunded(order: Order, event: Refunded, part: Part) -> Order:
    """The rest of the slice goes its way; a line of which nothing is left is refunded."""
    order = _settled(order, Verb.REFUND, event.slices)
    given, granted = (*order.given_back, part), less(order.granted, (part,))
    moves = (*order.moves, *([event.move] if event.move else []))
    order = replace(order, given_back=given, granted=granted, moves=moves, debt=event.debt or order.debt)
    return order if order.left(part.piece) else _emptied(order, (part.piece,), None)


def _without_taken(order: Order, charge: str, taken: Money) -> tuple[Stray, ...]:
    """What of a charge the bank has given the buyer need not be sent back any more."""
    kept: list[Stray] = []
    for stray in order.strays:
        gone = min(stray.amount, taken) if stray.ref == charge else Money.zero(order.currency)
        taken -= gone
        kept += [replace(stray, amount=stray.amount - gone)] if stray.amount > gone else []
    return tuple(kept)


def _emptied(order: Order, pieces: tuple[str, ...], at: datetime | None) -> Order:
    """A line with nothing left is refunded, since `at` unless it keeps its time."""

    def after(line: Line) -> Line:
        return line if line.state in DEAD else replace(line, state=LineState.REFUNDED, since=at or line.since)

    return with_dues(asked(on_lines(with_funds(order, pieces, Funds.REFUNDED), pieces, after)))


def _reversed(order: Order, event: ReleaseReversed) -> Order:
    moves = tuple(
        replace(move, reversed=move.reversed + event.amount) if move.ref == event.release else move
        for move in order.moves
    )
    # What is still owed is asked for anew when each refusal says so; nothing waits for a debt that is paid.
    about = event.release if event.debt else ""
    return replace(_settled(order, Verb.REVERSE_RELEASE, (), about), moves=moves, debt=event.debt)


def _debt_paid(order: Order, event: DebtPaid) -> Order:
    return replace(_settled(order, Verb.REVERSE_RELEASE, ()), debt=event.debt)


def _written_off(order: Order, event: DebtWrittenOff) -> Order:
    stuck = tuple(item for item in order.stuck if item.verb is not Verb.REVERSE_RELEASE)
    gone = event.amount if order.written_off is None else order.written_off + event.amount
    return replace(_settled(order, Verb.WRITE_OFF, ()), stuck=stuck, debt=None, written_off=gone)


def _refund_failed(order: Order, event: RefundFailed) -> Order:
    failed = event.move
    moves = tuple(move for move in order.moves if move.ref != failed.ref)
    pieces = tuple(part.piece for part in event.back)
    back = tuple(Stray(failed.source, part.amount) for part in event.back if part.piece == SUSPENSE)
    order = with_funds(replace(order, moves=moves, strays=(*order.strays, *back)), pieces, Funds.ESCROW)
    order = _made_up(order, event.made_up)
    return replace(order, disputes=covered(order))


def _made_up(order: Order, parts: tuple[Part, ...]) -> Order:
    """The platform's losses are less by these parts."""
    amounts = {part.piece: part.amount for part in parts}
    disputes = (d.made_up(amounts[d.dispute_id]) if d.dispute_id in amounts else d for d in order.disputes)
    return replace(order, disputes=tuple(disputes))


def _dispute(order: Order, dispute_id: str, **changes: Any) -> Order:
    disputes = tuple(replace(d, **changes) if d.dispute_id == dispute_id else d for d in order.disputes)
    return replace(order, disputes=disputes)


def _won(order: Order, event: DisputeWon) -> Order:
    """The slices are free again; what had been borne already goes into escrow under the dispute's own name."""
    dispute = event.won
    borne = dispute.status is DisputeStatus.BORNE and bool(dispute.restorable)
    status = DisputeStatus.RESTORED if borne else DisputeStatus.WON
    changes = {"status": status, "fee_back": dispute.fee_back, "recovered": dispute.recovered}
    order = _made_up(_dispute(order, dispute.dispute_id, **changes), event.made_up)
    if event.recovered and order.written_off is not None:
        order = replace(order, written_off=order.written_off - event.recovered)
    again = (Stray(order.disputed_charge(dispute), event.stray),) if event.stray else ()
    order = replace(order, strays=(*order.strays, *again))
    return replace(order, disputes=covered(order))


def _borne(order: Order, event: DisputeBorne) -> Order:
    """What a slice lost counts as given back; a line with nothing left is refunded."""
    order = _dispute(order, event.dispute_id, status=DisputeStatus.BORNE, shares=event.shares, fee_owed=event.fee_owed)
    taken = [share for share in event.shares if share.by is not Bearer.PLATFORM and share.amount]
    lost = tuple(Part(share.piece, share.amount) for share in taken if share.piece != SUSPENSE)
    dispute = next(d for d in order.disputes if d.dispute_id == event.dispute_id)
    strays = _without_taken(order, order.disputed_charge(dispute), dispute.from_suspense)
    order = replace(order, given_back=(*order.given_back, *lost), debt=event.debt, strays=strays)
    gone = tuple(part.piece for part in lost if not order.left(part.piece))
    settled = gone if strays else (*gone, SUSPENSE)
    order = emptied_for_the_buyer(_settled(_less_promised(order, lost), Verb.BEAR, settled), event.shares, gone)
    return _emptied(order, gone, event.at)


def _less_promised(order: Order, taken: tuple[Part, ...]) -> Order:
    """What the bank gave the buyer of a line is no longer to be given because of a claim: nothing is paid twice."""
    claims = tuple(
        replace(claim, ruling=replace(claim.ruling, parts=less(claim.ruling.parts, taken))) if claim.ruling else claim
        for claim in order.claims
    )
    return replace(order, granted=less(order.granted, taken), claims=claims)


MONEY_FOLDS: Mapping[type, Callable[[Order, Any], Order]] = {
    PaymentOffered: lambda o, e: _pay(o, offer=e.offer, refused=""),
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
    HoldStrayed: _hold_strayed,
    Released: lambda o, e: _moved(o, Verb.RELEASE, e.slices, Funds.RELEASED, e.move),
    Refunded: _refunded,
    ShippingGranted: lambda o, e: with_dues(replace(o, shipping_back=True)),
    ReleaseReversed: _reversed,
    DebtPaid: _debt_paid,
    DebtWrittenOff: _written_off,
    RefundFailed: _refund_failed,
    MoneyStrayed: lambda o, e: replace(o, strays=(*o.strays, e.stray)),
    DisputeOpened: lambda o, e: replace(o, disputes=(*o.disputes, e.dispute)),
    DisputeWon: _won,
    DisputeLost: lambda o, e: _dispute(o, e.dispute_id, status=DisputeStatus.LOST),
    DisputeBorne: _borne,
}
"""The folds of `domain.fold` that are about money."""
