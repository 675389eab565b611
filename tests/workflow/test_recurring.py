"""Issues that recur become one ticket each, through a real Temporal server and a real PostgreSQL (K5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select
from temporalio.worker import Worker

from activities.policies import publish
from activities.recurring import RecurringIssues as IssueFinder, window_start
from activities.store import personal
from activities.store.desk import recurring
from activities.store.desk.recurring import RecurringRow
from activities.store.tables import tickets
from domain.claims.case import ClaimReason
from domain.contract import RECURRING
from domain.policy import Policy
from starter.answers import specialist
from starter.client import AftersaleClient
from starter.records import Records
from tests.life import BUYER, COMMAND_KEY, Life
from tests.marketplace import Marketplace
from tests.starter.conftest import Aftersale, aftersale
from workflows.front import FrontDoor
from workflows.housekeeping import RecurringIssues

__all__ = ["aftersale"]

Looking = Callable[[], Awaitable[dict[str, int]]]
EVE = specialist("eve")


@pytest.fixture
def policy(market: Marketplace) -> str:
    """A marketplace of this test's own that is watchful."""
    name = f"watchful-{uuid4().hex[:8]}"
    limits = 'seller = "2 claims"\nproduct = "2 claims"\ncarrier = "4 claims"\nreason = "3 claims"\n'
    (market.policies / f"{name}.toml").write_text(
        f'name = "{name}"\n\n[recurring]\nwindow = "5 business days"\n{limits}'
    )
    assert publish(market.engine, market.policies)
    return name


