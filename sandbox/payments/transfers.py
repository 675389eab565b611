"""The money that goes to sellers' accounts and comes back."""

from __future__ import annotations

from sandbox.payments import accounts, balance
from sandbox.payments.call import Call, page
from sandbox.payments.disputes import charge_disputed, taken
from sandbox.payments.wire import invalid, malformed, payable
from sandbox.store import Json, new_id


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
    payable(amount, currency, "amount")
    account = accounts.destination(call, destination)
    if source:
        # It is paid out of its charge, whatever the balance says.
        _check_source(call, source, amount, currency)
    else:
        balance.demand(call, amount, currency, from_pending=False)
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
    row = balance.enter(call, transfer, "transfer", -amount, from_pending=bool(source))
    transfer.data["balance_transaction"] = row.id
    call.world.store.put(transfer)
    accounts.credit(call, account, amount, currency)
    call.effect("transfer", transfer, amount)
    call.tell("transfer.created", transfer)
    return transfer.data


def retrieve(call: Call) -> Json:
    """GET /v1/transfers/{id}."""
    return call.need("transfer", call.path["id"], "transfer").data


def listing(call: Call) -> Json:
    """GET /v1/transfers."""
    group, destination = call.params.text("transfer_group"), call.params.text("destination")
    return page(
        call,
        "transfer",
        "/v1/transfers",
        lambda data: group in ("", data["transfer_group"]) and destination in ("", data["destination"]),
    )


def reverse(call: Call) -> Json:
    """POST /v1/transfers/{id}/reversals."""
    wanted, metadata = call.params.amount("amount"), call.params.mapping("metadata")
    description = call.params.text("description")
    call.params.done()
    transfer = call.need("transfer", call.path["id"], "transfer")
    left = transfer.data["amount"] - transfer.data["amount_reversed"]
    if left == 0:
        raise invalid(f"Transfer {transfer.id} is already fully reversed.", param="transfer")
    amount = payable(wanted or left, transfer.data["currency"], "amount")
    if amount > left:
        raise invalid(f"Reversal amount ({amount}) is greater than what is left ({left})", param="amount")
    account = accounts.connected(call, transfer.data["destination"])
    accounts.credit(call, account, -amount, transfer.data["currency"])
    data = {
        "amount": amount,
        "balance_transaction": None,
        "currency": transfer.data["currency"],
        "description": description or None,
        "metadata": metadata,
        "transfer": transfer.id,
    }
    reversal = call.make("transfer_reversal", "trr", data)
    row = balance.enter(call, reversal, "transfer_reversal", amount, available=True)
    reversal.data["balance_transaction"] = row.id
    call.world.store.put(reversal)
    transfer.data["amount_reversed"] += amount
    transfer.data["reversed"] = transfer.data["amount_reversed"] == transfer.data["amount"]
    transfer.data["reversals"]["data"].insert(0, reversal.data)
    call.world.store.put(transfer)
    call.effect("transfer_reversal", reversal, amount)
    call.tell("transfer.reversed", transfer)
    return reversal.data


def list_reversals(call: Call) -> Json:
    """GET /v1/transfers/{id}/reversals."""
    transfer = call.need("transfer", call.path["id"], "transfer")
    url = f"/v1/transfers/{transfer.id}/reversals"
    return page(call, "transfer_reversal", url, lambda data: data["transfer"] == transfer.id)


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
    if taken(charge) and sent + amount > charge.data["amount_captured"] - taken(charge):
        raise charge_disputed(charge)
    if sent + amount > charge.data["amount_captured"]:
        left = charge.data["amount_captured"] - sent
        raise invalid(f"Transfer amount ({amount}) is greater than what is left of the charge ({left})", param="amount")
