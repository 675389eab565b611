from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta

import pytest

from domain import events as event_codec
from domain.deadlines import deadlines
from domain.decide import Decision
from domain.events import Captured, HoldLost, Released
from domain.funds import desires, plan
from domain.money import Verb
from domain.process import STEPS
from domain.state import Funds, LineState, Offer, is_over
from domain.tickets import ESCALATIONS
from tests.domain.claims_world import QUICK, judging, talk
from tests.domain.moves import goods, likely, mending, never, payments, requests, told
from tests.domain.search import Found, Node, Scope, explore, key, silent_successor
from tests.domain.world import AT_CONFIRMATION, RENEWS, done_with_mandate, moving_parts_round_trip, new_order

FORWARD = {state: rank for rank, state in enumerate(LineState)}
MONEY_OF = {name: frozenset().union(*(s.money for s in STEPS if s.name == name)) for name in {s.name for s in STEPS}}
SILENT_STEPS = 60
"""More clocks than any order needs from any state to its end, when everyone is silent."""
LONGEST_LIFE = timedelta(days=400)
"""Longer than all windows of the policy after each other."""


SCOPES = {
    "goods": (new_order(), Scope(goods, never, 2500, unclear=False), (2500, 19)),
    "requests": (new_order(), Scope(requests, never, 3500), (3500, 22)),
    "mending": (new_order(prices=("30.00",)), Scope(mending, likely, 2500), (2500, 26)),
    "mending a large order": (new_order(prices=("900.00",)), Scope(mending, never, 2500), (2100, 27)),
    "payments": (new_order(payment=None), Scope(payments, likely, 2500), (2500, 22)),
    "what the provider tells": (new_order(), Scope(told, never, 3500, unclear=False), (3500, 18)),
    "what the provider tells, and refuses": (new_order(prices=("30.00",)), Scope(told, likely, 2500), (2500, 18)),
    "payments at confirmation": (new_order(AT_CONFIRMATION), Scope(payments, likely, 2500), (2500, 22)),
    "payments with a mandate": (
        new_order(RENEWS, payment=Offer(payment_method="pm_1", customer="cus_1")),
        Scope(payments, likely, 2500, done_with_mandate),
        (2500, 23),
    ),
    "claims": (new_order(QUICK, prices=("30.00", "20.00")), Scope(talk, never, 3500, unclear=False), (3500, 25)),
    "claims, and the platform": (new_order(prices=("30.00", "20.00")), Scope(judging, likely, 3500), (3500, 25)),
}


@pytest.mark.parametrize("name", SCOPES)
def test_from_every_state_an_order_ends_with_everyone_silent_and_no_promise_broken(name: str) -> None:
    order, scope, floor = SCOPES[name]
    found = explore(order, scope, check_state, check_step)
    check_ends(found)
    reach = (len(found.nodes), len(found.steps), len(found.stages), len(found.results))
    print(f"{name}: {reach[0]} states, {found.transitions} transitions, reach {reach[1:]}, whole: {found.whole}")  # noqa: T201
    assert reach[0] >= floor[0], "the search reaches fewer states than it did"
    assert reach[1] >= floor[1], "the search takes fewer kinds of steps than it did"
    assert reach[2] >= 8, "the search sees fewer stages than it did"


def check_state(node: Node) -> None:
    order, where = node.order, node.path
    clocks = deadlines(order)
    assert bool(clocks) is not is_over(order), f"W2: over {is_over(order)}, but clocks {clocks}; {where}"
    waiting = {ticket.ticket_id for ticket in order.tickets if ticket.escalations < ESCALATIONS}
    assert waiting <= {clock.subject for clock in clocks}, f"W2: a ticket without a clock; {where}"
    plan(order, node.now, order.seq + 1)
    assert not (is_over(order) and desires(order)), f"P5: over, but {desires(order)}; {where}"
    payment = order.payment
    if payment.captured is not None:
        assert payment.authorised is not None, where
        assert payment.captured <= payment.authorised, f"P1: captured more than authorised; {where}"
    moved = [line for line in order.lines if line.funds is not Funds.NONE]
    assert payment.captured is not None or not moved, f"P3: money moved without a capture; {where}"
    check_money(node)
    assert moving_parts_round_trip(order), f"the snapshot reads back differently; {where}"


