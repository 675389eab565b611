"""What people, carrier and provider may do next with an order of lines ``a`` and ``b``: what searches try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from domain.money import Money, Verb
from domain.parcels.parcel import Milestone
from domain.parcels.ship import RANK
from domain.state import Order, Role
from tests.domain.world import text_of

BUYER, SELLER, CARRIER, STOREFRONT = Role.BUYER, Role.SELLER, Role.CARRIER, Role.STOREFRONT
SPECIALIST, OPERATOR, PROVIDER = Role.SPECIALIST, Role.OPERATOR, Role.PROVIDER

Move = tuple[str, Role, dict[str, Any], str]
"""A command's name, who sends it, its body, and the ticket that it resolves."""

SCANS = (
    (Milestone.IN_TRANSIT, "weak"),
    (Milestone.DELIVERED, "weak"),
    (Milestone.DELIVERED, "strong"),
    (Milestone.LOST, "weak"),
)


def goods(order: Order, now: datetime) -> Iterator[Move]:
    """What buyer and seller do with two lines and up to two parcels."""
    yield "confirm", SELLER, {}, ""
    yield "confirm", SELLER, {"lines": ["a"]}, ""
    yield "decline", SELLER, {"reason": "out_of_stock"}, ""
    yield "cancel", BUYER, {"reason": "changed_mind", "lines": ["a"]}, ""
    yield "cancel", SELLER, {"reason": "damaged", "lines": ["b"]}, ""
    yield "receive", BUYER, {}, ""
    yield "receive", BUYER, {"lines": ["a"]}, ""
    if len(order.parcels) < 2:
        parcel = {"parcel_id": f"p{len(order.parcels) + 1}", "carrier": "dhl"}
        yield "ship", SELLER, {**parcel, "lines": ["a"]}, ""
        yield "ship", SELLER, parcel, ""
    yield from scans(order, now)


def scans(order: Order, now: datetime) -> Iterator[Move]:
    """Every carrier's milestone that tells something new."""
    for parcel in order.parcels:
        for milestone, proof in SCANS:
            if parcel.milestone is None or RANK[milestone] > RANK[parcel.milestone]:
                body = {"parcel_id": parcel.parcel_id, "milestone": milestone, "at": text_of(now), "proof": proof}
                yield "parcel_scan", CARRIER, body, ""


def requests(order: Order, now: datetime) -> Iterator[Move]:
    """What the parties ask each other."""
    yield "confirm", SELLER, {}, ""
    if len(order.parcels) < 2:
        yield "ship", SELLER, {"parcel_id": f"p{len(order.parcels) + 1}", "carrier": "dhl", "lines": ["a"]}, ""
        yield "ship", SELLER, {"parcel_id": f"p{len(order.parcels) + 1}", "carrier": "dhl", "lines": ["b"]}, ""
    yield "request_cancel", BUYER, {"reason": "too_slow"}, ""
    yield "request_cancel", BUYER, {"reason": "too_slow", "lines": ["b"]}, ""
    yield "grant_cancel", SELLER, {}, ""
    yield "refuse_cancel", SELLER, {}, ""
    yield "ask_time", SELLER, {"days": 5}, ""
    yield "grant_time", BUYER, {}, ""
    yield "refuse_time", BUYER, {}, ""
    yield "wait_longer", BUYER, {"days": 10}, ""
    yield "pay", BUYER, {"payment_intent": f"pi_{order.seq}"}, ""
    yield "receive", BUYER, {}, ""


def mending(order: Order, now: datetime) -> Iterator[Move]:
    """What the desk does to an order, beside the parties' shortest way."""
    note = {"note_id": "n-1"}
    yield "confirm", SELLER, {}, ""
    if not order.parcels:
        yield "ship", SELLER, {"parcel_id": "p1", "carrier": "dhl"}, ""
    yield from scans(order, now)
    yield "receive", BUYER, {}, ""
    yield "release", SPECIALIST, note, ""
    yield "refund", OPERATOR, note, ""
    yield "refund_shipping", OPERATOR, note, ""
    yield "cancel", SPECIALIST, {"reason": "suspicion"}, ""
    yield "retry", OPERATOR, note, ""
    yield "pause", OPERATOR, {"until": text_of(now + timedelta(days=9)), **note}, ""
    yield "resume", OPERATOR, note, ""
    for clock in ("pay", "confirm", "ship", "receipt", "stall"):
        if order.seq < 12:
            yield "extend", SPECIALIST, {"clock": clock, "until": text_of(now + timedelta(days=12)), **note}, ""
    if order.approval is not None:
        yield "approve", OPERATOR, {"digest": order.approval.digest}, ""
    for ticket in order.tickets:
        until = text_of(now + timedelta(days=3))
        yield "resolve_ticket", SPECIALIST, {"ticket_id": ticket.ticket_id, "outcome": "no_change", **note}, ""
        resolve = {"ticket_id": ticket.ticket_id, "outcome": "extend", "until": until, **note}
        yield "resolve_ticket", SPECIALIST, resolve, ""
        yield "refund", SPECIALIST, note, ticket.ticket_id


