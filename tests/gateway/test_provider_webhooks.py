"""The payment provider's webhooks: what is turned away, what acts once, and what is sent again (A6)."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from uuid import uuid4

import pytest
import stripe
from temporalio.client import Client

from activities.payments_desk import PaymentsDesk
from activities.providers.stripe import StripePayments
from demo.temporal import NAMESPACE, Temporal
from domain.state import Role, Stage
from faults.proxy import Mode, proxy
from gateway.__main__ import PROVIDER
from sandbox.payments.webhooks import signature
from tests.life import BUYER, COMMAND_KEY, SELLER, Json, Life
from tests.marketplace import Marketplace
from tests.receiver import SECRET, Receiver, eventually, hold_of

PATIENCE = 15.0
"""Seconds within which whoever sends a webhook is answered, also when something that we need is away."""


async def shipped(market: Marketplace) -> Life:
    """An order whose money is in escrow."""
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    return life


async def disputed(market: Marketplace) -> tuple[Life, str]:
    """The same, with a dispute that nobody was told of; its id."""
    life = await shipped(market)
    return life, str(market.sandbox.dispute(hold_of(life))["id"])


def event(type_: str = "charge.dispute.created", **thing: object) -> Json:
    """An event as it stands in a webhook."""
    about = {"id": "dp_1", "object": "dispute"} | thing
    made = {"id": f"evt_{uuid4().hex}", "object": "event", "type": type_, "created": 1, "livemode": False}
    return made | {"data": {"object": about}}


def body(made: Json) -> bytes:
    return json.dumps(made).encode()


async def test_a_forged_webhook_is_turned_away_and_nobody_is_asked(market: Marketplace, receiver: Receiver) -> None:
    life, dispute = await disputed(market)
    told = receiver.events(dispute)[-1]
    raw, now = body(told), int(life.state().placed_at.timestamp()) + 1
    right = signature(SECRET, raw, now)
    wrong = [
        None,
        "",
        "v1=",
        right[:-1],
        right.replace("v1", "v0"),
        signature("guess", raw, now),
        right.replace(f"t={now}", f"t={now + 1}"),
    ]
    for header in wrong:
        assert receiver.post(raw, header).status_code == 401, header
    assert receiver.post(raw + b" ", right).status_code == 401
    assert receiver.looked == []
    assert "open_dispute" not in life.steps()
    assert receiver.post(raw, right).status_code == 200
    await life.rest()
    assert "open_dispute" in life.steps()


async def test_a_signature_is_good_for_five_minutes_whatever_the_events_age(
    market: Marketplace, receiver: Receiver
) -> None:
    life, dispute = await disputed(market)
    told = receiver.events(dispute)[-1]
    months_old = body(told | {"created": told["created"] - 90 * 24 * 3600})
    assert receiver.post_signed(months_old, late=timedelta(seconds=310)).status_code == 400
    assert receiver.looked == []
    assert receiver.post_signed(months_old, late=timedelta(seconds=280)).json() == {"status": "delivered"}
    await life.rest()
    assert "open_dispute" in life.steps()


async def test_the_secret_that_is_being_replaced_is_good_too(receiver: Receiver) -> None:
    raw = body(event())
    assert receiver.post_signed(raw, secret="whsec_former").status_code == 200
    assert receiver.post_signed(raw, secret="whsec_other").status_code == 401


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        body(event() | {"data": 1}),
        body(event() | {"id": "../evil"}),
        body(event() | {"created": "yesterday"}),
        body(event() | {"created": 10**30}),
        b"[" * 60_000,
    ],
)
async def test_a_signed_but_unreadable_webhook_is_refused(receiver: Receiver, raw: bytes) -> None:
    assert receiver.post_signed(raw).status_code == 400
    assert receiver.looked == []


async def test_a_body_beyond_the_cap_is_refused_before_it_is_read(receiver: Receiver) -> None:
    assert receiver.post_signed(b"x" * 70_000).status_code == 413
    assert receiver.post_signed(body(event(padding="x" * 70_000))).status_code == 413


async def test_an_event_of_the_other_mode_is_taken_and_ignored(market: Marketplace, receiver: Receiver) -> None:
    life, dispute = await disputed(market)
    live = receiver.events(dispute)[-1] | {"livemode": True}
    assert (await receiver.post_event(live)).json() == {"status": "ignored"}
    assert receiver.looked == []
    await receiver.tell(dispute)
    assert "open_dispute" in life.steps()


async def test_an_event_about_nothing_that_concerns_orders_is_taken_and_ignored(receiver: Receiver) -> None:
    assert receiver.post_signed(body(event("customer.created", object="customer"))).json() == {"status": "ignored"}
    assert receiver.looked == []


@pytest.mark.parametrize("type_", ["charge.dispute.created", "review.opened", "refund.failed", "payout.failed"])
async def test_what_the_provider_does_not_know_is_taken_and_ignored(receiver: Receiver, type_: str) -> None:
    answer = receiver.post_signed(body(event(type_, id="xx_nobody") | {"account": "acct_nobody"}))
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})


async def test_a_webhook_that_comes_ten_times_acts_once(market: Marketplace, receiver: Receiver) -> None:
    life, dispute = await disputed(market)
    told = receiver.events(dispute)[-1]
    at_once = await asyncio.gather(*(receiver.post_event(told) for _ in range(10)))
    later = [await receiver.post_event(told) for _ in range(3)]
    assert {answer.status_code for answer in (*at_once, *later)} == {200}
    assert {answer.json()["status"] for answer in later} == {"ignored"}
    await life.rest()
    assert life.steps().count("open_dispute") == 1
    assert life.refusals() == []


async def test_webhooks_in_reverse_order_tell_the_present_and_never_the_past(
    market: Marketplace, receiver: Receiver
) -> None:
    life, dispute = await disputed(market)
    market.sandbox.close_dispute(dispute, "won")
    events = receiver.events(dispute)
    assert [made["type"] for made in events][-1] == "charge.dispute.closed"
    for made in reversed(events):
        assert (await receiver.post_event(made)).status_code == 200
    await life.rest()
    assert [step for step in life.steps() if "dispute" in step] == ["open_dispute", "win_dispute"]
    assert life.refusals() == []
    assert life.state().disputed == frozenset()


async def test_the_object_as_read_back_counts_and_never_the_body(market: Marketplace, receiver: Receiver) -> None:
    life, dispute = await disputed(market)
    told = receiver.events(dispute)[-1]
    told["data"]["object"] |= {"status": "won", "amount": 1, "charge": "ch_other"}
    assert (await receiver.post_event(told | {"type": "charge.dispute.closed"})).status_code == 200
    await life.rest()
    assert [step for step in life.steps() if "dispute" in step] == ["open_dispute"]
    assert str(life.state().disputes[0].amount) == "64.90 EUR"


async def test_a_receiver_that_dies_before_it_remembers_acts_once_all_the_same(
    market: Marketplace, receiver: Receiver
) -> None:
    life, dispute = await disputed(market)
    told = receiver.events(dispute)[-1]
    receiver.memory.dies = True
    assert (await receiver.post_event(told)).status_code == 503
    receiver.memory.dies = False
    assert not await receiver.memory.contains(PROVIDER, told["id"])
    assert (await receiver.post_event(told)).json() == {"status": "delivered"}
    assert len(receiver.looked) == 2
    await life.rest()
    assert life.steps().count("open_dispute") == 1
    assert life.refusals() == []


@pytest.mark.parametrize("fault", ["unavailable", "timeout", "rate_limited"])
async def test_while_the_provider_cannot_be_asked_its_webhook_is_to_be_sent_again(
    market: Marketplace, receiver: Receiver, fault: str
) -> None:
    life, dispute = await disputed(market)
    told = receiver.events(dispute)[-1]
    market.sandbox.fault(fault, order_id=life.order_id, operation="read")
    assert (await receiver.post_event(told)).status_code == 503
    assert "open_dispute" not in life.steps()
    assert (await receiver.post_event(told)).json() == {"status": "delivered"}
    await life.rest()
    assert "open_dispute" in life.steps()


async def test_while_no_run_of_an_open_order_can_be_told_the_webhook_is_to_be_sent_again(
    market: Marketplace, receiver: Receiver
) -> None:
    life, dispute = await disputed(market)
    told = receiver.events(dispute)[-1]
    await life.handle.terminate()
    assert (await receiver.post_event(told)).status_code == 503
    await life.restart()
    assert (await receiver.post_event(told)).json() == {"status": "delivered"}
    await life.rest()
    assert life.stage() is Stage.SHIPPED
    assert "open_dispute" in life.steps()


async def test_an_order_without_a_run_keeps_no_other_order_from_what_is_new_about_their_sellers_account(
    market: Marketplace, receiver: Receiver
) -> None:
    lives, own = [await market.order(), await market.order()], f"acct_{uuid4().hex[:12]}"
    market.sandbox.account(own)
    for life in lives:
        await life.delivered()
        await life.send("payout_account", Role.STOREFRONT, account=own)
        await life.send("receive", BUYER)
    market.sandbox.account(own, "restricted")
    told = receiver.events(account=own)[-1]
    first, second = sorted(lives, key=lambda life: life.order_id)
    await first.handle.terminate()
    assert (await receiver.post_event(told)).status_code == 503
    await second.rest()
    assert "account_restricted" in second.steps()
    await first.restart()
    assert (await receiver.post_event(told)).json() == {"status": "delivered"}
    for life in lives:
        await life.rest()
        assert (life.steps().count("account_restricted"), life.refusals()) == (1, [])


async def test_what_the_provider_posts_by_itself_arrives(market: Marketplace, receiver: Receiver) -> None:
    life = await shipped(market)
    api = stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url}).v1.webhook_endpoints
    endpoint = api.create({"url": f"{receiver.url}/webhooks/{PROVIDER}", "enabled_events": ["charge.dispute.created"]})
    receiver.payments = StripePayments("sk_test_1", url=market.sandbox.url, webhook_secrets=(str(endpoint.secret),))
    receiver.open()
    try:
        market.sandbox.dispute(hold_of(life))
        await eventually(life, lambda: "open_dispute" in life.steps())
    finally:
        api.delete(endpoint.id)
    assert [news.kind for news in receiver.looked] == ["dispute"]


@pytest.mark.parametrize("over", [False, True], ids=["open", "over"])
async def test_news_that_temporal_cannot_be_given_is_sent_again_and_acts_once(
    market: Marketplace, receiver: Receiver, temporal: Temporal, over: bool
) -> None:
    life, other = await shipped(market), await shipped(market)
    if over:
        await life.desk("refund")
        assert await life.result() == Stage.REFUNDED
    paid = next(effect for effect in life.book() if effect["kind"] == "capture")
    dispute = str(market.sandbox.dispute(hold_of(life), amount=paid["amount"])["id"])
    told = receiver.events(dispute)[-1]
    host, _, port = temporal.address.rpartition(":")
    with proxy((host, int(port))) as way:
        client = await Client.connect(f"127.0.0.1:{way.port}", namespace=NAMESPACE, lazy=True)
        receiver.desk = PaymentsDesk(market.engine, client, receiver.payments, PROVIDER, COMMAND_KEY)
        await receiver.tell(str(market.sandbox.open_review(hold_of(other))["id"]))
        assert other.state().pauses, "the way is good"
        for mode in (Mode.SWALLOW, Mode.REFUSE):
            way.set_mode(mode, cut=True)
            began = time.monotonic()
            assert (await receiver.post_event(told)).status_code == 503
            assert time.monotonic() - began < PATIENCE, "the sender does not wait for longer"
        assert "open_dispute" not in life.steps()
        way.set_mode(Mode.FORWARD)
        answer = await receiver.post_event(told)
        assert (answer.status_code, answer.json()["status"]) == (200, "delivered")
        await life.rest()
        assert (await receiver.post_event(told)).json()["status"] == "ignored"
    assert life.steps().count("open_dispute") == 1
    assert life.refusals() == []
