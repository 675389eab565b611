"""All that is on record of one claim, for its screen, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from activities.store import vault
from activities.store.desk import attachments, feedback
from activities.store.desk.attachments import Attachment
from activities.store.desk.case_tables import claims
from activities.store.desk.claims import ClaimRow, read
from activities.store.desk.feedback import Feedback
from activities.store.desk.messages import bouncing, bouncing_roles
from activities.store.desk.words import Said
from activities.store.screens import TicketRow
from activities.store.tables import data_keys, notes, orders, steps, tickets
from activities.store.vault import Vault
from domain import wire
from domain.state import Actor, Cause, Role


@dataclass(frozen=True, slots=True)
class CaseStep:
    """One step of the order, with everything that happened in it, also what its money brought."""

    seq: int
    at: datetime
    step: str
    role: str
    actor_id: str
    body: dict[str, Any]
    events: tuple[dict[str, Any], ...]
    outcome: tuple[dict[str, Any], ...]

    @property
    def happened(self) -> tuple[dict[str, Any], ...]:
        """All its events, plain, each with its kind under ``event``."""
        return (*self.events, *self.outcome)


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A claim with its order's state and checkout as plain JSON, and what was written, stored and asked about it.

    `words` are the order's notes, by their ids; `steps` are all of the order's; `bounced` are the roles of those to
    whom mails bounce.
    """

    row: ClaimRow
    snapshot: dict[str, Any]
    checkout: dict[str, Any]
    updated_at: datetime
    steps: tuple[CaseStep, ...]
    tickets: tuple[TicketRow, ...]
    files: tuple[Attachment, ...]
    feedback: tuple[Feedback, ...]
    words: Mapping[str, Said] = field(repr=False)
    bounced: tuple[str, ...] = ()


def named(conn: Connection, name: str) -> tuple[ClaimRow, ...]:
    """The claim of this number, and the claims of the order of this id, the oldest first; one query."""
    mine = or_(claims.c.number == name, claims.c.order_id == name)
    rows = conn.execute(select(claims).where(mine).order_by(claims.c.opened_at, claims.c.claim_id))
    return tuple(read(row) for row in rows)


def record(conn: Connection, safe: Vault, row: ClaimRow) -> CaseRecord:
    """All about a claim, in four queries, however much it is."""
    order_id = row.order_id
    mine = tickets.c.cause == Cause.CLAIM.value, tickets.c.subject == row.claim_id
    about = conn.execute(
        select(
            orders.c.snapshot,
            orders.c.checkout,
            orders.c.updated_at,
            _all(CaseStep, steps, steps.c.seq).where(steps.c.order_id == order_id).scalar_subquery(),
            _all(TicketRow, tickets, tickets.c.opened_at)
            .where(tickets.c.order_id == order_id, *mine)
            .scalar_subquery(),
            data_keys.c.wrapped,
            *bouncing(),
        )
        .select_from(orders.outerjoin(data_keys, data_keys.c.subject == vault.order(order_id)))
        .where(orders.c.order_id == order_id)
    ).one()
    return CaseRecord(
        row,
        about[0],
        about[1],
        about[2],
        tuple(wire.from_plain(CaseStep, each) for each in about[3] or ()),
        tuple(wire.from_plain(TicketRow, each) for each in about[4] or ()),
        attachments.listed(conn, safe, order_id, desk=True),
        feedback.of_claim(conn, safe, order_id, row.claim_id),
        _words(conn, safe, order_id, about.wrapped),
        bouncing_roles(about.buyer_bounces, about.seller_bounces),
    )


def _words(conn: Connection, safe: Vault, order_id: str, wrapped: bytes | None) -> dict[str, Said]:
    found = {}
    for row in conn.execute(select(notes).where(notes.c.order_id == order_id)):
        text = safe.unseal(wrapped, vault.order(order_id), f"notes:{row.note_id}", row.sealed)
        if text is not None:
            found[row.note_id] = Said(Actor(Role(row.author_role), row.author_id), text.decode())
    return found


def _all(kind: type[Any], table: Any, by: Any) -> Any:
    """The rows of a table as one JSON list, so that several lists come in one round trip."""
    pairs: list[Any] = []
    for name in kind.__dataclass_fields__:
        pairs += [literal_column(f"'{name}'"), table.c[name]]
    return select(func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*pairs), by)))
