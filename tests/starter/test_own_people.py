"""What an order knows of its people and its address is its own: no other checkout changes what it uses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import event, select
from temporalio.client import WorkflowFailureError

from activities.mail import EmlMailer
from activities.relay import Relay
from activities.store import personal
from activities.store.tables import looks
from activities.storefront import RowsOnly
from domain.errors import Conflict, Invalid, Refused
from domain.state import DESK, PARTIES, Role
from starter.answers import NotFound, buyer, seller, specialist
from starter.client import AftersaleClient
from starter.reader import Reader
from starter.records import Records
from tests.activities.told_orders import ADDRESSES, LETTERS, FakeCarrier
from tests.life import Json, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.starter.test_client_live import bare, known

THIEF = {"name": "Canary Thief", "email": "thief@mail.example"}
Checkout = Callable[[Marketplace, Json], Json]


async def mailed(market: Marketplace, life: Life, into: Path) -> dict[str, str]:
    """Whom the order's mails of each kind went to, as far as they are due by now."""
    relay = Relay(market.engine, market.vault, LETTERS, EmlMailer(into), RowsOnly(), FakeCarrier(), ADDRESSES)
    await asyncio.to_thread(relay.deliver, await life.now(), life.order_id)
    return addressees(into)


def addressees(room: Path) -> dict[str, str]:
    mails = [message_from_bytes(path.read_bytes()) for path in room.glob("*.eml")]
    return {str(mail["X-Aftersale-Notice"]): str(mail["To"]) for mail in mails}


def of_the_same_buyer(market: Marketplace, first: Json) -> Json:
    """A checkout with the buyer and the address id of another, and other words for both."""
    document = bare(market.checkout()) | {"buyer": first["buyer"], "seller": first["seller"]}
    document["address_id"] = f"{first['order_id']}-address"
    document["address"] = {"lines": ["Canary Thief", "Elsewhere 9", "Berlin"]}
    return document | {"people": {"buyer": THIEF, "seller": THIEF}}


def refused(market: Marketplace, first: Json) -> Json:
    return of_the_same_buyer(market, first) | {"payment": {"payment_intent": "pi_nope"}}


def accepted(market: Marketplace, first: Json) -> Json:
    return market.preauthorised(of_the_same_buyer(market, first))


@pytest.mark.parametrize("later", [refused, accepted])
async def test_a_later_checkout_moves_no_mail_of_a_running_order(
    client: AftersaleClient, market: Marketplace, tmp_path: Path, later: Checkout
) -> None:
    document = market.preauthorised(bare(market.checkout()))
    await client.place(document)
    life, by = known(market, document), seller(document["seller"]["person_id"])
    await client.confirm(life.order_id, by)
    other = later(market, document)
    if later is refused:
        with pytest.raises(Invalid, match=r"^payment\.payment_intent"):
            await client.place(other)
    else:
        await client.place(other)
        known(market, other)
    await client.ship(life.order_id, by, carrier="DHL", tracking_number="JD014600006281230704")
    await life.rest()
    to = await mailed(market, life, tmp_path)
    assert to["ship.buyer"] == to["paid.buyer"] == "canary.berta@mail.example"
    assert to["secured.seller"] == "canary.samuel@mail.example"


async def test_an_order_that_tells_nothing_of_its_people_keeps_what_their_newest_order_told(
    client: AftersaleClient, market: Marketplace, tmp_path: Path
) -> None:
    first = market.preauthorised(bare(market.checkout()))
    await client.place(first)
    known(market, first)
    with pytest.raises(Invalid, match=r"^payment\.payment_intent"):
        await client.place(refused(market, first))
    silent = {name: value for name, value in accepted(market, first).items() if name != "people"}
    await client.place(silent)
    life = known(market, silent)
    louder = accepted(market, first)
    await client.place(louder)
    known(market, louder)
    to = await mailed(market, life, tmp_path)
    assert to == {"paid.buyer": "canary.berta@mail.example", "paid.seller": "canary.samuel@mail.example"}


async def test_a_checkout_names_an_address_that_was_stored_for_this_very_order(
    client: AftersaleClient, market: Marketplace
) -> None:
    elsewhere = await market.order()
    for address_id in ("never-stored", elsewhere.document["address_id"]):
        document = market.preauthorised(market.checkout()) | {"address_id": address_id}
        with pytest.raises(Invalid, match=r"^address_id: names no address that is stored for this order and its buyer"):
            await client.place(document)
        life = await market.start(document)
        with pytest.raises(WorkflowFailureError) as failed:
            await life.result()
        assert "address_id: names no address" in str(failed.value.cause)
        market.lives.remove(life)


