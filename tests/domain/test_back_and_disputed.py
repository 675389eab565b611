"""The bank takes the money for goods that the seller has back, and gives it back later after all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.money import Money, Verb
from domain.state import LineState, Role
from tests.domain.claims_world import BUYER, NOTE, OPERATOR, SELLER, SPECIALIST, bought, received, return_back
from tests.domain.test_back_after_the_payout import accepted, comes_back
from tests.domain.test_goods_with_the_seller import deducted_on_appeal, inspected
from tests.domain.world import POLICY, Life, new_order, scan, shipped

QUICK = replace(POLICY, claims=replace(POLICY.claims, not_received_after=0))
EVERYTHING = Money.parse("105.00 EUR")


def disputed(life: Life, amount: str = "", dispute: str = "dp_1", reason: str = "fraudulent") -> None:
    asked = {"amount": amount or str(life.order.payment.captured), "fee": "15.00 EUR", "reason": reason}
    life.do("open_dispute", Role.PROVIDER, dispute=dispute, **asked)


def lost(life: Life, dispute: str = "dp_1") -> None:
    life.do("lose_dispute", Role.PROVIDER, dispute=dispute)
    life.settle_money()


def won(life: Life, dispute: str = "dp_1") -> None:
    life.do("win_dispute", Role.PROVIDER, dispute=dispute, fee="15.00 EUR")
    life.settle_money()


def taken_and_given_back(life: Life) -> None:
    """The bank takes all of the money and gives it back late; nobody else does anything."""
    disputed(life)
    lost(life)
    won(life)
    life.silence()


def sellers(life: Life) -> Money:
    """What the seller has in the end."""
    nothing = Money.zero(life.order.currency)
    return life.moved.get(Verb.RELEASE, nothing) - life.moved.get(Verb.REVERSE_RELEASE, nothing)


def paid_out() -> Life:
    """The only line is accepted, and its money the seller's."""
    return accepted(prices=("100.00",))


def never_arrived() -> Life:
    """A parcel that its buyer never had is on its way, and its money in escrow."""
    life = shipped(new_order(prices=("100.00",)))
    life.now += timedelta(days=1)
    return life


def brought_back() -> Life:
    life = never_arrived()
    comes_back(life)
    return life


def brought_back_under_a_claim() -> Life:
    life = shipped(new_order(QUICK, prices=("100.00",)))
    life.now += timedelta(days=3)
    life.do("open_claim", BUYER, reason="not_received", lines=["a"])
    comes_back(life)
    return life


def brought_back_and_lost() -> Life:
    """Of a line in two boxes one came back, and then the other was lost."""
    life = shipped(new_order(prices=("100.00",)))
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    life.now += timedelta(days=1)
    scan(life, "p1", "returned")
    life.now += timedelta(hours=3)
    scan(life, "p2", "lost")
    return life


def brought_back_of_two(other: str, claimed: bool = False) -> Life:
    """Of a line in two boxes one came back, and the other one came, or was seen on its way."""
    life = shipped(new_order(QUICK, prices=("100.00",)))
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    life.now += timedelta(days=3)
    if claimed:
        life.do("open_claim", BUYER, reason="not_received", lines=["a"])
    scan(life, "p2", other)
    life.now += timedelta(hours=3)
    scan(life, "p1", "returned")
    return life


def came_instead() -> Life:
    """What was sent for a lost parcel has come to the buyer, and the lost one comes back to the seller."""
    life = shipped(new_order(prices=("100.00",)))
    life.now += timedelta(days=1)
    scan(life, "p1", "lost")
    [ticket] = life.order.tickets
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    life.settle_money()
    life.now += timedelta(days=1)
    scan(life, "p2", "delivered")
    life.now += timedelta(hours=3)
    scan(life, "p1", "returned")
    return life


def sent_twice_and_lost() -> Life:
    """What was lost comes back after what was sent in its place was lost, too."""
    life = never_arrived()
    for parcel in ("p1", "p2"):
        scan(life, parcel, "lost")
        if parcel == "p1":
            [ticket] = life.order.tickets
            life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
            life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
            life.now += timedelta(days=1)
    scan(life, "p1", "returned")
    return life


def left_as_it_is() -> Life:
    """What came back before it arrived, whose ticket a person has ended without a change."""
    life = brought_back()
    [ticket] = life.order.tickets
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
    return life


def deducted() -> Life:
    """The seller has deducted something of goods that came back, and the buyer may appeal."""
    life = return_back()
    life.do("inspect_return", SELLER, finding="used")
    return life


def brought_back_and_shared() -> Life:
    """The platform has given the buyer a part of the money of what never arrived and came back; both may appeal."""
    life = brought_back_under_a_claim()
    life.do("escalate_claim", SELLER)
    life.do("decide_claim", SPECIALIST, verdict="part_refund", amount="30.00 EUR", **NOTE)
    return life


@pytest.mark.parametrize("begin", [paid_out, never_arrived])
@pytest.mark.parametrize("disputed_first", [True, False])
def test_what_the_bank_takes_of_goods_that_came_back_is_never_the_sellers_again(
    begin: Callable[[], Life], disputed_first: bool
) -> None:
    life = begin()
    for step in (True, False):
        (disputed if step is disputed_first else comes_back)(life)
    lost(life)
    assert (life.order.tickets, life.order.line("a").state) == ((), LineState.REFUNDED)
    won(life)
    life.silence()
    assert (life.moved[Verb.REFUND], sellers(life)) == (EVERYTHING, Money.zero("EUR"))


