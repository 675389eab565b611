"""The sweep: every open row has a running workflow and every running workflow a row, and no clock has stopped (W4, O5).

Temporal's list is a little behind what happens, so it only raises a suspicion; each is looked at by itself before it
becomes a finding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.store import book, findings, orders, rows
from activities.store.findings import MENDED, Area, RunRow
from domain import wire
from domain.comparing.reconcile import Finding
from domain.comparing.sweep import HALF_RESTARTED, Row, Rule, Run, RunState, judge, mends
from domain.contract import WORKFLOW, workflow_id
from domain.errors import AftersaleError
from domain.state import Order

log = structlog.get_logger(__name__)
T = TypeVar("T")

Restart = Callable[[Engine, Order, Mapping[str, Any]], Coroutine[Any, Any, None]]
"""Puts a new run in the place of every other, from the snapshot of its epoch."""

PAGE = 1_000
AT_ONCE = 16
"""Orders that Temporal is asked about side by side."""

STATES: Mapping[WorkflowExecutionStatus | None, RunState] = {
    WorkflowExecutionStatus.RUNNING: RunState.RUNNING,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: RunState.RUNNING,
    WorkflowExecutionStatus.COMPLETED: RunState.COMPLETED,
    WorkflowExecutionStatus.TERMINATED: RunState.TERMINATED,
    WorkflowExecutionStatus.CANCELED: RunState.CANCELLED,
}
"""Every other status is a failure."""


class Sweeper:
    """Compares rows with workflows; restarts what has clearly lost its workflow, and asks a person about the rest.

    It works in a thread and speaks to Temporal on `loop`, the client's own.
    """

    def __init__(
        self,
        engine: Engine,
        client: Client,
        restart: Restart,
        loop: asyncio.AbstractEventLoop,
        rule: Rule | None = None,
    ) -> None:
        self._engine = engine
        self._client = client
        self._restart = restart
        self._loop = loop
        self._rule = rule or Rule()

    @activity.defn(name="sweep")
    def sweep(self, data: Mapping[str, Any]) -> dict[str, int]:
        """``{"run_id", "now"}`` in, what was counted out. Raises Busy, and what PostgreSQL and Temporal raise."""
        now, run_id = wire.instant(data["now"], "now"), str(data["run_id"])
        counts = {"running": 0, "suspects": 0, "seen": 0, "opened": 0, "mended": 0}
        with findings.alone(self._engine, Area.RUNS):
            with self._engine.begin() as conn:
                findings.begin(conn, RunRow(run_id, Area.RUNS, now, now, now, None, {}))
            for suspects in self._suspects(now, counts):
                self._look(suspects, run_id, now, counts)
            with self._engine.begin() as conn:
                counts["healed"] = findings.heal(conn, run_id, Area.RUNS, now)
                findings.finish(conn, run_id, now, counts)
        log.info("rows and workflows were compared", run_id=run_id, count=counts["seen"])
        return counts

    def _suspects(self, now: datetime, counts: dict[str, int]) -> Iterator[list[str]]:
        """Orders that do not seem right, some at a time."""
        with self._engine.begin() as conn:
            book.patient(conn)
            rows.prepare(conn)
            for running in self._running():
                rows.lay_down(conn, running)
                counts["running"] += len(running)
                activity.heartbeat(dict(counts))
            rows.choose(conn, now - self._rule.lateness)
            after = ""
            while page := rows.suspects(conn, after, AT_ONCE):
                counts["suspects"] += len(page)
                yield page
                activity.heartbeat(dict(counts))
                after = page[-1]

    def _running(self) -> Iterator[list[str]]:
        """The orders whose workflow runs, by Temporal's list, some at a time."""
        query = f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus = 'Running'"
        listing = self._client.list_workflows(query, page_size=PAGE)
        token: bytes | None = b""
        while token is not None:
            self._ask(listing.fetch_next_page())
            yield [found.id.removeprefix(workflow_id("")) for found in listing.current_page or ()]
            token = listing.next_page_token

    def _look(self, order_ids: Sequence[str], run_id: str, now: datetime, counts: dict[str, int]) -> None:
        """Look at suspects one by one. One whose row changed meanwhile is on its way, and is left to the next sweep."""
        before = self._rows(order_ids)
        runs = self._ask(self._describe(order_ids))
        after = self._rows(order_ids)
        for order_id, run in zip(order_ids, runs, strict=True):
            row = after[order_id]
            found = judge(order_id, row, run, now, self._rule) if row == before[order_id] else None
            if found is not None:
                counts["seen"] += 1
                self._deal_with(found, run, run_id, now, counts)

    def _deal_with(self, found: Finding, run: Run, run_id: str, now: datetime, counts: dict[str, int]) -> None:
        """Restart the order if that is clearly right, and did not have to be done lately; else ask a person."""
        begun = found.other == HALF_RESTARTED
        with self._engine.begin() as conn:
            again = not begun and findings.mended_since(conn, found, now - self._rule.again)
        if mends(found, run, self._rule) and not again:
            half = replace(found, other=HALF_RESTARTED)
            if not begun:
                self._report(half, run_id, now, MENDED)
            if self._restarted(found.order_id):
                counts["mended"] += 1
                self._report(replace(found, other=run.state.value), run_id, now, MENDED)
                return
            found = half
        if self._report(found, run_id, now):
            counts["opened"] += 1
            log.warning("row and workflow disagree", code=found.kind.value, order_id=found.order_id)

    def _restarted(self, order_id: str) -> bool:
        """Restart the order; whether its new run was handed everything. One that was not keeps no other waiting."""
        with self._engine.begin() as conn:
            _, snapshot = orders.next_epoch(conn, order_id)
        try:
            self._ask(self._restart(self._engine, wire.from_plain(Order, snapshot), snapshot))
        except (AftersaleError, RPCError) as error:
            log.warning("a restart is not complete", order_id=order_id, error=type(error).__name__)
            return False
        log.warning("an order without a workflow was restarted", order_id=order_id)
        return True

    def _report(self, found: Finding, run_id: str, now: datetime, resolved_by: str = "") -> bool:
        with self._engine.begin() as conn:
            return findings.report(conn, run_id, Area.RUNS, found, now, resolved_by)

    def _rows(self, order_ids: Sequence[str]) -> dict[str, Row | None]:
        with self._engine.begin() as conn:
            return {order_id: rows.row(conn, order_id) for order_id in order_ids}

    async def _describe(self, order_ids: Sequence[str]) -> list[Run]:
        return list(await asyncio.gather(*(self._run(order_id) for order_id in order_ids)))

    async def _run(self, order_id: str) -> Run:
        try:
            return _run(await self._client.get_workflow_handle(workflow_id(order_id)).describe())
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Run(RunState.GONE)

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()


def _run(described: WorkflowExecutionDescription) -> Run:
    raw = described.raw_description
    task = raw.pending_workflow_task if raw.HasField("pending_workflow_task") else None
    return Run(
        STATES.get(described.status, RunState.FAILED),
        described.close_time or described.start_time,
        busy=bool(raw.pending_activities) or task is not None,
        failures=max(task.attempt - 1, 0) if task is not None else 0,
    )