async def test_an_order_goes_to_no_address_that_was_not_stored_for_it(
    client: AftersaleClient, market: Marketplace
) -> None:
    life, elsewhere = await market.order(), await market.order()
    by, first = buyer(life.document["buyer"]["person_id"]), life.state().address_id
    for address_id in ("never-stored", elsewhere.state().address_id):
        with pytest.raises(Refused, match="no address of this order is stored under this address_id") as refused:
            await client.change_address(life.order_id, by, address_id=address_id)
        assert refused.value.code == "address_unknown"
        await life.signal("change_address", by, address_id=address_id)
    assert (life.state().address_id, life.refusals()) == (first, ["address_unknown", "address_unknown"])
    await client.change_address(life.order_id, by, address_lines=["B. Buyer", "New Lane 9"], command_id="move-1")
    with pytest.raises(Conflict, match="has another address under"):
        await client.change_address(life.order_id, by, address_lines=["Elsewhere 1"], command_id="move-1")
    await life.rest()
    with market.engine.begin() as conn:
        stored = personal.get_address(conn, market.vault, life.order_id, life.state().address_id)
    assert stored is not None
    assert stored.lines == ("B. Buyer", "New Lane 9")
    await client.change_address(life.order_id, by, address_id=first)
    assert life.state().address_id == first


async def test_what_another_program_starts_is_stored_first_and_printed_without_its_people(
    aftersale: Aftersale, market: Marketplace
) -> None:
    document = market.preauthorised(bare(market.checkout()))
    stored, again = [await aftersale("place", "-", "--store-only", stdin=json.dumps(document)) for _ in range(2)]
    assert (stored.code, stored.out, "canary" in stored.out.lower()) == (0, again.out, False), stored.err
    assert stored.json["address_id"] == f"{document['order_id']}-address"
    life = await market.order(stored.json)
    assert life.steps() == ["place"]


HOME = ("Samuel Seller", "1 Main Street", "Berlin")


async def readers(client: AftersaleClient, life: Life) -> set[Role]:
    """The roles whose holders read the order's address now; all but the parties and the desk know of no order."""
    found = set()
    for role in PARTIES | DESK:
        with suppress(Refused):
            assert await client.address(life.order_id, life.actor(role)) == HOME
            found.add(role)
    for role in set(Role) - PARTIES - DESK:
        with pytest.raises(NotFound):
            await client.address(life.order_id, life.actor(role))
    return found


async def test_the_address_is_read_by_the_buyer_the_desk_and_a_seller_with_something_to_send_and_by_nobody_else(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await market.order()
    assert await readers(client, life) == {Role.BUYER, *DESK}, "nothing is confirmed"
    await life.send("confirm", Role.SELLER, lines=["L1"])
    assert await readers(client, life) == {*PARTIES, *DESK}
    await life.ship()
    assert await readers(client, life) == {*PARTIES, *DESK}
    await life.send("receive", Role.BUYER)
    assert await readers(client, life) == {Role.BUYER, *DESK}, "everything has arrived"
    own = life.actor(Role.SELLER).id
    for stranger in (buyer("b-else"), seller("s-else"), specialist(own), buyer(own)):
        with pytest.raises(NotFound):
            await client.address(life.order_id, stranger)


async def test_show_tells_the_address_to_those_who_may_read_it_and_a_look_of_the_desk_is_recorded(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()

    async def told(role: Role) -> tuple[list[str], bool]:
        args = ("show", life.order_id, "--as", role.value, "--id", life.actor(role).id)
        shown = (await aftersale(*args)).out
        return (await aftersale(*args, "--json")).json["address"], f"Delivery address: {', '.join(HOME)}" in shown

    assert await told(Role.SELLER) == ([], False)
    await life.send("confirm", Role.SELLER)
    for role in (Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR):
        assert await told(role) == (list(HOME), True)
    query = select(looks.c.role, looks.c.parcel_id, looks.c.address_id).where(looks.c.order_id == life.order_id)
    with market.engine.begin() as conn:
        seen = [tuple(row) for row in conn.execute(query.order_by(looks.c.id))]
    address_id = life.document["address_id"]
    assert seen == [("specialist", "", address_id)] * 2 + [("operator", "", address_id)] * 2


async def test_the_seller_reads_the_new_address_after_it_has_changed(
    client: AftersaleClient, market: Marketplace
) -> None:
    life = await market.order()
    await life.send("confirm", Role.SELLER)
    lines = ("B. Buyer", "Canary Lane 9", "Berlin")
    await client.change_address(life.order_id, life.actor(Role.BUYER), address_lines=lines)
    assert await client.address(life.order_id, life.actor(Role.SELLER)) == lines
    assert "Canary" not in str(await life.handle.fetch_history())


@pytest.mark.parametrize(("by", "queries"), [(Role.SELLER, 2 + 1), (Role.SPECIALIST, 2 + 1 + 1 + 2)])
async def test_an_order_with_its_address_is_shown_in_one_query_more_and_a_look_is_one_row(
    records: Records, reader: Reader, market: Marketplace, by: Role, queries: int
) -> None:
    life, asked = await market.order(), list[str]()
    await life.send("confirm", Role.SELLER)

    def note(_c: object, _cursor: object, sql: str, *_: object) -> None:
        asked.append(sql)

    event.listen(records.engine, "before_cursor_execute", note)
    try:
        assert reader.show(life.order_id, life.actor(by)).address == HOME
    finally:
        event.remove(records.engine, "before_cursor_execute", note)
    assert len(asked) == queries, asked
