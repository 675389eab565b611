"""A workflow whose tasks fail for ever is found by the sweep, whatever its row says (W10)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from activities.store import orders
from domain import wire
from domain.comparing.reconcile import FindingKind
from domain.comparing.sweep import FAILING, Rule
from domain.contract import WORKFLOW, workflow_id
from tests.marketplace import Marketplace
from tests.workflow.test_sweep import Sweeping, found, quarter, sweep, ticket

__all__ = ["quarter", "sweep"]

REPEATED = 60.0  # seconds; the server waits longer before each attempt


@workflow.defn(name=WORKFLOW, sandboxed=False)
class Balking:
    """A release that cannot go on with any order."""

    @workflow.run
    async def run(self, _start: object) -> None:
        raise RuntimeError("a fault of ours")


async def fails(market: Marketplace, order_id: str, queue: str) -> WorkflowHandle[Balking, None]:
    """A run of the order in the hands of that release, until its task has failed often, and the list tells so."""
    handle = await market.client.start_workflow(Balking.run, {}, id=workflow_id(order_id), task_queue=queue)
    query = f"WorkflowId = '{handle.id}' AND TemporalReportedProblems IS NOT NULL"
    async with asyncio.timeout(REPEATED):
        while (await handle.describe()).raw_description.pending_workflow_task.attempt <= FAILING:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        while not [one async for one in market.client.list_workflows(query)]:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)
    return handle


async def test_a_workflow_that_fails_its_tasks_for_ever_is_a_finding_and_a_ticket_with_every_row_and_with_none(
    quarter: Marketplace, sweep: Sweeping
) -> None:
    queue, stranger, document = f"balking-{uuid4().hex[:8]}", f"o-{uuid4().hex[:12]}", quarter.checkout()
    open_, over = [(await quarter.order()) for _ in range(2)]
    for life in (open_, over):
        await life.handle.terminate("a release is rolled out")
    with quarter.engine.begin() as conn:
        orders.claim(conn, document["order_id"], wire.digest(document), document, f"pi_{uuid4().hex}")
        ended = text("UPDATE orders SET status = 'over' WHERE order_id = :order_id")
        conn.execute(ended, {"order_id": over.order_id})
    those = (open_.order_id, over.order_id, document["order_id"], stranger)
    async with Worker(quarter.client, task_queue=queue, workflows=[Balking]):
        handles = await asyncio.gather(*(fails(quarter, order_id, queue) for order_id in those))
        await sweep(Rule(grace=timedelta(hours=1)))
        assert [found(quarter, order_id) for order_id in those] == [[]] * 4, "its worker may be on its way"
        assert (await sweep())["opened"] >= 4
        for order_id in those:
            [finding] = found(quarter, order_id)
            assert (finding.kind, ticket(quarter, finding).status) == (FindingKind.TASK_FAILS, "open"), order_id
            assert ticket(quarter, finding).cause == "reconciliation"
        again = await sweep(now=datetime.now(UTC) + timedelta(hours=1))
        assert (again["opened"], again["healed"]) == (0, 0), "found once, and kept while it fails"
        for handle in handles:
            await handle.terminate("rolled back")
    await sweep()
    kinds = {finding.kind for order_id in those for finding in found(quarter, order_id)}
    assert FindingKind.TASK_FAILS not in kinds, "what does not fail any more has healed"
