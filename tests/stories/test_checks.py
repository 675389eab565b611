"""The checks that every story ends with are seen red: what must never happen is done behind the order's back."""

from __future__ import annotations

import pytest
import stripe
from sqlalchemy import text

from domain.money import Money
from domain.parcels.parcel import Milestone
from tests.life import SELLER
from tests.marketplace import Marketplace

KNOWS = text(
    "UPDATE orders SET snapshot = jsonb_set(snapshot, '{payment,captured}', to_jsonb(CAST(:captured AS text)))"
    " WHERE order_id = :order"
)


async def test_the_check_notices_money_that_moved_at_the_provider_alone(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    await life.check()
    provider = stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url})
    provider.v1.refunds.create({"charge": life.state().payment.charge, "amount": 1})
    with pytest.raises(AssertionError):
        await life.check()
    market.lives.remove(life)


async def test_the_check_notices_an_order_that_knows_of_another_capture_than_the_books(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    captured = life.state().payment.captured
    assert captured is not None
    for known in (captured + Money(1, captured.currency), captured):
        with market.engine.begin() as conn:
            conn.execute(KNOWS, {"captured": str(known), "order": life.order_id})
        if known != captured:
            with pytest.raises(AssertionError, match="captured for it"):
                await life.check()


async def test_the_check_notices_an_open_order_that_nobody_runs(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.handle.terminate("behind our back")
    with pytest.raises(AssertionError, match="W4"):
        await life.check()
    await life.restart()
    await life.check()
    await life.ship()
    await life.scan(Milestone.DELIVERED)