def payments(order: Order, now: datetime) -> Iterator[Move]:
    """What can happen to the money while the goods go the shortest way."""
    yield "pay", BUYER, {"payment_intent": f"pi_{order.seq}"}, ""
    yield "pay", BUYER, {"payment_method": "pm_1", "customer": "cus_1"}, ""
    yield "more_time_to_pay", BUYER, {"days": 7}, ""
    yield "payout_account", STOREFRONT, {"account": "acct_2"}, ""
    yield "confirm", SELLER, {}, ""
    yield "decline", SELLER, {"reason": "wrong_price"}, ""
    yield "cancel", SELLER, {"reason": "cannot_ship", "lines": ["a"]}, ""
    if len(order.parcels) < 2:
        yield "ship", SELLER, {"parcel_id": f"p{len(order.parcels) + 1}", "carrier": "dhl", "lines": ["a"]}, ""
        yield "ship", SELLER, {"parcel_id": f"p{len(order.parcels) + 1}", "carrier": "dhl"}, ""
    yield "receive", BUYER, {}, ""
    yield "refund", SPECIALIST, {"note_id": "n-1", "lines": ["a"]}, ""
    yield "release", SPECIALIST, {"note_id": "n-1"}, ""
    yield "retry", OPERATOR, {"note_id": "n-1"}, ""


def told(order: Order, now: datetime) -> Iterator[Move]:
    """What the payment provider tells, while the goods go the shortest way and the desk gives money back."""
    captured = order.payment.captured
    yield "confirm", SELLER, {}, ""
    if not order.parcels:
        yield "ship", SELLER, {"parcel_id": "p1", "carrier": "dhl", "lines": ["a"]}, ""
        yield "ship", SELLER, {"parcel_id": "p1", "carrier": "dhl"}, ""
    yield "receive", BUYER, {}, ""
    yield "receive", BUYER, {"lines": ["a"]}, ""
    yield "refund", SPECIALIST, {"note_id": "n-1", "lines": ["a"]}, ""
    yield "refund_shipping", SPECIALIST, {"note_id": "n-1"}, ""
    yield "retry", OPERATOR, {"note_id": "n-1"}, ""
    if order.payment.hold:
        yield "hold_lost", PROVIDER, {"hold": order.payment.hold}, ""
        if not order.charges and order.seq < 4:
            own = {"payment_intent": order.payment.hold, "charge": "ch_own", "amount": f"5.00 {order.currency}"}
            yield "payment_found", PROVIDER, own, ""
    yield "payment_found", PROVIDER, {"payment_intent": "pi_late"}, ""
    if captured is not None:
        paid = {"payment_intent": "pi_late", "charge": "ch_late", "amount": f"5.00 {order.currency}"}
        yield "payment_found", PROVIDER, paid, ""
        yield from disputes(order, captured)
    for move in order.moves:
        if move.verb is Verb.REFUND and order.seq < 14:
            yield "refund_failed", PROVIDER, {"refund": move.ref}, ""


def disputes(order: Order, captured: Money) -> Iterator[Move]:
    """A dispute about everything and one about a little, decided either way, also a second time."""
    fee = f"15.00 {order.currency}"
    for dispute, amount in (("dp_all", str(captured)), ("dp_part", f"0.07 {order.currency}")):
        known = next((d for d in order.disputes if d.dispute_id == dispute), None)
        if known is None:
            fact = {"dispute": dispute, "amount": amount, "fee": fee, "reason": "not_received"}
            yield "open_dispute", PROVIDER, fact, ""
        else:
            yield "win_dispute", PROVIDER, {"dispute": dispute, "fee": f"0.00 {order.currency}"}, ""
            yield "lose_dispute", PROVIDER, {"dispute": dispute}, ""


def never(verb: Verb) -> Iterable[str]:
    """The provider refuses nothing."""
    return ()


def likely(verb: Verb) -> Iterable[str]:
    """The definite refusals that each verb meets."""
    return {
        Verb.AUTHORISE: ("Declined",),
        Verb.REAUTHORISE: ("AuthenticationRequired",),
        Verb.CAPTURE: ("AuthorisationExpired",),
        Verb.VOID: ("AuthorisationExpired", "Unauthorised"),
        Verb.RELEASE: ("AccountRestricted",),
        Verb.REFUND: ("InsufficientFunds",),
        Verb.REVERSE_RELEASE: ("InsufficientFunds",),
    }.get(verb, ())
