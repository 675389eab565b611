"""Buyers and their cards: customers, payment methods, mandates, and how each test card behaves."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.payments.call import Call, page
from sandbox.payments.wire import malformed
from sandbox.store import Json, Record


@dataclass(frozen=True, slots=True)
class Card:
    """How a test card behaves: its decline codes ("" for none), and in which status its refunds begin."""

    last4: str
    brand: str = "visa"
    decline: str = ""
    capture_decline: str = ""
    authentication: bool = False
    refund: str = "succeeded"


CARDS = {
    "pm_card_visa": Card("4242"),
    "pm_card_mastercard": Card("4444", brand="mastercard"),
    "pm_card_chargeDeclined": Card("0002", decline="generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": Card("9995", decline="insufficient_funds"),
    "pm_card_visa_chargeDeclined": Card("0002", decline="generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card("9995", decline="insufficient_funds"),
    "pm_card_chargeCustomerFail": Card("0341", decline="generic_decline"),
    "pm_card_authenticationRequired": Card("3184", authentication=True),
    "pm_card_captureDeclined": Card("0010", capture_decline="generic_decline"),
    "pm_card_pendingRefund": Card("7726", refund="pending"),
}
"""Test cards by the name of their payment method; all are the provider's own but ``pm_card_captureDeclined``."""


def card_of(method: Record) -> Card:
    """How a stored payment method behaves."""
    return CARDS[method.private["card"]]


def resolve(call: Call, name: str) -> Record:
    """The payment method of that name; the name of a test card makes a new one."""
    if name in CARDS:
        return _make(call, name)
    return call.need("payment_method", name, "payment_method", 400)


def attach_to(call: Call, method: Record, customer: str) -> None:
    """Store a payment method with a customer."""
    method.data["customer"] = customer
    call.world.store.put(method)


def make_mandate(call: Call, method: Record) -> Record:
    """The buyer's consent to payments in their absence."""
    return call.make(
        "mandate",
        "mandate",
        {
            "customer_acceptance": {"type": "online", "accepted_at": call.created, "online": {}},
            "payment_method": method.id,
            "payment_method_details": {"type": "card", "card": {}},
            "status": "active",
            "type": "multi_use",
            "multi_use": {},
        },
    )


def create_customer(call: Call) -> Json:
    """POST /v1/customers."""
    data: Json = {name: call.params.text(name) or None for name in ("name", "email", "description")}
    data["metadata"] = call.params.mapping("metadata")
    call.params.done()
    return call.make("customer", "cus", data).data


def retrieve_customer(call: Call) -> Json:
    """GET /v1/customers/{id}."""
    return call.need("customer", call.path["id"], "id").data


def list_methods(call: Call) -> Json:
    """GET /v1/customers/{id}/payment_methods."""
    customer = call.need("customer", call.path["id"], "customer").id
    call.params.text("type")
    url = f"/v1/customers/{customer}/payment_methods"
    return page(call, "payment_method", url, lambda data: data["customer"] == customer)


def create_method(call: Call) -> Json:
    """POST /v1/payment_methods: only test tokens, never card numbers."""
    card = call.params.values.get("card")
    call.params.text("type")
    token = card.get("token", "") if isinstance(card, dict) else ""
    name = token.replace("tok_", "pm_card_", 1)
    if name not in CARDS:
        raise malformed("Only test tokens such as 'tok_visa' are accepted.", param="card[token]")
    return _make(call, name).data


def retrieve_method(call: Call) -> Json:
    """GET /v1/payment_methods/{id}."""
    return call.need("payment_method", call.path["id"], "id").data


def attach_method(call: Call) -> Json:
    """POST /v1/payment_methods/{id}/attach."""
    customer = call.need("customer", call.params.required("customer"), "customer", 400)
    call.params.done()
    method = resolve(call, call.path["id"])
    attach_to(call, method, customer.id)
    return method.data


def detach_method(call: Call) -> Json:
    """POST /v1/payment_methods/{id}/detach."""
    call.params.done()
    method = call.need("payment_method", call.path["id"], "payment_method")
    method.data["customer"] = None
    return call.world.store.put(method).data


def retrieve_mandate(call: Call) -> Json:
    """GET /v1/mandates/{id}."""
    return call.need("mandate", call.path["id"], "id").data


def _make(call: Call, name: str) -> Record:
    card = CARDS[name]
    data = {
        "type": "card",
        "customer": None,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "card": {"brand": card.brand, "exp_month": 12, "exp_year": 2099, "funding": "credit", "last4": card.last4},
        "metadata": {},
    }
    return call.make("payment_method", "pm", data, private={"card": name, "used": False})
