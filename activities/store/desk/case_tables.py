"""The tables of the claims desk; `activities.store.tables` has the others."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.columns import metadata, order_column, text_column, time_column

claims = Table(
    "claims",
    metadata,
    order_column(),
    text_column("claim_id"),
    text_column("number"),
    text_column("marketplace"),
    text_column("buyer"),
    text_column("seller"),
    text_column("reason"),
    text_column("wish"),
    Column("lines", JSONB, nullable=False),
    Column("carriers", JSONB, nullable=False),
    text_column("status"),
    text_column("owner", ""),
    time_column("opened_at"),
    time_column("since"),
    time_column("due_at", nullable=True),
    time_column("answered_at", nullable=True),
    time_column("escalated_at", nullable=True),
    time_column("upstream_at", nullable=True),
    time_column("ended_at", nullable=True),
    text_column("verdict", ""),
    Column("amount_minor", BigInteger, nullable=False),
    Column("awarded_minor", BigInteger, nullable=False),
    text_column("currency"),
    Column("instructed", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("order_id", "claim_id"),
)
Index("claims_number", claims.c.number, unique=True)
Index("claims_open", claims.c.due_at, claims.c.number, postgresql_where=claims.c.ended_at.is_(None))
Index("claims_owner", claims.c.owner, claims.c.due_at, claims.c.number, postgresql_where=claims.c.ended_at.is_(None))
Index("claims_opened", claims.c.opened_at, claims.c.number)
Index("claims_seller", claims.c.seller, claims.c.opened_at)
Index("claims_buyer", claims.c.buyer, claims.c.opened_at)
Index("claims_status", claims.c.status, claims.c.due_at, claims.c.number)
Index("claims_due", claims.c.due_at, claims.c.number)
Index("claims_recent", claims.c.marketplace, claims.c.opened_at)

feedback = Table(
    "feedback",
    metadata,
    text_column("order_id"),
    text_column("claim_id"),
    text_column("role"),
    text_column("person_id"),
    time_column("at"),
    Column("score", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("order_id", "claim_id", "role"),
    ForeignKeyConstraint(["order_id", "claim_id"], ["claims.order_id", "claims.claim_id"]),
)

recurring = Table(
    "recurring",
    metadata,
    text_column("marketplace"),
    text_column("kind"),
    text_column("subject"),
    Column("ticket_id", ForeignKey("tickets.ticket_id"), nullable=False),
    Column("times", Integer, nullable=False, server_default=text("1")),
    Column("claims", JSONB, nullable=False),
    Column("before", JSONB, nullable=False, server_default=text("'[]'")),
    time_column("since"),
    time_column("opened_at"),
    time_column("seen_at"),
    PrimaryKeyConstraint("marketplace", "kind", "subject"),
)
Index("recurring_ticket", recurring.c.ticket_id, unique=True)
