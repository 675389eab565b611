"""What the sides of a claim thought of its handling, once each, their words sealed with the order's key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import vault
from activities.store.desk.case_tables import feedback
from activities.store.outbox import REQUEST
from activities.store.tables import data_keys, outbox, unsent
from activities.store.vault import Vault
from domain.state import Actor


@dataclass(frozen=True, slots=True)
class Feedback:
    """One side's verdict on the handling: 1 is bad, 5 is good. `comment` is "" where nothing was written, or erased."""

    role: str
    person_id: str
    at: datetime
    score: int
    comment: str = field(default="", repr=False)


def put(
    conn: Connection, safe: Vault, order_id: str, claim_id: str, by: Actor, at: datetime, score: int, comment: str
) -> None:
    """Keep what a side says of a claim; what it said before is replaced, and nobody asks it any more."""
    said = {
        "person_id": by.id,
        "at": at,
        "score": score,
        "sealed": safe.seal(
            conn, vault.order(order_id), place(order_id, claim_id, by.role.value), comment.encode(errors="replace")
        ),
    }
    new = insert(feedback).values(order_id=order_id, claim_id=claim_id, role=by.role.value, **said)
    conn.execute(new.on_conflict_do_update(index_elements=["order_id", "claim_id", "role"], set_=said))
    asked = (
        outbox.c.order_id == order_id,
        outbox.c.template == REQUEST,
        outbox.c.context["claim_id"].astext == claim_id,
        outbox.c.recipient_role == by.role.value,
    )
    conn.execute(update(outbox).where(unsent, *asked).values(dropped_at=at))


def of_claim(conn: Connection, safe: Vault, order_id: str, claim_id: str) -> tuple[Feedback, ...]:
    """What was said of a claim, the buyer's first; one query."""
    subject = vault.order(order_id)
    query = (
        select(feedback, data_keys.c.wrapped)
        .select_from(feedback.outerjoin(data_keys, data_keys.c.subject == subject))
        .where(feedback.c.order_id == order_id, feedback.c.claim_id == claim_id)
        .order_by(feedback.c.role)
    )
    return tuple(_read(safe, row) for row in conn.execute(query))


def _read(safe: Vault, row: Row[tuple[object, ...]]) -> Feedback:
    where = place(row.order_id, row.claim_id, row.role)
    said = safe.unseal(row.wrapped, vault.order(row.order_id), where, row.sealed)
    return Feedback(row.role, row.person_id, row.at, row.score, "" if said is None else said.decode())


def place(order_id: str, claim_id: str, role: str) -> str:
    """Where a side's words are sealed."""
    return f"feedback:{order_id}:{claim_id}:{role}"
