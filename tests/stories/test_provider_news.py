"""What the payment provider tells by itself moves the orders that it concerns, open or over, and no others (C11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import stripe

from activities.providers.port import Hold
from activities.store import screens, tickets
from domain.money import Verb
from domain.state import Actor, Cause, Milestone, Role, Stage
from tests.life import BUYER, OPERATOR, SELLER, Life
from tests.marketplace import Marketplace
from tests.receiver import Receiver, hold_of


def account() -> str:
    """A payout account of this test's own, so that its news concern no other order."""
    return f"acct_{uuid4().hex[:12]}"


async def paid_out(market: Marketplace, own: str = "acct_seller") -> Life:
    """Everything was received, and the seller has the money in the account `own`."""
    life = await market.order(account=own)
    await life.delivered()
    await life.send("receive", BUYER)
    assert life.stage() is Stage.COMPLETED
    return life


async def closed(market: Marketplace) -> Life:
    """The same, and the window for claims is over."""
    life = await paid_out(market)
    await life.until("close")
    assert await life.result() == Stage.CLOSED
    return life


async def refunded(market: Marketplace) -> tuple[Life, str]:
    """Shipped, then given back to the buyer by a specialist, and over; with the refund's id."""
    life = await market.order()
    await life.delivered()
    await life.desk("refund")
    assert await life.result() == Stage.REFUNDED
    return life, next(effect["object"] for effect in life.book() if effect["kind"] == "refund")


def taken_elsewhere(market: Marketplace, intent: str) -> None:
    """Somebody takes the money of a hold who is none of our orders."""
    stripe.StripeClient("sk_test_1", base_addresses={"api": market.sandbox.url}).v1.payment_intents.capture(intent)


