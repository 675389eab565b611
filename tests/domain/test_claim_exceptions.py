"""A policy's numbers of claims are others for some sellers and categories, kept with the order from checkout."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain import wire
from domain.business_time import add_business_days
from domain.checkout import Checkout, place
from domain.claims.case import ClaimReason, Status
from domain.claims.terms import numbers_for
from domain.deadlines import deadlines
from domain.policy import Policy
from domain.policy.file import check, load
from domain.state import Order, Role
from starter.cases.terms import terms
from tests.domain.claims_world import NOTE, bought, received
from tests.domain.world import START, WEEKS, Life, delivered, new_order

BUYER, SELLER, SPECIALIST, OPERATOR = Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR

EXAMPLES = Path(__file__).parents[2] / "examples"
FILE = """
name = "test"

[claims]
answer = "3 business days"

[[claims.exceptions]]
categories = ["books"]
return_window = "30 days"
cheap = { EUR = "500.00" }

[[claims.exceptions]]
sellers = ["seller-1"]
answer = "1 business day"

[[claims.exceptions]]
sellers = ["seller-1"]
categories = ["lamps"]
handling_basis_points = 0
late = "90 days"
most = "1 claim"

[[claims.exceptions]]
sellers = ["seller-2"]
answer = "4 business days"
"""
POLICY = load(FILE, "test.toml")


def order(*categories: str, policy: Policy = POLICY) -> Order:
    """An order of seller-1 whose dear lines are of these categories."""
    placed = new_order(policy, prices=("400.00",) * len(categories), shipping="0.00")
    lines = (replace(line, category=of) for line, of in zip(placed.lines, categories, strict=True))
    return replace(placed, policy=policy, lines=tuple(lines))


def claimed(of: Order, reason: str = "changed_mind", line: str = "a") -> Life:
    """A claim about one line that has arrived."""
    life = delivered(of)
    life.do("open_claim", BUYER, reason=reason, lines=[line])
    return life


def test_the_later_of_two_exceptions_that_fit_counts_and_several_categories_have_none() -> None:
    mixed = order("books", "lamps", "")
    books, lamps, others = ([line] for line in mixed.lines)
    of = [numbers_for(mixed, lines, ClaimReason.CHANGED_MIND) for lines in (books, lamps, others, mixed.lines)]
    assert [numbers.answer for numbers in of] == [1, 1, 1, 1]
    assert [numbers.return_window for numbers in of] == [30, 14, 14, 14]
    assert [numbers.handling_basis_points for numbers in of] == [500, 0, 500, 500]


def test_an_order_keeps_the_exceptions_that_can_concern_it_and_no_others() -> None:
    assert [each.sellers for each in new_order(POLICY).policy.claims.exceptions] == [("seller-1",)]
    kept = POLICY.claims.narrowed("seller-2", ["books"]).exceptions
    assert [(each.sellers, each.categories) for each in kept] == [((), ("books",)), (("seller-2",), ())]
    assert wire.from_plain(Order, json.loads(json.dumps(wire.to_plain(order("books"))))) == order("books")


def test_the_category_of_a_checkouts_line_is_kept_with_the_order() -> None:
    document = json.loads((EXAMPLES / "checkout.json").read_text())
    del document["people"], document["address"]
    document["lines"][0]["category"] = "books"
    placed = place(wire.from_plain(Checkout, document), POLICY, WEEKS, WEEKS, WEEKS, START)
    assert [line.category for line in placed.lines[:2]] == ["books", ""]
    assert [each.categories for each in placed.policy.claims.exceptions] == [("books",), ()]


def test_a_policy_with_exceptions_can_be_written_as_a_file_again() -> None:
    check(POLICY)
    assert Policy.from_plain(POLICY.to_plain()) == POLICY


def test_what_a_policy_adopted_says_about_others_is_left_out() -> None:
    life = delivered(bought())
    life.do("adopt_policy", OPERATOR, policy=POLICY.to_plain(), **NOTE)
    assert [each.sellers for each in life.order.policy.claims.exceptions] == [("seller-1",)]


@pytest.mark.parametrize(("category", "status"), [("books", Status.RESOLVED), ("lamps", Status.RETURN_REQUESTED)])
def test_what_is_cheap_goes_by_the_category(category: str, status: Status) -> None:
    life = claimed(order(category, policy=replace(POLICY, claims=POLICY.claims)))
    life.do("grant_claim", SELLER)
    life.settle_money()
    assert life.order.claims[0].status is status


@pytest.mark.parametrize(("category", "refunded"), [("lamps", "400.00 EUR"), ("toys", "380.00 EUR")])
def test_the_handling_fee_goes_by_seller_and_category(category: str, refunded: str) -> None:
    life = claimed(order(category))
    life.do("grant_claim", SELLER)
    life.do("send_return", BUYER, parcel_id="r1", carrier="DHL")
    life.do("receive_return", SELLER)
    life.do("inspect_return", SELLER, finding="as_sent")
    life.wait(days=10)
    assert [str(move.amount) for move in life.order.moves if move.verb == "refund"] == [refunded]


def test_the_sellers_own_window_is_the_clock_and_is_told() -> None:
    life = received(order=order("toys"))
    until = add_business_days(life.order.seller_calendar, life.now, 1)
    assert [clock.at for clock in deadlines(life.order) if clock.step == "claim_unanswered"] == [until]
    assert "The seller answers within 1 business day" in terms(life.order, life.order.claims[0])[0]


@pytest.mark.parametrize(("category", "day", "fine"), [("books", 20, True), ("lamps", 20, False), ("books", 31, False)])
def test_the_time_to_change_ones_mind_goes_by_the_category(category: str, day: int, fine: bool) -> None:
    life = delivered(order(category, policy=replace(POLICY, aftersale=replace(POLICY.aftersale, window=60))))
    life.do("receive", BUYER)
    life.now += timedelta(days=day)
    if fine:
        life.do("open_claim", BUYER, reason="changed_mind", lines=["a"])
    else:
        assert life.refused("open_claim", BUYER, reason="changed_mind", lines=["a"]).code == "return_window"


def test_the_time_after_the_end_goes_by_the_category_of_each_line() -> None:
    life = delivered(order("lamps", "toys"))
    life.do("receive", BUYER)
    life.wait(days=100)
    assert life.order.closed_at is not None
    life.now = life.order.closed_at + timedelta(days=80)
    refusal = life.refused("open_claim", BUYER, reason="damaged", lines=["b"])
    assert refusal.reason.startswith("claims end 60 days after")
    life.do("open_claim", BUYER, reason="damaged")
    assert life.order.claims[0].lines == ("a",)


def test_how_often_a_line_is_claimed_for_goes_by_its_category() -> None:
    life = claimed(order("lamps", "toys"), "damaged")
    life.do("withdraw_claim", BUYER)
    assert life.refused("open_claim", BUYER, reason="incomplete", lines=["a"]).code == "claims_left"
    life.do("open_claim", BUYER, reason="incomplete")
    assert life.order.claims[1].lines == ("b",)
