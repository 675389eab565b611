"""The checks that every story ends with are seen red: what must never happen is done behind the order's back."""

from __future__ import annotations

import pytest
import stripe

from domain.state import Milestone
from tests.life import SELLER
from tests.marketplace import Marketplace


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
