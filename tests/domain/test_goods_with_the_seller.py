"""The seller has the goods of a claim, or gets them: nobody's silence pays him as well."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.claims.case import Claim, Status, Verdict
from domain.claims.goods import went_back
from domain.deadlines import deadlines
from domain.decide import possible
from domain.money import Money, Verb
from domain.parcels.parcel import Milestone
from domain.parcels.scans import scans
from domain.state import Cause, Funds, LineState, Role
from tests.domain.claims_world import (
    BUYER,
    NOTE,
    OTHER_JUDGE,
    SELLER,
    SPECIALIST,
    answered,
    bought,
    decided,
    escalated,
    received,
    return_asked,
    return_back,
    return_sent,
)
from tests.domain.test_returns import seen
from tests.domain.world import ACTORS, Life, delivered, scan

WHOLE = Money.parse("400.00 EUR")


def brought_back(life: Life) -> Life:
    """The carrier of the outward parcel has given the goods to the seller."""
    scan(life, "p1", "returned")
    return life


def ends(life: Life) -> tuple[Status, Funds]:
    """Where the last claim stands once nobody does anything more, and who has the money of line ``a``."""
    life.silence()
    life.settle_money()
    return life.order.claims[-1].status, life.order.line("a").funds


def claim_of(life: Life) -> Claim:
    """The only claim."""
    [claim] = life.order.claims
    return claim


def inspected() -> Life:
    """The goods are back by a first claim, and a part was deducted: the rest of their money is the seller's."""
    life = return_back()
    life.do("inspect_return", SELLER, finding="used")
    life.until("decision_stands")
    life.settle_money()
    return life


def test_a_claim_that_lapses_after_the_carrier_brought_the_goods_back_is_the_platforms() -> None:
    life = brought_back(answered())
    life.until("claim_lapses")
    assert life.order.claims[-1].status is Status.ESCALATED
    assert (Cause.CLAIM, "c1") in [(ticket.cause, ticket.subject) for ticket in life.order.tickets]
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)


def test_who_grants_a_claim_after_the_carrier_brought_the_goods_back_is_not_paid_for_them() -> None:
    life = brought_back(received())
    life.do("grant_claim", SELLER)
    life.settle_money()
    assert life.moved[Verb.REFUND] == WHOLE


def test_goods_that_the_carrier_brought_back_are_not_asked_for() -> None:
    life = brought_back(escalated())
    assert life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE).code == "return_known"


def test_goods_that_were_asked_for_and_that_the_carrier_brought_back_are_the_platforms_at_once() -> None:
    life = brought_back(return_asked())
    assert life.order.claims[-1].status is Status.ESCALATED
    assert (Cause.CLAIM, "c1") in [(ticket.cause, ticket.subject) for ticket in life.order.tickets]


def test_a_second_claim_that_lapses_is_the_platforms_where_the_goods_came_back_by_the_first() -> None:
    life = inspected()
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    life.do("answer_claim", SELLER, **NOTE)
    life.until("claim_lapses")
    assert life.order.claims[-1].status is Status.ESCALATED
    life.refused("withdraw_claim", BUYER)


def test_goods_of_another_line_that_came_back_say_nothing_of_this_ones() -> None:
    life = delivered(bought(prices=("400.00", "300.00")))
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    life.do("grant_claim", SELLER)
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    life.do("receive_return", SELLER)
    life.do("open_claim", BUYER, reason="not_as_described", lines=["b"])
    life.do("grant_claim", SELLER, claim_id="c2")
    assert [claim.status for claim in life.order.claims] == [Status.RETURN_RECEIVED, Status.RETURN_REQUESTED]
    assert [went_back(life.order, claim) for claim in life.order.claims] == [True, False]
    life.do("withdraw_claim", BUYER, claim_id="c2")


def passed_on(life: Life) -> Life:
    """The platform was asked to decide."""
    life.do("escalate_claim", SELLER)
    return life


