"""Disputes: the buyer's bank takes money back at once, with the provider's fee, and decides later."""

from __future__ import annotations

from enum import StrEnum

from sandbox.payments import balance
from sandbox.payments.call import Call, page
from sandbox.payments.wire import invalid, malformed
from sandbox.store import Json, Record, new_id

FEE = 1500
"""What the provider takes for a dispute, in minor units."""

REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip


class Verdict(StrEnum):
    """How the bank decides."""

    WON = "won"
    LOST = "lost"


def open_dispute(call: Call, charge_id: str, amount: int | None, reason: str, fee: int) -> Json:
    """The bank takes `amount` of a charge back, or all that is left of it."""
    charge = call.need("charge", charge_id, "charge")
    left = remaining(call, charge)
    amount = left if amount is None else amount
    if reason not in REASONS:
        raise malformed(f"reason must be one of {', '.join(REASONS)}", param="reason")
    if not 0 < amount <= left:
        raise invalid(f"The disputed amount ({amount}) must be at most what is left of the charge ({left})")
    currency, id_ = charge.data["currency"], new_id("dp")
    data = {
        "amount": amount,
        "balance_transactions": [_transaction(call, id_, -amount, fee, currency, "dispute")],
        "charge": charge.id,
        "currency": currency,
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {"due_by": call.created + 9 * 86_400, "has_evidence": False, "past_due": False,
                             "submission_count": 0},
        "is_charge_refundable": False,
        "metadata": {},
        "payment_intent": charge.data["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }  # fmt: skip
    dispute = call.make("dispute", "dp", data, id_=id_, private={"fee": fee})
    balance.take_away(call, amount + fee, currency)
    charge.data["disputed"] = True
    call.world.store.put(charge)
    call.effect("dispute", dispute, amount)
    if fee:
        call.effect("dispute_fee", dispute, fee)
    call.tell("charge.dispute.created", dispute)
    call.tell("charge.dispute.funds_withdrawn", dispute)
    return dispute.data


def decide(call: Call, dispute: Record, verdict: Verdict, fee_returned: int) -> Json:
    """The bank's decision; one for the seller is possible after one for the buyer."""
    if dispute.data["status"] == Verdict.WON or dispute.data["status"] == verdict:
        raise invalid(f"The dispute is {dispute.data['status']} already.", param="status")
    dispute.data["status"] = verdict.value
    if verdict is Verdict.WON:
        _give_back(call, dispute, fee_returned)
    call.world.store.put(dispute)
    call.tell("charge.dispute.closed", dispute)
    return dispute.data


def _give_back(call: Call, dispute: Record, fee: int) -> None:
    amount, currency = dispute.data["amount"], dispute.data["currency"]
    given = _transaction(call, dispute.id, amount, -fee, currency, "dispute_reversal")
    dispute.data["balance_transactions"].append(given)
    balance.take_in(call, amount + fee, currency)
    call.effect("dispute_won", dispute, amount)
    if fee:
        call.effect("dispute_fee_returned", dispute, fee)
    call.tell("charge.dispute.funds_reinstated", dispute)


def retrieve(call: Call) -> Json:
    """GET /v1/disputes/{id}."""
    return call.need("dispute", call.path["id"], "dispute").data


def listing(call: Call) -> Json:
    """GET /v1/disputes."""
    charge, intent = call.params.text("charge"), call.params.text("payment_intent")
    disputes = [
        record
        for record in call.world.store.all("dispute")
        if charge in ("", record.data["charge"]) and intent in ("", record.data["payment_intent"])
    ]
    return page(call, disputes, "/v1/disputes")


def disputed(call: Call, charge: Record) -> int:
    """What of a charge the bank holds or has kept."""
    return sum(
        record.data["amount"]
        for record in call.world.store.of_order("dispute", charge.order_id)
        if record.data["charge"] == charge.id and record.data["status"] != Verdict.WON
    )


def remaining(call: Call, charge: Record) -> int:
    """What of a charge has neither been refunded nor taken back by the bank."""
    captured: int = charge.data["amount_captured"]
    refunded: int = charge.data["amount_refunded"]
    return captured - refunded - disputed(call, charge)


def _transaction(call: Call, source: str, amount: int, fee: int, currency: str, category: str) -> Json:
    """A line of the balance; `fee` is taken, below zero it is given back."""
    transaction = call.transaction(
        "adjustment", source, amount, currency, fee=fee, category=category, order_id=call.order_id
    )
    return transaction.data
