"""The numbers of policy that hold for a claim or for some lines; their seller or category may have others."""

from __future__ import annotations

from collections.abc import Iterable

from domain.claims.case import Claim
from domain.policy.claims import Claims
from domain.state import Line, Order


def numbers_of(order: Order, claim: Claim) -> Claims:
    """The numbers for a claim."""
    return numbers_for(order, (order.line(line_id) for line_id in claim.lines))


def numbers_for(order: Order, lines: Iterable[Line]) -> Claims:
    """The numbers for goods of this order."""
    return order.policy.claims.where(order.seller, (line.category for line in lines))
