"""Orders that outlive the days that their pinned calendars know."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from activities.store import tables
from domain import wire
from domain.business_time import Calendar
from domain.state import Cause, Order
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.stories.test_claims_and_banks import charged_back, closed


def grown_old(market: Marketplace, life: Life, days_left: int) -> Order:
    """The order as it would be after so long that its calendars know but a few more days."""
    order = life.state()
    last = order.placed_at.date() + timedelta(days=days_left)

    def until(calendar: Calendar) -> Calendar:
        offsets = tuple(pair for pair in calendar.offsets if pair[0].date() <= last)
        return replace(calendar, days=calendar.days[: (last - calendar.first).days], offsets=offsets)

    old = replace(
        order,
        seller_calendar=until(order.seller_calendar),
        buyer_calendar=until(order.buyer_calendar),
        desk_calendar=until(order.desk_calendar),
    )
    with market.engine.begin() as conn:
        row = tables.orders.c.order_id == life.order_id
        conn.execute(update(tables.orders).where(row).values(snapshot=wire.to_plain(old)))
    return old


async def test_a_chargeback_of_an_order_of_long_ago_is_heard(market: Marketplace) -> None:
    life = await closed(market)
    old = grown_old(market, life, days_left=1)
    await charged_back(market, life)
    order = life.state()
    assert life.steps()[-2:] == ["extend_calendars", "open_dispute"]
    assert [ticket.cause for ticket in order.tickets] == [Cause.DISPUTE]
    assert order.desk_calendar.last > old.desk_calendar.last + timedelta(days=300)
    await life.check()


async def test_an_order_whose_calendars_ran_out_while_nobody_worked_goes_on(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    grown_old(market, life, days_left=20)
    await life.restart()
    await life.send("request_cancel", BUYER, reason="changed_mind")
    assert life.steps()[2:] == ["extend_calendars", "request_cancel"]
