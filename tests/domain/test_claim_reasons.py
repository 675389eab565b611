"""A policy's numbers of claims are others for some reasons, and what has arrived is claimed for in time."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from domain import wire
from domain.business_time import add_business_days
from domain.claims.case import ClaimReason, Status
from domain.claims.terms import numbers_for
from domain.deadlines import deadlines
from domain.decide import possible
from domain.errors import Invalid
from domain.policy import Policy
from domain.policy.exceptions import Exceptional, Exceptions
from domain.policy.file import check, load
from domain.policy.units import business_days
from domain.state import Order
from tests.domain.claims_world import BUYER, NOTE, SELLER, SPECIALIST, bought, received
from tests.domain.test_claim_exceptions import order
from tests.domain.world import ACTORS, Life, delivered, shipped

FILE = """
name = "test"

[aftersale]
window = "60 days"

[[claims.exceptions]]
reasons = ["damaged", "incomplete"]
report = "7 days"
answer = "1 business day"

[[claims.exceptions]]
reasons = ["damaged"]
categories = ["books"]
report = "21 days"
cheap = { EUR = "500.00" }

[[claims.exceptions]]
sellers = ["seller-2"]
reasons = ["not_as_described"]
report = "3 days"
"""
POLICY = load(FILE, "test.toml")
A_SECOND = timedelta(seconds=1)
NAMES = st.lists(st.sampled_from(["x", "y"]), max_size=1).map(tuple)
REASONS = st.lists(st.sampled_from(list(ClaimReason)), max_size=3, unique=True).map(tuple)


def arrived(of: Order) -> Life:
    """All has arrived, and the buyer has said so, so that nothing else ends meanwhile."""
    life = delivered(of, "strong")
    life.do("receive", BUYER)
    return life


@given(
    st.lists(st.builds(Exceptional, NAMES, NAMES, REASONS, st.integers(1, 30).map(lambda n: (("answer", n),)))),
    st.sampled_from(["x", "y", "z"]),
    st.sampled_from(["x", "y", ""]),
    st.sampled_from(list(ClaimReason)),
)
def test_the_last_exception_that_fits_seller_category_and_reason_counts_also_among_those_that_an_order_keeps(
    exceptions: list[Exceptional], seller: str, category: str, reason: ClaimReason
) -> None:
    expected = Policy(name="").claims.answer
    for each in exceptions:
        about = ((each.sellers, seller), (each.categories, category), (each.reasons, reason))
        if all(value in named for named, value in about if named):
            expected = dict(each.numbers)["answer"]
    claims = replace(Policy(name="").claims, exceptions=tuple(exceptions))
    kept = claims.narrowed(seller, [category])
    assert claims.where(seller, [category], reason).answer == kept.where(seller, [category], reason).answer == expected
    assert [claims.where(seller, ["x", "y"], reason)] == [claims.where(seller, [""], reason)]


def test_exceptions_by_reason_are_kept_with_the_order_as_far_as_they_concern_it_and_can_be_written_again() -> None:
    check(POLICY)
    assert Policy.from_plain(json.loads(json.dumps(POLICY.to_plain()))) == POLICY
    placed = order("books", policy=replace(POLICY, claims=POLICY.claims.narrowed("seller-1", ["books"])))
    kept = wire.from_plain(Order, json.loads(json.dumps(wire.to_plain(placed)))).policy.claims.exceptions
    assert [each.reasons for each in kept] == [("damaged", "incomplete"), ("damaged",)]
    plain = wire.to_plain(placed)["policy"]["claims"]["exceptions"]
    assert plain[0] == {"reasons": ["damaged", "incomplete"], "answer": 1, "report": 7}


@dataclass(frozen=True, slots=True)
class Other:
    """A section that knows no reasons."""

    answer: int = business_days(1, "Any.")


def test_a_section_that_knows_no_reasons_takes_none() -> None:
    kind = Exceptions()
    kind.of(Other)
    with pytest.raises(Invalid, match="is not known here; known: sellers, categories, answer"):
        kind.parse("other.exceptions", [{"reasons": ["damaged"], "answer": "2 business days"}])
    with pytest.raises(Invalid, match="names neither sellers nor categories"):
        kind.parse("other.exceptions", [{"answer": "2 business days"}])


def test_a_claim_goes_by_the_numbers_for_its_reason() -> None:
    for reason, days in (("damaged", 1), ("not_as_described", 2)):
        life = received(reason, order("", policy=POLICY))
        until = add_business_days(life.order.seller_calendar, life.now, days)
        assert [clock.at for clock in deadlines(life.order) if clock.step == "claim_unanswered"] == [until]
    wanted = replace(POLICY, claims=replace(POLICY.claims, return_reasons=tuple(ClaimReason)))
    for reason, status in (("damaged", Status.RESOLVED), ("not_as_described", Status.RETURN_REQUESTED)):
        life = received(reason, order("books", policy=wanted))
        life.do("grant_claim", SELLER)
        life.settle_money()
        assert life.order.claims[0].status is status


@pytest.mark.parametrize(
    ("category", "reason", "days"), [("", "damaged", 7), ("", "incomplete", 7), ("books", "damaged", 21)]
)
def test_a_buyer_may_claim_up_to_the_last_instant_after_arrival_and_a_specialist_later(
    category: str, reason: str, days: int
) -> None:
    life = arrived(order(category, "", policy=POLICY))
    end = life.order.parcels[0].moved_at
    assert end is not None
    life.now = end + timedelta(days=days) + A_SECOND
    refusal = life.refused("open_claim", BUYER, reason=reason, lines=["a"])
    assert refusal.code == "claim_window"
    assert refusal.reason.startswith(f"{reason} could be claimed for line a until {life.now:%Y-%m-%d}; ")
    life.now -= A_SECOND
    life.do("open_claim", BUYER, reason=reason, lines=["a"])
    life.now += A_SECOND
    if not category:
        life.do("open_claim", SPECIALIST, reason=reason, lines=["b"], **NOTE)


def test_a_reason_that_has_no_window_is_open_as_long_as_the_order_takes_claims() -> None:
    life = arrived(order("", policy=POLICY))
    life.now += timedelta(days=30)
    assert life.refused("open_claim", BUYER, reason="damaged").code == "claim_window"
    life.do("open_claim", BUYER, reason="not_as_described")
    assert life.order.claims[0].reason is ClaimReason.NOT_AS_DESCRIBED


def test_a_claim_without_named_lines_is_about_those_whose_window_is_open() -> None:
    life = arrived(order("books", "", policy=POLICY))
    life.now += timedelta(days=10)
    life.do("open_claim", BUYER, reason="damaged")
    assert life.order.claims[0].lines == ("a",)


def test_goods_that_have_not_arrived_have_no_window_from_arrival() -> None:
    life = shipped(bought(replace(POLICY, claims=replace(POLICY.claims, report=1, exceptions=()))))
    life.now += timedelta(days=20)
    life.do("open_claim", BUYER, reason="not_received", lines=["a"])


def test_a_claim_is_offered_as_long_as_one_reason_is_open_and_no_longer() -> None:
    claims = load('name = "x"\n[claims]\nreport = "5 days"\nreturn_window = "9 days"\n', "x.toml").claims
    life = arrived(order("", policy=replace(POLICY, claims=claims)))
    end = life.order.parcels[0].moved_at
    assert end is not None
    life.now = end + timedelta(days=9)
    assert "open_claim" in possible(life.order, ACTORS[BUYER], life.now)
    life.now += A_SECOND
    assert "open_claim" not in possible(life.order, ACTORS[BUYER], life.now)
    assert life.refused("open_claim", BUYER, reason="damaged").reason.startswith("the time to claim for what has arr")


LATER = """
name = "test"
[claims]
late = "2 days"
most = "1 claim"
[[claims.exceptions]]
reasons = ["incomplete"]
late = "30 days"
most = "2 claims"
"""


def test_the_time_after_the_end_and_the_number_of_claims_go_by_the_reason() -> None:
    life = arrived(order("", policy=load(LATER, "test.toml")))
    life.do("open_claim", BUYER, reason="damaged")
    life.do("withdraw_claim", BUYER)
    assert life.refused("open_claim", BUYER, reason="damaged").code == "claims_left"
    life.wait(days=100)
    assert life.order.closed_at is not None
    life.now = life.order.closed_at + timedelta(days=20)
    assert life.refused("open_claim", BUYER, reason="damaged").code == "claim_window"
    life.do("open_claim", BUYER, reason="incomplete")
    assert life.order.claims[1].reason is ClaimReason.INCOMPLETE
    assert numbers_for(life.order, life.order.lines, ClaimReason.DAMAGED).late == 2
