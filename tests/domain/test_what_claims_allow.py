"""What a claim's steps give, take and leave behind, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.claims.case import Status, Verdict
from domain.state import Funds, Role
from tests.domain.claims_world import BUYER, SELLER, bought, countered, missing, received
from tests.domain.world import POLICY, Life


@pytest.mark.parametrize("who", [BUYER, SELLER])
def test_no_offer_outlives_the_step_that_hands_the_claim_to_the_platform(who: Role) -> None:
    life = countered()
    life.do("escalate_claim", who)
    (claim,) = life.order.claims
    assert (claim.status, claim.offer) == (Status.ESCALATED, None)


def woken(days: int) -> Life:
    """The buyer has waited longer, once."""
    life = missing()
    life.do("wait_on_claim", BUYER, days=days)
    life.until("claim_wakes")
    return life


def test_a_second_wait_is_given_what_the_first_one_left_of_the_allowance_and_no_more() -> None:
    most = POLICY.wait_longer.most
    life = woken(most - 2)
    refused = life.refused("wait_on_claim", BUYER, days=3)
    assert (refused.code, refused.reason) == ("more_than_allowed", "up to 2 more days can be given, not 3")
    life.do("wait_on_claim", BUYER, days=2)


def test_fees_of_more_than_a_return_is_worth_leave_the_seller_all_and_take_no_more() -> None:
    fees = replace(POLICY.claims, handling_basis_points=5000, used_basis_points=6000)
    life = received("changed_mind", bought(replace(POLICY, claims=fees), prices=("400.00",)))
    for step, who, body in (
        ("grant_claim", SELLER, {}),
        ("send_return", BUYER, {"parcel_id": "r1", "carrier": "dhl"}),
        ("receive_return", SELLER, {}),
        ("inspect_return", SELLER, {"finding": "used"}),
    ):
        life.do(step, who, **body)
    ruling = life.order.claims[0].ruling
    assert ruling is not None
    assert (ruling.verdict, ruling.parts) == (Verdict.PART_REFUND, ())
    life.until("decision_stands")
    life.settle_money()
    assert life.order.line("a").funds is Funds.RELEASED
