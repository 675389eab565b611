from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.providers.port import (
    AccountStanding,
    DisputeStatus,
    MovementKind,
    News,
    NewsKind,
    NoSuchObject,
    PaymentProvider,
)
from activities.providers.stripe import StripePayments
from domain.errors import AlreadyDone, Disputed, ProviderError
from domain.money import Money, Verb
from domain.purse import DisputeReason
from domain.tracking import InvalidWebhook
from sandbox.client import SandboxClient
from sandbox.payments.webhooks import signature

SECRET = "whsec_test"
PRICE = Money.of("50.00", "EUR")


@pytest.fixture
def payments(sandbox: SandboxClient) -> PaymentProvider:
    return StripePayments("sk_test_sandbox", url=sandbox.url, webhook_secret=f"whsec_older,{SECRET}")


def order() -> str:
    return f"o-{uuid.uuid4().hex[:10]}"


def paid(payments: PaymentProvider, sandbox: SandboxClient, order_id: str) -> tuple[str, str]:
    """A captured payment: its intent and its charge."""
    held = str(sandbox.preauthorise(order_id, PRICE.minor, "EUR")["payment_intent"])
    return held, payments.capture(hold=held, amount=PRICE, key=f"{order_id}:capture:3").ref


def charge_of(payments: PaymentProvider, sandbox: SandboxClient, order_id: str) -> str:
    return paid(payments, sandbox, order_id)[1]


def event(type_: str, thing: dict[str, Any], **more: Any) -> bytes:
    whole = {"id": "evt_1", "object": "event", "type": type_, "created": 1_795_000_000, "data": {"object": thing}}
    return json.dumps(whole | more).encode()


def signed(body: bytes, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    return {"stripe-signature": signature(secret, body, int((at or datetime.now(UTC)).timestamp()))}


@pytest.mark.parametrize(
    ("type_", "thing", "kind", "subject"),
    [
        ("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_1"}, NewsKind.PAYMENT_CAPTURED, "pi_1"),
        ("charge.expired", {"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}, NewsKind.HOLD_LOST, "pi_1"),
        ("refund.failed", {"object": "refund", "id": "re_1"}, NewsKind.REFUND_FAILED, "re_1"),
        ("charge.dispute.created", {"object": "dispute", "id": "dp_1"}, NewsKind.DISPUTE, "dp_1"),
        ("review.opened", {"object": "review", "id": "prv_1"}, NewsKind.REVIEW, "prv_1"),
    ],
)
def test_a_signed_webhook_says_where_to_look(
    payments: PaymentProvider, type_: str, thing: dict[str, Any], kind: NewsKind, subject: str
) -> None:
    body = event(type_, thing)
    assert payments.parse_webhook(body, signed(body)) == News(
        "evt_1", kind, subject, datetime.fromtimestamp(1_795_000_000, UTC)
    )


def test_news_of_an_account_and_of_a_payout_name_the_account(payments: PaymentProvider) -> None:
    body = event("capability.updated", {"object": "capability", "id": "transfers"}, account="acct_1")
    news = payments.parse_webhook(body, signed(body))
    assert news is not None
    assert news.subject == "acct_1"
    body = event("payout.failed", {"object": "payout", "id": "po_1"}, account="acct_1")
    news = payments.parse_webhook(body, signed(body))
    assert news is not None
    assert (news.subject, news.account) == ("po_1", "acct_1")


def test_an_event_that_concerns_no_order_is_nothing(payments: PaymentProvider) -> None:
    body = event("customer.created", {"object": "customer", "id": "cus_1"})
    assert payments.parse_webhook(body, signed(body)) is None


@pytest.mark.parametrize("forgery", ["other secret", "changed body", "stale", "none"])
def test_what_is_not_signed_over_its_very_bytes_now_is_forged(payments: PaymentProvider, forgery: str) -> None:
    body = event("refund.failed", {"object": "refund", "id": "re_1"})
    headers = {
        "other secret": signed(body, "whsec_other"),
        "changed body": signed(body.replace(b"re_1", b"re_2")),
        "stale": signed(body, at=datetime.now(UTC) - timedelta(seconds=301)),
        "none": {},
    }[forgery]
    with pytest.raises(InvalidWebhook) as refused:
        payments.parse_webhook(body, headers)
    assert refused.value.forged


@pytest.mark.parametrize("body", [b"[]", b"{}", b"\xff", b'{"type": "refund.failed", "data": {"object": "x"}}'])
def test_what_is_signed_and_no_event_is_unreadable(payments: PaymentProvider, body: bytes) -> None:
    with pytest.raises(InvalidWebhook):
        payments.parse_webhook(body, signed(body) if body != b"\xff" else {})


def test_a_dispute_is_read_with_what_it_took_and_gave_back(payments: PaymentProvider, sandbox: SandboxClient) -> None:
    intent, charge = paid(payments, sandbox, order())
    ref = sandbox.dispute(intent, amount=2000, reason="product_not_received")["id"]
    report = payments.dispute(ref)
    assert (report.charge, report.amount, report.fee) == (charge, Money.of("20.00", "EUR"), Money.of("15.00", "EUR"))
    assert (report.reason, report.status) == (DisputeReason.NOT_RECEIVED, DisputeStatus.OPEN)
    sandbox.close_dispute(ref, "won", fee_returned=1500)
    report = payments.dispute(ref)
    assert (report.status, report.fee_returned) == (DisputeStatus.WON, Money.of("15.00", "EUR"))


def test_what_is_disputed_is_definitely_not_refunded(payments: PaymentProvider, sandbox: SandboxClient) -> None:
    order_id = order()
    intent, charge = paid(payments, sandbox, order_id)
    sandbox.dispute(intent)
    with pytest.raises(Disputed):
        payments.refund(charge=charge, amount=PRICE, key=f"{order_id}:refund:9")


def test_a_refund_that_fails_later_is_read_as_failed(payments: PaymentProvider, sandbox: SandboxClient) -> None:
    order_id = order()
    refund = payments.refund(charge=charge_of(payments, sandbox, order_id), amount=PRICE, key=f"{order_id}:refund:9")
    assert payments.refund_report(refund.ref).settled
    sandbox.settle_refund(refund.ref, "failed")
    report = payments.refund_report(refund.ref)
    assert (report.failed, report.settled, report.order_id) == (True, False, order_id)


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        ("active", AccountStanding.ACTIVE),
        ("restricted", AccountStanding.RESTRICTED),
    ],
)
def test_an_account_is_read_by_what_it_may_do(
    payments: PaymentProvider, sandbox: SandboxClient, state: str, standing: AccountStanding
) -> None:
    sandbox.account("acct_standing", state)
    assert payments.account("acct_standing") is standing


