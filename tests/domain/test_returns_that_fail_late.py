"""A return fails after its claim was decided, or while the decision waits for a second operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.claims.case import Claim, Finding, ReturnParcel, Status
from domain.money import Verb
from domain.parcels.parcel import Milestone
from domain.state import Cause, Funds
from domain.tickets import facts_digest
from tests.domain.claims_world import BUYER, NOTE, OPERATOR, OTHER_JUDGE, SELLER, SPECIALIST, bought, return_sent
from tests.domain.test_goods_with_the_seller import ends, returning_and_decided
from tests.domain.test_returns_that_fail import scanned, statuses
from tests.domain.world import SECOND_OPERATOR, Life, delivered

FAILED = [Milestone.LOST, Milestone.RETURNED]


@pytest.mark.parametrize("milestone", FAILED)
@pytest.mark.parametrize("verdict", ["refund", "part_refund"])
def test_a_refund_that_waits_is_decided_anew_by_somebody_else_when_the_goods_will_not_come(
    verdict: str, milestone: Milestone
) -> None:
    life = returning_and_decided(verdict)
    life.now += timedelta(hours=2)
    scanned(life, milestone)
    claim = life.order.claims[-1]
    assert (claim.status, claim.appealed, claim.ruling) == (Status.ESCALATED, True, None)
    assert [(ticket.cause, ticket.subject) for ticket in life.order.tickets] == [(Cause.CLAIM, "c1")]
    assert life.refused("decide_claim", SPECIALIST, verdict="refund", **NOTE).code == "own_decision"
    life.do("decide_claim", OTHER_JUDGE, verdict="release", **NOTE)
    assert ends(life) == (Status.CLOSED, Funds.RELEASED)
    assert Verb.REFUND not in life.moved


@pytest.mark.parametrize("milestone", FAILED)
def test_a_rejection_stands_when_the_goods_go_back_to_the_buyer(milestone: Milestone) -> None:
    life = returning_and_decided("release")
    scanned(life, milestone)
    assert (statuses(life), life.order.tickets) == ([Status.REJECTED], ())
    assert not life.order.claims[-1].goods_travel


def asked_for_approval() -> Life:
    """A large refund is decided on while the goods travel, and waits for a second operator."""
    life = delivered(bought(prices=("900.00", "100.00")))
    life.do("open_claim", BUYER, reason="not_as_described", lines=["a"])
    life.do("grant_claim", SELLER)
    life.do("send_return", BUYER, parcel_id="r1", carrier="dhl")
    life.do("escalate_claim", SELLER)
    assert life.do("decide_claim", OPERATOR, verdict="refund", **NOTE).step == "ask_second_operator"
    life.now += timedelta(hours=2)
    return life


@pytest.mark.parametrize("milestone", FAILED)
def test_an_approval_ends_when_the_return_fails_that_the_first_operator_reckoned_with(milestone: Milestone) -> None:
    life = asked_for_approval()
    waiting = life.order.approval
    assert waiting is not None
    scanned(life, milestone)
    assert (life.order.approval, statuses(life)) == (None, [Status.ESCALATED])
    assert life.refused("approve", SECOND_OPERATOR, digest=waiting.digest).code == "waits_for_approval"


FACTS: Mapping[str, Callable[[Claim], Claim]] = {
    "that a return has failed": lambda claim: replace(
        claim, back=replace(claim.back, failed_at=claim.since) if claim.back else None
    ),
    "which parcel it is in": lambda claim: replace(claim, back=ReturnParcel("r2", "dhl", claim.since)),
    "that there was another before": lambda claim: replace(
        claim, earlier=(ReturnParcel("r0", "dhl", claim.since, failed_at=claim.since),)
    ),
}


def digests(before: Claim, change: Callable[[Claim], Claim]) -> set[str]:
    order = return_sent().order
    return {facts_digest(replace(order, claims=(claim,)), "refund", "{}") for claim in (before, change(before))}


@pytest.mark.parametrize("fact", FACTS)
def test_what_is_approved_is_told_by_each_fact_of_a_return_alone(fact: str) -> None:
    [sent] = return_sent().order.claims
    assert len(digests(sent, FACTS[fact])) == 2


def test_what_is_approved_is_told_by_what_was_found_in_a_return() -> None:
    [sent] = return_sent().order.claims
    back = replace(sent, handed_back_at=sent.since)
    assert len(digests(back, lambda claim: replace(claim, finding=Finding.USED))) == 2


def test_what_is_approved_is_told_by_the_arrival_of_a_return_that_had_failed() -> None:
    [sent] = return_sent().order.claims
    assert sent.back is not None
    failed = replace(sent, back=replace(sent.back, failed_at=sent.since))
    arrived = replace(sent.back, failed_at=sent.since, arrived_at=sent.since)
    assert len(digests(failed, lambda claim: replace(claim, back=arrived))) == 2
