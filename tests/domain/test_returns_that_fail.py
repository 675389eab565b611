"""What a buyer says to have sent is no return for ever: one that fails leaves him the goods, and they are asked for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.claims.case import Status
from domain.deadlines import deadlines
from domain.money import Verb
from domain.parcels.parcel import Milestone
from domain.parcels.scans import scans
from tests.domain.claims_world import BUYER, NOTE, SELLER, SPECIALIST, bought, return_sent, return_told
from tests.domain.test_returns import seen
from tests.domain.world import Life, confirmed, delivered, scan, text_of


def statuses(life: Life) -> list[Status]:
    return [claim.status for claim in life.order.claims]


def goes_back(life: Life, parcel: str = "r1") -> None:
    life.do("grant_claim", SELLER)
    life.do("send_return", BUYER, parcel_id=parcel, carrier="dhl")


def scanned(life: Life, milestone: Milestone, parcel: str = "r1") -> None:
    (told,) = scans(life.order, parcel, seen(milestone, life.now), "x")
    life.do("parcel_scan", told.actor, **told.body)


def test_a_claim_of_whose_lines_one_is_back_still_asks_for_the_other() -> None:
    life = delivered(bought(prices=("300.00", "200.00")))
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    goes_back(life)
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="used")
    life.until("decision_stands")
    life.settle_money()
    life.do("open_claim", BUYER, reason="wrong_item")
    assert life.order.claims[-1].lines == ("a", "b")
    life.refused("withdraw_claim", BUYER)
    life.do("grant_claim", SELLER)
    assert statuses(life)[-1] is Status.RETURN_REQUESTED
    assert life.order.left("b").minor == 200_00


def test_a_return_that_never_came_is_none_for_the_next_claim() -> None:
    life = return_sent()
    life.until("return_missing")
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.until("decision_stands")
    life.do("open_claim", BUYER, reason="wrong_item", lines=["a"])
    life.do("grant_claim", SELLER)
    assert statuses(life) == [Status.CLOSED, Status.RETURN_REQUESTED]
    assert life.moved.get(Verb.REFUND) is None


def test_goods_that_a_closed_claim_waited_for_are_asked_for_again() -> None:
    life = return_sent()
    life.do("escalate_claim", SELLER)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.until("decision_stands")
    life.do("open_claim", BUYER, reason="wrong_item", lines=["a"])
    life.do("grant_claim", SELLER)
    assert statuses(life) == [Status.CLOSED, Status.RETURN_REQUESTED]


@pytest.mark.parametrize("escalated_before", [False, True])
def test_a_return_that_goes_back_to_the_buyer_is_asked_for_again(escalated_before: bool) -> None:
    life = return_sent()
    life.now += timedelta(days=3)
    if escalated_before:
        life.do("escalate_claim", SELLER)
        life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    scanned(life, Milestone.RETURNED)
    assert statuses(life) == [Status.ESCALATED]
    life.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    life.do("send_return", BUYER, parcel_id="r2", carrier="dhl")
    life.refused("escalate_upstream", SELLER)
    scanned(life, Milestone.DELIVERED, "r2")
    assert statuses(life) == [Status.RETURN_RECEIVED]


def test_a_return_that_comes_after_all_has_come() -> None:
    life = return_sent()
    life.until("return_missing")
    scanned(life, Milestone.DELIVERED)
    assert life.order.claims[0].goods_are_back
    life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE)


def test_another_address_takes_no_time_that_the_desk_gave_the_buyer() -> None:
    def ends(life: Life) -> list[datetime]:
        return [clock.at for clock in deadlines(life.order) if clock.tier == "claim:c1.end"]

    life = return_told()
    until = life.now + timedelta(days=28)
    life.do("extend", SPECIALIST, clock="claim", until=text_of(until), **NOTE)
    life.now += timedelta(days=1)
    life.do("instruct_return", SELLER, address_id="address-2")
    assert ends(life) == [until]
    life.now = until - timedelta(days=1)
    life.do("instruct_return", SELLER, address_id="address-3")
    (later,) = ends(life)
    assert later > until, "who learns where to at the last moment has the whole time"


def test_no_parcel_of_the_sellers_has_the_name_of_a_return() -> None:
    life = confirmed(bought())
    life.do("ship", SELLER, parcel_id="p1", carrier="dhl", lines=["a"])
    life.now += timedelta(days=1)
    scan(life, "p1", "delivered")
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    goes_back(life)
    assert life.refused("ship", SELLER, parcel_id="r1", carrier="dhl", lines=["b"]).code == "parcel_known"
    life.do("ship", SELLER, parcel_id="p2", carrier="dhl", lines=["b"])
