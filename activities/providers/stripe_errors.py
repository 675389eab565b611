"""Every error of Stripe in our words, in one total function."""

from __future__ import annotations

import stripe

from domain.errors import (
    AccountRestricted,
    AlreadyDone,
    AmountInvalid,
    AuthenticationRequired,
    AuthorisationExpired,
    Declined,
    Disputed,
    IdempotencyConflict,
    InsufficientFunds,
    ProviderError,
    Unauthorised,
    Unknown,
)

BY_CODE: dict[str, type[ProviderError]] = {
    "amount_too_large": AmountInvalid,
    "amount_too_small": AmountInvalid,
    "parameter_invalid_integer": AmountInvalid,
    "charge_not_refundable": AmountInvalid,
    "charge_already_captured": AlreadyDone,
    "charge_already_refunded": AlreadyDone,
    "charge_expired_for_capture": AuthorisationExpired,
    "capture_charge_authorization_expired": AuthorisationExpired,
    "authentication_required": AuthenticationRequired,
    "payment_intent_authentication_failure": AuthenticationRequired,
    "balance_insufficient": InsufficientFunds,
    "insufficient_funds": InsufficientFunds,
    "account_invalid": AccountRestricted,
    "account_closed": AccountRestricted,
    "insufficient_capabilities_for_transfer": AccountRestricted,
    "transfers_not_allowed": AccountRestricted,
    "payment_method_unactivated": Declined,
    "payment_method_invalid_parameter": Declined,
    "expired_card": Declined,
    "charge_disputed": Disputed,
    "lock_timeout": Unknown,
    "idempotency_key_in_use": Unknown,
}
BY_INTENT_STATUS: dict[str, type[ProviderError]] = {
    "succeeded": AlreadyDone,
    "requires_action": AuthenticationRequired,
    "processing": Unknown,
}
"""What an intent's unexpected status means; in every other one the hold is gone or never was."""
BY_PARAMETER: dict[str, type[ProviderError]] = {
    "amount": AmountInvalid,
    "amount_to_capture": AmountInvalid,
    "currency": AmountInvalid,
    "destination": AccountRestricted,
    "intent": AuthorisationExpired,
    "payment_intent": AuthorisationExpired,
    "payment_method": Declined,
    "customer": Declined,
}
SENTENCES: dict[type[ProviderError], str] = {
    AccountRestricted: "the seller's payout account is missing, closed or restricted",
    AlreadyDone: "the payment has been taken or given back already",
    AmountInvalid: "the amount cannot be moved",
    AuthenticationRequired: "the bank wants the buyer to take part",
    AuthorisationExpired: "the hold is gone",
    Disputed: "the buyer's bank has taken this money back",
    Declined: "the bank or the provider refuses this payment method",
    IdempotencyConflict: "the key was used before with other parameters",
    InsufficientFunds: "the platform's balance does not cover this",
    ProviderError: "the provider refuses the request",
    Unauthorised: "our key or its permissions are wrong",
    Unknown: "the provider gave no clear answer",
}
"""Our own words: the provider's may quote what must not get into logs."""


def translate(error: stripe.StripeError) -> ProviderError:
    """Our error for any of Stripe's: Unknown for all but a clear "no", ProviderError for a "no" of no known kind."""
    code = _code(error)
    kind = _kind(error, code)
    request = f", request {error.request_id}" if error.request_id else ""
    message = f"{SENTENCES[kind]} ({code or type(error).__name__}{request})"
    if kind is Unknown:
        return Unknown(message, code=code, retry_after=_retry_after(error))
    return kind(message, code=code)


def _kind(error: stripe.StripeError, code: str) -> type[ProviderError]:
    match error:
        case stripe.AuthenticationError() | stripe.PermissionError():
            return BY_CODE.get(code, Unauthorised)
        case stripe.IdempotencyError():
            return IdempotencyConflict
        case stripe.CardError():
            return AuthenticationRequired if BY_CODE.get(error.code or "") is AuthenticationRequired else Declined
        case stripe.InvalidRequestError():
            return _refused(error, code)
        case _:
            return Unknown


def _refused(error: stripe.InvalidRequestError, code: str) -> type[ProviderError]:
    if code == "payment_intent_unexpected_state":
        return BY_INTENT_STATUS.get(_intent_status(error), AuthorisationExpired)
    return BY_CODE.get(code) or BY_PARAMETER.get(error.param or "", ProviderError)


def _code(error: stripe.StripeError) -> str:
    """The most exact of the provider's codes, "" for none."""
    details = _details(error)
    return str(details.get("decline_code") or details.get("code") or error.code or "")


def _intent_status(error: stripe.StripeError) -> str:
    intent = _details(error).get("payment_intent")
    return str(intent.get("status")) if isinstance(intent, dict) else ""


def _details(error: stripe.StripeError) -> dict[str, object]:
    body = error.json_body
    details = body.get("error") if isinstance(body, dict) else None
    return details if isinstance(details, dict) else {}


def _retry_after(error: stripe.StripeError) -> float | None:
    value = next((value for name, value in (error.headers or {}).items() if name.lower() == "retry-after"), "")
    return float(value) if value.isascii() and value.isdigit() else None
