"""Messages that come early, twice, late, while no worker runs, or while an order goes on in a new run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import SearchAttributeKey, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

import workflows.loop
from activities import perform
from activities.store import outbox
from activities.store.database import connect
from demo.temporal import fast_forward
from domain import fold
from domain.contract import workflow_id
from domain.errors import Refused
from domain.state import Stage
from tests.histories.record import SHORT_HISTORY
from tests.life import BUYER, SELLER, Life
from tests.marketplace import Marketplace


@pytest.fixture
def quiet(market: Marketplace) -> Marketplace:
    """The marketplace with a task queue of this test's own, on which no worker runs until the test starts one."""
    return replace(market, task_queue=f"orders-{uuid4().hex[:8]}", lives=market.lives)


async def test_an_update_that_comes_before_admission_is_judged_after_it(quiet: Marketplace) -> None:
    life = await quiet.start(quiet.preauthorised(quiet.checkout()))
    early = asyncio.create_task(life.handle.execute_update("confirm", life.message(SELLER, {})))
    with quiet.worker() as worker:
        async with worker:
            verdict = await early
            await life.rest()
            assert (verdict["seq"], verdict["stage"]) == (2, Stage.CONFIRMED)
            assert life.steps() == ["place", "confirm"]


async def test_an_early_update_to_an_order_that_is_turned_away_is_answered(quiet: Marketplace) -> None:
    life = await quiet.start(quiet.preauthorised(quiet.checkout()) | {"total": "1.00 EUR"})
    early = asyncio.create_task(life.handle.execute_update("confirm", life.message(SELLER, {})))
    with quiet.worker() as worker:
        async with worker:
            with pytest.raises(WorkflowUpdateFailedError) as failed:
                await early
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "Refused"
    assert (await life.handle.describe()).status is WorkflowExecutionStatus.FAILED


async def test_signals_are_kept_while_no_worker_runs_and_updates_are_judged_when_one_comes(quiet: Marketplace) -> None:
    life = await quiet.start(quiet.preauthorised(quiet.checkout()))
    with quiet.worker() as worker:
        async with worker:
            await life.rest()
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    with pytest.raises((TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError)):
        await asyncio.wait_for(life.handle.execute_update("cancel", life.message(BUYER, {"reason": "other"})), 0.5)
    assert life.steps() == ["place"]
    with quiet.worker() as worker:
        async with worker:
            await life.rest()
            assert life.steps() == ["place", "confirm"]
            await life.ship()
            assert life.money()["captured"] == "64.90 EUR"


async def test_one_command_id_has_one_effect_as_update_and_as_signal(market: Marketplace) -> None:
    life = await market.order()
    first = await life.send("confirm", SELLER, command_id="confirm-1", lines=["L1"])
    again = await life.send("confirm", SELLER, command_id="confirm-1", lines=["L1"])
    await life.signal("confirm", SELLER, command_id="confirm-1", lines=["L1"])
    assert again["seq"] == first["seq"] == 2
    assert life.steps() == ["place", "confirm"]
    assert life.refusals() == []
    with pytest.raises(Refused) as refused:
        await life.send("confirm", SELLER, command_id="confirm-1", lines=["L2"])
    assert refused.value.code == "command_id_reused"


