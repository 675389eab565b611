from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.business_time import add_business_days
from domain.claims.case import Status
from domain.claims.ends import at_stake
from domain.deadlines import deadlines
from domain.money import Money, Verb, total
from domain.purse import DisputeStatus, Part
from domain.state import Funds, LineState, Order, Role
from domain.turns import claim_sentence, turn_of
from tests.domain.claims_world import (
    BUYER,
    NOTE,
    OPERATOR,
    SELLER,
    SPECIALIST,
    bought,
    decided,
    missing,
    received,
    refuses_refunds,
    return_sent,
)
from tests.domain.world import Life, confirmed, delivered, done, held_in_escrow, scan, shipped, text_of


def rings(order: Order, *steps: str) -> list[datetime]:
    """When the clocks ring that take these steps."""
    return [clock.at for clock in deadlines(order) if clock.step in steps]


def test_lines_that_a_claim_lets_go_in_a_pause_have_their_whole_window_after_it_and_no_more() -> None:
    life = received()
    life.do("pause", OPERATOR, until=text_of(life.now + timedelta(days=3)), **NOTE)
    life.now += timedelta(days=2)
    life.do("withdraw_claim", BUYER)
    life.until("pause_ends")
    order = life.order
    whole = add_business_days(order.buyer_calendar, life.now, order.policy.receipt.decide)
    assert {clock.subject: clock.at for clock in deadlines(order) if clock.step == "receipt_overdue"}["a"] == whole


def test_a_missing_parcel_that_a_claim_lets_go_in_a_pause_has_its_whole_window_after_it_and_no_more() -> None:
    life = missing()
    life.do("pause", OPERATOR, until=text_of(life.now + timedelta(days=3)), **NOTE)
    life.now += timedelta(days=2)
    life.do("withdraw_claim", BUYER)
    life.until("pause_ends")
    order = life.order
    whole = add_business_days(order.buyer_calendar, life.now, order.policy.carrier.stall)
    assert rings(order, "parcel_stalled") == [whole]


def test_a_window_that_a_claim_gave_anew_is_spared_after_an_outage_like_the_first() -> None:
    life = delivered(bought(prices=("30.00",)), "strong")
    late = timedelta(hours=3)
    assert life.ring(late).step == "spare_after_outage"
    life.do("open_claim", BUYER, reason="damaged")
    life.do("withdraw_claim", BUYER)
    assert (life.ring(late).step, life.ring(late).step) == ("spare_after_outage", "accept_on_strong_proof")


def test_the_longest_escrow_decides_about_what_is_in_escrow_and_not_about_a_line_that_was_paid_out() -> None:
    life = shipped(bought())
    life.do("receive", BUYER, lines=["b"])
    life.settle_money()
    assert life.order.line("b").funds is Funds.RELEASED
    life.now += timedelta(days=60)
    life.do("open_claim", SPECIALIST, reason="not_received", lines=["a"])
    life.now += timedelta(days=24)
    life.do("open_claim", BUYER, reason="damaged", lines=["b"])
    life.until("held_escrow_ends")
    a, b = life.order.lines
    assert (a.state, b.state, b.held) == (LineState.REFUNDED, LineState.ACCEPTED, "claim:c2")


def test_what_goes_back_for_goods_that_come_back_used_is_rounded_down() -> None:
    life = received("changed_mind", bought(prices=("400.01",)))
    life.do("grant_claim", SELLER)
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="used")
    ruling = life.order.claims[0].ruling
    assert ruling is not None
    assert ruling.parts == (Part("a", Money.parse("260.00 EUR")),)


def test_a_lost_dispute_is_borne_by_a_line_and_by_a_part_of_it_that_could_not_be_given_back() -> None:
    life = received()
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    refund = next(move for move in life.order.moves if move.verb is Verb.REFUND)
    life.do("refund_failed", Role.PROVIDER, refund=refund.ref)
    life.do("open_dispute", Role.PROVIDER, dispute="dp", amount="425.00 EUR", fee="0.00 EUR")
    life.do("lose_dispute", Role.PROVIDER, dispute="dp")
    life.settle_money()
    assert life.order.disputes[0].status is DisputeStatus.BORNE
    assert held_in_escrow(life.order) == Money.zero("EUR")
    assert life.order.strays == ()


def bank_takes(life: Life, amount: str) -> None:
    """The bank gives the buyer an amount back, for good."""
    life.do("open_dispute", Role.PROVIDER, dispute="dp", amount=amount, fee="0.00 EUR", reason="fraudulent")
    life.do("lose_dispute", Role.PROVIDER, dispute="dp")


def given_back(order: Order, line_id: str) -> Money:
    return total([part.amount for part in order.given_back if part.piece == line_id], order.currency)


def test_what_the_bank_gave_back_of_a_line_is_not_paid_again_by_a_refund_in_part_that_waits() -> None:
    life = received("damaged", bought(prices=("400.00",)))
    life.answer = refuses_refunds
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    bank_takes(life, "40.50 EUR")
    life.answer = done
    life.until("close")
    assert given_back(life.order, "a") == Money.parse("100.00 EUR")