@pytest_asyncio.fixture
async def look(market: Marketplace) -> Looking:
    """One look, as the schedule starts it; gives what was counted."""

    async def once() -> dict[str, int]:
        queue = f"recurring-{uuid4().hex[:8]}"
        ask = {"now": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        with ThreadPoolExecutor(2) as threads:
            async with Worker(
                market.client,
                task_queue=queue,
                workflows=[RecurringIssues],
                activities=[IssueFinder(market.engine).find],
                activity_executor=threads,
                interceptors=[FrontDoor()],
            ):
                counts: dict[str, int] = await market.client.execute_workflow(
                    RECURRING, ask, id=queue, task_queue=queue
                )
        return counts

    return once


def client(market: Marketplace) -> AftersaleClient:
    return AftersaleClient(market.client, Records(market.engine, market.vault), COMMAND_KEY)


async def claimed(
    market: Marketplace,
    policy: str,
    shop: str,
    *,
    sku: str = "",
    title: str = "Lamp",
    reason: str = "damaged",
    carrier: str = "DHL",
) -> Life:
    """A claim about what a shop sold."""
    document = market.checkout(policy=policy)
    with market.engine.begin() as conn:
        sam = personal.Person(shop, "Sam", f"{shop}@mail.example", "en")
        personal.put_person(conn, market.vault, document["order_id"], sam)
    document["seller"]["person_id"] = shop
    document["lines"][0] |= {"title": title, **({"sku": sku} if sku else {})}
    life = await market.order(market.preauthorised(document))
    await life.delivered(carrier=carrier)
    await client(market).open_claim(life.order_id, life.actor(BUYER), reason=ClaimReason(reason), lines=["L1"])
    await life.rest()
    return life


def found(market: Marketplace, policy: str, *, only_open: bool = True) -> dict[tuple[str, str], RecurringRow]:
    with market.engine.begin() as conn:
        rows = recurring.listed(conn, only_open=only_open, limit=10_000)
    return {(row.kind, row.subject): row for row in rows if row.marketplace == policy}


def rows_of(every: list[dict[str, Any]], policy: str) -> list[dict[str, Any]]:
    return [row for row in every if row["marketplace"] == policy]


async def test_what_recurs_is_one_ticket_with_its_claims_and_never_a_second_while_it_is_open(
    market: Marketplace, policy: str, look: Looking, aftersale: Aftersale
) -> None:
    shop, other = f"shop-{policy}", f"other-{policy}"
    lives = [
        await claimed(market, policy, shop, sku="SKU-1", title="A red lamp"),
        await claimed(market, policy, shop, title="Vase", reason="wrong_item"),
        await claimed(market, policy, other, sku="SKU-1", title="A blue lamp"),
    ]
    numbers = tuple(f"{life.order_id}-c1" for life in lives)
    await look()
    rows = found(market, policy)
    assert {key: row.claims for key, row in rows.items()} == {
        ("seller", shop): (numbers[0], numbers[1]),
        ("product", "SKU-1"): (numbers[0], numbers[2]),
    }
    mine = rows["seller", shop]
    assert (mine.status, mine.times, mine.order_id) == ("open", 1, lives[1].order_id)
    queue = await aftersale("tickets", "--cause", "recurring", "--limit", "500", "--json")
    assert [t["subject"] for t in queue.json["tickets"] if t["ticket_id"] == mine.ticket_id] == [f"seller {shop}"]
    lives.append(await claimed(market, policy, shop, title="Chair"))
    for _ in range(2):
        await look()
    rows = found(market, policy)
    assert rows["seller", shop].claims == (numbers[0], numbers[1], f"{lives[3].order_id}-c1")
    assert rows["seller", shop].ticket_id == mine.ticket_id
    assert set(rows) == {("seller", shop), ("product", "SKU-1"), ("reason", "damaged"), ("carrier", "DHL")}
    with market.engine.begin() as conn:
        same = select(tickets).where(tickets.c.cause == "recurring", tickets.c.subject == f"seller {shop}")
        assert len(conn.execute(same).all()) == 1
    listed = await aftersale("claims", "recurring", "--limit", "500")
    assert (listed.code, "SKU-1" in listed.out) == (0, True)
    every = (await aftersale("claims", "recurring", "--all", "--limit", "500", "--json")).json["recurring"]
    assert {row["ticket_id"] for row in rows_of(every, policy)} == {row.ticket_id for row in rows.values()}


async def test_a_title_is_its_sellers_alone_unless_the_storefront_names_the_product(
    market: Marketplace, policy: str, look: Looking
) -> None:
    for shop in (f"shop-{policy}", f"other-{policy}"):
        await claimed(market, policy, shop, title="Vase")
    await look()
    assert found(market, policy) == {}
    await claimed(market, policy, f"shop-{policy}", title="Vase", reason="incomplete")
    await look()
    assert set(found(market, policy)) == {("seller", f"shop-{policy}"), ("product", f"Vase of shop-{policy}")}


async def test_what_a_person_has_looked_at_comes_back_only_with_new_claims(
    market: Marketplace, policy: str, look: Looking, aftersale: Aftersale
) -> None:
    shop = f"shop-{policy}"
    for n in range(2):
        await claimed(market, policy, shop, title=f"Thing {n}")
    await look()
    first = found(market, policy)["seller", shop]
    shown = await aftersale("tickets", "show", first.ticket_id, "--id", "eve")
    for words in (f"recurring (seller {shop})", *(f"Claim {number}" for number in first.claims), "tickets resolve"):
        assert words in shown.out
    assert (await aftersale("tickets", "assign", first.ticket_id, "--owner", "eve", "--id", "eve")).code == 0
    assert found(market, policy)["seller", shop].owner == "eve"
    ended = await aftersale(
        "tickets", "resolve", first.ticket_id, "--outcome", "no_change", "--reason", "We called him.", "--id", "eve"
    )
    assert ended.code == 0, ended.err
    await look()
    assert ("seller", shop) not in found(market, policy)
    since = [await claimed(market, policy, shop, title=f"Other {n}") for n in range(2)]
    await look()
    again = found(market, policy)["seller", shop]
    assert (again.times, again.ticket_id != first.ticket_id) == (2, True)
    assert again.claims == tuple(f"{life.order_id}-c1" for life in since)


async def test_claims_that_came_after_the_last_look_count_after_the_ticket_was_ended_and_no_claim_counts_twice(
    market: Marketplace, policy: str, look: Looking, aftersale: Aftersale
) -> None:
    shop = f"shop-{policy}"

    async def two(thing: str) -> tuple[str, ...]:
        made = [await claimed(market, policy, shop, title=f"{thing} {n}") for n in range(2)]
        return tuple(f"{life.order_id}-c1" for life in made)

    async def ended() -> None:
        ticket = found(market, policy)["seller", shop].ticket_id
        words = ("--outcome", "no_change", "--reason", "We called him.", "--id", "eve")
        assert (await aftersale("tickets", "resolve", ticket, *words)).code == 0

    first = await two("Before the look")
    await look()
    assert found(market, policy)["seller", shop].claims == first
    between = await two("Before the end")
    await ended()
    after = await two("After the end")
    await look()
    again = found(market, policy)["seller", shop]
    assert (again.times, again.claims) == (2, (*between, *after))
    await ended()
    await look()
    assert ("seller", shop) not in found(market, policy)


async def test_a_carrier_is_one_however_its_name_is_written(market: Marketplace, policy: str, look: Looking) -> None:
    names = ("Royal Mail", "royal mail", " ROYAL  MAIL", "Royal Mail")
    made = [
        await claimed(market, policy, f"{n}-{policy}", title=f"Thing {n}", reason=reason, carrier=name)
        for n, (name, reason) in enumerate(zip(names, ("damaged", "incomplete") * 2, strict=True))
    ]
    await look()
    rows = found(market, policy)
    assert {key: row.claims for key, row in rows.items()} == {
        ("carrier", "ROYAL MAIL"): tuple(f"{life.order_id}-c1" for life in made)
    }


async def test_old_claims_do_not_count(market: Marketplace, policy: str) -> None:
    shop = f"shop-{policy}"
    for n in range(2):
        await claimed(market, policy, shop, title=f"Thing {n}")
    finder = IssueFinder(market.engine)
    counts = {"marketplaces": 0, "seen": 0, "opened": 0}
    finder._look(policy, datetime.now(UTC) + timedelta(days=20), counts)
    assert counts == {"marketplaces": 1, "seen": 0, "opened": 0}


def test_a_window_counts_the_business_days_of_the_desk() -> None:
    monday = datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert window_start(Policy(name="x"), monday) == datetime(2026, 11, 16, 9, tzinfo=UTC)
    after_christmas = datetime(2026, 12, 29, 9, tzinfo=UTC)
    assert window_start(Policy(name="x"), after_christmas) == datetime(2026, 12, 14, 9, tzinfo=UTC)
