from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import requests
import stripe

from sandbox.client import SandboxClient
from sandbox.world import real_clock

Json = dict[str, Any]


def order() -> str:
    return f"o-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def api(sandbox: SandboxClient) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_1", base_addresses={"api": sandbox.url})


def captured(sandbox: SandboxClient, api: stripe.StripeClient, amount: int = 5000) -> tuple[str, str]:
    """A captured payment: its intent and its charge."""
    held = sandbox.preauthorise(order(), amount, "EUR")["payment_intent"]
    return held, str(api.v1.payment_intents.capture(held).latest_charge)


def kinds(sandbox: SandboxClient, charge: str, api: stripe.StripeClient) -> list[str]:
    order_id = api.v1.charges.retrieve(charge).metadata["order_id"]
    return [effect["kind"] for effect in sandbox.book(order_id)]


def test_a_dispute_takes_money_and_fee_at_once_and_gives_the_money_back_when_it_is_won(
    sandbox: SandboxClient, api: stripe.StripeClient
) -> None:
    intent, charge = captured(sandbox, api)
    opened = sandbox.dispute(intent, reason="product_not_received")
    read = api.v1.disputes.retrieve(opened["id"])
    assert (read.amount, read.status, read.charge) == (5000, "needs_response", charge)
    assert [(line.amount, line.fee) for line in read.balance_transactions] == [(-5000, 1500)]
    won = sandbox.close_dispute(opened["id"], "won", fee_returned=1500)
    assert won["status"] == "won"
    assert [line["net"] for line in won["balance_transactions"]] == [-6500, 6500]
    assert kinds(sandbox, charge, api)[2:] == ["dispute", "dispute_won"]


def test_what_the_bank_has_taken_back_is_neither_refunded_nor_paid_out(
    sandbox: SandboxClient, api: stripe.StripeClient
) -> None:
    intent, charge = captured(sandbox, api)
    sandbox.account("acct_disputed")
    sandbox.dispute(intent, amount=4000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.refunds.create({"charge": charge, "amount": 1001})
    assert refused.value.code == "charge_disputed"
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        api.v1.transfers.create(
            {"amount": 1001, "currency": "eur", "destination": "acct_disputed", "source_transaction": charge}
        )
    assert api.v1.refunds.create({"charge": charge, "amount": 1000}).status == "succeeded"


def test_a_second_dispute_takes_what_is_left_and_finds_nothing_after_it(
    sandbox: SandboxClient, api: stripe.StripeClient
) -> None:
    intent, _ = captured(sandbox, api)
    sandbox.dispute(intent, amount=4000)
    assert sandbox.dispute(intent)["amount"] == 1000
    with pytest.raises(requests.HTTPError):
        sandbox.dispute(intent, amount=1)


def test_the_list_of_events_tells_what_webhooks_were_sent_about(
    sandbox: SandboxClient, api: stripe.StripeClient
) -> None:
    since = int((real_clock() - timedelta(seconds=1)).timestamp())
    intent, _ = captured(sandbox, api)
    dispute = sandbox.dispute(intent)["id"]
    events = list(api.v1.events.list({"created": {"gte": since}, "limit": 100}).auto_paging_iter())
    told = [event.type for event in events if event.to_dict()["data"]["object"]["id"] == dispute]
    assert told == ["charge.dispute.funds_withdrawn", "charge.dispute.created"]
    assert api.v1.events.retrieve(events[0].id).id == events[0].id


def test_a_hold_that_its_issuer_cancels_is_gone(sandbox: SandboxClient, api: stripe.StripeClient) -> None:
    held = sandbox.preauthorise(order(), 700, "EUR")["payment_intent"]
    assert sandbox.end_hold(held)["status"] == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.v1.payment_intents.capture(held)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_payout_that_failed_is_read_on_the_sellers_account_alone(
    sandbox: SandboxClient, api: stripe.StripeClient
) -> None:
    sandbox.account("acct_bank")
    payout = sandbox.pay_out("acct_bank", 900, "EUR", failure="account_closed")["id"]
    read = api.v1.payouts.retrieve(payout, options={"stripe_account": "acct_bank"})
    assert (read.status, read.failure_code) == ("failed", "account_closed")
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payouts.retrieve(payout)


def test_a_review_opens_and_closes(sandbox: SandboxClient, api: stripe.StripeClient) -> None:
    held = sandbox.preauthorise(order(), 700, "EUR")["payment_intent"]
    opened = sandbox.open_review(held)["id"]
    assert api.v1.reviews.retrieve(opened).open
    assert sandbox.close_review(opened)["id"] == opened
    assert not api.v1.reviews.retrieve(opened).open


def test_every_movement_is_a_line_of_the_balance(sandbox: SandboxClient, api: stripe.StripeClient) -> None:
    intent, charge = captured(sandbox, api)
    sandbox.account("acct_lines")
    transfer = api.v1.transfers.create(
        {"amount": 900, "currency": "eur", "destination": "acct_lines", "source_transaction": charge}
    )
    reversal = api.v1.transfers.reversals.create(transfer.id, {"amount": 400})
    refund = api.v1.refunds.create({"charge": charge, "amount": 100})
    sandbox.settle_refund(refund.id, "failed")
    dispute = sandbox.dispute(intent, amount=300)["id"]
    mine = {charge, transfer.id, reversal.id, refund.id, dispute}
    lines = [
        line for line in api.v1.balance_transactions.list({"limit": 100}).auto_paging_iter() if line.source in mine
    ]
    assert [(line.type, line.amount) for line in reversed(lines)] == [
        ("charge", 5000),
        ("transfer", -900),
        ("transfer_refund", 400),
        ("refund", -100),
        ("refund_failure", 100),
        ("adjustment", -300),
    ]
