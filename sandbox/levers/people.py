"""Levers by which the people of the outside world act: storefronts, buyers, sellers, banks, the provider's staff."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from sandbox.levers.reading import choice, flag, instant, number, required, text
from sandbox.payments import accounts, balance, cards, disputes, intents, methods, refunds, reviews
from sandbox.payments.api import PaymentApi
from sandbox.payments.call import Call
from sandbox.payments.wire import ApiError, Params, malformed
from sandbox.store import Json, Record


class Settled(StrEnum):
    """How a refund can end."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Ended(StrEnum):
    """How a dispute can end."""

    WON = "won"
    LOST = "lost"
    WARNING_CLOSED = "warning_closed"


def top_up(api: PaymentApi, wanted: Json) -> Json:
    """The platform's owner puts money in."""
    call = _call(api, "")
    balance.top_up(call, number(wanted, "amount", int, 0), required(wanted, "currency").lower())
    return balance.retrieve(call)


def preauthorise(api: PaymentApi, wanted: Json) -> Json:
    """What a storefront does at checkout."""
    order_id = required(wanted, "order_id")
    amount = number(wanted, "amount", int, None)
    if amount is None:
        raise malformed("Missing: amount", param="amount")
    customer = text(wanted, "customer") or methods.create_customer(_call(api, order_id))["id"]
    form = {
        "amount": str(amount),
        "currency": required(wanted, "currency").lower(),
        "customer": customer,
        "capture_method": "manual",
        "setup_future_usage": "off_session",
        "metadata": {"order_id": order_id},
    }
    intent = intents.create(_call(api, order_id, form))
    if "capture_before" in wanted:
        record = _find(api, "payment_intent", intent["id"])
        record.private["capture_before"] = int(instant(wanted, "capture_before").timestamp())
        api.world.store.put(record)
    confirmation = {"payment_method": text(wanted, "payment_method") or "pm_card_visa"}
    try:
        intent = _on_intent(api, intents.confirm, intent["id"], confirmation)
        if intent["status"] == "requires_action":
            intent = _on_intent(api, intents.pass_authentication, intent["id"], {})
    except ApiError as error:
        if error.status != 402:
            raise
        # The bank's "no" is an answer to the storefront, not a failure of this lever.
        intent = error.body["error"]["payment_intent"]
    seen = {"payment_intent": intent["id"], "customer": customer, "status": intent["status"]}
    return seen | {"payment_method": intent["payment_method"]}


def authenticate(api: PaymentApi, wanted: Json) -> Json:
    """The buyer passes the bank's page, in time or late."""
    return _on_intent(api, intents.pass_authentication, required(wanted, "payment_intent"), {})


def end_hold(api: PaymentApi, wanted: Json) -> Json:
    """The card's issuer takes a hold back before its time."""
    return _on(api, _find(api, "payment_intent", required(wanted, "payment_intent")), cards.lapse)


def process(api: PaymentApi, wanted: Json) -> Json:
    """The provider is busy with a hold, or done with it."""
    intent = _find(api, "payment_intent", required(wanted, "payment_intent"))
    busy = flag(wanted, "busy")
    return _on(api, intent, lambda call, record: intents.process(call, record, busy=busy))


def settle_refund(api: PaymentApi, wanted: Json) -> Json:
    """A refund ends, also one that had succeeded; one that is pending can be cancelled."""
    status = choice(wanted, "status", Settled)
    refund = _find(api, "refund", required(wanted, "refund"))
    return _on(api, refund, lambda call, record: refunds.settle(call, record, status))


def open_dispute(api: PaymentApi, wanted: Json) -> Json:
    """The buyer's bank takes the money of a charge, or asks about it."""
    charge = _charge(api, wanted)
    amount, fee = number(wanted, "amount", int, None), number(wanted, "fee", int, disputes.FEE)
    reason, inquiry = text(wanted, "reason") or "fraudulent", flag(wanted, "inquiry")
    call = _call(api, charge.order_id)
    dispute = disputes.open_dispute(call, charge, amount=amount, fee=fee, reason=reason, inquiry=inquiry)
    api.tell(call)
    return dispute.data


def escalate_dispute(api: PaymentApi, wanted: Json) -> Json:
    """An inquiry becomes a chargeback."""
    return _on(api, _find(api, "dispute", required(wanted, "dispute")), disputes.escalate)


def close_dispute(api: PaymentApi, wanted: Json) -> Json:
    """A dispute ends; what is won comes back."""
    status, returned = choice(wanted, "status", Ended), number(wanted, "fee_returned", int, 0)
    dispute = _find(api, "dispute", required(wanted, "dispute"))
    return _on(api, dispute, lambda call, record: disputes.close(call, record, status, fee_returned=returned))


def open_review(api: PaymentApi, wanted: Json) -> Json:
    """The provider's staff begin to look at a payment."""
    intent = _find(api, "payment_intent", required(wanted, "payment_intent"))
    call = _call(api, intent.order_id)
    review = reviews.open_review(call, intent)
    api.tell(call)
    return review.data


def close_review(api: PaymentApi, wanted: Json) -> Json:
    """They have looked."""
    reason = text(wanted, "reason") or "approved"
    review = _find(api, "review", required(wanted, "review"))
    return _on(api, review, lambda call, record: reviews.close(call, record, reason))


def put_account(api: PaymentApi, wanted: Json) -> Json:
    """A seller's account is made, or gets into another state."""
    call = _call(api, text(wanted, "order_id"))
    state = choice(wanted, "state", accounts.AccountState)
    account = accounts.put_account(call, required(wanted, "account"), state)
    api.tell(call)
    return account


def pay_out(api: PaymentApi, wanted: Json) -> Json:
    """Money goes from a seller's account to their bank, or comes back from it."""
    account = _find(api, "account", required(wanted, "account"))
    amount = number(wanted, "amount", int, None)
    if not amount:
        raise malformed("Missing: amount", param="amount")
    call = _call(api, text(wanted, "order_id"))
    payout = accounts.pay_out(
        call, account, amount, required(wanted, "currency").lower(), failure=text(wanted, "failure")
    )
    api.tell(call)
    return payout.data


def _charge(api: PaymentApi, wanted: Json) -> Record:
    if intent := text(wanted, "payment_intent"):
        return _find(api, "charge", _find(api, "payment_intent", intent).data["latest_charge"] or "")
    return _find(api, "charge", required(wanted, "charge"))


def _find(api: PaymentApi, kind: str, id_: str) -> Record:
    return _call(api, "").need(kind, id_, kind)


def _on(api: PaymentApi, record: Record, deed: Callable[[Call, Record], None]) -> Json:
    call = _call(api, record.order_id)
    deed(call, record)
    api.tell(call)
    return record.data


def _on_intent(api: PaymentApi, deed: Callable[[Call], Json], intent: str, form: Json) -> Json:
    call = _call(api, _find(api, "payment_intent", intent).order_id, form, intent)
    try:
        return deed(call)
    finally:
        api.tell(call)


def _call(api: PaymentApi, order_id: str, form: Json | None = None, id_: str = "") -> Call:
    return Call(api.world, Params(form or {}), {"id": id_}, order_id)
