"""The one function from Stripe's errors to ours, over every code that Stripe publishes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import pytest
import stripe

from activities.providers.stripe_errors import BY_CODE, SENTENCES, translate
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

ELSEWHERE = re.compile(
    r"account_(?!closed|invalid)|acss_|alipay_|bank_account_|bitcoin_|cardholder_|charge_invalid_parameter|clearing_code_"
    r"|country_|coupon_|customer_|dispute_evidence_|email_|failed_tax_|financial_|forwarding_|incorrect_postal_code"
    r"|instant_payouts_|invalid_(canceled_subscription|characters|mandate_reference|source_usage|tax_location)|invoice_"
    r"|out_of_inventory|ownership_|payment_evaluation_|payment_intent_(konbini_|invalid_parameter)"
    r"|payment_method_(bank_account_|billing_details_|configuration_|microdeposit_)|payout_reconciliation_|payouts_limit_"
    r"|postal_code_|product_|progressive_onboarding_|return_intent_|routing_number_|sepa_|service_period_|setup_|shipping_"
    r"|siret_|sku_|smart_disputes_|state_unsupported|stripe_tax_|subscription_|tax_|taxes_|terminal_|token_card_network_"
    r"|url_invalid"
)
"""Codes of parts of Stripe that no call of ours touches: banks, taxes, invoices, terminals, onboarding and the like."""
REFUSALS = {
    "action_blocked",
    "anomalous_money_movement_request",
    "application_fees_not_allowed",
    "approval_required",
    "balance_invalid_parameter",
    "intent_invalid_state",
    "intent_verification_method_missing",
    "missing",
    "not_allowed_on_standard_account",
    "parameter_invalid_empty",
    "parameter_invalid_string_blank",
    "parameter_invalid_string_empty",
    "parameter_missing",
    "parameter_unknown",
    "parameters_exclusive",
    "resource_already_exists",
    "status_transition_invalid",
    "transfer_source_balance_parameters_mismatch",
}
"""Codes that our calls could meet and that say only that the request was refused; nothing moved."""
BY_OTHER_MEANS = {"payment_intent_unexpected_state", "resource_missing"}
"""Codes that mean one thing or another by the intent's status, or by the parameter at fault."""


MEANS: Mapping[type[ProviderError], str] = {
    AmountInvalid: """
        amount_too_large amount_too_small charge_disputed charge_exceeds_source_limit charge_exceeds_transaction_limit
        charge_not_refundable invalid_charge_amount parameter_invalid_integer refund_disputed_payment
    """,
    AlreadyDone: "charge_already_captured charge_already_refunded",
    AuthorisationExpired: """
        capture_charge_authorization_expired capture_unauthorized_payment charge_expired_for_capture
        payment_intent_payment_attempt_expired
    """,
    AuthenticationRequired: """
        authentication_failure authentication_required payment_intent_action_required
        payment_intent_authentication_failure
    """,
    InsufficientFunds: "balance_insufficient insufficient_funds",
    AccountRestricted: """
        account_closed account_invalid capability_not_active insufficient_capabilities_for_transfer no_account
        payouts_not_allowed storer_capability_missing storer_capability_not_active transfers_not_allowed
    """,
    Declined: """
        billing_invalid_mandate card_decline_rate_limit_exceeded card_declined debit_not_authorized expired_card
        expired_payment_method incorrect_address incorrect_cvc incorrect_number incorrect_zip
        india_recurring_payment_mandate_canceled invalid_card_type invalid_cvc invalid_expiry_month invalid_expiry_year
        invalid_number payment_intent_incompatible_payment_method payment_intent_mandate_invalid
        payment_intent_payment_attempt_failed payment_method_currency_mismatch payment_method_customer_decline
        payment_method_invalid_parameter payment_method_invalid_parameter_testmode payment_method_not_available
        payment_method_provider_decline payment_method_restricted payment_method_unactivated
        payment_method_unexpected_state payment_method_unsupported_type processing_error refer_to_customer
        request_blocked three_d_secure_authentication_not_supported token_already_used token_in_use
    """,
    Unauthorised: """
        api_key_expired livemode_mismatch platform_account_required platform_api_key_expired secret_key_required
        testmode_charges_only tls_version_unsupported
    """,
    Unknown: """
        idempotency_key_in_use lock_timeout payment_intent_rate_limit_exceeded payment_method_provider_timeout
        rate_limit three_d_secure_authentication_upstream_error
    """,
}
"""What each code means for the money, told a second time: a code in the wrong group is money in the wrong place."""
MEANT = [(code, kind) for kind, codes in MEANS.items() for code in codes.split()]
FROM_THE_BANK = (AuthenticationRequired, AuthorisationExpired, Unknown)
"""What a refusal of the card can mean; whatever else its code says, the card was declined."""


