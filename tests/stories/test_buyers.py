"""Buyers who are silent, cancel, wait, change their address, or pay late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.confirm import Reason
from domain.errors import Refused
from domain.parcels.parcel import Milestone, Proof
from domain.state import Actor, Cause, LineState, Role, Stage
from starter.views import story_for
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace


async def test_strong_proof_of_delivery_pays_for_a_silent_buyer(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered(Proof.STRONG)
    assert [row["template"] for row in life.reminders()] == ["remind_receipt"]
    await life.until("accept_on_strong_proof")
    assert life.stage() is Stage.COMPLETED
    assert life.money()["released"] == "60.10 EUR"


async def test_a_bare_delivery_scan_pays_ten_days_later_below_the_limit(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered(Proof.WEAK)
    clock = life.clock("accept_on_weak_proof")
    assert clock.at - life.state().line("L1").since > timedelta(days=10)
    await life.until("accept_on_weak_proof")
    assert life.money()["released"] == "60.10 EUR"


async def test_a_silent_buyer_of_dear_goods_without_proof_is_a_specialists_work(market: Marketplace) -> None:
    life = await market.order(prices=("300.00",))
    await life.delivered(Proof.WEAK)
    await life.until("receipt_overdue")
    ticket = life.ticket(Cause.RECEIPT_MISSING)
    assert "released" not in life.money()
    await life.desk("release", ticket=ticket.ticket_id)
    assert life.stage() is Stage.COMPLETED
    assert life.state().tickets == ()


async def test_a_ticket_that_nobody_ends_is_passed_upwards_and_the_default_decides(market: Marketplace) -> None:
    life = await market.order(prices=("300.00",))
    await life.delivered(Proof.WEAK)
    await life.until("receipt_overdue")
    await life.until("ticket_overdue")
    await life.until("ticket_overdue")
    assert life.ticket(Cause.RECEIPT_MISSING).escalations == 2
    await life.desk("assign_ticket", note_id=None, ticket_id=life.ticket(Cause.RECEIPT_MISSING).ticket_id, owner="anna")
    await life.until("escrow_ends")
    assert life.state().line("L1").state is LineState.ACCEPTED


async def test_a_declined_card_leaves_an_order_that_can_be_paid_later(market: Marketplace) -> None:
    life = await market.order(market.checkout() | {"payment": method("pm_card_chargeDeclined", market)})
    assert life.stage() is Stage.AWAITING_PAYMENT
    assert "payment_declined" in life.told(BUYER)
    await life.pass_time(timedelta(days=2))
    await life.send("pay", BUYER, **method("pm_card_visa", market) | {"customer": "cus_none"})
    refused = [event["code"] for step in life.screen().story.steps for event in step.outcome if "code" in event]
    assert refused == ["Declined", "MethodUnusable"]
    assert [happening.text for happening in story_for(life.screen(), Actor(BUYER, life.state().buyer), {})] == [
        "The order was placed.",
        "The buyer's bank declined the payment.",
        "The buyer offered a payment.",
        "What was named to pay with does not exist, or cannot be used.",
    ]
    await life.send("pay", BUYER, **method("pm_card_visa", market))
    assert not life.state().payment.refused
    assert life.stage() is Stage.PLACED
    await life.send("confirm", SELLER)
    assert life.effects() == ["authorise"]


async def test_an_unpaid_order_is_reminded_gets_more_time_expires_and_is_listed_again(market: Marketplace) -> None:
    life = await market.order(market.checkout())
    (reminder,) = life.reminders()
    assert reminder["due_at"] - life.state().placed_at == timedelta(days=3)
    expiry = life.clock("expire_unpaid").at
    await life.send("more_time_to_pay", BUYER, days=2)
    assert life.clock("expire_unpaid").at == expiry + timedelta(days=2)
    await life.until("expire_unpaid")
    assert await life.result() == Stage.EXPIRED
    (event,) = [row for row in life.notices() if row["template"] == "stock.released"]
    assert event["context"]["relist"] == "yes"
    assert life.effects() == []


async def test_a_buyer_cancels_before_confirmation_at_once(market: Marketplace) -> None:
    life = await market.order()
    await life.send("cancel", BUYER, reason=Reason.CHANGED_MIND)
    assert await life.result() == Stage.CANCELLED
    assert life.effects() == ["authorise", "void"]


async def test_a_request_to_cancel_is_granted_by_the_seller(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    with pytest.raises(Refused) as refused:
        await life.send("cancel", BUYER, reason=Reason.CHANGED_MIND)
    assert "request_cancel" in refused.value.possible
    await life.send("request_cancel", BUYER, reason=Reason.CHANGED_MIND)
    await life.send("grant_cancel", SELLER)
    assert await life.result() == Stage.CANCELLED


async def test_a_request_to_cancel_is_refused_and_the_order_goes_on(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.send("request_cancel", BUYER, reason=Reason.TOO_SLOW, lines=["L1"])
    await life.send("refuse_cancel", SELLER)
    assert life.state().cancel_request is None
    await life.ship()
    assert life.money()["captured"] == "64.90 EUR"


async def test_silence_grants_a_request_to_cancel_when_nothing_was_shipped(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.send("request_cancel", BUYER, reason=Reason.TOO_SLOW, lines=["L1"])
    await life.until("cancel_by_silence")
    assert life.state().line("L1").state is LineState.CANCELLED
    await life.ship()
    assert life.money() == {"captured": "24.90 EUR", "escrow": "24.90 EUR"}


async def test_a_shipment_lapses_the_request_to_cancel(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.send("request_cancel", BUYER, reason=Reason.TOO_SLOW)
    await life.ship()
    assert life.state().cancel_request is None
    assert life.stage() is Stage.SHIPPED


async def test_the_buyer_waits_longer_for_a_parcel_that_has_stalled(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    await life.until("parcel_stalled")
    assert life.ticket(Cause.PARCEL_STALLED).subject == "p1"
    await life.send("wait_longer", BUYER, days=5)
    assert life.clock("parcel_stalled").at > await life.now() + timedelta(days=4)
    await life.scan(Milestone.DELIVERED)
    assert life.state().tickets == ()
    assert life.stage() is Stage.DELIVERED


@pytest.mark.parametrize(
    ("milestone", "cause"), [(Milestone.LOST, Cause.PARCEL_LOST), (Milestone.RETURNED, Cause.PARCEL_RETURNED)]
)
async def test_a_parcel_gone_wrong_holds_its_lines_until_a_specialist_refunds(
    market: Marketplace, milestone: Milestone, cause: Cause
) -> None:
    life = await market.order()
    await life.delivered()
    await life.scan(milestone)
    assert {line.held for line in life.state().lines} == {"parcel:p1"}
    with pytest.raises(Refused) as refused:
        await life.send("receive", BUYER, lines=["L1"])
    assert refused.value.code == "line_held"
    await life.desk("refund", ticket=life.ticket(cause).ticket_id)
    assert await life.result() == Stage.REFUNDED
    assert life.money() == {"captured": "64.90 EUR", "refunded": "64.90 EUR"}


async def test_a_lost_parcel_that_nobody_decides_about_is_refunded_in_the_end(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered()
    await life.scan(Milestone.LOST)
    await life.until("held_escrow_ends")
    assert await life.result() == Stage.REFUNDED
    assert life.money() == {"captured": "64.90 EUR", "refunded": "64.90 EUR"}


async def test_a_tracking_number_of_another_order_is_flagged(market: Marketplace) -> None:
    first, second = await market.order(), await market.order()
    for life in (first, second):
        await life.send("confirm", SELLER)
        await life.ship(number="JD014600006281230701")
    assert first.state().tickets == ()
    assert second.ticket(Cause.NUMBER_REUSED).subject == "p1"
    await second.desk("resolve_ticket", ticket_id=second.ticket(Cause.NUMBER_REUSED).ticket_id, outcome="no_change")
    assert second.state().tickets == ()


async def test_the_address_changes_until_the_first_parcel(market: Marketplace) -> None:
    life = await market.order()
    life.address("address-2")
    await life.send("change_address", BUYER, address_id="address-2")
    assert life.state().address_id == "address-2"
    assert "change_address" in life.told(SELLER)
    await life.send("confirm", SELLER)
    await life.ship()
    with pytest.raises(Refused) as refused:
        await life.send("change_address", BUYER, address_id="address-3")
    assert (refused.value.code, str(refused.value)) == ("nothing_shipped", "a parcel is on its way")
    assert life.state().address_id == "address-2"


async def test_strangers_have_no_part_in_an_order(market: Marketplace) -> None:
    life, other = await market.order(), await market.order()
    for role, name, body in ((BUYER, "receive", {}), (SELLER, "confirm", {}), (BUYER, "cancel", {"reason": "other"})):
        with pytest.raises(Refused) as refused:
            await life.send(name, other.actor(role), **body)
        assert (refused.value.code, refused.value.possible) == ("not_found", ())
    with pytest.raises(Refused) as refused:
        await life.send("confirm", Role.CARRIER)
    assert refused.value.code == "role_not_allowed"


def method(card: str, market: Marketplace) -> dict[str, str]:
    """A stored payment method of a customer at the provider."""
    return {"payment_method": card, "customer": market.customer()}
