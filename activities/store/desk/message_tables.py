"""The tables of messages, of who has read how far, and of addresses that bounce, beside those of `tables`."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.columns import metadata

messages = Table(
    "messages",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default="text"),
    Column("author_role", Text, nullable=False),
    Column("author_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("seq", Integer),
    Column("internal", Boolean, nullable=False, server_default=text("false")),
    Column("attachments", JSONB, nullable=False, server_default=text("'[]'")),
    Column("parcel_id", Text, nullable=False, server_default=""),
    Column("sealed", LargeBinary),
    PrimaryKeyConstraint("order_id", "message_id"),
)
Index("messages_said", messages.c.order_id, messages.c.seq, unique=True, postgresql_where=messages.c.seq.is_not(None))

message_reads = Table(
    "message_reads",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("reader_role", Text, nullable=False),
    Column("reader_id", Text, nullable=False),
    Column("up_to_seq", Integer, nullable=False, server_default=text("0")),
    Column("at", DateTime(timezone=True)),
    Column("last_seq", Integer, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("unread", Boolean, Computed("last_seq > up_to_seq", persisted=True), nullable=False),
    PrimaryKeyConstraint("order_id", "reader_role", "reader_id"),
)
Index(
    "message_reads_inbox",
    *(message_reads.c[name] for name in ("reader_role", "reader_id", "unread", "last_at", "order_id")),
)

bounces = Table(
    "bounces",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("person_id", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("code", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    PrimaryKeyConstraint("order_id", "person_id"),
)