def published() -> list[str]:
    """The codes as the official SDK types them, which is generated from Stripe's own document."""

    def literals(hint: Any) -> list[str]:
        parts = get_args(hint)
        return (
            [*parts]
            if isinstance(parts[0], str)
            else [code for part in parts if get_args(part) for code in literals(part)]
        )

    return literals(stripe.PaymentIntent.LastPaymentError.__annotations__["code"])


def test_every_published_code_is_known_or_known_to_be_none_of_our_business() -> None:
    codes = published()
    assert len(codes) > 200
    unknown = [
        code
        for code in codes
        if code not in BY_CODE and code not in REFUSALS | BY_OTHER_MEANS and not ELSEWHERE.match(code)
    ]
    assert unknown == []
    claimed_twice = [code for code in codes if ELSEWHERE.match(code) and (code in BY_CODE or code in REFUSALS)]
    assert claimed_twice == []


def error(kind: type[stripe.StripeError], status: int, **details: object) -> ProviderError:
    body = {"error": {"type": "x", "message": "Ms Roe's card", **details}}
    code, param = str(details.get("code", "")), str(details.get("param", ""))
    if issubclass(kind, stripe.InvalidRequestError):
        made: stripe.StripeError = kind("Ms Roe's card", param, code, http_status=status, json_body=body)
    elif issubclass(kind, stripe.CardError):
        made = kind("Ms Roe's card", param, code, http_status=status, json_body=body)
    else:
        made = kind("Ms Roe's card", http_status=status, json_body=body)
        made.code = code
    return translate(made)


@pytest.mark.parametrize("code", [*published(), "code_of_tomorrow", ""])
def test_every_code_in_every_shape_of_answer_becomes_one_of_ours_without_stripes_words(code: str) -> None:
    for kind, status in (
        (stripe.InvalidRequestError, 400),
        (stripe.InvalidRequestError, 404),
        (stripe.CardError, 402),
        (stripe.PermissionError, 403),
        (stripe.AuthenticationError, 401),
        (stripe.RateLimitError, 429),
        (stripe.APIError, 500),
        (stripe.APIError, 409),
    ):
        ours = error(kind, status, code=code)
        assert type(ours) in SENTENCES
        assert "Roe" not in str(ours)
        if status >= 409:
            assert type(ours) is Unknown


