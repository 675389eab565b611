"""Sellers' accounts, and the money that goes to them and comes back."""

from __future__ import annotations

from enum import StrEnum

from sandbox.payments import balance, disputes
from sandbox.payments.call import Call, page
from sandbox.payments.wire import invalid, malformed
from sandbox.store import Json, Record, new_id


class AccountState(StrEnum):
    """How a seller's account takes transfers."""

    ACTIVE = "active"
    RESTRICTED = "restricted"  # the provider waits for documents
    CLOSED = "closed"


CAPABILITY = {AccountState.ACTIVE: "active", AccountState.RESTRICTED: "inactive", AccountState.CLOSED: "inactive"}


def create_account(call: Call) -> Json:
    """POST /v1/accounts: an active one, as if the seller had handed in all documents."""
    country, email = call.params.text("country", "DE"), call.params.text("email")
    metadata = call.params.mapping("metadata")
    for name in ("type", "capabilities", "controller", "business_type"):
        call.params.values.pop(name, None)
    return put_account(
        call, new_id("acct"), AccountState.ACTIVE, {"country": country, "email": email or None}, metadata
    )


def put_account(
    call: Call, id_: str, state: AccountState, details: Json | None = None, metadata: dict[str, str] | None = None
) -> Json:
    """Make an account of that id, or put the one there into another state."""
    known = call.world.store.get("account", id_)
    account = known or call.make("account", "acct", {"type": "custom", "metadata": metadata or {}}, id_=id_)
    able = state is AccountState.ACTIVE
    account.data |= details or {}
    account.data |= {
        "capabilities": {"transfers": CAPABILITY[state]},
        "charges_enabled": able,
        "payouts_enabled": able,
        "details_submitted": able,
    }
    account.private["state"] = state.value
    call.world.store.put(account)
    call.tell("account.updated", account)
    return account.data


def retrieve_account(call: Call) -> Json:
    """GET /v1/accounts/{id}."""
    return call.need("account", call.path["id"], "account").data


def create(call: Call) -> Json:
    """POST /v1/transfers."""
    params = call.params
    amount, currency = params.amount("amount"), params.required("currency")
    destination, source = params.required("destination"), params.text("source_transaction")
    group, metadata = params.text("transfer_group"), params.mapping("metadata")
    description = params.text("description")
    params.done()
    if amount is None:
        raise malformed("Missing required param: amount.", param="amount", code="parameter_missing")
    _check_account(call, destination)
    if source:
        _check_source(call, source, amount, currency)
    balance.pay_out(call, amount, currency, from_pending=bool(source))
    id_ = new_id("tr")
    data = {
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": None,
        "currency": currency,
        "description": description or None,
        "destination": destination,
        "destination_payment": new_id("py"),
        "metadata": metadata,
        "reversals": {"object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{id_}/reversals"},
        "reversed": False,
        "source_transaction": source or None,
        "source_type": "card",
        "transfer_group": group or None,
    }
    transfer = call.make("transfer", "tr", data, id_=id_)
    call.effect("transfer", transfer, amount)
    call.tell("transfer.created", transfer)
    return transfer.data


def retrieve(call: Call) -> Json:
    """GET /v1/transfers/{id}."""
    return call.need("transfer", call.path["id"], "transfer").data


def listing(call: Call) -> Json:
    """GET /v1/transfers."""
    group, destination = call.params.text("transfer_group"), call.params.text("destination")
    transfers = [
        record
        for record in call.world.store.all("transfer")
        if group in ("", record.data["transfer_group"]) and destination in ("", record.data["destination"])
    ]
    return page(call, transfers, "/v1/transfers")


def reverse(call: Call) -> Json:
    """POST /v1/transfers/{id}/reversals."""
    wanted, metadata = call.params.amount("amount"), call.params.mapping("metadata")
    description = call.params.text("description")
    call.params.done()
    transfer = call.need("transfer", call.path["id"], "transfer")
    left = transfer.data["amount"] - transfer.data["amount_reversed"]
    if left == 0:
        raise invalid(f"Transfer {transfer.id} is already fully reversed.", param="transfer")
    amount = wanted or left
    if amount > left:
        raise invalid(f"Reversal amount ({amount}) is greater than what is left ({left})", param="amount")
    data = {
        "amount": amount,
        "balance_transaction": None,
        "currency": transfer.data["currency"],
        "description": description or None,
        "metadata": metadata,
        "transfer": transfer.id,
    }
    reversal = call.make("transfer_reversal", "trr", data)
    transfer.data["amount_reversed"] += amount
    transfer.data["reversed"] = transfer.data["amount_reversed"] == transfer.data["amount"]
    transfer.data["reversals"]["data"].insert(0, reversal.data)
    call.world.store.put(transfer)
    balance.take_in(call, amount, transfer.data["currency"], available=True)
    call.effect("transfer_reversal", reversal, amount)
    call.tell("transfer.reversed", transfer)
    return reversal.data


def list_reversals(call: Call) -> Json:
    """GET /v1/transfers/{id}/reversals."""
    transfer = call.need("transfer", call.path["id"], "transfer")
    reversals = [r for r in call.world.store.all("transfer_reversal") if r.data["transfer"] == transfer.id]
    return page(call, reversals, f"/v1/transfers/{transfer.id}/reversals")


def _check_account(call: Call, id_: str) -> Record:
    account = call.world.store.get("account", id_)
    if account is None or account.private["state"] == AccountState.CLOSED:
        raise invalid(f"No such destination: '{id_}'", param="destination", code="resource_missing")
    if account.private["state"] == AccountState.RESTRICTED:
        message = "Your destination account needs to have at least one of these capabilities enabled: transfers."
        raise invalid(message, code="insufficient_capabilities_for_transfer")
    return account


def _check_source(call: Call, source: str, amount: int, currency: str) -> None:
    charge = call.need("charge", source, "source_transaction", 400)
    if not charge.data["captured"]:
        raise invalid(f"Charge {source} has not been captured.", param="source_transaction")
    if charge.data["currency"] != currency:
        raise invalid("The currency must be that of the source charge.", param="currency")
    sent = sum(
        record.data["amount"] - record.data["amount_reversed"]
        for record in call.world.store.of_order("transfer", charge.order_id)
        if record.data["source_transaction"] == source
    )
    taken_back = disputes.disputed(call, charge)
    if sent + amount > charge.data["amount_captured"] - taken_back:
        left = charge.data["amount_captured"] - taken_back - sent
        raise invalid(f"Transfer amount ({amount}) is greater than what is left of the charge ({left})", param="amount")