@pytest.mark.parametrize(
    "lead",
    [
        lambda: passed_on(return_sent()),
        lambda: passed_on(return_back()),
        lambda: brought_back(received()),
        lambda: brought_back(answered()),
        lambda: brought_back(escalated()),
    ],
)
def test_a_buyer_whose_goods_are_with_the_seller_does_not_withdraw_and_silence_pays_him(
    lead: Callable[[], Life],
) -> None:
    life = lead()
    assert (
        "with the seller, or on their way there; the platform decides" in life.refused("withdraw_claim", BUYER).reason
    )
    assert "withdraw_claim" not in possible(life.order, ACTORS[BUYER], life.now)
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)


def test_a_buyer_who_has_the_goods_still_withdraws() -> None:
    life = return_asked()
    life.do("withdraw_claim", BUYER)
    assert life.order.claims[-1].status is Status.RESOLVED


def returning_and_decided(verdict: str) -> Life:
    """The platform decides while the return is on its way."""
    life = return_sent()
    amount = {"amount": "100.00 EUR"} if verdict == "part_refund" else {}
    life.do("decide_claim", SPECIALIST, verdict=verdict, **amount, **NOTE)
    return life


def arrives(life: Life) -> None:
    """Its carrier delivers the return."""
    [told] = scans(life.order, "r1", seen(Milestone.DELIVERED, life.now), "easypost")
    life.do("parcel_scan", told.actor, **told.body)


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("verdict", ["release", "part_refund"])
def test_a_return_that_arrives_after_the_decision_is_decided_about_by_somebody_else(verdict: str, over: bool) -> None:
    life = returning_and_decided(verdict)
    if over:
        life.until("decision_stands")
        life.settle_money()
    arrives(life)
    claim = life.order.claims[-1]
    assert (claim.status, claim.appealed, claim.ruling) == (Status.ESCALATED, True, None)
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.CLAIM, "c1")]
    assert life.order.line("a").held == "claim:c1"
    assert life.refused("decide_claim", SPECIALIST, verdict="release", **NOTE).code == "own_decision"
    assert scans(life.order, "r1", seen(Milestone.DELIVERED, life.now), "easypost") == ()
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)
    assert sum(part.amount.minor for part in life.order.claims[-1].awarded) == WHOLE.minor


def test_a_return_that_arrives_after_a_refund_in_full_changes_nothing() -> None:
    life = returning_and_decided("refund")
    arrives(life)
    assert (life.order.claims[-1].status, life.order.tickets) == (Status.REFUND_APPROVED, ())
    later = returning_and_decided("refund")
    later.until("decision_stands")
    later.settle_money()
    assert scans(later.order, "r1", seen(Milestone.DELIVERED, later.now), "easypost") == ()


def test_a_return_that_arrives_while_a_newer_claim_has_its_line_is_known_to_that_one() -> None:
    life = returning_and_decided("release")
    life.until("decision_stands")
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    arrives(life)
    assert [claim.status for claim in life.order.claims] == [Status.CLOSED, Status.RECEIVED]
    life.refused("withdraw_claim", BUYER, claim_id="c2")


def test_a_rejection_is_the_platforms_once_more_when_the_carrier_brings_the_goods_back() -> None:
    life = escalated()
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    brought_back(life)
    assert (life.order.claims[-1].status, life.order.claims[-1].ruling) == (Status.ESCALATED, None)
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    assert life.order.line("a").state is LineState.ACCEPTED


def test_a_deduction_after_an_inspection_stands_although_the_carrier_brings_the_parcel_back() -> None:
    life = return_back()
    life.do("inspect_return", SELLER, finding="used")
    brought_back(life)
    assert life.order.claims[-1].status is Status.REFUND_APPROVED


@pytest.mark.parametrize("who", [BUYER, SELLER])
def test_an_answer_says_or_shows_something(who: Role) -> None:
    life = received() if who is SELLER else answered()
    before = life.order
    refusal = life.refused("answer_claim", who)
    assert (refusal.code, "says nothing" in refusal.reason) == ("invalid", True)
    assert life.order is before
    life.do("answer_claim", who, evidence=["e-1"])


