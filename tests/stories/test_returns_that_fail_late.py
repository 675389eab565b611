"""A return that goes back to its buyer after the refund was decided: both sides are told, and somebody else decides."""

from __future__ import annotations

from domain.claims.case import Status
from domain.parcels.parcel import Milestone
from domain.state import Funds
from tests.life import BUYER, SELLER, SPECIALIST
from tests.marketplace import Marketplace
from tests.stories.claims import claimed, decide, status


async def test_a_refund_that_waits_for_an_appeal_is_not_made_to_a_buyer_whose_goods_go_back_to_him(
    market: Marketplace,
) -> None:
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    await life.send("send_return", BUYER, parcel_id="r1", carrier="DHL")
    await life.send("escalate_claim", SELLER)
    await decide(life, "refund")
    await life.scan(Milestone.RETURNED, "r1")
    assert status(life) is Status.ESCALATED
    assert [life.told(role)[-1] for role in (BUYER, SELLER, SPECIALIST)] == ["claim", "claim", "ticket_opened"]
    await decide(life, "release", by="specialist-2")
    await life.rest()
    assert (status(life), life.state().line("L1").funds) == (Status.CLOSED, Funds.RELEASED)
