"""A ticket stands until something is done about it, and an approval only as long as what it was asked about."""

from __future__ import annotations

import pytest

from domain.errors import Refused
from domain.parcels.parcel import Milestone, Proof
from domain.state import Actor, Cause, Stage
from tests.life import BUYER, OPERATOR, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace

OTHER_OPERATOR = Actor(OPERATOR, "operator-2")


async def two_parcels(market: Marketplace, *prices: str) -> Life:
    """Line ``L1`` in parcel ``p1`` on its way, ``L2`` in ``p2`` delivered."""
    life = await market.order(market.preauthorised(market.checkout(prices=prices)))
    await life.send("confirm", SELLER)
    await life.ship(lines=["L1"])
    await life.ship("p2", lines=["L2"])
    await life.scan(Milestone.DELIVERED, "p2", Proof.WEAK)
    return life


async def test_the_ticket_of_a_lost_parcel_stands_until_its_line_is_decided_about(market: Marketplace) -> None:
    life = await two_parcels(market, "40.00", "20.00")
    await life.scan(Milestone.LOST, "p1")
    ticket = life.ticket(Cause.PARCEL_LOST)
    for name, body in (("note", {}), ("release", {"lines": ["L2"]})):
        with pytest.raises(Refused) as refused:
            await life.desk(name, SPECIALIST, ticket=ticket.ticket_id, **body)
        assert refused.value.code == "not_of_ticket"
    await life.desk("note", SPECIALIST)
    await life.desk("release", SPECIALIST)
    assert life.state().tickets == (ticket,), "nobody has decided about the lost line"
    assert [line.held for line in life.state().lines] == ["parcel:p1", ""]
    assert "refunded" not in life.money()
    await life.desk("refund", SPECIALIST, ticket=ticket.ticket_id)
    assert life.state().tickets == ()
    assert life.money()["refunded"] == "40.00 EUR"


async def test_a_seller_is_not_paid_for_a_parcel_that_was_lost_while_the_second_operator_was_asked(
    market: Marketplace,
) -> None:
    life = await two_parcels(market, "900.00", "20.00")
    await life.desk("release", OPERATOR)
    waiting = life.state().approval
    assert waiting is not None
    await life.scan(Milestone.LOST, "p1")
    assert life.state().approval is None
    with pytest.raises(Refused) as refused:
        await life.desk("approve", OTHER_OPERATOR, note_id=None, digest=waiting.digest)
    assert refused.value.code == "waits_for_approval"
    assert "released" not in life.money()
    await life.desk("refund", OPERATOR, ticket=life.ticket(Cause.PARCEL_LOST).ticket_id)
    asked_anew = life.state().approval
    assert asked_anew is not None
    await life.desk("approve", OTHER_OPERATOR, note_id=None, digest=asked_anew.digest)
    await life.send("receive", BUYER)
    await life.until("close")
    assert await life.result() == Stage.CLOSED
    assert life.money()["refunded"] == "900.00 EUR"
