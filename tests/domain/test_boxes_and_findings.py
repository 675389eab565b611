"""Boxes of one line that end differently, and goods that come after a box without them: no silence pays for either."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.claims.case import Status
from domain.money import Verb
from domain.state import Actor, Cause, Funds, LineState, Role
from tests.domain.claims_world import BUYER, NOTE, OTHER_JUDGE, SELLER, SPECIALIST, decided, return_sent
from tests.domain.world import Life, confirmed, delivered, new_order, next_clock, no, scan, shipped

THIRD_JUDGE = Actor(Role.SPECIALIST, "specialist-3")


def in_two_boxes() -> Life:
    """Line ``a`` is sent in two parcels."""
    life = confirmed(new_order(prices=("100.00",)))
    for parcel in ("p1", "p2"):
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=["a"])
    life.settle_money()
    return life


@pytest.mark.parametrize("arrived_before", [True, False])
def test_what_a_box_that_came_back_holds_is_not_let_go_by_another_that_was_lost_and_turned_up(
    arrived_before: bool,
) -> None:
    life = in_two_boxes()
    if arrived_before:
        life.now += timedelta(hours=5)
        scan(life, "p1", "delivered", "strong")
    for parcel, milestone in (("p2", "returned"), ("p1", "lost"), ("p1", "delivered")):
        life.now += timedelta(hours=5)
        scan(life, parcel, milestone, "strong" if milestone == "delivered" else "weak")
    assert life.order.line("a").held == "parcel:p2"
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.PARCEL_RETURNED, "p2")]
    life.silence()
    assert (life.order.line("a").funds, Verb.RELEASE in life.moved) == (Funds.REFUNDED, False)


def found_empty(life: Life) -> Life:
    """What came back is not what was sent, and the platform pays the seller."""
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="missing")
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    life.now += timedelta(hours=2)
    return life


def test_a_decision_after_an_empty_box_is_made_anew_when_the_carrier_brings_the_goods_while_it_waits() -> None:
    life = found_empty(return_sent())
    scan(life, "p1", "returned")
    claim = life.order.claims[0]
    assert (claim.status, claim.ruling, claim.appealed) == (Status.ESCALATED, None, True)
    life.silence()
    assert life.order.line("a").funds is Funds.REFUNDED


@pytest.mark.parametrize("over", [False, True])
def test_goods_that_come_in_an_earlier_return_after_an_empty_box_count(over: bool) -> None:
    life = return_sent()
    life.now += timedelta(days=1)
    scan(life, "r1", "lost")
    life.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    life.do("send_return", BUYER, parcel_id="r2", carrier="dhl")
    found_empty(life)
    if over:
        life.until("decision_stands")
        life.settle_money()
    scan(life, "r1", "delivered")
    claim = life.order.claims[0]
    assert (claim.status, claim.finding, claim.goods_are_back) == (Status.ESCALATED, None, True)
    assert life.refused("decide_claim", OTHER_JUDGE, verdict="release", **NOTE).code == "own_decision"
    life.silence()
    assert life.order.line("a").funds is Funds.REFUNDED


def test_a_lost_parcel_that_comes_back_says_nothing_of_a_claim_about_the_goods_that_came_instead() -> None:
    life = shipped(new_order(prices=("400.00",)))
    scan(life, "p1", "lost")
    lost = life.order.tickets[0].ticket_id
    life.do("resolve_ticket", SPECIALIST, ticket_id=lost, outcome="no_change", **NOTE)
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    life.now += timedelta(days=1)
    scan(life, "p2", "delivered", "strong")
    life.do("open_claim", BUYER, reason="changed_mind", lines=["a"])
    life.do("grant_claim", SELLER)
    life.now += timedelta(hours=3)
    scan(life, "p1", "returned")
    assert life.order.claims[0].status is Status.RETURN_REQUESTED
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")


def half_arrived() -> Life:
    """Line ``a`` is sent in two parcels at once; one arrives, and the other is lost, which the desk leaves so."""
    life = confirmed(new_order(prices=("400.00",)))
    for parcel in ("p1", "p2"):
        life.do("ship", SELLER, parcel_id=parcel, carrier="dhl", lines=["a"])
    life.settle_money()
    for parcel, milestone in (("p2", "delivered"), ("p1", "lost")):
        life.now += timedelta(hours=5)
        scan(life, parcel, milestone, "strong" if milestone == "delivered" else "weak")
    life.do("resolve_ticket", SPECIALIST, ticket_id=life.order.tickets[0].ticket_id, outcome="no_change", **NOTE)
    return life


@pytest.mark.parametrize("step", ["decide_claim", "grant_claim"])
def test_the_other_half_of_the_goods_that_comes_back_is_news_for_a_claim(step: str) -> None:
    life = half_arrived()
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    if step == "decide_claim":
        life.do("escalate_claim", SELLER)
        life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    else:
        life.do("grant_claim", SELLER)
    life.now += timedelta(hours=3)
    scan(life, "p1", "returned")
    assert life.order.claims[0].status is Status.ESCALATED
    life.silence()
    assert life.order.line("a").funds is Funds.REFUNDED


def test_the_other_half_of_what_silence_accepted_is_somebodys_work_when_it_comes_back() -> None:
    life = half_arrived()
    life.until("accept_on_strong_proof")
    life.settle_money()
    life.now += timedelta(hours=3)
    scan(life, "p1", "returned")
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.PARCEL_RETURNED, "p1")]


def payout_refused(days: int) -> Life:
    """All is the seller's by silence, and cannot be paid out for so long."""
    life = delivered(proof="strong", answer=no("AccountRestricted", Verb.RELEASE))
    life.until("accept_on_strong_proof")
    life.wait(days=days)
    assert [line.state for line in life.order.live] == [LineState.ACCEPTED] * len(life.order.live)
    return life


def test_what_is_accepted_and_comes_back_after_the_longest_escrow_is_a_persons_as_long_as_any_other() -> None:
    life = payout_refused(100)
    scan(life, "p1", "returned")
    assert [ticket.subject for ticket in life.order.tickets if ticket.cause is Cause.PARCEL_RETURNED] == ["p1"]
    came = life.now
    end = life.until("held_escrow_ends")
    assert end.after.line("a").state is LineState.REFUNDED
    policy = life.order.policy.escrow
    assert life.now - came == timedelta(days=policy.longest - policy.margin)


def test_a_claim_about_what_is_accepted_and_not_paid_out_after_the_longest_escrow_has_its_own_clocks() -> None:
    life = payout_refused(20)
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    life.wait(days=0)
    assert life.order.claims[0].status is Status.RECEIVED
    late = decided("release")
    late.answer = no("AccountRestricted", Verb.RELEASE)
    late.until("decision_stands")
    late.wait(days=100)
    late.do("open_claim", SPECIALIST, reason="not_as_described", lines=["a"])
    assert next_clock(late.order).at > late.now


@pytest.mark.parametrize("verdict", ["refund", "release"])
def test_a_decision_about_what_is_accepted_and_not_paid_out_can_be_appealed_against_however_late(verdict: str) -> None:
    life = payout_refused(20)
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    life.do("escalate_claim", SELLER)
    # The platform puts the case off until an escrow would have ended.
    life.order = replace(life.order, payment=replace(life.order.payment, captured_at=life.now - timedelta(days=100)))
    life.do("decide_claim", SPECIALIST, verdict=verdict, **NOTE)
    life.settle_money()
    assert life.order.claims[0].ruling is not None
    life.do("appeal_claim", SELLER if verdict == "refund" else BUYER, **NOTE)
