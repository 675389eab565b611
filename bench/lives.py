"""Whole lives of orders, and of bare workflows of their shape, on one server: how many a second, and what CPU each."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from sqlalchemy import Engine, func, select
from temporalio.client import Client, WorkflowHandle

from activities.runs import found_by
from activities.store.tables import outbox, unsent
from bench import bare
from bench.bare_worker import READY
from bench.figures import Json, compared, medians, say
from bench.machine import cpu_seconds
from bench.script import Script, of_a_bare_one, of_an_order
from demo.cost import cost
from demo.processes import Child
from demo.temporal import fast_forward, is_at_work
from demo.world import Connections, World, connections, world
from domain.contract import TASK_QUEUE, WORKFLOW, workflow_id
from starter.waiting import until

ORDER, BARE = "order", "bare"
PAST_THE_WINDOW = timedelta(days=32)
PATIENCE = 120.0
"""Seconds that the last notices of a block may take to leave."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `pause` is in seconds: after that it is looked whether an order is ready for a message."""

    rounds: int = 5
    lives: int = 150
    warm_up: int = 20
    in_flight: int = 64
    pause: float = 0.3
    sample: int = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """What lives: a workflow's type, the queue of its worker, and that worker's process."""

    name: str
    workflow: str
    queue: str
    worker: Child


@dataclass(frozen=True)
class Stage:
    """Everything that a block of lives needs. `shares` are the processes whose CPU is told apart from the worker's."""

    around: World
    held: Connections
    plan: Plan
    shares: Mapping[str, int]


def measure(plan: Plan) -> Json:
    """Rounds of both kinds, each on a fresh server; which kind comes first changes from round to round."""
    rounds = [_round(number, plan) for number in range(plan.rounds)]
    return {
        "rounds": rounds,
        "median": {kind: medians([each[kind] for each in rounds]) for kind in (ORDER, BARE)},
        "ratio": compared(rounds, ORDER, BARE, {"lives_per_second": True, "worker_cpu_ms": False, "all_cpu_ms": False}),
    }


def _round(number: int, plan: Plan) -> Json:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, _running(Path(directory)) as (around, kinds):
        ordered = kinds if number % 2 == 0 else kinds[::-1]
        found = asyncio.run(_blocks(around, ordered, plan))
    for kind, figures in found.items():
        say(f"lives, round {number + 1} of {plan.rounds}, {kind}: {figures}")
    return found


@contextmanager
def _running(directory: Path) -> Iterator[tuple[World, Sequence[Kind]]]:
    """The embedded stack with both workers."""
    with world(directory, webhooks=False) as around:
        beside = around.stack.start("bare", "-m", "bench.bare_worker", env=around.environment)
        beside.wait_for_line(READY)
        yield around, (Kind(ORDER, WORKFLOW, TASK_QUEUE, around.worker), Kind(BARE, bare.WORKFLOW, bare.QUEUE, beside))


async def _blocks(around: World, kinds: Sequence[Kind], plan: Plan) -> Json:
    postmaster = int((around.stack.postgres.directory / "postmaster.pid").read_text().splitlines()[0])
    shares = {
        "temporal_cpu_ms": around.stack.temporal.process.pid,
        "postgres_cpu_ms": postmaster,
        "sandbox_cpu_ms": around.sandbox.pid,
    }
    async with connections(around) as held:
        stage = Stage(around, held, plan, shares)
        for kind in kinds:
            await _block(stage, kind, f"warm-{kind.name}", plan.warm_up)
        return {kind.name: await _block(stage, kind, f"life-{kind.name}", plan.lives) for kind in kinds}


async def _block(stage: Stage, kind: Kind, prefix: str, count: int) -> Json:
    """Prepare so many lives, then measure them from the first start to the last end, the last notice included."""
    scripts = [await _script(stage, kind, f"{prefix}-{number}") for number in range(count)]
    await _all_sent(stage.held.engine)
    gate = asyncio.Semaphore(stage.plan.in_flight)
    pids = {"worker_cpu_ms": kind.worker.pid, **stage.shares, "driver_cpu_ms": os.getpid()}
    before, began = {name: _own(pid) for name, pid in pids.items()}, time.perf_counter()
    await asyncio.gather(*(_life(stage.held.temporal, kind, script, stage.plan.pause, gate) for script in scripts))
    await _all_sent(stage.held.engine)
    seconds = time.perf_counter() - began
    spent = {name: 1000 * (_own(pid) - before[name]) / count for name, pid in pids.items()}
    shape = await _shape(stage.held.temporal, scripts[: stage.plan.sample])
    used = {name: round(value, 1) for name, value in spent.items()}
    whole = sum(spent.values())
    busy = whole / 1000 * count / seconds / (os.cpu_count() or 1)
    speed = {"lives_per_second": round(count / seconds, 2), "cores_busy": round(busy, 2)}
    return {**speed, **used, "all_cpu_ms": round(whole, 1), **shape}


def _own(pid: int) -> float:
    """CPU of a process; of this one without the servers that it has started."""
    if pid != os.getpid():
        return cpu_seconds(pid)
    mine = os.times()
    return mine.user + mine.system


async def _script(stage: Stage, kind: Kind, order_id: str) -> Script:
    return await of_an_order(order_id, stage.around, stage.held) if kind.name == ORDER else of_a_bare_one(order_id)


async def _life(client: Client, kind: Kind, script: Script, pause: float, gate: asyncio.Semaphore) -> None:
    async with gate:
        handle = await client.start_workflow(
            kind.workflow,
            script.start,
            id=workflow_id(script.order_id),
            task_queue=kind.queue,
            search_attributes=found_by("buyer", "seller", "standard", "admitting", "platform", attention=False),
            static_summary="2 lines, 64.90 EUR, standard",
        )
        for name, message, is_signal in script.messages:
            await _rest(handle, pause)
            await (handle.signal(name, message) if is_signal else handle.execute_update(name, message))
        await _rest(handle, pause)
        await fast_forward(client, handle, PAST_THE_WINDOW)
        last = await handle.result()
        if last != "closed":
            raise RuntimeError(f"{script.order_id} ended as {last}")


async def _rest(handle: WorkflowHandle[Any, Any], pause: float) -> None:
    """Until the workflow has nothing to do: people act days apart, so that no two messages share a workflow task."""
    while True:
        await asyncio.sleep(pause)
        pause *= 2
        if not is_at_work(await handle.describe()):
            return


async def _all_sent(engine: Engine) -> None:
    """Until every notice that is due by now has left."""
    due = select(func.count()).select_from(outbox).where(unsent, outbox.c.due_at <= datetime.now(UTC))

    def none_left() -> bool:
        with engine.begin() as conn:
            return conn.scalar(due) == 0

    async def sent() -> bool | None:
        return await asyncio.to_thread(none_left) or None

    if not await until(sent, PATIENCE):
        raise RuntimeError(f"notices were left over after {PATIENCE:g} seconds")


async def _shape(client: Client, scripts: Sequence[Script]) -> Json:
    """What a life of this kind consists of, as means over some of them."""
    counted = []
    for script in scripts:
        history = await client.get_workflow_handle(workflow_id(script.order_id)).fetch_history()
        counted.append(cost(history.events))
    return {
        name: round(fmean(getattr(each, name) for each in counted), 1)
        for name in ("actions", "events", "workflow_tasks", "history_bytes")
    }
