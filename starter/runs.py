"""The orders' workflows on Temporal: start, restart, command. The service's errors become ours here."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.runs import NotHandedOver, found_by, hand_over, left_over, replace_run
from domain import wire
from domain.checkout import ID, Checkout
from domain.contract import FATAL, REFUSED, TASK_QUEUE, WORKFLOW, workflow_id
from domain.errors import Invalid, Refused
from domain.state import Order
from domain.summary import guide
from starter.answers import NotFound, NotJudgedYet, Unreachable
from starter.settings import cannot_connect

ADMITTING = "admitting"
REACH_SECONDS = 15.0
"""How long Temporal may take to accept a start or a signal."""


class NotRunning(Exception):
    """No workflow of the order runs; what that means, its row knows. Never leaves this room."""


class Runs:
    """The workflows behind the orders."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, document: Mapping[str, Any], checkout: Checkout) -> None:
        """Start the order unless it runs or has run; one whose admission failed is started again."""
        count, total = len(checkout.lines), checkout.total
        with _reaching():
            try:
                async with asyncio.timeout(REACH_SECONDS):
                    await self._client.start_workflow(
                        WORKFLOW,
                        dict(document),
                        id=workflow_id(checkout.order_id),
                        task_queue=TASK_QUEUE,
                        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                        search_attributes=_first_attributes(checkout),
                        static_summary=f"{count} line{'s' if count > 1 else ''}, {total}, {checkout.marketplace}"[:200],
                        static_details=guide(checkout.order_id),
                    )
            except WorkflowAlreadyStartedError:
                return

    async def has_failed(self, order_id: str) -> bool:
        """Whether the order's last run ended without an answer. Raises NotRunning when there never was one."""
        with _reaching():
            async with asyncio.timeout(REACH_SECONDS):
                described = await self._handle(order_id).describe()
        return described.status is not WorkflowExecutionStatus.RUNNING

    async def restart(self, engine: Engine, order: Order, snapshot: Mapping[str, Any]) -> None:
        """Put a new run in the place of every other, from the snapshot of its epoch; what was kept is kept.

        Raises Unreachable; whatever is raised, to repeat it loses nothing.
        """
        with _reaching():
            try:
                await replace_run(engine, self._client, order, snapshot)
            except NotHandedOver as error:
                raise Unreachable(f"the new run was not given everything that the older one kept: {error}") from None

    async def left_over(self, engine: Engine, order_id: str) -> bool:
        """Whether a new run of an order that is over has anything to do. Raises Unreachable."""
        with _reaching():
            return await left_over(engine, self._client, order_id)

    async def go_on(self, engine: Engine, order_id: str, name: str, message: Mapping[str, Any]) -> None:
        """Hand a command to an order that is over: it goes on in a new run. Raises Unreachable, NotRunning."""
        with _reaching():
            try:
                async with asyncio.timeout(REACH_SECONDS):
                    await hand_over(engine, self._client, order_id, name, message)
            except NotHandedOver:
                raise NotRunning from None

    async def housekeep(self, name: str, within: float) -> None:
        """Run housekeeping now, or join who started it by hand, and wait.

        Raises Unreachable when it does not end well within so many seconds.
        """
        with _reaching():
            async with asyncio.timeout(REACH_SECONDS):
                started = await self._client.start_workflow(
                    name,
                    id=f"{name}-by-hand",
                    task_queue=TASK_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                )
        try:
            async with asyncio.timeout(within):
                await started.result()
        except TimeoutError:
            raise Unreachable(f"{name} has not ended in {within:g} s; it goes on") from None
        except WorkflowFailureError as error:
            raise Unreachable(f"{name} did not end well: {error.cause}; the Temporal UI tells more") from None

    def _handle(self, order_id: str) -> WorkflowHandle[Any, Any]:
        if not ID.fullmatch(order_id):
            raise NotRunning  # Temporal need not be asked about what is no id.
        return self._client.get_workflow_handle(workflow_id(order_id))

    async def signal(self, order_id: str, name: str, message: Mapping[str, Any]) -> None:
        """Hand a command over; it is kept until a worker judges it. Raises NotRunning, Unreachable."""
        with _reaching():
            async with asyncio.timeout(REACH_SECONDS):
                await self._handle(order_id).signal(name, dict(message))

    async def update(self, order_id: str, name: str, message: Mapping[str, Any], within: float) -> dict[str, Any]:
        """Send a command and wait up to `within` seconds for its verdict.

        Each sending is an update of its own: Temporal would repeat a remembered refusal, while an order judges a
        refused command anew and knows a taken one by its command_id.

        Raises NotFound, Refused, Invalid, NotJudgedYet, NotRunning.
        """
        accepted = False
        with _reaching():
            try:
                async with asyncio.timeout(within):
                    sent = await self._handle(order_id).start_update(
                        name, dict(message), wait_for_stage=WorkflowUpdateStage.ACCEPTED, id=uuid.uuid4().hex
                    )
                    accepted = True
                    verdict: dict[str, Any] = await sent.result()
                    return verdict
            except WorkflowUpdateFailedError as error:
                raise _refusal(error, order_id, str(message["command_id"])) from None
            except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError from None
                why = f"order {order_id} has not answered in {within:g} s; perhaps no worker runs"
                raise NotJudgedYet(why, delivered=accepted, command_id=str(message["command_id"])) from None


_OURS = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
"""What Temporal answers when the client's settings are wrong rather than the way to it."""


@contextmanager
def _reaching() -> Iterator[None]:
    """The service's own errors as ours."""
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotRunning from None
        if error.status in _OURS:
            raise Unreachable(f"Temporal refuses this client ({error.status.name.lower()}); see TEMPORAL_*") from None
        raise Unreachable(f"Temporal does not answer ({error.status.name.lower()}); see TEMPORAL_ADDRESS") from None
    except TimeoutError:
        raise Unreachable(f"Temporal does not answer in {REACH_SECONDS:g} s; see TEMPORAL_ADDRESS") from None
    except (RuntimeError, ValueError) as error:
        if not cannot_connect(error):
            raise
        raise Unreachable("Temporal cannot be connected to; see TEMPORAL_ADDRESS") from None


def _refusal(error: WorkflowUpdateFailedError, order_id: str, command_id: str) -> Exception:
    """Why an update failed: the order's own refusal, or a run that ended under it and left it to the next one."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type in FATAL:
        return NotJudgedYet(f"a run of order {order_id} has ended", delivered=True, command_id=command_id)
    if not isinstance(cause, ApplicationError) or cause.type != REFUSED or not cause.details:
        return NotRunning()
    detail = cause.details[0]
    if detail["code"] == "invalid":
        field, _, rule = str(detail["reason"]).partition(": ")
        return Invalid(field, rule or "is not valid")
    if detail["code"] == "not_found":
        return NotFound(order_id)
    return Refused(detail["code"], detail["reason"], tuple(detail["possible"]))


def _first_attributes(checkout: Checkout) -> TypedSearchAttributes:
    """What operators can filter by before any worker has looked at the order."""
    return found_by(
        checkout.buyer.person_id,
        checkout.seller.person_id,
        checkout.marketplace,
        ADMITTING,
        "platform",
        attention=False,
    )


def message_size(message: Mapping[str, Any]) -> int:
    """The bytes that a message takes on the wire."""
    return len(wire.canonical(message).encode())
