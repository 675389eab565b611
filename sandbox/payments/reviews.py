"""Reviews: the provider's fraud team looks at a payment."""

from __future__ import annotations

from sandbox.payments.call import Call, page
from sandbox.payments.wire import invalid, malformed
from sandbox.store import Json, Record

CLOSINGS = ("approved", "refunded", "refunded_as_fraud", "disputed", "redacted", "canceled", "acknowledged")


def open_review(call: Call, intent: Record) -> Record:
    """Put a payment under review."""
    charge = call.need("charge", intent.data["latest_charge"] or "", "payment_intent")
    data = {
        "billing_zip": None,
        "charge": charge.id,
        "closed_reason": None,
        "ip_address": None,
        "ip_address_location": None,
        "open": True,
        "opened_reason": "rule",
        "payment_intent": intent.id,
        "reason": "rule",
        "session": None,
    }
    review = call.make("review", "prv", data)
    for reviewed in (charge, intent):
        reviewed.data["review"] = review.id
        call.world.store.put(reviewed)
    call.tell("review.opened", review)
    return review


def close(call: Call, review: Record, reason: str) -> None:
    """End a review."""
    if reason not in CLOSINGS:
        raise malformed(f"reason must be one of {', '.join(CLOSINGS)}", param="reason")
    if not review.data["open"]:
        raise invalid("The review is closed already.", param="review")
    review.data |= {"open": False, "closed_reason": reason, "reason": reason}
    call.world.store.put(review)
    call.tell("review.closed", review)


def retrieve(call: Call) -> Json:
    """GET /v1/reviews/{id}."""
    return call.need("review", call.path["id"], "review").data


def listing(call: Call) -> Json:
    """GET /v1/reviews."""
    return page(call, "review", "/v1/reviews", lambda data: data["open"])
