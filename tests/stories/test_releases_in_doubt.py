"""A release whose fate is unknown is asked after, and sent again only while the rules for paying out still allow it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.state import Role
from tests.life import BUYER, Life
from tests.marketplace import Marketplace
from tests.receiver import Receiver, hold_of

STOREFRONT = Role.STOREFRONT


async def in_doubt(market: Marketplace, fault: str) -> Life:
    """Received, and nobody knows whether the seller was paid."""
    life = await market.order()
    await life.delivered()
    market.sandbox.move_clock(life.order_id, await life.now())
    market.sandbox.fault(fault, order_id=life.order_id, operation="release", times=1)
    await life.send("receive", BUYER)
    return life


async def change_account(market: Marketplace, life: Life) -> None:
    other = f"acct_{uuid4().hex[:12]}"
    market.sandbox.account(other)
    await life.send("payout_account", STOREFRONT, account=other)


async def test_a_release_in_doubt_is_not_sent_again_while_the_payment_is_under_review(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await in_doubt(market, "unavailable")
    review = market.sandbox.open_review(hold_of(life))["id"]
    await receiver.tell(review)
    await life.desk("retry")
    assert life.effects() == ["authorise", "capture"]
    assert [stuck.code for stuck in life.state().stuck] == ["UnderReview"]
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
    await life.desk("retry")
    assert life.effects() == ["authorise", "capture"]
    assert [stuck.code for stuck in life.state().stuck] == ["AccountUnsettled"]
    while not life.state().moves:
        await life.until("settle")
    assert await life.now() - changed >= life.state().policy.payout.account_settles
    assert life.money()["released"] == "60.10 EUR"


async def test_a_release_that_was_made_counts_although_the_account_was_changed_meanwhile(market: Marketplace) -> None:
    life = await in_doubt(market, "effect_then_error")
    await change_account(market, life)
    await life.desk("retry")
    assert (life.effects()[2:], life.money()["released"]) == (["transfer"], "60.10 EUR")
