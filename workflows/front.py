"""The front door: every message, however malformed, becomes a command, a refusal to its sender, or a note on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

with workflow.unsafe.imports_passed_through():
    from domain.contract import (
        LONGEST_NAME,
        LONGEST_REASON,
        REFUSED,
        WORKFLOW,
        Envelope,
        check_outside,
        check_size,
        expect_object,
        read_envelope,
    )
    from domain.decide import Command, Refusal
    from domain.errors import Invalid, Refused, writable


@dataclass
class Item:
    """One message in the inbox. `answer` is set when it has been judged; `unreadable` says why there is no command."""

    name: str
    source: str
    envelope: Envelope | None = None
    unreadable: Refusal | None = None
    answer: dict[str, Any] | Refusal | None = None

    @property
    def command(self) -> Command:
        """The command of a readable message."""
        envelope = self.envelope
        if envelope is None:
            raise ValueError("an unreadable message holds no command")
        return Command(self.name, envelope.command_id, envelope.actor, envelope.body, envelope.ticket_id)


MOST_START = 2_000_000
"""The largest start, in bytes: a snapshot to go on from is far larger than any command, and the server takes 2 MB."""


def read(name: str, args: Sequence[RawValue]) -> Envelope:
    """The one JSON object that a message holds; raises Refused or Invalid, saying what would be right."""
    check_outside(name, [len(arg.payload.data) for arg in args])
    return read_envelope(_decoded(args[0]))


def document(start: RawValue) -> dict[str, Any]:
    """The JSON object that an order starts from; raises Invalid for anything else."""
    check_size(len(start.payload.data), MOST_START)
    return expect_object(_decoded(start))


def _decoded(raw: RawValue) -> object:
    try:
        return workflow.payload_converter().from_payload(raw.payload)
    except Exception as error:  # noqa: BLE001  # Converters raise whatever they like; all of it means that the bytes are unreadable.
        raise Invalid("message", f"cannot be read as JSON ({type(error).__name__})") from None


def item(name: str, args: Sequence[RawValue], source: str) -> Item:
    """A message for the inbox, readable or not."""
    try:
        return Item(name, source, read(name, args))
    except Refused as error:
        return unread(name, source, Refusal(error.code, str(error)[:LONGEST_REASON]))
    except Invalid as error:
        return unread(name, source, Refusal("invalid", str(error)[:LONGEST_REASON]))


def unread(name: object, source: str, why: Refusal) -> Item:
    """A message that nobody can read, under as much of its name as can be written down."""
    return Item(writable(str(name)[:LONGEST_NAME]), source, unreadable=why)


def refused(refusal: Refusal) -> ApplicationError:
    """The failure that the sender of an update sees."""
    detail = {"code": refusal.code, "reason": refusal.reason, "possible": list(refusal.possible)}
    return ApplicationError(refusal.reason, detail, type=REFUSED, non_retryable=True)


class _Inbound(WorkflowInboundInterceptor):
    """The last line: what slips past the handlers is put on record or refused instead of wedging the order.

    Housekeeping runs in the same workers and has no door: nobody sends it messages, and its starts are its own affair.
    """

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002  # the SDK's name
        if len(input.args) != 1 and workflow.info().workflow_type == WORKFLOW:
            reason = f"an order starts from one JSON object, not {len(input.args)} arguments"
            raise ApplicationError(reason, type="Malformed", non_retryable=True)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:  # noqa: A002  # the SDK's name
        try:
            await super().handle_signal(input)
        except Exception as error:  # noqa: BLE001  # Nothing that a sender does may wedge an order.
            unreadable = Refusal("unreadable", f"cannot be read ({type(error).__name__})")
            workflow.instance().inbox.append(unread(input.signal, "signal", unreadable))

    def handle_update_validator(self, input: HandleUpdateInput) -> None:  # noqa: A002  # the SDK's name
        try:
            super().handle_update_validator(input)
        except FailureError:
            raise
        except Exception as error:  # noqa: BLE001  # As above; the sender is told.
            raise refused(Refusal("unreadable", f"cannot be read ({type(error).__name__})")) from None


class FrontDoor(Interceptor):
    """Puts the last line before every order workflow."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002, ARG002  # the SDK's name and signature
    ) -> type[WorkflowInboundInterceptor]:
        """The inbound interceptor of each workflow; it lets those of other types pass."""
        return _Inbound
