"""The evidence pack of an order that has lived through the real parts."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tracemalloc
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from sqlalchemy import event, select

from activities.store import tables
from domain.errors import Invalid, Refused
from domain.state import Milestone, Proof
from starter.answers import NotFound, buyer, specialist
from starter.client import AftersaleClient
from starter.pack.packer import Packer
from starter.records import Records
from tests.files import made
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

EVE = specialist("eve-canary")
NUMBER = "JD014600000000000042"


async def troubled(market: Marketplace, client: AftersaleClient, photo: bytes = b"") -> Life:
    """A parcel arrives broken: the buyer shows it, a specialist writes it down and gives the money back."""
    document = market.checkout()
    document["lines"][0] |= {"condition": "used", "known_differences": "=SUM(A1) a scratch", "return_terms": "14 days"}
    life = await market.order(market.preauthorised(document))
    await client.confirm(life.order_id, life.actor(SELLER))
    await client.ship(
        life.order_id, life.actor(SELLER), carrier="DHL", tracking_number=NUMBER, parcel_id="p1", photo=photo
    )
    await life.rest()
    await life.scan(Milestone.DELIVERED, proof=Proof.STRONG)
    await client.store_file(life.order_id, life.actor(BUYER), source=made.jpeg(secrets=True), name="../the lamp.jpg")
    await client.store_file(life.order_id, life.actor(SELLER), source=b"It was whole.", name="=cmd().txt")
    await client.store_file(life.order_id, EVE, source=b"The seller has done this before.", name="x", internal=True)
    await client.note(life.order_id, EVE, reason="Looks like a fraud to me.")
    await client.refund(life.order_id, EVE, reason="The photo shows it broken.", lines=["L1"])
    await life.rest()
    return life


def unpacked(file: Path) -> dict[str, bytes]:
    with ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def sheet(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


async def test_a_pack_holds_all_that_an_arbiter_needs_and_nothing_of_the_desks_own(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await troubled(market, client, made.png()), tmp_path / "pack.zip"
    made_ = await aftersale("pack", life.order_id, "--out", str(file), "--as", "specialist", "--id", "eve-canary")
    assert made_.code == 0, made_.err
    assert f"packed into {file}" in made_.out
    assert file.stat().st_mode & 0o077 == 0, "tracking numbers stand in it"
    found = unpacked(file)
    assert list(found) == [
        "order.json", "story.txt", "story.json", "money.json", "money.csv", "parcels.json",
        "parcels/001-parcel-p1.png", "notices.csv", "notes.txt", "files/001-buyer-the-lamp.jpg",
        "files/002-seller-cmd.txt", "README.txt", "manifest.json",
    ]  # fmt: skip
    order = json.loads(found["order.json"])
    assert order["lines"][0].items() >= {
        "title": "Thing 1", "price": "40.00 EUR", "condition": "used",
        "known_differences": "=SUM(A1) a scratch", "return_terms": "14 days",
    }.items()  # fmt: skip
    assert order["promised"]["confirmed"].startswith("Usually within")
    steps = [step["step"] for step in json.loads(found["story.json"])]
    assert [step for step in steps if step in ("place", "confirm", "ship", "parcel_scan", "refund", "note")] == [
        "place", "confirm", "ship", "parcel_scan", "refund"
    ]  # fmt: skip
    assert b"A parcel was sent." in found["story.txt"]
    money = json.loads(found["money.json"])
    assert money["adds_up"] is True
    assert {"capture", "refund"} <= {row["operation"] for row in sheet(found["money.csv"])}
    [parcel] = json.loads(found["parcels.json"])
    assert (parcel["carrier"], parcel["tracking_number"]) == ("DHL", NUMBER)
    assert [(m["milestone"], m["proof"]) for m in parcel["milestones"]] == [("delivered", "strong")]
    told = sheet(found["notices.csv"])
    assert {row["to"] for row in told} == {"buyer", "seller"}
    assert ("buyer", "The seller confirmed.", "no") in {(row["to"], row["about"], row["reminder"]) for row in told}
    assert all(datetime.fromisoformat(row["due_at"]) for row in told)
    assert found["notes.txt"].decode().endswith("refund: The photo shows it broken.\n")
    assert Image.open(io.BytesIO(found["files/001-buyer-the-lamp.jpg"])).size == (40, 20)
    everything = b"\n".join(found.values())
    for secret in (b"fraud", b"done this before", b"eve-canary", made.PLACE.encode(), b"Berta Buyer", b"mail.example"):
        assert secret not in everything
    assert [name for name, content in found.items() if NUMBER.encode() in content] == ["parcels.json"]


async def test_an_internal_pack_has_the_desks_own_as_well(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await troubled(market, client), tmp_path / "pack.zip"
    made_ = await aftersale("pack", life.order_id, "--out", str(file), "--internal", "--id", "eve", "--json")
    found = unpacked(file)
    assert [entry["name"] for entry in made_.json["entries"]] == [name for name in found if name != "manifest.json"]
    assert found["files/003-specialist-x.txt"] == b"The seller has done this before."
    assert b"note: Looks like a fraud to me." in found["notes.txt"]
    assert "note" in {step["step"] for step in json.loads(found["story.json"])}
    assert not [name for name in found if name.startswith("parcels/")], "there was no photo"


async def test_every_file_of_a_pack_has_its_digest_in_the_readme_and_the_manifest(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await troubled(market, client, b"no picture"), tmp_path / "pack.zip"
    Packer(records).write(life.order_id, EVE, file)
    found = unpacked(file)
    entries = json.loads(found["manifest.json"])["entries"]
    assert [entry["name"] for entry in entries] == [name for name in found if name != "manifest.json"]
    for entry in entries:
        content, name = found[entry["name"]], entry["name"]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["size"], entry["sha256"])
        assert name == "README.txt" or f"\n{name}\n" in found["README.txt"].decode()
        assert name == "README.txt" or entry["sha256"] in found["README.txt"].decode()
    assert not [name for name in found if name.startswith("parcels/")], "what is no picture is left out"


async def test_the_same_record_gives_the_same_bytes_and_each_look_is_recorded(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life = await troubled(market, client)
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    for file in (first, second):
        Packer(records).write(life.order_id, EVE, file)
    assert hashlib.sha256(first.read_bytes()).digest() == hashlib.sha256(second.read_bytes()).digest()
    looks = select(tables.looks.c.parcel_id, tables.looks.c.actor_id).where(tables.looks.c.order_id == life.order_id)
    with records.begin() as conn:
        assert conn.execute(looks).all() == [("p1", "eve-canary")] * 2


async def test_a_pack_is_for_the_desk(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await market.order(), tmp_path / "pack.zip"
    for party in (BUYER, SELLER):
        with pytest.raises(Refused, match="that is for: specialist, operator"):
            Packer(records).write(life.order_id, life.actor(party), file)
    for order_id, actor in ((life.order_id, buyer("b-else")), ("o-none", EVE), (life.order_id, specialist(life.actor(SELLER).id))):  # fmt: skip  # noqa: E501
        with pytest.raises(NotFound):
            Packer(records).write(order_id, actor, file)
    with pytest.raises(Invalid, match="cannot be written"):
        Packer(records).write(life.order_id, EVE, tmp_path / "none" / "pack.zip")
    assert not file.exists()


async def test_a_pack_of_many_files_is_written_in_bounded_memory_with_one_query_for_each(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life = await market.order()
    size, many = 3_000_000, 12
    for number in range(many):
        await client.store_file(life.order_id, life.actor(BUYER), source=bytes([65 + number]) * size)
    asked: list[str] = []

    def count(_conn: object, _cursor: object, sql: str, *_: object) -> None:
        asked.append(sql)

    event.listen(records.engine, "before_cursor_execute", count)
    tracemalloc.start()
    try:
        Packer(records).write(life.order_id, EVE, tmp_path / "pack.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        event.remove(records.engine, "before_cursor_execute", count)
    assert peak < 5 * size
    assert len(asked) == 10 + many


async def test_nothing_is_known_of_an_order_that_was_not_admitted(aftersale: Aftersale, tmp_path: Path) -> None:
    ran = await aftersale("pack", "o-none", "--out", str(tmp_path / "pack.zip"), "--as", "operator")
    assert (ran.code, "there is no order o-none" in ran.err) == (4, True)
