"""What the runs of an order took in from outside, by Temporal's histories of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain import wire
from domain.checkout import ID
from domain.contract import check_outside, read_envelope, workflow_id
from domain.errors import Invalid, Refused

FORMER: Final = "former"
"""The memo of a run that took another one's place: that one's run id. What it continues as has it too."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A command that the runs of an order took in, as it was sent, and when it came last."""

    command_id: str
    name: str
    body: dict[str, Any]
    came: datetime


class _Sent(NamedTuple):
    name: str
    payloads: Sequence[Payload]
    at: datetime


@dataclass(slots=True)
class _Run:
    """One history, event by event: what came, the run whose place this one took, the run that it continued as."""

    came: dict[str, _Sent] = field(default_factory=dict)
    former: Payload | None = None
    next: str = ""

    def read(self, event: HistoryEvent) -> None:
        at = event.event_time.ToDatetime(UTC)
        if event.HasField("workflow_execution_started_event_attributes"):
            self.former = event.workflow_execution_started_event_attributes.memo.fields.get(FORMER)
        elif event.HasField("workflow_execution_signaled_event_attributes"):
            signal = event.workflow_execution_signaled_event_attributes
            self.came[f"event {event.event_id}"] = _Sent(signal.signal_name, signal.input.payloads, at)
        elif event.HasField("workflow_execution_update_accepted_event_attributes"):
            accepted = event.workflow_execution_update_accepted_event_attributes.accepted_request
            self.came[accepted.meta.update_id] = _Sent(accepted.input.name, accepted.input.args.payloads, at)
        elif event.HasField("workflow_execution_update_completed_event_attributes"):
            completed = event.workflow_execution_update_completed_event_attributes
            if completed.outcome.HasField("failure"):
                self.came.pop(completed.meta.update_id, None)
        elif event.HasField("workflow_execution_continued_as_new_event_attributes"):
            self.next = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id


async def kept(client: Client, order_id: str, run_id: str, patience: timedelta) -> list[Kept]:
    """The commands of a run, of those that it continued as and of those whose place it took: oldest first, each once.

    One that came again has its place where it came last. Two messages that differ under one id are two; which of them
    counts, their judge says. Left out are the updates that a run refused, and what no run could read. Each request
    waits so long for Temporal. Raises RPCError.
    """
    found: dict[tuple[str, ...], Kept] = {}
    for sent in await _sent(client, order_id, run_id, patience):
        command = await _command(client, sent)
        if command is not None:
            same = command.command_id, command.name, wire.canonical(command.body)
            found.pop(same, None)
            found[same] = command
    return list(found.values())


async def _sent(client: Client, order_id: str, run_id: str, patience: timedelta) -> list[_Sent]:
    """Everything that came, oldest first, back to a run that took nobody's place or that Temporal has forgotten."""
    runs: list[_Run] = []
    read: set[str] = set()
    while run_id and run_id not in read:
        onwards = [run async for run in _onwards(client, order_id, run_id, read, patience)]
        runs = onwards + runs
        former = next((run.former for run in onwards if run.former), None)
        run_id = "" if former is None else str((await client.data_converter.decode([former]))[0])
    return [sent for run in runs for sent in run.came.values()]


async def _onwards(
    client: Client, order_id: str, run_id: str, read: set[str], patience: timedelta
) -> AsyncIterator[_Run]:
    """A run and those that it continued as; their ids are added to `read`."""
    while run_id and run_id not in read:
        read.add(run_id)
        run = _Run()
        try:
            handle = client.get_workflow_handle(workflow_id(order_id), run_id=run_id)
            async for event in handle.fetch_history_events(rpc_timeout=patience):
                run.read(event)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        yield run
        run_id = run.next


async def _command(client: Client, sent: _Sent) -> Kept | None:
    """A message as it was sent; None when it is no command, which the run that had it has said."""
    try:
        check_outside(sent.name, [len(payload.data) for payload in sent.payloads])
        body: Any = (await client.data_converter.decode(sent.payloads))[0]
        envelope = read_envelope(body)
    except (ValueError, KeyError, RuntimeError, Invalid, Refused):
        return None
    return Kept(envelope.command_id, sent.name, body, sent.at) if ID.fullmatch(envelope.command_id) else None
