"""What is fixed at checkout: the payment that is trusted, stock, fees, calendars, and what the buyer was told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
import stripe
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities.calendars import resolve
from activities.cashier import PAYMENT_RULES
from domain.business_time import add_business_days, is_business_day
from domain.confirm import Reason
from domain.state import LineState, Role
from tests.life import SELLER, Json
from tests.marketplace import Marketplace


def dearer(market: Marketplace, document: Json) -> Json:
    return market.preauthorised(document | {"total": "64.91 EUR"})


def in_another_currency(market: Marketplace, document: Json) -> Json:
    return market.preauthorised(document | {"total": "64.90 USD"})


def captured_already(market: Marketplace, document: Json) -> Json:
    paid = market.preauthorised(document)
    provider = stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url})
    provider.v1.payment_intents.capture(paid["payment"]["payment_intent"])
    return paid


@pytest.mark.parametrize(
    ("paid", "rule"),
    [
        (dearer, PAYMENT_RULES["AmountDiffers"]),
        (in_another_currency, PAYMENT_RULES["AmountDiffers"]),
        (captured_already, PAYMENT_RULES["NotAuthorised"]),
    ],
)
async def test_a_pre_authorisation_is_trusted_only_as_the_provider_knows_it(
    market: Marketplace, paid: Callable[[Marketplace, Json], Json], rule: str
) -> None:
    document = market.checkout()
    life = await market.start(document | {"payment": paid(market, document)["payment"]})
    before = life.effects()
    await life.rest()
    assert not await life.is_running()
    with pytest.raises(WorkflowFailureError) as failed:
        await life.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message == f"payment.payment_intent: {rule}"
    assert life.effects() == before


async def test_stock_is_reserved_when_the_order_is_placed_and_freed_when_it_ends_without_a_sale(
    market: Marketplace,
) -> None:
    life = await market.order()
    assert life.told(Role.STOREFRONT)[0] == "stock.reserved"
    assert "stock.released" not in life.told(Role.STOREFRONT)
    await life.send("decline", SELLER, reason=Reason.OUT_OF_STOCK)
    released = [row for row in life.notices() if row["template"] == "stock.released"]
    assert [row["context"]["lines"] for row in released] == [["L1", "L2"]]


async def test_two_marketplaces_live_side_by_side_with_their_own_fees_calendars_and_windows(
    market: Marketplace,
) -> None:
    german = await market.order()
    african = await market.order(policy="collectors", currency="ZAR", prices=("900.00",), shipping="100.00")
    assert (german.state().policy.name, african.state().policy.name) == ("standard", "collectors")
    assert german.state().seller_calendar.name == "DE Europe/Berlin"
    assert african.state().seller_calendar.name == "ZA Africa/Johannesburg"
    for life, money in ((german, None), (african, {"captured": "1000.00 ZAR", "escrow": "1000.00 ZAR"})):
        await life.send("confirm", SELLER)
        assert life.money() == (money or {})
    await african.ship()
    await african.send("receive", Role.BUYER)
    # 12 % of 900.00 for the platform; the seller also bears the payment's 2.9 % of 1000.00 and 2.00.
    assert african.money() == {"captured": "1000.00 ZAR", "released": "861.00 ZAR", "fees": "139.00 ZAR"}


async def test_a_window_is_counted_in_business_days_of_the_seller_who_must_act(market: Marketplace) -> None:
    document = market.checkout()
    document["seller"]["place"] = {"country": "EG", "zone": "Africa/Cairo"}
    document["buyer"]["place"] = {"country": "DE", "subdivision": "BY", "zone": "Europe/Berlin"}
    order = (life := await market.order(market.preauthorised(document))).state()
    assert (order.seller_calendar.name, order.buyer_calendar.name, order.desk_calendar.name) == (
        "EG Africa/Cairo", "DE-BY Europe/Berlin", "DE Europe/Berlin",
    )  # fmt: skip
    first, last = order.seller_calendar.first, order.seller_calendar.last
    rules = order.policy.calendar
    public = resolve("EG", "", "Africa/Cairo", first, last, extra_days_off=rules.extra_days_off)
    assert order.seller_calendar == public, "Egypt's holidays and weekend, and the marketplace's own days off"
    noons = [datetime.combine(first + timedelta(days), time(10), UTC) for days in range(7)]
    assert [is_business_day(public, noon) for noon in noons if noon.weekday() in {4, 5}] == [False, False]
    assert life.clock("confirm_overdue").at == add_business_days(public, order.placed_at, 2)


async def test_what_the_buyer_was_told_is_kept_with_the_order(market: Marketplace) -> None:
    document = market.checkout(prices=("60.00",))
    told = {
        "condition": "used, good",
        "known_differences": "the red is darker than in the photo",
        "return_terms": "14 days",
    }
    document["lines"][0] |= told
    life = await market.order(market.preauthorised(document))
    await life.send("confirm", SELLER)
    (line,) = life.screen().checkout["lines"]
    assert told.items() <= line.items()


async def test_a_parcel_keeps_its_service_level_and_what_it_is_insured_for(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship(service="insured parcel", insured="60.00 EUR")
    (parcel,) = life.state().parcels
    assert (parcel.service, str(parcel.insured)) == ("insured parcel", "60.00 EUR")


async def test_a_seller_who_cancels_after_the_capture_gives_all_money_back(market: Marketplace) -> None:
    life = await market.order(policy="collectors", currency="ZAR", prices=("900.00",), shipping="100.00")
    await life.send("confirm", SELLER)
    assert life.money()["captured"] == "1000.00 ZAR"
    await life.send("cancel", SELLER, reason=Reason.DAMAGED)
    assert life.state().line("L1").state is LineState.CANCELLED
    assert life.money() == {"captured": "1000.00 ZAR", "refunded": "1000.00 ZAR"}
    assert life.effects() == ["authorise", "capture", "refund"]
