"""The hold on the buyer's card runs out before the goods are shipped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.cashier import Cashier
from domain.decide import Command, Decision, Refusal, decide
from domain.funds import Done, No
from domain.money import Money
from domain.state import Stage
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace

SHORT = timedelta(hours=30)
"""A day of margin leaves six hours, so that the hold's clock is the first to ring."""


async def test_a_hold_that_runs_out_is_renewed_with_the_mandate_and_the_old_one_let_go(market: Marketplace) -> None:
    life = await market.order(market.preauthorised(market.checkout(), hold=SHORT))
    old = life.state().payment.hold
    await life.until("renew_hold")
    assert life.state().payment.hold != old
    assert life.state().payment.superseded == ()
    assert life.effects() == ["authorise", "authorise", "void"]
    await life.send("confirm", SELLER)
    await life.ship()
    assert life.money()["captured"] == "64.90 EUR"


async def test_a_hold_that_runs_out_with_no_way_to_renew_it_cancels_the_order(market: Marketplace) -> None:
    about = market.checkout(policy="collectors", currency="ZAR")
    life = await market.order(market.preauthorised(about, hold=SHORT))
    await life.until("hold_lapses")
    assert await life.result() == Stage.CANCELLED
    assert life.effects() == ["authorise", "void"]
    assert "hold_lapses" in life.told(BUYER)


async def test_a_renewal_that_wants_the_buyer_asks_the_buyer_who_pays_anew(market: Marketplace) -> None:
    document = market.preauthorised(market.checkout(), card="pm_card_authenticationRequired", hold=SHORT)
    life = await market.order(document)
    await life.until("renew_hold")
    assert "renewal_failed" in life.told(BUYER)
    again = market.preauthorise(document, now=await life.now())
    await life.send("pay", BUYER, payment_intent=again)
    assert life.state().payment.hold == again
    assert life.effects() == ["authorise", "authorise", "void"]
    await life.send("confirm", SELLER)
    await life.ship()
    assert life.money()["captured"] == "64.90 EUR"


async def test_a_buyer_who_does_not_answer_the_bank_loses_the_order(market: Marketplace) -> None:
    document = market.preauthorised(market.checkout(), card="pm_card_authenticationRequired", hold=SHORT)
    life = await market.order(document)
    await life.until("renew_hold")
    await life.until("hold_lapses")
    assert await life.result() == Stage.CANCELLED
    assert life.effects() == ["authorise", "void"]


async def test_the_provider_not_our_guess_says_how_long_a_hold_lasts(market: Marketplace) -> None:
    life = await market.order(market.preauthorised(market.checkout(), hold=timedelta(days=4)))
    limit = life.state().payment.capture_before
    assert limit is not None
    assert timedelta(days=3, hours=23) < limit - life.state().placed_at <= timedelta(days=4)


async def test_an_order_that_is_half_confirmed_is_renewed_for_the_rest_and_the_whole_old_hold_let_go(
    market: Marketplace,
) -> None:
    life = await market.order(market.preauthorised(market.checkout(), hold=SHORT))
    await life.send("confirm", SELLER, lines=["L2"])
    await life.until("renew_hold")
    assert life.state().payment.authorised == Money.of("24.90", "EUR")
    assert (life.effects(), life.voided()) == (["authorise", "authorise", "void"], ["64.90 EUR"])
    await life.ship()
    assert life.money()["captured"] == "24.90 EUR"


async def test_an_order_of_which_the_buyer_cancelled_a_line_is_renewed_for_the_rest(market: Marketplace) -> None:
    life = await market.order(market.preauthorised(market.checkout(), hold=SHORT))
    await life.send("cancel", BUYER, reason="changed_mind", lines=["L1"])
    await life.until("renew_hold")
    assert (life.effects(), life.voided()) == (["authorise", "authorise", "void"], ["64.90 EUR"])
    await life.send("confirm", SELLER)
    await life.ship()
    assert life.money()["captured"] == "24.90 EUR"


async def test_a_buyer_pays_anew_for_what_is_left_of_the_order(market: Marketplace) -> None:
    document = market.preauthorised(market.checkout(), card="pm_card_authenticationRequired", hold=SHORT)
    life = await market.order(document)
    await life.send("confirm", SELLER, lines=["L2"])
    await life.until("renew_hold")
    rest = document | {"total": "24.90 EUR"}
    await life.send("pay", BUYER, payment_intent=market.preauthorise(rest, now=await life.now()))
    assert (life.effects(), life.voided()) == (["authorise", "authorise", "void"], ["64.90 EUR"])
    await life.ship()
    assert life.money()["captured"] == "24.90 EUR"


@pytest.mark.parametrize(("minutes", "sent"), [(16, True), (14, False)])
async def test_a_capture_that_waited_for_a_worker_is_sent_only_while_the_hold_lasts(
    market: Marketplace, minutes: int, sent: bool
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.rest()
    order = life.state()
    ends = order.payment.capture_before
    assert ends is not None
    command = Command("ship", "ship-1", life.actor(SELLER), {"parcel_id": "p1", "carrier": "DHL"})
    assert isinstance(decide(order, command, ends - order.policy.hold.margin), Refusal)
    decided = decide(order, command, ends - order.policy.hold.margin - timedelta(minutes=1))
    assert isinstance(decided, Decision)
    assert decided.op is not None
    late = ends - timedelta(minutes=minutes)
    result = Cashier(market.engine, market.payments).carry_out(decided.after, decided.op, late, lambda _: None)
    assert isinstance(result, Done) if sent else result == No("AuthorisationExpired")
    assert life.effects() == (["authorise", "capture"] if sent else ["authorise"])
    if sent:
        await life.ship()
        assert life.effects() == ["authorise", "capture"]
