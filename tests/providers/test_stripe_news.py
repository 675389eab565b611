"""Webhooks and the list of events through the real adapter: what is forged, stale, unreadable, not for us, and news."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given, strategies as st

from activities.providers.port import News, NewsKind
from activities.providers.stripe import StripePayments
from activities.providers.stripe_news import KINDS
from domain.errors import Unknown
from domain.money import Money
from domain.parcels.tracking import InvalidWebhook
from sandbox.client import SandboxClient
from sandbox.server import serve

PRICE = Money(4990, "EUR")
MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OURS, CONNECT = "whsec_platform", "whsec_connect"
RECEIVER = StripePayments("sk_test_any", webhook_secrets=(OURS, CONNECT))


def event(type_: str, told: Any, /, **changed: Any) -> bytes:
    whole = {
        "id": "evt_1",
        "object": "event",
        "created": int(MARCH.timestamp()),
        "livemode": False,
        "type": type_,
        "data": {"object": told},
    }
    return json.dumps(whole | changed).encode()


def signed(body: bytes, secret: str = OURS, *, ago: int = 0) -> dict[str, str]:
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=int(time.time()) - ago)
    return {"stripe-signature": header, "content-type": "application/json"}


def parse(body: bytes, secret: str = OURS, *, ago: int = 0) -> News | None:
    return RECEIVER.parse_webhook(body, signed(body, secret, ago=ago))


CAPTURED = event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"})


@pytest.mark.parametrize("setting", [f"{OURS}, {CONNECT}", f" {OURS} ,{CONNECT}\n", f"{OURS},{CONNECT},"])
def test_spaces_round_the_secrets_of_a_setting_are_no_part_of_them_and_no_secret_is_empty(setting: str) -> None:
    receiver = StripePayments("sk_test_any", webhook_secrets=setting.split(","))
    for secret in (OURS, CONNECT):
        assert receiver.parse_webhook(CAPTURED, signed(CAPTURED, secret)) is not None
    with pytest.raises(InvalidWebhook):
        receiver.parse_webhook(CAPTURED, signed(CAPTURED, ""))


@pytest.mark.parametrize("name", ["stripe-signature", "Stripe-Signature", "STRIPE-SIGNATURE"])
@pytest.mark.parametrize("secret", [OURS, CONNECT])
def test_a_webhook_signed_with_either_secret_is_news(name: str, secret: str) -> None:
    headers = {name: signed(CAPTURED, secret)["stripe-signature"]}
    assert RECEIVER.parse_webhook(CAPTURED, headers) == News("evt_1", NewsKind.PAYMENT_CAPTURED, "pi_1", MARCH)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"stripe-signature": ""},
        {"stripe-signature": "nonsense"},
        {"stripe-signature": "t=soon,v1=00"},
        {"stripe-signature": f"t={int(time.time())},v1=é"},
        {"stripe-signature": f"t={int(time.time())}"},
        {"stripe-signature": signed(CAPTURED)["stripe-signature"].replace("v1=", "v0=")},
        signed(CAPTURED, "whsec_of_somebody_else"),
        signed(CAPTURED + b" "),
    ],
)
def test_a_webhook_without_a_good_signature_over_its_bytes_is_forged(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidWebhook) as caught:
        RECEIVER.parse_webhook(CAPTURED, headers)
    assert caught.value.forged


def test_a_changed_body_or_one_that_is_no_text_is_forged() -> None:
    for body in (CAPTURED.replace(b"pi_1", b"pi_2"), b"\xff\xfe" + CAPTURED):
        with pytest.raises(InvalidWebhook) as caught:
            RECEIVER.parse_webhook(body, signed(CAPTURED))
        assert caught.value.forged


def test_without_a_secret_every_webhook_is_forged() -> None:
    for secrets in ((), ("",)):
        with pytest.raises(InvalidWebhook) as caught:
            StripePayments("sk_test_any", webhook_secrets=secrets).parse_webhook(CAPTURED, signed(CAPTURED))
        assert caught.value.forged


def test_a_signature_holds_for_five_minutes_unless_told_otherwise() -> None:
    assert parse(CAPTURED, ago=290) is not None
    with pytest.raises(InvalidWebhook) as caught:
        parse(CAPTURED, ago=310)
    assert not caught.value.forged
    patient = StripePayments("sk_test_any", webhook_secrets=(OURS,), webhook_tolerance=3600)
    assert patient.parse_webhook(CAPTURED, signed(CAPTURED, ago=3000)) is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[" * 100_000,
        b"[]",
        b"{}",
        event("payment_intent.succeeded", {"id": "pi_1"}, data=None),
        event("payment_intent.succeeded", {"id": "pi_1"}, data={"object": "pi_1"}),
        event("payment_intent.succeeded", {"id": "pi_1"}, id=7),
        event("payment_intent.succeeded", {"id": "pi_1"}, created="today"),
        event("payment_intent.succeeded", {"id": None}),
        event("payment_intent.succeeded", {"id": "../accounts"}),
        event("charge.expired", {"id": "ch_1", "object": "charge", "payment_intent": None}),
        event("account.application.deauthorized", {"id": "ca_1", "object": "application"}),
    ],
)
def test_a_signed_webhook_that_cannot_be_read_is_turned_away_but_not_called_forged(body: bytes) -> None:
    with pytest.raises(InvalidWebhook) as caught:
        parse(body)
    assert not caught.value.forged


@pytest.mark.parametrize(
    "body",
    [
        event("customer.created", {"id": "cus_1", "object": "customer"}),
        event("invented.tomorrow", {}),
        event("payout.failed", {"id": "po_1", "object": "payout"}),
        event("refund.updated", {"id": "re_1", "object": "refund", "status": "succeeded"}),
        event("payment_intent.succeeded", {"id": "pi_1"}, livemode=True),
        event("payment_intent.succeeded", {"id": "pi_1"}, object="v2.core.event"),
    ],
)
def test_what_concerns_no_order_of_this_mode_is_no_news(body: bytes) -> None:
    assert parse(body) is None


@pytest.mark.parametrize("type_", ["refund.failed", "refund.updated", "charge.refund.updated"])
@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_refund_that_failed_or_was_cancelled_is_news(type_: str, status: str) -> None:
    told = event(type_, {"id": "re_1", "object": "refund", "status": status})
    assert parse(told) == News("evt_1", NewsKind.REFUND_FAILED, "re_1", MARCH)


@pytest.mark.parametrize("status", ["pending", "requires_action", "succeeded", "status_of_tomorrow", None])
def test_a_refund_that_goes_its_way_is_no_news(status: str | None) -> None:
    assert parse(event("refund.updated", {"id": "re_1", "object": "refund", "status": status})) is None


def test_a_live_receiver_hears_no_test_events() -> None:
    live = StripePayments("sk_live_any", webhook_secrets=(OURS,))
    assert live.parse_webhook(CAPTURED, signed(CAPTURED)) is None
    real = event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}, livemode=True)
    assert live.parse_webhook(real, signed(real)) is not None


SUBJECTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "charge.expired": ({"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}, "pi_1", ""),
    "payout.failed": ({"id": "po_1", "object": "payout"}, "po_1", "acct_1"),
    "account.updated": ({"id": "acct_1", "object": "account"}, "acct_1", "acct_1"),
    "account.application.deauthorized": ({"id": "ca_1", "object": "application"}, "acct_1", "acct_1"),
    "capability.updated": ({"id": "transfers", "object": "capability"}, "acct_1", "acct_1"),
}
"""What an event tells, where its subject is, and the account it happened on, where that is not plain."""


@pytest.mark.parametrize("type_", KINDS)
def test_every_event_that_we_ask_for_names_the_object_to_look_at(type_: str) -> None:
    plain: tuple[dict[str, Any], str, str] = ({"id": "xx_1", "object": "x", "status": "failed"}, "xx_1", "")
    told, subject, account = SUBJECTS.get(type_, plain)
    happened_on = {"account": account} if account else {}
    assert parse(event(type_, told, **happened_on)) == News("evt_1", KINDS[type_], subject, MARCH, account)


def test_stripe_lists_no_more_than_twenty_types_at_once() -> None:
    assert len(KINDS) <= 20


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "object", "status", "x"]), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["id", "data", "created", "account", "type", "object", "livemode"]), ANYTHING),
    ANYTHING,
    st.sampled_from(sorted(KINDS)),
)
def test_whatever_is_signed_is_news_or_no_news_or_turned_away(changed: Any, told: Any, type_: str) -> None:
    with suppress(InvalidWebhook):
        news = parse(event(type_, told, **changed))
        assert news is None or news.kind in KINDS.values()


@pytest.fixture
def sandbox() -> Iterator[SandboxClient]:
    """A sandbox of its own: events are listed whole."""
    with serve(clock=lambda: MARCH) as server:
        yield SandboxClient(server.url)


def test_the_list_repairs_what_no_webhook_told(sandbox: SandboxClient) -> None:
    payments = StripePayments("sk_test_sandbox", url=sandbox.url)
    sandbox.webhooks(drop=True)
    sandbox.account("acct_seller")
    early = sandbox.preauthorise("early", 100, "EUR")["payment_intent"]
    sandbox.move_clock("A", MARCH + timedelta(days=1))
    intent = sandbox.preauthorise("A", 4990, "EUR")["payment_intent"]
    charge = payments.capture(hold=intent, amount=PRICE, key="A").ref
    refund = payments.refund(charge=charge, amount=Money(100, "EUR"), key="B").ref
    sandbox.settle_refund(refund, "failed")
    dispute = sandbox.dispute(intent)["id"]
    review = sandbox.open_review(intent)["id"]
    payout = sandbox.pay_out("acct_seller", 100, "EUR", failure="no_account", order_id="A")["id"]
    told = {(news.kind, news.subject, news.account) for news in payments.events(MARCH + timedelta(hours=1))}
    assert told == {
        (NewsKind.HOLD_OPENED, intent, ""),
        (NewsKind.PAYMENT_CAPTURED, intent, ""),
        (NewsKind.REFUND_FAILED, refund, ""),
        (NewsKind.DISPUTE, dispute, ""),
        (NewsKind.REVIEW, review, ""),
    }
    accounts = ["acct_seller", "acct_none"]
    more = {news.subject for news in payments.events(MARCH, accounts=accounts)} - {subject for _, subject, _ in told}
    assert more == {early, "acct_seller", payout}
    ids = [news.event_id for news in payments.events(MARCH, accounts=accounts)]
    assert len(ids) == len(set(ids))


def test_a_list_of_events_that_cannot_be_had_is_unknown(sandbox: SandboxClient) -> None:
    sandbox.fault("unavailable")
    with pytest.raises(Unknown):
        list(StripePayments("sk_test_sandbox", url=sandbox.url).events(MARCH))
