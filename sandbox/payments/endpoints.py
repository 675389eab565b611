"""What the provider can be asked: every method on every path, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.payments import (
    accounts,
    balance,
    disputes,
    events,
    intents,
    methods,
    refunds,
    reviews,
    transfers,
    webhooks,
)
from sandbox.payments.call import Call
from sandbox.store import Json


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method on one path. `operation` is the name by which faults find it."""

    method: str
    path: str
    operation: str
    handler: Callable[[Call], Json]


ENDPOINTS = (
    Endpoint("POST", "/v1/payment_intents", "authorise", intents.create),
    Endpoint("GET", "/v1/payment_intents", "read", intents.listing),
    Endpoint("GET", "/v1/payment_intents/search", "read", intents.search),
    Endpoint("GET", "/v1/payment_intents/{id}", "read", intents.retrieve),
    Endpoint("POST", "/v1/payment_intents/{id}", "update", intents.update),
    Endpoint("POST", "/v1/payment_intents/{id}/confirm", "authorise", intents.confirm),
    Endpoint("POST", "/v1/payment_intents/{id}/capture", "capture", intents.capture),
    Endpoint("POST", "/v1/payment_intents/{id}/cancel", "void", intents.cancel),
    Endpoint("GET", "/v1/charges", "read", intents.list_charges),
    Endpoint("GET", "/v1/charges/{id}", "read", intents.retrieve_charge),
    Endpoint("POST", "/v1/refunds", "refund", refunds.create),
    Endpoint("GET", "/v1/refunds", "read", refunds.listing),
    Endpoint("GET", "/v1/refunds/{id}", "read", refunds.retrieve),
    Endpoint("POST", "/v1/transfers", "release", transfers.create),
    Endpoint("GET", "/v1/transfers", "read", transfers.listing),
    Endpoint("GET", "/v1/transfers/{id}", "read", transfers.retrieve),
    Endpoint("POST", "/v1/transfers/{id}/reversals", "reverse_release", transfers.reverse),
    Endpoint("GET", "/v1/transfers/{id}/reversals", "read", transfers.list_reversals),
    Endpoint("POST", "/v1/accounts", "account", accounts.create_account),
    Endpoint("GET", "/v1/accounts/{id}", "read", accounts.retrieve_account),
    Endpoint("GET", "/v1/payouts", "read", accounts.list_payouts),
    Endpoint("GET", "/v1/payouts/{id}", "read", accounts.retrieve_payout),
    Endpoint("GET", "/v1/disputes", "read", disputes.listing),
    Endpoint("GET", "/v1/disputes/{id}", "read", disputes.retrieve),
    Endpoint("GET", "/v1/reviews", "read", reviews.listing),
    Endpoint("GET", "/v1/reviews/{id}", "read", reviews.retrieve),
    Endpoint("GET", "/v1/events", "read", events.listing),
    Endpoint("GET", "/v1/events/{id}", "read", events.retrieve),
    Endpoint("GET", "/v1/balance", "read", balance.retrieve),
    Endpoint("GET", "/v1/balance_transactions", "read", balance.list_transactions),
    Endpoint("GET", "/v1/balance_transactions/{id}", "read", balance.retrieve_transaction),
    Endpoint("POST", "/v1/customers", "customer", methods.create_customer),
    Endpoint("GET", "/v1/customers/{id}", "read", methods.retrieve_customer),
    Endpoint("GET", "/v1/customers/{id}/payment_methods", "read", methods.list_methods),
    Endpoint("POST", "/v1/payment_methods", "method", methods.create_method),
    Endpoint("GET", "/v1/payment_methods/{id}", "read", methods.retrieve_method),
    Endpoint("POST", "/v1/payment_methods/{id}/attach", "method", methods.attach_method),
    Endpoint("POST", "/v1/payment_methods/{id}/detach", "method", methods.detach_method),
    Endpoint("GET", "/v1/mandates/{id}", "read", methods.retrieve_mandate),
    Endpoint("POST", "/v1/webhook_endpoints", "webhook", webhooks.create),
    Endpoint("GET", "/v1/webhook_endpoints", "read", webhooks.listing),
    Endpoint("DELETE", "/v1/webhook_endpoints/{id}", "webhook", webhooks.delete),
)
