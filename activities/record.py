"""Everything that a step leaves behind, in the caller's one transaction: step, snapshot, ledger, tickets, notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from activities.booking import book
from activities.notices import outbox_rows
from activities.numbers import NUMBER, keep_number
from activities.store import outbox, steps
from activities.store.desk.following import check_words, follow
from activities.store.vault import Vault
from domain import events, wire
from domain.contract import Ask, RefusalNote, begun
from domain.fold import apply_all
from domain.funds import Settled
from domain.notices import notices, refused_message, reminders
from domain.state import Order, Role, is_over
from domain.summary import summary


def record(conn: Connection, ask: Ask, settled: Settled) -> Order:
    """Write the step down and give the order after it. Raises StaleEpoch, Conflict, Refused for an unknown text.

    The words of a step whose money has moved were looked at before it moved; those of a step that was recorded before,
    and is told so, may have been erased since.
    """
    order = apply_all(ask.order, settled.events)
    steps.record(conn, _row(ask, settled, order))
    if settled.op is None:
        check_words(conn, ask)
    happened = (*(events.from_plain(event) for event in ask.events), *settled.events)
    book(conn, ask, settled, happened)
    follow(conn, ask, order, happened)
    told = notices(ask.step, tuple(Role(role) for role in ask.tells), ask.seq, happened, order, ask.now)
    outbox.queue(conn, outbox_rows(order, ask.seq, told))
    outbox.set_reminders(conn, order.order_id, outbox_rows(order, ask.seq, reminders(order)), ask.now)
    return order


def record_refusal(conn: Connection, note: RefusalNote, order: Order | None) -> None:
    """A refused or unreadable signal stands in the story, once; a party of this very order is told, nobody else."""
    actor = note.actor
    is_new = steps.refused(
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
            key=note.key,
        ),
    )
    if is_new and order is not None and actor is not None:
        own = {Role.BUYER: order.buyer, Role.SELLER: order.seller}
        if own.get(actor.role) == actor.id:
            told = refused_message(actor.role, note.name, note.command_id, note.code, note.reason, note.now)
            outbox.queue(conn, outbox_rows(order, order.seq, [told]))


def begin(conn: Connection, safe: Vault, ask: Ask) -> None:
    """Keep a step whose money is about to move; a number that came with it goes to the vault.

    Raises StaleEpoch, and Refused for unknown words; a step that was begun before may have moved it, and goes on.
    """
    unseen = bool(ask.envelope.body.get("note_id")) and not steps.is_begun(conn, ask.order.order_id)
    keep_number(conn, safe, ask)
    steps.begin(conn, ask.order.order_id, ask.seq, ask.epoch, begun(ask, kept_of(ask.envelope.body)))
    if unseen:
        check_words(conn, ask)


def digest(ask: Ask) -> str:
    """Equal for the same step of the same run, so that performing it again is recognised."""
    return wire.digest([ask.step, ask.seq, ask.epoch, *ask.events])


def kept_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of a message may be kept in plain."""
    return {name: value for name, value in body.items() if name != NUMBER}


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
        body=kept_of(envelope.body),
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
