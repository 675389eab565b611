"""A Reset turns no verdict round, loses nothing and changes no order of what came, with a restart and without (W6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from activities import runs
from demo.temporal import reset
from domain.decide import Command, Decision, Refusal, Repeat, decide
from domain.errors import Refused
from domain.state import Order
from starter.answers import NotJudgedYet
from starter.runs import Runs
from tests.life import BUYER, PATIENCE, SELLER, Life
from tests.marketplace import Marketplace
from tests.workflow.test_restarts import NOWHERE, answered, begun, placed, quiet, tried_in_vain
from tests.workflow.test_sweep import listed
from workflows import loop

__all__ = ["quiet"]

SHIPPED = ["place", "confirm", "ship"]


async def shipped_after_a_receipt(market: Marketplace, by: str = "signal", life: Life | None = None) -> Life:
    """The buyer told too early that all was received, and was refused; then the order was shipped."""
    life = life or await market.order()
    await life.send("confirm", SELLER)
    if by == "signal":
        await life.signal("receive", BUYER, lines=["L1", "L2"], command_id="receive-1")
    else:
        with pytest.raises(Refused):
            await life.send("receive", BUYER, lines=["L1", "L2"], command_id="receive-1")
    await life.ship()
    return life


@pytest.mark.parametrize("task", range(5))
@pytest.mark.parametrize("worked", [True, False], ids=["worked", "waits"])
async def test_what_was_refused_stays_refused_after_a_reset_and_a_restart(
    quiet: Marketplace, task: int, worked: bool
) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await shipped_after_a_receipt(quiet)
            if worked:
                await reset(quiet.client, life.handle.id, lambda tasks: tasks[task], "by mistake")
                await life.rest()
    if not worked:
        await reset(quiet.client, life.handle.id, lambda tasks: tasks[task], "by mistake")
    await life.restart()
    assert (life.steps(), life.refusals()) == (SHIPPED, ["line_state"])
    assert "released" not in life.money()


@pytest.mark.parametrize("by", ["signal", "update"])
async def test_a_reset_alone_does_nothing_that_was_refused(quiet: Marketplace, by: str) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await shipped_after_a_receipt(quiet, by)
            await reset(quiet.client, life.handle.id, min, "by mistake")
            await life.rest()
            assert not await life.is_running()
            with pytest.raises(WorkflowFailureError) as failed:
                await life.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == "StaleEpoch"
    described = await life.handle.describe()
    assert described.search_attributes["Stage"] == ["shipped"], "the operators' list shows the run that failed"
    assert life.steps() == SHIPPED
    await life.restart()
    assert life.steps() == SHIPPED


async def test_a_reset_of_an_order_that_has_only_been_placed_goes_on(quiet: Marketplace) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            await life.handle.signal("confirm", 7)
            await life.signal("ask_time", SELLER, days=1)
            await reset(quiet.client, life.handle.id, min, "by mistake")
            await life.rest()
            assert life.refusals() == ["invalid", "shipping_due"], "each once, though the new run refused it again"
            await life.send("confirm", SELLER)
    assert life.steps() == ["place", "confirm"]


async def test_garbage_that_two_resets_brought_along_is_on_record_once(quiet: Marketplace) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", 7)
    for _ in range(2):
        await reset(quiet.client, life.handle.id, max, "by mistake")
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await listed(quiet, life.order_id, "Running")
    await life.restart()
    assert (life.steps(), life.refusals()) == (["place", "confirm"], ["invalid"])


async def test_a_reset_of_an_older_run_turns_no_commands_round(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await placed(quiet)
    older = (await life.handle.describe()).run_id
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    with monkeypatch.context() as patched:
        patched.setattr(runs, "start_from", partial(runs.start_from, task_queue=quiet.task_queue))
        await Runs(quiet.client).restart(quiet.engine, *begun(life))
    await listed(quiet, life.order_id, "Running")
    await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "ask-1"))
    await life.handle.signal("cancel", life.message(BUYER, {"reason": "changed_mind"}, "cancel-1"))
    await reset(quiet.client, life.handle.id, min, "by mistake", run_id=older)
    await listed(quiet, life.order_id, "Running")
    await life.restart()
    assert life.steps()[:3] == ["place", "confirm", "ask_time"]


async def test_what_came_to_a_run_after_its_reset_comes_after_what_the_reset_brought_along(quiet: Marketplace) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await reset(quiet.client, life.handle.id, max, "by mistake")
    await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "ask-1"))
    await reset(quiet.client, life.handle.id, max, "once more")
    await life.handle.signal("grant_time", life.message(BUYER, {}, "grant-1"))
    await listed(quiet, life.order_id, "Running")
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time", "grant_time"]


@pytest.mark.parametrize("kind", ["update", "signal"])
async def test_what_waited_for_its_verdict_is_not_lost_by_a_reset_whose_run_fails(
    quiet: Marketplace, kind: str
) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            await life.send("confirm", SELLER)
            await life.signal("ask_time", SELLER, days=1)
    await answered(quiet, life, "grant_time", life.message(BUYER, {}, "grant-1"))
    with replace(quiet, engine=NOWHERE).worker() as worker:
        async with worker:
            ship = life.message(SELLER, {"parcel_id": "p1", "carrier": "DHL"}, "ship-1")
            if kind == "signal":
                await life.handle.signal("ship", ship)
            else:
                with pytest.raises(NotJudgedYet, match="it is kept and will be judged"):
                    await Runs(quiet.client).update(life.order_id, "ship", ship, 1.0)
            await tried_in_vain(life)
    await reset(quiet.client, life.handle.id, lambda tasks: tasks[2], "by mistake")
    with quiet.worker() as worker:
        async with worker:
            await life.rest()
    assert (await life.handle.describe()).status is WorkflowExecutionStatus.FAILED
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time", "grant_time", "ship"]


async def test_a_reset_brings_along_what_came_to_the_runs_that_its_run_continued_as(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(loop, "LONG_HISTORY", 5)
        with quiet.worker(sandboxed=False) as worker:
            async with worker:
                life = await quiet.order()
                first = (await life.handle.describe()).run_id
                await shipped_after_a_receipt(quiet, life=life)
    await life.handle.signal("note", 7)
    await reset(quiet.client, life.handle.id, max, "by mistake", run_id=first)
    await listed(quiet, life.order_id, "Running")
    await life.restart()
    assert (life.steps(), life.refusals()) == (SHIPPED, ["line_state", "invalid"])


async def test_a_yes_stands_though_the_run_of_a_reset_says_no(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            await life.send("confirm", SELLER)
            await life.signal("ask_time", SELLER, days=1)
    await answered(quiet, life, "grant_time", life.message(BUYER, {}, "grant-1"))
    await reset(quiet.client, life.handle.id, max, "by mistake")

    def too_late(order: Order, command: Command, now: datetime) -> Decision | Refusal | Repeat:
        late = Refusal("too_late", "it is too late for that now")
        return late if command.name == "grant_time" else decide(order, command, now)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "decide", too_late)
        with quiet.worker(sandboxed=False) as worker:
            async with worker:
                await life.rest()
    assert await life.is_running()
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time", "grant_time"]


async def has_accepted(life: Life) -> bool:
    """Whether the order's run has taken an update in."""
    events = life.handle.fetch_history_events()
    return any([event.HasField("workflow_execution_update_accepted_event_attributes") async for event in events])


async def test_who_waits_at_a_run_that_ends_as_stale_is_told_that_another_one_judges(quiet: Marketplace) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    ask = life.message(SELLER, {"days": 1}, "ask-1")
    with replace(quiet, engine=NOWHERE).worker() as worker:
        async with worker:
            await tried_in_vain(life)
            asking = asyncio.create_task(Runs(quiet.client).update(life.order_id, "ask_time", ask, PATIENCE))
            while not await has_accepted(life):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
    begun(life)
    with quiet.worker() as worker:
        async with worker:
            with pytest.raises(NotJudgedYet, match="has ended; it is kept and will be judged"):
                await asking
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time"]
