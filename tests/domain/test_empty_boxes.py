"""A return in which the goods were missing: what it says while its claim is open, and what it says later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.claims.case import Status
from domain.claims.goods import went_back
from domain.money import Verb
from domain.state import LineState
from tests.domain.claims_world import BUYER, NOTE, OTHER_JUDGE, SELLER, SPECIALIST, found_missing, return_back
from tests.domain.world import Life, scan

HOW = pytest.mark.parametrize("how", ["by parcel", "by hand"])


def status(life: Life) -> Status:
    return life.order.claims[-1].status


def over(how: str) -> Life:
    """The platform does not believe the buyer of an empty box."""
    life = found_missing(how)
    life.do("decide_claim", SPECIALIST, verdict="release", **NOTE)
    life.until("decision_stands")
    life.settle_money()
    return life


def claimed_again(how: str) -> Life:
    """The buyer claims for the same line once more."""
    life = over(how)
    life.do("open_claim", BUYER, reason="wrong_item", lines=["a"])
    return life


@HOW
def test_a_later_claim_asks_for_goods_that_were_not_in_an_earlier_ones_box(how: str) -> None:
    life = claimed_again(how)
    life.do("grant_claim", SELLER)
    assert status(life) is Status.RETURN_REQUESTED
    assert Verb.REFUND not in life.moved


def withdrawn(life: Life) -> None:
    life.do("withdraw_claim", BUYER)


def lapsed(life: Life) -> None:
    life.do("answer_claim", SELLER, **NOTE)
    life.until("claim_lapses")


@pytest.mark.parametrize(("ends", "to"), [(withdrawn, Status.RESOLVED), (lapsed, Status.CLOSED)])
@HOW
def test_a_later_claim_about_goods_that_its_buyer_still_has_ends_as_any_other(
    how: str, ends: Callable[[Life], None], to: Status
) -> None:
    life = claimed_again(how)
    ends(life)
    assert status(life) is to
    assert life.order.line("a").state is LineState.ACCEPTED


@HOW
def test_while_an_empty_box_is_decided_about_nobody_asks_for_the_goods_again_and_no_silence_decides(how: str) -> None:
    life = found_missing(how)
    assert went_back(life.order, life.order.claims[0])
    assert life.refused("decide_claim", SPECIALIST, verdict="return_first", **NOTE).code == "return_known"
    life.refused("withdraw_claim", BUYER)


def test_goods_that_were_found_in_their_box_are_the_sellers_also_for_a_later_claim() -> None:
    life = return_back()
    life.do("inspect_return", SELLER, finding="used")
    life.until("decision_stands")
    life.do("open_claim", BUYER, reason="damaged", lines=["a"])
    assert went_back(life.order, life.order.claims[-1])


@HOW
def test_what_the_carrier_brings_after_an_empty_box_is_decided_about_anew(how: str) -> None:
    life = over(how)
    scan(life, "p1", "returned")
    assert (status(life), life.order.line("a").held) == (Status.ESCALATED, "claim:c1")
    life.do("decide_claim", OTHER_JUDGE, verdict="refund", **NOTE)
    life.settle_money()
    assert life.order.line("a").state is LineState.REFUNDED
