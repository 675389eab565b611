"""The provider is down, forgets to answer, or says no."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from activities.providers.port import Effect, Hold
from activities.providers.stripe import StripePayments
from domain.confirm import Reason
from domain.errors import ProviderError, Refused
from domain.money import Money, Verb
from domain.parcels.parcel import Milestone
from domain.state import Cause, Funds, LineState, Role, Stage
from tests.life import BUYER, OPERATOR, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace


async def down(life: Life, operation: str, hours: float) -> None:
    """The provider answers 503 to one kind of operation for a while, on the order's own clock."""
    now = await life.now()
    life.market.sandbox.move_clock(life.order_id, now)
    until = now + timedelta(hours=hours)
    life.market.sandbox.fault("unavailable", order_id=life.order_id, operation=operation, until=until)


async def test_while_the_provider_is_down_the_order_still_decides_and_settles_afterwards(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await down(life, "capture", hours=5)
    verdict = await life.ship(lines=["L1"])
    assert verdict["payment"] == "pending", "never secured before the provider has confirmed (W12)"
    op = life.state().op
    assert op is not None
    assert op.retry_at is not None
    assert "capture_pending" in life.told(SELLER)
    with pytest.raises(Refused) as refused:
        await life.desk("cancel", note_id=None, reason=Reason.OTHER, lines=["L2"])
    assert str(refused.value).startswith("capture in progress")
    verdict = await life.send("wait_longer", BUYER, days=2)
    assert verdict["payment"] == "pending"
    await life.pass_time(timedelta(hours=7))
    assert life.money() == {"captured": "64.90 EUR", "escrow": "64.90 EUR"}
    assert life.effects() == ["authorise", "capture"]
    assert "secured" in life.told(SELLER)


async def test_a_day_of_doubt_becomes_a_ticket_that_ends_with_the_answer(market: Marketplace) -> None:
    life = await market.order(policy="brisk")
    await life.send("confirm", SELLER)
    await down(life, "capture", hours=26)
    await life.ship()
    await life.until("money_overdue")
    ticket = life.ticket(Cause.MONEY_UNKNOWN)
    await life.pass_time(timedelta(hours=8))
    assert life.money()["captured"] == "64.90 EUR"
    assert life.effects() == ["authorise", "capture"]
    assert life.state().ticket(ticket.ticket_id) is None


async def test_an_effect_whose_answer_was_lost_is_found_and_not_repeated(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation="capture")
    await life.ship()
    assert life.money() == {}
    assert life.effects() == ["authorise", "capture"]
    await life.pass_time(timedelta(minutes=2))
    assert life.money() == {"captured": "64.90 EUR", "escrow": "64.90 EUR"}
    assert life.effects() == ["authorise", "capture"]


async def test_an_effect_before_an_outage_that_outlives_its_key_is_found_and_not_repeated(market: Marketplace) -> None:
    life = await market.order(policy="brisk")
    await life.send("confirm", SELLER)
    market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation="capture")
    await down(life, "", hours=26)
    await life.ship()
    await life.pass_time(timedelta(hours=25))
    assert life.money() == {}
    await life.pass_time(timedelta(hours=8))
    assert life.effects() == ["authorise", "capture"], "the provider keeps keys for a day; it is asked first (P11)"
    assert life.money() == {"captured": "64.90 EUR", "escrow": "64.90 EUR"}


@pytest.mark.parametrize("operation", ["refund", "release"])
async def test_a_payment_out_whose_answer_was_lost_is_made_once(market: Marketplace, operation: str) -> None:
    life = await market.order()
    await life.delivered()
    market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation=operation)
    await life.desk(operation)
    await life.pass_time(timedelta(minutes=2))
    paid = {"refund": "refund", "release": "transfer"}[operation]
    assert life.effects() == ["authorise", "capture", paid]
    assert "escrow" not in life.money()


async def test_a_release_before_an_outage_that_outlives_its_key_is_made_once(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered()
    market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation="release")
    await down(life, "", hours=26)
    await life.desk("release", lines=["L1"])
    await life.pass_time(timedelta(hours=33))
    assert life.effects() == ["authorise", "capture", "transfer"], "asked after first, however old the key is (P11)"
    # Sent again under a forgotten key it would be paid twice, or refused and booked as never paid.
    assert life.state().line("L1").funds is Funds.RELEASED


