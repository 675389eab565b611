"""The sweep: every open row has a running workflow and every running workflow a row, no clock has stopped, no task of a
workflow fails for ever, and nothing that came to an order was left in a run that has ended (W4, W9, W10, O5).

Temporal's list is a little behind what happens, so it only raises a suspicion; each is looked at by itself before it
becomes a finding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.runs import unjudged
from activities.store import book, findings, orders, rows
from activities.store.findings import MENDED, Area, RunRow
from domain import wire
from domain.comparing.reconcile import Finding
from domain.comparing.sweep import HALF_RESTARTED, Row, Rule, Run, RunState, is_early, judge, mends
from domain.contract import WORKFLOW, workflow_id
from domain.errors import AftersaleError
from domain.state import Order

log = structlog.get_logger(__name__)
T = TypeVar("T")

COUNTED = ("running", "suspects", "seen", "opened", "mended")

Restart = Callable[[Engine, Order, Mapping[str, Any]], Coroutine[Any, Any, None]]
"""Puts a new run in the place of every other, from the snapshot of its epoch."""

PAGE = 1_000
AT_ONCE = 16
"""Orders that Temporal is asked about side by side."""

OVERLAP = timedelta(hours=1)
"""How far a sweep looks back before the last one for runs that did not end well: Temporal's list lags behind, and what
ended within the grace of that sweep was left to this one."""

FIRST_LOOK = timedelta(days=30)
"""How far back the first sweep looks for them: as long as docs/deploy.md lets Temporal keep what has ended."""

RUNNING = "ExecutionStatus = 'Running'"
FAILING = f"{RUNNING} AND TemporalReportedProblems IS NOT NULL"
"""What the server itself finds: runs whose task failed twice in a row, as docker-compose.yml sets it."""

ENDED_BADLY = "ExecutionStatus IN ('Failed', 'Terminated', 'Canceled', 'TimedOut')"

STATES: Mapping[WorkflowExecutionStatus | None, RunState] = {
    WorkflowExecutionStatus.RUNNING: RunState.RUNNING,
    WorkflowExecutionStatus.CONTINUED_AS_NEW: RunState.RUNNING,
    WorkflowExecutionStatus.COMPLETED: RunState.COMPLETED,
    WorkflowExecutionStatus.TERMINATED: RunState.TERMINATED,
    WorkflowExecutionStatus.CANCELED: RunState.CANCELLED,
}
"""Every other status is a failure."""


@dataclass(slots=True)
class _Round:
    """One sweep: it asks for runs that ended badly from `since` on, the next one from `until`."""

    run_id: str
    now: datetime
    since: datetime
    until: datetime
    counts: dict[str, int]


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
        with findings.alone(self._engine, Area.RUNS):
            this = self._begin(run_id, now)
            for suspects in self._suspects(this):
                self._look(suspects, this)
            with self._engine.begin() as conn:
                this.counts["healed"] = findings.heal(conn, run_id, Area.RUNS, now)
                findings.finish(conn, run_id, now, this.counts, this.until)
        log.info("rows and workflows were compared", run_id=run_id, count=this.counts["seen"])
        return this.counts

    def _begin(self, run_id: str, now: datetime) -> _Round:
        """A sweep from where the last one ended, less the overlap, by Temporal's clock, which dates what it lists."""
        until = activity.info().scheduled_time
        with self._engine.begin() as conn:
            last = findings.last(conn, Area.RUNS, finished=True)
            since = min(last.until, until) - OVERLAP if last else until - FIRST_LOOK
            run = findings.begin(conn, RunRow(run_id, Area.RUNS, since, until, now, None, {}))
        return _Round(run_id, now, run.since, run.until, dict.fromkeys(COUNTED, 0))

    def _suspects(self, this: _Round) -> Iterator[Mapping[str, datetime | None]]:
        """Orders that do not seem right, some at a time, and when a run of each may have ended badly."""
        counts = this.counts
        with self._engine.begin() as conn:
            book.patient(conn)
            rows.prepare(conn)
            for running in self._listed(RUNNING):
                rows.lay_down(conn, map(_order_of, running))
                counts["running"] += len(running)
                activity.heartbeat(dict(counts))
            for failing in self._listed(FAILING):
                rows.lay_open(conn, map(_order_of, failing))
                activity.heartbeat(dict(counts))
            for ended in self._listed(f"{ENDED_BADLY} AND CloseTime >= '{this.since.isoformat()}'"):
                rows.lay_aside(conn, _oldest(ended))
                activity.heartbeat(dict(counts))
            rows.choose(conn, this.now - self._rule.lateness, this.until)
            after = ""
            while page := rows.suspects(conn, after, AT_ONCE):
                counts["suspects"] += len(page)
                yield page
                activity.heartbeat(dict(counts))
                *_, after = page

    def _listed(self, which: str) -> Iterator[Sequence[WorkflowExecution]]:
        """Runs of orders, by Temporal's list, some at a time."""
        listing = self._client.list_workflows(f"WorkflowType = '{WORKFLOW}' AND {which}", page_size=PAGE)
        token: bytes | None = b""
        while token is not None:
            self._ask(listing.fetch_next_page())
            yield listing.current_page or ()
            token = listing.next_page_token

    def _look(self, suspects: Mapping[str, datetime | None], this: _Round) -> None:
        """Look at suspects one by one. One whose row changed meanwhile is on its way, and is left to the next sweep."""
        before = self._rows(suspects)
        runs = self._ask(self._describe(suspects, before))
        after = self._rows(suspects)
        for (order_id, ended_at), run in zip(suspects.items(), runs, strict=True):
            row, moved = after[order_id], after[order_id] != before[order_id]
            found = None if moved else judge(order_id, row, run, this.now, self._rule)
            if found is not None:
                this.counts["seen"] += 1
                self._deal_with(found, run, this)
            elif ended_at is not None and (moved or is_early(run, this.now, self._rule)):
                this.until = min(this.until, ended_at)
                with self._engine.begin() as conn:
                    findings.keep(conn, this.run_id, Area.RUNS, order_id)

    def _deal_with(self, found: Finding, run: Run, this: _Round) -> None:
        """Restart the order if that is clearly right, and did not have to be done lately; else ask a person."""
        run_id, now = this.run_id, this.now
        begun = found.other == HALF_RESTARTED
        with self._engine.begin() as conn:
            again = not begun and findings.mended_since(conn, found, now - self._rule.again)
        if mends(found, run, self._rule) and not again:
            half = replace(found, other=HALF_RESTARTED)
            if not begun:
                self._report(half, run_id, now, MENDED)
            if self._restarted(found.order_id):
                this.counts["mended"] += 1
                self._report(replace(found, other=run.state.value), run_id, now, MENDED)
                return
            found = half
        if self._report(found, run_id, now):
            this.counts["opened"] += 1
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

    def _rows(self, order_ids: Iterable[str]) -> dict[str, Row | None]:
        with self._engine.begin() as conn:
            return {order_id: rows.row(conn, order_id) for order_id in order_ids}

    async def _describe(self, suspects: Mapping[str, datetime | None], found: Mapping[str, Row | None]) -> list[Run]:
        runs = (self._run(order_id, found[order_id] if ended_at else None) for order_id, ended_at in suspects.items())
        return list(await asyncio.gather(*runs))

    async def _run(self, order_id: str, row: Row | None) -> Run:
        """How the order's latest run stands; with `row`, also whether one that ended has kept something."""
        try:
            described = await self._client.get_workflow_handle(workflow_id(order_id)).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return Run(RunState.GONE)
        run = _run(described)
        worth = {"open": run.state is RunState.RUNNING and not run.busy, "over": run.state is not RunState.RUNNING}
        if row is None or not worth.get(row.status):
            return run
        try:
            return replace(run, unjudged=await unjudged(self._engine, self._client, order_id, described.run_id))
        except (AftersaleError, RPCError) as error:
            log.warning("what the runs of an order kept cannot be read", order_id=order_id, error=type(error).__name__)
            return replace(run, unjudged=None)

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result()


def _order_of(run: WorkflowExecution) -> str:
    return run.id.removeprefix(workflow_id(""))


def _oldest(ended: Iterable[WorkflowExecution]) -> Mapping[str, datetime]:
    """The orders of runs that have ended, each with the time when the first one did."""
    times: dict[str, datetime] = {}
    for run in ended:
        if run.close_time is not None:
            times[_order_of(run)] = min(run.close_time, times.get(_order_of(run), run.close_time))
    return times


def _run(described: WorkflowExecutionDescription) -> Run:
    raw = described.raw_description
    task = raw.pending_workflow_task if raw.HasField("pending_workflow_task") else None
    return Run(
        STATES.get(described.status, RunState.FAILED),
        described.close_time or described.start_time,
        busy=bool(raw.pending_activities) or task is not None,
        failures=max(task.attempt - 1, 0) if task is not None else 0,
    )