def test_an_appeal_says_or_shows_something() -> None:
    life = escalated()
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    assert life.refused("appeal_claim", BUYER).code == "invalid"
    life.do("appeal_claim", BUYER, evidence=["e-1"])


@pytest.mark.parametrize(
    ("verdict", "by", "may"),
    [
        (Verdict.REFUND, "anna", [SELLER]),
        (Verdict.RELEASE, "anna", [BUYER]),
        (Verdict.PART_REFUND, "anna", [BUYER, SELLER]),
        (Verdict.PART_REFUND, "", [BUYER]),
    ],
)
def test_only_the_side_that_a_decision_goes_against_appeals(verdict: Verdict, by: str, may: list[Role]) -> None:
    if by:
        amount = {"amount": "100.00 EUR"} if verdict is Verdict.PART_REFUND else {}
        life = escalated()
        life.do("decide_claim", SPECIALIST, verdict=verdict, **amount, **NOTE)
    else:
        life = return_back()
        life.do("inspect_return", SELLER, finding="used")
    for side in (BUYER, SELLER):
        assert ("appeal_claim" in possible(life.order, ACTORS[side], life.now)) is (side in may)
        if side not in may:
            assert f"does not go against the {side}" in life.refused("appeal_claim", side, **NOTE).reason
    life.do("appeal_claim", may[0], **NOTE)


def back_on_appeal() -> Life:
    """The seller has appealed against a refund, and whoever decided then wanted the goods back first: they are."""
    life = decided("refund")
    life.do("appeal_claim", SELLER, **NOTE)
    life.do("decide_claim", OTHER_JUDGE, verdict="return_first", **NOTE)
    life.do("instruct_return", SELLER, address_id="address-2")
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    life.do("receive_return", SELLER)
    return life


def deducted_on_appeal() -> Life:
    """As `back_on_appeal`, and the seller has deducted something."""
    life = back_on_appeal()
    life.do("inspect_return", SELLER, finding="used")
    return life


def test_what_the_seller_deducts_of_goods_that_came_back_on_appeal_the_buyer_can_appeal_against() -> None:
    life = deducted_on_appeal()
    life.refused("appeal_claim", SELLER, **NOTE)
    end = next(clock for clock in deadlines(life.order) if clock.step == "decision_stands")
    assert (claim_of(life).status, claim_of(life).awarded, end.who) == (Status.REFUND_APPROVED, (), BUYER)
    assert "appeal_claim" in possible(life.order, ACTORS[BUYER], life.now)
    life.do("appeal_claim", BUYER, **NOTE)
    assert (claim_of(life).status, claim_of(life).ruling) == (Status.ESCALATED, None)
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)


def test_what_the_seller_deducts_of_goods_that_came_back_on_appeal_stands_when_the_buyer_is_silent() -> None:
    life = deducted_on_appeal()
    life.until("decision_stands")
    life.settle_money()
    assert str(life.moved[Verb.REFUND]) == "280.00 EUR", "30 % for wear"


def test_the_appeal_against_the_sellers_inspection_is_decided_for_good_by_who_has_not_decided_before() -> None:
    life = deducted_on_appeal()
    life.do("appeal_claim", BUYER, **NOTE)
    assert life.refused("decide_claim", SPECIALIST, verdict="release", **NOTE).code == "own_decision"
    assert life.refused("decide_claim", OTHER_JUDGE, verdict="return_first", **NOTE).code == "return_known"
    life.do("decide_claim", OTHER_JUDGE, verdict="part_refund", amount="300.00 EUR", **NOTE)
    assert claim_of(life).ruling is None, "whoever wanted the goods back first had not decided about the money"
    life.refused("appeal_claim", BUYER, **NOTE)
    life.settle_money()
    assert (claim_of(life).status, str(life.moved[Verb.REFUND])) == (Status.RESOLVED, "300.00 EUR")


def test_who_decides_instead_of_the_inspection_of_goods_that_came_back_on_appeal_decides_for_good() -> None:
    life = back_on_appeal()
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    assert (claim_of(life).status, claim_of(life).ruling) == (Status.CLOSED, None)
