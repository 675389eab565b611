"""What was written with steps of claims, as lines of the order's thread: read from the steps, and stored nowhere else.

Only what both sides of a claim may read: what the desk gives as a reason of other steps is for the desk.
"""

from __future__ import annotations

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

from activities.store.tables import notes, steps
from domain.claim import NAMES
from domain.state import Actor, Role

CLAIM = "claim"
"""The kind of a line that was written with a step of a claim."""


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
_approved = steps.c.events.contains([{"event": "ApprovalEnded"}])
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


def of_others(
    what: ColumnElement[int], order_id: ColumnElement[str], after: ColumnElement[int], reader: Actor
) -> ScalarSelect[int]:
    """`what` over the lines of others after a sequence."""
    mine = and_(notes.c.author_role == reader.role.value, notes.c.author_id == reader.id)
    found = select(what).select_from(_joined).where(steps.c.order_id == order_id, steps.c.seq > after, _open, ~mine)
    return found.scalar_subquery()
