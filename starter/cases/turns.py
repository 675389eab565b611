"""Whose turn a claim is, and what is open to whoever reads it. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.claim import CLAIM_STEPS
from domain.claims.case import Claim, Status
from domain.deadlines import Clock, deadlines
from domain.decide import possible
from domain.state import PARTIES, Actor, Cause, Order
from domain.summary import sentence


def next_of(order: Order, claim: Claim) -> tuple[str, datetime | None]:
    """Who acts next and what happens otherwise, and when."""
    if not claim.is_open:
        return "Nothing is left to do.", None
    ticket = next((t for t in order.tickets if t.cause is Cause.CLAIM and t.subject == claim.claim_id), None)
    clock = _clock(order, claim)
    if clock is not None and clock.party:
        return sentence(order, clock), clock.at
    if claim.status is Status.ESCALATED and ticket is not None:
        return "A specialist should decide the claim; otherwise the ticket is escalated.", ticket.due
    if order.paused is not None:
        return "The order is paused; the clocks of both sides stand.", order.paused.until
    if claim.is_settled:
        return "The money is on its way back to the buyer.", None
    return (sentence(order, clock), clock.at) if clock is not None else ("A specialist should decide the claim.", None)


def _clock(order: Order, claim: Claim) -> Clock | None:
    mine = [c for c in deadlines(order) if c.tier.startswith("claim:") and c.subject == claim.claim_id]
    return next((clock for clock in mine if clock.party), next(iter(mine), None))


def can(order: Order, claim: Claim, reader: Actor, now: datetime) -> tuple[str, ...]:
    """Which commands about this very claim are open to the reader now."""
    fitting = {
        row.name
        for row in CLAIM_STEPS
        if reader.role in row.by and claim.status in row.leads and not any(guard(order, claim) for guard in row.guards)
    }
    return tuple(name for name in possible(order, reader, now) if name in fitting)


def may_say_until(order: Order, ended_at: datetime | None, reader: Actor, now: datetime) -> datetime | None:
    """Up to when a party may say how its claim was handled; None before the end, after the window, and for others."""
    if ended_at is None or reader.role not in PARTIES:
        return None
    until = ended_at + timedelta(days=order.policy.claims.feedback)
    return until if now <= until else None
