"""A restart finds what any run of the order took in: one that a Reset left, and one that a start took the place of."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.service import RPCError, RPCStatusCode

from activities import runs
from demo.temporal import reset
from domain import wire
from domain.contract import WORKFLOW, Envelope
from domain.state import Role
from starter.runs import Runs
from tests.life import BUYER, SELLER, Json
from tests.marketplace import Marketplace
from tests.workflow.test_restarts import NOWHERE, answered, begun, placed, quiet, tried_in_vain
from tests.workflow.test_sweep import listed

__all__ = ["quiet"]


@pytest.mark.parametrize("again", [False, True], ids=["waits", "accepted again"])
async def test_an_update_that_a_reset_brought_along_is_handed_over(quiet: Marketplace, again: bool) -> None:
    life = await placed(quiet)
    await answered(quiet, life, "confirm", life.message(SELLER, {}, "confirm-1"))
    await reset(quiet.client, life.handle.id, min, "by mistake")
    if again:
        with replace(quiet, engine=NOWHERE).worker() as worker:
            async with worker:
                await tried_in_vain(life)
    await life.restart()
    assert life.steps() == ["place", "confirm"]


async def test_an_update_that_a_reset_brought_along_outlives_the_run_that_had_it_first(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await placed(quiet)
    first = (await life.handle.describe()).run_id
    await answered(quiet, life, "confirm", life.message(SELLER, {}, "confirm-1"))
    await reset(quiet.client, life.handle.id, min, "by mistake")
    fetched = WorkflowHandle.fetch_history_events

    def remembered(handle: Any, **how: Any) -> Any:
        if handle.run_id == first:
            raise RPCError("deleted after its retention", RPCStatusCode.NOT_FOUND, b"")
        return fetched(handle, **how)

    monkeypatch.setattr(WorkflowHandle, "fetch_history_events", remembered)
    await life.restart()
    assert life.steps() == ["place", "confirm"]


async def test_what_a_run_had_answered_is_not_lost_by_a_reset_whose_run_fails(quiet: Marketplace) -> None:
    life = await placed(quiet)
    with quiet.worker() as worker:
        async with worker:
            await life.send("confirm", SELLER)
            await life.signal("ask_time", SELLER, days=1)
    await answered(quiet, life, "grant_time", life.message(BUYER, {}, "grant-1"))
    await reset(quiet.client, life.handle.id, lambda tasks: tasks[2], "by mistake")
    with quiet.worker() as worker:
        async with worker:
            await life.rest()
    assert not await life.is_running()
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time", "grant_time"]


@pytest.mark.parametrize("name", ["signal", "update"])
async def test_what_the_newest_run_had_is_not_lost_when_an_older_one_is_reset(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    life = await placed(quiet)
    older = (await life.handle.describe()).run_id
    with monkeypatch.context() as patched:
        patched.setattr(runs, "start_from", partial(runs.start_from, task_queue=quiet.task_queue))
        await Runs(quiet.client).restart(quiet.engine, *begun(life))
    await listed(quiet, life.order_id, "Running")
    message = life.message(SELLER, {}, "confirm-1")
    if name == "signal":
        await life.handle.signal("confirm", message)
    else:
        await answered(quiet, life, "confirm", message)
    await reset(quiet.client, life.handle.id, min, "by mistake", run_id=older)
    await life.restart()
    assert life.steps() == ["place", "confirm"]


async def test_what_waited_when_a_run_was_terminated_is_found_although_a_start_took_its_place(
    quiet: Marketplace,
) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await life.handle.terminate("by mistake")
    await listed(quiet, life.order_id, "Terminated")
    with quiet.worker() as worker:
        async with worker:
            await quiet.client.start_workflow(WORKFLOW, life.document, id=life.handle.id, task_queue=quiet.task_queue)
            await life.rest()
    await life.restart()
    assert life.steps() == ["place", "confirm"]


@pytest.mark.parametrize(
    ("by", "name", "body"), [(SELLER, "ask_time", {"days": 1}), (BUYER, "grant_time", {}), (SELLER, "grant_cancel", {})]
)
async def test_another_command_under_an_id_that_was_taken_is_refused_on_record(
    quiet: Marketplace, by: Role, name: str, body: Json
) -> None:
    life = await placed(quiet)
    with quiet.worker() as worker:
        async with worker:
            await life.send("confirm", SELLER, command_id="c-1")
    await life.handle.signal(name, life.message(by, body, "c-1"))
    await life.restart()
    assert (life.steps(), life.refusals()) == (["place", "confirm"], ["command_id_reused"])


async def test_another_command_under_an_id_that_was_taken_is_refused_once(quiet: Marketplace) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            await life.signal("confirm", SELLER, command_id="c-1")
            await life.signal("confirm", SELLER, command_id="c-1", lines=["L1"])
    await life.restart()
    assert (life.steps(), life.refusals()) == (["place", "confirm"], ["command_id_reused"])


async def test_what_comes_to_the_new_run_is_left_to_it(quiet: Marketplace, monkeypatch: pytest.MonkeyPatch) -> None:
    life = await placed(quiet)
    start_from = runs.start_from

    async def start(*what: Any, **how: Any) -> None:
        await start_from(*what, **how, task_queue=quiet.task_queue)
        await life.handle.signal("confirm", 7)
        await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "ask-1"))
        await listed(quiet, life.order_id, "Running")

    with monkeypatch.context() as patched:
        patched.setattr(runs, "start_from", start)
        await Runs(quiet.client).restart(quiet.engine, *begun(life))
    with quiet.worker() as worker:
        async with worker:
            await life.rest()
    assert life.refusals() == ["invalid", "shipping_due"]


async def test_a_no_of_an_earlier_run_is_not_one_of_a_later_one_to_the_same_update(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await placed(quiet)
    ask = life.message(SELLER, {"days": 1}, "ask-1")
    with quiet.worker() as worker:
        async with worker:
            with pytest.raises(WorkflowUpdateFailedError):
                await life.handle.execute_update("ask_time", ask, id="ask-1")
    with monkeypatch.context() as patched:
        patched.setattr(runs, "start_from", partial(runs.start_from, task_queue=quiet.task_queue))
        await Runs(quiet.client).restart(quiet.engine, *begun(life))
    with replace(quiet, engine=NOWHERE).worker() as worker:
        async with worker:
            await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
            await tried_in_vain(life)
            await life.handle.start_update("ask_time", ask, id="ask-1", wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time"]


async def test_messages_of_one_run_are_handed_over_as_its_history_has_them(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal that comes during the task that takes an update bears the earlier time, and was judged after it."""
    life = await placed(quiet)
    from_plain, began, loop = wire.from_plain, asyncio.Event(), asyncio.get_running_loop()

    def slowly(kind: Any, plain: Any, *path: str) -> Any:
        if kind is Envelope and plain.get("command_id") == "confirm-1":
            loop.call_soon_threadsafe(began.set)
            time.sleep(0.4)
        return from_plain(kind, plain, *path)

    with monkeypatch.context() as patched:
        patched.setattr(wire, "from_plain", slowly)
        with replace(quiet, engine=NOWHERE).worker(sandboxed=False) as worker:
            async with worker:
                message = life.message(SELLER, {}, "confirm-1")
                answer = asyncio.create_task(life.handle.execute_update("confirm", message))
                await began.wait()
                await life.handle.signal("cancel", life.message(BUYER, {"reason": "changed_mind"}, "cancel-1"))
                assert (await answer)["accepted"]
                await tried_in_vain(life)
    await life.restart()
    assert life.steps()[:2] == ["place", "confirm"]
