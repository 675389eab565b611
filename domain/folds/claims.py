"""What each event of a claim does to the order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from domain.claims.case import ASKED, Claim, Finding, Status, Stopped
from domain.events import (
    ClaimAppealed,
    ClaimAssigned,
    ClaimMoved,
    ClaimOpened,
    ClaimRuled,
    ClaimWaits,
    EvidenceGiven,
    RefundAwarded,
    RefundOffered,
    ReturnArrived,
    ReturnFailed,
    ReturnInspected,
    ReturnInstructed,
    ReturnSent,
)
from domain.purse import Part
from domain.shares import by_slice, undue
from domain.state import Cause, Order


def _claim(order: Order, claim_id: str, change: Callable[[Claim], Claim]) -> Order:
    return replace(order, claims=tuple(change(c) if c.claim_id == claim_id else c for c in order.claims))


def _moved(order: Order, event: ClaimMoved) -> Order:
    """A claim that enters a status counts anew from then; what it waited for before is forgotten."""

    def moved(claim: Claim) -> Claim:
        stood = event.at - claim.since if claim.waits_for_buyer else timedelta()
        return replace(
            claim,
            status=event.to,
            since=event.at,
            stood=claim.stood + int(stood.total_seconds()),
            until=claim.until if event.to is Status.WAITING_LONGER else None,
            escalated_at=_first(claim.escalated_at, event, Status.ESCALATED),
            upstream_at=_first(claim.upstream_at, event, Status.ESCALATED_UPSTREAM),
            stopped=_stopped(order, event),
        )

    tiers = (f"claim:{event.claim_id}.end", f"claim:{event.claim_id}.remind")
    kept = tuple(item for item in order.moved if item[0] not in tiers)
    passed = frozenset(tier for tier in order.passed if tier.removeprefix("graced:") not in tiers)
    return _claim(replace(order, moved=kept, passed=passed), event.claim_id, moved)


def _stopped(order: Order, event: ClaimMoved) -> Stopped | None:
    """The platform's clock as its question stops it."""
    mine = (t for t in order.tickets if t.cause is Cause.CLAIM and t.subject == event.claim_id)
    clocks = (Stopped(ticket.due, ticket.escalations) for ticket in mine if event.to in ASKED)
    return next(clocks, None)


def _first(known: datetime | None, event: ClaimMoved, status: Status) -> datetime | None:
    return known or (event.at if event.to is status else None)


def _back(claim: Claim, event: ReturnArrived) -> Claim:
    """Goods that came without a parcel have come all the same, and those that a box was without have come after all."""
    if claim.back is None:
        return replace(claim, handed_back_at=event.at)
    came = event.parcel_id or claim.back.parcel_id
    scanned = bool(event.parcel_id)
    *earlier, last = (
        replace(each, arrived_at=event.at, delivered=scanned) if each.parcel_id == came else each
        for each in claim.returns
    )
    finding = None if claim.finding is Finding.MISSING else claim.finding
    return replace(claim, back=last, earlier=tuple(earlier), finding=finding)


def _failed(claim: Claim, at: datetime) -> Claim:
    return replace(claim, back=replace(claim.back, failed_at=at)) if claim.back else claim


def _ruled(order: Order, event: ClaimRuled) -> Order:
    return _claim(order, event.claim_id, lambda c: replace(c, ruling=event.ruling, judges=(*c.judges, *event.judges)))


def _appealed(order: Order, event: ClaimAppealed) -> Order:
    """What was ruled does not hold, nor what it had promised of the money that the bank took meanwhile.

    What was carried out before stands.
    """

    def anew(claim: Claim) -> Claim:
        return replace(claim, appealed=True, appealed_at=event.at, ruling=None, stood=0)

    waits = any(claim.ruling for claim in order.claims if claim.claim_id == event.claim_id)
    order = _claim(order, event.claim_id, anew)
    return undue(order, event.claim_id) if waits else order


def _awarded(order: Order, event: RefundAwarded) -> Order:
    """What is less than is left of a line goes back beside the line's own way; a whole line is moved by the step."""
    partial = tuple(part for part in event.parts if part.amount < order.left(part.piece))
    order = replace(order, granted=_both(order.granted, partial))
    return _claim(order, event.claim_id, lambda c: replace(c, awarded=_both(c.awarded, event.parts), concluded=True))


def _both(before: tuple[Part, ...], parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """What an earlier decision awarded, and a later one on top while the first is still on its way, by slice."""
    return tuple(Part(piece, amount) for piece, amount in by_slice((*before, *parts)).items())


CLAIM_FOLDS: Mapping[type, Callable[[Order, Any], Order]] = {
    ClaimOpened: lambda o, e: replace(o, claims=(*o.claims, e.claim)),
    ClaimMoved: _moved,
    ClaimAssigned: lambda o, e: _claim(o, e.claim_id, lambda c: replace(c, owner=e.owner)),
    ClaimWaits: lambda o, e: _claim(o, e.claim_id, lambda c: replace(c, until=e.until)),
    RefundOffered: lambda o, e: _claim(o, e.claim_id, lambda c: replace(c, offer=e.offer)),
    ClaimRuled: _ruled,
    ClaimAppealed: _appealed,
    ReturnInstructed: lambda o, e: _claim(
        o, e.claim_id, lambda c: replace(c, return_to=e.address_id, return_label=e.label)
    ),
    ReturnSent: lambda o, e: _claim(o, e.claim_id, lambda c: replace(c, back=e.parcel, earlier=c.returns)),
    ReturnArrived: lambda o, e: _claim(o, e.claim_id, lambda c: _back(c, e)),
    ReturnFailed: lambda o, e: _claim(o, e.claim_id, lambda c: _failed(c, e.at)),
    ReturnInspected: lambda o, e: _claim(o, e.claim_id, lambda c: replace(c, finding=e.finding, inspected_at=e.at)),
    RefundAwarded: _awarded,
    EvidenceGiven: lambda o, e: o,
}
"""The folds of `domain.fold` that are about claims."""