async def test_an_id_that_the_order_has_forgotten_is_good_for_no_other_command(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (fold, workflows.loop, perform):
        monkeypatch.setattr(room, "SEEN_LIMIT", 1)
    life = await market.order()
    await life.send("confirm", SELLER, command_id="once")
    await life.send("ask_time", SELLER, days=1)
    with pytest.raises(Refused) as refused:
        await life.send("ship", SELLER, command_id="once", parcel_id="p1", carrier="DHL")
    assert refused.value.code == "taken_before"
    assert life.effects() == ["authorise"]
    await life.ship()
    assert life.steps() == ["place", "confirm", "ask_time", "ship"]


async def test_a_refused_command_may_be_sent_again_under_its_id(market: Marketplace) -> None:
    life = await market.order()
    with pytest.raises(Refused):
        await life.send("ship", SELLER, command_id="ship-1", parcel_id="p1", carrier="DHL")
    await life.send("confirm", SELLER)
    await life.send("ship", SELLER, command_id="ship-1", parcel_id="p1", carrier="DHL")
    assert life.steps() == ["place", "confirm", "ship"]


async def test_fifty_presses_of_one_button_have_one_effect(market: Marketplace) -> None:
    life = await market.order()
    press = life.message(SELLER, {}, "confirm-1")
    verdicts = await asyncio.gather(*(press_once(life, press, i % 3 == 0) for i in range(50)))
    await life.rest()
    assert {verdict["seq"] for verdict in verdicts if verdict is not None} == {2}
    assert life.steps() == ["place", "confirm"]
    assert life.refusals() == []


async def press_once(life: Life, message: dict[str, Any], signal: bool) -> dict[str, Any] | None:
    """Ten updates in flight are all that a server takes; the others are refused by it and sent again."""
    if signal:
        await life.handle.signal("confirm", message)
        return None
    while True:
        try:
            verdict: dict[str, Any] = await life.handle.execute_update("confirm", message)
        except RPCError as error:
            if "limit" not in str(error):
                raise
        else:
            return verdict


async def test_a_command_stays_known_when_the_order_goes_on_in_a_new_run(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows.loop, "LONG_HISTORY", SHORT_HISTORY)
    with quiet.worker(sandboxed=False) as worker:
        async with worker:
            life = await quiet.order()
            first_run = (await life.handle.describe()).run_id
            await life.send("confirm", SELLER, command_id="confirm-1")
            await life.ship()
            await life.send("receive", BUYER)
            assert (await life.handle.describe()).run_id != first_run, "the history was long enough for a new run"
            again = await life.send("confirm", SELLER, command_id="confirm-1")
            await life.signal("confirm", SELLER, command_id="confirm-1")
            assert again["seq"] == 2
            assert life.steps() == ["place", "confirm", "ship", "receive"]
            assert life.effects() == ["authorise", "capture", "transfer"]
            await life.until("close")
            assert await life.result() == Stage.CLOSED


async def test_the_workflow_ends_only_when_everybody_has_been_answered(market: Marketplace) -> None:
    life = await market.order()
    cancel = life.message(BUYER, {"reason": "changed_mind"})
    answers = await asyncio.gather(*(life.handle.execute_update("cancel", cancel) for _ in range(6)))
    assert [answer["seq"] for answer in answers] == [2] * 6
    assert await life.result() == Stage.CANCELLED


async def test_while_the_database_is_away_an_order_waits_visibly_and_goes_on(quiet: Marketplace) -> None:
    life = await quiet.start(quiet.preauthorised(quiet.checkout()))
    away = replace(quiet, engine=connect("postgresql://nobody@127.0.0.1:1/nowhere"))
    with away.worker() as worker:
        async with worker:
            await fast_forward(quiet.client, life.handle, timedelta(minutes=2))
    found = (await life.handle.describe()).typed_search_attributes
    reason = found.get(SearchAttributeKey.for_keyword("AttentionReason"))
    assert found.get(SearchAttributeKey.for_bool("Attention"))
    assert reason is not None
    assert "cannot be recorded" in reason
    await life.handle.signal("confirm", life.message(SELLER, {}))
    with quiet.worker() as worker:
        async with worker:
            await life.rest()
            assert life.steps() == ["place", "confirm"]
    found = (await life.handle.describe()).typed_search_attributes
    assert found.get(SearchAttributeKey.for_bool("Attention")) is False


async def test_a_step_its_bookings_and_its_notices_are_written_together_or_not_at_all(
    market: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await market.order()
    await life.send("confirm", SELLER)
    queue, found = outbox.queue, []

    def lost_once(conn: Connection, rows: Sequence[outbox.Notice]) -> None:
        found.append((life.steps(), life.money(), life.told(SELLER).count("secured")))
        if len(found) == 1:
            raise OperationalError("INSERT", None, ConnectionError("the connection is cut"))
        queue(conn, rows)

    monkeypatch.setattr(outbox, "queue", lost_once)
    await life.ship()
    assert found == [(["place", "confirm"], {}, 0)] * 2, "nothing was left of the first attempt (L9)"
    assert life.steps() == ["place", "confirm", "ship"]
    assert life.money() == {"captured": "64.90 EUR", "escrow": "64.90 EUR"}
    assert life.told(SELLER).count("secured") == 1
    assert life.effects() == ["authorise", "capture"]


async def test_starting_the_same_order_twice_gives_one_order(market: Marketplace) -> None:
    life = await market.order()
    again = await market.client.start_workflow(
        "OrderWorkflow",
        life.document,
        id=workflow_id(life.order_id),
        task_queue=market.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    assert again.first_execution_run_id == (await life.handle.describe()).run_id
    assert life.steps() == ["place"]
    assert life.effects() == ["authorise"]
