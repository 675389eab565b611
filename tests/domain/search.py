"""Breadth-first search over the abstract states of an order: every command, every clock, every answer of the provider.

Times are left out of a state's key, but for the order in which its clocks ring; so the search ends. It stops at a
number of states, never at a time, so that every run on every machine sees the same ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.books import entries
from domain.claims.case import Claim
from domain.deadlines import deadlines
from domain.decide import Command, Decision, Refusal, Repeat, decide, tick
from domain.funds import Done, No, Result, Unclear
from domain.money import INTERNAL, Verb
from domain.state import Order, Role, Stage, is_over, stage
from tests.domain.moves import Move
from tests.domain.world import (
    ACTORS,
    SECOND_OPERATOR,
    START,
    Ledger,
    done,
    next_clock,
    settled,
    started,
    with_calendars,
)


@dataclass(frozen=True)
class Node:
    """A state, when it was reached, and the money that was booked on the way there."""

    order: Order
    now: datetime
    money: tuple[tuple[tuple[str, str], int], ...]
    path: tuple[str, ...]


@dataclass
class Found:
    """What a search has seen."""

    nodes: dict[Hashable, Node] = field(default_factory=dict)
    stages: set[Stage] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    results: set[tuple[Verb, str]] = field(default_factory=set)
    transitions: int = 0
    whole: bool = True


Check = Callable[[Node, Node, Decision], None]


def key(order: Order) -> Hashable:
    """The abstract state: everything that the process looks at, without absolute times and ids."""
    payment, op = order.payment, order.op
    flags = (
        payment.offer is not None, bool(payment.hold), payment.renewable, payment.renewing,
        payment.buyer_asked_at is not None, len(payment.superseded), payment.lost_at is not None,
        payment.captured is not None, order.expired, order.closed_at is not None,
        order.paused is not None and order.paused.review, len(order.pauses), len(order.reviews),
        order.time_request is not None,
    )  # fmt: skip
    return (
        tuple((line.state, line.funds, line.held) for line in order.lines),
        (order.shipping_funds, order.shipping_back),
        tuple((p.lines, p.milestone, p.proof, p.withdrawn) for p in order.parcels),
        flags,
        tuple((d.status, d.parts, d.shares) for d in order.disputes),
        order.given_back,
        order.granted,
        tuple(
            (c.lines, c.reason, c.status, c.offer, c.finding, c.ruling, c.judges, c.appealed, *_way_back(c))
            for c in order.claims
        ),
        order.debt.amount if order.debt else None,
        order.strays,
        tuple((move.verb, move.parts, move.left) for move in order.moves),
        None if op is None else (op.verb, op.slices, op.retry_at is not None),
        frozenset((s.verb, s.slices) for s in order.stuck),
        frozenset((t.cause, _subject(t.subject), min(t.escalations, 2)) for t in order.tickets),
        order.cancel_request.lines if order.cancel_request else None,
        order.approval.name if order.approval else None,
        frozenset(tier for tier in order.passed if not tier.startswith(("money:", "ticket:", "graced:"))),
        () if is_over(order) else tuple((c.step, _subject(c.subject).rpartition("-")[2]) for c in deadlines(order)),
    )


def _way_back(claim: Claim) -> tuple[bool, ...]:
    return claim.instructed, claim.goods_travel, claim.goods_are_back


def _subject(subject: str) -> str:
    return "op" if subject.isdigit() else subject


def results(op_verb: Verb, done_result: Done, codes: Iterable[str]) -> Iterator[Result]:
    """Every answer that the provider may give: done, each definite no, none at all."""
    yield done_result
    yield from (No(code) for code in codes)
    yield Unclear("timeout")


@dataclass(frozen=True)
class Scope:
    """What a search varies: the commands at each state, the provider's refusals per verb, how many states at most."""

    commands: Callable[[Order, datetime], Iterable[Move]]
    codes: Callable[[Verb], Iterable[str]]
    most: int
    answer: Callable[..., Done] = done
    unclear: bool = True


