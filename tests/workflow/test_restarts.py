"""A run that takes another one's place is handed what that one had kept: nothing that was taken in is lost (W6, W9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode

from activities import runs
from activities.perform import Performer
from activities.store import orders
from activities.store.database import connect
from domain import wire
from domain.errors import Refused
from domain.state import Order
from starter.answers import Unreachable
from starter.runs import Runs
from tests.life import BUYER, PATIENCE, SELLER, Json, Life
from tests.marketplace import Marketplace
from tests.workflow.test_handing_over import ended, found, hand

NOWHERE = connect("postgresql://nobody@127.0.0.1:1/nowhere")


@pytest.fixture
def quiet(market: Marketplace) -> Marketplace:
    """The marketplace with a task queue of this test's own. A run that is put in the place of another has a worker."""
    return replace(market, task_queue=f"orders-{uuid4().hex[:8]}", lives=market.lives)


async def placed(quiet: Marketplace) -> Life:
    """Placed by a worker that is gone by now."""
    with quiet.worker() as worker:
        async with worker:
            return await quiet.order()


async def answered(quiet: Marketplace, life: Life, name: str, message: Json) -> None:
    """An update that the order has taken while nothing can be recorded."""
    with replace(quiet, engine=NOWHERE).worker() as worker:
        async with worker:
            assert (await life.handle.execute_update(name, message))["accepted"]
            await tried_in_vain(life)


async def tried_in_vain(life: Life) -> None:
    """Until an activity of the order waits for its second attempt.

    A worker must not be left while the server hands it a first one: the SDK 1.35 may then never end its shutdown.
    """
    async with asyncio.timeout(PATIENCE):
        while not any(  # noqa: ASYNC110  # nobody tells
            one.attempt > 1 for one in (await life.handle.describe()).raw_description.pending_activities
        ):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("terminated", [False, True], ids=["hangs", "terminated"])
async def test_a_signal_that_waits_for_a_worker_is_judged_by_the_next_run(quiet: Marketplace, terminated: bool) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "ask-1"))
    if terminated:
        await life.handle.terminate("by mistake")
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time"]
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time"]


async def test_an_update_that_was_answered_and_not_recorded_is_recorded_by_the_next_run(quiet: Marketplace) -> None:
    life = await placed(quiet)
    message = life.message(SELLER, {}, "confirm-1")
    await answered(quiet, life, "confirm", message)
    assert life.steps() == ["place"]
    await life.restart()
    assert life.steps() == ["place", "confirm"]
    assert (await life.update("confirm", message))["seq"] == 2
    await life.send("ask_time", SELLER, days=1)
    assert life.steps() == ["place", "confirm", "ask_time"]


async def test_what_was_refused_is_not_judged_anew_by_the_next_run(quiet: Marketplace) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            with suppress(Refused):
                await life.send("receive", BUYER)
            await life.signal("ask_time", SELLER, days=1)
            await life.send("confirm", SELLER)
            await life.ship()
    await life.restart()
    assert (life.steps(), life.refusals()) == (["place", "confirm", "ship"], ["shipping_due"])


async def test_a_restart_that_breaks_off_is_repeated_and_nothing_is_lost(quiet: Marketplace) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    for _ in range(2):
        with pytest.raises(OperationalError):
            await Runs(quiet.client).restart(NOWHERE, *begun(life))
    await life.restart()
    assert life.steps() == ["place", "confirm"]


async def nothing_yet(*_: object) -> list[str]:
    """Temporal's list, which lags behind."""
    return []


