"""Refunds whose answer was lost, in both books."""

from __future__ import annotations

from datetime import timedelta

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