async def test_while_the_provider_reviews_a_payment_the_clocks_stand_and_then_go_on(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    before = life.clock("confirm_overdue").at
    hold = life.state().payment.hold
    market.sandbox.move_clock(life.order_id, await life.now())
    review = market.sandbox.open_review(hold)["id"]
    assert await receiver.tell(review) == ["delivered"]
    paused = life.state().paused
    assert paused is not None
    assert (paused.by, paused.review) == (Actor(Role.PROVIDER, "stripe"), True)
    assert life.told(SELLER)[-1] == "pause"
    await life.pass_time(timedelta(days=10))
    assert life.state().tickets == ()
    market.sandbox.close_review(review)
    assert await receiver.tell(review) == ["ignored", "delivered"]
    assert life.state().paused is None
    assert life.clock("confirm_overdue").at - before > timedelta(days=7)
    assert life.refusals() == []


async def test_a_review_that_is_never_closed_ends_by_itself_and_stops_nothing_that_is_over(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    market.sandbox.move_clock(life.order_id, await life.now())
    await receiver.tell(market.sandbox.open_review(life.state().payment.hold)["id"])
    await life.until("pause_ends")
    assert life.state().paused is None
    over = await closed(market)
    review = market.sandbox.open_review(hold_of(over))["id"]
    assert await receiver.tell(review) == ["ignored"]
    assert over.steps()[-1] == "close"


async def test_the_end_of_a_review_does_not_end_the_pause_of_an_operator(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    await life.desk("pause", OPERATOR, until=await life.now() + timedelta(days=5))
    hold = life.state().payment.hold
    review = market.sandbox.open_review(hold)["id"]
    market.sandbox.close_review(review)
    await receiver.tell(review)
    assert life.state().paused is not None


async def in_escrow(market: Marketplace) -> Life:
    """Shipped, the money in escrow."""
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    return life


@pytest.mark.parametrize("there", [in_escrow, paid_out, closed])
@pytest.mark.parametrize("decided", ["won", "lost"])
async def test_a_chargeback_moves_an_order_at_every_stage_and_its_end_settles_it(
    market: Marketplace, receiver: Receiver, there: Callable[[Marketplace], Awaitable[Life]], decided: str
) -> None:
    life = await there(market)
    dispute = market.sandbox.dispute(hold_of(life), reason="product_not_received")["id"]
    assert set(await receiver.tell(dispute)) == {"delivered"}
    found = life.state().disputes[0]
    assert (found.dispute_id, found.reason, str(found.amount), str(found.fee)) == (
        dispute,
        "not_received",
        "64.90 EUR",
        "15.00 EUR",
    )
    assert life.ticket(Cause.DISPUTE).subject == dispute
    assert await life.is_running(), "an order that was over is open again"
    market.sandbox.close_dispute(dispute, decided)
    await receiver.tell(dispute)
    steps = [step for step in life.steps() if step.endswith("_dispute")]
    assert steps == ["open_dispute", {"won": "win_dispute", "lost": "lose_dispute"}[decided]]
    assert life.refusals() == []
    assert [ticket for ticket in life.state().tickets if ticket.cause is Cause.DISPUTE] == []


async def test_an_inquiry_is_no_chargeback_until_it_takes_money(market: Marketplace, receiver: Receiver) -> None:
    life = await in_escrow(market)
    dispute = market.sandbox.dispute(hold_of(life), inquiry=True)["id"]
    assert set(await receiver.tell(dispute)) == {"ignored"}
    assert life.state().disputes == ()
    market.sandbox.escalate_dispute(dispute)
    assert "delivered" in await receiver.tell(dispute)
    assert life.state().disputes[0].dispute_id == dispute


async def test_a_hold_that_the_issuer_cancels_makes_the_buyer_pay_anew(market: Marketplace, receiver: Receiver) -> None:
    life = await market.order()
    hold = life.state().payment.hold
    market.sandbox.end_hold(hold)
    assert "delivered" in await receiver.tell(hold)
    assert life.state().payment.lost_at is not None
    assert "hold_lost" in life.told(BUYER)
    anew = market.preauthorise(life.document)
    await life.send("pay", BUYER, payment_intent=anew)
    await life.delivered()
    assert life.money()["captured"] == "64.90 EUR"


async def test_a_refund_that_fails_after_the_order_was_over_is_given_anew(
    market: Marketplace, receiver: Receiver
) -> None:
    life, refund = await refunded(market)
    market.sandbox.settle_refund(refund, "failed")
    assert "delivered" in await receiver.tell(refund)
    assert life.ticket(Cause.MONEY_FAILED).subject == "refund"
    assert life.money()["escrow"] == "64.90 EUR"
    assert "refund_failed" in life.told(BUYER)
    await life.desk("retry")
    assert await life.result() == Stage.REFUNDED
    assert life.effects()[-3:] == ["refund", "refund_failed", "refund"]
    assert set(await receiver.tell(refund)) == {"ignored"}


async def test_a_refund_that_fails_while_the_order_is_open_is_given_anew(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    await life.delivered()
    await life.desk("refund", lines=["L1"])
    refund = next(effect["object"] for effect in life.book() if effect["kind"] == "refund")
    market.sandbox.settle_refund(refund, "failed")
    await receiver.tell(refund)
    assert life.ticket(Cause.MONEY_FAILED).subject == "refund"
    await life.desk("retry")
    assert life.money()["refunded"] == "40.00 EUR"


async def test_releases_wait_for_a_restricted_account_and_go_on_when_it_is_mended(
    market: Marketplace, receiver: Receiver
) -> None:
    own = account()
    life = await market.order(account=own)
    other = await market.order()
    await life.delivered()
    new = account()
    market.sandbox.account(new)
    await life.update("payout_account", life.message(Actor(Role.STOREFRONT, "storefront"), {"account": new}))
    await life.send("receive", BUYER)
    assert "released" not in life.money(), "the account has to settle first"
    market.sandbox.account(new, "restricted")
    await receiver.tell(account=new)
    assert life.ticket(Cause.MONEY_FAILED).subject == "release"
    assert "account_restricted" in life.told(SELLER)
    market.sandbox.account(new, "active")
    await receiver.tell(account=new)
    assert life.steps().count("account_active") == 1
    await life.until("settle")
    assert life.money()["released"] == "60.10 EUR"
    assert other.steps() == ["place"]
    assert life.refusals() == []


async def test_an_account_that_concerns_no_release_disturbs_no_order(market: Marketplace, receiver: Receiver) -> None:
    own = account()
    life = await market.order(account=own)
    market.sandbox.account(own, "restricted")
    assert set(await receiver.tell(account=own)) == {"ignored"}
    assert (life.steps(), life.refusals()) == (["place"], [])


async def test_a_payout_that_the_bank_returned_is_a_ticket_apart_and_a_mail_to_the_seller(
    market: Marketplace, receiver: Receiver
) -> None:
    own = account()
    life = await paid_out(market, own)
    before = life.state()
    market.sandbox.pay_out(own, 5000, "EUR", failure="account_closed")
    assert "delivered" in await receiver.tell(account=own)
    with market.engine.begin() as conn:
        queue = screens.ticket_queue(conn, cause="payout_failed", limit=50)
    mine = [ticket for ticket in queue if ticket.order_id == life.order_id]
    assert [(ticket.subject, ticket.status) for ticket in mine] == [(own, "open")]
    assert life.told(SELLER)[-1] == "payout_failed"
    assert life.state() == before, "the order itself knows nothing of it"
    with market.engine.begin() as conn:
        assert tickets.close_apart(conn, life.order_id, mine[0].ticket_id, "no_change", before.placed_at)


async def test_a_payout_of_an_account_that_no_order_was_paid_to_is_not_ours(
    market: Marketplace, receiver: Receiver
) -> None:
    own = account()
    market.sandbox.account(own)
    market.sandbox.pay_out(own, 5000, "EUR", failure="account_closed")
    assert set(await receiver.tell(account=own)) == {"ignored"}


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


async def test_what_an_order_does_itself_is_no_news(market: Marketplace, receiver: Receiver) -> None:
    document = market.checkout(account=account())
    life = await market.order(document | {"payment": {"payment_method": "pm_card_visa", "customer": market.customer()}})
    await life.send("confirm", SELLER, lines=["L1"])
    await life.ship()
    await life.scan(Milestone.DELIVERED)
    await life.send("receive", BUYER)
    cancelled = await market.order()
    await cancelled.send("cancel", BUYER, reason="changed_mind")
    given_back, refund = await refunded(market)
    for one in (life, cancelled, given_back):
        assert set(await receiver.tell(hold_of(one), *(str(effect["object"]) for effect in one.book()))) == {"ignored"}
        assert {step.role for step in one.screen().story.steps} & {Role.PROVIDER} == set()
        assert one.refusals() == []
    assert refund


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


async def test_the_providers_word_without_a_good_signature_moves_nothing(market: Marketplace) -> None:
    life = await in_escrow(market)
    body = {"dispute": "dp_1", "amount": "64.90 EUR", "fee": "15.00 EUR", "reason": "fraudulent"}
    await life.signal("open_dispute", Actor(Role.PROVIDER, "stripe"), **body)
    assert life.refusals() == ["bad_signature"]
    assert life.state().disputes == ()
