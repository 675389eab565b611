"""Authorisations: what the bank answers to a card, how long the hold stands, and how it lapses."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.payments.call import Call
from sandbox.payments.methods import attach_to, card_of, make_mandate, resolve
from sandbox.payments.wire import ApiError, card_error, invalid, malformed
from sandbox.store import Record

REUSE = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again."
)


def authorise(call: Call, intent: Record, method_name: str, *, off_session: bool) -> None:
    """Ask the bank for a hold. The intent keeps what came of it, also when a decline is raised."""
    if not method_name:
        raise malformed("You cannot confirm this PaymentIntent because it's missing a payment method.")
    method = resolve(call, method_name)
    owner = method.data["customer"]
    if method.private["used"] and owner is None:
        raise invalid(REUSE, param="payment_method")
    if owner is not None and owner != intent.data["customer"]:
        message = "The payment method belongs to another Customer; provide that Customer when using it."
        raise invalid(message, param="payment_method")
    card = card_of(method)
    method.private["used"] = True
    call.world.store.put(method)
    intent.data["payment_method"] = method.id
    if card.decline:
        _refuse(call, intent, method, card_error("Your card was declined.", "card_declined", decline_code=card.decline))
    if card.authentication and off_session:
        message = "Your card was declined. This transaction requires authentication."
        _refuse(call, intent, method, card_error(message, "authentication_required"))
    if card.authentication:
        intent.data |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}}}
        call.world.store.put(intent)
        call.tell("payment_intent.requires_action", intent)
        return
    _hold(call, intent, method)


def authenticate(call: Call, intent: Record) -> None:
    """The buyer has taken part: the hold is placed."""
    _hold(call, intent, call.need("payment_method", intent.data["payment_method"], "payment_method"))


def let_go(call: Call, intent: Record, *, reason: str | None, effect: str) -> None:
    """Cancel an intent; a hold that stood is written into the book as `effect`."""
    if held := intent.data["amount_capturable"]:
        charge = call.need("charge", intent.data["latest_charge"], "charge")
        charge.data |= {"refunded": True, "amount_refunded": held}
        call.world.store.put(charge)
        call.effect(effect, intent, held)
        call.never("lapse", intent)
        if effect == "lapse":
            call.tell("charge.expired", charge)
    intent.data |= {
        "status": "canceled",
        "canceled_at": call.created,
        "cancellation_reason": reason,
        "amount_capturable": 0,
        "next_action": None,
    }
    call.world.store.put(intent)
    call.tell("payment_intent.canceled", intent)


def lapse(call: Call, intent: Record) -> None:
    """End a hold that nobody captured: its time is over, or the card's issuer took it back."""
    if intent.data["status"] == "requires_capture":
        let_go(call, intent, reason="automatic", effect="lapse")


def _hold(call: Call, intent: Record, method: Record) -> None:
    consent = intent.data["setup_future_usage"]
    if consent and intent.data["customer"]:
        attach_to(call, method, intent.data["customer"])
    if consent == "off_session":
        method.private["mandate"] = make_mandate(call, method).id
        call.world.store.put(method)
    fixed = intent.private.get("capture_before")
    end = fixed or int((call.now + call.world.hold_time).timestamp())
    charge = _charge(call, intent, method, capture_before=end)
    intent.data |= {
        "status": "requires_capture",
        "amount_capturable": intent.data["amount"],
        "latest_charge": charge.id,
        "next_action": None,
        "last_payment_error": None,
    }
    call.world.store.put(intent)
    call.later(datetime.fromtimestamp(end, UTC), "lapse", intent)
    call.effect("authorise", intent, intent.data["amount"])
    call.tell("payment_intent.amount_capturable_updated", intent)


def _refuse(call: Call, intent: Record, method: Record, error: ApiError) -> None:
    charge = _charge(call, intent, method, failure=error.body["error"]["code"])
    error.body["error"]["charge"] = charge.id
    intent.data |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "latest_charge": charge.id,
        "next_action": None,
        "last_payment_error": dict(error.body["error"]),
    }
    call.world.store.put(intent)
    call.tell("payment_intent.payment_failed", intent)
    error.body["error"]["payment_intent"] = dict(intent.data)
    raise error


def _charge(
    call: Call, intent: Record, method: Record, *, capture_before: int | None = None, failure: str | None = None
) -> Record:
    shown = method.data["card"] | {"network": method.data["card"]["brand"], "mandate": method.private.get("mandate")}
    if capture_before is not None:
        shown["capture_before"] = capture_before
    data = {
        "amount": intent.data["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": method.data["billing_details"],
        "captured": False,
        "currency": intent.data["currency"],
        "customer": intent.data["customer"],
        "disputed": False,
        "failure_code": failure,
        "metadata": dict(intent.data["metadata"]),
        "paid": failure is None,
        "payment_intent": intent.id,
        "payment_method": method.id,
        "payment_method_details": {"type": "card", "card": shown},
        "refunded": False,
        "status": "failed" if failure else "succeeded",
        "transfer_group": intent.data["transfer_group"],
    }
    return call.make("charge", "ch", data)
