"""Orders with claims: how they come to stand at each status, and what everybody may do then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.claims.case import Status
from domain.money import Verb
from domain.policy import Policy
from domain.state import Actor, Order, Role
from tests.domain.moves import Move
from tests.domain.world import POLICY, Life, delivered, new_order, no, shipped, text_of

BUYER, SELLER, SPECIALIST, OPERATOR = Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR
OTHER_JUDGE = Actor(Role.SPECIALIST, "specialist-2")
NOTE = {"note_id": "n-1"}
QUICK = replace(POLICY, claims=replace(POLICY.claims, not_received_after=0))
"""A parcel may be missed as soon as it is sent."""
DEAR = ("400.00", "20.00")
"""A line worth a return, within what one operator may decide."""


def bought(policy: Policy = POLICY, prices: tuple[str, ...] = DEAR) -> Order:
    """An order whose first line is dear."""
    return new_order(policy, prices=prices)


def received(reason: str = "not_as_described", order: Order | None = None) -> Life:
    """A claim about line ``a``, just made."""
    life = delivered(order or bought())
    life.do("open_claim", BUYER, reason=reason, lines=["a"])
    return life


def missing() -> Life:
    """A claim about goods that have not come."""
    life = shipped(bought())
    life.now += timedelta(days=7)
    life.do("open_claim", BUYER, reason="not_received", lines=["a"])
    return life


def answered() -> Life:
    """The seller has answered."""
    life = received()
    life.do("answer_claim", SELLER, **NOTE)
    return life


def offered() -> Life:
    """The seller offers a part of the money."""
    life = received()
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    return life


def countered() -> Life:
    """The buyer wants more."""
    life = offered()
    life.do("offer_refund", BUYER, amount="150.00 EUR")
    return life


def asleep() -> Life:
    """The buyer waits longer."""
    life = missing()
    life.do("wait_on_claim", BUYER, days=3)
    return life


def escalated() -> Life:
    """The seller stayed silent."""
    life = received()
    life.until("claim_unanswered")
    return life


def asked(of: str) -> Life:
    """The platform has a question."""
    life = escalated()
    life.do("ask_party", SPECIALIST, of=of, **NOTE)
    return life


def upstream() -> Life:
    """The agent asks the shop."""
    life = received()
    life.do("escalate_upstream", SELLER)
    return life


def return_asked() -> Life:
    """The seller wants the goods back first."""
    life = received()
    life.do("grant_claim", SELLER)
    return life


def return_told() -> Life:
    """The buyer knows where they go."""
    life = return_asked()
    life.do("instruct_return", SELLER, address_id="address-2")
    return life


def return_sent() -> Life:
    """The buyer has sent them."""
    life = return_asked()
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    return life


def return_back() -> Life:
    """The seller has them."""
    life = return_sent()
    life.do("receive_return", SELLER)
    return life


def found_missing(how: str = "by hand") -> Life:
    """What came back, in a parcel that was told of or without one, is not what was sent."""
    life = return_sent() if how == "by parcel" else return_asked()
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="missing")
    return life


def decided(verdict: str) -> Life:
    """The platform has decided, and somebody may appeal."""
    life = escalated()
    life.do("decide_claim", SPECIALIST, verdict=verdict, **NOTE)
    return life


def resolved() -> Life:
    """The buyer is content."""
    life = received()
    life.do("withdraw_claim", BUYER)
    return life


def lapsed() -> Life:
    """The buyer did not go on."""
    life = answered()
    life.until("claim_lapses")
    return life


def refunding() -> Life:
    """Granted for good, the money still on its way: the provider refuses for now."""
    life = received("damaged")
    life.answer = refuses_refunds
    life.do("grant_claim", SELLER)
    return life


def refuses_refunds(order: Order, op: Any, now: datetime) -> Any:
    """The platform's balance is short."""
    return no("InsufficientFunds", Verb.REFUND)(order, op, now)


AT: Mapping[str, tuple[Status, Callable[[], Life]]] = {
    "received": (Status.RECEIVED, received),
    "missing": (Status.RECEIVED, missing),
    "answered": (Status.WAITING_FOR_BUYER, answered),
    "offered": (Status.WAITING_FOR_BUYER, offered),
    "countered": (Status.WAITING_FOR_SELLER, countered),
    "asleep": (Status.WAITING_LONGER, asleep),
    "escalated": (Status.ESCALATED, escalated),
    "seller asked": (Status.SELLER_ASKED, lambda: asked("seller")),
    "buyer asked": (Status.BUYER_ASKED, lambda: asked("buyer")),
    "upstream": (Status.ESCALATED_UPSTREAM, upstream),
    "return asked": (Status.RETURN_REQUESTED, return_asked),
    "return sent": (Status.RETURN_SENT, return_sent),
    "return back": (Status.RETURN_RECEIVED, return_back),
    "found missing": (Status.ESCALATED, found_missing),
    "refund decided": (Status.REFUND_APPROVED, lambda: decided("refund")),
    "rejected": (Status.REJECTED, lambda: decided("release")),
    "refunding": (Status.REFUND_APPROVED, refunding),
    "resolved": (Status.RESOLVED, resolved),
    "lapsed": (Status.CLOSED, lapsed),
    "return told": (Status.RETURN_REQUESTED, return_told),
}
"""A life that stands at each status, some of them for two reasons."""


