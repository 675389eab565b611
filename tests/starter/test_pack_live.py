"""The evidence pack of an order that has lived through the real parts."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tracemalloc
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from sqlalchemy import event, select

from activities.store import tables
from domain.claims.case import ClaimReason, Finding, Verdict
from domain.errors import Invalid, Refused
from domain.money import Money
from domain.parcels.parcel import Milestone, Proof
from starter.answers import NotFound, buyer, specialist
from starter.cases.desk import Cases
from starter.client import AftersaleClient
from starter.pack.packer import Packer
from starter.records import Records
from tests.files import made
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

EVE = specialist("eve-canary")
NUMBER = "JD014600000000000042"
RETURN = "GLS00000000000000077"


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
        "order.json", "story.txt", "story.json", "messages.txt", "messages.json", "claims.txt", "claims.json",
        "money.json", "money.csv", "parcels.json", "parcels/001-parcel-p1.png", "notices.csv", "notes.txt",
        "files/001-buyer-the-lamp.jpg", "files/002-seller-cmd.txt", "README.txt", "manifest.json",
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
    assert Image.open(io.BytesIO(found["files/001-buyer-the-lamp.jpg"])).size == (40, 20)
    everything = b"\n".join(found.values())
    for secret in (
        b"fraud",
        b"it broken",
        b"done this before",
        b"eve-canary",
        made.PLACE.encode(),
        b"Berta Buyer",
        b"mail.example",
    ):
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
    assert found["notes.txt"].endswith(b"refund: The photo shows it broken.\n")
    assert "note" in {step["step"] for step in json.loads(found["story.json"])}
    assert not [name for name in found if name.startswith("parcels/")], "there was no photo"


async def sent_back(market: Marketplace, client: AftersaleClient) -> Life:
    """The sides write, claim, offer and send back, the desk writes for itself; the lamp came back used."""
    life = await market.order(market.preauthorised(market.checkout()))
    order, ann, sam = life.order_id, life.actor(BUYER), life.actor(SELLER)
    await client.confirm(order, sam)
    await client.ship(order, sam, carrier="DHL", tracking_number=NUMBER, parcel_id="p1")
    await life.rest()
    await life.scan(Milestone.DELIVERED, proof=Proof.STRONG)
    photo = await client.store_file(order, ann, source=made.jpeg(), name="scratch.jpg")
    hidden = await client.store_file(order, EVE, source=b"He has done this before.", name="own.txt", internal=True)
    await client.message(order, ann, text="It has a scratch.\nSee there.", attachments=[photo])
    await client.message(order, EVE, text="Watch this seller.", internal=True, attachments=[hidden])
    await client.message(order, sam, text="Send it back, then.")
    reason = ClaimReason.NOT_AS_DESCRIBED
    await client.open_claim(order, ann, reason=reason, lines=["L1"], evidence=[photo], text="The lamp is scratched.")
    await client.offer_refund(order, sam, amount=Money(500, "EUR"), text="Five for the scratch?")
    await client.decline_offer(order, ann, text="No.")
    await client.grant_claim(order, sam)
    await client.send_return(order, ann, carrier="GLS", tracking_number=RETURN, parcel_id="r1")
    await life.rest()
    await life.scan(Milestone.DELIVERED, "r1", Proof.STRONG)
    await client.inspect_return(order, sam, finding=Finding.USED, text="There is oil in it.")
    await life.rest()
    return life


async def test_a_pack_holds_what_the_parties_wrote_to_each_other_and_not_what_the_desk_wrote_for_itself(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await sent_back(market, client), tmp_path / "pack.zip"
    Packer(records).write(life.order_id, EVE, file)
    found = unpacked(file)
    lines = json.loads(found["messages.json"])
    assert [(line["who"], line["text"]) for line in lines] == [
        ("seller", "A parcel was sent with DHL."),
        ("buyer", "It has a scratch.\nSee there."),
        ("seller", "Send it back, then."),
        ("buyer", "A return was sent with GLS."),
    ]
    assert lines[1]["attachments"] == ["files/001-buyer-scratch.jpg"]
    assert all(name in found for line in lines for name in line["attachments"])
    for said in (
        b"  > It has a scratch.\n  > See there.\n  Attachments: files/001-buyer-scratch.jpg\n",
        b"UTC  seller\n",
    ):
        assert said in found["messages.txt"]
    everything = b"\n".join(found.values())
    for secret in (b"Watch this", b"done this before", b"own.txt", b"eve-canary"):
        assert secret not in everything
    Packer(records).write(life.order_id, EVE, file, internal=True)
    inner = unpacked(file)
    [own] = [line for line in json.loads(inner["messages.json"]) if line["internal"]]
    assert (own["who"], own["text"], own["attachments"]) == (
        "specialist", "Watch this seller.", ["files/002-specialist-own.txt"]
    )  # fmt: skip
    assert b"specialist  [internal]\n  > Watch this seller.\n" in inner["messages.txt"]


async def test_a_pack_tells_each_claim_with_what_was_said_offered_and_decided_and_its_evidence(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await sent_back(market, client), tmp_path / "pack.zip"
    await client.assign_claim(life.order_id, EVE, owner="eve-canary")
    await life.rest()
    Packer(records).write(life.order_id, EVE, file)
    found = unpacked(file)
    [claim] = json.loads(found["claims.json"])
    assert (claim["number"], claim["reason"], claim["wish"]) == (
        f"{life.order_id}-c1", "not_as_described", "a refund"
    )  # fmt: skip
    assert (claim["status"], [line["line_id"] for line in claim["lines"]]) == ("Refund approved", ["L1"])
    assert [event["said"] for event in claim["story"] if event["said"]] == [
        "The lamp is scratched.", "Five for the scratch?", "No.", "There is oil in it."
    ]  # fmt: skip
    assert [(offer["by"], offer["amount"]) for offer in claim["offers"]] == [("seller", "5.00 EUR")]
    [decision] = claim["decisions"]
    assert decision["verdict"] == "part_refund"
    assert decision["amounts"] == [{"line_id": "L1", "amount": claim["money"]["decided"]}]
    assert claim["answered_at"]
    assert claim["due"]
    assert (claim["escalated_at"], claim["ended_at"]) == (None, None)
    assert [(proof["name"], proof["file"]) for proof in claim["evidence"]] == [
        ("scratch.jpg", "files/001-buyer-scratch.jpg")
    ]
    told = found["claims.txt"].decode()
    for words in (
        f"Claim {life.order_id}-c1 about order {life.order_id}: Refund approved", "> The lamp is scratched.",
        "A refund of 5.00 EUR was offered.", "by the seller: part refund; goes back: ", "of L1",
        "Evidence: scratch.jpg, by the buyer: files/001-buyer-scratch.jpg", "Answered by the seller: 20", "Until 20",
    ):  # fmt: skip
        assert words in told
    assert "Open to you now" not in told
    assert told.count("scratch.jpg") == 3, "beside the words it came with, and as evidence under both its names"
    assert not [row for row in told.splitlines() if re.search("[0-9]{2}:[0-9]{2}", row) and "UTC" not in row]
    assert b"eve-canary" not in b"\n".join(found.values())
    Packer(records).write(life.order_id, EVE, file, internal=True)
    [inner] = json.loads(unpacked(file)["claims.json"])
    assert inner["owner"] == "eve-canary"


async def test_a_decision_on_appeal_stands_in_the_pack_beside_the_first_one(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await sent_back(market, client), tmp_path / "pack.zip"
    await client.appeal_claim(life.order_id, life.actor(BUYER), text="It was dry.")
    await client.decide_claim(life.order_id, EVE, verdict=Verdict.REFUND, text="The photo shows no oil.")
    await client.note(life.order_id, EVE, reason="He will appeal again.")
    await life.rest()
    said = Cases(records).say(f"{life.order_id}-c1", life.actor(BUYER), 2, "Slow, in my opinion.")
    assert said.feedback
    Packer(records).write(life.order_id, EVE, file, internal=True)
    assert b"Slow, in my opinion." in unpacked(file)["claims.json"]
    Packer(records).write(life.order_id, EVE, file)
    found = unpacked(file)
    everything = b"\n".join(found.values())
    assert (b"in my opinion" in everything, b"gave the handling" in everything) == (False, False)
    [claim] = json.loads(found["claims.json"])
    reasons = [line.partition("UTC  ")[2] for line in found["notes.txt"].decode().splitlines()]
    assert reasons[-2:] == [
        "buyer       appeal_claim: It was dry.",
        "specialist  decide_claim: The photo shows no oil.",
    ]
    assert [(each["by"], each["verdict"]) for each in claim["decisions"]] == [
        ("seller", "part_refund"), ("specialist", "refund")
    ]  # fmt: skip
    assert claim["decisions"][-1]["amounts"] == [{"line_id": "L1", "amount": "40.00 EUR"}]
    assert claim["money"]["awarded"] == "40.00 EUR"
    assert claim["escalated_at"]
    assert claim["ended_at"]


async def test_what_was_sent_back_stands_among_the_parcels_of_a_pack_and_the_look_at_its_number_is_recorded(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await sent_back(market, client), tmp_path / "pack.zip"
    Packer(records).write(life.order_id, EVE, file)
    found = unpacked(file)
    sent, back = json.loads(found["parcels.json"])
    assert (sent["direction"], sent["tracking_number"]) == ("to the buyer", NUMBER)
    assert (back["direction"], back["parcel_id"], back["carrier"]) == ("return", "r1", "GLS")
    assert (back["tracking_number"], back["lines"], back["finding"]) == (RETURN, ["L1"], "used")
    assert back["claim"] == f"{life.order_id}-c1"
    assert back["shipped_at"]
    assert back["arrived_at"]
    assert [scan["milestone"] for scan in back["milestones"]] == ["delivered"]
    for number in (NUMBER, RETURN):
        assert [name for name, content in found.items() if number.encode() in content] == ["parcels.json"]
    looks = select(tables.looks.c.parcel_id).where(tables.looks.c.order_id == life.order_id)
    with records.begin() as conn:
        assert sorted(conn.scalars(looks)) == ["p1", "r1"]


async def test_words_of_a_command_that_was_refused_are_not_in_a_pack(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await market.order(), tmp_path / "pack.zip"
    with pytest.raises(Refused):
        await client.refund(life.order_id, EVE, reason="Nothing was paid, and yet.", lines=["L1"])
    await client.note(life.order_id, EVE, reason="A note that was taken.")
    await client.release(life.order_id, EVE, reason="Nor is this possible.", signal=True)
    await client.receive(life.order_id, life.actor(BUYER), signal=True)
    await life.rest()
    for internal, refused in ((False, {"buyer"}), (True, {"buyer", "specialist"})):
        Packer(records).write(life.order_id, EVE, file, internal=internal)
        found = unpacked(file)
        assert b"Nothing was paid" not in b"\n".join(found.values())
        assert {step["who"] for step in json.loads(found["story.json"]) if step["refused"]} == refused
    assert unpacked(file)["notes.txt"].endswith(b"note: A note that was taken.\n")


async def test_every_file_of_a_pack_has_its_digest_in_the_readme_and_the_manifest(
    client: AftersaleClient, records: Records, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await troubled(market, client, b"\x89PNG\r\n\x1a\n no picture"), tmp_path / "pack.zip"
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
    assert len(asked) == 17 + many


async def test_nothing_is_known_of_an_order_that_was_not_admitted(aftersale: Aftersale, tmp_path: Path) -> None:
    ran = await aftersale("pack", "o-none", "--out", str(tmp_path / "pack.zip"), "--as", "operator")
    assert (ran.code, "there is no order o-none" in ran.err) == (4, True)
