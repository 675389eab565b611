"""How far the hold on the buyer's card lets a seller's time run (docs/rules.md, Payment)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.business_time import business_days_before
from domain.state import LineState, Order, in_state

WAITS_IN: Mapping[str, LineState] = {"confirm": LineState.PENDING, "ship": LineState.CONFIRMED}
"""The seller's clocks, and in which state lines wait for each."""


def renews(order: Order) -> bool:
    """Whether the hold will be renewed with the buyer absent."""
    payment = order.payment
    return payment.renewable and order.policy.hold.way_out == "reauthorise" and payment.buyer_asked_at is None


def hold_limit(order: Order) -> datetime | None:
    """The last moment at which a seller can still be paid from this hold, unless it may yet be renewed."""
    payment = order.payment
    renewable = renews(order) or payment.renewing or payment.buyer_asked_at is not None
    if payment.captured is not None or payment.capture_before is None or renewable:
        return None
    return payment.capture_before - order.policy.hold.margin


def seller_times(order: Order, name: str, tiers: Mapping[str, datetime]) -> tuple[datetime, datetime]:
    """When the ticket and the end of a seller's clock ring. `tiers` are its times before the hold's limit.

    A limit that cuts the time does not cost the ticket: it keeps its distance from the end by policy, but leaves half
    of the time since the seller could act.
    """
    ticket, end = tiers[f"{name}.ticket"], tiers[f"{name}.end"]
    limit, windows = hold_limit(order), getattr(order.policy, name)
    if limit is None or end <= limit:
        return ticket, end
    distance = windows.end - windows.ticket
    before = business_days_before(order.seller_calendar, limit, distance) if distance else limit
    return min(ticket, max(before, _halfway(order, name, limit)), limit), limit


def seller_reminder(order: Order, name: str, tiers: Mapping[str, datetime]) -> datetime:
    """When the seller is reminded: a ticket that the hold's limit puts before its reminder takes it along.

    It keeps its distance, but leaves half of the time since the seller could act.
    """
    remind, (ticket, _) = tiers[f"{name}.remind"], seller_times(order, name, tiers)
    if remind < ticket:
        return remind
    return max(remind - (tiers[f"{name}.ticket"] - ticket), _halfway(order, name, ticket))


def _halfway(order: Order, name: str, to: datetime) -> datetime:
    """Halfway between when the seller could first act and `to`."""
    waiting = [line.since for line in in_state(order.live, (WAITS_IN[name],))]
    began = max([order.payment.paid_at or order.placed_at, min(waiting, default=order.placed_at)])
    return began + (to - began) / 2
