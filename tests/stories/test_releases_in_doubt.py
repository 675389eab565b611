"""A release whose fate is unknown is asked after, and sent again only while the rules for paying out still allow it."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio import activity

from activities import cashier
from activities.cashier import operation_key
from activities.perform import Performer
from activities.store.tables import steps
from domain import wire
from domain.contract import ATTEMPT
from domain.deadlines import deadlines
from domain.errors import Refused
from domain.money import Verb
from domain.state import MoneyOp, Order, Role
from sandbox.payments.disputes import FEE
from tests.life import BUYER, SELLER, Json, Life
from tests.marketplace import Marketplace
from tests.receiver import Receiver, hold_of
from tests.stories.claims import claimed
from tests.stories.test_claims_and_banks import charged_back, told

STOREFRONT = Role.STOREFRONT


async def in_doubt(market: Marketplace, fault: str) -> Life:
    """Received, and nobody knows whether the seller was paid."""
    life = await market.order()
    await life.delivered()
    market.sandbox.move_clock(life.order_id, await life.now())
    market.sandbox.fault(fault, order_id=life.order_id, operation="release", times=1)
    await life.send("receive", BUYER)
    return life


async def in_between(life: Life, code: str) -> None:
    """Asked after and not sent again. It may be on its way, so that nothing else is done with the money for now."""
    sent = len(life.effects())
    await life.desk("retry")
    assert (unknown(life), len(life.effects())) == (code, sent)


def unknown(life: Life) -> str:
    """Why the fate of the operation under way was not known when it was asked after last."""
    query = select(steps.c.outcome).where(steps.c.order_id == life.order_id).order_by(steps.c.seq)
    with life.market.engine.begin() as conn:
        codes = [
            event["code"] for row in conn.execute(query) for event in row.outcome if "MoneyUnknown" in event.values()
        ]
    return str(codes[-1])


async def given_up(life: Life, code: str) -> None:
    """What has not landed an hour after it was sent last is refused, for the reason that holds it back."""
    since = await life.now()
    while life.state().op is not None:
        await life.until("settle")
    assert await life.now() - since >= timedelta(minutes=30)
    assert [stuck.code for stuck in life.state().stuck] == [code]


async def settled(life: Life) -> None:
    """Later, when the operation has been found or what was held back may be sent."""
    for _ in range(16):
        if "settle" in {clock.step for clock in deadlines(life.state())}:
            await life.until("settle")


async def change_account(market: Marketplace, life: Life) -> None:
    other = f"acct_{uuid4().hex[:12]}"
    market.sandbox.account(other)
    await life.send("payout_account", STOREFRONT, account=other)


class Frozen:
    """A clock of the machine that stands at zero, until more than an attempt has passed at once."""

    def __init__(self) -> None:
        self._looked = itertools.count()

    def monotonic(self) -> float:
        return 0.0 if next(self._looked) == 0 else ATTEMPT.total_seconds() + 1


async def test_an_attempt_that_stood_still_does_not_send_what_others_may_have_given_up(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await market.order()
    await life.delivered()
    with monkeypatch.context() as patched:
        patched.setattr(cashier, "time", Frozen())
        await life.send("receive", BUYER)
    assert (unknown(life), life.effects()[-1]) == ("Stalled", "capture")
    await settled(life)
    assert life.effects().count("transfer") == 1


async def test_a_release_in_doubt_is_not_sent_again_while_the_payment_is_under_review(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await in_doubt(market, "unavailable")
    review = market.sandbox.open_review(hold_of(life))["id"]
    await receiver.tell(review)
    await in_between(life, "UnderReview")
    await given_up(life, "UnderReview")
    assert life.effects() == ["authorise", "capture"]
    market.sandbox.close_review(review)
    await receiver.tell(review)
    await life.desk("retry")
    assert life.money()["released"] == "60.10 EUR"


@pytest.mark.parametrize("fault", ["timeout", "unavailable", "stored_error"])
async def test_a_release_in_doubt_is_not_sent_to_an_account_that_was_changed_meanwhile(
    market: Marketplace, fault: str
) -> None:
    life = await in_doubt(market, fault)
    changed = await life.now()
    await change_account(market, life)
    await in_between(life, "AccountUnsettled")
    await given_up(life, "AccountUnsettled")
    assert life.effects() == ["authorise", "capture"]
    await settled(life)
    assert await life.now() - changed >= life.state().policy.payout.account_settles
    assert life.money()["released"] == "60.10 EUR"


async def test_an_hour_runs_from_when_a_release_was_sent_last(market: Marketplace) -> None:
    life = await in_doubt(market, "unavailable")
    for _ in range(7):
        market.sandbox.fault("unavailable", order_id=life.order_id, operation="release", times=1)
        await life.until("settle")
    await change_account(market, life)
    await in_between(life, "AccountUnsettled")
    await given_up(life, "AccountUnsettled")


class Late(Performer):
    """Performs a receipt two hours after it was decided: as long the database, or a worker, was away."""

    @activity.defn(name="perform")
    def perform(self, data: Json) -> Json:
        late = timedelta(hours=2 if data["step"] == "receive" else 0)
        return super().perform(data | {"now": wire.to_plain(wire.instant(data["now"]) - late)})


async def test_a_release_that_was_long_decided_when_it_was_sent_may_still_land(market: Marketplace) -> None:
    quiet = replace(market, task_queue=f"orders-{uuid4().hex[:8]}", lives=market.lives)
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            await life.delivered()
    market.sandbox.fault("unavailable", order_id=life.order_id, operation="release", times=1)
    market.sandbox.account("acct_of_another")
    await life.handle.signal("receive", life.message(BUYER, {}, "receive-1"))
    await life.handle.signal("payout_account", life.message(STOREFRONT, {"account": "acct_of_another"}, "account-1"))
    with replace(quiet, performs=Late).worker() as worker:
        async with worker:
            await life.rest()
            await in_between(life, "AccountUnsettled")
            await given_up(life, "AccountUnsettled")


async def test_a_capture_that_lands_when_its_hold_is_about_to_end_is_found(market: Marketplace) -> None:
    life = await market.order(market.preauthorised(market.checkout(), hold=timedelta(days=3)))
    await life.send("confirm", SELLER)
    limit = life.state().payment.capture_before
    assert limit is not None
    await life.pass_time(limit - life.state().policy.hold.margin - await life.now() - timedelta(minutes=10))
    market.sandbox.move_clock(life.order_id, await life.now())
    market.sandbox.fault("unavailable", order_id=life.order_id, operation="capture", until=limit)
    await life.ship()
    sent = life.state()
    assert sent.op is not None
    too_late = limit - life.state().policy.outage.grace
    await life.pass_time(too_late - await life.now() - timedelta(minutes=5))
    await life.desk("retry")
    await life.pass_time(too_late - await life.now())
    await in_between(life, "AuthorisationExpired")
    market.sandbox.clear_faults(life.order_id)
    await land(market, sent, sent.op)
    await settled(life)
    assert life.money()["captured"] == "64.90 EUR"


@pytest.mark.parametrize("held_back", ["UnderReview", "AccountUnsettled"])
async def test_a_release_that_lands_while_it_is_held_back_is_found(
    market: Marketplace, receiver: Receiver, held_back: str
) -> None:
    life = await in_doubt(market, "unavailable")
    sent = life.state()
    assert sent.op is not None
    if held_back == "UnderReview":
        await receiver.tell(market.sandbox.open_review(hold_of(life))["id"])
    else:
        await change_account(market, life)
    await in_between(life, held_back)
    with pytest.raises(Refused, match="release in progress"):
        await life.desk("refund", lines=["L1"])
    await land(market, sent, sent.op)
    await settled(life)
    assert (life.effects()[2:], life.money()["released"]) == (["transfer"], "60.10 EUR")


async def land(market: Marketplace, order: Order, op: MoneyOp) -> None:
    """A request that was long on its way reaches the provider."""
    key, payments = operation_key(order.order_id, op), market.payments
    where = {"order_id": order.order_id, "account": order.account.ref}
    if op.verb is Verb.CAPTURE:
        await asyncio.to_thread(lambda: payments.capture(hold=op.subject, amount=op.amount, key=key))
    elif op.verb is Verb.REFUND:
        await asyncio.to_thread(lambda: payments.refund(charge=op.subject, amount=op.amount, key=key))
    else:
        await asyncio.to_thread(lambda: payments.release(**where, charge=op.subject, amount=op.amount, key=key))


async def part_refunded_late(market: Marketplace) -> Life:
    """A part of a line is to go back; its request lands while it is held back because of a dispute, which is won."""
    life = await claimed(market)
    await life.send("offer_refund", SELLER, amount="20.00 EUR")
    market.sandbox.move_clock(life.order_id, await life.now())
    market.sandbox.fault("unavailable", order_id=life.order_id, operation="refund", times=1)
    await life.send("accept_offer", BUYER)
    sent = life.state()
    assert sent.op is not None
    dispute = await charged_back(market, life)
    await in_between(life, "Disputed")
    market.sandbox.close_dispute(dispute, "won", fee_returned=FEE)
    await land(market, sent, sent.op)
    await told(market, life, dispute)
    await life.desk("retry")
    assert life.money()["refunded"] == "20.00 EUR"
    return life


async def test_a_refund_that_landed_late_is_found_once_and_the_next_one_is_made(market: Marketplace) -> None:
    life = await part_refunded_late(market)
    await life.desk("refund", lines=["L1"])
    assert [effect["amount"] for effect in life.book() if effect["kind"] == "refund"] == [2000, 2000]
    assert life.money()["refunded"] == "40.00 EUR"
    await life.check()


async def test_a_refund_that_landed_late_and_fails_is_given_again(market: Marketplace, receiver: Receiver) -> None:
    life = await part_refunded_late(market)
    refund = next(effect["object"] for effect in life.book() if effect["kind"] == "refund")
    market.sandbox.settle_refund(refund, "failed")
    await receiver.tell(refund)
    await life.desk("retry")
    assert [effect["amount"] for effect in life.book() if effect["kind"] == "refund"] == [2000, 2000]
    await life.check()


async def test_a_release_that_was_made_counts_although_the_account_was_changed_meanwhile(market: Marketplace) -> None:
    life = await in_doubt(market, "effect_then_error")
    await change_account(market, life)
    await life.desk("retry")
    assert (life.effects()[2:], life.money()["released"]) == (["transfer"], "60.10 EUR")
