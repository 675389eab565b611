"""What a claim's end does to its lines, where something has happened to them before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.claims.case import Ruling, Status, Verdict
from domain.deadlines import deadlines
from domain.events import ClaimMoved, ClaimRuled
from domain.fold import apply_all
from domain.money import Verb
from domain.purse import Part
from domain.state import Funds, LineState, Role
from tests.domain.claims_world import BUYER, SELLER, bought, escalated
from tests.domain.world import delivered


def test_a_line_that_was_accepted_before_its_claim_is_not_accepted_once_more() -> None:
    life = delivered(bought(), "strong")
    life.do("receive", BUYER)
    life.settle_money()
    accepted = life.order.line("a").since
    [closes] = [clock.at for clock in deadlines(life.order) if clock.step == "close"]
    life.now += timedelta(days=2)
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    life.do("offer_refund", SELLER, amount="100.00 EUR")
    life.do("accept_offer", BUYER)
    life.settle_money()
    assert (life.order.line("a").state, life.order.line("a").since) == (LineState.ACCEPTED, accepted)
    assert [clock.at for clock in deadlines(life.order) if clock.step == "close"] == [closes]


def test_a_decision_gives_the_buyer_no_more_than_is_left_and_the_seller_nothing_of_it() -> None:
    life = escalated()
    life.do("open_dispute", Role.PROVIDER, dispute="dp", amount="200.00 EUR", fee="0.00 EUR", reason="other")
    life.do("lose_dispute", Role.PROVIDER, dispute="dp")
    life.settle_money()
    left = life.order.left("a")
    # As an order may have it that promised more before it knew what the bank would take.
    promised = Ruling(Verdict.PART_REFUND, (Part("a", left + left),), "specialist-1")
    decided = (ClaimRuled("c1", promised), ClaimMoved("c1", Status.REFUND_APPROVED, life.now))
    life.order = replace(apply_all(life.order, decided), tickets=())
    life.until("decision_stands")
    life.settle_money()
    assert (life.order.line("a").state, life.order.line("a").funds) == (LineState.REFUNDED, Funds.REFUNDED)
    assert (life.order.claims[-1].awarded, life.moved[Verb.REFUND]) == ((Part("a", left),), left)
