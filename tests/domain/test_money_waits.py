"""What is paid out, and when: nothing that is owed to the other side, and nothing that the bank still decides about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.business_time import add_business_days
from domain.claims.case import Status
from domain.deadlines import deadlines
from domain.funds import Done
from domain.money import Money, Verb
from domain.purse import Debt
from domain.state import MoneyOp, Order, Role
from tests.domain.claims_world import bought, received
from tests.domain.world import Life, delivered, no, settled

BUYER, SELLER, SPECIALIST, PROVIDER = Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.PROVIDER
NOTE = {"note_id": "n-1"}


def euros(amount: str) -> Money:
    return Money.of(amount, "EUR")


def steps(life: Life) -> list[str]:
    """The steps of the clocks that run."""
    return [clock.step for clock in deadlines(life.order)]


def test_a_line_is_not_paid_out_while_what_was_granted_of_it_cannot_be_given_back() -> None:
    life = received()
    life.answer = no("InsufficientFunds", Verb.REFUND)
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    life.settle_money()
    assert [part.amount for part in life.order.due_back] == [euros("100.00")]
    assert Verb.RELEASE not in life.done


def test_a_release_that_paid_debts_of_two_orders_lowers_this_ones_by_its_own() -> None:
    life = delivered()
    order = replace(life.order, debt=Debt(euros("5.00"), life.now))
    amount = order.left("a")
    op = MoneyOp(99, Verb.RELEASE, amount, life.now, ("a",), order.payment.charge)
    netted = (("o-2", euros("3.00")), (order.order_id, euros("2.00")))
    after = settled(order, op, Done("tr_1", amount - euros("5.00"), netted=netted), life.now)
    assert after.debt == Debt(euros("3.00"), life.now)


def test_the_end_of_escrow_asks_nobody_about_a_held_line_that_the_bank_decides_about() -> None:
    life = received()
    assert "held_escrow_ends" in steps(life)
    body = {"dispute": "dp_1", "amount": "420.00 EUR", "fee": "15.00 EUR", "reason": "not_received"}
    life.do("open_dispute", PROVIDER, **body)
    life.settle_money()
    assert "held_escrow_ends" not in steps(life)


def away(order: Order) -> Order:
    """The seller has weeks off, the buyer's calendar has none of it."""
    days = order.seller_calendar.days
    return replace(order, seller_calendar=replace(order.seller_calendar, days=days[:23] + "0" * 28 + days[51:]))


def test_a_claims_clock_counts_on_the_calendar_of_who_must_act() -> None:
    life = received(order=away(bought()))
    order, policy = life.order, life.order.policy.claims
    of_seller, of_buyer = (
        add_business_days(calendar, life.now, policy.answer)
        for calendar in (order.seller_calendar, order.buyer_calendar)
    )
    assert of_seller > of_buyer + timedelta(days=7)
    assert {clock.step: clock.at for clock in deadlines(order)}["claim_unanswered"] == of_seller
    life.do("answer_claim", SELLER, **NOTE)
    ends = {clock.step: clock.at for clock in deadlines(life.order)}
    assert ends["claim_lapses"] == add_business_days(order.buyer_calendar, life.now, policy.reply)


def test_every_time_that_a_claim_waited_for_its_buyer_is_added_to_the_longest() -> None:
    life = received()
    opened = life.now
    for hours in (20, 30):
        life.do("answer_claim", SELLER, **NOTE)
        life.now += timedelta(hours=hours)
        life.do("answer_claim", BUYER, **NOTE)
    assert life.order.claims[0].status is Status.WAITING_FOR_SELLER
    longest = timedelta(days=life.order.policy.claims.longest, hours=50)
    assert {clock.step: clock.at for clock in deadlines(life.order)}["claim_times_out"] == opened + longest
