"""Sellers' accounts: what they may do, what they hold, and the payouts from them to the sellers' banks."""

from __future__ import annotations

from enum import StrEnum

from sandbox.payments.call import Call, page
from sandbox.payments.wire import ApiError, invalid
from sandbox.store import Json, Record, new_id


class AccountState(StrEnum):
    """How a seller's account stands."""

    ACTIVE = "active"
    LEGACY = "legacy"  # active, by what it was asked for before there were transfers
    RESTRICTED = "restricted"  # the provider waits for documents: no transfers, no payouts
    PAYOUTS_OFF = "payouts_off"  # takes transfers, but pays nothing out to the bank
    REJECTED = "rejected"  # the provider wants nothing to do with its owner
    CLOSED = "closed"  # not connected to the platform any more


TRANSFERS = ("transfers", "legacy_payments")
"""The capabilities of which one must be active for an account to take transfers."""
DISABLED = {AccountState.RESTRICTED: "requirements.past_due", AccountState.REJECTED: "rejected.terms_of_service"}
WANTED = {
    AccountState.RESTRICTED: ["individual.verification.document"],
    AccountState.PAYOUTS_OFF: ["external_account"],
}


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
    takes = state in (AccountState.ACTIVE, AccountState.LEGACY, AccountState.PAYOUTS_OFF)
    capability = "legacy_payments" if state is AccountState.LEGACY else "transfers"
    account.data |= details or {}
    account.data |= {
        "capabilities": {capability: "active" if takes else "inactive"},
        "charges_enabled": takes,
        "payouts_enabled": state in (AccountState.ACTIVE, AccountState.LEGACY),
        "details_submitted": state is not AccountState.RESTRICTED,
        "requirements": {
            "alternatives": [],
            "current_deadline": None,
            "currently_due": WANTED.get(state, []),
            "disabled_reason": DISABLED.get(state),
            "errors": [],
            "eventually_due": WANTED.get(state, []),
            "past_due": WANTED.get(state, []),
            "pending_verification": [],
        },
    }
    account.private["state"] = state.value
    call.world.store.put(account)
    if state is AccountState.CLOSED:
        application = Record("application", "ca_sandbox", {"id": "ca_sandbox", "object": "application", "name": None})
        call.tell("account.application.deauthorized", application, id_)
    else:
        call.tell("account.updated", account, id_)
    return account.data


def retrieve_account(call: Call) -> Json:
    """GET /v1/accounts/{id}."""
    return connected(call, call.path["id"]).data


def connected(call: Call, id_: str) -> Record:
    """The account of that id, or the refusal of one that the platform has nothing to do with."""
    account = call.world.store.get("account", id_)
    if account is None or account.private["state"] == AccountState.CLOSED:
        message = f"The provided key does not have access to account '{id_}' (or that account does not exist)."
        raise ApiError(403, "invalid_request_error", message, kept=False, code="account_invalid")
    return account


def destination(call: Call, id_: str) -> Record:
    """The account of that id, or the refusal to transfer to it."""
    account = call.world.store.get("account", id_)
    if account is None or account.private["state"] == AccountState.CLOSED:
        raise no_destination(id_)
    if not any(account.data["capabilities"].get(name) == "active" for name in TRANSFERS):
        wanted = ", ".join(TRANSFERS)
        message = f"Your destination account needs to have at least one of these capabilities enabled: {wanted}."
        raise invalid(message, code="insufficient_capabilities_for_transfer")
    return account


def no_destination(id_: str) -> ApiError:
    """The refusal to transfer to an account that is not there, or not any more."""
    return invalid(f"No such destination: '{id_}'", param="destination", code="resource_missing")


def credit(call: Call, account: Record, amount: int, currency: str) -> None:
    """Move `amount` (negative for out) of the seller's own balance; raises ``balance_insufficient``."""
    held = account.private.setdefault("balance", {})
    if held.get(currency, 0) + amount < 0:
        message = f"Account {account.id} has insufficient available funds."
        raise invalid(message, code="balance_insufficient")
    held[currency] = held.get(currency, 0) + amount
    call.world.store.put(account)


def pay_out(call: Call, account: Record, amount: int, currency: str, failure: str) -> Record:
    """Pay out to the seller's bank; `failure` is the bank's code for sending the money back, "" for none."""
    if not failure:
        credit(call, account, -amount, currency)
    data: Json = {
        "amount": amount,
        "arrival_date": call.created,
        "automatic": True,
        "balance_transaction": None,
        "currency": currency,
        "description": None,
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": failure or None,
        "failure_message": "The bank sent the money back." if failure else None,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "not_applicable",
        "source_type": "card",
        "statement_descriptor": None,
        "status": "failed" if failure else "paid",
        "type": "bank_account",
    }
    payout = call.make("payout", "po", data, private={"account": account.id})
    call.tell("payout.failed" if failure else "payout.paid", payout, account.id)
    return payout


def retrieve_payout(call: Call) -> Json:
    """GET /v1/payouts/{id}, of the account that the caller acts for."""
    payout = call.need("payout", call.path["id"], "payout")
    if payout.private["account"] != call.account:
        raise ApiError(404, "invalid_request_error", f"No such payout: '{payout.id}'", code="resource_missing")
    return payout.data


def list_payouts(call: Call) -> Json:
    """GET /v1/payouts, of the account that the caller acts for."""
    ours = {payout.id for payout in call.world.store.all("payout") if payout.private["account"] == call.account}
    status = call.params.text("status")
    return page(call, "payout", "/v1/payouts", lambda data: data["id"] in ours and status in ("", data["status"]))
