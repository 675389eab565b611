"""A return is late, and another one is sent: the first of them to arrive is the one that counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain import wire
from domain.claims.carriage import returned_with
from domain.claims.case import Claim, Status
from domain.decide import possible
from domain.events import ReturnArrived
from domain.fold import apply_all
from domain.money import Money, Verb
from domain.parcels.parcel import Milestone
from domain.parcels.scans import scans
from domain.state import Cause, Funds, Order
from starter.cases.views import _returned
from tests.domain.claims_world import BUYER, NOTE, OTHER_JUDGE, SELLER, SPECIALIST, return_back, return_sent
from tests.domain.test_goods_with_the_seller import ends
from tests.domain.test_returns import seen, standing_at
from tests.domain.test_returns_that_fail import scanned
from tests.domain.world import ACTORS, Life

WHOLE = Money.parse("400.00 EUR")


def asked_again() -> Life:
    """The first return has not come in time, and the platform wants the goods first."""
    life = return_sent()
    life.until("return_missing")
    life.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    return life


def sent_again() -> Life:
    """The buyer says that he has sent another one."""
    life = asked_again()
    life.do("send_return", BUYER, parcel_id="r2", carrier="ups")
    life.now += timedelta(days=1)
    return life


def claim_of(life: Life) -> Claim:
    [claim] = life.order.claims
    return claim


def arrived(life: Life) -> list[tuple[str, bool]]:
    return [(back.parcel_id, back.arrived_at is not None) for back in claim_of(life).returns]


@pytest.mark.parametrize("told_where", [False, True])
def test_goods_that_come_late_after_they_were_asked_for_again_are_inspected(told_where: bool) -> None:
    life = asked_again()
    if told_where:
        life.do("instruct_return", SELLER, address_id="address-2")
    scanned(life, Milestone.DELIVERED)
    assert claim_of(life).status is Status.RETURN_RECEIVED
    life.do("inspect_return", SELLER, finding="as_sent")
    life.settle_money()
    assert life.moved[Verb.REFUND] == WHOLE


def test_nobody_sends_what_the_seller_has() -> None:
    life = standing_at(return_back(), Status.RETURN_REQUESTED)
    refused = life.refused("send_return", BUYER, parcel_id="r2", carrier="dhl")
    assert "are with the seller already" in refused.reason
    assert "send_return" not in possible(life.order, ACTORS[BUYER], life.now)


@pytest.mark.parametrize("first", ["r1", "r2"])
def test_the_first_of_two_returns_to_arrive_is_inspected(first: str) -> None:
    life = sent_again()
    scanned(life, Milestone.DELIVERED, first)
    assert (claim_of(life).status, claim_of(life).goods_are_back) == (Status.RETURN_RECEIVED, True)
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)


def test_the_late_return_that_arrives_while_the_platform_decides_is_not_asked_for_again() -> None:
    life = sent_again()
    life.until("return_missing")
    scanned(life, Milestone.DELIVERED, "r1")
    assert (claim_of(life).status, claim_of(life).goods_are_back) == (Status.ESCALATED, True)
    assert life.refused("decide_claim", OTHER_JUDGE, verdict="return_first", **NOTE).code == "return_known"
    assert "no return on its way" in life.refused("receive_return", SELLER).reason
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)


def test_the_late_return_that_arrives_after_the_rejection_is_as_good_as_an_appeal() -> None:
    life = sent_again()
    life.until("return_missing")
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    scanned(life, Milestone.DELIVERED, "r1")
    assert (claim_of(life).status, claim_of(life).appealed) == (Status.ESCALATED, True)
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets if ticket.subject == "c1"] == [
        (Cause.CLAIM, "c1")
    ]


def test_each_return_is_known_by_itself() -> None:
    life = sent_again()
    scanned(life, Milestone.DELIVERED, "r1")
    assert arrived(life) == [("r1", True), ("r2", False)]
    assert _returned(claim_of(life)) == (
        f"Parcel r1 by dhl, sent {claim_of(life).returns[0].sent_at:%Y-%m-%d}, arrived {life.now:%Y-%m-%d}. "
        f"Parcel r2 by ups, sent {claim_of(life).returns[1].sent_at:%Y-%m-%d}, on its way."
    )
    assert scans(life.order, "r1", seen(Milestone.DELIVERED, life.now), "x") == ()
    assert scans(life.order, "r2", seen(Milestone.LOST, life.now), "x") == (), "what was waited for has come"
    since = claim_of(life).since
    scanned(life, Milestone.DELIVERED, "r2")
    assert arrived(life) == [("r1", True), ("r2", True)]
    assert (claim_of(life).status, claim_of(life).since) == (Status.RETURN_RECEIVED, since)


def test_a_return_that_had_failed_fails_no_other() -> None:
    life = sent_again()
    assert scans(life.order, "r1", seen(Milestone.LOST, life.now), "x") == ()
    assert claim_of(life).goods_travel
    scanned(life, Milestone.LOST, "r2")
    assert claim_of(life).status is Status.ESCALATED


def test_no_parcel_has_the_name_of_an_earlier_return() -> None:
    life = asked_again()
    life.do("send_return", BUYER, parcel_id="r2", carrier="ups")
    scanned(life, Milestone.LOST, "r2")
    life.do("decide_claim", SPECIALIST, verdict="return_first", **NOTE)
    assert life.refused("send_return", BUYER, parcel_id="r1", carrier="dhl").code == "parcel_known"
    assert {returned_with(life.order, parcel) for parcel in ("r1", "r2")} == {claim_of(life)}


def test_a_snapshot_of_before_a_claim_kept_its_earlier_returns_is_still_read() -> None:
    plain = wire.to_plain(return_sent().order)
    assert "earlier" not in plain["claims"][0], "one return needs no more room than before"
    assert wire.from_plain(Order, plain).claims[0].returns[0].parcel_id == "r1"


def test_an_arrival_that_names_no_parcel_is_that_of_the_last_return() -> None:
    life = sent_again()
    life.order = apply_all(life.order, [ReturnArrived("c1", life.now)])
    assert arrived(life) == [("r1", False), ("r2", True)]


def test_a_parcel_that_follows_the_goods_undoes_no_decision_that_knew_of_them() -> None:
    life = sent_again()
    scanned(life, Milestone.DELIVERED, "r1")
    life.do("inspect_return", SELLER, finding="used")
    life.until("decision_stands")
    life.settle_money()
    life.do("open_claim", BUYER, reason="wrong_item", lines=["a"])
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    scanned(life, Milestone.DELIVERED, "r2")
    assert [claim.status for claim in life.order.claims] == [Status.RESOLVED, Status.REJECTED]
