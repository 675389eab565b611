"""What the provider tells by itself, read back through the real adapter, and what a release gives back."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from activities.providers.port import (
    AccountStanding,
    DisputeReport,
    DisputeStatus,
    NoSuchObject,
    PaymentProvider,
    PayoutReport,
    RefundReport,
    ReviewReport,
)
from activities.providers.stripe import StripePayments
from activities.providers.stripe_reports import REASONS, account_standing, dispute_report
from domain.errors import AccountRestricted, AlreadyDone, AmountInvalid, Declined, InsufficientFunds
from domain.money import Money, Verb
from domain.purse import DisputeReason
from sandbox.client import SandboxClient
from sandbox.payments.disputes import REASONS as STRIPES_REASONS

PRICE = Money(4990, "EUR")
MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOTHING = Money(0, "EUR")
_numbers = itertools.count(1)


@pytest.fixture
def order(sandbox: SandboxClient) -> str:
    name = f"report-{next(_numbers)}"
    sandbox.move_clock(name, MARCH)
    return name


@pytest.fixture(scope="module")
def payments(sandbox: SandboxClient) -> PaymentProvider:
    sandbox.account("acct_seller")
    return StripePayments("sk_test_sandbox", url=sandbox.url)


def captured(sandbox: SandboxClient, payments: PaymentProvider, order: str) -> tuple[str, str]:
    """An intent and its charge."""
    intent = str(sandbox.preauthorise(order, 4990, "EUR")["payment_intent"])
    return intent, payments.capture(hold=intent, amount=PRICE, key=f"{order}/capture").ref


def test_a_dispute_is_read_with_what_it_took_and_what_it_gave_back(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    intent, charge = captured(sandbox, payments, order)
    ref = sandbox.dispute(intent, amount=3000, fee=2000, reason="product_not_received")["id"]
    opened = payments.dispute(ref)
    assert abs(opened.opened_at - MARCH) < timedelta(minutes=1)
    assert opened == DisputeReport(
        ref,
        charge,
        Money(3000, "EUR"),
        Money(2000, "EUR"),
        NOTHING,
        DisputeReason.NOT_RECEIVED,
        DisputeStatus.OPEN,
        opened.opened_at,
        order,
        intent,
    )
    sandbox.close_dispute(ref, "lost")
    lost = payments.dispute(ref)
    assert (lost.status, lost.fee, lost.fee_returned) == (DisputeStatus.LOST, Money(2000, "EUR"), NOTHING)
    sandbox.close_dispute(ref, "won", fee_returned=500)
    won = payments.dispute(ref)
    assert (won.status, won.amount, won.fee, won.fee_returned) == (
        DisputeStatus.WON,
        Money(3000, "EUR"),
        Money(2000, "EUR"),
        Money(500, "EUR"),
    )
    assert [(e["kind"], e["amount"], e["fee"]) for e in sandbox.book(order)][2:] == [
        ("dispute", 3000, 2000),
        ("dispute_lost", 3000, 0),
        ("dispute_won", 3000, 500),
    ]


def test_an_inquiry_takes_nothing_until_it_becomes_a_chargeback(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    intent, _ = captured(sandbox, payments, order)
    ref = sandbox.dispute(intent, inquiry=True)["id"]
    asked = payments.dispute(ref)
    assert (asked.status, asked.amount, asked.fee) == (DisputeStatus.OPEN, NOTHING, NOTHING)
    sandbox.escalate_dispute(ref)
    taken = payments.dispute(ref)
    assert (taken.status, taken.amount, taken.fee) == (DisputeStatus.OPEN, PRICE, Money(1500, "EUR"))
    other = sandbox.preauthorise(f"{order}-b", 4990, "EUR")["payment_intent"]
    payments.capture(hold=other, amount=PRICE, key=f"{order}/b")
    dropped = sandbox.close_dispute(sandbox.dispute(other, inquiry=True)["id"], "warning_closed")["id"]
    assert (payments.dispute(dropped).status, payments.dispute(dropped).amount) == (DisputeStatus.WON, NOTHING)


def as_told(status: str, reason: str = "general", *rows: dict[str, object]) -> DisputeReport:
    """A dispute of which the provider tells this, with these movements of money."""
    dispute = stripe.Dispute.construct_from(
        {
            "id": "du_1",
            "amount": 4990,
            "currency": "eur",
            "charge": "ch_1",
            "payment_intent": "pi_1",
            "balance_transactions": [*rows],
            "reason": reason,
            "status": status,
            "created": 1,
        },
        "sk_test",
    )
    return dispute_report(dispute)


def test_a_dispute_is_won_once_the_money_is_back_and_its_fee_is_known() -> None:
    taken = {"amount": -4990, "fee": 1500, "currency": "eur"}
    decided = as_told("won", "general", taken)
    assert (decided.status, decided.amount, decided.fee_returned) == (DisputeStatus.OPEN, PRICE, NOTHING)
    back = {"amount": 4990, "fee": -500, "currency": "eur"}
    paid = as_told("won", "general", taken, back)
    assert (paid.status, paid.amount, paid.fee_returned) == (DisputeStatus.WON, PRICE, Money(500, "EUR"))
    assert as_told("lost", "general", taken).status is DisputeStatus.LOST


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("needs_response", DisputeStatus.OPEN),
        ("under_review", DisputeStatus.OPEN),
        ("warning_needs_response", DisputeStatus.OPEN),
        ("warning_under_review", DisputeStatus.OPEN),
        ("warning_closed", DisputeStatus.WON),
        ("prevented", DisputeStatus.WON),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
    ],
)
def test_a_dispute_that_is_over_is_won_or_lost_and_every_other_is_open(status: str, ours: DisputeStatus) -> None:
    assert as_told(status).status is ours


@pytest.mark.parametrize("reason", [*STRIPES_REASONS, "invented_tomorrow"])
def test_every_reason_of_a_bank_is_one_of_ours(reason: str) -> None:
    report = as_told("status_of_tomorrow", reason)
    assert report.reason is REASONS.get(reason, DisputeReason.OTHER)
    assert (report.status, report.order_id) == (DisputeStatus.OPEN, "")


def test_a_disputed_charge_gives_only_what_the_dispute_leaves(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    intent, charge = captured(sandbox, payments, order)
    dispute = sandbox.dispute(intent, amount=3000)["id"]
    more = Money(1991, "EUR")
    with pytest.raises(AmountInvalid, match="charge_disputed"):
        payments.refund(charge=charge, amount=more, key=f"{order}/1")
    with pytest.raises(AmountInvalid, match="charge_disputed"):
        payments.release(order_id=order, charge=charge, account="acct_seller", amount=more, key=f"{order}/2")
    payments.refund(charge=charge, amount=Money(1990, "EUR"), key=f"{order}/3")
    sandbox.close_dispute(dispute, "won")
    assert payments.refund(charge=charge, amount=Money(3000, "EUR"), key=f"{order}/4").amount == Money(3000, "EUR")


def test_a_refund_is_pending_settled_failed_or_cancelled_and_names_its_order_also_when_made_by_hand(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    _, charge = captured(sandbox, payments, order)
    part = Money(1000, "EUR")
    sandbox.fault("pending", order_id=order, operation="refund")
    ref = payments.refund(charge=charge, amount=part, key=f"{order}/1").ref
    assert payments.refund_report(ref) == RefundReport(ref, charge, part, failed=False, settled=False, order_id=order)
    sandbox.settle_refund(ref, "succeeded")
    assert payments.refund_report(ref) == RefundReport(ref, charge, part, failed=False, settled=True, order_id=order)
    sandbox.settle_refund(ref, "failed")
    assert payments.refund_report(ref) == RefundReport(ref, charge, part, failed=True, settled=False, order_id=order)
    sandbox.fault("pending", order_id=order, operation="refund")
    other = payments.refund(charge=charge, amount=part, key=f"{order}/2").ref
    sandbox.settle_refund(other, "canceled")
    assert payments.refund_report(other) == RefundReport(
        other, charge, part, failed=True, settled=False, order_id=order
    )
    client = stripe.StripeClient("sk_test_hand", base_addresses={"api": sandbox.url})
    by_hand = client.v1.refunds.create({"charge": charge, "amount": 500}).id
    assert payments.refund_report(by_hand).order_id == order


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        ("active", AccountStanding.ACTIVE),
        ("legacy", AccountStanding.ACTIVE),
        ("restricted", AccountStanding.RESTRICTED),
        ("payouts_off", AccountStanding.RESTRICTED),
        ("rejected", AccountStanding.CLOSED),
        ("closed", AccountStanding.CLOSED),
        (None, AccountStanding.CLOSED),
    ],
)
def test_an_account_may_do_everything_or_waits_for_its_owner_or_is_gone(
    sandbox: SandboxClient, payments: PaymentProvider, order: str, state: str | None, standing: AccountStanding
) -> None:
    if state:
        sandbox.account(f"acct_{order.replace('-', '')}", state)
    assert payments.account(f"acct_{order.replace('-', '')}") is standing


def test_an_account_from_before_there_were_transfers_is_paid_like_any_other(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    account = f"acct_{order.replace('-', '')}"
    sandbox.account(account, "legacy")
    _, charge = captured(sandbox, payments, order)
    payments.release(order_id=order, charge=charge, account=account, amount=PRICE, key=f"{order}/release")
    assert sandbox.book(order)[-1]["kind"] == "transfer"


def test_an_account_of_which_nothing_is_known_is_restricted() -> None:
    bare = stripe.Account.construct_from({"id": "acct_1", "requirements": None, "payouts_enabled": None}, "sk_test")
    bare.capabilities = None
    assert account_standing(bare) is AccountStanding.RESTRICTED


def test_a_payout_is_read_on_its_own_account_only(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    account = f"acct_{order.replace('-', '')}"
    sandbox.account(account)
    _, charge = captured(sandbox, payments, order)
    payments.release(order_id=order, charge=charge, account=account, amount=PRICE, key=f"{order}/release")
    failed = sandbox.pay_out(account, 4990, "EUR", failure="account_closed")["id"]
    paid = sandbox.pay_out(account, 4990, "EUR")["id"]
    assert payments.payout(failed, account=account) == PayoutReport(
        failed, account, PRICE, failed=True, reason="account_closed"
    )
    assert payments.payout(paid, account=account) == PayoutReport(paid, account, PRICE, failed=False)
    with pytest.raises(NoSuchObject):
        payments.payout(paid, account="acct_seller")
    sandbox.account(account, "closed")
    with pytest.raises(NoSuchObject):
        payments.payout(paid, account=account)


def test_a_review_is_open_until_it_is_closed(sandbox: SandboxClient, payments: PaymentProvider, order: str) -> None:
    intent = str(sandbox.preauthorise(order, 4990, "EUR")["payment_intent"])
    ref = sandbox.open_review(intent)["id"]
    opened = payments.review(ref)
    assert opened == ReviewReport(ref, intent, open=True, opened_at=opened.opened_at, order_id=order)
    sandbox.close_review(ref)
    assert payments.review(ref).open is False


def test_what_is_not_there_is_said_so(payments: PaymentProvider) -> None:
    for ask in (payments.dispute, payments.refund_report, payments.review):
        with pytest.raises(NoSuchObject):
            ask("xx_none")


def test_a_release_is_taken_back_in_parts_and_never_twice(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    _, charge = captured(sandbox, payments, order)
    paid = payments.release(order_id=order, charge=charge, account="acct_seller", amount=PRICE, key=f"{order}/r")
    part = payments.reverse_release(release=paid.ref, amount=Money(1990, "EUR"), key=f"{order}/1")
    with pytest.raises(AmountInvalid):
        payments.reverse_release(release=paid.ref, amount=Money(3001, "EUR"), key=f"{order}/2")
    rest = payments.reverse_release(release=paid.ref, amount=Money(3000, "EUR"), key=f"{order}/3")
    with pytest.raises(AlreadyDone):
        payments.reverse_release(release=paid.ref, amount=Money(1, "EUR"), key=f"{order}/4")
    found = [
        payments.lookup(Verb.REVERSE_RELEASE, order_id=order, subject=paid.ref, key=f"{order}/{number}")
        for number in (1, 2, 3, 4)
    ]
    assert found == [part, None, rest, None]


def test_a_key_that_was_forgotten_finds_the_whole_release_reversed_already(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    _, charge = captured(sandbox, payments, order)
    paid = payments.release(order_id=order, charge=charge, account="acct_seller", amount=PRICE, key=f"{order}/r")
    back = payments.reverse_release(release=paid.ref, amount=PRICE, key=order)
    sandbox.move_clock(order, MARCH + timedelta(hours=25))
    with pytest.raises(AlreadyDone):
        payments.reverse_release(release=paid.ref, amount=PRICE, key=order)
    assert payments.lookup(Verb.REVERSE_RELEASE, order_id=order, subject=paid.ref, key=order) == back


@pytest.mark.parametrize("param", ["amount", "transfer", None])
def test_whatever_the_provider_finds_wrong_with_a_second_reversal_the_first_counts_as_done(
    sandbox: SandboxClient, payments: StripePayments, order: str, monkeypatch: pytest.MonkeyPatch, param: str | None
) -> None:
    _, charge = captured(sandbox, payments, order)
    paid = payments.release(order_id=order, charge=charge, account="acct_seller", amount=PRICE, key=f"{order}/r")
    payments.reverse_release(release=paid.ref, amount=PRICE, key=f"{order}/1")

    made: Any = stripe.InvalidRequestError

    def refuses(*_: object) -> None:
        raise made("nothing is left of it", param, http_status=400)

    monkeypatch.setattr(stripe.TransferReversalService, "create", refuses)
    with pytest.raises(AlreadyDone):
        payments.reverse_release(release=paid.ref, amount=PRICE, key=f"{order}/2")


def test_what_the_seller_has_taken_home_or_closed_away_cannot_be_taken_back(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    account = f"acct_{order.replace('-', '')}"
    sandbox.account(account)
    _, charge = captured(sandbox, payments, order)
    paid = payments.release(order_id=order, charge=charge, account=account, amount=PRICE, key=f"{order}/r")
    sandbox.pay_out(account, 4000, "EUR")
    with pytest.raises(InsufficientFunds):
        payments.reverse_release(release=paid.ref, amount=PRICE, key=f"{order}/1")
    payments.reverse_release(release=paid.ref, amount=Money(990, "EUR"), key=f"{order}/2")
    sandbox.account(account, "closed")
    with pytest.raises(AccountRestricted):
        payments.reverse_release(release=paid.ref, amount=Money(100, "EUR"), key=f"{order}/3")


def test_a_hold_that_the_issuer_takes_back_is_gone(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    intent = str(sandbox.preauthorise(order, 4990, "EUR")["payment_intent"])
    sandbox.end_hold(intent)
    assert payments.hold(intent).state.value == "voided"
    assert [effect["kind"] for effect in sandbox.book(order)] == ["authorise", "lapse"]


def test_a_capture_that_the_bank_declines_leaves_the_hold(
    sandbox: SandboxClient, payments: PaymentProvider, order: str
) -> None:
    intent = str(sandbox.preauthorise(order, 4990, "EUR")["payment_intent"])
    sandbox.fault("declined", order_id=order, operation="capture")
    with pytest.raises(Declined):
        payments.capture(hold=intent, amount=PRICE, key=f"{order}/1")
    assert payments.capture(hold=intent, amount=PRICE, key=f"{order}/2").amount == PRICE
