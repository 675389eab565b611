"""How goods go back, from the command line and the client: stored first, and read by three parties alone."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import select

from activities.store.tables import addresses, looks
from domain.errors import Invalid, Refused
from domain.state import Actor, Role
from starter.answers import NotFound, buyer, seller, specialist
from starter.cases.desk import Cases
from starter.client import AftersaleClient
from starter.pack.packer import Packer
from starter.records import Records
from tests.files import made
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.stories.claims import case, claimed

EVE = specialist("eve")
LINES = ("Canary Returns", "Dock 7", "10115 Berlin")
PLATFORM = Actor(Role.PLATFORM, "platform-1")


async def granted(market: Marketplace) -> Life:
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    return life


async def told(client: AftersaleClient, life: Life, by: Actor | None = None) -> str:
    """The buyer was told an address and a label; the id of the label."""
    by = by or life.actor(SELLER)
    await client.instruct_return(life.order_id, by, address_lines=LINES, label=made.png(), text="Pack it well.")
    await life.rest()
    return case(life).return_label


async def test_a_seller_says_from_the_command_line_how_goods_go_back_and_the_buyer_fetches_the_label(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    life, file, got = await granted(market), tmp_path / "label.png", tmp_path / "got.png"
    file.write_bytes(made.png())
    lines = [word for line in LINES for word in ("--address-line", line)]
    ran = await aftersale("instruct-return", life.order_id, *lines, "--label", str(file), "--command-id", "i-1")
    assert ran.code == 0, ran.err
    again = await aftersale("instruct-return", life.order_id, *lines, "--label", str(file), "--command-id", "i-1")
    assert again.code == 0, "the same command stores nothing twice"
    shown = await aftersale("claims", "show", life.order_id, "--as", "buyer")
    assert f"Goes back to: {', '.join(LINES)}\nReturn label: {case(life).return_label}" in shown.out
    assert "It was said how the items go back." in shown.out
    fetched = await aftersale(
        "files", "get", life.order_id, case(life).return_label, "--out", str(got), "--as", "buyer"
    )
    assert (fetched.code, got.read_bytes()[:4]) == (0, b"\x89PNG")
    nothing = await aftersale("instruct-return", life.order_id)
    assert (nothing.code, "--address-line" in nothing.err) == (2, True), nothing.err


@pytest.mark.parametrize("role", ["buyer", "seller", "specialist", "operator"])
async def test_its_parties_and_the_desk_read_where_goods_go_back_to(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, role: str
) -> None:
    life = await granted(market)
    label = await told(client, life)
    who = ("--id", f"{role}-9") if role in ("specialist", "operator") else ()
    ran = await aftersale("claims", "show", life.order_id, "--as", role, *who, "--json")
    assert (ran.json["return_to"], ran.json["return_label"]) == (list(LINES), label)
    assert label in [file["attachment_id"] for file in ran.json["files"]]
    with market.engine.begin() as conn:
        query = select(looks.c.actor_id).where(looks.c.order_id == life.order_id, looks.c.address_id != "")
        seen = conn.scalars(query).all()
    assert seen == ([f"{role}-9"] if who else []), "a look of the desk is recorded"


async def test_nobody_else_reads_where_goods_go_back_to(
    client: AftersaleClient, market: Marketplace, records: Records
) -> None:
    life, other = await granted(market), await granted(market)
    label = await told(client, life)
    assert await client.return_address(life.order_id, life.actor(BUYER)) == LINES
    assert await client.return_address(other.order_id, other.actor(BUYER)) == ()
    strangers = [
        other.actor(BUYER), other.actor(SELLER), buyer("somebody"), seller("somebody"), PLATFORM,
        specialist(life.actor(SELLER).id), *(Actor(role, f"{role}-1") for role in (Role.CARRIER, Role.STOREFRONT)),
    ]  # fmt: skip
    for who in strangers:
        with pytest.raises(NotFound):
            Cases(records).show(life.order_id, who)
        with pytest.raises(NotFound):
            await client.return_address(life.order_id, who)
        with pytest.raises(NotFound):
            await client.file(life.order_id, who, label)


async def test_who_may_not_say_it_stores_nothing(client: AftersaleClient, market: Marketplace) -> None:
    life = await granted(market)
    for who in (life.actor(BUYER), seller("somebody"), Actor(Role.CARRIER, "carrier-1"), EVE):
        with pytest.raises(NotFound):
            await client.instruct_return(life.order_id, who, address_lines=LINES, label=made.png())
    with market.engine.begin() as conn:
        query = select(addresses.c.address_id).where(addresses.c.order_id == life.order_id)
        assert conn.scalars(query).all() == [life.state().address_id]
    assert await client.files(life.order_id, EVE) == ()
    assert not case(life).instructed


async def test_what_is_not_stored_for_it_or_given_twice_is_refused_before_anything_is_sent(
    client: AftersaleClient, market: Marketplace
) -> None:
    life, before = await granted(market), 0
    sam, before = life.actor(SELLER), life.state().seq
    for field, wrong in (
        ("address_lines", {}),
        ("address_lines", {"address_lines": LINES, "address_id": "a-1"}),
        ("label", {"label": made.png(), "label_id": "f-1"}),
        ("file", {"label": b"\x00 no picture"}),
        ("address.lines", {"address_lines": ["\n"]}),
    ):
        with pytest.raises(Invalid) as invalid:
            await client.instruct_return(life.order_id, sam, **wrong)
        assert invalid.value.field == field
    home = life.state().address_id
    for code, foreign in (("address_unknown", {"address_id": home}), ("label_unknown", {"label_id": "f-1"})):
        with pytest.raises(Refused) as refused:
            await client.instruct_return(life.order_id, sam, **foreign)  # type: ignore[arg-type]
        assert refused.value.code == code
    with pytest.raises(Refused) as text:
        await client.instruct_return(life.order_id, sam, label=b"Please send it to the shop.")
    assert text.value.code == "label_unknown", "a label is a document or a picture"
    assert life.state().seq == before


async def test_the_platform_gives_an_address_and_a_label_of_its_own(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await granted(market)
    label = await told(client, life, PLATFORM)
    assert await client.return_address(life.order_id, life.actor(SELLER)) == LINES
    assert [(file.attachment_id, file.author.role) for file in await client.files(life.order_id, EVE)] == [
        (label, Role.PLATFORM)
    ]
    await client.instruct_return(life.order_id, life.actor(SELLER), label_id=label)


async def test_the_evidence_pack_holds_where_goods_went_back_to_and_the_look_is_recorded(
    client: AftersaleClient, market: Marketplace, records: Records, tmp_path: Path
) -> None:
    life, out = await granted(market), tmp_path / "pack.zip"
    await told(client, life)
    Packer(records).write(life.order_id, EVE, out)
    with ZipFile(out) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    [claim] = json.loads(found["claims.json"])
    assert (claim["return_to"], claim["return_label"]) == (list(LINES), "files/001-seller-return-label.png")
    assert claim["return_label"] in found
    assert f"Goes back to: {', '.join(LINES)}" in found["claims.txt"].decode()
    with market.engine.begin() as conn:
        query = select(looks.c.actor_id).where(looks.c.order_id == life.order_id, looks.c.address_id != "")
        assert conn.scalars(query).all() == [EVE.id]
