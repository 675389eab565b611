"""The numbers of policy that hold for a claim or for some lines; their seller, category or reason may have others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.claims.case import Claim, ClaimReason
from domain.parcels.parcel import Milestone
from domain.policy.claims import Claims
from domain.state import SENT, Line, LineState, Order


def numbers_of(order: Order, claim: Claim) -> Claims:
    """The numbers for a claim."""
    return numbers_for(order, (order.line(line_id) for line_id in claim.lines), claim.reason)


def numbers_for(order: Order, lines: Iterable[Line], reason: ClaimReason) -> Claims:
    """The numbers for a claim with this reason about goods of this order."""
    return order.policy.claims.where(order.seller, (line.category for line in lines), reason)


def claim_until(order: Order, line: Line, reason: ClaimReason) -> datetime | None:
    """The last instant of a claim with this reason about goods that have arrived.

    None before they have, and where the time after the order's end is the only end.
    """
    days = numbers_for(order, [line], reason).days_to_claim(reason)
    arrived = arrived_at(order, line)
    return None if days is None or arrived is None else arrived + timedelta(days=days)


def arrived_at(order: Order, line: Line) -> datetime | None:
    """When the line's goods arrived; None for what was not sent, or is on its way."""
    if line.state not in SENT or line.state is LineState.SHIPPED:
        return None
    delivered = (p.moved_at for p in order.parcels_of(line.line_id) if p.milestone is Milestone.DELIVERED)
    return max(filter(None, delivered), default=line.since)
