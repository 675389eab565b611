"""A return is late, another one is sent, and then the first arrives: wherever the claim is shown, both are told of."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

from activities.store.desk.sheets import Wanted, cases
from domain.claims.case import Status
from domain.parcels.parcel import Milestone
from domain.state import Actor, Funds
from starter.cases.desk import Cases
from starter.client import AftersaleClient
from starter.pack.packer import Packer
from starter.records import Records
from tests.life import BUYER, COMMAND_KEY, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace
from tests.stories.claims import case, claimed, decide, status

ANNA = Actor(SPECIALIST, "anna")


async def sent_twice(market: Marketplace, client: AftersaleClient) -> Life:
    """Both returns under numbers of their own; the platform asked for the second when the first was late."""
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    for parcel, carrier in (("r1", "DHL"), ("r2", "UPS")):
        if parcel == "r2":
            await life.until("return_missing")
            await decide(life, "return_first")
        await client.send_return(
            life.order_id,
            life.actor(BUYER),
            carrier=carrier,
            tracking_number=f"NUMBER0000{parcel}".upper(),
            parcel_id=parcel,
        )
        await life.rest()
    return life


async def test_a_late_return_for_which_another_was_sent_is_inspected_and_both_are_told_of(
    market: Marketplace, tmp_path: Path
) -> None:
    records = Records(market.engine, market.vault)
    life = await sent_twice(market, AftersaleClient(market.client, records, COMMAND_KEY))
    await life.scan(Milestone.DELIVERED, "r1")
    assert (status(life), [back.arrived_at is not None for back in case(life).returns]) == (
        Status.RETURN_RECEIVED,
        [True, False],
    )
    Packer(records).write(life.order_id, ANNA, tmp_path / "pack.zip")
    _, *backs = json.loads(ZipFile(tmp_path / "pack.zip").read("parcels.json"))
    assert [(back["parcel_id"], back["tracking_number"], bool(back["arrived_at"])) for back in backs] == [
        ("r1", "NUMBER0000R1", True),
        ("r2", "NUMBER0000R2", False),
    ]
    told = Cases(records).show(life.order_id, ANNA).returned
    assert [part in told for part in ("Parcel r1 by DHL", "arrived", "Parcel r2 by UPS", "on its way")] == [True] * 4
    client = AftersaleClient(market.client, records, COMMAND_KEY)
    lines = (await client.thread(life.order_id, ANNA)).lines
    assert [line.text for line in lines if line.who == "buyer"] == [
        "A return was sent with DHL.",
        "A return was sent with UPS.",
    ]
    with market.engine.begin() as conn:
        row = next(
            each
            for each in cases(conn, market.vault, Wanted(ANNA, ()))
            if each and each.order.order_id == life.order_id
        )
    assert row.back is not None
    assert (row.back["parcel_id"], "arrived_at" in row.back) == ("r1", True)
    await life.send("inspect_return", SELLER, finding="as_sent")
    await life.rest()
    assert (status(life), life.state().line("L1").funds) == (Status.RESOLVED, Funds.REFUNDED)
