"""A reconciliation as the schedule starts it: its workflow on a real Temporal server, its activity in a real worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from temporalio.client import Client
from temporalio.worker import Worker

from activities.providers.stripe import StripePayments
from activities.reconcile import Patience, Reconciler
from activities.store import findings
from activities.store.findings import FindingRow
from domain.contract import RECONCILIATION
from workflows.front import FrontDoor
from workflows.housekeeping import Reconciliation

EAGER = Patience(grace=timedelta(0))
"""Nothing is too young to be judged: whatever a test has done, it has done."""

Reconcile = Callable[..., Awaitable[dict[str, int]]]


@pytest.fixture
def reconcile(temporal_client: Client) -> Reconcile:
    """Run one over these books; gives what was counted. `now` is a minute ahead, so that all that was done counts."""

    async def once(
        engine: Engine, payments: StripePayments, patience: Patience = EAGER, now: datetime | None = None
    ) -> dict[str, int]:
        reconciler, queue = Reconciler(engine, payments, patience), f"reconcile-{uuid4().hex[:8]}"
        ask = {"now": (now or datetime.now(UTC) + timedelta(minutes=1)).isoformat()}
        with ThreadPoolExecutor(2) as threads:
            async with Worker(
                temporal_client,
                task_queue=queue,
                workflows=[Reconciliation],
                activities=[reconciler.reconcile],
                activity_executor=threads,
                interceptors=[FrontDoor()],
            ):
                counts: dict[str, int] = await temporal_client.execute_workflow(
                    RECONCILIATION, ask, id=queue, task_queue=queue
                )
        return counts

    return once


def open_findings(engine: Engine, order_id: str = "") -> list[FindingRow]:
    """What is open, of all orders or of one."""
    with engine.begin() as conn:
        return list(findings.listed(conn, order_id=order_id, limit=10_000))
