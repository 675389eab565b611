"""The buyer's bank takes back a payment that the order had no claim to, or one that was given back already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe

from activities import payments_desk
from activities.payments_desk import PaymentsDesk
from activities.providers.port import News, NewsKind
from activities.runs import NotHandedOver, hand_over
from domain.parcels.parcel import Proof
from domain.state import Cause, LineState, Stage
from gateway.__main__ import PROVIDER
from tests.life import BUYER, COMMAND_KEY, SELLER, Life
from tests.marketplace import Marketplace
from tests.receiver import Receiver, hold_of

DAY = timedelta(days=1)
PRICE = 64_90
FEE = "15.00 EUR"


async def second_payment(market: Marketplace, receiver: Receiver, life: Life, *, goes_back: bool) -> str:
    """Somebody takes the order's price from the buyer a second time; its hold. The balance has nothing to refund it."""
    if not goes_back:
        now = await life.now()
        market.sandbox.move_clock(life.order_id, now)
        lasts = {"operation": "refund", "until": now + 200 * DAY}
        market.sandbox.fault("balance_insufficient", order_id=life.order_id, **lasts)  # type: ignore[arg-type]
    second = market.preauthorise(life.document)
    stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url}).v1.payment_intents.capture(second)
    assert "delivered" in await receiver.tell(second)
    assert bool(life.state().strays) is not goes_back
    return second


async def charged_back(market: Marketplace, receiver: Receiver, life: Life, hold: str, amount: int = PRICE) -> str:
    dispute = str(market.sandbox.dispute(hold, amount=amount, reason="product_not_received")["id"])
    assert set(await receiver.tell(dispute)) == {"delivered"}
    assert life.ticket(Cause.DISPUTE).subject == dispute
    return dispute


async def lost(market: Marketplace, receiver: Receiver, dispute: str) -> None:
    market.sandbox.close_dispute(dispute, "lost")
    await receiver.tell(dispute)


async def received(life: Life) -> None:
    await life.delivered(Proof.STRONG)
    await life.send("receive", BUYER)


@pytest.mark.parametrize("paid_out", [False, True], ids=["in escrow", "paid out"])
async def test_a_second_payment_that_is_charged_back_is_nothing_to_the_seller(
    market: Marketplace, receiver: Receiver, paid_out: bool
) -> None:
    life = await market.order()
    await (received(life) if paid_out else life.delivered(Proof.STRONG))
    second = await second_payment(market, receiver, life, goes_back=False)
    dispute = await charged_back(market, receiver, life, second)
    assert not any(line.held for line in life.state().lines)
    await lost(market, receiver, dispute)
    if not paid_out:
        await life.send("receive", BUYER)
    assert [line.state for line in life.state().lines] == [LineState.ACCEPTED] * 2
    assert not {"refund", "transfer_reversal"} & set(life.effects())
    money = life.money()
    assert (money["released"], money["fees"], money["lost"]) == ("60.10 EUR", "4.80 EUR", FEE)
    assert not {"escrow", "owed"} & set(money)
    await life.until("close")
    assert await life.result() == Stage.CLOSED
    assert not {"open_dispute", "lose_dispute", "owed"} & set(life.told(SELLER))


async def test_a_second_payment_is_charged_back_before_the_first_is_captured(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    second = await second_payment(market, receiver, life, goes_back=False)
    dispute = await charged_back(market, receiver, life, second)
    await received(life)
    await lost(market, receiver, dispute)
    money = life.money()
    assert (money["captured"], money["released"], money["lost"]) == ("129.80 EUR", "60.10 EUR", FEE)
    assert not {"escrow", "owed"} & set(money)


async def test_an_order_whose_run_comes_back_while_it_is_told_hears_of_a_payment_before_its_dispute(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await market.order()
    second = market.preauthorise(life.document)
    stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url}).v1.payment_intents.capture(second)
    news = News("evt_1", NewsKind.DISPUTE, str(market.sandbox.dispute(second)["id"]), life.state().placed_at)
    desk = PaymentsDesk(market.engine, market.client, market.payments, PROVIDER, COMMAND_KEY)

    async def restarted_after(*message: Any, **how: Any) -> bool:
        try:
            return await hand_over(*message, **how)
        except NotHandedOver:
            await life.restart()
            raise

    monkeypatch.setattr(payments_desk, "hand_over", restarted_after)
    await life.handle.terminate()
    with pytest.raises(NotHandedOver):
        await desk.look(news)
    assert await desk.look(news)
    await life.rest()
    told = [step for step in life.steps() if step in ("payment_found", "open_dispute")]
    assert (told, life.refusals()) == (["payment_found", "open_dispute"], [])


