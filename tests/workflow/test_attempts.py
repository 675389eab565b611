"""A step is performed by two attempts at once: the server gave the first up for lost, and it was only slow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text
from temporalio.exceptions import ApplicationError

from activities.store import tables
from activities.store.desk import messages
from domain import events, wire
from domain.contract import Ask, Envelope
from domain.decide import Command, Decision, decide
from tests.life import BUYER, PATIENCE, SELLER, Life
from tests.marketplace import Marketplace

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def asked(life: Life, name: str, **body: Any) -> dict[str, Any]:
    """A step of the seller, as its run asks for it."""
    order, now = life.state(), await life.now()
    command = Command(name, f"{name}-1", life.actor(SELLER), body)
    decision = decide(order, command, now)
    assert isinstance(decision, Decision)
    plain = tuple(events.to_plain(event) for event in decision.events)
    ask = Ask(
        decision.step, decision.after.seq, order.epoch, now, "update", command.name,
        Envelope(command.command_id, command.actor, body), "placed", plain, decision.after, (),
    )  # fmt: skip
    return dict(wire.to_plain(ask))


async def test_both_attempts_of_a_step_tell_the_same_and_it_is_recorded_once(market: Marketplace) -> None:
    life = await market.order()
    ask, performer = await asked(life, "confirm"), market.performer
    with market.engine.begin() as conn:
        conn.execute(select(tables.orders.c.seq).where(tables.orders.c.order_id == life.order_id).with_for_update())
        attempts = [asyncio.create_task(asyncio.to_thread(performer.perform, ask)) for _ in range(2)]
        await both_wait(market)
    told = await asyncio.gather(*attempts)
    assert told[0] == told[1]
    assert life.steps() == ["place", "confirm"]
    with market.engine.begin() as conn:
        mine = select(func.count()).where(tables.steps.c.order_id == life.order_id)
        assert conn.scalar(mine) == 2
    await life.handle.terminate("its step was taken beside it")
    await life.restart()


async def test_a_message_that_is_performed_again_is_one_line_and_told_as_before(market: Marketplace) -> None:
    life = await market.order()
    seller = life.actor(SELLER)
    with market.engine.begin() as conn:
        messages.put_text(conn, market.vault, life.order_id, "m-1", seller, await life.now(), "Hello.")
    ask = await asked(life, "message", message_id="m-1")
    told = [await asyncio.to_thread(market.performer.perform, ask) for _ in range(2)]
    assert told == [{}, {}]
    with market.engine.begin() as conn:
        buyer = life.actor(BUYER)
        assert [row.unread for row in messages.inbox(conn, buyer)] == [1]
    assert life.told(BUYER).count("message") == 1
    await life.handle.terminate("its step was taken beside it")
    await life.restart()


async def test_another_step_of_the_same_run_in_the_place_of_a_recorded_one_is_stopped(market: Marketplace) -> None:
    life = await market.order()
    ask, other = await asked(life, "confirm"), await asked(life, "confirm", lines=["L1"])
    await asyncio.to_thread(market.performer.perform, ask)
    with pytest.raises(ApplicationError) as stopped:
        await asyncio.to_thread(market.performer.perform, other)
    assert stopped.value.type == "StaleEpoch", "it would be told what the other step brought"
    assert life.steps() == ["place", "confirm"]
    await life.handle.terminate("its step was taken beside it")
    await life.restart()


async def both_wait(market: Marketplace) -> None:
    """Until both have found the step untaken, and stand before the order's row."""

    def waiting() -> int:
        with market.engine.begin() as conn:
            return int(conn.execute(WAITING).scalar_one())

    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(waiting) < 2:  # noqa: ASYNC110  # PostgreSQL tells nobody who waits
            await asyncio.sleep(0.01)
