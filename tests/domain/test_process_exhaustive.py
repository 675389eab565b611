from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from datetime import datetime, timedelta

import pytest

from domain import events as event_codec
from domain.deadlines import deadlines
from domain.decide import Decision
from domain.events import Captured, HoldLost, LinesMoved, Released
from domain.funds import plan
from domain.money import Verb
from domain.process import STEPS
from domain.ship import RANK
from domain.state import UNSHIPPED, Funds, LineState, Offer, Order, Role, is_over
from tests.domain.search import Found, Moves, Node, Scope, explore, key, silent_successor
from tests.domain.world import AT_CONFIRMATION, RENEWS, done, done_with_mandate, new_order, round_trips, text_of

BUYER, SELLER, CARRIER, STOREFRONT = Role.BUYER, Role.SELLER, Role.CARRIER, Role.STOREFRONT
SPECIALIST, OPERATOR = Role.SPECIALIST, Role.OPERATOR
FORWARD = {state: rank for rank, state in enumerate(LineState)}
MONEY_OF = {name: frozenset().union(*(s.money for s in STEPS if s.name == name)) for name in {s.name for s in STEPS}}
SILENT_STEPS = 60
"""More clocks than any order needs from any state to its end, when everyone is silent."""


def goods(order: Order, now: datetime) -> Iterator[Moves]:
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


def scans(order: Order, now: datetime) -> Iterator[Moves]:
    """Every carrier's milestone that tells something new."""
    for parcel in order.parcels:
        for milestone, proof in (("in_transit", "weak"), ("delivered", "weak"), ("delivered", "strong"), ("lost", "weak")):
            if parcel.milestone is None or RANK[milestone] > RANK[parcel.milestone]:  # type: ignore[index]
                body = {"parcel_id": parcel.parcel_id, "milestone": milestone, "at": text_of(now), "proof": proof}
                yield "parcel_scan", CARRIER, body, ""


def requests(order: Order, now: datetime) -> Iterator[Moves]:
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


def mending(order: Order, now: datetime) -> Iterator[Moves]:
    """What the desk does to an order, beside the parties' shortest way."""
    note = {"note_id": "n-1"}
    yield "confirm", SELLER, {}, ""
    if not order.parcels:
        yield "ship", SELLER, {"parcel_id": "p1", "carrier": "dhl"}, ""
    yield from scans(order, now)
    yield "receive", BUYER, {}, ""
    yield "release", SPECIALIST, note, ""
    yield "refund", OPERATOR, note, ""
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


def payments(order: Order, now: datetime) -> Iterator[Moves]:
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
    }.get(verb, ())


SCOPES = {
    "goods": (new_order(), Scope(goods, never, 2500, unclear=False), 2500),
    "requests": (new_order(), Scope(requests, never, 2500), 2500),
    "mending": (new_order(prices=("30.00",)), Scope(mending, likely, 2500), 2500),
    "mending a large order": (new_order(prices=("900.00",)), Scope(mending, never, 2500), 2500),
    "payments": (new_order(payment=None), Scope(payments, likely, 2500), 2500),
    "payments at confirmation": (new_order(AT_CONFIRMATION), Scope(payments, likely, 2500), 2500),
    "payments with a mandate": (
        new_order(RENEWS, payment=Offer(payment_method="pm_1", customer="cus_1")),
        Scope(payments, likely, 2500, done_with_mandate),
        2500,
    ),
}


@pytest.mark.parametrize("name", SCOPES)
def test_from_every_state_an_order_ends_with_everyone_silent_and_no_promise_broken(name: str) -> None:
    order, scope, floor = SCOPES[name]
    found = explore(order, scope, check_state, check_step)
    check_ends(found)
    print(f"{name}: {len(found.nodes)} states, {found.transitions} transitions, whole: {found.whole}")
    assert len(found.nodes) >= floor, "the search reaches less than it did"


