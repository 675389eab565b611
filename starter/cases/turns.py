"""Whose turn a claim is, and what is open to whoever reads it. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from activities.store.desk.claims import ClaimRow
from domain.claim import CLAIM_STEPS
from domain.claims.case import Claim, ClaimReason
from domain.claims.terms import numbers_for
from domain.decide import possible
from domain.state import PARTIES, Actor, Order
from domain.turns import claim_sentence, turn_of


def next_of(order: Order, claim: Claim) -> tuple[str, datetime | None]:
    """Who acts next and what happens otherwise, and when."""
    turn = turn_of(order, claim)
    return claim_sentence(order, turn), turn.due if turn is not None else None


def can(order: Order, claim: Claim, reader: Actor, now: datetime) -> tuple[str, ...]:
    """Which commands about this very claim are open to the reader now."""
    fitting = {
        row.name
        for row in CLAIM_STEPS
        if reader.role in row.by and claim.status in row.leads and not any(guard(order, claim) for guard in row.guards)
    }
    return tuple(name for name in possible(order, reader, now) if name in fitting)


def feedback_days(order: Order, row: ClaimRow) -> int:
    """For how many days after a claim's end its parties may say how it was handled."""
    lines = (order.line(line_id) for line_id in row.lines)
    return numbers_for(order, lines, ClaimReason(row.reason)).feedback


def may_say_until(order: Order, row: ClaimRow, reader: Actor, now: datetime) -> datetime | None:
    """Up to when a party may say how its claim was handled; None before the end, after the window, and for others."""
    if row.ended_at is None or reader.role not in PARTIES:
        return None
    until = row.ended_at + timedelta(days=feedback_days(order, row))
    return until if now <= until else None
