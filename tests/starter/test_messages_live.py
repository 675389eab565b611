"""Messages from the command line, as people of a marketplace without an app of their own write them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from activities.store import personal
from activities.store.tables import looks
from domain.state import Role
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale


async def stored(aftersale: Aftersale, order: str, file: Path) -> str:
    await asyncio.to_thread(file.write_text, f"A sketch of the {file.stem}.")
    ran = await aftersale("files", "add", order, str(file), "--as", "buyer")
    assert ran.code == 0, ran.err
    return ran.out.strip()


async def test_a_conversation_from_the_command_line(aftersale: Aftersale, market: Marketplace, tmp_path: Path) -> None:
    life = await market.order()
    order, seller = life.order_id, life.actor(Role.SELLER).id
    files = [await stored(aftersale, order, tmp_path / name) for name in ("box.txt", "lid.txt")]
    asked = await aftersale(
        *("message", order, "--as", "buyer", "--text", "Is it [bold]boxed?"),
        *("--attachment", files[0], "--attachment", files[1]),
    )
    assert (asked.code, f"{order}: placed" in asked.out) == (0, True), asked.err
    assert (await aftersale("message", order, "--text", "x")).code == 2, "--as must be told"
    inner = await aftersale(
        "message", order, "--as", "specialist", "--id", "anna", "--text", "Watch this one.", "--internal", "--json"
    )
    assert inner.json["accepted"]
    await life.rest()
    waits = await aftersale("messages", "inbox", "--as", "seller", "--id", seller, "--json")
    assert [(row["order_id"], row["unread"]) for row in waits.json["rows"]] == [(order, 1)]
    kept = await aftersale("messages", "thread", order, "--as", "seller", "--keep-unread", "--json")
    (line,) = kept.json["lines"]
    assert (line["text"], line["unread"], line["attachments"]) == ("Is it [bold]boxed?", True, files)
    shown = await aftersale("messages", "thread", order, "--as", "seller")
    for words in ("buyer  [new]", "Is it [bold]boxed?", f"Attachments: {files[0]}, {files[1]}"):
        assert words in shown.out
    assert "Watch this one" not in shown.out
    again = await aftersale("messages", "inbox", "--as", "seller", "--id", seller)
    assert (again.code, order in again.out) == (0, True)
    assert (await aftersale("messages", "inbox", "--as", "seller", "--id", seller, "--json")).json["rows"][0][
        "unread"
    ] == 0
    desk = await aftersale("messages", "thread", order, "--as", "operator", "--id", "omar")
    assert "specialist anna  [new, internal]" in desk.out


async def test_what_was_not_shown_stays_unread(aftersale: Aftersale, market: Marketplace) -> None:
    life = await market.order()
    order, seller = life.order_id, ("--as", "seller", "--id", life.actor(Role.SELLER).id)
    for text in ("one", "two", "three"):
        assert (await aftersale("message", order, "--as", "buyer", "--text", text)).code == 0
    await life.rest()
    for limit, unread in (("1", 3), ("2", 3), ("3", 0)):
        assert (await aftersale("messages", "thread", order, "--as", "seller", "--limit", limit)).code == 0
        waits = await aftersale("messages", "inbox", *seller, "--json")
        assert [row["unread"] for row in waits.json["rows"]] == [unread]
    below = await aftersale("messages", "thread", order, "--as", "seller", "--before", "-99999999999", "--json")
    assert (below.code, "--before" in below.err + below.out) == (2, True)


async def test_the_same_command_says_it_once_and_refusals_have_their_exit_codes(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    order = life.order_id
    said = ("message", order, "--as", "buyer", "--command-id", "c-once")
    for _ in range(2):
        assert (await aftersale(*said, "--text", "Hello.")).code == 0
    assert (await aftersale(*said, "--text", "Another.")).code == 2
    assert (await aftersale("message", order, "--as", "buyer", "--text", "No.", "--internal")).code == 3
    assert (await aftersale("message", order, "--as", "buyer", "--text", "x" * 5001)).code == 2
    assert (await aftersale("message", order, "--as", "buyer", "--id", "stranger", "--text", "Hi.")).code == 4
    assert (await aftersale("message", "o-nowhere", "--as", "buyer", "--id", "b", "--text", "Hi.")).code == 4
    thread = (await aftersale("messages", "thread", order, "--as", "seller", "--json")).json
    assert [line["text"] for line in thread["lines"]] == ["Hello."]
    for words in (("thread", order), ("notices", order)):
        there = await aftersale("messages", *words, "--as", "buyer", "--id", "stranger")
        nowhere = await aftersale("messages", words[0], "o-nowhere", "--as", "buyer", "--id", "stranger")
        assert (there.code, nowhere.code) == (4, 4)
        assert there.err.replace(order, "o-nowhere") == nowhere.err
    assert (await aftersale("messages", "inbox", "--as", "seller")).code == 2, "an inbox is somebody's"
    assert (await aftersale("messages", "inbox", "--as", "seller", "--id", "s", "--after", "x")).code == 2


async def test_a_number_in_the_thread_is_shown_to_the_parties_and_a_desks_look_is_recorded(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life, number = await market.order(), f"CANARY{uuid4().hex[:14].upper()}"
    await life.send("confirm", Role.SELLER)
    await life.ship("p1", number)
    for role in ("buyer", "seller"):
        assert f"Tracking number: {number}" in (await aftersale("messages", "thread", life.order_id, "--as", role)).out
    with market.engine.begin() as conn:
        query = select(looks.c.role, looks.c.actor_id).where(looks.c.order_id == life.order_id)
        assert conn.execute(query).all() == []
    await aftersale("messages", "thread", life.order_id, "--as", "specialist", "--id", "anna")
    with market.engine.begin() as conn:
        assert [tuple(row) for row in conn.execute(query)] == [("specialist", "anna")]


async def test_notes_of_the_system_and_a_bouncing_address_are_shown_without_the_address(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    buyer = life.actor(Role.BUYER).id
    address = f"{buyer}@mail.example"
    with market.engine.begin() as conn:
        personal.bounced(conn, market.vault, life.order_id, buyer, address, await life.now(), "smtp_550")
    await aftersale("message", life.order_id, "--as", "seller", "--text", "Thank you!")
    noted = await aftersale("messages", "notices", life.order_id, "--as", "seller", "--json")
    assert {(row["what"], row["to"]) for row in noted.json["notices"]} >= {("paid", "buyer"), ("message", "buyer")}
    said = []
    for role in ("seller", "specialist"):
        said.append(await aftersale("show", life.order_id, "--as", role))
        said.append(await aftersale("messages", "thread", life.order_id, "--as", role))
        assert all("Mail to the buyer bounces." in each.out for each in said)
    seller = life.actor(Role.SELLER).id
    said.append(await aftersale("messages", "inbox", "--as", "seller", "--id", seller))
    assert "Mail to the buyer bounces." in said[-1].out
    said.append(await aftersale("messages", "notices", life.order_id, "--as", "seller"))
    own = await aftersale("show", life.order_id, "--as", "buyer")
    assert "Mail to you bounces: please correct your address." in own.out
    assert not any(address in each.out for each in (*said, noted, own))
