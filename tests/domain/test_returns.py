"""Goods on their way back, as their carrier tells of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from activities.notices import Letters, Reader
from domain import wire
from domain.claims.case import Status
from domain.deadlines import deadlines
from domain.events import ClaimMoved
from domain.fold import apply_all
from domain.money import Money, Verb
from domain.notices import notices
from domain.parcels.parcel import Milestone, Proof
from domain.parcels.scans import scans
from domain.parcels.tracking import Reached, TrackerReport
from domain.state import Cause, LineState, Order, Role
from tests.domain.claims_world import (
    BUYER,
    NOTE,
    SELLER,
    SPECIALIST,
    bought,
    found_missing,
    received,
    return_asked,
    return_back,
    return_sent,
)
from tests.domain.world import Life, scan, shipped

LETTERS = Letters(Path(__file__).parents[2] / "templates")


def seen(milestone: Milestone, at: datetime) -> TrackerReport:
    """What the carrier reports of a parcel that has done nothing else."""
    return TrackerReport("trk_1", (Reached(milestone, at, Proof.WEAK),), at)


@pytest.mark.parametrize("late", ["", "the buyer escalates", "the clock escalates"])
def test_the_carrier_tells_the_order_of_a_return_however_late_it_arrives_and_once(late: str) -> None:
    life = return_sent()
    if late == "the buyer escalates":
        life.do("escalate_claim", BUYER)
    elif late:
        life.until("return_missing")
    before = life.now + timedelta(hours=1)
    life.now += timedelta(days=1)
    came = seen(Milestone.DELIVERED, before)
    [told] = scans(life.order, "r1", came, "easypost")
    life.do("parcel_scan", told.actor, **told.body)
    [claim] = life.order.claims
    assert claim.back is not None
    assert claim.back.arrived_at == life.now
    assert scans(life.order, "r1", came, "easypost") == ()


def test_what_an_earlier_parcel_of_a_recycled_number_did_is_no_news_of_a_return() -> None:
    life = return_sent()
    life.do("escalate_claim", BUYER)
    before = life.now - timedelta(days=1)
    assert scans(life.order, "r1", seen(Milestone.DELIVERED, before), "easypost") == ()


def test_a_buyer_does_not_get_round_the_inspection_and_the_fee_by_asking_the_platform() -> None:
    life = received("changed_mind")
    life.do("grant_claim", SELLER)
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    scan(life, "r1", "delivered")
    assert life.refused("escalate_claim", BUYER).code == "claim_status"
    life.do("inspect_return", SELLER, finding="as_sent")
    life.until("decision_stands")
    life.settle_money()
    assert life.moved[Verb.REFUND] < Money.parse("400.00 EUR")


def test_who_does_not_inspect_a_return_gives_the_money_back() -> None:
    life = return_back()
    life.refused("escalate_claim", BUYER)
    life.until("inspection_lapses")
    life.settle_money()
    assert life.moved[Verb.REFUND] == Money.parse("400.00 EUR")


@pytest.mark.parametrize("milestone", [Milestone.LOST, Milestone.RETURNED])
def test_a_return_that_is_lost_or_goes_back_is_a_specialists_at_once_and_may_still_arrive(milestone: Milestone) -> None:
    life = return_sent()
    life.now += timedelta(days=1)
    gone = seen(milestone, life.now)
    [told] = scans(life.order, "r1", gone, "easypost")
    taken = life.do("parcel_scan", told.actor, **told.body)
    assert [claim.status for claim in life.order.claims] == [Status.ESCALATED]
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.CLAIM, "c1")]
    mails = notices(taken.step, taken.tells, life.order.seq, taken.events, life.order, life.now)
    assert {(mail.to, mail.template) for mail in mails} == {
        (BUYER, "claim"),
        (SELLER, "claim"),
        (Role.SPECIALIST, "ticket_opened"),
    }
    for mail, language in product(mails[:2], ("en", "de")):
        letter = LETTERS.render("claim", mail.context, Reader(mail.to, language=language), life.order)
        assert {"en": "The carrier reported", "de": "Der Zusteller hat Neues"}[language] in letter.text
    assert scans(life.order, "r1", gone, "easypost") == ()
    assert "only its end" in life.refused("parcel_scan", told.actor, **told.body).reason
    life.now += timedelta(days=1)
    [told] = scans(life.order, "r1", seen(Milestone.DELIVERED, life.now), "easypost")
    life.do("parcel_scan", told.actor, **told.body)
    [claim] = life.order.claims
    assert claim.back is not None
    assert (claim.status, claim.back.arrived_at) == (Status.ESCALATED, life.now)


def test_of_a_return_that_was_delivered_and_then_sent_back_the_last_is_true() -> None:
    life = return_sent()
    reached = (Milestone.DELIVERED, Milestone.RETURNED)
    ways = tuple(Reached(each, life.now + timedelta(hours=n), Proof.WEAK) for n, each in enumerate(reached))
    life.now += timedelta(days=1)
    report = TrackerReport("trk_1", ways, life.now)
    [told] = scans(life.order, "r1", report, "easypost")
    assert told.body["milestone"] == "returned"
    life.do("parcel_scan", told.actor, **told.body)
    assert scans(life.order, "r1", report, "easypost") == ()


@pytest.mark.parametrize("asked", ["", "seller", "buyer"])
def test_a_seller_says_that_a_return_has_arrived_also_while_the_platform_decides(asked: str) -> None:
    life = return_sent()
    life.do("escalate_claim", BUYER)
    if asked:
        life.do("ask_party", Role.SPECIALIST, of=asked, **NOTE)
    [before] = life.order.claims
    life.now += timedelta(days=1)
    life.do("receive_return", SELLER)
    [claim] = life.order.claims
    assert claim.back is not None
    assert (claim.status, claim.since, claim.back.arrived_at) == (before.status, before.since, life.now)
    assert "no return on its way" in life.refused("receive_return", SELLER).reason


@pytest.mark.parametrize("how", ["by hand", "by parcel"])
def test_goods_that_are_back_are_not_asked_for_again_and_silence_pays_the_buyer(how: str) -> None:
    life = found_missing(how)
    refused = life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    assert (refused.code, "have come back already" in refused.reason) == ("return_known", True)
    assert "are back, or on their way; decide" in life.refused("escalate_upstream", SPECIALIST).reason
    assert wire.from_plain(Order, wire.to_plain(life.order)) == life.order
    life.silence()
    life.settle_money()
    assert life.moved[Verb.REFUND] == Money.parse("400.00 EUR")


def test_goods_that_are_back_are_not_asked_for_again_on_appeal() -> None:
    life = return_asked()
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="used")
    life.do("appeal_claim", BUYER, **NOTE)
    assert life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE).code == "return_known"


def test_goods_that_are_back_are_not_asked_for_again_before_anybody_has_looked_into_them() -> None:
    life = return_asked()
    life.do("receive_return", SELLER)
    life.do("escalate_claim", SELLER)
    assert life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE).code == "return_known"


def test_a_later_claim_does_not_ask_again_for_goods_that_came_back_for_an_earlier_one() -> None:
    life = return_asked()
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="used")
    life.until("decision_stands")
    life.settle_money()
    life.do("open_claim", BUYER, reason="wrong_item", lines=["a"])
    life.do("grant_claim", SELLER)
    life.settle_money()
    assert life.moved[Verb.REFUND] == Money.parse("400.00 EUR")


def standing_at(life: Life, status: Status) -> Life:
    """A claim that had got there while goods that were back could still be asked for."""
    [claim] = life.order.claims
    life.order = apply_all(life.order, [ClaimMoved(claim.claim_id, status, life.now)])
    life.order = replace(life.order, tickets=())
    return life


def test_who_grants_a_claim_with_the_goods_in_hand_gives_the_money_back() -> None:
    life = standing_at(found_missing(), Status.WAITING_FOR_SELLER)
    life.do("grant_claim", SELLER)
    life.settle_money()
    assert life.moved[Verb.REFUND] == Money.parse("400.00 EUR")


@pytest.mark.parametrize(
    ("status", "rings"),
    [
        (Status.WAITING_FOR_BUYER, "claim_lapses"),
        (Status.RETURN_REQUESTED, "instruction_missing"),
        (Status.RETURN_REQUESTED, "claim_lapses"),
    ],
)
def test_no_silence_pays_a_seller_who_has_the_goods(status: Status, rings: str) -> None:
    life = standing_at(found_missing(), status)
    if (status, rings) == (Status.RETURN_REQUESTED, "claim_lapses"):
        life.do("instruct_return", SELLER, address_id="address-2")
    life.until(rings)
    assert [claim.status for claim in life.order.claims] == [Status.ESCALATED]
    assert (Cause.CLAIM, "c1") in [(ticket.cause, ticket.subject) for ticket in life.order.tickets]


def test_no_return_arrives_that_was_never_sent() -> None:
    life = received()
    life.do("escalate_claim", SELLER)
    assert "no return on its way" in life.refused("receive_return", SELLER).reason


def test_what_came_back_and_is_sent_again_arrives_with_its_new_parcel() -> None:
    life = shipped(bought())
    scan(life, "p1", "returned")
    ticket = life.order.tickets[0].ticket_id
    life.do("resolve_ticket", SPECIALIST, ticket_id=ticket, outcome="no_change", **NOTE)
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a", "b"])
    assert "stall:p1.ticket" not in {clock.tier for clock in deadlines(life.order)}
    life.now += timedelta(days=1)
    scan(life, "p2", "delivered", "strong")
    assert {line.state for line in life.order.lines} == {LineState.DELIVERED}
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    life.do("grant_claim", SELLER)
    assert life.order.claims[0].status is Status.RETURN_REQUESTED, "the buyer has them, and sends them back"


def test_of_what_came_back_the_lines_that_are_not_sent_again_are_still_the_sellers() -> None:
    life = shipped(bought())
    scan(life, "p1", "returned")
    life.do("resolve_ticket", SPECIALIST, ticket_id=life.order.tickets[0].ticket_id, outcome="no_change", **NOTE)
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["a"])
    life.now += timedelta(days=1)
    scan(life, "p2", "delivered", "strong")
    assert [line.state for line in life.order.lines] == [LineState.DELIVERED, LineState.SHIPPED]
    assert [p.parcel_id for p in life.order.parcels_of("b")] == ["p1"]
