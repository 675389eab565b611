"""The tables of the claims desk; `activities.store.tables` has the others."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.tables import metadata


def _text(name: str, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


claims = Table(
    "claims",
    metadata,
    Column("order_id", ForeignKey("orders.order_id"), nullable=False),
    _text("claim_id"),
    _text("number"),
    _text("marketplace"),
    _text("buyer"),
    _text("seller"),
    _text("reason"),
    _text("wish"),
    Column("lines", JSONB, nullable=False),
    Column("carriers", JSONB, nullable=False),
    _text("status"),
    _text("owner", ""),
    _time("opened_at"),
    _time("since"),
    _time("due_at", nullable=True),
    _time("answered_at", nullable=True),
    _time("escalated_at", nullable=True),
    _time("upstream_at", nullable=True),
    _time("ended_at", nullable=True),
    _text("verdict", ""),
    Column("amount_minor", BigInteger, nullable=False),
    Column("awarded_minor", BigInteger, nullable=False),
    _text("currency"),
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
    _text("order_id"),
    _text("claim_id"),
    _text("role"),
    _text("person_id"),
    _time("at"),
    Column("score", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("order_id", "claim_id", "role"),
    ForeignKeyConstraint(["order_id", "claim_id"], ["claims.order_id", "claims.claim_id"]),
)

recurring = Table(
    "recurring",
    metadata,
    _text("marketplace"),
    _text("kind"),
    _text("subject"),
    Column("ticket_id", ForeignKey("tickets.ticket_id"), nullable=False),
    Column("times", Integer, nullable=False, server_default=text("1")),
    Column("claims", JSONB, nullable=False),
    _time("since"),
    _time("opened_at"),
    _time("seen_at"),
    PrimaryKeyConstraint("marketplace", "kind", "subject"),
)
Index("recurring_ticket", recurring.c.ticket_id, unique=True)
