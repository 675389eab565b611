"""Whether a notice is still true of its order when it is about to be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.claims.telling import still_ended, still_waits
from domain.money import Verb
from domain.state import UNSHIPPED, LineState, Order, Stage, in_state, stage

Fact = str | int | list[str]
Facts = Mapping[str, Fact]
"""What a notice is about: ids, amounts as text, times as ISO 8601; nothing personal."""


def ids(fact: Fact | None) -> list[str]:
    """The ids that a fact lists; none where it says something else."""
    return fact if isinstance(fact, list) else []


def stands(template: str, facts: Facts, order: Order) -> bool:
    """Whether a notice is still true of the order as it is now; one that only tells what happened always is."""
    rule = _STANDS.get(template)
    return rule is None or rule(order, facts)


def _unpaid(order: Order, facts: Facts) -> bool:
    return stage(order) is Stage.AWAITING_PAYMENT


def _unconfirmed(order: Order, facts: Facts) -> bool:
    return bool(in_state(order.lines, (LineState.PENDING,)))


def _unsent(order: Order, facts: Facts) -> bool:
    return bool(in_state(order.lines, UNSHIPPED))


def parcel_goes(order: Order, facts: Facts) -> bool:
    """Whether the parcel that a notice is about, if it is about one, was not taken back."""
    if "parcel_id" not in facts:
        return True
    parcel = order.parcel(str(facts["parcel_id"]))
    if parcel is None:
        return any(back.parcel_id == facts["parcel_id"] for claim in order.open_claims for back in claim.returns)
    return not parcel.withdrawn


def _parcel_is_there(order: Order, facts: Facts) -> bool:
    parcel = order.parcel(str(facts["parcel_id"]))
    return parcel is not None and parcel.milestone == facts["milestone"]


def _parcel_still_lost(order: Order, facts: Facts) -> bool:
    parcel = order.parcel(str(facts["parcel_id"]))
    return parcel is not None and parcel.loss is not None


def _ticket_open(order: Order, facts: Facts) -> bool:
    return order.ticket(str(facts["ticket_id"])) is not None


_STANDS: Mapping[str, Callable[[Order, Facts], bool]] = {
    "place": _unpaid,
    "payment_declined": _unpaid,
    "paid": lambda order, facts: bool(order.live),
    "hold_lost": lambda order, facts: order.payment.lost_at is not None and bool(order.live),
    "renewal_failed": lambda order, facts: order.payment.buyer_asked_at is not None,
    "capture_pending": lambda order, facts: order.op is not None and order.op.verb is Verb.CAPTURE,
    "capture_refused": lambda order, facts: order.payment.captured is None,
    "secured": parcel_goes,
    "ship": parcel_goes,
    "register_tracker": parcel_goes,
    "parcel_scan": _parcel_is_there,
    "parcel_lost": _parcel_still_lost,
    "parcel_found": lambda order, facts: not _parcel_still_lost(order, facts),
    "confirm_overdue": _unconfirmed,
    "ship_overdue": _unsent,
    "request_cancel": lambda order, facts: order.cancel_request is not None,
    "ask_time": lambda order, facts: order.time_request is not None,
    "pause": lambda order, facts: bool(order.pauses),
    "remind_claim": still_waits,
    "feedback": still_ended,
    "ticket_opened": _ticket_open,
    "ticket_escalated": _ticket_open,
}
