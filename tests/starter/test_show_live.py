"""What the order's screen costs: the same queries for one parcel as for many, from Python and from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, event, select

from activities.store.tables import looks
from domain.state import DESK, Actor, Role
from starter.reader import Reader
from starter.records import Records
from tests.life import Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

READERS = (Role.BUYER, Role.SELLER, Role.SPECIALIST)


async def sent(market: Marketplace, many: int) -> Life:
    """An order that goes in `many` parcels."""
    life = await market.order(prices=("5.00",) * many)
    await life.send("confirm", Role.SELLER)
    for n in range(1, many + 1):
        await life.ship(f"p{n}", number(n), lines=[f"L{n}"])
    return life


def number(n: int) -> str:
    return f"JD99990000{n:010d}"


@contextmanager
def counting(workers: Engine) -> Iterator[list[str]]:
    """What everybody asks the database meanwhile but those who work with the engine of the workers."""
    asked: list[str] = []

    def note(conn: Connection, _cursor: object, sql: str, *_: object) -> None:
        if conn.engine is not workers:
            asked.append(sql)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def looked(market: Marketplace, life: Life, actor: Actor) -> list[str]:
    """The parcels whose numbers `actor` has looked at."""
    mine = looks.c.order_id == life.order_id, looks.c.actor_id == actor.id, looks.c.parcel_id != ""
    with market.engine.begin() as conn:
        return sorted(conn.scalars(select(looks.c.parcel_id).where(*mine)))


@pytest.mark.parametrize("role", READERS)
async def test_an_order_in_ten_parcels_is_shown_with_the_queries_of_one_and_each_look_is_on_record(
    market: Marketplace, aftersale: Aftersale, role: Role
) -> None:
    queries, typed = [], []
    for many in (1, 10):
        life = await sent(market, many)
        actor, own = life.actor(role), market.engine.execution_options()
        with counting(market.engine) as asked:
            view = Reader(Records(own, market.vault)).show(life.order_id, actor)
        queries.append(len(asked))
        numbers = {f"p{n}": number(n) for n in range(1, many + 1)}
        assert {parcel.parcel_id: parcel.tracking_number for parcel in view.parcels} == numbers
        assert looked(market, life, actor) == (sorted(numbers) if role in DESK else [])
        with counting(market.engine) as asked:
            ran = await aftersale("show", life.order_id, "--as", role.value, "--id", actor.id)
        typed.append(len(asked))
        assert all(each in ran.out for each in numbers.values())
    assert queries == [4, 4] if role not in DESK else queries == [8, 8]
    assert typed[0] == typed[1] > 0
