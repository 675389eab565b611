"""A command of the provider reaches its order, one that runs or one that is over, and there are never two runs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, QueuePool
from temporalio.client import WorkflowExecutionStatus

from activities.runs import NotHandedOver, hand_over
from activities.store import orders
from domain.contract import workflow_id
from domain.state import Actor, Role, Stage
from tests.life import BUYER, PATIENCE, Life
from tests.marketplace import Marketplace

PROVIDER = Actor(Role.PROVIDER, "stripe")


async def cancelled(market: Marketplace) -> Life:
    """An order that is over: paid, cancelled, its hold let go."""
    life = await market.order()
    await life.send("cancel", BUYER, reason="changed_mind")
    assert await life.result() == Stage.CANCELLED
    return life


def found(market: Marketplace, life: Life) -> dict[str, Any]:
    """The provider's word that another hold stands for the order."""
    hold = market.preauthorise(life.document)
    return life.signed("payment_found", PROVIDER, {"payment_intent": hold}, f"found-{hold}")


async def hand(market: Marketplace, life: Life, message: dict[str, Any]) -> bool:
    return await hand_over(
        market.engine, market.client, life.order_id, "payment_found", message, task_queue=market.task_queue
    )


async def ended(life: Life) -> None:
    """Until no run of the order is left."""
    await life.rest()
    await life.result()


async def runs(market: Marketplace, life: Life) -> list[WorkflowExecutionStatus | None]:
    """How each run of the order ended, once the server's list, which lags behind, knows that all have."""
    query = f"WorkflowId = '{workflow_id(life.order_id)}'"
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [run async for run in market.client.list_workflows(query)]
            newest = (await life.handle.describe()).run_id
            if newest in {run.run_id for run in found} and all(run.close_time for run in found):
                return [run.status for run in found]
            await asyncio.sleep(0.05)


async def test_an_order_that_runs_takes_it_once(market: Marketplace) -> None:
    life = await market.order()
    message = found(market, life)
    assert await hand(market, life, message)
    await life.rest()
    assert not await hand(market, life, message), "it was taken before"
    assert life.steps().count("payment_found") == 1
    assert life.state().epoch == 1
    assert life.effects() == ["authorise", "authorise", "void"]


async def test_an_order_that_is_over_goes_on_in_a_new_run_and_ends_again(market: Marketplace) -> None:
    life = await cancelled(market)
    message = found(market, life)
    assert await hand(market, life, message)
    await ended(life)
    assert life.steps()[-2:] == ["payment_found", "settle"]
    assert (life.stage(), life.state().epoch) == (Stage.CANCELLED, 2)
    assert life.effects() == ["authorise", "void", "authorise", "void"]
    assert not await hand(market, life, message)
    assert await runs(market, life) == [WorkflowExecutionStatus.COMPLETED] * 2


async def test_many_who_hand_over_at_once_reopen_an_order_together(market: Marketplace) -> None:
    life = await cancelled(market)
    messages = [found(market, life) for _ in range(3)]
    await asyncio.gather(*(hand(market, life, message) for message in messages * 4))
    await ended(life)
    assert life.steps().count("payment_found") == 3
    assert life.effects().count("void") == 4
    assert set(await runs(market, life)) == {WorkflowExecutionStatus.COMPLETED}


async def test_a_receiver_that_died_before_it_started_the_run_is_made_up_for(market: Marketplace) -> None:
    life = await cancelled(market)
    with market.engine.begin() as conn:
        begun = orders.reopen(conn, life.order_id)
    assert begun is not None
    assert begun[0] == 2
    assert await hand(market, life, found(market, life))
    await ended(life)
    assert life.state().epoch == 2, "the epoch that the dead one had begun"


async def test_a_run_that_ended_meanwhile_leaves_no_other_with_a_state_of_yesterday(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await cancelled(market)
    hold_still, done = orders.hold_still, threading.Event()

    def slowly(*asked: Any) -> bool:
        monkeypatch.undo()
        assert done.wait(PATIENCE)
        return hold_still(*asked)

    monkeypatch.setattr(orders, "hold_still", slowly)
    slow = asyncio.create_task(hand(market, life, found(market, life)))
    await asyncio.to_thread(until, lambda: orders.hold_still is hold_still)
    assert await hand(market, life, found(market, life))
    await ended(life)
    done.set()
    assert await slow
    await ended(life)
    assert life.steps().count("payment_found") == 2
    assert await runs(market, life) == [WorkflowExecutionStatus.COMPLETED] * 3


async def test_who_is_cancelled_while_the_row_is_taken_leaves_no_connection_behind(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await cancelled(market)
    hold_still, asked, goes_on = orders.hold_still, threading.Event(), threading.Event()

    def slowly(conn: Connection, *what: Any) -> bool:
        asked.set()
        assert goes_on.wait(PATIENCE)
        return hold_still(conn, *what)

    monkeypatch.setattr(orders, "hold_still", slowly)
    taken = out(market)
    handing = asyncio.create_task(hand(market, life, found(market, life)))
    assert await asyncio.to_thread(asked.wait, PATIENCE)
    handing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handing
    assert out(market) == taken + 1, "the thread has it still"
    goes_on.set()
    async with asyncio.timeout(PATIENCE):
        while out(market) > taken:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)


def out(market: Marketplace) -> int:
    """How many connections are in somebody's hands."""
    pool = market.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


def until(happened: Callable[[], bool]) -> None:
    """Look again and again until it has happened."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


async def test_an_open_order_without_a_run_is_left_to_an_operator(market: Marketplace) -> None:
    life = await market.order()
    message = found(market, life)
    await life.handle.terminate()
    with pytest.raises(NotHandedOver, match=f"aftersale restart {life.order_id}"):
        await hand(market, life, message)
    await life.restart()
    assert await hand(market, life, message)
    await life.rest()
    assert life.steps()[-2:] == ["payment_found", "settle"]


async def test_what_comes_while_no_worker_runs_waits_in_the_new_run(market: Marketplace) -> None:
    life = await cancelled(market)
    quiet = replace(market, task_queue=f"orders-{uuid4().hex[:8]}")
    assert await hand(quiet, life, found(market, life))
    assert await life.is_running()
    with quiet.worker() as worker:
        async with worker:
            await ended(life)
    assert life.steps()[-2:] == ["payment_found", "settle"]
