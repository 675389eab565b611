"""The platform's balance per currency. Captured money is pending; only what came back from sellers is available."""

from __future__ import annotations

from sandbox.payments.call import Call, created_range, page
from sandbox.payments.wire import ApiError, invalid
from sandbox.store import Json, Record


def balance_insufficient() -> ApiError:
    """The refusal when the platform's money does not cover a movement."""
    message = "You have insufficient available funds in your account."
    return invalid(message, code="balance_insufficient")


def take_in(call: Call, amount: int, currency: str, *, available: bool = False) -> None:
    """Add money to the platform's balance."""
    _move(call, amount if available else 0, 0 if available else amount, currency)


def pay_out(call: Call, amount: int, currency: str, *, from_pending: bool) -> None:
    """Take money from the balance, pending money as well when the caller may; raises ``balance_insufficient``."""
    record = _record(call, currency)
    available, pending = record.data["available"], record.data["pending"]
    if amount > available + (pending if from_pending else 0):
        raise balance_insufficient()
    out_of_pending = min(amount, pending) if from_pending else 0
    _move(call, out_of_pending - amount, -out_of_pending, currency)


def take_away(call: Call, amount: int, currency: str) -> None:
    """Take money whether it is there or not: pending money first, then below zero."""
    pending = _record(call, currency).data["pending"]
    _move(call, min(amount, pending) - amount, -min(amount, pending), currency)


def list_transactions(call: Call) -> Json:
    """GET /v1/balance_transactions."""
    since, before, type_ = (*created_range(call), call.params.text("type"))
    records = [
        record
        for record in call.world.store.all("balance_transaction")
        if since <= record.data["created"] < before and type_ in ("", record.data["type"])
    ]
    return page(call, records, "/v1/balance_transactions")


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


def _record(call: Call, currency: str) -> Record:
    known = call.world.store.get("balance", currency)
    return known or Record("balance", currency, {"available": 0, "pending": 0})


def _move(call: Call, available: int, pending: int, currency: str) -> None:
    record = _record(call, currency)
    record.data["available"] += available
    record.data["pending"] += pending
    call.world.store.put(record)
