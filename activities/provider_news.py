"""From what the payment provider says of an object, read back, to the command that its order should hear.

Everything here is pure. What the order knows already, or did itself, is no news; the order has the last word all the
same. A command's id is made of the object and its state, so that news told twice has one effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from activities.providers.port import (
    AccountStanding,
    DisputeReport,
    DisputeStatus,
    Hold,
    HoldState,
    RefundReport,
    ReviewReport,
)
from domain import wire
from domain.checkout import ID
from domain.desk import PauseOrder, Resume
from domain.money import Verb
from domain.news import AccountNews, HoldGone, LoseDispute, OpenDispute, PaymentFound, RefundFailed, WinDispute
from domain.purse import DisputeReason
from domain.state import Order

CLOCKS_DIFFER: Final = timedelta(hours=1)
"""How far the provider's clock may be ahead of ours; a pause by its clock ends before the longest that is allowed."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A command of the provider, before it is signed."""

    name: str
    command_id: str
    body: object


def command_id(*parts: str) -> str:
    """An id that repeats with its parts and can be read where it is short enough."""
    readable = "-".join(parts)
    return readable if ID.fullmatch(readable) else f"{parts[0]}-{wire.digest(list(parts))}"


def fits(order: Order, hold: Hold) -> bool:
    """Whether a payment that merely names an order can have been meant for it: other shops count their orders, too."""
    return hold.amount in (order.priced, order.wanted, order.payment.authorised)


def payment_found(order: Order, hold: Hold) -> tuple[Telling, ...]:
    """A hold or a payment that the order did not ask for, or that came too late."""
    match hold.state:
        case HoldState.OPEN:
            offer = order.payment.offer
            known = {
                order.payment.hold,
                *order.payment.superseded,
                *order.payment.voided,
                offer.payment_intent if offer else "",
            }
            found = PaymentFound(hold.ref, amount=hold.amount)
            return () if hold.ref in known else (Telling("payment_found", command_id("found", hold.ref), found),)
        case HoldState.CAPTURED if hold.charge not in order.charges:
            found = PaymentFound(hold.ref, hold.charge, hold.captured)
            return (Telling("payment_found", command_id("taken", hold.charge), found),)
        case _:
            return ()


def hold_lost(order: Order, hold: Hold) -> tuple[Telling, ...]:
    """The hold that the order stands on is gone."""
    stands = order.payment.hold == hold.ref and order.payment.captured is None
    if not stands or hold.state is not HoldState.VOIDED:
        return ()
    return (Telling("hold_lost", command_id("lost", hold.ref), HoldGone(hold.ref)),)


def refund_failed(order: Order, refund: RefundReport) -> tuple[Telling, ...]:
    """A refund that stands in the order's books did not arrive."""
    given = any(move.verb is Verb.REFUND and move.ref == refund.ref for move in order.moves)
    if not given or not refund.failed:
        return ()
    return (Telling("refund_failed", command_id("refund", refund.ref, "failed"), RefundFailed(refund.ref)),)


def dispute(order: Order, report: DisputeReport) -> tuple[Telling, ...]:
    """A chargeback from its beginning on, as its end may be told first. An inquiry, which took nothing, is no news.

    It may be about a payment that the order has no claim to.
    """
    if not report.amount:
        return ()
    ref, fee = report.ref, report.fee_returned
    other = "" if report.charge == order.payment.charge else report.charge
    opened = OpenDispute(ref, report.amount, report.fee, DisputeReason(report.reason), other)
    first = Telling("open_dispute", command_id("dispute", ref, "opened"), opened)
    match report.status:
        case DisputeStatus.WON:
            return (first, Telling("win_dispute", command_id("dispute", ref, "won"), WinDispute(ref, fee)))
        case DisputeStatus.LOST:
            return (first, Telling("lose_dispute", command_id("dispute", ref, "lost"), LoseDispute(ref)))
        case _:
            return (first,)


def review(order: Order, report: ReviewReport) -> tuple[Telling, ...]:
    """The provider looks at the payment: the order stands still until it has, or as long as a pause may last.

    The end is told also when we know of no beginning: that may be on its way.
    """
    begun, ended = command_id("review", report.ref, "opened"), command_id("review", report.ref, "closed")
    if not report.open:
        return (Telling("resume", ended, Resume(ended, report.ref)),)
    until = report.opened_at + timedelta(days=order.policy.pause.longest) - CLOCKS_DIFFER
    return (Telling("pause", begun, PauseOrder(until, begun, review=True, about=report.ref)),)


def account(order: Order, ref: str, standing: AccountStanding) -> Telling:
    """The seller's account has another standing. It may change to and fro, so the id bears where the order stood."""
    name = "account_active" if standing is AccountStanding.ACTIVE else "account_restricted"
    return Telling(name, command_id("account", standing, ref, str(order.seq)), AccountNews(ref))
