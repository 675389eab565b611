"""What the provider tells by itself: its list of events, fraud reviews, and payouts from sellers' accounts to banks."""

from __future__ import annotations

from sandbox.payments.call import Call, created_range, page
from sandbox.payments.wire import missing
from sandbox.store import Json


def list_events(call: Call) -> Json:
    """GET /v1/events."""
    (since, _), types = created_range(call), call.params.listing("types")
    events = [
        record
        for record in call.world.store.all("event")
        if record.data["created"] >= since and (not types or record.data["type"] in types)
    ]
    return page(call, events, "/v1/events")


def retrieve_event(call: Call) -> Json:
    """GET /v1/events/{id}."""
    return call.need("event", call.path["id"], "event").data


def review(call: Call, intent_id: str, *, is_open: bool) -> Json:
    """The provider's fraud review of a payment begins, or ends with its approval."""
    intent = call.need("payment_intent", intent_id, "payment_intent")
    known = next((r for r in call.world.store.of_order("review", intent.order_id)
                  if r.data["payment_intent"] == intent_id and r.data["open"]), None)  # fmt: skip
    data = {
        "billing_zip": None,
        "charge": intent.data["latest_charge"],
        "closed_reason": None,
        "ip_address": None,
        "ip_address_location": None,
        "open": True,
        "opened_reason": "rule",
        "payment_intent": intent_id,
        "reason": "rule",
        "session": None,
    }
    record = known or call.make("review", "prv", data)
    if not is_open:
        record.data |= {"open": False, "closed_reason": "approved", "reason": "approved"}
    call.world.store.put(record)
    call.tell("review.opened" if is_open else "review.closed", record)
    return record.data


def retrieve_review(call: Call) -> Json:
    """GET /v1/reviews/{id}."""
    return call.need("review", call.path["id"], "review").data


def fail_payout(call: Call, account: str, amount: int, currency: str) -> Json:
    """A payout from a seller's account comes back from the bank."""
    data: Json = {
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": call.created,
        "automatic": True,
        "balance_transaction": None,
        "currency": currency,
        "description": None,
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "failed",
        "trace_id": None,
        "type": "bank_account",
    }
    payout = call.make("payout", "po", data, private={"account": account})
    call.tell("payout.failed", payout)
    return payout.data


def retrieve_payout(call: Call) -> Json:
    """GET /v1/payouts/{id}, on the account that the request acts for."""
    payout = call.need("payout", call.path["id"], "payout")
    if payout.private["account"] != call.account:
        raise missing("payout", payout.id, "payout", 404)
    return payout.data
