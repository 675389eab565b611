"""What the loop and its activities say to each other, as plain data both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.state import Actor, Order

TASK_QUEUE = "orders"
WORKFLOW = "OrderWorkflow"
RECONCILIATION = "Reconciliation"
SWEEP = "Sweep"
MOST_BYTES = 64 * 1024
"""The largest message of a party; documents and photos are stored first and named by id."""


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


@dataclass(frozen=True, slots=True)
class Ask:
    """A step to perform: what was decided, by whom, and the order before (its stage) and after."""

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


@dataclass(frozen=True, slots=True)
class Answer:
    """What performing brought: more events for the state, or a refusal that undoes the decision (a bad signature)."""

    events: tuple[Mapping[str, Any], ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Admission:
    """A checkout to admit, with the order's first `now`."""

    checkout: Mapping[str, Any]
    now: datetime


@dataclass(frozen=True, slots=True)
class Admitted:
    """The admitted order, or which field of the checkout breaks which rule."""

    order: Order | None = None
    field: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class RefusalNote:
    """A signal that was refused or could not be read, for the record. `code` and `reason` carry no personal text."""

    order_id: str
    now: datetime
    name: str
    command_id: str
    actor: Actor | None
    code: str
    reason: str
