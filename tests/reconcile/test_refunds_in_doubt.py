"""Refunds whose answer was lost, or that are cancelled while they are pending, in both books."""

from __future__ import annotations

from datetime import timedelta

from domain.state import Cause, Stage
from tests.life import BUYER
from tests.marketplace import Marketplace
from tests.receiver import Receiver
from tests.reconcile.conftest import Reconcile, open_findings


async def test_a_refund_that_failed_before_it_was_found_leaves_the_books_agreed(
    market: Marketplace, receiver: Receiver, reconcile: Reconcile
) -> None:
    life = await market.order()
    await life.delivered()
    market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation="refund")
    await life.desk("refund")
    refund = next(effect["object"] for effect in life.book() if effect["kind"] == "refund")
    market.sandbox.settle_refund(refund, "failed")
    await life.pass_time(timedelta(minutes=3))
    assert [stuck.code for stuck in life.state().stuck] == ["Declined"]
    await receiver.tell(refund)
    await life.desk("retry")
    assert life.effects()[2:] == ["refund", "refund_failed", "refund"]
    await reconcile(market.engine, market.payments, now=await life.now() + timedelta(minutes=1))
    assert open_findings(market.engine, life.order_id) == []


async def test_a_refund_that_is_cancelled_is_booked_back_ticketed_and_given_anew(
    market: Marketplace, receiver: Receiver, reconcile: Reconcile
) -> None:
    life = await market.order()
    await life.delivered()
    market.sandbox.fault("pending", order_id=life.order_id, operation="refund")
    await life.desk("refund")
    assert await life.result() == Stage.REFUNDED
    refund = next(effect["object"] for effect in life.book() if effect["kind"] == "refund")
    market.sandbox.settle_refund(refund, "canceled")
    assert "delivered" in await receiver.tell(refund)
    assert life.money() == {"captured": "64.90 EUR", "escrow": "64.90 EUR"}
    assert life.ticket(Cause.MONEY_FAILED).subject == "refund"
    assert "refund_failed" in life.told(BUYER)
    await life.desk("retry")
    assert await life.result() == Stage.REFUNDED
    assert life.effects()[2:] == ["refund", "refund_failed", "refund"]
    await reconcile(market.engine, market.payments, now=await life.now() + timedelta(minutes=1))
    assert open_findings(market.engine, life.order_id) == []