def check_state(node: Node) -> None:
    order, where = node.order, node.path
    clocks = deadlines(order)
    assert bool(clocks) is not is_over(order), f"W2: over {is_over(order)}, but clocks {clocks}; {where}"
    plan(order, node.now, order.seq + 1)
    payment = order.payment
    if payment.captured is not None:
        assert payment.authorised is not None, where
        assert payment.captured <= payment.authorised, f"P1: captured more than authorised; {where}"
    moved = [line for line in order.lines if line.funds is not Funds.NONE]
    assert payment.captured is not None or not moved, f"P3: money moved without a capture; {where}"
    check_money(node)
    assert round_trips(order), f"the snapshot reads back differently; {where}"


def check_money(node: Node) -> None:
    """The ledger agrees with the slices, and everything captured is somewhere (P4, P5)."""
    order, balances = node.order, dict(node.money)
    for piece, funds, amount in [
        *((line.line_id, line.funds, line.price.minor) for line in order.lines),
        ("shipping", order.shipping_funds, order.shipping.minor),
    ]:
        held = balances.get((f"escrow:{order.order_id}:{piece}", order.currency), 0)
        assert held == (amount if funds is Funds.ESCROW else 0), f"P4: slice {piece} is {held}; {node.path}"
    assert balances.get((f"seller:{order.seller}", order.currency), 0) == 0, node.path
    if is_over(order):
        assert all(not held for (account, _), held in balances.items() if account.startswith("escrow:")), node.path


def check_step(before: Node, after: Node, decision: Decision) -> None:
    where = after.path
    for event in decision.events:
        assert event_codec.from_plain(event_codec.to_plain(event)) == event, where
        assert not isinstance(event, Captured | Released | HoldLost), f"a step settles no money; {where}"
    if decision.op is not None:
        check_operation(before, decision)
    for line in before.order.lines:
        now = after.order.line(line.line_id)
        assert FORWARD[now.state] >= FORWARD[line.state], f"{line.line_id} moved back; {where}"
        assert not (line.held and now.funds is Funds.RELEASED and line.funds is not Funds.RELEASED), f"P7; {where}"
    again = deadlines(after.order)
    if decision.step in {clock.step for clock in deadlines(before.order)[:1]} and again:
        first, ringing = deadlines(before.order)[0], again[0]
        same = (first.step, first.tier, first.subject, first.at) == (ringing.step, ringing.tier, ringing.subject, ringing.at)
        assert not same or decision.op is not None, f"hot loop: {ringing} rings for ever; {where}"


def check_operation(before: Node, decision: Decision) -> None:
    op, order = decision.op, decision.after
    assert op is not None
    assert op.verb in MONEY_OF[decision.step], f"{decision.step} may not {op.verb}"
    assert op.amount.minor > 0, f"{op.verb} of nothing"
    assert order.op == op, "an operation is written down before it is carried out"
    payment = before.order.payment
    if op.verb is Verb.CAPTURE:
        assert payment.captured is None, f"P1: a second capture; {before.path}"
        assert payment.capture_before is not None, f"P2: nothing to capture; {before.path}"
        assert op.asked_at < payment.capture_before, f"P2: captured too late; {before.path}"
    if op.verb is Verb.VOID and op.subject == payment.hold:
        assert payment.captured is None, f"P8: voided what was captured; {before.path}"
    if op.verb is Verb.RELEASE:
        assert payment.captured is not None, f"P3; {before.path}"
        assert not any(order.line(piece).held for piece in op.slices if piece != "shipping"), f"P7; {before.path}"


def check_ends(found: Found) -> None:
    """W1: silence leads every state to an end; a state that was followed once is not followed again."""
    ends: dict[Hashable, int] = {}
    for abstract, node in found.nodes.items():
        chain: list[Hashable] = []
        here, where = node, abstract
        while where not in ends and not is_over(here.order):
            chain.append(where)
            assert len(chain) <= SILENT_STEPS, f"W1: no end after {here.path}"
            here = silent_successor(here)
            where = key(here.order)
        steps = ends.get(where, 0)
        for passed in reversed(chain):
            steps += 1
            ends[passed] = steps
        ends.setdefault(abstract, steps)
