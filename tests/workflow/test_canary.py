"""A tracking number is found in plain text nowhere but where the design allows (T1).

Thieves wait at post offices. Each order here ships with a number that is found nowhere else in the world; afterwards
every byte that the engine keeps is searched for it, also in hex, base64 and URL-encoded.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
import sqlalchemy
from temporalio.client import WorkflowHistory

from activities.store.database import connect
from demo.life import Life
from demo.post import relay
from demo.world import Connections, World, connections, world
from domain import wire
from domain.contract import Envelope, workflow_id

ALLOWED_READERS = {"buyer", "seller"}


def canary() -> str:
    """A number that no carrier gives out."""
    return f"CANARY{uuid4().hex[:14].upper()}"


def disguises(number: str) -> Iterator[bytes]:
    """The number as it may stand in bytes: plain, in another case, in hex, in base64 at any offset, URL-encoded."""
    for text in (number, number.lower(), quote(f"{number[:6]} {number[6:]}"), " ".join(number)):
        yield text.encode()
    raw = number.encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # The first and last characters depend on the neighbours, those between on the number alone.
            yield encode(b"\0" * offset + raw)[4 if offset else 0 : -4]


def found(number: str, data: bytes) -> bool:
    return any(disguise in data for disguise in disguises(number))


@pytest.mark.parametrize("where", ["{}", "x{}", "xx{}y"])
def test_the_search_finds_a_number_in_any_disguise(where: str) -> None:
    number = canary()
    raw = where.format(number).encode()
    for data in (raw, raw.lower(), raw.hex().encode(), base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        assert found(number, b"before " + data + b" after")
    assert not found(number, canary().encode())


async def shipped(life: Life, number: str) -> None:
    """A life whose parcel bears the canary, stored first as the client does it, until the buyer has it."""
    await life.place(await life.checkout())
    await life.do("confirmed", life.client.confirm(life.order_id, life.seller))
    life._parcels["p1"] = number
    photo = b"\xff\xd8\xff" + number.encode()
    by, order_id = life.seller, life.order_id
    shipping = life.client.ship(order_id, by, carrier="DHL", tracking_number=number, parcel_id="p1", photo=photo)
    await life.do("shipped", shipping)
    await life.client.store_file(life.order_id, life.buyer, source=number.encode(), name=f"{number}.txt")
    await life.carried("delivered")


async def shipped_by_a_careless_app(life: Life, number: str) -> None:
    """The number stands in the command itself, which is accepted and moved out at once."""
    await life.place(await life.checkout())
    await life.do("confirmed", life.client.confirm(life.order_id, life.seller))
    body = {"parcel_id": "p1", "carrier": "DHL", "tracking_number": number}
    message = wire.to_plain(Envelope("ship-1", life.seller, body))
    await life.open.temporal.get_workflow_handle(workflow_id(life.order_id)).signal("ship", message)
    await life.until_recorded("the parcel", lambda order: bool(order.parcels))
    await life.rest()
    await life.deliver()


def test_a_tracking_number_is_nowhere_but_with_those_who_may_see_it(tmp_path: Path) -> None:
    with world(tmp_path / "world", keep=True) as around:
        asyncio.run(search(around, tmp_path))


async def search(around: World, tmp_path: Path) -> None:
    careful, careless, bystander = canary(), canary(), "bystander-1"
    async with connections(around) as held:

        def life(order_id: str) -> Life:
            return Life(order_id, around, held, relay(around, held.engine, held.vault), lambda *_: None)

        other = life(bystander)
        await other.place(await other.checkout())
        await shipped(life("careful-1"), careful)
        assert_not_in_files(around, careful)
        await shipped_by_a_careless_app(life("careless-1"), careless)
        for number in (careful, careless):
            assert_not_in_logs(around, number)
            assert_only_in_mails_of_the_parties(around, number)
            assert_not_in_tables(around, number)
        for order_id in ("careful-1", "careless-1", bystander):
            history, public = await temporal_view(held, order_id)
            assert not found(careful, public)
            assert not found(careless, public)
            assert not found(careful, history)
            assert found(careless, history) is (order_id == "careless-1"), "there until retention, as the docs say"


def assert_not_in_files(around: World, number: str) -> None:
    """Temporal's own file; that the search sees what stands there is shown by an order's id."""
    stored = b"".join(path.read_bytes() for path in around.directory.glob("temporal.db*"))
    assert b"careful-1" in stored
    assert not found(number, stored)


def assert_not_in_logs(around: World, number: str) -> None:
    """What every process wrote to stdout and stderr; the sandbox is the carrier, who knows the number."""
    logs = {path.name: path.read_bytes() for path in (around.directory / "log").glob("*.log")}
    assert "worker.log" in logs
    for name, text in logs.items():
        assert not found(number, text), name


def assert_only_in_mails_of_the_parties(around: World, number: str) -> None:
    readers = set()
    for path in around.mails.rglob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        if found(number, path.read_bytes()) or number in mail.get_content():
            assert number not in str(mail["Subject"])
            readers.add(str(mail["To"]).partition("-")[0])
    assert readers == ALLOWED_READERS


def assert_not_in_tables(around: World, number: str) -> None:
    """Every row of every table as text; binary columns come in hex."""
    engine = connect(around.stack.postgres.owner_url("aftersale"))
    with engine.begin() as conn:
        names = sqlalchemy.inspect(conn).get_table_names()
        assert {"orders", "steps", "parcels", "attachments", "outbox"} <= set(names)
        for name in names:
            rows = conn.execute(sqlalchemy.text(f'SELECT t::text FROM "{name}" t')).scalars()  # noqa: S608
            assert not found(number, "\n".join(rows).encode()), name
    engine.dispose()


async def temporal_view(held: Connections, order_id: str) -> tuple[bytes, bytes]:
    """An order's history as the server exports it, and what lists and screens of it show."""
    handle = held.temporal.get_workflow_handle(workflow_id(order_id))
    history: WorkflowHistory = await handle.fetch_history()
    decoded = b"".join(event.SerializeToString() for event in history.events)
    described = (await handle.describe()).raw_description.SerializeToString()
    listed = [row async for row in held.temporal.list_workflows(f"WorkflowId = '{handle.id}'")]
    assert listed
    screen = b"".join(row.raw_info.SerializeToString() for row in listed)
    details = await handle.query("__temporal_workflow_metadata")
    return decoded, described + screen + json.dumps(str(details)).encode()
