"""What the runs of an order took in from outside, by Temporal's histories of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain import wire
from domain.contract import (
    LONGEST_NAME,
    LONGEST_REASON,
    RefusalNote,
    check_outside,
    read_envelope,
    workflow_id,
)
from domain.errors import Invalid, Refused, writable

REFUSING: Final = "note_refusal"
"""The activity that a run puts each refused signal on record with, in the order in which they came."""

FORMER: Final = "former"
"""The memo of a run that took another one's place: that one's run id. What it continues as has it too."""


NEVER: Final = datetime.min.replace(tzinfo=UTC)


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
    at: datetime
    update_id: str = ""

    @property
    def key(self) -> str:
        """The same wherever a Reset has copied the event to."""
        return f"{self.at.isoformat()} {self.name[:LONGEST_NAME]}"


@dataclass(slots=True)
class _Run:
    """One history, event by event: what came, how it was answered, and which runs it is linked with.

    Those are what it continued as, the one whose place it took, and the one that it was reset from. An update that a
    Reset brought along stands where it was admitted: where it is accepted its request is empty.
    """

    ended: datetime = NEVER
    came: list[_Sent] = field(default_factory=list)
    answers: dict[str, bool] = field(default_factory=dict)
    refusing: dict[int, Payload] = field(default_factory=dict)
    recorded: set[int] = field(default_factory=set)
    former: Payload | None = None
    base: str = ""
    next: str = ""

    def read(self, event: HistoryEvent) -> None:
        self.ended = event.event_time.ToDatetime(UTC)
        self._read_links(event)
        self._read_came(event)
        self._read_refused(event)

    def _read_links(self, event: HistoryEvent) -> None:
        if event.HasField("workflow_execution_started_event_attributes"):
            self.former = event.workflow_execution_started_event_attributes.memo.fields.get(FORMER)
        elif event.HasField("workflow_execution_continued_as_new_event_attributes"):
            self.next = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        elif event.HasField("workflow_task_failed_event_attributes"):
            self.base = event.workflow_task_failed_event_attributes.base_run_id or self.base

    def _read_came(self, event: HistoryEvent) -> None:
        at = event.event_time.ToDatetime(UTC)
        if event.HasField("workflow_execution_signaled_event_attributes"):
            signal = event.workflow_execution_signaled_event_attributes
            self.came.append(_Sent(signal.signal_name, signal.input.payloads, at))
        elif event.HasField("workflow_execution_update_admitted_event_attributes"):
            self._update(event.workflow_execution_update_admitted_event_attributes.request, at)
        elif event.HasField("workflow_execution_update_accepted_event_attributes"):
            self._update(event.workflow_execution_update_accepted_event_attributes.accepted_request, at)
        elif event.HasField("workflow_execution_update_completed_event_attributes"):
            completed = event.workflow_execution_update_completed_event_attributes
            self.answers[completed.meta.update_id] = completed.outcome.HasField("success")

    def _update(self, request: Request, at: datetime) -> None:
        if request.HasField("input"):
            self.came.append(_Sent(request.input.name, request.input.args.payloads, at, request.meta.update_id))

    def _read_refused(self, event: HistoryEvent) -> None:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_type.name == REFUSING and scheduled.input.payloads:
                self.refusing[event.event_id] = scheduled.input.payloads[0]
        elif event.HasField("activity_task_completed_event_attributes"):
            self.recorded.add(event.activity_task_completed_event_attributes.scheduled_event_id)


async def listed(client: Client, order_id: str, patience: timedelta) -> list[str]:
    """The runs of the order that Temporal's list shows, which lags behind. Raises RPCError."""
    query = f"WorkflowId = '{workflow_id(order_id)}'"
    return [run.run_id async for run in client.list_workflows(query, rpc_timeout=patience)]


