"""The sweep of rows and workflows through a real Temporal server and a real PostgreSQL (O5, W4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select, text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.store import findings, orders
from activities.store.database import connect
from activities.store.findings import FindingRow
from activities.store.tables import tickets
from activities.store.vault import Vault
from activities.sweep import Sweeper
from demo.temporal import temporal
from domain import wire
from domain.comparing.reconcile import FindingKind
from domain.comparing.sweep import Rule
from domain.contract import SWEEP, WORKFLOW, workflow_id
from domain.state import Outcome, Stage
from domain.tickets import ResolveTicket
from sandbox.client import SandboxClient
from starter.answers import specialist
from starter.records import Records
from starter.runs import Runs
from starter.work.apart import ApartTickets
from tests.conftest import Database
from tests.life import PATIENCE, SELLER, Life
from tests.marketplace import MASTER_KEY, Marketplace
from workflows.front import FrontDoor
from workflows.housekeeping import Sweep

EAGER = Rule(grace=timedelta(0))
"""Nothing is too young to be judged: whatever a test has done, it has done."""

Sweeping = Callable[..., Awaitable[dict[str, int]]]


@pytest_asyncio.fixture(scope="module")
async def quarter(
    marketplace: Marketplace,
    sandbox: SandboxClient,
    make_database: Callable[[], Database],
    session_directory: Path,
) -> AsyncIterator[Marketplace]:
    """A marketplace with a Temporal server and a database of its own: a sweep sees all that there is."""
    with temporal(session_directory / "temporal-sweep.log") as starting:
        client = await starting.wait().connect()
        engine = connect(make_database().url, pool_size=20)
        market = Marketplace(client, engine, Vault(MASTER_KEY), sandbox, marketplace.payments, marketplace.policies)
        with market.worker() as worker:
            async with worker:
                yield market
        engine.dispose()


@pytest_asyncio.fixture
async def sweep(quarter: Marketplace) -> Sweeping:
    """One sweep, as the schedule starts it; gives what was counted."""

    async def once(rule: Rule = EAGER, now: datetime | None = None) -> dict[str, int]:
        runs = Runs(quarter.client)
        sweeper = Sweeper(quarter.engine, quarter.client, runs.restart, asyncio.get_running_loop(), rule)
        queue = f"sweep-{uuid4().hex[:8]}"
        ask = {"now": (now or datetime.now(UTC)).isoformat()}
        with ThreadPoolExecutor(2) as threads:
            async with Worker(
                quarter.client,
                task_queue=queue,
                workflows=[Sweep],
                activities=[sweeper.sweep],
                activity_executor=threads,
                interceptors=[FrontDoor()],
            ):
                counts: dict[str, int] = await quarter.client.execute_workflow(SWEEP, ask, id=queue, task_queue=queue)
        return counts

    return once


def found(market: Marketplace, order_id: str, *, only_open: bool = True) -> list[FindingRow]:
    with market.engine.begin() as conn:
        return list(findings.listed(conn, order_id=order_id, only_open=only_open))


def ticket(market: Marketplace, finding: FindingRow) -> Any:
    with market.engine.begin() as conn:
        return conn.execute(select(tickets).where(tickets.c.ticket_id == finding.ticket_id)).one()


async def forgotten(life: Life) -> None:
    """Temporal loses the workflow, as after a restore of its database."""
    namespace = life.market.client.namespace
    execution = WorkflowExecution(workflow_id=life.handle.id)
    request = DeleteWorkflowExecutionRequest(namespace=namespace, workflow_execution=execution)
    await life.market.client.workflow_service.delete_workflow_execution(request, retry=True)
    async with asyncio.timeout(PATIENCE):
        while await is_known(life):  # noqa: ASYNC110  # the server deletes when it finds the time
            await asyncio.sleep(0.02)


async def is_known(life: Life) -> bool:
    """Whether Temporal has it, or still lists it: a list is a little behind."""
    try:
        await life.handle.describe()
    except RPCError:
        return bool([w async for w in life.market.client.list_workflows(f"WorkflowId = '{life.handle.id}'")])
    return True


async def listed(market: Marketplace, order_id: str, status: str) -> None:
    """Until Temporal's list, which is a little behind, shows the order's latest run so."""
    latest = (await market.client.get_workflow_handle(workflow_id(order_id)).describe()).run_id
    query = f"RunId = '{latest}' AND ExecutionStatus = '{status}'"
    async with asyncio.timeout(PATIENCE):
        while not [w async for w in market.client.list_workflows(query)]:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)


async def test_orders_of_every_kind_that_are_well_give_no_finding(quarter: Marketplace, sweep: Sweeping) -> None:
    placed, confirmed, declined = [await quarter.order() for _ in range(3)]
    await confirmed.send("confirm", SELLER)
    await declined.send("decline", SELLER, reason="out_of_stock")
    refused = await quarter.start(quarter.checkout() | {"payment": {"payment_intent": "pi_of_nobody"}})
    with pytest.raises(Exception, match="failed"):
        await refused.handle.result()
    assert declined.stage() is Stage.CANCELLED
    for life in (placed, confirmed, declined, refused):
        assert found(quarter, life.order_id) == []
    await sweep()
    for life in (placed, confirmed, declined, refused):
        assert found(quarter, life.order_id, only_open=False) == []


async def test_a_terminated_order_is_a_persons_decision_and_its_finding_heals_by_restart(
    quarter: Marketplace, sweep: Sweeping
) -> None:
    life = await quarter.order()
    await life.handle.terminate("on purpose, perhaps")
    await listed(quarter, life.order_id, "Terminated")
    await sweep()
    [finding] = found(quarter, life.order_id)
    assert (finding.kind, finding.other) == (FindingKind.ORDER_NOT_RUNNING, "terminated")
    assert (ticket(quarter, finding).cause, ticket(quarter, finding).status) == ("reconciliation", "open")
    again = await sweep()
    assert again["opened"] == 0, "found once, not again with every sweep"
    assert not await life.is_running()
    await life.restart()
    assert (await sweep())["healed"] == 1
    [finding] = found(quarter, life.order_id, only_open=False)
    assert (finding.status, finding.resolved_by) == ("resolved", "healed")
    assert ticket(quarter, finding).status == "resolved"
    await life.send("confirm", SELLER)


async def test_where_the_setting_says_so_a_terminated_order_goes_on_by_itself(
    quarter: Marketplace, sweep: Sweeping
) -> None:
    life = await quarter.order()
    await life.handle.terminate("by mistake")
    await listed(quarter, life.order_id, "Terminated")
    assert (await sweep(Rule(grace=timedelta(0), restarts_stopped=True)))["mended"] == 1
    await life.rest()
    await life.send("confirm", SELLER)
    assert (life.stage(), life.state().epoch) == (Stage.CONFIRMED, 2)
    [finding] = found(quarter, life.order_id, only_open=False)
    assert (finding.resolved_by, finding.ticket_id) == ("mended", "")


async def test_an_order_whose_workflow_is_lost_is_restarted_once_and_the_second_time_a_person_is_asked(
    quarter: Marketplace, sweep: Sweeping
) -> None:
    life = await quarter.order()
    await life.send("confirm", SELLER)
    await forgotten(life)
    assert (await sweep())["mended"] == 1
    await life.rest()
    assert life.state().epoch == 2
    await life.ship()
    assert life.stage() is Stage.SHIPPED
    await forgotten(life)
    assert (await sweep())["mended"] == 0
    [finding] = found(quarter, life.order_id)
    assert (finding.kind, finding.other, ticket(quarter, finding).status) == ("order_not_running", "gone", "open")
    assert (await sweep(now=datetime.now(UTC) + timedelta(days=2)))["mended"] == 1
    assert found(quarter, life.order_id) == []
    assert ticket(quarter, finding).status == "resolved"


async def test_a_run_that_failed_is_taken_over_by_a_new_one(quarter: Marketplace, sweep: Sweeping) -> None:
    life = await quarter.order()
    with quarter.engine.begin() as conn:
        orders.next_epoch(conn, life.order_id)
    await life.handle.signal("confirm", life.message(SELLER, {}))
    with pytest.raises(Exception, match="failed"):
        await life.handle.result()
    await listed(quarter, life.order_id, "Failed")
    assert (await sweep())["mended"] == 1
    await life.rest()
    assert life.steps() == ["place", "confirm"], "what the failed run could not record is not lost"
    assert life.state().epoch == 3


async def test_an_order_that_was_placed_but_never_started_is_found_until_it_is_placed_again(
    quarter: Marketplace, sweep: Sweeping
) -> None:
    document = quarter.preauthorised(quarter.checkout())
    order_id = document["order_id"]
    with quarter.engine.begin() as conn:
        payment = document["payment"]["payment_intent"]
        orders.claim(conn, order_id, wire.digest(document), document, payment)
    await sweep(Rule())
    assert found(quarter, order_id) == [], "its start may be on its way"
    await sweep()
    assert [finding.kind for finding in found(quarter, order_id)] == [FindingKind.ORDER_NOT_ADMITTED]
    await quarter.order(document)
    await sweep()
    assert found(quarter, order_id) == []


async def test_a_workflow_of_which_there_is_no_order_is_found(quarter: Marketplace, sweep: Sweeping) -> None:
    life, stranger = await quarter.order(), f"o-{uuid4().hex[:12]}"
    with quarter.engine.begin() as conn:
        snapshot = orders.snapshot(conn, life.order_id)
    start = {"snapshot": {**(snapshot or {}), "order_id": stranger}}
    handle = await quarter.client.start_workflow(
        WORKFLOW, start, id=workflow_id(stranger), task_queue=quarter.task_queue
    )
    await Life(quarter, {"order_id": stranger}, handle).rest()
    await listed(quarter, stranger, "Running")
    await sweep()
    [finding] = found(quarter, stranger)
    assert finding.kind == FindingKind.RUN_WITHOUT_ORDER
    assert ticket(quarter, finding).order_id is None, "a ticket of reconciliation may be without an order"
    await handle.terminate()
    await listed(quarter, stranger, "Terminated")
    assert (await sweep())["healed"] == 1


async def test_an_order_that_is_over_and_runs_on_is_found(quarter: Marketplace, sweep: Sweeping) -> None:
    life = await quarter.order()
    await listed(quarter, life.order_id, "Running")
    about = {"order_id": life.order_id}
    with quarter.engine.begin() as conn:
        conn.execute(text("UPDATE orders SET status = 'over' WHERE order_id = :order_id"), about)
    await sweep()
    assert [finding.kind for finding in found(quarter, life.order_id)] == [FindingKind.ENDED_ORDER_RUNS]
    with quarter.engine.begin() as conn:
        conn.execute(text("UPDATE orders SET status = 'open' WHERE order_id = :order_id"), about)
    assert (await sweep())["healed"] == 1


async def test_a_clock_that_has_stopped_is_an_alarm_until_a_message_wakes_the_order(
    quarter: Marketplace, sweep: Sweeping
) -> None:
    life = await quarter.order()
    with quarter.engine.begin() as conn:
        stopped = text("UPDATE orders SET due_at = now() - interval '2 hours' WHERE order_id = :order_id")
        conn.execute(stopped, {"order_id": life.order_id})
    await sweep()
    [finding] = found(quarter, life.order_id)
    assert finding.kind == FindingKind.CLOCK_STOPPED
    await life.send("confirm", SELLER)
    await sweep()
    assert found(quarter, life.order_id) == []


async def test_what_a_person_has_explained_is_not_asked_again_while_nothing_changes(
    quarter: Marketplace, sweep: Sweeping
) -> None:
    life = await quarter.order()
    await life.handle.terminate("on purpose")
    await listed(quarter, life.order_id, "Terminated")
    await sweep()
    [finding] = found(quarter, life.order_id)
    records = Records(quarter.engine, quarter.vault)
    asked = ResolveTicket(finding.ticket_id, Outcome.NO_CHANGE, f"n-{life.order_id}")
    assert ApartTickets(records).take(life.order_id, specialist("eve"), asked, "Explained.")
    assert (await sweep())["opened"] == 0
    assert found(quarter, life.order_id) == []
    await life.restart()
    await sweep()
    await life.handle.terminate("once more")
    await listed(quarter, life.order_id, "Terminated")
    assert (await sweep())["opened"] == 1, "it was well in between, so this is another matter"
    await life.restart()
