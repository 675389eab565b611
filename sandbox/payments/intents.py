"""Payment intents: made, confirmed, read, captured and cancelled."""

from __future__ import annotations

from sandbox.payments import balance
from sandbox.payments.call import Call, page
from sandbox.payments.cards import authenticate, authorise, let_go
from sandbox.payments.methods import card_of, resolve
from sandbox.payments.search import matching
from sandbox.payments.wire import ApiError, card_error, invalid, malformed, payable
from sandbox.store import Json, Record, new_id

CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
CHOICES = {
    "capture_method": ("automatic", "automatic_async", "manual"),
    "setup_future_usage": ("", "on_session", "off_session"),
    "cancellation_reason": ("", "abandoned", "duplicate", "fraudulent", "requested_by_customer"),
}


def create(call: Call) -> Json:
    """POST /v1/payment_intents."""
    params = call.params
    amount = params.amount("amount")
    if amount is None:
        raise malformed("Missing required param: amount.", param="amount", code="parameter_missing")
    currency = params.required("currency")
    if not (len(currency) == 3 and currency.isascii() and currency.islower()):
        raise malformed(f"Invalid currency: {currency}.", param="currency")
    payable(amount, currency, "amount")
    customer = params.text("customer")
    method = params.text("payment_method")
    confirm, off_session = params.flag("confirm"), params.flag("off_session")
    data = {
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": _choice(call, "capture_method", "automatic_async"),
        "confirmation_method": "automatic",
        "currency": currency,
        "customer": customer or None,
        "description": params.text("description") or None,
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": params.mapping("metadata"),
        "next_action": None,
        "payment_method": None,
        "payment_method_types": params.listing("payment_method_types") or ["card"],
        "review": None,
        "setup_future_usage": _choice(call, "setup_future_usage", "") or None,
        "status": "requires_payment_method",
        "transfer_group": params.text("transfer_group") or None,
    }
    _pass_over(call, "automatic_payment_methods", "return_url")
    params.done()
    if off_session and not confirm:
        raise malformed("off_session may only be set when confirm=true.", param="off_session")
    if customer:
        call.need("customer", customer, "customer", 400)
    id_ = new_id("pi")
    data["client_secret"] = f"{id_}_secret_{new_id('s')}"
    intent = call.make("payment_intent", "pi", data, id_=id_)
    _settle(call, intent, method, confirm=confirm, off_session=off_session)
    return intent.data


