"""Files of an order, sealed by the vault: evidence of claims, attachments of messages. Commands carry their ids alone.

What may be stored is judged before (`activities.files`); here stands what was accepted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert

from activities.files.kinds import FileKind
from activities.store import vault
from activities.store.tables import attachments, data_keys
from activities.store.vault import Vault
from domain.errors import Conflict, Refused
from domain.state import Actor, Role

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('attachments:' || :order_id, 0))")


class Visibility(StrEnum):
    """Who of an order may read a file: both parties and the desk, or the desk alone."""

    PARTIES = "parties"
    DESK = "desk"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file without its content. `size` is in bytes as stored, `name` is for display only."""

    attachment_id: str
    order_id: str
    author: Actor
    at: datetime
    kind: FileKind
    size: int
    visibility: Visibility
    name: str = field(repr=False)


_LISTED = tuple(column for column in attachments.c if column.name != "sealed")
_FROM = attachments.outerjoin(data_keys, data_keys.c.subject == bindparam("subject"))
_OF_ORDER = (
    select(*_LISTED, data_keys.c.wrapped)
    .select_from(_FROM)
    .where(attachments.c.order_id == bindparam("order_id"))
    .order_by(attachments.c.at, attachments.c.attachment_id)
)
_ONE = (
    select(*_LISTED, data_keys.c.wrapped)
    .select_from(_FROM)
    .where(attachments.c.attachment_id == bindparam("attachment_id"))
)
_WHOLE = (
    select(attachments, data_keys.c.wrapped)
    .select_from(_FROM)
    .where(attachments.c.order_id == bindparam("order_id"), attachments.c.attachment_id == bindparam("attachment_id"))
)


def put(conn: Connection, safe: Vault, file: Attachment, content: bytes, fingerprint: bytes, most: int) -> Attachment:
    """Store a file once, and give it as it stands. `fingerprint` is the vault's, of the bytes as they were given.

    Raises Conflict when the id has another content, order, author or visibility, Refused when its author's side of the
    order has `most`: no side can leave the others without room.
    """
    conn.execute(_LOCK, {"order_id": file.order_id})
    stored = _stored(conn, safe, file, fingerprint)
    if stored is not None:
        return stored
    role = file.author.role
    theirs = (attachments.c.order_id == file.order_id, attachments.c.author_role == role.value)
    count = conn.scalar(select(func.count()).where(*theirs)) or 0
    if count >= most:
        whose = f"order {file.order_id} has {count} files of its {role}"
        raise Refused("too_many_files", f"{whose}, and no more than {most} are taken")
    subject, place = vault.order(file.order_id), f"attachments:{file.attachment_id}"
    values = {
        "attachment_id": file.attachment_id,
        "order_id": file.order_id,
        "author_role": file.author.role.value,
        "author_id": file.author.id,
        "at": file.at,
        "kind": file.kind.value,
        "size": file.size,
        "visibility": file.visibility.value,
        "fingerprint": fingerprint,
        "name": safe.seal(conn, subject, f"{place}:name", file.name.encode(errors="replace")),
        "sealed": safe.seal(conn, subject, place, content),
    }
    new = insert(attachments).values(values).on_conflict_do_nothing().returning(attachments.c.attachment_id)
    if conn.execute(new).one_or_none() is None:  # Another order took the id at the same moment.
        raise _taken(file)
    return file


def listed(conn: Connection, safe: Vault, order_id: str, *, desk: bool) -> tuple[Attachment, ...]:
    """The order's files without their contents, oldest first; `desk` tells whether those of the desk are among them.

    None when the order was erased.
    """
    rows = conn.execute(_OF_ORDER, {"order_id": order_id, "subject": vault.order(order_id)})
    found = (_attachment(safe, row) for row in rows if desk or row.visibility == Visibility.PARTIES)
    return tuple(file for file in found if file is not None)


def get(conn: Connection, safe: Vault, order_id: str, attachment_id: str) -> tuple[Attachment, bytes] | None:
    """A file with its content; None when the order has none of that id, or was erased."""
    subject = vault.order(order_id)
    asked = {"order_id": order_id, "attachment_id": attachment_id, "subject": subject}
    row = conn.execute(_WHOLE, asked).one_or_none()
    file = None if row is None else _attachment(safe, row)
    if row is None or file is None:
        return None
    content = safe.unseal(row.wrapped, subject, f"attachments:{attachment_id}", row.sealed)
    return None if content is None else (file, content)


def missing(conn: Connection, order_id: str, attachment_ids: Iterable[str], *, desk: bool) -> tuple[str, ...]:
    """Which of the ids name no file of the order that its parties, or with `desk` its desk, may read; as given."""
    query = select(attachments.c.attachment_id, attachments.c.visibility).where(attachments.c.order_id == order_id)
    wanted = tuple(dict.fromkeys(attachment_ids))
    rows = conn.execute(query.where(attachments.c.attachment_id.in_(wanted)))
    there = {row.attachment_id for row in rows if desk or row.visibility == Visibility.PARTIES}
    return tuple(each for each in wanted if each not in there)


def is_label(conn: Connection, order_id: str, attachment_id: str) -> bool:
    """Whether it names a document or a picture of the order that both parties may read, and that is not the buyer's."""
    query = select(attachments.c.attachment_id).where(
        attachments.c.order_id == order_id,
        attachments.c.attachment_id == attachment_id,
        attachments.c.visibility == Visibility.PARTIES.value,
        attachments.c.author_role != Role.BUYER.value,
        attachments.c.kind != FileKind.TEXT.value,
    )
    return conn.execute(query).one_or_none() is not None


def _stored(conn: Connection, safe: Vault, file: Attachment, fingerprint: bytes) -> Attachment | None:
    """What has the file's id already, with its first name and time; raises Conflict when that is another file."""
    asked = {"attachment_id": file.attachment_id, "subject": vault.order(file.order_id)}
    row = conn.execute(_ONE, asked).one_or_none()
    if row is None:
        return None
    stored = (row.order_id, row.author_role, row.author_id, row.visibility, bytes(row.fingerprint))
    if stored != (file.order_id, file.author.role.value, file.author.id, file.visibility.value, fingerprint):
        raise _taken(file)
    return _attachment(safe, row)


def _taken(file: Attachment) -> Conflict:
    return Conflict(f"file {file.attachment_id} exists with other contents")


def _attachment(safe: Vault, row: Row[*tuple[Any, ...]]) -> Attachment | None:
    place = f"attachments:{row.attachment_id}:name"
    name = safe.unseal(row.wrapped, vault.order(row.order_id), place, row.name)
    if name is None:
        return None
    author = Actor(Role(row.author_role), row.author_id)
    kind, visibility = FileKind(row.kind), Visibility(row.visibility)
    return Attachment(row.attachment_id, row.order_id, author, row.at, kind, row.size, visibility, name.decode())
