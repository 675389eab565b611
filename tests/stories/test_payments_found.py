"""Payments that come without an order's doing, too late or twice; and what an order does itself, which is no news."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from activities.providers.port import Hold, HoldState
from domain.money import Verb
from domain.parcels.parcel import Milestone
from domain.state import Role, Stage
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.receiver import Receiver, hold_of


def taken_elsewhere(market: Marketplace, intent: str, **how: int) -> None:
    """Somebody takes the money of a hold, or a part of it, who is none of our orders."""
    provider = stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url})
    provider.v1.payment_intents.capture(intent, how)  # type: ignore[arg-type]


def authorised_for_nobody(market: Marketplace) -> str:
    """A hold that names no order."""
    provider = stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url})
    how = {"payment_method": "pm_card_visa", "capture_method": "manual", "confirm": True}
    return provider.v1.payment_intents.create({"amount": 100, "currency": "eur", **how}).id  # type: ignore[typeddict-item]


async def test_a_payment_that_comes_after_the_order_expired_is_given_back(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order(market.checkout())
    await life.until("expire_unpaid")
    assert await life.result() == Stage.EXPIRED
    late = market.preauthorise(life.document)
    assert "delivered" in await receiver.tell(late)
    assert await life.result() == Stage.EXPIRED, "an expired order is never revived"
    assert life.effects() == ["authorise", "void"]


def an_hour_later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def test_a_payment_that_the_storefront_forgot_to_tell_of_is_taken_by_the_order_that_waits(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order(market.checkout())
    paid = market.preauthorise(life.document)
    told = receiver.events(paid)[-1]
    answer = await receiver.post_event(told)
    assert (answer.status_code, life.steps()) == (503, ["place"]), "the storefront may be about to tell of it"
    receiver.desk.clock = an_hour_later
    assert "delivered" in await receiver.tell(paid)
    assert life.stage() is Stage.PLACED
    assert life.state().payment.hold == paid
    assert life.effects() == ["authorise"]


async def test_a_payment_that_the_storefront_tells_of_itself_is_no_news(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order(market.checkout())
    paid = market.preauthorise(life.document)
    told = receiver.events(paid)[-1]
    assert (await receiver.post_event(told)).status_code == 503
    await life.send("pay", BUYER, payment_intent=paid)
    receiver.desk.clock = an_hour_later
    assert set(await receiver.tell(paid)) == {"ignored"}
    assert life.state().payment.hold == paid
    assert life.refusals() == []


async def test_a_renewal_that_the_buyer_paid_and_nobody_told_of_is_taken(
    market: Marketplace, receiver: Receiver
) -> None:
    hold = timedelta(hours=30)
    document = market.preauthorised(market.checkout(), card="pm_card_authenticationRequired", hold=hold)
    life = await market.order(document)
    await life.until("renew_hold")
    again = market.preauthorise(document, now=await life.now())
    receiver.desk.clock = lambda: datetime.now(UTC) + timedelta(days=3)
    assert "delivered" in await receiver.tell(again)
    assert life.state().payment.hold == again
    assert life.effects() == ["authorise", "authorise", "void"]


async def test_an_authorisation_that_the_bank_wanted_the_buyer_for_stands_once_the_buyer_took_part(
    market: Marketplace, receiver: Receiver
) -> None:
    customer = market.customer()
    pays = {"payment_method": "pm_card_authenticationRequired", "customer": customer}
    life = await market.order(market.checkout() | {"payment": pays})
    assert life.stage() is Stage.AWAITING_PAYMENT
    intent = market.payments.lookup(
        Verb.AUTHORISE, order_id=life.order_id, subject=customer, key=f"{life.order_id}:authorise:1"
    )
    assert isinstance(intent, Hold)
    market.sandbox.authenticate(intent.ref)
    assert "delivered" in await receiver.tell(intent.ref)
    assert life.stage() is Stage.PLACED
    assert life.state().payment.hold == intent.ref


async def test_a_second_payment_for_an_order_is_let_go(market: Marketplace, receiver: Receiver) -> None:
    life = await market.order()
    await receiver.tell(market.preauthorise(life.document))
    assert life.effects() == ["authorise", "authorise", "void"]
    assert life.stage() is Stage.PLACED


async def test_money_that_somebody_else_took_goes_back(market: Marketplace, receiver: Receiver) -> None:
    life = await market.order()
    second = market.preauthorise(life.document)
    taken_elsewhere(market, second)
    await receiver.tell(second)
    assert life.effects()[-2:] == ["capture", "refund"]
    assert life.stage() is Stage.PLACED
    assert life.state().strays == ()


async def test_the_orders_own_hold_when_somebody_else_took_its_money_is_given_back(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    hold = life.state().payment.hold
    await life.send("confirm", SELLER)
    taken_elsewhere(market, hold)
    await life.ship()
    assert "capture_refused" in life.told(SELLER), "the money is not there for this order"
    assert "delivered" in await receiver.tell(hold)
    assert life.effects() == ["authorise", "capture", "refund"]
    assert life.stage() is Stage.AWAITING_PAYMENT


@pytest.mark.parametrize("taken", [{}, {"amount_to_capture": 1000}])
async def test_an_order_whose_own_hold_somebody_else_captured_is_to_be_paid_anew_at_once(
    market: Marketplace, receiver: Receiver, taken: dict[str, int]
) -> None:
    life = await market.order()
    hold = life.state().payment.hold
    await life.send("confirm", SELLER)
    taken_elsewhere(market, hold, **taken)
    assert "delivered" in await receiver.tell(hold)
    assert life.stage() is Stage.AWAITING_PAYMENT, "nothing of this money is the seller's"
    assert life.state().payment.hold == ""
    assert "hold_lost" in life.told(BUYER)
    assert life.effects() == ["authorise", "capture", "refund"]
    await life.send("pay", BUYER, payment_intent=market.preauthorise(life.document))
    await life.ship()
    assert life.stage() is Stage.SHIPPED
    assert life.state().strays == ()


async def test_what_an_order_does_itself_is_no_news(market: Marketplace, receiver: Receiver) -> None:
    document = market.checkout()
    life = await market.order(document | {"payment": {"payment_method": "pm_card_visa", "customer": market.customer()}})
    await life.send("confirm", SELLER, lines=["L1"])
    await life.ship()
    await life.scan(Milestone.DELIVERED)
    await life.send("receive", BUYER)
    cancelled = await market.order()
    await cancelled.send("cancel", BUYER, reason="changed_mind")
    given_back = await market.order()
    await given_back.delivered()
    await given_back.desk("refund")
    for one in (life, cancelled, given_back):
        assert set(await receiver.tell(hold_of(one), *(str(effect["object"]) for effect in one.book()))) == {"ignored"}
        assert {step.role for step in one.screen().story.steps} & {Role.PROVIDER} == set()
        assert one.refusals() == []


@pytest.mark.parametrize("operation", ["authorise", "capture", "void"])
async def test_what_an_order_is_doing_is_no_news_while_it_does_not_know_the_outcome(
    market: Marketplace, receiver: Receiver, operation: str
) -> None:
    document, by_method = market.checkout(), {"payment_method": "pm_card_visa", "customer": market.customer()}
    life = await market.start(document if operation == "authorise" else market.preauthorised(document))
    await life.rest()
    market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation=operation)
    match operation:
        case "authorise":
            await life.send("pay", BUYER, **by_method)
        case "capture":
            await life.send("confirm", SELLER)
            await life.ship()
        case _:
            await life.send("cancel", BUYER, reason="changed_mind")
    assert life.state().op is not None, "the answer was lost"
    assert set(await receiver.tell(hold_of(life))) == {"ignored"}
    await life.until("settle")
    assert life.effects().count(operation) == 1
    assert {step.role for step in life.screen().story.steps} & {Role.PROVIDER} == set()
    assert life.refusals() == []


async def test_what_is_not_ours_moves_nothing(market: Marketplace, receiver: Receiver) -> None:
    life = await market.order()
    cheap = market.sandbox.preauthorise(life.order_id, 100, "eur")["payment_intent"]
    unknown = market.sandbox.preauthorise("o-unknown", 6490, "eur")["payment_intent"]
    taken_elsewhere(market, unknown)
    dispute = market.sandbox.dispute(unknown)["id"]
    review = market.sandbox.open_review(cheap)["id"]
    told = [*await receiver.tell(cheap, unknown), *await receiver.tell(dispute), *await receiver.tell(review)]
    assert set(told) == {"ignored"}
    assert (life.steps(), life.refusals()) == (["place"], [])


async def test_a_payment_of_another_amount_is_turned_away_and_let_go(market: Marketplace, receiver: Receiver) -> None:
    life = await market.order(market.checkout())
    await life.send("cancel", BUYER, reason="changed_mind", lines=["L1"])
    whole = market.preauthorise(life.document)
    await life.send("pay", BUYER, payment_intent=whole)
    assert (market.payments.hold(whole).state, life.voided()) == (HoldState.VOIDED, ["64.90 EUR"])
    rest = market.preauthorise(life.document | {"total": "24.90 EUR"})
    await life.send("pay", BUYER, payment_intent=rest)
    assert life.state().payment.hold == rest
    receiver.desk.clock = an_hour_later
    assert set(await receiver.tell(whole)) == {"ignored"}


async def test_a_payment_of_another_amount_that_the_provider_tells_of_is_let_go(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order(market.checkout())
    await life.send("cancel", BUYER, reason="changed_mind", lines=["L1"])
    whole = market.preauthorise(life.document)
    receiver.desk.clock = an_hour_later
    assert "delivered" in await receiver.tell(whole)
    assert (market.payments.hold(whole).state, life.voided()) == (HoldState.VOIDED, ["64.90 EUR"])
    assert life.stage() is Stage.AWAITING_PAYMENT


async def test_a_payment_of_another_amount_that_names_no_order_is_left_alone(market: Marketplace) -> None:
    life = await market.order(market.checkout())
    nobodys = authorised_for_nobody(market)
    await life.send("pay", BUYER, payment_intent=nobodys)
    assert "payment_declined" in life.told(BUYER)
    assert market.payments.hold(nobodys).state is HoldState.OPEN


def no_voids(market: Marketplace, life: Life, now: datetime) -> None:
    """The provider takes no voids for three hours."""
    market.sandbox.move_clock(life.order_id, now)
    market.sandbox.fault("unavailable", order_id=life.order_id, operation="void", until=now + timedelta(hours=3))


async def left_with_a_void_in_the_air(market: Marketplace, receiver: Receiver) -> Life:
    """An order that lost its hold while the provider takes no voids: what is offered now is looked at later."""
    life = await market.order()
    hold, now = life.state().payment.hold, await life.now()
    no_voids(market, life, now)
    market.sandbox.end_hold(hold)
    await receiver.tell(hold)
    assert life.state().op is not None
    return life


async def of_an_order(market: Marketplace) -> str:
    return (await market.order()).state().payment.hold


async def of_an_order_to_be_placed(market: Marketplace) -> str:
    return market.preauthorise(market.checkout())


@pytest.mark.parametrize("place", [of_an_order, of_an_order_to_be_placed])
async def test_an_order_that_dies_before_an_offer_was_looked_at_leaves_the_hold_of_another_order_alone(
    market: Marketplace, receiver: Receiver, place: Callable[[Marketplace], Awaitable[str]]
) -> None:
    others = await place(market)
    life = await left_with_a_void_in_the_air(market, receiver)
    await life.send("pay", BUYER, payment_intent=others)
    await life.send("cancel", BUYER, reason="changed_mind")
    await life.pass_time(timedelta(hours=6))
    assert market.payments.hold(others).state is HoldState.OPEN
    assert await life.result() == Stage.CANCELLED
    assert life.state().payment.offer is None


async def test_an_order_that_dies_before_its_offer_was_looked_at_lets_the_hold_go(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await left_with_a_void_in_the_air(market, receiver)
    again = market.preauthorise(life.document)
    await life.send("pay", BUYER, payment_intent=again)
    await life.send("cancel", BUYER, reason="changed_mind")
    await life.pass_time(timedelta(hours=6))
    assert market.payments.hold(again).state is HoldState.VOIDED
    assert await life.result() == Stage.CANCELLED


async def test_a_hold_that_is_lost_while_another_one_is_being_let_go_makes_the_buyer_pay_anew(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    hold, now = life.state().payment.hold, await life.now()
    no_voids(market, life, now)
    await receiver.tell(market.preauthorise(life.document))
    assert life.state().op is not None, "the second hold is being let go"
    market.sandbox.end_hold(hold)
    assert "delivered" in await receiver.tell(hold)
    assert (life.stage(), life.state().payment.hold) == (Stage.AWAITING_PAYMENT, "")
    assert "hold_lost" in life.told(BUYER)
    await life.pass_time(timedelta(hours=6))
    assert life.state().payment.superseded == ()