def explore(order: Order, scope: Scope, check_node: Callable[[Node], None], check_step: Check) -> Found:
    """Every abstract state that can be reached from the placed `order`, up to `scope.most` of them."""
    found, queue = Found(), deque[Node]()
    first, op = started(order)
    roots = [Node(first, START, (), ("place",))] if op is None else _answers(Node(first, START, (), ("place",)), scope)
    for root in roots:
        _meet(root, found, queue, check_node)
    while queue:
        node = queue.popleft()
        if len(found.nodes) >= scope.most:
            found.whole = False
            break
        for decision, moment, name in _decisions(node, scope):
            found.steps.add(decision.step)
            after = with_calendars(decision.after, decision.events)
            told = Ledger(dict(node.money))
            told.book(node.order, decision.events)
            reached = Node(after, moment, tuple(told.balances.items()), (*node.path, name))
            check_step(node, reached, decision)
            for outcome in [reached] if decision.op is None else _answers(reached, scope, found):
                found.transitions += 1
                _meet(outcome, found, queue, check_node)
    return found


def _meet(node: Node, found: Found, queue: deque[Node], check: Callable[[Node], None]) -> None:
    abstract = key(node.order)
    if abstract in found.nodes:
        return
    check(node)
    found.nodes[abstract] = node
    found.stages.add(stage(node.order))
    queue.append(node)


def _answers(node: Node, scope: Scope, found: Found | None = None) -> list[Node]:
    """The states that each answer of the provider leads to."""
    op = node.order.op
    assert op is not None
    nodes = []
    for result in results(op.verb, scope.answer(node.order, op, node.now), scope.codes(op.verb)):
        if isinstance(result, Unclear) and (not scope.unclear or op.attempts >= 1 or op.verb in INTERNAL):
            continue
        ledger = Ledger(dict(node.money))
        ledger.post(entries(node.order, op, result))
        said = type(result).__name__ + (f" {result.code}" if isinstance(result, No) else "")
        if found is not None:
            found.results.add((op.verb, type(result).__name__))
        after = settled(node.order, op, result, node.now)
        nodes.append(Node(after, node.now, tuple(ledger.balances.items()), (*node.path, f"{op.verb}: {said}")))
    return nodes


def _decisions(node: Node, scope: Scope) -> Iterator[tuple[Decision, datetime, str]]:
    if is_over(node.order):
        return
    # A command that comes before the step of a clock is judged first, also when that clock is due.
    now = node.now + timedelta(minutes=1)
    for name, role, body, ticket_id in scope.commands(node.order, now):
        decision = send(node.order, name, role, body, ticket_id, now)
        if isinstance(decision, Decision):
            yield decision, now, f"{role} {name} {body or ''}".strip()
    clock = next_clock(node.order)
    rings = max(clock.at, node.now)
    ticked = tick(node.order, clock, rings)
    assert isinstance(ticked, Decision), f"{clock} was refused: {ticked}; after {node.path}"
    yield ticked, rings, f"clock {clock.step} {clock.subject}".strip()


def send(
    order: Order, name: str, role: Role, body: dict[str, Any], ticket_id: str, now: datetime
) -> Decision | Refusal | Repeat:
    """Judge one command; the second operator is another person than the first."""
    actor = SECOND_OPERATOR if name == "approve" else ACTORS[role]
    return decide(order, Command(name, f"c-{order.seq}", actor, body, ticket_id), now)


def silent_successor(node: Node) -> Node:
    """Where an order goes when nobody does anything and the provider does what it is asked."""
    clock = next_clock(node.order)
    rings = max(clock.at, node.now)
    decision = tick(node.order, clock, rings)
    assert isinstance(decision, Decision), (clock, decision, node.path)
    told = Ledger(dict(node.money))
    told.book(node.order, decision.events)
    order, money = with_calendars(decision.after, decision.events), told.balances
    if decision.op is not None:
        result = done(order, decision.op, rings)
        ledger = Ledger(money)
        ledger.post(entries(order, decision.op, result))
        order, money = settled(order, decision.op, result, rings), ledger.balances
    return Node(order, rings, tuple(money.items()), (*node.path, f"clock {decision.step}"))
