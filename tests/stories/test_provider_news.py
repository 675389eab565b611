"""What the payment provider tells by itself moves the orders that it concerns, open or over, and no others (C11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from activities.cashier import Cashier
from activities.providers.port import Hold
from activities.providers.stripe import StripePayments
from activities.store import orders, payments, screens
from activities.store.desk import apart
from domain.deadlines import deadlines
from domain.errors import Refused
from domain.funds import Done
from domain.money import Verb
from domain.state import Actor, Cause, MoneyOp, Role, Stage
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


async def test_while_the_provider_reviews_a_payment_the_clocks_stand_and_then_go_on(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    before = life.clock("confirm_overdue").at
    hold = life.state().payment.hold
    market.sandbox.move_clock(life.order_id, await life.now())
    review = market.sandbox.open_review(hold)["id"]
    assert await receiver.tell(review) == ["delivered"]
    [paused] = life.state().pauses
    assert (paused.by, paused.review, paused.about) == (Actor(Role.PROVIDER, "stripe"), True, review)
    assert life.told(SELLER)[-1] == "pause"
    await life.pass_time(timedelta(days=10))
    assert life.state().tickets == ()
    market.sandbox.close_review(review)
    assert await receiver.tell(review) == ["ignored", "delivered"]
    assert life.state().pauses == ()
    assert life.clock("confirm_overdue").at > max(before, await life.now())
    assert life.refusals() == []


async def test_a_review_that_is_never_closed_ends_by_itself_and_stops_nothing_that_is_over(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    market.sandbox.move_clock(life.order_id, await life.now())
    await receiver.tell(market.sandbox.open_review(life.state().payment.hold)["id"])
    await life.until("pause_ends")
    assert life.state().pauses == ()
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


async def test_a_review_that_opens_during_an_operators_pause_keeps_the_order_standing_until_both_are_over(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    market.sandbox.move_clock(life.order_id, await life.now())
    await life.desk("pause", OPERATOR, until=await life.now() + timedelta(days=5))
    review = market.sandbox.open_review(life.state().payment.hold)["id"]
    assert await receiver.tell(review) == ["delivered"]
    await life.desk("resume", OPERATOR)
    assert [pause.about for pause in life.state().pauses] == [review]
    assert not any(clock.party for clock in deadlines(life.state()))
    market.sandbox.close_review(review)
    await receiver.tell(review)
    assert life.state().pauses == ()
    assert life.refusals() == []


@pytest.mark.parametrize("told", ["before", "never"])
async def test_a_review_that_opens_before_the_order_is_placed_pauses_it_from_its_first_step(
    market: Marketplace, receiver: Receiver, told: str
) -> None:
    document = market.preauthorised(market.checkout())
    review = market.sandbox.open_review(document["payment"]["payment_intent"])["id"]
    if told == "before":
        assert await receiver.tell(review) == ["ignored"]
    life = await market.order(document)
    assert [(pause.about, pause.review) for pause in life.state().pauses] == [(review, True)]
    assert not any(clock.party for clock in deadlines(life.state()))
    assert life.told(SELLER) == ["paid", "pause"]
    market.sandbox.close_review(review)
    assert (await receiver.tell(review))[-1] == "delivered"
    assert life.state().pauses == ()
    assert life.refusals() == []


async def test_a_review_that_opens_before_its_payment_is_offered_pauses_the_order_with_it(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order(market.checkout())
    intent = market.preauthorise(life.document)
    review = market.sandbox.open_review(intent)["id"]
    await receiver.tell(review)
    await life.send("pay", BUYER, payment_intent=intent)
    assert [pause.about for pause in life.state().pauses] == [review]
    market.sandbox.close_review(review)
    await receiver.tell(review)
    assert life.state().pauses == ()


async def test_a_review_that_opens_while_its_payment_is_checked_is_seen_by_a_second_look(market: Marketplace) -> None:
    life = await market.order(market.checkout())
    intent = market.preauthorise(life.document)

    class OpensALittleLater(StripePayments):
        def hold(self, ref: str) -> Hold:
            found = super().hold(ref)
            if not found.review:
                market.sandbox.open_review(ref)
            return found

    order, now = life.state(), await life.now()
    op = MoneyOp(2, Verb.AUTHORISE, order.wanted, now, subject=intent)
    provider = OpensALittleLater("sk_test_1", url=market.sandbox.url)
    result = Cashier(market.engine, provider).carry_out(order, op, now, lambda _: None)
    assert isinstance(result, Done)
    assert result.review


async def test_the_end_of_a_review_that_the_order_is_about_to_learn_of_comes_again(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order(market.checkout())
    intent = market.preauthorise(life.document)
    review = market.sandbox.open_review(intent)["id"]
    market.sandbox.close_review(review)
    with market.engine.begin() as conn:
        orders.take_payment(conn, life.order_id, intent)
    closed_event = receiver.events(review)[-1]
    assert (await receiver.post_event(closed_event)).status_code == 503
    await life.send("pay", BUYER, payment_intent=intent)
    assert (await receiver.post_event(closed_event)).status_code == 200


async def test_a_review_that_opened_and_closed_before_the_order_was_placed_stops_nothing(
    market: Marketplace, receiver: Receiver
) -> None:
    document = market.preauthorised(market.checkout())
    review = market.sandbox.open_review(document["payment"]["payment_intent"])["id"]
    market.sandbox.close_review(review)
    await receiver.tell(review)
    life = await market.order(document)
    assert life.state().pauses == ()


async def test_what_is_under_review_is_neither_sent_nor_paid_out_and_the_parties_read_why(
    market: Marketplace, receiver: Receiver
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    market.sandbox.move_clock(life.order_id, await life.now())
    review = market.sandbox.open_review(hold_of(life))["id"]
    await receiver.tell(review)
    with pytest.raises(Refused) as refused:
        await life.ship()
    assert str(refused.value).startswith("the payment is under review; do not hand the parcel over")
    assert life.effects() == ["authorise"]
    market.sandbox.close_review(review)
    await receiver.tell(review)
    await life.ship()
    again = market.sandbox.open_review(hold_of(life))["id"]
    await receiver.tell(again)
    await life.send("receive", BUYER)
    assert "released" not in life.money()
    market.sandbox.close_review(again)
    await receiver.tell(again)
    assert life.money()["released"] == "60.10 EUR"


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
    told = receiver.events(account=own)[-1] | {"id": f"evt_{uuid4().hex}"}
    assert (await receiver.post_event(told)).json() == {"status": "ignored"}, "the same payout is told of once"
    with market.engine.begin() as conn:
        queue = screens.ticket_queue(conn, cause="payout_failed", limit=50)
    mine = [ticket for ticket in queue if ticket.order_id == life.order_id]
    assert [(ticket.subject, ticket.status) for ticket in mine] == [(own, "open")]
    assert life.told(SELLER)[-1] == "payout_failed"
    assert life.state() == before, "the order itself knows nothing of it"
    with market.engine.begin() as conn:
        apart.close(conn, mine[0].ticket_id, "no_change", before.placed_at)
        queue = screens.ticket_queue(conn, cause="payout_failed", limit=50)
    assert mine[0].ticket_id not in {ticket.ticket_id for ticket in queue}


async def test_a_payout_that_comes_back_after_the_sellers_account_was_changed_is_a_ticket_too(
    market: Marketplace, receiver: Receiver
) -> None:
    own, new = account(), account()
    life = await paid_out(market, own)
    market.sandbox.account(new)
    await life.send("payout_account", Role.STOREFRONT, account=new)
    market.sandbox.pay_out(own, 5000, "EUR", failure="account_closed")
    assert "delivered" in await receiver.tell(account=own)
    assert life.told(SELLER)[-1] == "payout_failed"
    with market.engine.begin() as conn:
        assert own in payments.accounts_in_use(conn, datetime.now(UTC) - timedelta(days=1)), (
            "the poll asks about it as well"
        )


async def test_a_payout_of_an_account_that_no_order_was_paid_to_is_not_ours(
    market: Marketplace, receiver: Receiver
) -> None:
    own = account()
    market.sandbox.account(own)
    market.sandbox.pay_out(own, 5000, "EUR", failure="account_closed")
    assert set(await receiver.tell(account=own)) == {"ignored"}


async def test_the_providers_word_without_a_good_signature_moves_nothing(market: Marketplace) -> None:
    life = await in_escrow(market)
    body = {"dispute": "dp_1", "amount": "64.90 EUR", "fee": "15.00 EUR", "reason": "fraudulent"}
    await life.signal("open_dispute", Actor(Role.PROVIDER, "stripe"), **body)
    assert life.refusals() == ["bad_signature"]
    assert life.state().disputes == ()
