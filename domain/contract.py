"""What the loop and its activities say to each other, as plain data both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from domain import events, wire
from domain.checkout import ID, NOT_AN_ID
from domain.errors import Invalid, Refused
from domain.fold import apply_all
from domain.process import COMMANDS
from domain.state import Actor, Order, Role

TASK_QUEUE = "orders"
WORKFLOW = "OrderWorkflow"
RECONCILIATION = "Reconciliation"
SWEEP = "Sweep"
RECURRING = "RecurringIssues"
MOST_BYTES = 64 * 1024
"""The largest message of a party; documents and photos are stored first and named by id."""


ATTEMPT = timedelta(seconds=30)
"""One attempt of an activity: short transactions and a provider call; in doubt, with a look-up before and after it."""

REFUSED = "Refused"
"""The type of the failure that answers an update with no. With any other its run has ended, and given no answer."""

FATAL = ("StaleEpoch", "Conflict")
"""Failures that no retry mends: another run of this order has written what this one wants to write."""

LONGEST_ACTOR = 200
"""Characters of the id of whoever sends a command; an operator's may be an address, which is no id of ours."""

LONGEST_NAME = 64
"""Characters of a message's name that are written down when nobody can read the message."""

LONGEST_REASON = 500
"""Characters of the reason why nobody can."""


def workflow_id(order_id: str) -> str:
    """The id of an order's workflow."""
    return f"order-{order_id}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A command on the wire: one JSON object. `signature` is needed from specialists and operators."""

    command_id: str
    actor: Actor
    body: Mapping[str, Any] = field(default_factory=dict)
    ticket_id: str = ""
    signature: str = ""


def check_outside(name: str, sizes: Sequence[int]) -> None:
    """Whether a message can hold a command, by its name and the bytes of its arguments; raises Refused or Invalid."""
    if name not in COMMANDS:
        raise Refused("unknown_command", f"{name[:LONGEST_NAME]!r} is not a command; known: {', '.join(COMMANDS)}")
    if len(sizes) != 1:
        raise Invalid("message", f"takes one JSON object, not {len(sizes)} arguments")
    check_size(sizes[0], MOST_BYTES)


def check_size(size: int, most: int) -> None:
    """Raises Invalid for an argument of more than so many bytes."""
    if size > most:
        raise Invalid("message", f"is larger than {most} bytes; store documents first and name them by id")


def expect_object(value: object) -> dict[str, Any]:
    """A message's argument as a JSON object; raises Invalid for anything else, and for what in it is no plain JSON."""
    if not isinstance(value, dict):
        raise Invalid("message", f"must be one JSON object, not {type(value).__name__}")
    wire.check_plain(value)
    return value


def read_envelope(value: object) -> Envelope:
    """The command that a message holds; raises Refused or Invalid, saying what would be right.

    Its ids are checked here, before anything is kept under them: an index takes no text of thousands of characters.
    """
    envelope = wire.from_plain(Envelope, expect_object(value))
    if not ID.fullmatch(envelope.command_id):
        raise Invalid("command_id", NOT_AN_ID)
    if len(envelope.actor.id) > LONGEST_ACTOR:
        raise Invalid("actor.id", f"is longer than {LONGEST_ACTOR} characters")
    if envelope.actor.role is Role.CLOCK:
        raise Refused("role_not_allowed", "the clock is the process itself; nobody sends in its name")
    return envelope


@dataclass(frozen=True, slots=True)
class Ask:
    """A step to perform: what was decided at `now`, by whom, and the order before (its stage) and after.

    `tried_at` is the order's time when it is asked for, which may be much later: nothing could be recorded meanwhile.
    """

    step: str
    seq: int
    epoch: int
    now: datetime
    source: str
    name: str
    envelope: Envelope
    before: str
    events: tuple[Mapping[str, Any], ...]
    order: Order
    tells: tuple[str, ...]
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What performing brought: more events for the state, or the code of a refusal that undoes the decision."""

    events: tuple[Mapping[str, Any], ...] = ()
    refused: str = ""


NOT_PERFORMED: Mapping[str, str] = {
    "address_unknown": "no address of this order is stored under this address_id; store it first",
    "bad_signature": "the command's signature is missing or wrong",
    "file_unknown": "no file that both sides may read is stored under an id that was named; store it first",
    "label_unknown": "no PDF or picture of the seller's or the platform's is stored under this label; store it first",
    "message_unknown": "no text of yours that is still to be said is stored under this message_id; store it first",
    "note_unknown": "no words of yours are stored under this note_id for this order; store them first",
    "taken_before": "a command was taken under this command_id long ago; a new command needs a new id",
}
"""Why a step that was decided is refused after all: what only its activity can know."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A checkout to admit, with the order's first `now`. `began_as`: what the run was called before any Reset."""

    checkout: Mapping[str, Any]
    now: datetime
    began_as: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The admitted order, or which field of the checkout breaks which rule.

    `stale`: a Reset began the run anew, and the order has gone on since. What is judged is known to its older runs.
    """

    order: Order | None = None
    field: str = ""
    rule: str = ""
    stale: bool = False


@dataclass(frozen=True, slots=True)
class RefusalNote:
    """A signal that was refused or could not be read, for the record. `code` and `reason` carry no personal text.

    `key` is the same whenever this very refusal is put on record again: see `refusal_key`.
    """

    order_id: str
    now: datetime
    name: str
    command_id: str
    actor: Actor | None
    code: str
    reason: str
    key: str = ""


def refusal_key(run: str, number: int | str, name: str, command_id: str) -> str:
    """What a refusal is known by: that of the signal `number` of `run`, as it was called before any Reset.

    A Reset brings the signals along in their order; when it was told to leave some out, name and command tell.
    """
    return f"{run} {number} {name} {command_id}"


_OF_THE_RUN = frozenset({"epoch", "order", "tried_at"})
"""What of a step the run that performs it brings along."""


def begun(ask: Ask, body: Mapping[str, Any]) -> dict[str, Any]:
    """A step whose money is about to move as plain data, with what of its message's `body` may be kept.

    It is kept beside the order's snapshot until it is recorded. When its run is ended from outside, the next one
    resumes that very step: the same sequence, so the same key at the provider, and the command stays taken.
    """
    kept = replace(ask, envelope=replace(ask.envelope, body=body))
    return {name: value for name, value in wire.to_plain(kept).items() if name not in _OF_THE_RUN}


def resumed(order: Order) -> Ask | None:
    """The step that an earlier run of the order had begun, for the run of this order; None when there is none.

    Raises Invalid for one that this version cannot read.
    """
    if order.under_way is None:
        return None
    plain, before = dict(order.under_way), replace(order, under_way=None)
    found = plain.get("events")
    if not isinstance(found, list):
        raise Invalid("under_way.events", "must be the events of the step")
    after = apply_all(before, [events.from_plain(event) for event in found])
    return wire.from_plain(Ask, {**plain, "epoch": order.epoch, "order": wire.to_plain(after)})