def test_what_the_bank_gave_back_of_a_line_is_not_paid_again_by_a_decision_that_waits_for_an_appeal() -> None:
    life = received("damaged", bought(prices=("400.00",)))
    life.do("decide_claim", SPECIALIST, verdict="part_refund", amount="100.00 EUR", **NOTE)
    bank_takes(life, "40.50 EUR")
    life.until("close")
    assert given_back(life.order, "a") == Money.parse("100.00 EUR")


def test_a_decision_of_which_the_bank_has_given_back_all_leaves_the_rest_to_the_seller() -> None:
    life = received("damaged", bought(prices=("400.00",)))
    life.do("decide_claim", SPECIALIST, verdict="part_refund", amount="30.00 EUR", **NOTE)
    bank_takes(life, "40.50 EUR")
    life.until("decision_stands")
    claim = life.order.claims[0]
    assert (claim.status, given_back(life.order, "a")) == (Status.CLOSED, Money.parse("40.00 EUR"))
    assert life.order.line("a").state is LineState.ACCEPTED


def told(life: Life) -> str:
    """What the order's last claim waits for."""
    claim = life.order.claims[-1]
    return claim_sentence(life.order, turn_of(life.order, claim))


@pytest.mark.parametrize(("verdict", "who"), [("refund", "The seller"), ("release", "The buyer")])
def test_the_side_that_a_decision_goes_against_is_told_that_it_may_appeal(verdict: str, who: str) -> None:
    assert told(decided(verdict)) == f"{who} may appeal; otherwise the decision is carried out."


def at_the_bank(life: Life, amount: str = "425.00 EUR") -> Life:
    """The buyer's bank has taken money back, and is deciding."""
    life.do("open_dispute", Role.PROVIDER, dispute="dp", amount=amount, fee="0.00 EUR", reason="fraudulent")
    return life


HELD = "The buyer's bank is deciding about the money of a; until it has, that money does not move."


def test_a_claim_under_a_chargeback_says_that_the_bank_is_deciding_and_whose_turn_it_is() -> None:
    life = at_the_bank(received())
    assert told(life) == f"{HELD} The seller should answer the claim; otherwise the platform steps in."
    assert at_stake(life.order, life.order.claims[0]) == Money.parse("400.00 EUR")


def test_a_claim_that_was_granted_promises_no_money_while_the_bank_is_deciding() -> None:
    life = at_the_bank(received("damaged"))
    life.do("grant_claim", SELLER)
    assert told(life) == HELD
    life.do("win_dispute", Role.PROVIDER, dispute="dp", fee="0.00 EUR")
    assert "bank" not in told(life)


def test_the_rest_of_a_granted_claim_goes_its_way_while_the_bank_is_deciding_about_a_line() -> None:
    life = delivered(bought(prices=("400.00", "15.00")))
    life.do("open_claim", BUYER, reason="damaged", lines=["a", "b"])
    at_the_bank(life, "0.01 EUR")
    life.answer = refuses_refunds
    life.do("decide_claim", SPECIALIST, verdict="refund", **NOTE)
    assert told(life) == f"{HELD} The seller may appeal; otherwise the decision is carried out."
    life.until("decision_stands")
    assert told(life) == f"{HELD} The rest of the money is on its way back to the buyer."


@pytest.mark.parametrize("how", ["the buyer escalates", "the clock escalates"])
def test_a_return_that_arrives_after_the_platform_was_asked_is_known_to_have_arrived(how: str) -> None:
    life = return_sent()
    if how == "the buyer escalates":
        life.do("escalate_claim", BUYER)
    else:
        life.until("return_missing")
    scan(life, "r1", "delivered")
    [claim] = life.order.claims
    assert claim.back is not None
    assert (claim.status, claim.back.arrived_at) == (Status.ESCALATED, life.now)
    seen = {"parcel_id": "r1", "at": text_of(life.now), "proof": "weak"}
    assert "had arrived" in life.refused("parcel_scan", Role.CARRIER, milestone="delivered", **seen).reason


def two_missing() -> Life:
    """A claim about both lines, each in a parcel of its own."""
    life = confirmed()
    for parcel, line in (("p1", "a"), ("p2", "b")):
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=[line])
    life.now = max(rings(life.order, "parcel_stalled"))
    life.do("open_claim", BUYER, reason="not_received", lines=["a", "b"])
    return life


def test_the_arrival_of_one_parcel_does_not_end_the_waiting_for_another() -> None:
    life = two_missing()
    life.do("wait_on_claim", BUYER, days=3)
    scan(life, "p2", "delivered")
    [claim] = life.order.claims
    assert claim.status is Status.WAITING_LONGER
    scan(life, "p1", "delivered")
    [claim] = life.order.claims
    assert claim.status is Status.WAITING_FOR_BUYER
