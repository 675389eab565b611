"""The return of a claim that is over comes late, while another claim holds its line: that one knows of it at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.claims.case import Status
from domain.money import Verb
from domain.state import Cause, Funds
from tests.domain.claims_world import BUYER, NOTE, OTHER_JUDGE, SELLER, SPECIALIST, bought, return_sent
from tests.domain.test_goods_with_the_seller import arrives, ends
from tests.domain.world import Life, delivered, done, no, unclear


def rejected_while_it_travels(life: Life) -> Life:
    """The platform rejects the first claim before its return has come, and another one is made for line ``a``."""
    life.do("escalate_claim", SELLER)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.until("decision_stands")
    life.settle_money()
    life.do("open_claim", BUYER, reason="wrong_item", lines=["a"])
    return life


def statuses(life: Life) -> list[Status]:
    return [claim.status for claim in life.order.claims]


@pytest.mark.parametrize("verdict", ["release", "part_refund"])
def test_a_late_return_of_an_earlier_claim_is_as_good_as_an_appeal_against_the_decision_of_the_newer(
    verdict: str,
) -> None:
    life = rejected_while_it_travels(return_sent())
    life.do("escalate_claim", SELLER)
    amount = {"amount": "100.00 EUR"} if verdict == "part_refund" else {}
    life.do("decide_claim", OTHER_JUDGE, verdict=verdict, **amount, **NOTE)
    life.now += timedelta(hours=3)
    arrives(life)
    newer = life.order.claims[-1]
    assert (statuses(life), newer.appealed, newer.ruling) == ([Status.CLOSED, Status.ESCALATED], True, None)
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.CLAIM, "c2")]
    assert life.refused("decide_claim", OTHER_JUDGE, verdict="release", **NOTE).code == "own_decision"
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)


@pytest.mark.parametrize("told_where", [False, True])
def test_a_claim_asks_nobody_for_goods_that_come_back_late_for_an_earlier_one(told_where: bool) -> None:
    life = rejected_while_it_travels(return_sent())
    life.do("grant_claim", SELLER)
    if told_where:
        life.do("instruct_return", SELLER, address_id="address-2")
    arrives(life)
    assert statuses(life) == [Status.CLOSED, Status.ESCALATED]
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.CLAIM, "c2")]
    assert ends(life) == (Status.RESOLVED, Funds.REFUNDED)


def test_of_two_lines_that_come_back_late_the_one_that_is_free_is_the_earlier_claims_again() -> None:
    life = delivered(bought(prices=("300.00", "150.00")))
    life.do("open_claim", BUYER, reason="not_as_described")
    life.do("grant_claim", SELLER)
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    rejected_while_it_travels(life)
    life.do("grant_claim", SELLER)
    arrives(life)
    assert statuses(life) == [Status.ESCALATED, Status.ESCALATED]
    assert [line.held for line in life.order.lines] == ["claim:c2", "claim:c1"]
    assert {ticket.subject for ticket in life.order.tickets} == {"c1", "c2"}


def test_a_late_return_says_nothing_of_a_claim_about_another_line() -> None:
    life = return_sent()
    life.do("open_claim", BUYER, reason="damaged", lines=["b"])
    life.do("decide_claim", SPECIALIST, claim_id="c1", verdict="release", **NOTE)
    life.do("decide_claim", SPECIALIST, claim_id="c2", verdict="release", **NOTE)
    arrives(life)
    assert statuses(life) == [Status.ESCALATED, Status.REJECTED]


@pytest.mark.parametrize("asked_before", [True, False])
@pytest.mark.parametrize(
    ("verdict", "more", "in_all"),
    [("refund", "", "400.00"), ("part_refund", "50.00", "150.00"), ("release", "", "100.00")],
)
def test_what_is_decided_anew_while_a_part_is_on_its_way_back_comes_on_top_of_it(
    verdict: str, more: str, in_all: str, asked_before: bool
) -> None:
    life = return_sent()
    life.do("decide_claim", SPECIALIST, verdict="part_refund", amount="100.00 EUR", **NOTE)
    life.answer = unclear(Verb.REFUND) if asked_before else no("charge_disputed", Verb.REFUND)
    life.until("decision_stands")
    assert [str(part.amount) for part in life.order.due_back] == ["100.00 EUR"]
    arrives(life)
    assert life.order.claims[-1].status is Status.ESCALATED
    life.refused("decide_claim", OTHER_JUDGE, verdict="part_refund", amount="300.00 EUR", **NOTE)
    amount = {"amount": f"{more} EUR"} if more else {}
    life.do("decide_claim", OTHER_JUDGE, verdict=verdict, **amount, **NOTE)
    life.answer = done
    life.silence()
    assert str(life.moved[Verb.REFUND]) == f"{in_all} EUR"
    assert life.order.claims[-1].status in (Status.RESOLVED, Status.CLOSED)