@pytest.mark.parametrize("lags", [False, True], ids=["all runs are listed", "the list lags behind"])
async def test_a_restart_that_breaks_off_after_its_run_began_is_repeated_and_nothing_is_lost(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch, lags: bool
) -> None:
    if lags:
        monkeypatch.setattr(runs, "listed", nothing_yet)
    life = await placed(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    for _ in range(2):
        with monkeypatch.context() as patched:
            Broken(patched, lambda *_: True)
            with pytest.raises(Unreachable):
                await life.restart()
    await life.restart()
    assert life.steps() == ["place", "confirm"]


async def test_of_two_restarts_at_once_the_older_one_takes_nobodys_place(quiet: Marketplace) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    older, newer = begun(life), begun(life)
    with pytest.raises(Unreachable, match="was restarted once more meanwhile"):
        await Runs(quiet.client).restart(quiet.engine, *older)
    await Runs(quiet.client).restart(quiet.engine, *newer)
    await life.rest()
    assert life.steps() == ["place", "confirm"]


async def test_what_came_between_two_restarts_at_once_is_handed_over(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await placed(quiet)
    start_from, others = runs.start_from, list[asyncio.Task[None]]()

    async def restart_again() -> None:
        await Runs(quiet.client).restart(quiet.engine, *await asyncio.to_thread(begun, life))

    async def between(*what: Any, **how: Any) -> None:
        if others:
            await start_from(*what, **how)
            return
        others.append(asyncio.create_task(restart_again()))
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(waits_for_a_lock, life):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        await start_from(*what, **how, task_queue=f"nobody-{life.order_id}")
        await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))

    monkeypatch.setattr(runs, "start_from", between)
    await Runs(quiet.client).restart(quiet.engine, *begun(life))
    await asyncio.gather(*others)
    await life.rest()
    assert life.steps() == ["place", "confirm"]


def begun(life: Life) -> tuple[Order, Json]:
    """The epoch and the snapshot of a restart that has just begun."""
    with life.market.engine.begin() as conn:
        _, snapshot = orders.next_epoch(conn, life.order_id)
    return wire.from_plain(Order, snapshot), snapshot


def waits_for_a_lock(life: Life) -> bool:
    """Whether somebody waits for a row of the database that another one holds."""
    with life.market.engine.connect() as conn:
        return bool(conn.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")))


async def asked_early(quiet: Marketplace) -> tuple[Life, Json]:
    """A seller asked for time to ship before the order was confirmed; what was sent, and refused."""
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            early = life.message(SELLER, {"days": 1}, "ask-1")
            await life.handle.signal("ask_time", early)
            await life.rest()
    return life, early


async def test_a_refused_signal_that_is_sent_again_is_judged_again(quiet: Marketplace) -> None:
    life, early = await asked_early(quiet)
    with quiet.worker() as worker:
        async with worker:
            await life.send("confirm", SELLER)
    await life.handle.signal("ask_time", early)
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time"]


class OnlyRefuses(Performer):
    """Puts refusals on record, and cannot perform a step."""

    @activity.defn(name="perform")
    def perform(self, data: Json) -> NoReturn:  # noqa: ARG002  # the activity's own signature
        raise SystemError


@pytest.mark.parametrize("days", [1, 999])
async def test_what_was_refused_and_had_come_again_before_is_judged(quiet: Marketplace, days: int) -> None:
    life = await placed(quiet)
    await life.handle.signal("ask_time", life.message(SELLER, {"days": days}, "ask-1"))
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "ask-1"))
    with replace(quiet, performs=OnlyRefuses).worker() as worker:
        async with worker:
            async with asyncio.timeout(PATIENCE):
                while not life.refusals():  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.01)
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time"]
    await life.restart()
    assert len(life.refusals()) == 1


class Mute(Performer):
    """Puts no refusal on record."""

    @activity.defn(name="note_refusal")
    def note_refusal(self, data: Json) -> Json:
        raise SystemError(data["code"])


class Forgetful(Performer):
    """Puts refusals on record, and has forgotten it when it answers."""

    @activity.defn(name="note_refusal")
    def note_refusal(self, data: Json) -> Json:
        super().note_refusal(data)
        raise SystemError(data["code"])


