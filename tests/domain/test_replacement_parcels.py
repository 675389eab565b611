"""A parcel that is lost or comes back, and another one that brings the same lines instead of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.claims.case import Status
from domain.deadlines import deadlines
from domain.money import Verb
from domain.parcels.parcel import some_came_back
from domain.state import Funds, LineState, Order, Role
from domain.wire import instant_text
from tests.domain.claims_world import BUYER, NOTE, SELLER, SPECIALIST, bought
from tests.domain.world import Life, scan, shipped


def sent_anew(life: Life) -> None:
    """The seller sends everything once more."""
    life.now += timedelta(hours=1)
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a", "b"])
    life.now += timedelta(days=1)


def left_as_it_is(life: Life) -> None:
    """A specialist knows that the goods are on their way again."""
    [ticket] = life.order.tickets
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket.ticket_id, outcome="no_change", **NOTE)


def gone(milestone: str, sent_first: bool) -> Life:
    """The first parcel goes wrong after the second was sent, or before."""
    life = shipped(bought())
    life.now += timedelta(days=1)
    if sent_first:
        sent_anew(life)
    scan(life, "p1", milestone)
    left_as_it_is(life)
    if not sent_first:
        sent_anew(life)
    return life


def status(life: Life) -> Status:
    return life.order.claims[-1].status


def lines(order: Order) -> set[LineState]:
    return {line.state for line in order.lines}


@pytest.mark.parametrize("sent_first", [True, False])
@pytest.mark.parametrize("milestone", ["lost", "returned"])
def test_what_takes_the_place_of_a_parcel_gone_wrong_is_what_its_lines_arrive_with(
    milestone: str, sent_first: bool
) -> None:
    life = gone(milestone, sent_first)
    assert "stall:p1.ticket" not in {clock.tier for clock in deadlines(life.order)}
    scan(life, "p2", "delivered", "strong")
    assert lines(life.order) == {LineState.DELIVERED}
    assert life.silence()[0] == "accept_on_strong_proof"
    assert lines(life.order) == {LineState.ACCEPTED}
    assert Verb.REFUND not in life.moved


@pytest.mark.parametrize("milestone", ["lost", "returned"])
def test_a_replacement_that_came_first_counts_once_nothing_more_is_waited_for(milestone: str) -> None:
    life = shipped(bought())
    sent_anew(life)
    scan(life, "p2", "delivered", "strong")
    assert lines(life.order) == {LineState.SHIPPED}, "the first parcel may hold the other half"
    life.now += timedelta(days=2)
    scan(life, "p1", milestone)
    assert [(line.state, line.since, line.held) for line in life.order.lines] == [
        (LineState.DELIVERED, life.now, "parcel:p1")
    ] * 2, "a person looks at it, and the buyer's time begins when the last news came"
    [ticket] = life.order.tickets
    life.do("release", SPECIALIST, ticket.ticket_id, **NOTE)
    life.silence()
    assert {line.funds for line in life.order.lines} == {Funds.RELEASED}


def test_after_a_parcel_that_is_told_lost_late_silence_decides_about_what_arrived() -> None:
    life = shipped(bought())
    sent_anew(life)
    scan(life, "p2", "delivered", "strong")
    scan(life, "p1", "lost")
    left_as_it_is(life)
    assert life.silence()[0] == "accept_on_strong_proof"
    assert Verb.REFUND not in life.moved


def test_a_lost_parcel_that_turns_up_is_waited_for_again() -> None:
    life = gone("lost", sent_first=False)
    scan(life, "p1", "in_transit")
    scan(life, "p2", "delivered", "strong")
    assert lines(life.order) == {LineState.SHIPPED}
    life.now += timedelta(days=1)
    scan(life, "p1", "delivered", "strong")
    assert [(line.state, line.since) for line in life.order.lines] == [(LineState.DELIVERED, life.now)] * 2


def test_where_the_replacement_goes_wrong_as_well_nothing_has_arrived() -> None:
    life = gone("lost", sent_first=True)
    scan(life, "p2", "returned")
    left_as_it_is(life)
    assert [parcel.parcel_id for parcel in life.order.parcels_of("a")] == ["p1", "p2"]
    assert lines(life.order) == {LineState.SHIPPED}
    life.silence()
    assert {line.funds for line in life.order.lines} == {Funds.REFUNDED}


def test_a_box_that_came_back_beside_one_that_arrived_is_left_to_nobodys_silence() -> None:
    life = gone("returned", sent_first=True)
    scan(life, "p2", "delivered", "strong")
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    life.do("answer_claim", SELLER, **NOTE)
    life.refused("withdraw_claim", BUYER)
    life.until("claim_lapses")
    assert status(life) is Status.ESCALATED
    life.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    assert status(life) is Status.RETURN_REQUESTED, "what has arrived, the buyer sends back"


def lost_and_sent_anew(turned_up: str) -> Life:
    """The first parcel was lost, and seen once more `before` the second one was sent, `after` that, or never."""
    life = shipped(bought())
    life.now += timedelta(days=1)
    scan(life, "p1", "lost")
    left_as_it_is(life)
    for when in ("before", "after"):
        life.now += timedelta(hours=1)
        if turned_up == when:
            scan(life, "p1", "in_transit")
        if when == "before":
            sent_anew(life)
    return life


@pytest.mark.parametrize(("turned_up", "half"), [("", False), ("before", True), ("after", False)])
def test_what_comes_back_is_half_of_the_goods_but_for_what_was_lost_when_the_other_was_sent(
    turned_up: str, half: bool
) -> None:
    life = lost_and_sent_anew(turned_up)
    life.now += timedelta(days=10)
    life.do("open_claim", BUYER, reason="not_received", lines=["a", "b"])
    scan(life, "p2", "delivered", "strong")
    scan(life, "p1", "returned")
    life.until("claim_lapses")
    assert status(life) is (Status.ESCALATED if half else Status.CLOSED)


@pytest.mark.parametrize("turned_up", ["", "after"])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_parcel_that_comes_back_is_a_persons_work_also_while_another_brings_its_goods(
    turned_up: str, arrived: bool
) -> None:
    life = lost_and_sent_anew(turned_up)
    told = [("p2", "delivered"), ("p1", "returned")]
    for parcel, milestone in told if arrived else reversed(told):
        scan(life, parcel, milestone, "strong")
    [ticket] = life.order.tickets
    assert (ticket.subject, {line.held for line in life.order.lines}) == ("p1", {"parcel:p1"})
    life.do("release", SPECIALIST, ticket.ticket_id, **NOTE)
    life.silence()
    assert {line.funds for line in life.order.lines} == {Funds.RELEASED}


def test_of_two_that_were_lost_and_one_that_came_back_silence_pays_nobody_but_the_buyer() -> None:
    life = lost_and_sent_anew("")
    scan(life, "p2", "lost")
    scan(life, "p1", "returned")
    assert [ticket.subject for ticket in life.order.tickets] == ["p2", "p1"]
    life.silence()
    assert {line.funds for line in life.order.lines} == {Funds.REFUNDED}


def test_what_was_rejected_before_the_replacement_was_lost_is_decided_anew_when_the_first_comes_back() -> None:
    life = lost_and_sent_anew("")
    life.now += timedelta(days=10)
    life.do("open_claim", BUYER, reason="not_received", lines=["a", "b"])
    life.do("escalate_claim", SELLER, **NOTE)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    scan(life, "p2", "lost")
    scan(life, "p1", "returned")
    assert status(life) is Status.ESCALATED


@pytest.mark.parametrize("milestone", ["lost", "returned"])
def test_of_a_bad_end_that_was_told_after_the_next_parcel_was_sent_nobody_knows_what_that_holds(milestone: str) -> None:
    life = shipped(bought())
    sent_anew(life)
    at = instant_text(life.order.parcels[0].shipped_at + timedelta(minutes=5))
    life.do("parcel_scan", Role.CARRIER, parcel_id="p1", milestone=milestone, at=at)
    left_as_it_is(life)
    if milestone == "lost":
        scan(life, "p1", "returned")
    assert some_came_back(life.order.sent_with("a")), "the second one, on its way, may be the other half"
    scan(life, "p2", "lost")
    assert [parcel.parcel_id for parcel in life.order.parcels_of("a")] == ["p1", "p2"]


def test_what_came_back_before_its_replacement_was_sent_is_the_buyers_again() -> None:
    life = gone("returned", sent_first=False)
    scan(life, "p2", "delivered", "strong")
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    life.do("withdraw_claim", BUYER)
    assert status(life) is Status.RESOLVED