async def test_a_desk_member_may_hasten_an_answer(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    market.sandbox.fault("timeout", order_id=life.order_id, operation="capture")
    await life.ship()
    assert life.state().op is not None
    await life.desk("retry")
    assert life.state().op is None
    assert life.money()["captured"] == "64.90 EUR"


async def test_a_refund_that_is_refused_is_stuck_with_a_ticket_until_it_is_retried(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered()
    market.sandbox.fault("balance_insufficient", order_id=life.order_id, operation="refund")
    await life.desk("refund")
    (stuck,) = life.state().stuck
    assert stuck.code == "InsufficientFunds"
    assert life.ticket(Cause.MONEY_FAILED).subject == "refund"
    assert life.money()["escrow"] == "64.90 EUR"
    await life.desk("retry", OPERATOR)
    assert await life.result() == Stage.REFUNDED
    assert life.money() == {"captured": "64.90 EUR", "refunded": "64.90 EUR"}


async def test_a_refund_that_is_refused_is_tried_again_by_itself(market: Marketplace) -> None:
    life = await market.order()
    await life.delivered()
    market.sandbox.fault("balance_insufficient", order_id=life.order_id, operation="refund")
    await life.desk("refund")
    await life.until("settle")
    assert await life.result() == Stage.REFUNDED


async def test_without_a_payout_account_the_money_stays_in_escrow_until_one_has_settled(market: Marketplace) -> None:
    life = await market.order(account="")
    await life.delivered()
    await life.send("receive", BUYER)
    assert life.money()["escrow"] == "64.90 EUR"
    assert life.ticket(Cause.MONEY_FAILED).subject == "release"
    market.sandbox.account("acct_new")
    await life.send("payout_account", Role.STOREFRONT, account="acct_new")
    assert life.money()["escrow"] == "64.90 EUR"
    await life.pass_time(timedelta(hours=73))
    if life.state().stuck:
        await life.until("settle")
    assert life.money()["released"] == "60.10 EUR"
    assert life.state().tickets == ()


async def test_a_capture_that_the_bank_refuses_takes_the_shipment_back(market: Marketplace) -> None:
    document = market.preauthorised(market.checkout(), card="pm_card_captureDeclined")
    life = await market.order(document)
    await life.send("confirm", SELLER)
    await life.ship()
    assert {line.state for line in life.state().lines} == {LineState.CONFIRMED}
    assert "capture_refused" in life.told(SELLER)
    assert life.ticket(Cause.MONEY_FAILED).subject == "capture"
    with pytest.raises(Refused) as refused:
        await life.ship("p2")
    assert str(refused.value) == "the buyer's payment is not secured; do not hand the parcel over"
    await life.send("pay", BUYER, payment_intent=market.preauthorise(document, now=await life.now()))
    await life.ship("p3")
    assert life.money()["captured"] == "64.90 EUR"
    assert life.state().tickets == ()


async def test_nobody_pays_anew_after_a_refused_capture_and_the_order_is_cancelled(market: Marketplace) -> None:
    life = await market.order(market.preauthorised(market.checkout(), card="pm_card_captureDeclined"))
    await life.send("confirm", SELLER)
    await life.ship()
    await life.until("hold_lapses")
    assert await life.result() == Stage.CANCELLED
    assert life.money() == {}
    assert "hold_lapses" in life.told(BUYER)


async def test_a_scan_and_a_receipt_are_judged_while_the_capture_is_in_doubt(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await down(life, "capture", hours=3)
    await life.ship()
    await life.scan(Milestone.IN_TRANSIT)
    await life.scan(Milestone.DELIVERED)
    await life.send("receive", BUYER)
    assert life.money() == {}, "no release without a capture that the provider has confirmed (P3)"
    await life.pass_time(timedelta(hours=5))
    assert life.effects() == ["authorise", "capture", "transfer"]
    assert life.stage() is Stage.COMPLETED
    assert "ticket_opened" not in life.told(SPECIALIST)


class Generous(StripePayments):
    """A provider that answers a new hold with another amount than was asked for, and knows better when asked again."""

    wrong = Money(1, "EUR")

    def authorise(self, **about: Any) -> Hold:
        return replace(super().authorise(**about), amount=self.wrong)


@pytest.mark.parametrize("wrong", [Money(1, "EUR"), Money(64_90, "USD")], ids=str)
async def test_a_hold_of_another_amount_than_was_asked_for_pays_for_nothing(market: Marketplace, wrong: Money) -> None:
    payments = Generous("sk_test_1", url=market.sandbox.url)
    payments.wrong = wrong
    own = replace(market, payments=payments, task_queue=f"orders-{uuid4().hex[:8]}")
    pays = {"payment_method": "pm_card_visa", "customer": own.customer()}
    with own.worker() as worker:
        async with worker:
            life = await own.order(own.checkout() | {"payment": pays})
            assert (life.stage(), life.effects()) == (Stage.AWAITING_PAYMENT, ["authorise"])
            op = life.state().op
            assert op is not None
            assert op.retry_at is not None, "nobody knows what the buyer's bank holds"
            await life.until("settle")
            assert (life.stage(), life.effects()) == (Stage.PLACED, ["authorise"]), "found as it was asked for"
            await life.check()


class Secretive(StripePayments):
    """For a while it refuses to tell what it has done."""

    tells = True

    def lookup(self, verb: Verb, *, order_id: str, subject: str, key: str) -> Hold | Effect | None:
        if not self.tells:
            raise ProviderError("search is not available", code="parameter_unknown")
        return super().lookup(verb, order_id=order_id, subject=subject, key=key)


@pytest.mark.parametrize("operation", ["capture", "refund", "release"])
async def test_a_refusal_to_tell_of_an_effect_is_no_answer_and_nothing_moves_twice(
    market: Marketplace, operation: str
) -> None:
    payments = Secretive("sk_test_1", url=market.sandbox.url)
    own = replace(market, payments=payments, task_queue=f"orders-{uuid4().hex[:8]}")
    with own.worker() as worker:
        async with worker:
            life = await own.order()
            market.sandbox.fault("effect_then_cut", order_id=life.order_id, operation=operation)
            if operation == "capture":
                await life.send("confirm", SELLER)
                await life.ship()
            else:
                await life.delivered()
                await life.desk(operation)
            payments.tells = False
            await life.until("settle")
            op = life.state().op
            assert op is not None, "neither done nor refused"
            await life.until("money_overdue")
            assert life.ticket(Cause.MONEY_UNKNOWN).subject == str(op.seq)
            payments.tells = True
            await life.desk("retry")
            moved = {"capture": [], "refund": ["refund"], "release": ["transfer"]}[operation]
            assert (life.effects(), life.state().stuck) == (["authorise", "capture", *moved], ())
            assert not life.state().tickets
