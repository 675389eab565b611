"""The bank takes back a payment of which the order has not heard yet: the news of it brings the payment along."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
import stripe
from temporalio.testing import ActivityEnvironment

from activities.provider_poll import ProviderPoll
from activities.providers.port import Hold, News
from gateway.__main__ import PROVIDER
from tests.life import Life
from tests.marketplace import Marketplace
from tests.receiver import PATIENCE, Receiver
from tests.reconcile.conftest import Reconcile, open_findings


def taken_unheard(market: Marketplace, life: Life, amount: int = 64_90) -> str:
    """Somebody takes money from the buyer a second time, and the webhooks of that are late; the payment."""
    second = str(market.sandbox.preauthorise(life.order_id, amount, "eur")["payment_intent"])
    stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url}).v1.payment_intents.capture(second)
    return second


async def polled(receiver: Receiver, *objects: str) -> int:
    """How much the poll tells about these objects that no webhook has told."""

    async def look(news: News) -> bool:
        return news.subject in objects and await receiver.desk.look(news)

    poll = ProviderPoll(receiver.market.engine, receiver.payments, PROVIDER, look)
    told: int = await ActivityEnvironment().run(poll.poll, datetime.now(UTC).isoformat())
    for life in receiver.market.lives:
        await life.rest()
    return told


def told_of_money(life: Life) -> list[str]:
    """What the provider has told the order."""
    return [step for step in life.steps() if step not in ("place", "settle")]


async def dispute_told(receiver: Receiver, dispute: str) -> list[str]:
    """The webhooks of the dispute alone have come, all of them; their answers."""
    events = [event for event in receiver.events(dispute) if event["type"].startswith("charge.dispute.")]
    answers = [await receiver.post_event(event) for event in events]
    for life in receiver.market.lives:
        await life.rest()
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json()["status"] for answer in answers]


@pytest.mark.parametrize("late", ["webhook", "poll"])
async def test_a_chargeback_brings_the_payment_along_of_which_the_order_has_not_heard(
    market: Marketplace, receiver: Receiver, reconcile: Reconcile, late: str
) -> None:
    life = await market.order()
    second = taken_unheard(market, life)
    dispute = str(market.sandbox.dispute(second)["id"])
    assert set(await dispute_told(receiver, dispute)) == {"delivered"}
    if late == "webhook":
        assert set(await receiver.tell(second)) == {"ignored"}
    else:
        assert await polled(receiver, second, dispute) == 0
    assert told_of_money(life) == ["payment_found", "open_dispute"]
    assert [(d.dispute_id, str(d.amount)) for d in life.state().disputes] == [(dispute, "64.90 EUR")]
    await reconcile(market.engine, market.payments)
    assert open_findings(market.engine, life.order_id) == []
    market.sandbox.close_dispute(dispute, "lost")
    await receiver.tell(dispute)
    assert told_of_money(life) == ["payment_found", "open_dispute", "lose_dispute"]
    assert (life.effects().count("refund"), life.state().strays) == (0, ()), "the buyer has it from the bank"
    assert life.refusals() == []


async def test_a_chargeback_is_not_passed_over_when_the_order_hears_of_the_payment_at_the_same_moment(
    market: Marketplace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await market.order()
    second = taken_unheard(market, life)
    dispute = str(market.sandbox.dispute(second)["id"])
    hold, taken = (
        receiver.payments.hold,
        next(e for e in receiver.events(second) if e["type"] == "payment_intent.succeeded"),
    )
    heard: list[Hold] = []

    def hears_meanwhile(ref: str) -> Hold:
        heard.append(hold(ref))
        if len(heard) == 1:
            assert receiver.post_signed(json.dumps(taken).encode()).json() == {"status": "delivered"}
            end = time.monotonic() + PATIENCE
            while not life.state().charges and time.monotonic() < end:
                time.sleep(0.02)
        return heard[0]

    monkeypatch.setattr(receiver.payments, "hold", hears_meanwhile)
    assert set(await dispute_told(receiver, dispute)) == {"delivered"}
    assert told_of_money(life) == ["payment_found", "open_dispute"]
    assert life.refusals() == []


async def test_a_chargeback_whose_end_is_told_first_brings_payment_and_beginning_along(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    second = taken_unheard(market, life)
    dispute = str(market.sandbox.dispute(second)["id"])
    market.sandbox.close_dispute(dispute, "lost")
    assert "delivered" in await dispute_told(receiver, dispute)
    await receiver.tell(second)
    assert told_of_money(life) == ["payment_found", "open_dispute", "lose_dispute"]
    assert life.refusals() == []


async def test_a_chargeback_of_a_payment_that_does_not_fit_the_order_is_left_to_reconciliation(
    market: Marketplace, receiver: Receiver, reconcile: Reconcile
) -> None:
    life = await market.order()
    strange = taken_unheard(market, life, amount=1_00)
    dispute = str(market.sandbox.dispute(strange)["id"])
    assert set(await dispute_told(receiver, dispute)) == {"ignored"}
    assert told_of_money(life) == []
    await reconcile(market.engine, market.payments)
    found = {row.ref: row.kind for row in open_findings(market.engine, life.order_id)}
    assert found == dict.fromkeys((market.payments.hold(strange).charge, dispute), "not_in_ledger")
    market.lives.clear()  # The books differ, which is what was found.
