"""Every error of Stripe in our words, in one total function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from activities.providers.port import NoSuchObject
from domain.errors import (
    AccountRestricted,
    AlreadyDone,
    AmountInvalid,
    AuthenticationRequired,
    AuthorisationExpired,
    Declined,
    IdempotencyConflict,
    InsufficientFunds,
    MethodUnusable,
    ProviderError,
    Unauthorised,
    Unknown,
)

CODES: dict[type[ProviderError], tuple[str, ...]] = {
    AmountInvalid: (
        "amount_too_large",
        "amount_too_small",
        "charge_disputed",
        "charge_exceeds_source_limit",
        "charge_exceeds_transaction_limit",
        "charge_not_refundable",
        "invalid_charge_amount",
        "parameter_invalid_integer",
        "refund_disputed_payment",
    ),
    AlreadyDone: ("charge_already_captured", "charge_already_refunded"),
    AuthorisationExpired: (
        "capture_charge_authorization_expired",
        "capture_unauthorized_payment",
        "charge_expired_for_capture",
        "payment_intent_payment_attempt_expired",
    ),
    AuthenticationRequired: (
        "authentication_failure",
        "authentication_required",
        "payment_intent_action_required",
        "payment_intent_authentication_failure",
    ),
    InsufficientFunds: ("balance_insufficient", "insufficient_funds"),
    AccountRestricted: (
        "account_closed",
        "account_invalid",
        "capability_not_active",
        "insufficient_capabilities_for_transfer",
        "no_account",
        "payouts_not_allowed",
        "storer_capability_missing",
        "storer_capability_not_active",
        "transfers_not_allowed",
    ),
    Declined: (
        "billing_invalid_mandate",
        "card_decline_rate_limit_exceeded",
        "card_declined",
        "debit_not_authorized",
        "expired_card",
        "expired_payment_method",
        "incorrect_address",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_zip",
        "india_recurring_payment_mandate_canceled",
        "invalid_card_type",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "payment_intent_incompatible_payment_method",
        "payment_intent_mandate_invalid",
        "payment_intent_payment_attempt_failed",
        "payment_method_currency_mismatch",
        "payment_method_customer_decline",
        "payment_method_invalid_parameter",
        "payment_method_invalid_parameter_testmode",
        "payment_method_not_available",
        "payment_method_provider_decline",
        "payment_method_restricted",
        "payment_method_unactivated",
        "payment_method_unexpected_state",
        "payment_method_unsupported_type",
        "processing_error",
        "refer_to_customer",
        "request_blocked",
        "three_d_secure_authentication_not_supported",
        "token_already_used",
        "token_in_use",
    ),
    Unauthorised: (
        "api_key_expired",
        "livemode_mismatch",
        "platform_account_required",
        "platform_api_key_expired",
        "secret_key_required",
        "testmode_charges_only",
        "tls_version_unsupported",
    ),
    Unknown: (
        "idempotency_key_in_use",
        "lock_timeout",
        "payment_intent_rate_limit_exceeded",
        "payment_method_provider_timeout",
        "rate_limit",
        "three_d_secure_authentication_upstream_error",
    ),
}
BY_CODE: dict[str, type[ProviderError]] = {code: kind for kind, codes in CODES.items() for code in codes}
"""Stripe's codes that our calls can meet and that say what to do; any other is a refusal of no known kind."""
BY_THE_BANK = frozenset({AuthenticationRequired, AuthorisationExpired, Unknown})
"""What a bank's refusal can be other than a plain decline."""
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
    "payment_method": MethodUnusable,
    "customer": MethodUnusable,
}
SENTENCES: dict[type[ProviderError], str] = {
    AccountRestricted: "the seller's payout account is missing, closed or restricted",
    AlreadyDone: "the payment has been taken or given back already",
    AmountInvalid: "the amount cannot be moved",
    AuthenticationRequired: "the bank wants the buyer to take part",
    AuthorisationExpired: "the hold is gone",
    Declined: "the bank or the provider refuses this payment method",
    IdempotencyConflict: "the key was used before with other parameters",
    InsufficientFunds: "the balance does not cover this",
    MethodUnusable: "no such payment method or customer, or none that can be used",
    ProviderError: "the provider refuses the request",
    Unauthorised: "our key or its permissions are wrong",
    Unknown: "the provider gave no clear answer",
}
"""Our own words: the provider's may quote what must not get into logs."""


UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What reading an answer of another shape than agreed can raise: a number that is none, a list without its end."""
MISSING = "resource_missing"
"""Stripe's code for an object that the account of our key does not have."""
WORD = re.compile(r"[a-z0-9_]{1,80}")


def translate(error: stripe.StripeError) -> ProviderError:
    """Our error for any of Stripe's: Unknown for all but a clear "no", ProviderError for a "no" of no known kind."""
    code = _code(error)
    kind = _kind(error, code)
    request = f", request {error.request_id}" if error.request_id else ""
    message = f"{SENTENCES[kind]} ({code or type(error).__name__}{request})"
    if kind is Unknown:
        return Unknown(message, code=code, retry_after=_retry_after(error))
    return kind(message, code=code)


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever goes wrong in talking to the provider into one of our errors."""
    try:
        yield
    except stripe.StripeError as error:
        raise translate(error) from error
    except UNREADABLE as error:
        # The provider answered "done" in a shape that we cannot read: the effect may well stand.
        raise Unknown("the provider's answer cannot be read", code="unreadable_answer") from error


@contextmanager
def found() -> Iterator[None]:
    """The same for reading what somebody else may have made: what is not there is said so."""
    with translated():
        try:
            yield
        except stripe.InvalidRequestError as error:
            if error.code != MISSING:
                raise
            raise NoSuchObject("the provider has no such object", code=MISSING) from error


@contextmanager
def shown() -> Iterator[None]:
    """The same for moving what the provider has shown us before: if that is not there, our key is another account's.

    Nothing follows from it for what an earlier call did. The account that a release goes to may well be gone.
    """
    with translated():
        try:
            yield
        except stripe.InvalidRequestError as error:
            if error.code != MISSING or error.param == "destination":
                raise
            raise Unauthorised(f"{SENTENCES[Unauthorised]} ({MISSING})", code=MISSING) from error


def _kind(error: stripe.StripeError, code: str) -> type[ProviderError]:
    match error:
        case stripe.AuthenticationError() | stripe.PermissionError():
            return BY_CODE.get(code, Unauthorised)
        case stripe.IdempotencyError():
            return BY_CODE.get(code, IdempotencyConflict)
        case stripe.CardError():
            kinds = BY_CODE.get(word(error.code), Declined), BY_CODE.get(code, Declined)
            return next((kind for kind in kinds if kind in BY_THE_BANK), Declined)
        case stripe.InvalidRequestError():
            return _refused(error, code)
        case _:
            return Unknown


def _refused(error: stripe.InvalidRequestError, code: str) -> type[ProviderError]:
    if code == "payment_intent_unexpected_state":
        return BY_INTENT_STATUS.get(_intent_status(error), AuthorisationExpired)
    return BY_CODE.get(code) or BY_PARAMETER.get(word(error.param), ProviderError)


def _code(error: stripe.StripeError) -> str:
    """The most exact of the provider's codes, "" for none."""
    details = _details(error)
    return word(details.get("decline_code")) or word(details.get("code")) or word(error.code)


def word(value: object) -> str:
    """A word of the provider's own; "" for all else, which may be anything and must not get into logs."""
    return value if isinstance(value, str) and WORD.fullmatch(value) else ""


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
