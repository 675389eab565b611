"""To a buyer or seller of other orders an order that exists reads as one that does not, whatever they ask (A2)."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from sqlalchemy import func, select

from activities.store.desk.message_tables import messages
from activities.store.tables import addresses, notes, parcels
from domain.money import Money
from domain.process import ACTIONS, roles_of
from domain.state import PARTIES, Actor, Role
from starter.answers import NotFound
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale

NOWHERE = "o-nowhere"
OF_PARTIES = [(name, role) for name in ACTIONS for role in roles_of(name) if role in PARTIES]


def arguments(name: str) -> dict[str, Any]:
    """Something for each field of a typed command, words and numbers too, which are stored first."""
    asked = inspect.signature(getattr(AftersaleClient, name), eval_str=True).parameters.values()
    wanted = (p for p in asked if p.kind is p.KEYWORD_ONLY)
    return {p.name: _some(p.annotation) for p in wanted if p.default is p.empty or p.name in ("text", "address_lines")}


def _some(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    some = {int: 3, datetime: datetime(2026, 11, 24, tzinfo=UTC), Money: Money(100, "EUR"), Sequence[str]: ["f-1"]}
    return some.get(kind, "Something.")


def stored(records: Records, life: Life) -> list[int]:
    """How many notes, texts, parcels and addresses there are of an order."""
    with records.begin() as conn:
        tables = (notes, messages, parcels, addresses)
        counts = [conn.scalar(select(func.count()).select_from(t).where(t.c.order_id == life.order_id)) for t in tables]
    return [count or 0 for count in counts]


async def test_every_command_of_a_stranger_is_answered_as_for_no_order_and_stores_nothing(
    client: AftersaleClient, records: Records, market: Marketplace
) -> None:
    life, other = await market.order(), await market.order()
    before = stored(records, life)
    assert len(OF_PARTIES) > 25
    for name, role in OF_PARTIES:
        for signal in (False, True):
            for order_id in (life.order_id, NOWHERE):
                with pytest.raises(NotFound) as answer:
                    await getattr(client, name)(order_id, other.actor(role), **arguments(name), signal=signal)
                assert str(answer.value) == f"there is no order {order_id}", (name, role)
    swapped = Actor(Role.SELLER, life.actor(Role.BUYER).id)
    with pytest.raises(NotFound):
        await client.confirm(life.order_id, swapped)
    await life.rest()
    assert (life.refusals(), stored(records, life)) == ([], before)


async def test_a_stranger_cannot_tell_from_the_command_line_whether_an_order_exists(
    aftersale: Aftersale, market: Marketplace
) -> None:
    life = await market.order()
    for command in (("message", "--text", "Hi."), ("open-claim", "--reason", "damaged"), ("show",), ("files", "list")):
        name = command[:2] if command[0] == "files" else command[:1]
        seen = set()
        for order_id in (life.order_id, NOWHERE):
            ran = await aftersale(*name, order_id, *command[len(name) :], "--as", "buyer", "--id", "stranger")
            seen.add((ran.code, ran.out, ran.err.replace(order_id, "...")))
        assert seen == {(4, "", "Not found: there is no order ...\n")}, command
