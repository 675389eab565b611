"""The seller is at fault: the desk gives the buyer the shipping back, and keeps nobody's goods."""

from __future__ import annotations

import pytest

from domain.errors import Refused
from domain.parcels.parcel import Proof
from domain.state import Stage
from tests.life import BUYER, SELLER, SPECIALIST
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale


async def test_the_desk_gives_shipping_back_while_the_lines_go_their_way(
    market: Marketplace, aftersale: Aftersale
) -> None:
    life = await market.order(market.preauthorised(market.checkout()))
    with pytest.raises(Refused) as early:
        await life.desk("refund_shipping")
    assert early.value.code == "shipping_charged"
    await life.delivered(Proof.STRONG)
    given = await aftersale("refund-shipping", life.order_id, "--reason", "sent late", "--id", "op-1")
    assert given.code == 0, given.err
    await life.rest()
    assert life.money()["refunded"] == "4.90 EUR"
    assert {"refund_shipping", "refunded"} <= set(life.told(BUYER))
    assert "refund_shipping" in life.told(SELLER)
    with pytest.raises(Refused) as twice:
        await life.desk("refund_shipping", SPECIALIST)
    assert (twice.value.code, life.money()["refunded"]) == ("shipping_stays", "4.90 EUR")
    await life.send("receive", BUYER)
    await life.rest()
    assert life.effects() == ["authorise", "capture", "refund", "transfer"]
    assert life.money() == {
        "captured": "64.90 EUR",
        "released": "55.20 EUR",
        "refunded": "4.90 EUR",
        "fees": "4.80 EUR",
    }
    sheet = (await aftersale("money", life.order_id, "--as", "specialist", "--json")).json
    assert [(booking["verb"], booking["escrow"]) for booking in sheet["bookings"]] == [
        ("capture", "64.90 EUR"), ("refund", "60.00 EUR"), ("release", "0.00 EUR")
    ]  # fmt: skip
    assert "The sums add up." in (await aftersale("money", life.order_id)).out
    await life.until("close")
    assert await life.result() == Stage.CLOSED
    await life.check()


async def test_shipping_that_was_paid_out_comes_from_the_sellers_account(
    market: Marketplace, aftersale: Aftersale
) -> None:
    life = await market.order(market.preauthorised(market.checkout()))
    await life.delivered(Proof.STRONG)
    await life.send("receive", BUYER)
    await life.rest()
    assert life.money()["released"] == "60.10 EUR"
    await life.desk("refund_shipping", SPECIALIST)
    await life.rest()
    assert life.effects() == ["authorise", "capture", "transfer", "refund", "transfer_reversal"]
    assert life.state().debt is None
    assert "owed" in life.told(SELLER)
    days = ("--from", f"{life.state().placed_at:%Y-%m-%d}", "--to", f"{await life.now():%Y-%m-%d}")
    told = await aftersale("statement", life.state().seller, *days, "--as", "seller", "--json")
    [part] = told.json["currencies"]
    names = ("verb", "gross", "fees", "paid_out", "balance")
    assert [tuple(line[name] for name in names) for line in part["lines"]] == [
        ("release", "64.90 EUR", "4.80 EUR", "60.10 EUR", "0.00 EUR"),
        ("refund", "-4.90 EUR", "0.00 EUR", "0.00 EUR", "-4.90 EUR"),
        ("reverse_release", "0.00 EUR", "0.00 EUR", "-4.90 EUR", "0.00 EUR"),
    ]  # fmt: skip
    await life.desk("refund", SPECIALIST, lines=["L1", "L2"])
    await life.rest()
    assert life.money() == {"captured": "64.90 EUR", "refunded": "64.90 EUR"}, "the shipping went back once"
    assert await life.result() == Stage.REFUNDED
    await life.check()
