"""A chargeback of a payment that the order has no claim to: it is none of the lines' and none of the seller's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.decide import Decision
from domain.money import Money, Verb
from domain.purse import SUSPENSE, DisputeStatus, Stray
from domain.shares import parts_of
from domain.state import Cause, MoneyOp, Role
from tests.domain.telling import Telling
from tests.domain.world import Life, delivered, done, held_in_escrow, no, paid, round_trips, shipped, unclear

PROVIDER, BUYER, SELLER = Role.PROVIDER, Role.BUYER, Role.SELLER
NOTE = {"note_id": "n-1"}
REST = "5.00 EUR"


def came(life: Life, charge: str = "ch_2", amount: str = REST) -> None:
    """A payment comes that the order has no claim to."""
    life.do("payment_found", PROVIDER, payment_intent=f"pi_{charge}", charge=charge, amount=amount)


def dispute(life: Life, name: str = "dp_1", amount: str = REST, charge: str = "ch_2", **about: str) -> Decision:
    body: dict[str, Any] = {"dispute": name, "amount": amount, "fee": "15.00 EUR", "charge": charge}
    return life.do("open_dispute", PROVIDER, **{**body, "reason": "not_received", **about})


def lose(life: Life, name: str = "dp_1") -> None:
    life.do("lose_dispute", PROVIDER, dispute=name)
    life.settle_money()


def balances(life: Life) -> dict[str, int]:
    """What stands on the accounts that a stray payment may touch."""
    prefixes = ("suspense:", "disputed:", "receivable:", "platform:losses", "platform:dispute_fees")
    return {prefix.rstrip(":"): life.ledger.balance(prefix) for prefix in prefixes if life.ledger.balance(prefix)}


def paid_out() -> Life:
    life = delivered()
    life.do("receive", BUYER)
    life.settle_money()
    return life


def test_a_seller_who_was_paid_keeps_it_when_the_bank_takes_another_payment_back() -> None:
    life = paid_out()
    came(life)
    dispute(life)
    assert not any(line.held for line in life.order.lines)
    lose(life)
    assert (life.order.debt, Verb.REVERSE_RELEASE in life.done) == (None, False)
    assert balances(life) == {"platform:dispute_fees": -1500}
    assert life.order.strays == ()
    assert Verb.REFUND not in life.done, "the buyer has it from the bank"
    assert "close" in life.silence()


def test_a_seller_who_was_not_paid_yet_is_paid_in_full() -> None:
    life = delivered()
    came(life)
    dispute(life)
    life.settle_money()
    assert Verb.REFUND not in life.done, "the bank decides about it"
    lose(life)
    assert held_in_escrow(life.order) == Money.of("55.00", "EUR")
    life.do("receive", BUYER)
    life.settle_money()
    assert life.moved[Verb.RELEASE] == Money.of("51.00", "EUR")
    assert balances(life) == {"platform:dispute_fees": -1500}
    life.silence()


def test_a_stray_payment_that_went_back_before_the_bank_took_it_is_the_platforms_loss() -> None:
    life = paid_out()
    came(life)
    life.settle_money()
    dispute(life)
    assert round_trips(life.order)
    lose(life)
    assert balances(life) == {"platform:losses": -500, "platform:dispute_fees": -1500}
    assert life.order.debt is None
    life.silence()


def test_a_stray_payment_is_disputed_before_the_orders_own_is_captured() -> None:
    life = paid()
    came(life)
    dispute(life)
    assert [ticket.subject for ticket in life.order.tickets if ticket.cause is Cause.DISPUTE] == ["dp_1"]
    life.do("confirm", SELLER)
    life.do("ship", SELLER, parcel_id="p1", carrier="dhl")
    assert life.order.payment.captured == Money.of("55.00", "EUR")
    lose(life)
    assert balances(life) == {"platform:dispute_fees": -1500}
    assert held_in_escrow(life.order) == Money.of("55.00", "EUR")


def test_what_the_bank_decides_against_the_buyer_goes_back_to_him_all_the_same() -> None:
    life = paid_out()
    came(life)
    dispute(life)
    life.do("win_dispute", PROVIDER, dispute="dp_1", fee="15.00 EUR")
    life.settle_money()
    assert [str(asked.amount) for asked in life.asked if asked.verb is Verb.REFUND] == [REST]
    assert balances(life) == {}
    life.silence()


def test_a_stray_dispute_that_is_won_after_it_was_lost_goes_back_to_the_buyer() -> None:
    life = paid_out()
    came(life)
    dispute(life)
    lose(life)
    life.do("win_dispute", PROVIDER, dispute="dp_1", fee="0.00 EUR")
    assert life.order.in_suspense("ch_2") == Money.parse(REST)
    life.settle_money()
    refund = next(asked for asked in life.asked if asked.verb is Verb.REFUND)
    assert (refund.subject, refund.amount) == ("ch_2", Money.parse(REST))
    assert life.order.disputes[0].status is DisputeStatus.WON
    assert balances(life) == {"platform:dispute_fees": -1500}


def test_a_part_that_the_bank_took_is_not_sent_back_and_the_rest_is() -> None:
    life = paid_out()
    came(life)
    dispute(life, amount="2.00 EUR")
    life.settle_money()
    assert Verb.REFUND not in life.done
    lose(life)
    assert str(life.moved[Verb.REFUND]) == "3.00 EUR"
    assert balances(life) == {"platform:dispute_fees": -1500}
    dispute(life, "dp_2")
    lose(life, "dp_2")
    assert balances(life) == {"platform:losses": -500, "platform:dispute_fees": -3000}


def test_another_stray_payment_goes_back_while_the_bank_decides_about_the_first() -> None:
    life = paid_out()
    came(life)
    came(life, "ch_3", "7.00 EUR")
    dispute(life)
    life.settle_money()
    assert [asked.subject for asked in life.asked if asked.verb is Verb.REFUND] == ["ch_3"]
    assert [stray.ref for stray in life.order.strays] == ["ch_2"]
    lose(life)
    assert balances(life) == {"platform:dispute_fees": -1500}


def test_a_stray_payment_that_the_bank_took_came_in_all_the_same_and_is_disputed_again() -> None:
    life = paid_out()
    came(life)
    dispute(life)
    lose(life)
    dispute(life, "dp_2")
    lose(life, "dp_2")
    assert balances(life) == {"platform:losses": -500, "platform:dispute_fees": -3000}


def test_the_disputes_of_two_stray_payments_do_not_share_their_money() -> None:
    life = paid_out()
    life.answer = no("AmountInvalid", Verb.REFUND)
    came(life)
    came(life, "ch_3", "7.00 EUR")
    dispute(life)
    dispute(life, "dp_2", "7.00 EUR", "ch_3")
    lose(life, "dp_2")
    assert [str(stray.amount) for stray in life.order.strays] == [REST]
    lose(life)
    assert (life.order.strays, life.order.stuck) == ((), ())
    assert balances(life) == {"platform:dispute_fees": -3000}


def test_a_refund_of_a_stray_payment_that_fails_is_covered_by_its_dispute() -> None:
    life = paid_out()
    came(life)
    life.settle_money()
    dispute(life)
    life.do("refund_failed", PROVIDER, refund=life.order.moves[-1].ref)
    life.wait(days=10)
    assert life.done.count(Verb.REFUND) == 1, "the bank has yet to decide about it"
    lose(life)
    assert balances(life) == {"platform:dispute_fees": -1500}
    assert life.done.count(Verb.REFUND) == 1


def test_a_refund_of_a_stray_payment_that_was_under_way_leaves_nothing_to_take() -> None:
    life = paid_out()
    life.answer = unclear(Verb.REFUND)
    came(life)
    life.settle_money()
    dispute(life)
    life.answer = done
    life.wait(days=1)
    lose(life)
    assert balances(life) == {"platform:losses": -500, "platform:dispute_fees": -1500}


def test_a_dispute_of_the_orders_own_payment_leaves_a_stray_one_alone() -> None:
    life = shipped()
    came(life)
    dispute(life, amount="55.00 EUR", charge="")
    life.settle_money()
    assert {line.held for line in life.order.lines} == {"dispute:dp_1"}
    assert str(life.moved[Verb.REFUND]) == REST


def test_a_refund_of_another_payment_under_way_changes_nothing_about_what_a_dispute_is_laid_over() -> None:
    order = delivered().order
    charge, rest = order.payment.charge, Money.parse(REST)
    order = replace(order, strays=(Stray(charge, rest), Stray("ch_2", rest)))
    refund = MoneyOp(order.seq, Verb.REFUND, rest, order.placed_at, (SUSPENSE,), "ch_2")
    amount = Money.parse("30.00 EUR")
    laid = parts_of(order, amount, charge)
    assert parts_of(replace(order, op=refund), amount, charge) == laid
    assert parts_of(replace(order, op=replace(refund, subject=charge)), amount, charge) != laid, "its own comes last"


def test_the_orders_own_payment_may_be_named() -> None:
    life = delivered()
    dispute(life, amount="55.00 EUR", charge=life.order.payment.charge)
    lose(life)
    assert (held_in_escrow(life.order).minor, -life.ledger.balance("receivable:")) == (0, 1500)


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"charge": "ch_9"}, "captured_before"),
        ({"charge": ""}, "captured_before"),
        ({"amount": "0.00 EUR"}, "invalid"),
        ({"amount": "5.00 USD"}, "invalid"),
    ],
)
def test_only_what_came_in_under_the_charge_is_disputed(about: dict[str, str], code: str) -> None:
    life = paid()
    came(life)
    body = {"dispute": "dp_1", "amount": REST, "fee": "15.00 EUR", "charge": "ch_2", **about}
    assert life.refused("open_dispute", PROVIDER, **body).code == code


def test_a_dispute_of_a_stray_payment_is_no_business_of_the_sellers() -> None:
    life = Telling()
    life.do("confirm", SELLER)
    life.ship()
    life.do("receive", BUYER)
    life.settle_money()
    came(life)
    since = life.order.seq + 1
    dispute(life)
    lose(life)
    life.do("win_dispute", PROVIDER, dispute="dp_1", fee="0.00 EUR")
    assert "seller" not in dict(life.mails(since))
    assert ("buyer", "lose_dispute") in life.mails(since)


def test_a_bank_that_takes_more_than_a_stray_payment_leaves_nothing_of_it_to_send_back() -> None:
    life = paid()
    came(life)
    dispute(life, amount="5.04 EUR")
    lose(life)
    assert (life.order.strays, life.ledger.balance("platform:losses")) == ((), -4)
