"""Whose turn a claim is, and until when; the order's own next clock may belong to another line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain.claim import NAMES
from domain.claims.case import Claim, Status, Wait
from domain.deadlines import Clock, deadlines
from domain.state import Cause, Line, Order, Role, Ticket
from domain.summary import sentence
from domain.words import CLAIM_WAITS


@dataclass(frozen=True, slots=True)
class Turn:
    """What an open claim waits for, and who can move it on before `due`; `clock` is the one that then rings.

    Meanwhile the buyer's bank decides about the money of the lines `at_bank`.
    """

    waits: Wait
    who: Role
    due: datetime | None = None
    clock: Clock | None = None
    at_bank: tuple[Line, ...] = ()


def turn_of(order: Order, claim: Claim) -> Turn | None:
    """What the claim waits for; None once it has ended."""
    if not claim.is_open:
        return None
    at_bank = tuple(line for line in order.lines if line.line_id in order.disputed.intersection(claim.lines))
    return replace(_turn(order, claim), at_bank=at_bank)


def _turn(order: Order, claim: Claim) -> Turn:
    ticket, clock = _ticket(order, claim), _clock(order, claim)
    if clock is not None and clock.party:
        return Turn(Wait.CLOCK, clock.who, clock.at, clock)
    if claim.status is Status.ESCALATED and ticket is not None:
        return Turn(Wait.DESK, Role.SPECIALIST, ticket.due)
    if order.paused is not None:
        return Turn(Wait.PAUSE, order.paused.by.role, order.paused.until)
    if claim.is_settled:
        return Turn(_money(order, claim), Role.PROVIDER)
    return Turn(Wait.CLOCK, clock.who, clock.at, clock) if clock is not None else Turn(Wait.DESK, Role.SPECIALIST)


def _money(order: Order, claim: Claim) -> Wait:
    """What of the money of a settled claim is on its way."""
    back = {part.piece for part in claim.awarded}
    if not back & order.disputed:
        return Wait.MONEY
    return Wait.REST if back - order.disputed else Wait.BANK


def claim_sentence(order: Order, turn: Turn | None) -> str:
    """The turn in words, as `domain.summary.sentence` has it of an order."""
    if turn is None:
        return "Nothing is left to do."
    lines = ", ".join(line.line_id for line in turn.at_bank)
    held = CLAIM_WAITS[Wait.BANK].format(lines=lines) if lines else ""
    return " ".join(filter(None, (held, _sentence(order, turn))))


def _sentence(order: Order, turn: Turn) -> str:
    if turn.clock is not None:
        return sentence(order, turn.clock)
    if turn.waits is Wait.DESK:
        otherwise = "; otherwise the ticket is escalated" if turn.due else ""
        return f"A specialist should decide the claim{otherwise}."
    if turn.waits is Wait.PAUSE:
        return "The order is paused; the clocks of both sides stand."
    return "" if turn.waits is Wait.BANK else CLAIM_WAITS[turn.waits]


def claim_meant(order: Order, name: str, body: Mapping[str, Any]) -> Claim | None:
    """The claim that a command was about which the order has taken: the named one, or the one that moved last."""
    if name not in NAMES or not order.claims:
        return None
    if name == "open_claim":
        return order.claims[-1]
    latest = max(order.open_claims or order.claims, key=lambda claim: claim.since)
    return order.claim(str(body.get("claim_id") or "")) or latest


def _ticket(order: Order, claim: Claim) -> Ticket | None:
    return next((t for t in order.tickets if t.cause is Cause.CLAIM and t.subject == claim.claim_id), None)


def _clock(order: Order, claim: Claim) -> Clock | None:
    mine = [c for c in deadlines(order) if c.tier.startswith("claim:") and c.subject == claim.claim_id]
    return next((clock for clock in mine if clock.party), next(iter(mine), None))