@pytest.mark.parametrize(
    ("kind", "status", "details", "expected"),
    [
        (stripe.CardError, 402, {"code": "card_declined", "decline_code": "insufficient_funds"}, Declined),
        (stripe.CardError, 402, {"code": "card_declined", "decline_code": "do_not_honor"}, Declined),
        (stripe.CardError, 402, {"code": "expired_card"}, Declined),
        (stripe.CardError, 402, {"code": "authentication_required"}, AuthenticationRequired),
        (
            stripe.CardError,
            402,
            {"code": "card_declined", "decline_code": "authentication_required"},
            AuthenticationRequired,
        ),
        (stripe.CardError, 402, {"code": "capture_charge_authorization_expired"}, AuthorisationExpired),
        (stripe.InvalidRequestError, 400, {"code": "charge_expired_for_capture"}, AuthorisationExpired),
        (stripe.InvalidRequestError, 400, {"code": "charge_disputed"}, AmountInvalid),
        (stripe.InvalidRequestError, 400, {"code": "charge_already_refunded"}, AlreadyDone),
        (stripe.InvalidRequestError, 400, {"code": "balance_insufficient"}, InsufficientFunds),
        (stripe.InvalidRequestError, 400, {"code": "resource_missing", "param": "destination"}, AccountRestricted),
        (stripe.InvalidRequestError, 400, {"code": "resource_missing", "param": "payment_method"}, MethodUnusable),
        (stripe.InvalidRequestError, 400, {"code": "resource_missing", "param": "customer"}, MethodUnusable),
        (stripe.InvalidRequestError, 400, {"code": "transfers_not_allowed"}, AccountRestricted),
        (stripe.PermissionError, 403, {"code": "account_invalid"}, AccountRestricted),
        (stripe.PermissionError, 403, {}, Unauthorised),
        (stripe.AuthenticationError, 401, {"code": "api_key_expired"}, Unauthorised),
        (stripe.InvalidRequestError, 400, {"code": "testmode_charges_only"}, Unauthorised),
        (stripe.IdempotencyError, 400, {}, IdempotencyConflict),
        (stripe.InvalidRequestError, 400, {"code": "parameter_unknown", "param": "colour"}, ProviderError),
        (stripe.InvalidRequestError, 400, {"code": "transfer_source_balance_parameters_mismatch"}, ProviderError),
        (stripe.InvalidRequestError, 400, {"code": "lock_timeout"}, Unknown),
        (stripe.IdempotencyError, 400, {"code": "idempotency_key_in_use"}, Unknown),
    ],
)
def test_what_a_code_means_for_the_money(
    kind: type[stripe.StripeError], status: int, details: dict[str, object], expected: type[ProviderError]
) -> None:
    assert type(error(kind, status, **details)) is expected


def test_every_code_that_we_know_stands_in_the_table_of_meanings() -> None:
    assert sorted(BY_CODE) == sorted(code for code, _ in MEANT)


@pytest.mark.parametrize(("code", "meant"), MEANT)
def test_each_known_code_means_one_thing_whoever_refuses(code: str, meant: type[ProviderError]) -> None:
    for kind, status in (
        (stripe.InvalidRequestError, 400),
        (stripe.IdempotencyError, 400),
        (stripe.PermissionError, 403),
        (stripe.AuthenticationError, 401),
    ):
        assert type(error(kind, status, code=code)) is meant
    by_the_bank = meant if meant in FROM_THE_BANK else Declined
    assert type(error(stripe.CardError, 402, code=code)) is by_the_bank
    assert type(error(stripe.CardError, 402, code="card_declined", decline_code=code)) is by_the_bank


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("succeeded", AlreadyDone),
        ("requires_action", AuthenticationRequired),
        ("processing", Unknown),
        ("canceled", AuthorisationExpired),
        ("requires_payment_method", AuthorisationExpired),
        ("requires_confirmation", AuthorisationExpired),
        ("status_of_tomorrow", AuthorisationExpired),
        (None, AuthorisationExpired),
    ],
)
def test_what_an_intents_status_means_when_it_is_not_the_one_we_expected(
    status: str | None, meant: type[ProviderError]
) -> None:
    told = {} if status is None else {"payment_intent": {"id": "pi_1", "status": status}}
    refused = error(stripe.InvalidRequestError, 400, code="payment_intent_unexpected_state", **told)
    assert type(refused) is meant


@pytest.mark.parametrize(
    ("param", "meant"),
    [
        ("amount", AmountInvalid),
        ("amount_to_capture", AmountInvalid),
        ("currency", AmountInvalid),
        ("destination", AccountRestricted),
        ("intent", AuthorisationExpired),
        ("payment_intent", AuthorisationExpired),
        ("payment_method", MethodUnusable),
        ("customer", MethodUnusable),
        ("colour", ProviderError),
    ],
)
def test_what_the_parameter_at_fault_means_when_the_code_says_nothing(param: str, meant: type[ProviderError]) -> None:
    for code in ("", "resource_missing"):
        assert type(error(stripe.InvalidRequestError, 400, code=code, param=param)) is meant
