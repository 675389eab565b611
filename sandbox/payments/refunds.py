"""Refunds: given at once, or pending until they are settled one way or the other."""

from __future__ import annotations

from sandbox.payments import balance
from sandbox.payments.call import Call, page
from sandbox.payments.disputes import charge_disputed, taken
from sandbox.payments.methods import card_of
from sandbox.payments.wire import invalid, malformed, payable
from sandbox.store import Json, Record

REASONS = ("", "duplicate", "fraudulent", "requested_by_customer")


def create(call: Call) -> Json:
    """POST /v1/refunds."""
    params = call.params
    charge_id, intent_id, amount = params.text("charge"), params.text("payment_intent"), params.amount("amount")
    reason, metadata = params.text("reason"), params.mapping("metadata")
    params.done()
    if reason not in REASONS:
        raise malformed("Invalid reason.", param="reason")
    if intent_id:
        charge_id = call.need("payment_intent", intent_id, "payment_intent").data["latest_charge"] or ""
    charge = call.need("charge", charge_id, "charge")
    left = charge.data["amount_captured"] - charge.data["amount_refunded"]
    if not charge.data["captured"]:
        raise invalid(f"Charge {charge.id} has not been captured.", param="charge", code="charge_not_refundable")
    if left == 0:
        raise invalid(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    amount = payable(amount or left, charge.data["currency"], "amount")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise invalid(message, param="amount")
    if taken(charge) and amount > left - taken(charge):
        raise charge_disputed(charge)
    balance.demand(call, amount, charge.data["currency"], from_pending=True)
    _count(call, charge, amount)
    pending = call.pending or card_of(_method(call, charge)).refund == "pending"
    data = {
        "amount": amount,
        "balance_transaction": None,
        "charge": charge.id,
        "currency": charge.data["currency"],
        "metadata": metadata,
        "payment_intent": charge.data["payment_intent"],
        "reason": reason or None,
        "status": "pending" if pending else "succeeded",
    }
    refund = call.make("refund", "re", data)
    refund.data["balance_transaction"] = balance.enter(call, refund, "refund", -amount).id
    call.world.store.put(refund)
    call.effect("refund", refund, amount)
    call.tell("refund.created", refund)
    call.tell("charge.refunded", charge)
    return refund.data


def retrieve(call: Call) -> Json:
    """GET /v1/refunds/{id}."""
    return call.need("refund", call.path["id"], "refund").data


def listing(call: Call) -> Json:
    """GET /v1/refunds."""
    charge, intent = call.params.text("charge"), call.params.text("payment_intent")
    return page(
        call,
        "refund",
        "/v1/refunds",
        lambda data: charge in ("", data["charge"]) and intent in ("", data["payment_intent"]),
    )


def settle(call: Call, refund: Record, status: str) -> None:
    """End a refund as ``succeeded``, ``failed``, also from success, or ``canceled``; its money comes back but for the
    first.
    """
    if refund.data["status"] not in ("pending", "succeeded"):
        raise invalid(f"The refund is {refund.data['status']} already.", param="status")
    if status == "canceled" and refund.data["status"] != "pending":
        raise invalid(f"The refund is {refund.data['status']} already.", param="status")
    refund.data["status"] = status
    if status == "failed":
        refund.data["failure_reason"] = "lost_or_stolen_card"
    if status != "succeeded":
        _count(call, call.need("charge", refund.data["charge"], "charge"), -refund.data["amount"])
        row = balance.enter(call, refund, "refund_failure", refund.data["amount"])
        refund.data["failure_balance_transaction"] = row.id
        call.effect("refund_failed", refund, refund.data["amount"])
    call.world.store.put(refund)
    call.never("refund_failed", refund)
    for type_ in ("refund.failed",) * (status == "failed") + ("refund.updated", "charge.refund.updated"):
        call.tell(type_, refund)


def _count(call: Call, charge: Record, amount: int) -> None:
    charge.data["amount_refunded"] += amount
    charge.data["refunded"] = charge.data["amount_refunded"] == charge.data["amount_captured"]
    call.world.store.put(charge)


def _method(call: Call, charge: Record) -> Record:
    return call.need("payment_method", charge.data["payment_method"], "payment_method")
