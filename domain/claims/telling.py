"""What is worth telling of a claim's events, and of its clock."""

from __future__ import annotations

from collections.abc import Mapping

from domain.claims.case import Claim
from domain.events import (
    ClaimMoved,
    ClaimOpened,
    ClaimRuled,
    Event,
    EvidenceGiven,
    RefundAwarded,
    RefundOffered,
    ReturnArrived,
)
from domain.money import Money, total
from domain.purse import Part
from domain.state import Order
from domain.wire import instant_text

Facts = Mapping[str, str | int | list[str]]


def claim_facts(event: Event) -> dict[str, str | int | list[str]]:
    """Ids, codes and amounts; nothing for an event that is not about a claim."""
    match event:
        case ClaimOpened(claim):
            return {"claim_id": claim.claim_id, "lines": list(claim.lines), "why": str(claim.reason)}
        case ClaimMoved(claim_id, to, _):
            return {"claim_id": claim_id, "status": to.value}
        case EvidenceGiven(claim_id, _) | ReturnArrived(claim_id, _):
            return {"claim_id": claim_id}
        case RefundOffered(claim_id, offer) if offer is not None:
            return {"claim_id": claim_id, "offer": str(offer.amount)}
        case RefundAwarded(claim_id, parts) if parts:
            return {"claim_id": claim_id, "awarded": str(_sum(parts))}
        case ClaimRuled(claim_id, ruling) if ruling is not None and ruling.parts:
            return {"claim_id": claim_id, "verdict": ruling.verdict.value, "awarded": str(_sum(ruling.parts))}
        case _:
            return {}


def _sum(parts: tuple[Part, ...]) -> Money:
    return total([part.amount for part in parts], parts[0].amount.currency)


def reminded(claim: Claim) -> dict[str, str | int | list[str]]:
    """What a reminder of the claim's clock is about."""
    return {"claim_id": claim.claim_id, "lines": list(claim.lines), "status": claim.status.value}


def still_waits(order: Order, facts: Facts) -> bool:
    """Whether the claim stands where it stood when the reminder was made."""
    claim = order.claim(str(facts["claim_id"]))
    return claim is not None and claim.status.value == facts["status"]


def still_ended(order: Order, facts: Facts) -> bool:
    """Whether the end that a request for feedback is about was the claim's last; older requests do not say which."""
    claim = order.claim(str(facts["claim_id"]))
    if claim is None or claim.is_open:
        return False
    ended_at = instant_text(claim.since)
    return facts.get("ended_at", ended_at) == ended_at
