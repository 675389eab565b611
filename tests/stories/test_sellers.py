"""Sellers who are late, silent, ask for time, or confirm a part."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.confirm import Reason
from domain.errors import Refused
from domain.parcels.parcel import Milestone
from domain.state import Cause, LineState, Outcome, Role, Stage
from tests.life import BUYER, OPERATOR, SELLER, SPECIALIST
from tests.marketplace import Marketplace


async def test_a_late_seller_is_reminded_then_a_specialist_gives_more_time(market: Marketplace) -> None:
    life = await market.order()
    (reminder,) = life.reminders()
    overdue = life.clock("confirm_overdue")
    assert (reminder["template"], reminder["recipient_role"]) == ("remind_confirm", "seller")
    assert life.state().placed_at < reminder["due_at"] < overdue.at
    await life.until("confirm_overdue")
    ticket = life.ticket(Cause.CONFIRM_OVERDUE)
    assert "ticket_opened" in life.told(SPECIALIST)
    until = await life.now() + timedelta(days=3)
    await life.desk("resolve_ticket", ticket_id=ticket.ticket_id, outcome=Outcome.EXTEND, until=until)
    assert life.state().tickets == ()
    assert life.clock("confirm_overdue").at == until
    await life.send("confirm", SELLER)
    await life.ship()
    assert life.money()["escrow"] == "64.90 EUR"


async def test_a_specialist_cancels_the_order_of_a_silent_seller_and_the_ticket_ends_with_it(
    market: Marketplace,
) -> None:
    life = await market.order()
    await life.until("confirm_overdue")
    ticket = life.ticket(Cause.CONFIRM_OVERDUE)
    await life.desk("cancel", ticket=ticket.ticket_id, note_id=None, reason=Reason.TOO_SLOW)
    assert await life.result() == Stage.CANCELLED
    (row,) = life.screen().tickets
    assert (row.status, row.outcome, row.resolved_by) == ("resolved", "act", "cancel")
    assert life.effects() == ["authorise", "void"]


async def test_an_order_that_is_never_confirmed_is_voided_and_listed_again(market: Marketplace) -> None:
    life = await market.order()
    await life.until("confirm_lapses")
    assert await life.result() == Stage.CANCELLED
    assert life.effects() == ["authorise", "void"]
    (event,) = [row for row in life.notices() if row["template"] == "stock.released"]
    assert event["recipient_role"] == Role.STOREFRONT
    assert event["context"]["relist"] == "yes"
    assert event["context"]["lines"] == ["L1", "L2"]


async def test_an_order_that_is_never_shipped_is_voided(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.until("ship_overdue")
    assert life.ticket(Cause.SHIP_OVERDUE).owner == ""
    await life.until("ship_lapses")
    assert await life.result() == Stage.CANCELLED
    assert life.effects() == ["authorise", "void"]
    assert life.money() == {}


async def test_a_seller_declines_and_the_money_is_let_go(market: Marketplace) -> None:
    life = await market.order()
    await life.send("decline", SELLER, reason=Reason.OUT_OF_STOCK)
    assert await life.result() == Stage.CANCELLED
    assert life.effects() == ["authorise", "void"]


async def test_half_is_confirmed_two_parcels_go_and_a_line_never_shipped_is_refunded(market: Marketplace) -> None:
    life = await market.order(prices=("30.00", "20.00", "10.00", "5.00"))
    await life.send("confirm", SELLER, lines=["L1", "L2", "L3"])
    assert life.state().line("L4").state is LineState.CANCELLED
    await life.ship("p1", lines=["L1"])
    assert life.money() == {"captured": "64.90 EUR", "escrow": "64.90 EUR"}
    await life.ship("p2", lines=["L2"])
    await life.until("ship_lapses")
    assert life.state().line("L3").state is LineState.CANCELLED
    assert life.money()["refunded"] == "10.00 EUR"
    await life.scan(Milestone.DELIVERED, "p1")
    await life.send("receive", BUYER, lines=["L1"])
    assert life.money()["released"] == "27.60 EUR", "the shipping waits for the last line"
    await life.scan(Milestone.DELIVERED, "p2")
    await life.send("receive", BUYER)
    assert life.money() == {
        "captured": "64.90 EUR",
        "released": "50.90 EUR",
        "refunded": "10.00 EUR",
        "fees": "4.00 EUR",
    }
    assert life.effects() == ["authorise", "capture", "refund", "transfer", "transfer"]
    await life.until("close")
    assert await life.result() == Stage.CLOSED


async def test_shipping_goes_back_only_with_the_last_line(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship(lines=["L1"])
    await life.desk("refund", lines=["L2"])
    assert life.money()["refunded"] == "20.00 EUR"
    await life.desk("refund", lines=["L1"])
    assert life.money() == {"captured": "64.90 EUR", "refunded": "64.90 EUR"}
    assert await life.result() == Stage.REFUNDED


async def test_the_buyer_grants_the_time_that_the_seller_asks_for(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    before = life.clock("ship_overdue").at
    await life.send("ask_time", SELLER, days=2)
    assert "ask_time" in life.told(BUYER)
    await life.send("grant_time", BUYER)
    assert life.clock("ship_overdue").at > before
    with pytest.raises(Refused) as refused:
        await life.send("ask_time", SELLER, days=30)
    assert refused.value.code == "more_than_allowed"


async def test_time_that_nobody_grants_is_refused_by_silence(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    before = life.clock("ship_overdue").at
    await life.send("ask_time", SELLER, days=2)
    await life.until("time_lapses")
    assert life.state().time_request is None
    assert life.clock("ship_overdue").at == before
    await life.send("ask_time", SELLER, days=1)
    await life.send("refuse_time", BUYER)
    assert life.clock("ship_overdue").at == before


async def test_money_is_captured_at_confirmation_where_policy_says_so(market: Marketplace) -> None:
    life = await market.order(policy="collectors", currency="ZAR", prices=("900.00",), shipping="100.00")
    await life.send("confirm", SELLER)
    assert life.money() == {"captured": "1000.00 ZAR", "escrow": "1000.00 ZAR"}
    assert "secured" in life.told(SELLER)
    verdict = await life.ship()
    assert verdict["payment"] == "secured"
    await life.scan(Milestone.DELIVERED)
    await life.send("receive", BUYER)
    assert life.effects() == ["authorise", "capture", "transfer"]


async def test_an_operator_may_act_in_the_sellers_place_and_it_is_recorded_so(market: Marketplace) -> None:
    life = await market.order()
    await life.desk("confirm", OPERATOR, note_id=None)
    (step,) = [step for step in life.screen().story.steps if step.step == "confirm"]
    assert (step.role, step.actor_id) == ("operator", "operator-1")