@pytest.mark.parametrize("performs", [Mute, Forgetful])
async def test_a_refusal_that_was_under_way_stands_and_is_said_once(
    quiet: Marketplace, performs: type[Performer]
) -> None:
    life = await placed(quiet)
    await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "ask-1"))
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    with replace(quiet, performs=performs).worker() as worker:
        async with worker:
            await tried_in_vain(life)
    for _ in range(2):
        await life.restart()
        assert (life.steps(), life.refusals()) == (["place", "confirm"], ["shipping_due"])


async def test_what_was_sent_again_is_handed_over_where_it_came_last(quiet: Marketplace) -> None:
    life, early = await asked_early(quiet)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    await life.handle.signal("ask_time", early)
    await life.restart()
    assert life.steps() == ["place", "confirm", "ask_time"]


class Broken:
    """Hands commands over like the real thing, but never one: Temporal goes away just then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, told: Callable[[str, Mapping[str, Any]], bool]) -> None:
        self._real, self._told = runs.hand_over, told
        monkeypatch.setattr(runs, "hand_over", self)

    async def __call__(
        self, engine: Any, client: Any, order_id: str, name: str, message: Mapping[str, Any], *, exactly: bool
    ) -> bool:
        if self._told(name, message):
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        return await self._real(engine, client, order_id, name, message, exactly=exactly)


async def test_two_commands_under_one_id_are_judged_both_also_when_a_restart_breaks_off(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await placed(quiet)
    await life.handle.signal("ask_time", life.message(SELLER, {"days": 1}, "c-1"))
    await life.handle.signal("confirm", life.message(SELLER, {}, "c-1"))
    with monkeypatch.context() as patched:
        Broken(patched, lambda name, _: name == "confirm")
        with pytest.raises(Unreachable):
            await life.restart()
    await life.rest()
    assert life.refusals() == ["shipping_due"]
    await life.restart()
    assert life.steps() == ["place", "confirm"]


async def test_a_restart_of_an_order_that_is_over_is_repeated_and_nothing_is_lost(
    quiet: Marketplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quiet.worker() as worker:
        async with worker:
            life = await quiet.order()
            await life.send("cancel", BUYER, reason="changed_mind")
    news = [found(quiet, life) for _ in range(2)]
    for message in news:
        await hand(quiet, life, message)
    with monkeypatch.context() as patched:
        Broken(patched, lambda _, message: message["command_id"] == news[1]["command_id"])
        with pytest.raises(Unreachable):
            await life.restart()
    await ended(life)
    assert life.steps().count("payment_found") == 1
    await life.restart()
    await ended(life)
    assert life.steps().count("payment_found") == 2


@pytest.mark.parametrize(
    "garbage",
    [
        {"command_id": "confirm-0", "actor": {"role": "clock", "id": "clock"}},
        {"command_id": "confirm-0", "actor": {"role": "seller", "id": "s"}, "body": {"a": "x" * 70_000}},
        {"command_id": "confirm-0"},
        b"\xff",
        7,
        {"command_id": 7},
        {"command_id": "a\x00b"},
        RawValue(Payload(metadata={"encoding": b"json/plain"}, data=b"{oops")),
        RawValue(Payload(metadata={"encoding": b"made/up"}, data=b"?")),
    ],
    ids=["clock", "long", "no actor", "bytes", "number", "id is a number", "id is none", "no JSON", "unknown encoding"],
)
async def test_what_is_no_command_keeps_no_command_from_the_next_run(quiet: Marketplace, garbage: object) -> None:
    life = await placed(quiet)
    await life.handle.signal("confirm", garbage)
    await life.handle.signal("confirm", life.message(SELLER, {}, "confirm-1"))
    for _ in range(2):
        await life.restart()
        assert life.steps() == ["place", "confirm"]
        assert len(life.refusals()) == 1, "it is on record, once, though no run has looked at it"


async def test_an_order_that_is_over_stays_over_when_nothing_was_kept(market: Marketplace) -> None:
    life = await market.order()
    await life.send("cancel", BUYER, reason="changed_mind")
    await life.restart()
    assert life.steps() == ["place", "cancel"]
    assert not await life.is_running()
