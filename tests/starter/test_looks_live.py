"""Tracking numbers that people write into words: whoever of the desk reads them there has looked at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import select

from activities.store.tables import looks
from domain.claims.case import ClaimReason
from domain.parcels.parcel import Milestone, Proof
from domain.state import Actor, Cause
from starter.answers import specialist
from starter.cases.desk import Cases
from starter.client import AftersaleClient
from starter.messages.threads import Threads
from starter.reader import Reader
from starter.records import Records
from starter.work.reader import Work
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale
from tests.starter.test_show_live import counting

EVE, OMAR = specialist("eve"), specialist("omar")
Looks = list[tuple[str, str, str]]


async def written(client: AftersaleClient, market: Marketplace, many: int) -> tuple[Life, list[str]]:
    """An order in so many parcels and one more; the numbers of all but that one stand in a claim and in its ticket."""
    life = await market.order(prices=("5.00",) * (many + 1))
    await life.send("confirm", SELLER)
    numbers = [f"JD{uuid4().int % 10**14:014}" for _ in range(many + 1)]
    for n, number in enumerate(numbers, 1):
        await life.ship(f"p{n}", number, lines=[f"L{n}"])
    await life.scan(Milestone.DELIVERED, "p1", Proof.STRONG)
    said = f"Crushed: {', '.join(numbers[:many])}"
    await client.open_claim(
        life.order_id, life.actor(BUYER), reason=ClaimReason.DAMAGED, lines=["L1"], text=spaced(said)
    )
    await client.escalate_claim(life.order_id, life.actor(SELLER))
    ticket = life.ticket(Cause.CLAIM).ticket_id
    await client.note_ticket(life.order_id, OMAR, ticket=ticket, reason=f"See {said}")
    await life.rest()
    return life, numbers


def spaced(words: str) -> str:
    return words.replace("JD", "jd\u00a0")


def looked(market: Marketplace, life: Life) -> Looks:
    query = select(looks.c.role, looks.c.actor_id, looks.c.parcel_id).where(looks.c.order_id == life.order_id)
    with market.engine.begin() as conn:
        return sorted(tuple(row) for row in conn.execute(query.where(looks.c.parcel_id != "")))


@pytest.mark.parametrize("screen", ["a claim", "the last line of a thread", "a ticket"])
async def test_a_specialist_who_reads_a_number_that_somebody_wrote_has_looked_at_it(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace, screen: str
) -> None:
    life, numbers = await written(client, market, 1)
    commands = {
        "a claim": ("claims", "show", f"{life.order_id}-c1"),
        "the last line of a thread": ("messages", "thread", life.order_id, "--limit", "1"),
        "a ticket": ("tickets", "show", life.ticket(Cause.CLAIM).ticket_id),
    }
    if screen != "a ticket":
        for party in (BUYER, SELLER):
            assert numbers[0][2:] in (await aftersale(*commands[screen], "--as", party.value)).out
    assert looked(market, life) == [], "a party may see all numbers of its order"
    shown = (await aftersale(*commands[screen], "--as", "specialist", "--id", "eve")).out
    assert (numbers[0][2:] in shown, numbers[1] in shown) == (True, False)
    assert looked(market, life) == [("specialist", "eve", "p1")]


async def test_the_number_of_a_return_that_stands_in_a_note_is_looked_at_where_the_order_is_shown(
    aftersale: Aftersale, client: AftersaleClient, market: Marketplace
) -> None:
    life, number = await market.order(), f"GLS{uuid4().int % 10**14:014}"
    await life.delivered(Proof.STRONG)
    await client.open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason.CHANGED_MIND, lines=["L1"])
    await client.grant_claim(life.order_id, life.actor(SELLER))
    await client.send_return(life.order_id, life.actor(BUYER), carrier="GLS", tracking_number=number, parcel_id="r1")
    await client.note(life.order_id, OMAR, reason=f"The return is {number}.")
    await life.rest()
    assert number in (await aftersale("show", life.order_id, "--as", "specialist", "--id", "eve")).out
    assert ("specialist", "eve", "r1") in looked(market, life)


async def test_a_screen_costs_the_same_queries_however_many_numbers_stand_in_it(
    client: AftersaleClient, market: Marketplace
) -> None:
    queries = []
    for many in (1, 5):
        life, _ = await written(client, market, many)
        for who, screen in screens(Records(market.engine.execution_options(), market.vault), life).items():
            with counting(market.engine) as asked:
                screen(specialist(who))
            queries.append(len(asked))
            seen = {parcel for _, name, parcel in looked(market, life) if name == who}
            assert seen >= {f"p{n}" for n in range(1, many + 1)}
    assert queries[:4] == queries[4:]


def screens(records: Records, life: Life) -> dict[str, Callable[[Actor], object]]:
    """What somebody of the desk looks at, each another person."""
    return {
        "ann": partial(Cases(records).show, f"{life.order_id}-c1"),
        "ben": partial(Threads(records).thread, life.order_id, limit=1),
        "cid": partial(Work(records).show, life.ticket(Cause.CLAIM).ticket_id),
        "dan": partial(Reader(records).show, life.order_id),
    }
