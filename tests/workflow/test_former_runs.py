"""A restart finds what any run of the order took in: one that a Reset left, and one that a start took the place of."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from activities import runs
from demo.temporal import reset
from domain.contract import WORKFLOW
from starter.runs import Runs
from tests.life import BUYER, SELLER
from tests.marketplace import Marketplace
from tests.workflow.test_restarts import NOWHERE, answered, begun, placed, quiet, tried_in_vain

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
    with quiet.worker() as worker:
        async with worker:
            await quiet.client.start_workflow(WORKFLOW, life.document, id=life.handle.id, task_queue=quiet.task_queue)
            await life.rest()
    await life.restart()
    assert life.steps() == ["place", "confirm"]


async def test_another_command_under_an_id_that_was_taken_is_refused_on_record(quiet: Marketplace) -> None:
    life = await placed(quiet)
    with quiet.worker() as worker:
        async with worker:
            await life.send("confirm", SELLER, command_id="c-1")
    await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "c-1"))
    await life.restart()
    assert (life.steps(), life.refusals()) == (["place", "confirm"], ["command_id_reused"])
