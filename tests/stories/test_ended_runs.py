"""A run is ended from outside while money is under way; the next one carries out what was begun, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from activities.store import tables
from domain.contract import WORKFLOW, workflow_id
from domain.parcels.parcel import Milestone
from domain.state import Role, Stage
from tests.life import BUYER, PATIENCE, SELLER, Life
from tests.marketplace import Marketplace

SECONDS = 1.5
"""For which the provider keeps its answer back."""
STANDS, COMES_LATE = "effect_then_cut", "slow"
"""The effect stands at once and its answer is lost; or both come after the next run has begun."""


async def written_down(market: Marketplace, life: Life, verb: str) -> None:
    """Until an operation of the order is pending."""

    def pending() -> bool:
        asked = tables.operations.c
        query = select(asked.seq).where(asked.order_id == life.order_id, asked.verb == verb, asked.state == "pending")
        with market.engine.begin() as conn:
            return conn.execute(query).first() is not None

    await until(pending)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(happened):  # noqa: ASYNC110  # nobody tells when a row has been written
            await asyncio.sleep(0.01)


def keys(market: Marketplace, life: Life, effect: str) -> list[str]:
    """Under which keys the provider did something for the order."""
    return [entry["key"] for entry in market.sandbox.book(life.order_id) if entry["kind"] == effect]


async def begun(
    market: Marketplace, life: Life, verb: str, name: str, role: Role, effect: str = STANDS, **body: Any
) -> Any:
    """Send a command whose money is under way when its run is terminated; gives the command as it was sent."""
    market.sandbox.fault(effect, order_id=life.order_id, operation=verb, hang_seconds=SECONDS)
    message = life.message(role, body, "begun-1")
    await life.handle.execute_update(name, message)
    await written_down(market, life, verb)
    await life.handle.terminate("by mistake")
    return message


@pytest.mark.parametrize("effect", [STANDS, COMES_LATE])
async def test_a_payment_out_that_was_under_way_is_known_to_the_next_run(market: Marketplace, effect: str) -> None:
    life = await market.order()
    await life.delivered()
    message = await begun(market, life, "release", "receive", BUYER, effect)
    await life.restart()
    await until(lambda: "transfer" in life.effects())
    await life.pass_time(timedelta(minutes=30))
    assert life.effects() == ["authorise", "capture", "transfer"]
    assert life.money()["released"] == "60.10 EUR"
    assert keys(market, life, "transfer") == [f"{life.order_id}:release:5"]
    assert "receive" in life.steps(), "the command that was answered stays taken (W6)"
    assert (await life.update("receive", message))["seq"] == 5
    assert life.steps().count("receive") == 1


async def start_again(market: Marketplace, life: Life) -> None:
    """What a storefront does that repeats its start."""
    await market.client.start_workflow(
        WORKFLOW, life.document, id=workflow_id(life.order_id), task_queue=market.task_queue
    )
    await life.rest()


async def restart(market: Marketplace, life: Life) -> None:
    await life.restart()


@pytest.mark.parametrize("again", [restart, start_again])
async def test_a_shipment_whose_capture_was_under_way_stands_in_the_next_run(
    market: Marketplace, again: Callable[[Marketplace, Life], Awaitable[None]]
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await begun(market, life, "capture", "ship", SELLER, parcel_id="p1", carrier="DHL", tracking_number="JD014600003")
    await again(market, life)
    await life.scan(Milestone.DELIVERED)
    assert life.effects() == ["authorise", "capture"]
    assert life.steps() == ["place", "confirm", "ship", "parcel_scan"]


async def test_a_run_that_is_ended_again_and_again_forgets_nothing(market: Marketplace) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    await begun(market, life, "void", "cancel", SELLER, COMES_LATE, reason="out_of_stock")
    await life.restart()
    assert life.state().op is not None, "the provider is still at it"
    await life.handle.terminate("again")
    await life.restart()
    await until(lambda: "void" in life.effects())
    await life.pass_time(timedelta(minutes=30))
    assert await life.result() == Stage.CANCELLED
    assert life.effects() == ["authorise", "void"]


async def test_an_authorisation_that_was_under_way_is_not_made_again_under_another_key(market: Marketplace) -> None:
    document = market.checkout()
    life = await market.order(document)
    offer = {"payment_method": "pm_card_visa", "customer": market.customer()}
    await begun(market, life, "authorise", "pay", BUYER, **offer)
    await life.restart()
    await life.rest()
    assert len(keys(market, life, "authorise")) == 1
    assert life.state().payment.hold


async def test_an_admission_that_was_ended_and_begun_again_is_one_order(market: Marketplace) -> None:
    paid = {"payment_method": "pm_card_visa", "customer": market.customer()}
    document = market.checkout() | {"payment": paid}
    market.sandbox.fault(COMES_LATE, order_id=document["order_id"], operation="authorise", hang_seconds=SECONDS)
    life = await market.start(document)
    await written_down(market, life, "authorise")
    await life.handle.terminate("by mistake")
    handle = await market.client.start_workflow(
        WORKFLOW, document, id=workflow_id(life.order_id), task_queue=market.task_queue
    )
    await life.rest()
    await until(lambda: bool(keys(market, life, "authorise")))
    assert (await handle.describe()).status == (await life.handle.describe()).status
    assert await life.is_running(), "the order that the ended run recorded is the one that goes on"
    assert life.steps()[0] == "place"
    assert life.steps().count("place") == 1
    assert keys(market, life, "authorise") == [f"{life.order_id}:authorise:1"]
