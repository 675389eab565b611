from __future__ import annotations

from domain.parcels.parcel import Milestone, Proof
from domain.state import Stage
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace


async def test_a_smooth_life_pays_the_seller_less_the_fee_and_closes(market: Marketplace) -> None:
    life = await market.order()
    assert life.stage() is Stage.PLACED
    await life.send("confirm", SELLER)
    shipped = await life.ship()
    assert shipped["payment"] == "pending"
    await life.scan(Milestone.DELIVERED, proof=Proof.STRONG)
    assert life.stage() is Stage.DELIVERED
    await life.send("receive", BUYER)
    assert life.money() == {"captured": "64.90 EUR", "released": "60.10 EUR", "fees": "4.80 EUR"}
    await life.until("close")
    assert await life.result() == Stage.CLOSED
    assert life.effects() == ["authorise", "capture", "transfer"]
    assert life.steps() == ["place", "confirm", "ship", "parcel_scan", "receive", "close"]
