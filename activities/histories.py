"""What the runs of an order took in from outside, by Temporal's histories of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain import wire
from domain.checkout import ID
from domain.contract import RefusalNote, check_outside, read_envelope, workflow_id
from domain.errors import Invalid, Refused

REFUSING: Final = "note_refusal"
"""The activity that a run puts each refused signal on record with, in the order in which they came."""

FORMER: Final = "former"
"""The memo of a run that took another one's place: that one's run id. What it continues as has it too."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that the runs of an order took in, as it was sent."""

    command_id: str
    name: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the runs of an order took in and may not have dealt with, and what of it they had begun to refuse."""

    commands: list[Command]
    refusals: list[RefusalNote]


class _Sent(NamedTuple):
    name: str
    payloads: Sequence[Payload]
    is_signal: bool


@dataclass(slots=True)
class _Run:
    """One history, event by event: what came and what of it was refused, the run before, and the one that came next.

    The run before is the one whose place this one took, the next one is what it continued as. An update that a reset
    brought along stands where it was admitted: where it is accepted its request is empty.
    """

    came: dict[str, _Sent] = field(default_factory=dict)
    refusing: dict[int, Payload] = field(default_factory=dict)
    recorded: set[int] = field(default_factory=set)
    former: Payload | None = None
    next: str = ""

    def read(self, event: HistoryEvent) -> None:
        self._read_others(event)
        self._read_came(event)
        self._read_refused(event)

    def _read_others(self, event: HistoryEvent) -> None:
        if event.HasField("workflow_execution_started_event_attributes"):
            self.former = event.workflow_execution_started_event_attributes.memo.fields.get(FORMER)
        elif event.HasField("workflow_execution_continued_as_new_event_attributes"):
            self.next = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id

    def _read_came(self, event: HistoryEvent) -> None:
        if event.HasField("workflow_execution_signaled_event_attributes"):
            signal = event.workflow_execution_signaled_event_attributes
            self.came[f"event {event.event_id}"] = _Sent(signal.signal_name, signal.input.payloads, is_signal=True)
        elif event.HasField("workflow_execution_update_admitted_event_attributes"):
            self._update(event.workflow_execution_update_admitted_event_attributes.request)
        elif event.HasField("workflow_execution_update_accepted_event_attributes"):
            self._update(event.workflow_execution_update_accepted_event_attributes.accepted_request)
        elif event.HasField("workflow_execution_update_completed_event_attributes"):
            completed = event.workflow_execution_update_completed_event_attributes
            if completed.outcome.HasField("failure"):
                self.came.pop(completed.meta.update_id, None)

    def _update(self, request: Request) -> None:
        if request.HasField("input"):
            sent = _Sent(request.input.name, request.input.args.payloads, is_signal=False)
            self.came[request.meta.update_id] = sent

    def _read_refused(self, event: HistoryEvent) -> None:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_type.name == REFUSING and scheduled.input.payloads:
                self.refusing[event.event_id] = scheduled.input.payloads[0]
        elif event.HasField("activity_task_completed_event_attributes"):
            self.recorded.add(event.activity_task_completed_event_attributes.scheduled_event_id)


async def kept(client: Client, order_id: str, run_id: str, patience: timedelta) -> Kept:
    """The commands of a run, of those that it continued as and of those whose place it took: oldest first, each once.

    One that came again has its place where it came last. Two messages that differ under one id are two; which of them
    counts, their judge says. Left out is what a run refused, and what no run could read: what an older run had kept
    came again to the next one. A refusal may not be on record when its run ended; it comes beside the commands. Each
    request waits so long for Temporal. Raises RPCError.
    """
    found: dict[tuple[str, ...], Command] = {}
    unsaid: list[RefusalNote] = []
    for run in await _runs(client, order_id, run_id, patience):
        notes = await _notes(client, run)
        unsaid += [note for note, is_recorded in notes if not is_recorded]
        refused = Counter((note.command_id, note.name) for note, _ in notes)
        for sent in run.came.values():
            command = await _command(client, sent)
            if command is None:
                continue
            found.pop(same := (command.command_id, command.name, wire.canonical(command.body)), None)
            if sent.is_signal and refused[command.command_id, command.name]:
                refused[command.command_id, command.name] -= 1
            else:
                found[same] = command
    return Kept(list(found.values()), unsaid)


async def _notes(client: Client, run: _Run) -> list[tuple[RefusalNote, bool]]:
    """What a run refused, each once however often it tried to say so, and whether that is on record."""
    notes: dict[str, tuple[RefusalNote, bool]] = {}
    for event_id, payload in run.refusing.items():
        note = wire.from_plain(RefusalNote, (await client.data_converter.decode([payload]))[0])
        notes[note.key or f"event {event_id}"] = (note, event_id in run.recorded)
    return list(notes.values())


async def _runs(client: Client, order_id: str, run_id: str, patience: timedelta) -> list[_Run]:
    """All runs, oldest first, back to one that took nobody's place or that Temporal has forgotten."""
    runs: list[_Run] = []
    read: set[str] = set()
    while run_id and run_id not in read:
        onwards = [run async for run in _onwards(client, order_id, run_id, read, patience)]
        runs = onwards + runs
        former = next((run.former for run in onwards if run.former), None)
        run_id = "" if former is None else str((await client.data_converter.decode([former]))[0])
    return runs


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


async def _command(client: Client, sent: _Sent) -> Command | None:
    """A message as it was sent; None when it is no command, which the run that had it has said."""
    try:
        check_outside(sent.name, [len(payload.data) for payload in sent.payloads])
        body: Any = (await client.data_converter.decode(sent.payloads))[0]
        envelope = read_envelope(body)
    except (ValueError, KeyError, RuntimeError, Invalid, Refused):
        return None
    return Command(envelope.command_id, sent.name, body) if ID.fullmatch(envelope.command_id) else None