@pytest.mark.parametrize(
    "begin", [brought_back_under_a_claim, brought_back_and_lost, sent_twice_and_lost, return_back, left_as_it_is]
)
def test_whoever_brought_them_back_silence_and_the_bank_come_to_the_same(begin: Callable[[], Life]) -> None:
    silent, banked = begin(), begin()
    silent.silence()
    taken_and_given_back(banked)
    assert banked.moved[Verb.REFUND] == silent.moved[Verb.REFUND]
    assert sellers(banked) == sellers(silent)


@pytest.mark.parametrize(
    ("begin", "buyers"),
    [(deducted, "280.00 EUR"), (brought_back_and_shared, "30.00 EUR"), (inspected, "280.00 EUR")],
)
def test_of_goods_that_are_back_and_were_decided_about_the_bank_changes_nothing(
    begin: Callable[[], Life], buyers: str
) -> None:
    silent, banked = begin(), begin()
    silent.silence()
    taken_and_given_back(banked)
    assert silent.moved[Verb.REFUND] == banked.moved[Verb.REFUND] == Money.parse(buyers)
    assert sellers(banked) == sellers(silent) != Money.zero("EUR")


@pytest.mark.parametrize(
    ("decision", "buyers", "net"),
    [("release", "0.00 EUR", "97.00 EUR"), ("refund", "105.00 EUR", "0.00 EUR"), ("", "105.00 EUR", "0.00 EUR")],
)
def test_a_part_that_the_bank_takes_of_goods_that_are_back_goes_with_what_is_decided_about_the_rest(
    decision: str, buyers: str, net: str
) -> None:
    life = brought_back()
    disputed(life, "60.00 EUR")
    lost(life)
    assert [ticket.subject for ticket in life.order.tickets] == ["p1"], "a person is asked about the rest"
    if decision:
        life.do(decision, OPERATOR, lines=["a"], **NOTE)
        life.settle_money()
    else:
        life.silence()
    won(life)
    life.silence()
    assert life.moved.get(Verb.REFUND, Money.zero("EUR")) == Money.parse(buyers)
    assert sellers(life) == Money.parse(net)


@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize("other", ["in_transit", "delivered"])
def test_a_box_that_came_back_beside_one_that_did_not_is_the_same_to_silence_and_the_bank(
    other: str, claimed: bool
) -> None:
    silent, banked = brought_back_of_two(other, claimed), brought_back_of_two(other, claimed)
    silent.silence()
    taken_and_given_back(banked)
    assert silent.moved[Verb.REFUND] == banked.moved[Verb.REFUND] == EVERYTHING
    assert sellers(silent) == sellers(banked) == Money.zero("EUR")


def test_what_a_person_has_left_to_the_box_on_its_way_is_the_sellers_when_the_bank_says_so() -> None:
    life = brought_back_of_two("in_transit")
    [ticket] = life.order.tickets
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)
    taken_and_given_back(life)
    assert (life.moved.get(Verb.REFUND), sellers(life)) == (None, Money.parse("97.00 EUR"))


def test_what_came_back_before_it_was_sent_again_and_lost_is_not_with_the_seller() -> None:
    life = left_as_it_is()
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    life.now += timedelta(days=1)
    scan(life, "p2", "lost")
    assert [parcel.parcel_id for parcel in life.order.parcels_of("a")] == ["p2"]
    taken_and_given_back(life)
    assert Verb.REFUND not in life.moved


def test_a_deduction_that_was_appealed_against_is_not_the_sellers_by_the_banks_word() -> None:
    life = deducted_on_appeal()
    disputed(life)
    life.do("appeal_claim", BUYER, **NOTE)
    lost(life)
    won(life)
    life.silence()
    assert life.moved[Verb.REFUND] == Money.parse("400.00 EUR")


def test_goods_that_the_buyer_has_are_paid_although_an_earlier_parcel_of_them_came_back() -> None:
    life = came_instead()
    taken_and_given_back(life)
    assert (life.moved.get(Verb.REFUND), sellers(life)) == (None, Money.parse("97.00 EUR"))


def test_two_disputes_that_together_take_all_of_what_came_back_are_both_the_buyers() -> None:
    life = brought_back()
    disputed(life, "60.00 EUR")
    disputed(life, "45.00 EUR", "dp_2")
    for dispute in ("dp_1", "dp_2"):
        lost(life, dispute)
    for dispute in ("dp_1", "dp_2"):
        won(life, dispute)
    life.silence()
    assert (life.moved[Verb.REFUND], sellers(life)) == (EVERYTHING, Money.zero("EUR"))


@pytest.mark.parametrize("shipping", ["5.00", "0.00"])
def test_the_fee_for_goods_that_came_back_undecided_is_the_sellers_where_the_reason_says_so(shipping: str) -> None:
    life = shipped(new_order(prices=("100.00",), shipping=shipping))
    life.now += timedelta(days=1)
    comes_back(life)
    disputed(life, reason="not_received")
    lost(life)
    assert life.order.disputes[0].fee_owed


def test_shipping_goes_with_a_line_that_is_the_buyers_by_a_decision_nobody_has_appealed_against() -> None:
    life = received(order=bought(prices=("400.00",)))
    life.do("answer_claim", SELLER, **NOTE)
    life.do("escalate_claim", BUYER)
    life.do("decide_claim", SPECIALIST, verdict="refund", **NOTE)
    taken_and_given_back(life)
    assert life.moved[Verb.REFUND] == Money.parse("405.00 EUR")


def test_shipping_stays_with_a_line_that_is_the_sellers_beside_one_that_was_refunded() -> None:
    life = return_back()
    life.do("inspect_return", SELLER, finding="as_sent")
    life.settle_money()
    assert life.moved[Verb.REFUND] == Money.parse("400.00 EUR")
    taken_and_given_back(life)
    assert (life.moved[Verb.REFUND], sellers(life)) == (Money.parse("400.00 EUR"), Money.parse("23.40 EUR"))