def test_an_account_that_the_provider_does_not_know_is_closed(payments: PaymentProvider) -> None:
    assert payments.account("acct_nowhere") is AccountStanding.CLOSED


def test_a_failed_payout_and_a_review_are_read(payments: PaymentProvider, sandbox: SandboxClient) -> None:
    sandbox.account("acct_payout")
    payout = payments.payout(
        sandbox.pay_out("acct_payout", 900, "EUR", failure="account_closed")["id"], account="acct_payout"
    )
    assert (payout.failed, payout.amount, payout.reason) == (True, Money.of("9.00", "EUR"), "account_closed")
    held = sandbox.preauthorise(order(), 700, "EUR")["payment_intent"]
    review = payments.review(sandbox.open_review(held)["id"])
    assert (review.open, review.payment_intent) == (True, held)


@pytest.mark.parametrize("read", ["dispute", "refund_report", "review"])
def test_what_is_not_there_is_said_to_be_not_there(payments: PaymentProvider, read: str) -> None:
    with pytest.raises(NoSuchObject):
        getattr(payments, read)("xx_nowhere")


def test_the_list_of_events_gives_what_webhooks_gave(payments: PaymentProvider, sandbox: SandboxClient) -> None:
    since = datetime.now(UTC) - timedelta(seconds=2)
    ref = sandbox.dispute(paid(payments, sandbox, order())[0])["id"]
    assert {news.kind for news in payments.events(since) if news.subject == ref} == {NewsKind.DISPUTE}


def test_every_movement_is_read_with_its_order_key_and_what_it_is_on(
    payments: PaymentProvider, sandbox: SandboxClient
) -> None:
    since, order_id = datetime.now(UTC) - timedelta(seconds=2), order()
    sandbox.account("acct_book")
    intent, charge = paid(payments, sandbox, order_id)
    amount = Money.of("10.00", "EUR")
    release = payments.release(
        order_id=order_id, charge=charge, account="acct_book", amount=amount, key=f"{order_id}:release:5"
    )
    back = payments.reverse_release(release=release.ref, amount=amount, key=f"{order_id}:reverse_release:6")
    refund = payments.refund(charge=charge, amount=amount, key=f"{order_id}:refund:7")
    dispute = sandbox.dispute(intent, amount=500)["id"]
    found = {m.ref: m for m in payments.movements(since, datetime.now(UTC) + timedelta(seconds=2))}
    seen = {
        ref: (found[ref].kind, found[ref].key, found[ref].source)
        for ref in (charge, release.ref, back.ref, refund.ref, dispute)
    }
    assert seen == {
        charge: (MovementKind.CHARGE, "", found[charge].source),
        release.ref: (MovementKind.TRANSFER, f"{order_id}:release:5", charge),
        back.ref: (MovementKind.TRANSFER_REVERSAL, f"{order_id}:reverse_release:6", release.ref),
        refund.ref: (MovementKind.REFUND, f"{order_id}:refund:7", charge),
        dispute: (MovementKind.DISPUTE, "", charge),
    }
    assert found[charge].source.startswith("pi_")
    assert (found[dispute].amount, found[dispute].fee) == (Money.of("5.00", "EUR"), Money.of("15.00", "EUR"))
    assert found[refund.ref].order_id == order_id


def test_open_holds_are_listed_and_captured_ones_are_not(payments: PaymentProvider, sandbox: SandboxClient) -> None:
    since, order_id = datetime.now(UTC) - timedelta(seconds=2), order()
    held = sandbox.preauthorise(order_id, 700, "EUR")["payment_intent"]
    charge_of(payments, sandbox, order_id)
    mine = [h.ref for h in payments.holds(since, datetime.now(UTC) + timedelta(seconds=2)) if h.order_id == order_id]
    assert mine == [held]


def test_a_reversal_that_stands_is_found_by_its_key_and_not_made_again(
    payments: PaymentProvider, sandbox: SandboxClient
) -> None:
    order_id, key = order(), "k:reverse_release:6"
    sandbox.account("acct_reversed")
    charge = charge_of(payments, sandbox, order_id)
    release = payments.release(
        order_id=order_id, charge=charge, account="acct_reversed", amount=PRICE, key="k:release:5"
    )
    back = payments.reverse_release(release=release.ref, amount=PRICE, key=key)
    with pytest.raises((AlreadyDone, ProviderError)):
        payments.reverse_release(release=release.ref, amount=PRICE, key="k:reverse_release:8")
    found = payments.lookup(Verb.REVERSE_RELEASE, order_id=order_id, subject=release.ref, key=key)
    assert found is not None
    assert found.ref == back.ref
