"""What was written with steps of claims, as lines of the order's thread: read from the steps, and stored nowhere else.

Only what both sides of a claim may read: what the desk gives as a reason of other steps is for the desk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    ScalarSelect,
    Select,
    and_,
    cast,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store import vault
from activities.store.tables import data_keys, notes, steps
from activities.store.vault import Vault
from domain.claim import NAMES
from domain.state import DESK, Actor, Role

CLAIM = "claim"
"""The kind of a line that was written with a step of a claim."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wrote with a step of a claim."""

    author: Actor
    text: str = field(repr=False)


def _path(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'::jsonpath")


def _named(path: str) -> ColumnElement[str]:
    """The first text that a path finds among a step's events."""
    return func.jsonb_path_query_first(steps.c.events, _path(path)).op("#>>")(literal_column("'{}'"))


_STEPS = tuple(sorted(NAMES - {"assign_claim"}))
_note_id = _named("""$[*] ? (@.event == "Noted").note_id""")
_claim_id = func.coalesce(_named("$[*].claim_id"), _named("$[*].claim.claim_id"))
_written = and_(notes.c.order_id == steps.c.order_id, notes.c.note_id == _note_id)
_by_its_author = and_(notes.c.author_role == steps.c.role, notes.c.author_id == steps.c.actor_id)
# A step that a second operator approved is theirs; its words are those of whoever asked for it.
_approved = and_(
    steps.c.events.contains([{"event": "ApprovalEnded", "how": "approved"}]),
    notes.c.author_role.in_(tuple(sorted(role.value for role in DESK))),
)
_open = and_(steps.c.step.in_(_STEPS), or_(_by_its_author, _approved))
_joined = steps.join(notes, _written)


COLUMNS = (
    "message_id", "kind", "author_role", "author_id", "at", "seq", "internal", "attachments", "parcel_id", "sealed",
)  # fmt: skip
"""What a line has in common with a row of messages, in the order of `lines`."""


def lines(order_id: str) -> Select[Any]:
    """The lines of an order: `COLUMNS`, no number, and the claim."""
    return (
        select(
            notes.c.note_id.label("message_id"),
            literal(CLAIM).label("kind"),
            notes.c.author_role,
            notes.c.author_id,
            steps.c.at,
            steps.c.seq,
            false().label("internal"),
            func.coalesce(steps.c.body["evidence"], cast([], JSONB)).label("attachments"),
            literal("").label("parcel_id"),
            notes.c.sealed,
            cast(null(), LargeBinary).label("number"),
            _claim_id.label("claim_id"),
        )
        .select_from(_joined)
        .where(steps.c.order_id == order_id, _open)
    )


def author(conn: Connection, order_id: str, seq: int) -> Actor | None:
    """Who wrote what was said with this step of a claim; None when nothing was."""
    query = select(notes.c.author_role, notes.c.author_id).select_from(_joined)
    row = conn.execute(query.where(steps.c.order_id == order_id, steps.c.seq == seq, _open)).one_or_none()
    return None if row is None else Actor(Role(row.author_role), row.author_id)


def said(conn: Connection, safe: Vault, order_id: str, seq: int) -> Said | None:
    """What was said with this step of a claim, for both sides; None when nothing was, or the order was erased."""
    key = data_keys.c.subject == vault.order(order_id)
    query = select(notes, data_keys.c.wrapped).select_from(_joined.outerjoin(data_keys, key))
    row = conn.execute(query.where(steps.c.order_id == order_id, steps.c.seq == seq, _open)).one_or_none()
    if row is None:
        return None
    text = safe.unseal(row.wrapped, vault.order(order_id), f"notes:{row.note_id}", row.sealed)
    return None if text is None else Said(Actor(Role(row.author_role), row.author_id), text.decode())


def steps_by_note(conn: Connection, order_id: str) -> dict[tuple[str, Actor], str]:
    """The names of the steps whose words both sides may read, by the note's id and its author."""
    columns = notes.c.note_id, notes.c.author_role, notes.c.author_id, steps.c.step
    rows = conn.execute(select(*columns).select_from(_joined).where(steps.c.order_id == order_id, _open))
    return {(row.note_id, Actor(Role(row.author_role), row.author_id)): row.step for row in rows}


def of_others(
    what: ColumnElement[int], order_id: ColumnElement[str], after: ColumnElement[int], reader: Actor
) -> ScalarSelect[int]:
    """`what` over the lines of others after a sequence."""
    mine = and_(notes.c.author_role == reader.role.value, notes.c.author_id == reader.id)
    found = select(what).select_from(_joined).where(steps.c.order_id == order_id, steps.c.seq > after, _open, ~mine)
    return found.scalar_subquery()
