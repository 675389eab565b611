"""The real adapter, over real HTTP, against the sandbox: every verb, and where its outcome can be found again."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from activities.providers.port import Effect, Hold, HoldState, PaymentProvider
from activities.providers.stripe import StripePayments
from activities.providers.stripe_money import from_wire, to_wire
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
    Unauthorised,
    Unknown,
)
from domain.money import Money, Verb
from sandbox.client import SandboxClient

PRICE = Money(4990, "EUR")
MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture
def order() -> str:
    return f"stripe-{next(_numbers)}"


@pytest.fixture(scope="module")
def payments(sandbox: SandboxClient) -> PaymentProvider:
    sandbox.account("acct_seller")
    return StripePayments("sk_test_sandbox", url=sandbox.url)


def kinds(sandbox: SandboxClient, order: str) -> list[str]:
    return [effect["kind"] for effect in sandbox.book(order)]


def hold_of(sandbox: SandboxClient, order: str, amount: Money = PRICE, method: str = "pm_card_visa") -> str:
    made = sandbox.preauthorise(order, amount.minor, amount.currency, payment_method=method)
    return str(made["payment_intent"])


def charge_of(sandbox: SandboxClient, payments: PaymentProvider, order: str, method: str = "pm_card_visa") -> str:
    return payments.capture(hold=hold_of(sandbox, order, method=method), amount=PRICE, key=f"{order}/capture").ref


def test_a_storefronts_hold_is_read_with_its_order_amount_and_last_moment(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    end = MARCH + timedelta(days=4, hours=18)
    sandbox.move_clock(order, MARCH)
    made = sandbox.preauthorise(order, 4990, "EUR", capture_before=end)
    assert payments.hold(made["payment_intent"]) == Hold(
        made["payment_intent"], PRICE, HoldState.OPEN, end, order, renewable=True
    )


def test_a_hold_stands_seven_days_and_then_lapses_by_itself(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    sandbox.move_clock(order, MARCH)
    ref = hold_of(sandbox, order)
    end = payments.hold(ref).capture_before
    assert end is not None
    assert timedelta(days=7) - timedelta(seconds=2) <= end - MARCH <= timedelta(days=7, seconds=60)
    sandbox.move_clock(order, MARCH + timedelta(days=7, minutes=5))
    assert kinds(sandbox, order) == ["authorise", "lapse"]
    assert payments.hold(ref).state is HoldState.VOIDED
    with pytest.raises(AuthorisationExpired):
        payments.capture(hold=ref, amount=PRICE, key=f"{order}/capture")


def test_a_hold_that_nobody_made_is_gone(payments: PaymentProvider) -> None:
    with pytest.raises(AuthorisationExpired) as caught:
        payments.hold("pi_missing")
    assert caught.value.code == "resource_missing"


def test_a_payment_method_is_authorised_with_metadata_that_names_order_operation_and_key(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    customer = sandbox.preauthorise(f"{order}-before", 100, "EUR")["customer"]
    hold = payments.authorise(
        order_id=order, method="pm_card_visa", customer=customer, amount=PRICE, key=f"{order}/authorise"
    )
    assert (hold.state, hold.amount, hold.order_id, hold.renewable) == (HoldState.OPEN, PRICE, order, True)
    assert payments.lookup(Verb.AUTHORISE, order_id=order, subject=customer, key=f"{order}/authorise") == hold
    assert payments.lookup(Verb.AUTHORISE, order_id=order, subject="", key=f"{order}/authorise") == hold
    assert payments.lookup(Verb.AUTHORISE, order_id=order, subject=customer, key=f"{order}/other") is None


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_card_that_the_bank_refuses_is_declined_and_leaves_no_hold(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, method: str, code: str
) -> None:
    with pytest.raises(Declined) as caught:
        payments.authorise(order_id=order, method=method, customer="", amount=PRICE, key=order)
    assert caught.value.code == code
    assert sandbox.book(order) == []
    assert payments.lookup(Verb.AUTHORISE, order_id=order, subject="", key=order) is None


@pytest.mark.parametrize(("method", "customer"), [("pm_unknown", ""), ("pm_card_visa", "cus_none")])
def test_a_payment_method_or_customer_that_is_not_there_is_no_refusal_of_the_bank(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, method: str, customer: str
) -> None:
    with pytest.raises(MethodUnusable) as caught:
        payments.authorise(order_id=order, method=method, customer=customer, amount=PRICE, key=order)
    assert caught.value.code == "resource_missing"
    assert sandbox.book(order) == []


def test_a_bank_that_wants_the_buyer_is_said_so_and_the_hold_can_be_completed_later(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    with pytest.raises(AuthenticationRequired):
        payments.authorise(
            order_id=order, method="pm_card_authenticationRequired", customer="", amount=PRICE, key=order
        )
    unpaid = payments.lookup(Verb.AUTHORISE, order_id=order, subject="", key=order)
    assert isinstance(unpaid, Hold)
    assert (unpaid.state, unpaid.capture_before) == (HoldState.UNPAID, None)
    with pytest.raises(AuthenticationRequired):
        payments.capture(hold=unpaid.ref, amount=PRICE, key=f"{order}/capture")
    sandbox.authenticate(unpaid.ref)
    assert payments.hold(unpaid.ref).state is HoldState.OPEN


def test_a_declined_checkout_leaves_an_unpaid_intent_that_cannot_be_captured(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    made = sandbox.preauthorise(order, 4990, "EUR", payment_method="pm_card_chargeDeclined")
    assert made["status"] == "requires_payment_method"
    hold = payments.hold(made["payment_intent"])
    assert (hold.state, hold.renewable) == (HoldState.UNPAID, False)
    with pytest.raises(AuthorisationExpired):
        payments.capture(hold=hold.ref, amount=PRICE, key=order)


def test_a_renewed_hold_is_a_second_one_until_the_first_is_let_go(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    old = hold_of(sandbox, order)
    new = payments.reauthorise(order_id=order, old=old, amount=PRICE, key=f"{order}/reauthorise")
    assert new.ref != old
    assert (new.state, new.renewable) == (HoldState.OPEN, True)
    assert payments.hold(old).state is HoldState.OPEN
    assert payments.lookup(Verb.REAUTHORISE, order_id=order, subject=old, key=f"{order}/reauthorise") == new
    assert kinds(sandbox, order) == ["authorise", "authorise"]


def test_a_hold_is_not_renewed_when_the_bank_wants_the_buyer_or_the_buyer_gave_no_consent(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    strict = hold_of(sandbox, order, method="pm_card_authenticationRequired")
    with pytest.raises(AuthenticationRequired) as bank:
        payments.reauthorise(order_id=order, old=strict, amount=PRICE, key=f"{order}/1")
    once = payments.authorise(order_id=order, method="pm_card_visa", customer="", amount=PRICE, key=f"{order}/2")
    with pytest.raises(AuthenticationRequired) as buyer:
        payments.reauthorise(order_id=order, old=once.ref, amount=PRICE, key=f"{order}/3")
    assert (bank.value.code, buyer.value.code) == ("authentication_required", "no_mandate")
    assert payments.lookup(Verb.REAUTHORISE, order_id=order, subject=strict, key=f"{order}/1") is None


def test_a_capture_of_a_part_lets_the_rest_go_and_is_found_by_its_key(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    ref, part = hold_of(sandbox, order), Money(3000, "EUR")
    effect = payments.capture(hold=ref, amount=part, key=f"{order}/capture")
    assert effect.amount == part
    assert effect.ref.startswith("ch_")
    assert payments.hold(ref).state is HoldState.CAPTURED
    assert payments.lookup(Verb.CAPTURE, order_id=order, subject=ref, key=f"{order}/capture") == effect
    assert payments.lookup(Verb.CAPTURE, order_id=order, subject=ref, key=f"{order}/other") is None
    with pytest.raises(AlreadyDone):
        payments.capture(hold=ref, amount=part, key=f"{order}/again")
    assert [(e["kind"], e["amount"], e["key"]) for e in sandbox.book(order)] == [
        ("authorise", 4990, ""),
        ("capture", 3000, f"{order}/capture"),
    ]


def test_a_capture_above_the_hold_or_refused_by_the_bank_moves_nothing(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    with pytest.raises(AmountInvalid):
        payments.capture(hold=hold_of(sandbox, order), amount=Money(4991, "EUR"), key=f"{order}/1")
    refused = hold_of(sandbox, order, method="pm_card_captureDeclined")
    with pytest.raises(Declined):
        payments.capture(hold=refused, amount=PRICE, key=f"{order}/2")
    assert kinds(sandbox, order) == ["authorise", "authorise"]


def test_a_hold_is_voided_once_however_often_it_is_asked(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    ref = hold_of(sandbox, order)
    assert payments.lookup(Verb.VOID, order_id=order, subject=ref, key=order) is None
    first = payments.void(hold=ref, key=f"{order}/1")
    assert first == Effect(ref, PRICE)
    assert payments.void(hold=ref, key=f"{order}/2") == first
    assert payments.lookup(Verb.VOID, order_id=order, subject=ref, key=f"{order}/1") == first
    assert kinds(sandbox, order) == ["authorise", "void"]


def test_a_captured_or_missing_hold_cannot_be_voided(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    ref = hold_of(sandbox, order)
    payments.capture(hold=ref, amount=PRICE, key=f"{order}/capture")
    with pytest.raises(AlreadyDone):
        payments.void(hold=ref, key=f"{order}/void")
    assert payments.lookup(Verb.VOID, order_id=order, subject=ref, key=f"{order}/void") is None
    with pytest.raises(AuthorisationExpired):
        payments.void(hold="pi_missing", key=f"{order}/missing")


def test_a_hold_that_the_provider_is_busy_with_is_neither_taken_nor_let_go_and_no_no(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    ref = hold_of(sandbox, order)
    sandbox.process(ref, busy=True)
    with pytest.raises(Unknown, match="payment_intent_unexpected_state"):
        payments.capture(hold=ref, amount=PRICE, key=f"{order}/1")
    with pytest.raises(Unknown, match="payment_intent_unexpected_state"):
        payments.void(hold=ref, key=f"{order}/2")
    sandbox.process(ref, busy=False)
    payments.capture(hold=ref, amount=PRICE, key=f"{order}/3")
    assert kinds(sandbox, order) == ["authorise", "capture"]


def test_a_release_pays_the_seller_out_of_the_charge_and_can_be_taken_back(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    charge, fee_off, half = charge_of(sandbox, payments, order), Money(4491, "EUR"), Money(2000, "EUR")
    paid = payments.release(
        order_id=order, charge=charge, account="acct_seller", amount=fee_off, key=f"{order}/release"
    )
    assert paid.amount == fee_off
    assert payments.lookup(Verb.RELEASE, order_id=order, subject=charge, key=f"{order}/release") == paid
    back = payments.reverse_release(release=paid.ref, amount=half, key=f"{order}/reverse")
    assert back.amount == half
    assert payments.lookup(Verb.REVERSE_RELEASE, order_id=order, subject=paid.ref, key=f"{order}/reverse") == back
    with pytest.raises(AmountInvalid):
        payments.reverse_release(release=paid.ref, amount=fee_off, key=f"{order}/too-much")
    assert [(e["kind"], e["amount"]) for e in sandbox.book(order)][2:] == [
        ("transfer", 4491),
        ("transfer_reversal", 2000),
    ]
    assert {e["order_id"] for e in sandbox.book(order)} == {order}


@pytest.mark.parametrize("state", ["restricted", "closed", None])
def test_a_seller_without_a_working_account_is_not_paid(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, state: str | None
) -> None:
    account = f"acct_{order}"
    if state is not None:
        sandbox.account(account, state)
    charge = charge_of(sandbox, payments, order)
    with pytest.raises(AccountRestricted):
        payments.release(order_id=order, charge=charge, account=account, amount=PRICE, key=order)
    assert kinds(sandbox, order) == ["authorise", "capture"]


def test_a_charge_pays_out_no_more_than_was_captured(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    charge = charge_of(sandbox, payments, order)
    payments.release(order_id=order, charge=charge, account="acct_seller", amount=PRICE, key=f"{order}/1")
    with pytest.raises(AmountInvalid):
        payments.release(order_id=order, charge=charge, account="acct_seller", amount=Money(1, "EUR"), key=f"{order}/2")


def test_a_platform_without_funds_is_told_so(sandbox: SandboxClient, payments: PaymentProvider, order: str) -> None:
    charge = charge_of(sandbox, payments, order)
    sandbox.fault("balance_insufficient", order_id=order, operation="release")
    with pytest.raises(InsufficientFunds):
        payments.release(order_id=order, charge=charge, account="acct_seller", amount=PRICE, key=order)


def test_refunds_are_given_in_parts_and_never_above_the_capture(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    charge = charge_of(sandbox, payments, order)
    part = payments.refund(charge=charge, amount=Money(1990, "EUR"), key=f"{order}/1")
    assert (part.amount, part.settled) == (Money(1990, "EUR"), True)
    with pytest.raises(AmountInvalid):
        payments.refund(charge=charge, amount=Money(3001, "EUR"), key=f"{order}/2")
    payments.refund(charge=charge, amount=Money(3000, "EUR"), key=f"{order}/3")
    with pytest.raises(AlreadyDone):
        payments.refund(charge=charge, amount=Money(1, "EUR"), key=f"{order}/4")
    assert payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=f"{order}/1") == part
    assert payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=f"{order}/2") is None
    assert kinds(sandbox, order) == ["authorise", "capture", "refund", "refund"]


@pytest.mark.parametrize("way", ["card", "fault"])
def test_a_refund_can_stay_pending_and_fail_days_later(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, way: str
) -> None:
    charge = charge_of(sandbox, payments, order, "pm_card_pendingRefund" if way == "card" else "pm_card_visa")
    if way == "fault":
        sandbox.fault("pending", order_id=order, operation="refund")
    pending = payments.refund(charge=charge, amount=PRICE, key=order)
    assert pending.settled is False
    assert payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=order) == pending
    sandbox.settle_refund(pending.ref, "failed")
    with pytest.raises(Declined) as caught:
        payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=order)
    assert caught.value.code == "lost_or_stolen_card"
    again = payments.refund(charge=charge, amount=PRICE, key=f"{order}/again")
    sandbox.settle_refund(again.ref, "succeeded")
    assert payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=f"{order}/again") == Effect(
        again.ref, PRICE
    )
    assert kinds(sandbox, order)[2:] == ["refund", "refund_failed", "refund"]


def test_a_refund_that_is_cancelled_was_not_given(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    charge = charge_of(sandbox, payments, order, "pm_card_pendingRefund")
    pending = payments.refund(charge=charge, amount=PRICE, key=order)
    sandbox.settle_refund(pending.ref, "canceled")
    with pytest.raises(Declined) as caught:
        payments.lookup(Verb.REFUND, order_id=order, subject=charge, key=order)
    assert caught.value.code == "canceled"
    assert kinds(sandbox, order)[2:] == ["refund", "refund_failed"]


def test_a_key_that_was_used_for_something_else_is_a_conflict(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    ref = hold_of(sandbox, order)
    first = payments.capture(hold=ref, amount=PRICE, key=order)
    assert payments.capture(hold=ref, amount=PRICE, key=order) == first
    with pytest.raises(IdempotencyConflict):
        payments.capture(hold=ref, amount=Money(1, "EUR"), key=order)
    with pytest.raises(IdempotencyConflict):
        payments.void(hold=ref, key=order)
    assert kinds(sandbox, order) == ["authorise", "capture"]


@pytest.mark.parametrize("key", ["rk_test_restricted", "nonsense"])
def test_wrong_credentials_are_ours_to_mend(sandbox: SandboxClient, key: str) -> None:
    with pytest.raises(Unauthorised):
        StripePayments(key, url=sandbox.url).hold("pi_any")


@pytest.mark.parametrize(
    ("money", "wire"),
    [
        (Money(4990, "EUR"), 4990),
        (Money(500, "JPY"), 500),
        (Money(1250, "KWD"), 1250),
        (Money(500, "ISK"), 50000),
        (Money(500, "UGX"), 50000),
        (Money(500, "MGA"), 5),
    ],
)
def test_amounts_cross_the_wire_in_the_providers_minor_units(money: Money, wire: int) -> None:
    assert to_wire(money) == wire
    assert from_wire(wire, money.currency.lower()) == money


def test_an_amount_that_the_other_side_cannot_express_is_refused() -> None:
    for amount in Money(501, "MGA"), Money(1251, "KWD"):
        with pytest.raises(AmountInvalid):
            to_wire(amount)
    with pytest.raises(Unknown):
        from_wire(50001, "isk")
