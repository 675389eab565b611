"""The story of an order: one row per step taken, and the order's row as the last step left it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from activities.store.tables import orders, refusals, steps
from domain.errors import Conflict, StaleEpoch, writable
from domain.state import Actor, Role

LONGEST_TEXT = 500
"""How much of a text in a refused message is kept; nobody has checked such texts."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as it is written down, with the order's new state and what lists show of it.

    `at` is the order's own time, `source` is ``update``, ``signal``, ``clock`` or ``start``; `body`, `events`,
    `outcome` and `snapshot` are plain JSON. `stage` to `over` go to the order's row; `due_at` may be None only when it
    is over.
    """

    order_id: str
    seq: int
    epoch: int
    at: datetime
    step: str
    role: str
    actor_id: str
    source: str
    command_id: str
    ticket_id: str
    before_stage: str
    after_stage: str
    body: dict[str, Any]
    events: list[dict[str, Any]]
    outcome: list[dict[str, Any]]
    digest: str
    snapshot: dict[str, Any]
    stage: str
    waiting_on: str
    due_at: datetime | None
    attention: bool
    reason: str
    over: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of a step that was taken: by which run, of what contents, and what came of it."""

    epoch: int
    digest: str
    outcome: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A signal that was refused, or a message that nobody could read. `at` is the order's own time."""

    order_id: str
    at: datetime
    name: str
    command_id: str
    role: str
    actor_id: str
    code: str
    reason: str
    source: str
    key: str


def recorded(conn: Connection, order_id: str, seq: int) -> Recorded | None:
    """The step `seq` of the order if it was taken."""
    query = select(steps.c.epoch, steps.c.digest, steps.c.outcome)
    row = conn.execute(query.where(steps.c.order_id == order_id, steps.c.seq == seq)).one_or_none()
    return None if row is None else Recorded(row.epoch, row.digest, row.outcome)


def is_taken(conn: Connection, order_id: str, command_id: str, before: int) -> bool:
    """Whether the command took a step of the order, one before the step `before`."""
    here = (steps.c.order_id == order_id, steps.c.command_id == command_id, steps.c.seq < before)
    return conn.scalar(select(steps.c.seq).where(*here)) is not None


def taken(conn: Connection, order_id: str, command_id: str) -> tuple[Actor, dict[str, Any]] | None:
    """Who sent a command that took a step of the order, and what of its body was written down; None for no step."""
    row = conn.execute(
        select(steps.c.role, steps.c.actor_id, steps.c.body).where(
            steps.c.order_id == order_id, steps.c.command_id == command_id
        )
    ).one_or_none()
    return None if row is None else (Actor(Role(row.role), row.actor_id), row.body)


def said(conn: Connection, keys: Sequence[str]) -> set[str]:
    """Those of the refusals, by their keys, that are on record."""
    return set(conn.scalars(select(refusals.c.key).where(refusals.c.key.in_(keys))))


_RECORD = text(
    """
    WITH moved AS (
        UPDATE orders
        SET seq = :seq, status = CASE WHEN :over THEN 'over' ELSE 'open' END, stage = :stage, waiting_on = :waiting_on,
            due_at = :due_at, attention = :attention, reason = :reason, snapshot = :snapshot, under_way = NULL,
            placed_at = coalesce(placed_at, :at), updated_at = :at
        WHERE order_id = :order_id AND epoch = :epoch AND seq = :seq - 1 AND status <> 'refused'
            AND (under_way IS NULL OR under_way -> 'events' = :events)
        RETURNING order_id
    )
    INSERT INTO steps (
        order_id, seq, epoch, at, step, role, actor_id, source, command_id, ticket_id, before_stage, after_stage, body,
        events, outcome, digest
    )
    SELECT
        order_id, :seq, :epoch, :at, :step, :role, :actor_id, :source, :command_id, :ticket_id, :before_stage,
        :after_stage, :body, :events, :outcome, :digest
    FROM moved
    """
).bindparams(
    *(bindparam(name, type_=steps.c[name].type) for name in ("seq", "epoch", "at", "body", "events", "outcome")),
    *(bindparam(name, type_=orders.c[name].type) for name in ("due_at", "attention", "snapshot")),
    bindparam("over", type_=orders.c.attention.type),
)
"""The order's row moves if this run may move it, and only then is the step inserted; in one round trip."""

_BEGIN = text(
    """
    UPDATE orders SET under_way = :step
    WHERE order_id = :order_id AND epoch = :epoch AND seq = :seq - 1
        AND (under_way IS NULL OR under_way -> 'events' = :events)
    """
).bindparams(
    bindparam("step", type_=orders.c.under_way.type),
    *(bindparam(name, type_=steps.c[name].type) for name in ("seq", "epoch", "events")),
)


def begin(conn: Connection, order_id: str, seq: int, epoch: int, step: Mapping[str, Any]) -> None:
    """Keep a step, as plain JSON with its ``events``, before its money moves; recording it ends that.

    Beginning the same step again changes nothing. Raises StaleEpoch when the order stands at another epoch or sequence,
    or another step was begun.
    """
    asked = {"order_id": order_id, "seq": seq, "epoch": epoch, "step": dict(step), "events": step["events"]}
    if conn.execute(_BEGIN, asked).rowcount != 1:
        raise StaleEpoch(f"order {order_id} does not stand before step {seq} of epoch {epoch}")


def is_begun(conn: Connection, order_id: str) -> bool:
    """Whether a step of the order was begun and is not recorded yet."""
    return bool(conn.scalar(select(orders.c.under_way.is_not(None)).where(orders.c.order_id == order_id)))


def record(conn: Connection, row: StepRow) -> None:
    """Write the step down and move the order's row, or neither.

    Raises StaleEpoch when the order stands at another epoch or sequence or has begun another step, Conflict when the
    command took a step before.
    """
    try:
        taken = conn.execute(_RECORD, {field.name: getattr(row, field.name) for field in fields(row)}).rowcount
    except IntegrityError as error:
        if constraint_of(error) != "steps_command":
            raise
        raise Conflict(f"command {row.command_id} took a step of order {row.order_id} before") from None
    if taken != 1:
        raise StaleEpoch(f"order {row.order_id} does not stand before step {row.seq} of epoch {row.epoch}")


def refused(conn: Connection, row: RefusalRow) -> bool:
    """Keep a refused signal or an unreadable message; False when it was kept before, by its key.

    Never fails for its contents; long texts are cut.
    """
    texts = ("order_id", "name", "command_id", "role", "actor_id", "code", "reason", "source", "key")
    kept = {name: writable(getattr(row, name))[:LONGEST_TEXT] for name in texts}
    new = insert(refusals).on_conflict_do_nothing().returning(refusals.c.id)
    return conn.scalar(new, {**kept, "at": row.at}) is not None


def refusals_of(conn: Connection, order_id: str, command_id: str) -> tuple[str, ...]:
    """Why the signals of a command were refused, oldest first."""
    here = (refusals.c.order_id == order_id, refusals.c.command_id == command_id)
    return tuple(conn.scalars(select(refusals.c.reason).where(*here).order_by(refusals.c.id)))


def constraint_of(error: IntegrityError) -> str:
    """The name of the constraint that a statement broke, "" when PostgreSQL named none."""
    diagnostics = getattr(error.orig, "diag", None)
    return str(getattr(diagnostics, "constraint_name", None) or "")
