"""Files of an order, from the client and from the command line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import event

from activities.store.desk.attachments import Visibility
from domain.errors import Conflict, Invalid, Refused
from domain.state import Actor, Role
from starter.answers import NotFound, buyer, operator, seller, specialist
from starter.client import AftersaleClient
from starter.files.shelf import Shelf
from starter.records import Records
from tests.files import made
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

EVE = specialist("eve")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_file_is_stored_without_its_place_and_read_by_both_sides_and_the_desk(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await market.order()
    ann, sam = life.actor(BUYER), life.actor(SELLER)
    photo = made.jpeg(secrets=True, orientation=6)
    file_id = await client.store_file(life.order_id, ann, source=photo, name="C:\\Users\\Ann\\lamp.exe")
    for reader in (ann, sam, EVE, operator("olga")):
        [about] = await client.files(life.order_id, reader)
        found = await client.file(life.order_id, reader, file_id)
        assert (about, about.name, about.kind, about.author) == (found.about, "lamp.exe", "jpeg", ann)
        assert made.PLACE.encode() not in found.content
        assert Image.open(io.BytesIO(found.content)).size == (20, 40)
        assert about.size == len(found.content)
    assert await client.store_file(life.order_id, ann, source=photo, name="again.jpg") == file_id
    assert await client.store_file(life.order_id, sam, source=photo) != file_id
    assert [file.name for file in await client.files(life.order_id, ann)] == ["lamp.exe", "file"]


@pytest.mark.parametrize(
    "stranger",
    [buyer("b-else"), seller("s-else"), Actor(Role.CARRIER, "DHL"), Actor(Role.STOREFRONT, "storefront")],
    ids=lambda actor: str(actor.role),
)
async def test_for_a_stranger_there_is_no_such_order(
    client: AftersaleClient, market: Marketplace, stranger: Actor
) -> None:
    life = await market.order()
    file_id = await client.store_file(life.order_id, life.actor(BUYER), source=b"mine")
    answers = []
    for order_id in (life.order_id, "o-none"):
        for asking in (
            client.store_file(order_id, stranger, source=b"theirs"),
            client.files(order_id, stranger),
            client.file(order_id, stranger, file_id),
        ):
            with pytest.raises(NotFound) as caught:
                await asking
            answers.append(str(caught.value).replace(order_id, "ORDER"))
    assert set(answers) == {"there is no order ORDER"}


async def test_a_specialist_who_is_a_party_sees_the_order_as_a_party_only(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await market.order()
    with pytest.raises(NotFound):
        await client.files(life.order_id, specialist(life.actor(SELLER).id))


async def test_a_file_of_another_order_is_not_found_and_its_id_not_free(
    client: AftersaleClient, market: Marketplace
) -> None:
    mine, other = await market.order(), await market.order()
    await client.store_file(mine.order_id, mine.actor(BUYER), source=b"mine", attachment_id=f"x-{mine.order_id}")
    with pytest.raises(NotFound, match="there is no file"):
        await client.file(other.order_id, other.actor(BUYER), f"x-{mine.order_id}")
    with pytest.raises(Conflict):
        await client.store_file(other.order_id, other.actor(BUYER), source=b"x", attachment_id=f"x-{mine.order_id}")
    for bad in ("../x", "a b", "x" * 300):
        with pytest.raises(Invalid, match="attachment_id"):
            await client.store_file(mine.order_id, mine.actor(BUYER), source=b"mine", attachment_id=bad)


async def test_internal_files_are_the_desks_alone(client: AftersaleClient, market: Marketplace) -> None:
    life = await market.order()
    shown = await client.store_file(life.order_id, EVE, source=b"for all")
    hidden = await client.store_file(life.order_id, EVE, source=b"for the desk", internal=True)
    assert [file.visibility for file in await client.files(life.order_id, operator("olga"))] == [*Visibility]
    for party in (BUYER, SELLER):
        assert [file.attachment_id for file in await client.files(life.order_id, life.actor(party))] == [shown]
        with pytest.raises(NotFound, match="there is no file"):
            await client.file(life.order_id, life.actor(party), hidden)
        with pytest.raises(Refused, match="for the desk"):
            await client.store_file(life.order_id, life.actor(party), source=b"x", internal=True)


async def test_a_command_names_only_files_that_its_readers_may_read(
    client: AftersaleClient, records: Records, market: Marketplace
) -> None:
    life, other, shelf = await market.order(), await market.order(), Shelf(records)
    ann = life.actor(BUYER)
    shown = await client.store_file(life.order_id, ann, source=b"for all")
    hidden = await client.store_file(life.order_id, EVE, source=b"for the desk", internal=True)
    foreign = await client.store_file(other.order_id, other.actor(BUYER), source=b"for others")
    shelf.check(life.order_id, ann, [shown], "evidence", internal=False)
    shelf.check(life.order_id, EVE, [shown, hidden], "evidence", internal=True)
    for by, ids, internal, words in (
        (ann, [shown, foreign], False, f"no file {foreign} that both parties"),
        (ann, [hidden], True, f"no file {hidden} that both parties"),
        (EVE, [hidden], False, f"no file {hidden} that both parties"),
        (EVE, ["f-none"], True, "no file f-none that the desk"),
    ):
        with pytest.raises(Invalid, match=words) as caught:
            shelf.check(life.order_id, by, ids, "evidence", internal=internal)
        assert caught.value.field == "evidence"
    with pytest.raises(NotFound):
        shelf.check(life.order_id, buyer("b-else"), [shown], "evidence", internal=False)


async def test_an_order_takes_a_hundred_files_of_one_side_and_no_more(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await market.order()
    ann = life.actor(BUYER)
    for number in range(100):
        await client.store_file(life.order_id, ann, source=f"note {number}".encode())
    with pytest.raises(Refused, match="no more than 100") as caught:
        await client.store_file(life.order_id, ann, source=b"one more")
    assert caught.value.code == "too_many_files"
    await client.store_file(life.order_id, ann, source=b"note 7")
    await client.store_file(life.order_id, life.actor(SELLER), source=b"and the other side's")


async def test_the_limits_are_those_of_the_orders_own_policy(client: AftersaleClient, market: Marketplace) -> None:
    (market.policies / "strict.toml").write_text('name = "strict"\n[evidence]\nlargest = "1 megabyte"\n')
    strict, standard = await market.order(policy="strict"), await market.order()
    text = b"x" * 1_500_000
    with pytest.raises(Invalid, match="larger than 1 million bytes"):
        await client.store_file(strict.order_id, strict.actor(BUYER), source=text)
    await client.store_file(standard.order_id, standard.actor(BUYER), source=text)


async def test_each_screen_takes_two_queries_however_many_files_there_are(
    client: AftersaleClient, records: Records, market: Marketplace
) -> None:
    life = await market.order()
    sources = [f"note {number}".encode() for number in range(5)]
    file_ids = [await client.store_file(life.order_id, life.actor(BUYER), source=source) for source in sources]
    asked: list[str] = []

    def count(_conn: object, _cursor: object, sql: str, *_: object) -> None:
        asked.append(sql)

    event.listen(records.engine, "before_cursor_execute", count)
    try:
        Shelf(records).listed(life.order_id, EVE)
        Shelf(records).get(life.order_id, EVE, file_ids[0])
    finally:
        event.remove(records.engine, "before_cursor_execute", count)
    assert len(asked) == 4


async def test_files_are_added_listed_and_got_from_the_command_line(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    life = await market.order()
    photo, copy = tmp_path / "lamp \u202egpj.html", tmp_path / "copy.png"
    photo.write_bytes(made.png())
    added = await aftersale("files", "add", life.order_id, str(photo), "--as", "buyer")
    assert added.code == 0, added.err
    file_id = added.out.strip()
    listed = await aftersale("files", "list", life.order_id, "--as", "seller")
    assert file_id in listed.out
    assert "lamp gpj.html" in listed.out
    [row] = (await aftersale("files", "list", life.order_id, "--as", "seller", "--json")).json["files"]
    assert row.items() >= {"attachment_id": file_id, "kind": "png", "by": "buyer", "visibility": "parties"}.items()
    got = await aftersale("files", "get", life.order_id, file_id, "--out", str(copy), "--as", "seller", "--json")
    assert (got.code, got.json["file"], got.json["size"]) == (0, str(copy), copy.stat().st_size)
    with Image.open(copy) as shown:
        assert shown.format == "PNG"
    assert names(tmp_path) == sorted([photo.name, copy.name])
    printed = await aftersale("files", "get", life.order_id, file_id, "--out", "-", "--as", "specialist")
    assert printed.code == 0
    none = await market.order()
    assert "There are no files." in (await aftersale("files", "list", none.order_id, "--as", "buyer")).out


async def test_who_of_the_desk_stored_a_file_is_not_told_to_parties(
    aftersale: Aftersale, market: Marketplace, tmp_path: Path
) -> None:
    life, file = await market.order(), tmp_path / "note.txt"
    file.write_text("hello")
    await aftersale("files", "add", life.order_id, str(file), "--as", "specialist", "--id", "eve-canary")
    for role, told in (("buyer", False), ("operator", True)):
        listed = await aftersale("files", "list", life.order_id, "--as", role, "--json")
        assert ("eve-canary" in listed.out) is told


@pytest.mark.parametrize(
    ("make", "arguments", "code", "words"),
    [
        (None, ("add", "ORDER", "FILE", "--as", "buyer"), 2, "is not a file"),
        ("folder", ("add", "ORDER", "FILE", "--as", "buyer"), 2, "is not a file"),
        (b"<svg/>", ("add", "ORDER", "FILE", "--as", "buyer"), 2, "allowed are JPEG"),
        (b"x" * 11_000_000, ("add", "ORDER", "FILE", "--as", "buyer"), 2, "larger than 10 million bytes"),
        (b"fine", ("add", "ORDER", "FILE", "--as", "buyer", "--id", "b-else"), 4, "there is no order"),
        (b"fine", ("add", "ORDER", "FILE", "--as", "seller", "--internal"), 3, "for the desk"),
        (None, ("get", "ORDER", "f-none", "--out", "FILE", "--as", "buyer"), 4, "there is no file f-none"),
        (None, ("list", "o-none", "--as", "specialist"), 4, "there is no order"),
    ],
    ids=["no file", "a folder", "SVG", "11 MB", "a stranger", "internal", "no such file", "no order"],
)
async def test_what_cannot_be_is_refused_with_an_exit_code_of_its_own(
    aftersale: Aftersale,
    market: Marketplace,
    tmp_path: Path,
    make: bytes | str | None,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    life, file = await market.order(), tmp_path / "file"
    if make == "folder":
        file.mkdir()
    elif isinstance(make, bytes):
        file.write_bytes(make)
    filled = [{"ORDER": life.order_id, "FILE": str(file)}.get(part, part) for part in arguments]
    ran = await aftersale("files", *filled)
    assert (ran.code, words in ran.err) == (code, True), ran.err
    assert (await aftersale("files", "list", life.order_id, "--as", "operator", "--json")).json == {"files": []}


async def test_an_out_that_cannot_be_written_is_refused_and_leaves_nothing(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    life = await market.order()
    file_id = await client.store_file(life.order_id, life.actor(BUYER), source=b"hello")
    for out in (tmp_path, tmp_path / "none" / "file"):
        ran = await aftersale("files", "get", life.order_id, file_id, "--out", str(out), "--as", "buyer")
        assert (ran.code, "cannot be written" in ran.err) == (2, True)
    assert names(tmp_path) == []
    assert f"{tmp_path.name}.part" not in names(tmp_path.parent)
