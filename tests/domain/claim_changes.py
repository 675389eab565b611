"""Every change of a claim's status that many lives make, and what made it: where claims really go.

The search is as that of `tests.domain.search`, over what a claim is about alone. Its clocks ring in any order: their
windows are policy, and the desk moves them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from domain.claim import CLAIM_STEPS
from domain.claims.case import ClaimReason, Status
from domain.deadlines import deadlines
from domain.decide import Command, Decision, decide, tick
from domain.events import ClaimMoved, Event
from domain.fold import apply_all
from domain.funds import settle
from domain.state import Actor, Order, Role, is_over
from tests.domain.claims_world import (
    AT,
    BUYER,
    NOTE,
    OTHER_JUDGE,
    SELLER,
    SPECIALIST,
    bodies,
    bought,
    received,
    return_back,
)
from tests.domain.world import ACTORS, POLICY, Life, done, text_of, with_calendars

WORTHLESS = replace(POLICY, claims=replace(POLICY.claims, used_basis_points=10_000))
"""What comes back used is worth nothing to the seller."""
SEVERAL: dict[str, list[dict[str, Any]]] = {
    "inspect_return": [{"finding": finding} for finding in ("as_sent", "used", "missing")],
    "ask_party": [{"of": side, **NOTE} for side in ("buyer", "seller")],
    "decide_claim": [{"verdict": verdict, **NOTE} for verdict in ("refund", "release", "return_first")],
}
"""The messages of the commands that lead to several statuses."""
USUAL = bodies(Life())
ENDLESS = 3000
"""More states than the search has; one that goes on and on fails."""


@dataclass(frozen=True)
class Change:
    """A claim went from `start` to `end` by the step `cause`, or by the end of an operation: "money"."""

    start: Status
    end: Status
    cause: str


@dataclass(frozen=True)
class Seen:
    """An order, when it came to stand so, and how a claim of it moved on the way."""

    order: Order
    now: datetime
    changes: tuple[Change, ...]


def worthless() -> Life:
    """Goods are back that the seller need not pay for when they were used."""
    life = received(order=bought(WORTHLESS))
    life.do("grant_claim", SELLER)
    life.do("receive_return", SELLER)
    return life


def half_back() -> Life:
    """One of two lines went back for an earlier claim, which the seller won; the other is asked for now."""
    life = return_back()
    life.do("escalate_claim", SELLER, **NOTE)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.until("decision_stands")
    life.do("open_claim", BUYER, reason="wrong_item", lines=["a", "b"])
    life.do("grant_claim", SELLER)
    life.do("instruct_return", SELLER, label="f-9")
    return life


@cache
def changes() -> frozenset[Change]:
    """All changes that the search comes upon."""
    lives = [lead() for _, lead in AT.values()] + [worthless(), half_back()]
    waiting = deque((life.order, life.now) for life in lives)
    known: set[Hashable] = set()
    found: set[Change] = set()
    while waiting:
        assert len(known) < ENDLESS, "the search has no end"
        for seen in _next(*waiting.popleft()):
            found.update(seen.changes)
            if _key(seen.order) not in known:
                known.add(_key(seen.order))
                waiting.append((seen.order, seen.now))
    return frozenset(found)


def _key(order: Order) -> Hashable:
    """What decides where the claim may go; while the bank has the money, or after its end, little does."""
    claim = order.claims[-1]
    lines = tuple((line.state, line.funds, line.held) for line in order.lines if line.line_id in claim.lines)
    if order.disputes:
        return claim.status, claim.ruling is None, lines, order.disputes[0].status, order.op is not None
    arrived = claim.goods_are_back, claim.goods_travel, len(claim.returns)
    if not claim.is_open:
        return claim.status, arrived, lines
    decided = claim.ruling and (claim.ruling.against, bool(claim.ruling.parts))
    reason = claim.reason is ClaimReason.NOT_RECEIVED
    said = claim.instructed, claim.offer and claim.offer.by, bool(claim.finding)
    return claim.status, arrived, lines, decided, reason, said, claim.appealed, order.op is not None, len(claim.lines)


def _next(order: Order, now: datetime) -> Iterator[Seen]:
    if is_over(order):
        return
    soon = now + timedelta(minutes=1)
    for name, actor, body in _moves(order, soon):
        answer = decide(order, Command(name, f"c-{order.seq}", actor, body), soon)
        if isinstance(answer, Decision):
            yield _after(order, answer, soon)
    for clock in deadlines(order) if order.claims[-1].is_open else ():
        rings = max(clock.at, now)
        answer = tick(order, clock, rings)
        if isinstance(answer, Decision):
            yield _after(order, answer, rings)


def _after(order: Order, decision: Decision, now: datetime) -> Seen:
    after = with_calendars(decision.after, decision.events)
    made = tuple(_changes(order, decision.events, decision.step))
    if decision.op is not None:
        events = settle(after, decision.op, done(after, decision.op, now), now)
        made += tuple(_changes(after, events, "money"))
        after = apply_all(after, events)
    return Seen(after, now, made)


def _changes(order: Order, events: Iterable[Event], cause: str) -> Iterator[Change]:
    stands = {claim.claim_id: claim.status for claim in order.claims}
    for event in events:
        if isinstance(event, ClaimMoved):
            if stands[event.claim_id] is not event.to:
                yield Change(stands[event.claim_id], event.to, cause)
            stands[event.claim_id] = event.to


def _moves(order: Order, now: datetime) -> Iterator[tuple[str, Actor, dict[str, Any]]]:
    """What the parties, the desk, carriers and the bank may do; while the bank decides, nobody else does anything."""
    claim = order.claims[-1]
    if order.disputes:
        yield "lose_dispute", ACTORS[Role.PROVIDER], {"dispute": "dp"}
        return
    taken = {"dispute": "dp", "amount": str(order.payment.captured), "fee": "0.00 EUR", "reason": "other"}
    yield "open_dispute", ACTORS[Role.PROVIDER], taken
    for parcel_id in ("p1", *(back.parcel_id for back in claim.returns)):
        for milestone in ("delivered", "lost", "returned"):
            told = {"parcel_id": parcel_id, "milestone": milestone, "at": text_of(now), "proof": "weak"}
            yield "parcel_scan", ACTORS[Role.CARRIER], told
    for step in CLAIM_STEPS:
        for role in step.by & {BUYER, SELLER, SPECIALIST}:
            if claim.status in step.leads and step.name not in ("add_evidence", "assign_claim"):
                actor = OTHER_JUDGE if role is SPECIALIST and claim.judges else ACTORS[role]
                yield from ((step.name, actor, body) for body in SEVERAL.get(step.name, [USUAL.get(step.name, {})]))