async def test_a_second_payment_that_went_back_and_is_charged_back_is_the_platforms_loss(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    await received(life)
    second = await second_payment(market, receiver, life, goes_back=True)
    await lost(market, receiver, await charged_back(market, receiver, life, second))
    money = life.money()
    assert (money["released"], money["refunded"], money["lost"]) == ("60.10 EUR", "64.90 EUR", "79.90 EUR")
    assert "transfer_reversal" not in life.effects()
    assert life.state().debt is None


async def test_a_refund_that_fails_while_the_bank_decides_is_not_given_anew(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    await life.delivered()
    await life.desk("refund")
    assert await life.result() == Stage.REFUNDED
    refund = next(str(effect["object"]) for effect in life.book() if effect["kind"] == "refund")
    dispute = await charged_back(market, receiver, life, hold_of(life))
    market.sandbox.settle_refund(refund, "failed")
    assert "delivered" in await receiver.tell(refund)
    await life.pass_time(10 * DAY)
    assert life.effects().count("refund") == 1, "the buyer has it from the bank"
    await lost(market, receiver, dispute)
    money = life.money()
    assert (money["lost"], {"owed", "refunded", "escrow"} & set(money)) == (FEE, set()), "no fault of the seller's"


async def charged_back_after_its_refund(market: Marketplace, receiver: Receiver, amount: int) -> tuple[Life, str, str]:
    """Refunded in full, then charged back, and lost: the order, its refund and the dispute."""
    life = await market.order()
    await life.delivered()
    await life.desk("refund")
    refund = next(str(effect["object"]) for effect in life.book() if effect["kind"] == "refund")
    dispute = await charged_back(market, receiver, life, hold_of(life), amount)
    await lost(market, receiver, dispute)
    return life, refund, dispute


async def test_a_refund_that_fails_after_the_bank_has_given_the_same_makes_up_for_the_platforms_loss(
    market: Marketplace, receiver: Receiver
) -> None:
    life, refund, dispute = await charged_back_after_its_refund(market, receiver, PRICE)
    assert (life.money()["lost"], life.money()["refunded"]) == ("79.90 EUR", "64.90 EUR")
    market.sandbox.settle_refund(refund, "failed")
    assert "delivered" in await receiver.tell(refund)
    assert (life.state().stuck, life.state().tickets) == ((), ())
    assert await life.result() == Stage.REFUNDED
    assert "refund_failed" not in life.told(BUYER)
    money = life.money()
    assert (money["lost"], "refunded" in money, "escrow" in money) == (FEE, False, False)
    assert life.effects().count("refund") == 1, "the buyer has it from the bank"
    market.sandbox.close_dispute(dispute, "won")
    await receiver.tell(dispute)
    assert await life.result() == Stage.REFUNDED
    assert life.effects()[-2:] == ["dispute_won", "refund"], "what never reached the buyer"
    assert (life.money()["refunded"], life.money()["lost"]) == ("64.90 EUR", FEE)


async def test_only_what_the_bank_has_not_given_the_buyer_is_refunded_anew(
    market: Marketplace, receiver: Receiver
) -> None:
    life, refund, _ = await charged_back_after_its_refund(market, receiver, 40_00)
    assert life.money()["lost"] == "55.00 EUR"
    market.sandbox.settle_refund(refund, "failed")
    assert "delivered" in await receiver.tell(refund)
    assert life.ticket(Cause.MONEY_FAILED).subject == "refund"
    assert (life.money()["lost"], life.money()["escrow"]) == (FEE, "24.90 EUR")
    assert "refund_failed" in life.told(BUYER)
    await life.desk("retry")
    assert await life.result() == Stage.REFUNDED
    assert [effect["amount"] for effect in life.book() if effect["kind"] == "refund"] == [PRICE, 24_90]
    assert (life.money()["refunded"], life.money()["lost"]) == ("24.90 EUR", FEE)
    assert set(await receiver.tell(refund)) == {"ignored"}
