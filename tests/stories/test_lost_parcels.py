"""A lost parcel: the buyer gets the money back, and the carrier owes what its terms say."""

from __future__ import annotations

from typing import Any

import pytest

from domain.parcels.parcel import Loss, Milestone
from domain.policy import Policy
from domain.state import Actor, Cause, Role, Stage
from starter.reader import Reader
from starter.records import Records
from tests.life import BUYER, OPERATOR, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace


@pytest.mark.parametrize(
    ("about", "pays"),
    [
        ({}, "60.00 EUR"),  # both lines, which is less than DHL includes by policies/standard.toml
        ({"lines": ["L2"]}, "20.00 EUR"),
        ({"service": "Kleinpaket", "insured": "50.00 EUR"}, "0.00 EUR"),
    ],
)
async def test_the_carriers_terms_decide_what_a_lost_parcel_pays_and_nothing_about_the_refund(
    market: Marketplace, about: dict[str, Any], pays: str
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship(**about)
    await life.scan(Milestone.LOST)
    assert owed(life) == pays
    shown = {role: seen(life, role) for role in (BUYER, SELLER, SPECIALIST)}
    assert shown == {BUYER: "", SELLER: pays, SPECIALIST: pays}
    [open_] = Reader(Records(market.engine, market.vault)).why(life.order_id).open
    assert f"parcel_lost (p1, the carrier pays {pays})" in open_.what
    assert life.told(SELLER)[-1] == "parcel_lost"
    assert life.told(SPECIALIST) == ["ticket_opened"]

    policy = life.state().policy.to_plain()
    without_terms = Policy.from_plain(policy | {"version": "2", "lost_parcel": {}})
    await life.desk("adopt_policy", OPERATOR, policy=without_terms.to_plain())
    lost = life.state().parcels[0].lines
    await life.desk("refund", lines=list(lost), ticket=life.ticket(Cause.PARCEL_LOST).ticket_id)
    assert {life.state().line(line_id).funds for line_id in lost} == {"refunded"}
    assert owed(life) == pays, "reckoned once, by the terms of its day"


async def test_a_parcel_that_nobody_decides_about_is_refunded_and_still_owed_for(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await life.ship()
    await life.scan(Milestone.LOST)
    await life.until("held_escrow_ends")
    assert await life.result() == Stage.REFUNDED
    assert life.money() == {"captured": "64.90 EUR", "refunded": "64.90 EUR"}
    assert seen(life, SELLER) == owed(life) == "60.00 EUR"


def owed(life: Life) -> str:
    [parcel] = life.state().parcels
    assert isinstance(parcel.loss, Loss)
    return str(parcel.loss.pays)


def seen(life: Life, role: Role) -> str:
    actor: Actor = life.actor(role)
    return Reader(Records(life.market.engine, life.market.vault)).show(life.order_id, actor).parcels[0].carrier_pays