def confirm(call: Call) -> Json:
    """POST /v1/payment_intents/{id}/confirm."""
    method, off_session = call.params.text("payment_method"), call.params.flag("off_session")
    _pass_over(call, "return_url")
    call.params.done()
    intent = _intent(call)
    if intent.data["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        raise unexpected_state(intent, "confirmed")
    _settle(call, intent, method or intent.data["payment_method"] or "", confirm=True, off_session=off_session)
    return intent.data


def retrieve(call: Call) -> Json:
    """GET /v1/payment_intents/{id}."""
    return _intent(call).data


def update(call: Call) -> Json:
    """POST /v1/payment_intents/{id}: metadata and description only."""
    metadata, description = call.params.mapping("metadata"), call.params.text("description")
    call.params.done()
    intent = _intent(call)
    intent.data["metadata"] |= metadata
    intent.data["description"] = description or intent.data["description"]
    return call.world.store.put(intent).data


def listing(call: Call) -> Json:
    """GET /v1/payment_intents."""
    customer = call.params.text("customer")
    return page(call, "payment_intent", "/v1/payment_intents", lambda data: customer in ("", data["customer"]))


def search(call: Call) -> Json:
    """GET /v1/payment_intents/search."""
    matches = matching(call.params.required("query"))
    call.params.values["starting_after"] = call.params.text("page")
    answer = page(call, "payment_intent", "/v1/payment_intents/search", matches)
    following = answer["data"][-1]["id"] if answer["has_more"] else None
    return answer | {"object": "search_result", "next_page": following}


def capture(call: Call) -> Json:
    """POST /v1/payment_intents/{id}/capture."""
    wanted, metadata = call.params.amount("amount_to_capture"), call.params.mapping("metadata")
    call.params.done()
    intent = _intent(call)
    if intent.data["status"] != "requires_capture":
        raise unexpected_state(intent, "captured")
    amount = payable(wanted or intent.data["amount_capturable"], intent.data["currency"], "amount_to_capture")
    if amount > intent.data["amount_capturable"]:
        message = "The requested capture amount is greater than the amount you can capture for this charge."
        raise invalid(message, param="amount_to_capture", code="amount_too_large")
    method = call.need("payment_method", intent.data["payment_method"], "payment_method")
    if decline := card_of(method).capture_decline:
        message = "The issuer declined the capture."
        raise card_error(message, "card_declined", decline_code=decline, payment_intent=intent.data)
    take(call, intent, amount)
    intent.data["metadata"] |= metadata
    call.world.store.put(intent)
    call.tell("payment_intent.succeeded", intent)
    return intent.data


def cancel(call: Call) -> Json:
    """POST /v1/payment_intents/{id}/cancel."""
    reason = _choice(call, "cancellation_reason", "")
    call.params.done()
    intent = _intent(call)
    if intent.data["status"] not in CANCELLABLE:
        raise unexpected_state(intent, "canceled")
    let_go(call, intent, reason=reason or None, effect="void")
    return intent.data


def pass_authentication(call: Call) -> Json:
    """What a buyer does on the bank's page: an intent that waits for them goes on."""
    intent = _intent(call)
    if intent.data["status"] != "requires_action":
        raise unexpected_state(intent, "authenticated")
    authenticate(call, intent)
    if intent.data["capture_method"] != "manual":
        take(call, intent, intent.data["amount"])
    return call.world.store.put(intent).data


def process(call: Call, intent: Record, *, busy: bool) -> None:
    """Have a hold be processed, so that it can be neither captured nor cancelled, or be as before."""
    before, after = ("requires_capture", "processing") if busy else ("processing", "requires_capture")
    if intent.data["status"] != before:
        raise unexpected_state(intent, "processed")
    intent.data["status"] = after
    call.world.store.put(intent)


def take(call: Call, intent: Record, amount: int) -> None:
    """Move `amount` of an authorised intent to the platform and let the rest go."""
    intent.data |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    charge = call.need("charge", intent.data["latest_charge"], "charge")
    charge.data |= {"captured": True, "amount_captured": amount}
    charge.data["balance_transaction"] = balance.enter(call, charge, "charge", amount).id
    call.world.store.put(charge)
    call.world.store.put(intent)
    call.never("lapse", intent)
    call.effect("capture", intent, amount)
    call.tell("charge.captured", charge)


def unexpected_state(intent: Record, deed: str) -> ApiError:
    """The refusal of a deed that the intent's status does not allow; it shows the intent."""
    status = intent.data["status"]
    message = f"This PaymentIntent could not be {deed} because it has a status of {status}."
    return invalid(message, code="payment_intent_unexpected_state", payment_intent=dict(intent.data))


def retrieve_charge(call: Call) -> Json:
    """GET /v1/charges/{id}."""
    return call.need("charge", call.path["id"], "charge").data


def list_charges(call: Call) -> Json:
    """GET /v1/charges."""
    intent = call.params.text("payment_intent")
    return page(call, "charge", "/v1/charges", lambda data: intent in ("", data["payment_intent"]))


def _settle(call: Call, intent: Record, method: str, *, confirm: bool, off_session: bool) -> None:
    if confirm:
        authorise(call, intent, method, off_session=off_session)
        if intent.data["status"] == "requires_capture" and intent.data["capture_method"] != "manual":
            take(call, intent, intent.data["amount"])
    elif method:
        intent.data |= {"payment_method": resolve(call, method).id, "status": "requires_confirmation"}
        call.world.store.put(intent)


def _intent(call: Call) -> Record:
    return call.need("payment_intent", call.path["id"], "intent")


def _choice(call: Call, name: str, default: str) -> str:
    value = call.params.text(name, default)
    if value not in CHOICES[name]:
        raise malformed(f"Invalid {name}: must be one of {', '.join(filter(None, CHOICES[name]))}", param=name)
    return value


def _pass_over(call: Call, *names: str) -> None:
    """Accept parameters that change nothing when all payments are cards."""
    for name in names:
        if isinstance(call.params.values.get(name), dict):
            call.params.mapping(name)
        else:
            call.params.text(name)
