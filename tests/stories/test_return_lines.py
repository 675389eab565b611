"""What is sent back stands in the order's thread, and its tracking number is for the three parties alone."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import select

from activities.store.desk.message_tables import messages
from activities.store.tables import looks
from domain.state import Actor
from starter.answers import NotFound
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import BUYER, COMMAND_KEY, SELLER, SPECIALIST, Life
from tests.marketplace import Marketplace
from tests.stories.claims import claimed

ANNA = Actor(SPECIALIST, "anna")


@pytest.fixture
def client(market: Marketplace) -> AftersaleClient:
    return AftersaleClient(market.client, Records(market.engine, market.vault), COMMAND_KEY)


async def sent_back(client: AftersaleClient, life: Life, parcel_id: str) -> str:
    """The buyer sends the goods back, under a number that is found nowhere else."""
    number = f"CANARY{uuid4().hex[:14].upper()}"
    await client.send_return(
        life.order_id, life.actor(BUYER), carrier="DHL", tracking_number=number, parcel_id=parcel_id
    )
    await life.rest()
    return number


async def numbers(client: AftersaleClient, life: Life, reader: Actor) -> list[tuple[str, str, str]]:
    lines = (await client.thread(life.order_id, reader)).lines
    return [(line.who, line.text, line.tracking_number) for line in lines if line.who == "buyer"]


async def test_a_return_writes_its_parcel_into_the_thread_and_its_number_for_the_three_parties_alone(
    market: Marketplace, client: AftersaleClient
) -> None:
    life = await claimed(market)
    await life.send("grant_claim", SELLER)
    [before] = (await client.inbox(life.actor(SELLER))).rows
    number = await sent_back(client, life, "r1")
    line = ("buyer", "A return was sent with DHL.", number)
    for role in (BUYER, SELLER):
        assert await numbers(client, life, life.actor(role)) == [line]
    [after] = (await client.inbox(life.actor(SELLER))).rows
    assert (after.order_id, after.unread) == (life.order_id, before.unread + 1)
    with market.engine.begin() as conn:
        seen = select(looks.c.parcel_id, looks.c.actor_id).where(looks.c.order_id == life.order_id)
        assert conn.execute(seen).all() == []
    assert await numbers(client, life, ANNA) == [line]
    with market.engine.begin() as conn:
        assert ("r1", "anna") in [tuple(row) for row in conn.execute(seen)]
        kept = conn.execute(select(messages).where(messages.c.order_id == life.order_id)).all()
    assert number not in str(kept)
    assert number not in str(await life.handle.fetch_history())
    for stranger in (Actor(BUYER, "stranger"), Actor(SPECIALIST, life.actor(SELLER).id)):
        with pytest.raises(NotFound):
            await client.thread(life.order_id, stranger)
