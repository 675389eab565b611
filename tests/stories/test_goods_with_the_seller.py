"""Stories of goods that the seller has while their claim goes on: no silence pays him as well."""

from __future__ import annotations

import pytest

from domain.claims.case import Status
from domain.errors import Refused
from domain.parcels.parcel import Milestone
from domain.state import Cause, Funds
from tests.life import BUYER, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace
from tests.stories.claims import DAY, claimed, decide, escalated, proof, status


async def returning(market: Marketplace) -> Life:
    """The buyer has sent the goods back."""
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    return life


def funds(life: Life) -> Funds:
    return life.state().line("L1").funds


async def test_goods_that_the_carrier_brings_back_during_a_claim_are_not_paid_for_by_the_buyers_silence(
    market: Marketplace,
) -> None:
    life = await claimed(market, "damaged")
    await life.scan(Milestone.RETURNED)
    await life.send("answer_claim", SELLER, evidence=[proof(life, SELLER)])
    await life.until("claim_lapses")
    assert (status(life), life.ticket(Cause.CLAIM).subject) == (Status.ESCALATED, "c1")
    await life.until("claim_times_out")
    await life.pass_time(DAY)
    assert (status(life), funds(life)) == (Status.RESOLVED, Funds.REFUNDED)


async def test_a_return_that_arrives_after_its_claim_was_rejected_is_decided_about_anew(market: Marketplace) -> None:
    life = await returning(market)
    await life.send("escalate_claim", BUYER)
    await decide(life, "release")
    await life.until("decision_stands")
    assert (status(life), funds(life)) == (Status.CLOSED, Funds.RELEASED)
    await life.scan(Milestone.DELIVERED, "r1")
    assert (status(life), life.state().line("L1").held) == (Status.ESCALATED, "claim:c1")
    assert [life.told(role)[-1] for role in (BUYER, SELLER, SPECIALIST)] == ["claim", "claim", "ticket_opened"]
    await decide(life, "refund", by="specialist-2")
    await life.rest()
    assert (status(life), funds(life)) == (Status.RESOLVED, Funds.REFUNDED)


async def test_a_buyer_does_not_withdraw_by_a_slip_when_the_goods_are_on_their_way_back(market: Marketplace) -> None:
    life = await returning(market)
    await life.send("escalate_claim", BUYER)
    with pytest.raises(Refused, match="are with the seller, or on their way there; the platform decides"):
        await life.send("withdraw_claim", BUYER)
    await life.scan(Milestone.DELIVERED, "r1")
    with pytest.raises(Refused, match="the platform decides"):
        await life.send("withdraw_claim", BUYER)
    await life.until("claim_times_out")
    await life.pass_time(DAY)
    assert (status(life), funds(life)) == (Status.RESOLVED, Funds.REFUNDED)


async def test_an_answer_says_something_and_the_desks_question_gives_it_no_new_time(market: Marketplace) -> None:
    life = await escalated(market)
    await life.until("ticket_overdue")
    before = life.ticket(Cause.CLAIM)
    await life.desk("ask_party", of="seller", ticket=before.ticket_id)
    with pytest.raises(Refused, match="says nothing"):
        await life.send("answer_claim", SELLER)
    await life.send("answer_claim", SELLER, evidence=[proof(life, SELLER)])
    after = life.ticket(Cause.CLAIM)
    assert (after.escalations, after.due - before.due < DAY) == (1, True)
