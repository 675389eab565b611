from __future__ import annotations

import asyncio
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle

from demo.processes import Child, child
from demo.temporal import NAMESPACE, SEARCH_ATTRIBUTES, Temporal, fast_forward, virtual_now
from tests.stack.traveller import TASK_QUEUE, Traveller

Handle = WorkflowHandle[Traveller, tuple[datetime, int]]


@pytest.fixture
def start_worker(temporal: Temporal, tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Callable[[], Child]]:
    with ExitStack() as workers:

        def start() -> Child:
            command = [sys.executable, "-m", "tests.stack.traveller", temporal.address]
            env = {"PYTHONPATH": str(pytestconfig.rootpath)}
            worker = workers.enter_context(child("worker", command, log=tmp_path / "worker.log", env=env))
            worker.wait_for_line("ready")
            return worker

        yield start


async def depart(client: Client, *, die_first: bool = False) -> Handle:
    return await client.start_workflow(Traveller.run, die_first, id=f"traveller-{uuid4()}", task_queue=TASK_QUEUE)


async def test_the_server_knows_what_operators_filter_by(temporal_client: Client) -> None:
    answer = await temporal_client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=NAMESPACE), retry=True
    )
    known = {
        name: IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").title()
        for name, kind in answer.custom_attributes.items()
    }
    assert {name: known.get(name) for name in SEARCH_ATTRIBUTES} == dict(SEARCH_ATTRIBUTES)


def test_the_server_has_a_page_for_people(temporal: Temporal) -> None:
    with urllib.request.urlopen(temporal.ui_url, timeout=5) as answer:  # noqa: S310  # Our own loopback URL.
        assert answer.status == 200


async def test_an_order_lives_in_real_time_until_its_clock_is_moved(
    temporal_client: Client, start_worker: Callable[[], Child]
) -> None:
    start_worker()
    started = datetime.now(UTC)
    one, other = await depart(temporal_client), await depart(temporal_client)
    assert await fast_forward(temporal_client, one, timedelta(hours=23))
    assert timedelta(hours=23) <= await virtual_now(temporal_client, one) - started < timedelta(hours=23, minutes=1)
    assert await virtual_now(temporal_client, other) - started < timedelta(minutes=1)
    await fast_forward(temporal_client, one.id, timedelta(hours=2))
    woke, attempt = await one.result()
    assert timedelta(days=1) <= woke - started < timedelta(days=1, minutes=1)
    assert attempt == 1


async def test_a_jump_of_almost_nothing_does_not_leap_to_the_next_timer(
    temporal_client: Client, start_worker: Callable[[], Child]
) -> None:
    start_worker()
    handle = await depart(temporal_client)
    assert await fast_forward(temporal_client, handle, timedelta(hours=1))
    before = await virtual_now(temporal_client, handle)
    assert await fast_forward(temporal_client, handle, timedelta(microseconds=1))
    assert await virtual_now(temporal_client, handle) - before < timedelta(minutes=1)


async def test_a_clock_moved_with_no_worker_up_waits_at_the_first_timer_for_one(
    temporal_client: Client, start_worker: Callable[[], Child]
) -> None:
    worker = start_worker()
    handle = await depart(temporal_client)
    assert await fast_forward(temporal_client, handle, timedelta(hours=1))
    worker.kill()
    journey = asyncio.create_task(fast_forward(temporal_client, handle, timedelta(days=2)))
    start_worker()
    await journey
    assert (await handle.result())[1] == 1


async def test_a_clock_moved_while_a_worker_is_killed_in_an_activity_arrives_with_the_next_worker(
    temporal_client: Client, start_worker: Callable[[], Child]
) -> None:
    worker = start_worker()
    handle = await depart(temporal_client, die_first=True)
    journey = asyncio.create_task(fast_forward(temporal_client, handle, timedelta(days=2)))
    await asyncio.to_thread(worker.wait_for_exit)
    start_worker()
    await journey
    assert (await handle.result())[1] == 2
