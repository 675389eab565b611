"""Disputes: the cardholder's bank takes principal and fee at once, and gives back what was won."""

from __future__ import annotations

from datetime import timedelta

from sandbox.payments import balance
from sandbox.payments.call import Call, page
from sandbox.payments.wire import ApiError, invalid, malformed
from sandbox.store import Json, Record

FEE = 1500
"""What a dispute costs unless the lever says otherwise, in minor units."""
ANSWER_TIME = timedelta(days=7)
REASONS = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
ENDS = {
    "won": ("needs_response", "under_review", "lost"),
    "lost": ("needs_response", "under_review"),
    "warning_closed": ("warning_needs_response", "warning_under_review"),
}
"""How a dispute can end, and from where. A lost one can still be won: banks change their minds."""


def taken(charge: Record) -> int:
    """How much of a charge stands withdrawn by disputes that were not won."""
    return int(charge.private.get("disputed", 0))


def charge_disputed(charge: Record) -> ApiError:
    """The refusal of a movement that the disputed part of the charge does not leave."""
    return invalid(f"Charge {charge.id} has been charged back.", code="charge_disputed", charge=charge.id)


def open_dispute(
    call: Call, charge: Record, *, amount: int | None, fee: int, reason: str, inquiry: bool = False
) -> Record:
    """Dispute `amount` of a captured charge, all that was not given back by default; an inquiry withdraws nothing.

    It may be more than the charge: a bank reckons in its own currency, and rates change.
    """
    if not charge.data["captured"]:
        raise invalid(f"Charge {charge.id} has not been captured.", param="charge")
    if reason not in REASONS:
        raise malformed(f"reason must be one of {', '.join(REASONS)}", param="reason")
    left = charge.data["amount_captured"] - taken(charge)
    amount = left - charge.data["amount_refunded"] if amount is None else amount
    if left <= 0:
        raise malformed("all of this charge is disputed", param="amount")
    if amount <= 0:
        raise malformed("amount must be above zero", param="amount")
    data = {
        "amount": amount,
        "balance_transactions": [],
        "charge": charge.id,
        "currency": charge.data["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": int((call.now + ANSWER_TIME).timestamp()),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "metadata": {},
        "payment_intent": charge.data["payment_intent"],
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    dispute = call.make("dispute", "du", data, private={"fee": fee})
    charge.data["disputed"] = True
    call.world.store.put(charge)
    call.tell("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(call, dispute, charge)
    return dispute


def escalate(call: Call, dispute: Record) -> None:
    """An inquiry becomes a chargeback: now the money goes."""
    if not dispute.data["status"].startswith("warning_"):
        raise invalid(f"The dispute is {dispute.data['status']} already.", param="dispute")
    dispute.data |= {"status": "needs_response", "is_charge_refundable": False}
    call.tell("charge.dispute.updated", dispute)
    _withdraw(call, dispute, call.need("charge", dispute.data["charge"], "charge"))


def close(call: Call, dispute: Record, status: str, *, fee_returned: int) -> None:
    """End a dispute; what was won comes back with `fee_returned` of the fee."""
    if dispute.data["status"] not in ENDS[status]:
        raise invalid(f"The dispute is {dispute.data['status']} already.", param="status")
    if fee_returned > dispute.private["fee"]:
        raise malformed("fee_returned is more than the fee", param="fee_returned")
    dispute.data["status"] = status
    amount, charge = dispute.data["amount"], call.need("charge", dispute.data["charge"], "charge")
    if status == "won":
        row = balance.enter(call, dispute, "dispute_reversal", amount, fee=-fee_returned)
        dispute.data["balance_transactions"].append(row.data)
        charge.private["disputed"] = taken(charge) - amount
        call.world.store.put(charge)
        call.effect("dispute_won", dispute, amount, fee=fee_returned)
        call.tell("charge.dispute.funds_reinstated", dispute)
    elif status == "lost":
        call.effect("dispute_lost", dispute, amount)
    call.world.store.put(dispute)
    call.tell("charge.dispute.closed", dispute)


def retrieve(call: Call) -> Json:
    """GET /v1/disputes/{id}."""
    return call.need("dispute", call.path["id"], "dispute").data


def listing(call: Call) -> Json:
    """GET /v1/disputes."""
    charge, intent = call.params.text("charge"), call.params.text("payment_intent")
    return page(
        call,
        "dispute",
        "/v1/disputes",
        lambda data: charge in ("", data["charge"]) and intent in ("", data["payment_intent"]),
    )


def _withdraw(call: Call, dispute: Record, charge: Record) -> None:
    amount, fee = dispute.data["amount"], dispute.private["fee"]
    row = balance.enter(call, dispute, "dispute", -amount, fee=fee)
    dispute.data["balance_transactions"].append(row.data)
    call.world.store.put(dispute)
    charge.private["disputed"] = taken(charge) + amount
    call.world.store.put(charge)
    call.effect("dispute", dispute, amount, fee=fee)
    call.tell("charge.dispute.funds_withdrawn", dispute)