def bodies(life: Life) -> Mapping[str, dict[str, Any]]:
    """A message that fits each command, as far as one can."""
    return {
        "answer_claim": NOTE,
        "appeal_claim": NOTE,
        "add_evidence": {"evidence": ["e-1"]},
        "offer_refund": {"amount": "10.00 EUR"},
        "wait_on_claim": {"days": 1},
        "instruct_return": {"label": "f-9"},
        "send_return": {"parcel_id": "r9", "carrier": "dhl"},
        "inspect_return": {"finding": "as_sent"},
        "assign_claim": {"owner": "specialist-7"},
        "ask_party": {"of": "buyer", **NOTE},
        "decide_claim": {"verdict": "refund", **NOTE},
    }


def talk(order: Order, now: datetime) -> Iterator[Move]:
    """What the parties do with an order whose goods go the shortest way, and with the claims about it."""
    yield from _goods(order, now)
    if not order.claims:
        for reason in ("not_received", "not_as_described", "damaged", "changed_mind"):
            yield "open_claim", BUYER, {"reason": reason, "lines": ["a"]}, ""
    yield "answer_claim", SELLER, NOTE, ""
    yield "answer_claim", BUYER, NOTE, ""
    yield "withdraw_claim", BUYER, {}, ""
    yield "wait_on_claim", BUYER, {"days": 10}, ""
    yield "grant_claim", SELLER, {}, ""
    yield "offer_refund", SELLER, {"amount": "7.00 EUR"}, ""
    yield "offer_refund", BUYER, {"amount": "9.00 EUR"}, ""
    yield "accept_offer", BUYER, {}, ""
    yield "accept_offer", SELLER, {}, ""
    yield "instruct_return", SELLER, {"address_id": "address-2"}, ""
    yield "send_return", BUYER, {"parcel_id": f"r{len(order.claims)}", "carrier": "dhl"}, ""
    yield "receive_return", SELLER, {}, ""
    for finding in ("as_sent", "used", "missing"):
        yield "inspect_return", SELLER, {"finding": finding}, ""
    yield "escalate_claim", BUYER, {}, ""


def judging(order: Order, now: datetime) -> Iterator[Move]:
    """What the platform does with a claim, while the bank and the parties go on."""
    yield from _goods(order, now)
    if not order.claims:
        yield "open_claim", BUYER, {"reason": "damaged", "lines": ["a"]}, ""
    yield "escalate_claim", SELLER, {}, ""
    yield "escalate_upstream", SELLER, {}, ""
    yield "answer_upstream", SELLER, {}, ""
    yield "ask_party", SPECIALIST, {"of": "seller", **NOTE}, ""
    yield "answer_claim", SELLER, NOTE, ""
    for verdict in ("refund", "release", "return_first"):
        yield "decide_claim", SPECIALIST, {"verdict": verdict, **NOTE}, ""
    yield "decide_claim", SPECIALIST, {"verdict": "part_refund", "amount": "7.00 EUR", **NOTE}, ""
    yield "decide_claim", OPERATOR, {"verdict": "part_refund", "amount": "7.00 EUR", **NOTE}, ""
    yield "appeal_claim", SELLER, NOTE, ""
    yield "refund", OPERATOR, {**NOTE, "lines": ["a"]}, ""
    yield "release", OPERATOR, {**NOTE, "lines": ["a"]}, ""
    yield from _bank(order)


def _goods(order: Order, now: datetime) -> Iterator[Move]:
    yield "confirm", SELLER, {}, ""
    if not order.parcels:
        yield "ship", SELLER, {"parcel_id": "p1", "carrier": "dhl"}, ""
    for parcel in order.parcels:
        if parcel.milestone is None:
            body = {"parcel_id": "p1", "milestone": "delivered", "at": text_of(now), "proof": "strong"}
            yield "parcel_scan", Role.CARRIER, body, ""
    yield "receive", BUYER, {"lines": ["a"]}, ""


def _bank(order: Order) -> Iterator[Move]:
    if order.payment.captured is None or not order.claims:
        return
    if not order.disputes:
        fact = {"dispute": "dp", "amount": str(order.payment.captured), "fee": "15.00 EUR", "reason": "not_received"}
        yield "open_dispute", Role.PROVIDER, fact, ""
    else:
        yield "win_dispute", Role.PROVIDER, {"dispute": "dp", "fee": "0.00 EUR"}, ""
        yield "lose_dispute", Role.PROVIDER, {"dispute": "dp"}, ""
    for move in order.moves:
        if move.verb == "refund" and order.seq < 14:
            yield "refund_failed", Role.PROVIDER, {"refund": move.ref}, ""
