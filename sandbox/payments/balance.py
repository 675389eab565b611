"""The platform's balance per currency, and a row for everything that moved it.

Captured money is pending; only what came back from sellers is available. A dispute is withdrawn whatever the balance.
"""

from __future__ import annotations

from sandbox.payments.call import Call, page
from sandbox.payments.wire import ApiError, invalid
from sandbox.store import Json, Record

TYPES = {
    "charge": "charge",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "transfer": "transfer",
    "transfer_reversal": "transfer_refund",
    "dispute": "adjustment",
    "dispute_reversal": "adjustment",
}
"""The type of a row by its reporting category."""


def balance_insufficient() -> ApiError:
    """The refusal when the platform's money does not cover a movement."""
    message = "You have insufficient available funds in your account."
    return invalid(message, code="balance_insufficient")


def demand(call: Call, amount: int, currency: str, *, from_pending: bool) -> None:
    """Raise ``balance_insufficient`` unless the balance covers `amount`, with its pending part where that may go."""
    data = _record(call, currency).data
    if amount > data["available"] + (data["pending"] if from_pending else 0):
        raise balance_insufficient()


def enter(
    call: Call,
    source: Record,
    category: str,
    amount: int,
    *,
    fee: int = 0,
    available: bool = False,
    from_pending: bool = True,
) -> Record:
    """Move `amount` (negative for out) less `fee` and answer the row that says so.

    Money that comes in is pending unless it is `available`; what goes out comes from pending money first, where it may.
    """
    currency, net = source.data["currency"], amount - fee
    if net >= 0:
        pending = 0 if available else net
    else:
        pending = -min(-net, max(_record(call, currency).data["pending"], 0)) if from_pending else 0
    _move(call, net - pending, pending, currency)
    details = {"amount": fee, "application": None, "currency": currency, "description": "Fee", "type": "stripe_fee"}
    data = {
        "amount": amount,
        "available_on": call.created,
        "balance_type": "payments",
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": net,
        "reporting_category": category,
        "source": source.id,
        "status": "pending" if pending else "available",
        "type": TYPES[category],
    }
    return call.make("balance_transaction", "txn", data)


def top_up(call: Call, amount: int, currency: str) -> None:
    """The platform puts money of its own in, so that disputes and lost money of some orders do not stop others."""
    _move(call, amount, 0, currency)


def retrieve(call: Call) -> Json:
    """GET /v1/balance."""
    call.params.listing("expand")
    records = call.world.store.all("balance")
    return {"object": "balance", "livemode": False} | {
        part: [
            {"amount": record.data[part], "currency": record.id, "source_types": {"card": record.data[part]}}
            for record in records
        ]
        for part in ("available", "pending")
    }


def list_transactions(call: Call) -> Json:
    """GET /v1/balance_transactions."""
    type_, source = call.params.text("type"), call.params.text("source")
    currency = call.params.text("currency")
    return page(
        call,
        "balance_transaction",
        "/v1/balance_transactions",
        lambda data: (
            type_ in ("", data["type"]) and source in ("", data["source"]) and currency in ("", data["currency"])
        ),
    )


def retrieve_transaction(call: Call) -> Json:
    """GET /v1/balance_transactions/{id}."""
    return call.need("balance_transaction", call.path["id"], "id").data


def _record(call: Call, currency: str) -> Record:
    known = call.world.store.get("balance", currency)
    return known or Record("balance", currency, {"available": 0, "pending": 0})


def _move(call: Call, available: int, pending: int, currency: str) -> None:
    record = _record(call, currency)
    record.data["available"] += available
    record.data["pending"] += pending
    call.world.store.put(record)
