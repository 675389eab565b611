"""Everything that a step leaves behind, in the caller's one transaction: step, snapshot, ledger, tickets, notices."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from activities.notices import outbox_rows
from activities.numbers import NUMBER
from activities.store import ledger, operations, outbox, steps, tickets
from domain import events, wire
from domain.contract import Ask, RefusalNote
from domain.events import Event
from domain.fold import apply_all
from domain.funds import Done, No, Result, entries
from domain.notices import notices, refused_message, reminders
from domain.state import MoneyOp, Order, Role, is_over
from domain.summary import summary


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a step's money operation, and the events that this brings."""

    op: MoneyOp | None
    result: Result | None
    events: tuple[Event, ...]


def record(conn: Connection, ask: Ask, settled: Settled) -> Order:
    """Write the step down and give the order after it. Raises StaleEpoch, Conflict."""
    order = apply_all(ask.order, settled.events)
    steps.record(conn, _row(ask, settled, order))
    _resolve(conn, ask, settled)
    happened = (*(events.from_plain(event) for event in ask.events), *settled.events)
    tickets.sync(conn, order.order_id, happened, ask.now)
    told = notices(ask.step, tuple(Role(role) for role in ask.tells), ask.seq, happened, order, ask.now)
    outbox.queue(conn, outbox_rows(order, ask.seq, told))
    outbox.set_reminders(conn, order.order_id, outbox_rows(order, ask.seq, reminders(order)), ask.now)
    return order


def record_refusal(conn: Connection, note: RefusalNote, order: Order | None) -> None:
    """A refused or unreadable signal stands in the story; a party of this very order is told, nobody else."""
    actor = note.actor
    steps.refused(
        conn,
        steps.RefusalRow(
            order_id=note.order_id,
            at=note.now,
            name=note.name,
            command_id=note.command_id,
            role=actor.role.value if actor else "",
            actor_id=actor.id if actor else "",
            code=note.code,
            reason=note.reason,
            source="signal",
        ),
    )
    if order is not None and actor is not None:
        own = {Role.BUYER: order.buyer, Role.SELLER: order.seller}
        if own.get(actor.role) == actor.id:
            told = refused_message(actor.role, note.name, note.command_id, note.reason, note.now)
            outbox.queue(conn, outbox_rows(order, order.seq, [told]))


def digest(ask: Ask) -> str:
    """Equal for the same step of the same run, so that performing it again is recognised."""
    return wire.digest([ask.step, ask.seq, ask.epoch, *ask.events])


def _resolve(conn: Connection, ask: Ask, settled: Settled) -> None:
    """A definite outcome resolves its operation, and money that moved is booked."""
    op, order_id = settled.op, ask.order.order_id
    if op is None or op.is_check:
        return
    match settled.result:
        case Done(ref=ref):
            operations.resolve(conn, order_id, op, "done", ref, "", ask.now)
            ledger.post(conn, order_id, op.verb, op.seq, entries(ask.order, op, settled.result), ask.now)
        case No(code=code):
            operations.resolve(conn, order_id, op, "refused", "", code, ask.now)


def _row(ask: Ask, settled: Settled, order: Order) -> steps.StepRow:
    shown, envelope = summary(order), ask.envelope
    return steps.StepRow(
        order_id=order.order_id,
        seq=ask.seq,
        epoch=ask.epoch,
        at=ask.now,
        step=ask.step,
        role=envelope.actor.role.value,
        actor_id=envelope.actor.id,
        source=ask.source,
        command_id=envelope.command_id if ask.source in {"update", "signal"} else "",
        ticket_id=envelope.ticket_id,
        before_stage=ask.before,
        after_stage=shown.stage.value,
        body={name: value for name, value in envelope.body.items() if name != NUMBER},
        events=[dict(event) for event in ask.events],
        outcome=[events.to_plain(event) for event in settled.events],
        digest=digest(ask),
        snapshot=wire.to_plain(order),
        stage=shown.stage.value,
        waiting_on=shown.waiting_on,
        due_at=shown.due,
        attention=shown.attention,
        reason=shown.reason,
        over=is_over(order),
    )
