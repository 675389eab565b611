"""What the runs of an order took in from outside, by Temporal's histories of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain import wire
from domain.contract import (
    LONGEST_NAME,
    LONGEST_REASON,
    REFUSED,
    RefusalNote,
    check_outside,
    read_envelope,
    refusal_key,
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


@dataclass(slots=True, eq=False)
class _Sent:
    """A message, wherever Resets have copied it to: what it says, and its verdict, None for none yet."""

    name: str
    payloads: Sequence[Payload]
    at: datetime
    update_id: str = ""
    read: Command | RefusalNote | None = None
    verdict: bool | None = None


@dataclass(slots=True)
class _Run:
    """One history, event by event: what came, how it was answered, and which runs it is linked with.

    Those are what it continued as, the one whose place it took, and the one that it was reset from. An update that a
    Reset brought along stands where it was admitted: where it is accepted its request is empty.
    """

    ended: datetime = NEVER
    began_as: str = ""
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
            started = event.workflow_execution_started_event_attributes
            self.began_as, self.former = started.original_execution_run_id, started.memo.fields.get(FORMER)
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
            yes = completed.outcome.HasField("success")
            if yes or completed.outcome.failure.application_failure_info.type == REFUSED:
                self.answers[completed.meta.update_id] = yes

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

    A message that a Reset copied is the one that it was copied from, in its place and with its verdict (docs/decisions,
    21). A command that was sent again has its place where it came last. Two that differ under one id are two; which of
    them counts, their judge says. Left out is what was refused. Beside the commands come the refusals that may not be
    on record: those that a run had begun, and those of messages that nobody could read and no run has looked at. Each
    request waits so long for Temporal. Raises RPCError.
    """
    runs = await _runs(client, order_id, run_ids, patience)
    in_turn = sorted(runs.values(), key=lambda run: run.ended)
    unsaid: list[RefusalNote] = []
    for run in in_turn:
        _recognise(runs, run)
        unsaid += await _judge(client, order_id, run)
    found: dict[tuple[str, ...], Command] = {}
    for sent in dict.fromkeys(sent for run in in_turn for sent in run.came):
        if isinstance(sent.read, Command):
            found.pop(same := (sent.read.command_id, sent.read.name, wire.canonical(sent.read.body)), None)
            if sent.verdict is not False:
                found[same] = sent.read
        elif sent.read is not None and sent.verdict is None:
            unsaid.append(sent.read)
    return Kept(list(found.values()), unsaid)


def _recognise(runs: Mapping[str, _Run], run: _Run) -> None:
    """Put the messages themselves in the place of the copies that a Reset made: of all that came to the run that it
    was reset from, and to what that continued as, in the same order before anything else. It may have left some out.
    """
    theirs: list[_Sent] = []
    other = runs.get(run.base)
    while other is not None:
        theirs += other.came
        other = runs.get(other.next)
    at = 0
    for place, sent in enumerate(run.came):
        same = next((n for n in range(at, len(theirs)) if _is_copy(sent, theirs[n])), None)
        if same is not None:
            run.came[place], at = theirs[same], same + 1


def _is_copy(one: _Sent, other: _Sent) -> bool:
    return (one.name, one.update_id, list(one.payloads)) == (other.name, other.update_id, list(other.payloads))


async def _judge(client: Client, order_id: str, run: _Run) -> list[RefusalNote]:
    """Read what came to a run and note what it made of it; gives the refusals that it had begun to put on record.

    A yes stands, whichever run gave it: one that a Reset began may fail over what the order had taken long ago.
    """
    notes = await _notes(client, run)
    signals = 0
    for sent in run.came:
        signals += not sent.update_id
        key = partial(refusal_key, run.began_as, sent.update_id or signals)
        if sent.read is None:
            sent.read = await _read(client, order_id, sent, key)
        said = run.answers.get(sent.update_id)
        if not sent.update_id and key(sent.read.name, sent.read.command_id) in notes:
            said = False
        if said is not None:
            sent.verdict = said or bool(sent.verdict)
    return [note for note, is_recorded in notes.values() if not is_recorded]


async def _notes(client: Client, run: _Run) -> dict[str, tuple[RefusalNote, bool]]:
    """What a run refused, by its key, each once however often it tried to say so, and whether that is on record."""
    notes: dict[str, tuple[RefusalNote, bool]] = {}
    for event_id, payload in run.refusing.items():
        note = wire.from_plain(RefusalNote, (await client.data_converter.decode([payload]))[0])
        notes[note.key] = (note, event_id in run.recorded)
    return notes


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


async def _read(client: Client, order_id: str, sent: _Sent, key: Callable[[str, str], str]) -> Command | RefusalNote:
    """A message as it was sent, or why it is no command, as the door of a run says it."""
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
    return RefusalNote(order_id, sent.at, name, "", None, code, str(why)[:LONGEST_REASON], key(name, ""))