async def kept(client: Client, order_id: str, run_ids: Iterable[str], patience: timedelta) -> Kept:
    """What these runs of an order, and all that they are linked with, took in: oldest first, each once.

    A command that came again has its place where it came last. Two messages that differ under one id are two; which of
    them counts, their judge says. Left out is what a run refused: a signal by a note, an update by its answer, unless
    a run that it was reset from, or that was reset from it, had said yes. Beside the commands come the refusals that
    may not be on record: those that a run had begun, and those of messages that nobody could read and no run has looked
    at. Each request waits so long for Temporal. Raises RPCError.
    """
    runs = await _runs(client, order_id, run_ids, patience)
    answers: dict[tuple[str, str], bool] = {}
    for run_id, run in runs.items():
        for update, yes in run.answers.items():
            same = _root(runs, run_id), update
            answers[same] = yes or answers.get(same, False)
    found: dict[tuple[str, ...], Command] = {}
    unsaid: list[RefusalNote] = []
    for run_id, run in sorted(runs.items(), key=lambda each: each[1].ended):
        notes = await _notes(client, run)
        unsaid += [note for note, is_recorded in notes if not is_recorded]
        said = Counter((note.command_id, note.name) for note, _ in notes)
        for sent in run.came:
            read = await _read(client, order_id, sent)
            answer = answers.get((_root(runs, run_id), sent.update_id), True)
            is_refused = not answer if sent.update_id else _is_noted(read, said)
            if isinstance(read, RefusalNote):
                unsaid += [] if is_refused else [read]
                continue
            found.pop(same_ := (read.command_id, read.name, wire.canonical(read.body)), None)
            if not is_refused:
                found[same_] = read
    return Kept(list(found.values()), unsaid)


def _root(runs: Mapping[str, _Run], run_id: str) -> str:
    """The run that a Reset, or several, made this one of."""
    while runs[run_id].base in runs:
        run_id = runs[run_id].base
    return run_id


def _is_noted(read: Command | RefusalNote, said: Counter[tuple[str, str]]) -> bool:
    """Whether a note says that the signal was refused; the note is used up."""
    is_noted = said[read.command_id, read.name] > 0
    said[read.command_id, read.name] -= is_noted
    return is_noted


async def _notes(client: Client, run: _Run) -> list[tuple[RefusalNote, bool]]:
    """What a run refused, each once however often it tried to say so, and whether that is on record."""
    notes: dict[str, tuple[RefusalNote, bool]] = {}
    for event_id, payload in run.refusing.items():
        note = wire.from_plain(RefusalNote, (await client.data_converter.decode([payload]))[0])
        key = note.key or f"{note.now.isoformat()} {note.name} {note.command_id}"
        notes[key] = (replace(note, key=key), event_id in run.recorded)
    return list(notes.values())


async def _runs(client: Client, order_id: str, run_ids: Iterable[str], patience: timedelta) -> dict[str, _Run]:
    """These runs and all that they lead to: whose place they took, what they were reset from or continued as."""
    wanted = list(run_ids)
    runs: dict[str, _Run] = {}
    while wanted:
        run_id = wanted.pop()
        if run_id and run_id not in runs:
            run = runs[run_id] = await _history(client, order_id, run_id, patience)
            former = await client.data_converter.decode([run.former]) if run.former else []
            wanted += [run.next, run.base, *map(str, former)]
    return runs


async def _history(client: Client, order_id: str, run_id: str, patience: timedelta) -> _Run:
    """One run; an empty one when Temporal has forgotten it."""
    run = _Run()
    try:
        handle = client.get_workflow_handle(workflow_id(order_id), run_id=run_id)
        async for event in handle.fetch_history_events(rpc_timeout=patience):
            run.read(event)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return run


async def _read(client: Client, order_id: str, sent: _Sent) -> Command | RefusalNote:
    """A message as it was sent, or why it is no command, as the door of a run says it."""
    command_id = ""
    try:
        check_outside(sent.name, [len(payload.data) for payload in sent.payloads])
        body = (await client.data_converter.decode(sent.payloads))[0]
        command_id = read_envelope(body).command_id
    except (ValueError, KeyError, RuntimeError) as error:
        why: Invalid | Refused = Invalid("message", f"cannot be read as JSON ({type(error).__name__})")
    except (Invalid, Refused) as error:
        why = error
    else:
        return Command(command_id, sent.name, body)
    code = why.code if isinstance(why, Refused) else "invalid"
    name = writable(sent.name[:LONGEST_NAME])
    return RefusalNote(order_id, sent.at, name, command_id, None, code, str(why)[:LONGEST_REASON], sent.key)