def check_money(node: Node) -> None:
    """The ledger agrees with the slices, and everything captured is somewhere (P4, P5)."""
    order, balances = node.order, dict(node.money)
    for piece, funds in [*((line.line_id, line.funds) for line in order.lines), ("shipping", order.shipping_funds)]:
        held = balances.get((f"escrow:{order.order_id}:{piece}", order.currency), 0)
        amount = order.left(piece).minor if funds is Funds.ESCROW else 0
        assert held == amount, f"P4: slice {piece} is {held}, not {amount}; {node.path}"
    owed = -balances.get((f"receivable:{order.seller}:{order.order_id}", order.currency), 0)
    assert owed == (order.debt.amount.minor if order.debt else 0), f"Q is {owed}; {node.path}"
    assert balances.get((f"seller:{order.seller}", order.currency), 0) == 0, node.path
    if is_over(order):
        passing = ("escrow:", "suspense:", "disputed:", "receivable:")
        assert all(not held for (account, _), held in balances.items() if account.startswith(passing)), node.path


def check_step(before: Node, after: Node, decision: Decision) -> None:
    where = after.path
    for event in decision.events:
        assert event_codec.from_plain(event_codec.to_plain(event)) == event, where
        assert not isinstance(event, Captured | Released), f"a step settles no money; {where}"
        news = decision.step in ("hold_lost", "payment_found")
        assert not isinstance(event, HoldLost) or news, f"a step loses no hold; {where}"
    if decision.op is not None:
        check_operation(before, decision)
    for line in before.order.lines:
        now = after.order.line(line.line_id)
        assert FORWARD[now.state] >= FORWARD[line.state], f"{line.line_id} moved back; {where}"
        assert not (line.held and now.funds is Funds.RELEASED and line.funds is not Funds.RELEASED), f"P7; {where}"
    check_no_hot_loop(before, after, decision)


def check_no_hot_loop(before: Node, after: Node, decision: Decision) -> None:
    """A clock that was taken does not ring again at the instant at which it rang."""
    rang, rings = deadlines(before.order)[:1], deadlines(after.order)[:1]
    same = [(c.step, c.tier, c.subject, c.at) for c in rang] == [(c.step, c.tier, c.subject, c.at) for c in rings]
    took_it = bool(rang) and decision.step == rang[0].step
    assert not (took_it and same) or decision.op is not None, f"hot loop: {rings} for ever; {after.path}"


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
        margin = order.policy.hold.margin
        assert op.asked_at < payment.capture_before - margin, f"P2: captured too late; {before.path}"
    if op.verb is Verb.VOID and op.subject == payment.hold:
        assert payment.captured is None, f"P8: voided what was captured; {before.path}"
    if op.verb in (Verb.RELEASE, Verb.REFUND) and before.order.op is None:
        assert not set(op.slices) & decision.after.disputed, f"P6: moves what the bank decides about; {before.path}"
    if op.verb is Verb.RELEASE:
        assert payment.captured is not None, f"P3; {before.path}"
        held = {line.line_id for line in order.lines if line.held}
        assert not held & set(op.slices) or before.order.op is not None, f"P7; {before.path}"


def check_ends(found: Found) -> None:
    """W1: silence leads every state to an end; a state that was followed once is not followed again."""
    ends: dict[Hashable, int] = {}
    for abstract, node in found.nodes.items():
        chain: list[Hashable] = []
        here, where = node, abstract
        while where not in ends and not is_over(here.order):
            chain.append(where)
            assert len(chain) <= SILENT_STEPS, f"W1: no end after {here.path}"
            assert here.now - node.now < LONGEST_LIFE, f"W1: no end in time after {here.path}"
            here = silent_successor(here)
            where = key(here.order)
        steps = ends.get(where, 0)
        for passed in reversed(chain):
            steps += 1
            ends[passed] = steps
        ends.setdefault(abstract, steps)
