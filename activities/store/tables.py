"""The tables as SQLAlchemy sees them. The migrations make them; a test holds the two together.

Triggers, privileges and the reasons for them stand in the migrations.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _id(name: str = "id") -> Column[int]:
    return Column(name, BigInteger, Identity(always=True), primary_key=True)


def _text(name: str, default: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _order_id() -> Column[str]:
    return Column("order_id", ForeignKey("orders.order_id"), nullable=False)


orders = Table(
    "orders",
    metadata,
    Column("order_id", Text, primary_key=True),
    _text("checkout_id"),
    _text("marketplace"),
    _text("content_hash"),
    _text("status"),
    Column("refusal", JSONB(none_as_null=True)),
    _text("stage", ""),
    _text("waiting_on", ""),
    _time("due_at", nullable=True),
    Column("attention", Boolean, nullable=False, server_default=text("false")),
    _text("reason", ""),
    _text("buyer"),
    _text("seller"),
    Column("total_minor", BigInteger, nullable=False),
    _text("currency"),
    _time("placed_at", nullable=True),
    _time("updated_at", nullable=True),
    Column("seq", Integer, nullable=False, server_default=text("0")),
    Column("epoch", Integer, nullable=False, server_default=text("1")),
    Column("snapshot", JSONB(none_as_null=True)),
    Column("checkout", JSONB, nullable=False),
    Column("payment_ref", Text),
    Column("claimed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("under_way", JSONB(none_as_null=True)),
    Column("personal_mark", LargeBinary),
)
Index("orders_waiting", orders.c.waiting_on, orders.c.due_at, postgresql_where=orders.c.status == "open")
Index("orders_open", orders.c.due_at, orders.c.order_id, postgresql_where=orders.c.status == "open")
Index("orders_buyer", orders.c.buyer)
Index("orders_seller", orders.c.seller)
Index("orders_account", text("(snapshot #>> '{account,ref}'::text[])"), _table=orders)
Index("orders_payment", orders.c.payment_ref, unique=True, postgresql_where=orders.c.payment_ref.is_not(None))

steps = Table(
    "steps",
    metadata,
    _order_id(),
    Column("seq", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    _time("at"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    _text("step"),
    _text("role"),
    _text("actor_id"),
    _text("source"),
    _text("command_id"),
    _text("ticket_id"),
    _text("before_stage"),
    _text("after_stage"),
    Column("body", JSONB, nullable=False),
    Column("events", JSONB, nullable=False),
    Column("outcome", JSONB, nullable=False),
    _text("digest"),
    PrimaryKeyConstraint("order_id", "seq"),
)
Index("steps_command", steps.c.order_id, steps.c.command_id, unique=True, postgresql_where=steps.c.command_id != "")

refusals = Table(
    "refusals",
    metadata,
    _id(),
    _text("order_id"),
    _time("at"),
    _text("name"),
    _text("command_id"),
    _text("role"),
    _text("actor_id"),
    _text("code"),
    _text("reason"),
    _text("source"),
    Index("refusals_order", "order_id", "id"),
)

operations = Table(
    "operations",
    metadata,
    _order_id(),
    _text("verb"),
    Column("seq", Integer, nullable=False),
    _text("key"),
    Column("amount_minor", BigInteger, nullable=False),
    _text("currency"),
    Column("slices", JSONB, nullable=False),
    _text("subject"),
    _text("digest"),
    _text("state", "pending"),
    Column("done_minor", BigInteger),
    _text("ref", ""),
    _text("code", ""),
    _time("asked_at"),
    _time("first_sent_at"),
    _time("sent_at"),
    _time("resolved_at", nullable=True),
    PrimaryKeyConstraint("order_id", "verb", "seq"),
    UniqueConstraint("key", name="operations_key"),
)
Index("operations_ref", operations.c.ref, postgresql_where=operations.c.ref != "")

Index("operations_collecting", operations.c.order_id, postgresql_where=operations.c.state == "pending")

nettings = Table(
    "nettings",
    metadata,
    _order_id(),
    Column("seq", Integer, nullable=False),
    Column("debtor", ForeignKey("orders.order_id"), nullable=False),
    _text("seller"),
    Column("amount_minor", BigInteger, nullable=False),
    _text("currency"),
    _text("state", "pending"),
    PrimaryKeyConstraint("order_id", "seq", "debtor"),
)
Index("nettings_pending", nettings.c.seller, postgresql_where=nettings.c.state == "pending")

ledger_transactions = Table(
    "ledger_transactions",
    metadata,
    _id(),
    _order_id(),
    _text("verb"),
    Column("seq", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    _time("at"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("corrects", ForeignKey("ledger_transactions.id")),
    UniqueConstraint("order_id", "verb", "seq", name="ledger_transactions_once"),
)
Index(
    "ledger_transactions_corrects",
    ledger_transactions.c.corrects,
    postgresql_where=ledger_transactions.c.corrects.is_not(None),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    _id(),
    Column("transaction_id", ForeignKey("ledger_transactions.id"), nullable=False),
    Column("account", Text(collation="C"), nullable=False),
    _text("side"),
    Column("amount_minor", BigInteger, nullable=False),
    _text("currency"),
    Index("ledger_entries_transaction", "transaction_id"),
    Index("ledger_entries_account", "account", "currency"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("order_id", ForeignKey("orders.order_id")),
    _text("cause"),
    _text("subject"),
    _time("opened_at"),
    _time("due"),
    _text("owner", ""),
    Column("escalations", Integer, nullable=False, server_default=text("0")),
    _text("status", "open"),
    _text("outcome", ""),
    _text("resolved_by", ""),
    _time("resolved_at", nullable=True),
    Index("tickets_order", "order_id"),
)
Index("tickets_open", tickets.c.due, tickets.c.ticket_id, postgresql_where=tickets.c.status == "open")

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _text("order_id"),
    Column("seq", Integer, nullable=False),
    _text("cause"),
    _text("recipient_role"),
    _text("recipient_id"),
    _text("channel"),
    _text("template"),
    Column("context", JSONB, nullable=False),
    Column("reminder", Boolean, nullable=False, server_default=text("false")),
    _time("due_at"),
    _time("valid_until", nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _time("next_attempt_at", nullable=True),
    _time("sent_at", nullable=True),
    _time("dropped_at", nullable=True),
    _time("failed_at", nullable=True),
    _text("error", ""),
    UniqueConstraint("order_id", "cause", "recipient_role", "channel", name="outbox_once"),
)
unsent = outbox.c.sent_at.is_(None) & outbox.c.dropped_at.is_(None) & outbox.c.failed_at.is_(None)
Index("outbox_unsent", outbox.c.due_at, postgresql_where=unsent)
Index("outbox_unsent_order", outbox.c.order_id, outbox.c.id, postgresql_where=unsent)

data_keys = Table(
    "data_keys", metadata, Column("subject", Text, primary_key=True), Column("wrapped", LargeBinary, nullable=False)
)

people = Table(
    "people",
    metadata,
    _text("order_id"),
    _text("person_id"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("order_id", "person_id"),
    Index("people_person", "person_id", "at"),
)

addresses = Table(
    "addresses",
    metadata,
    _text("order_id"),
    _text("address_id"),
    _text("person_id"),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("order_id", "address_id"),
    Index("addresses_person", "person_id"),
)

parcels = Table(
    "parcels",
    metadata,
    _text("order_id"),
    _text("parcel_id"),
    _text("carrier"),
    Column("sealed", LargeBinary, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("tracker_id", Text),
    Column("photo", LargeBinary),
    PrimaryKeyConstraint("order_id", "parcel_id"),
    Index("parcels_fingerprint", "fingerprint"),
    Index("parcels_tracker", "tracker_id"),
)

notes = Table(
    "notes",
    metadata,
    Column("note_id", Text, primary_key=True),
    _text("order_id"),
    _text("author_role"),
    _text("author_id"),
    _time("at"),
    Column("sealed", LargeBinary, nullable=False),
    Index("notes_order", "order_id"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("attachment_id", Text, primary_key=True),
    _text("order_id"),
    _text("author_role"),
    _text("author_id"),
    _time("at"),
    _text("kind"),
    Column("size", Integer, nullable=False),
    _text("visibility"),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("attachments_order", "order_id", "at", "attachment_id"),
)

looks = Table(
    "looks",
    metadata,
    _id(),
    _text("order_id"),
    _text("parcel_id"),
    _text("role"),
    _text("actor_id"),
    _time("at"),
    _text("address_id", ""),
    Index("looks_order", "order_id"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    _text("source"),
    _text("event_id"),
    _time("at"),
    PrimaryKeyConstraint("source", "event_id"),
)

poll_cursors = Table("poll_cursors", metadata, Column("source", Text, primary_key=True), _time("until"))

marketplaces = Table(
    "marketplaces",
    metadata,
    Column("name", Text, primary_key=True),
    Column("policy", JSONB, nullable=False),
)

provider_movements = Table(
    "provider_movements",
    metadata,
    Column("ref", Text(collation="C"), nullable=False),
    _text("kind"),
    _time("at"),
    _text("order_id"),
    _text("key"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    _text("currency"),
    _text("source"),
    _text("run_id"),
    PrimaryKeyConstraint("ref", "kind", "at"),
    Index("provider_movements_at", "at"),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("run_id", Text, primary_key=True),
    _text("area"),
    _time("since"),
    _time("until"),
    _time("started_at"),
    _time("finished_at", nullable=True),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Index("reconciliations_last", "area", "started_at"),
)

findings = Table(
    "findings",
    metadata,
    _id(),
    _text("area"),
    _text("kind"),
    _text("subject"),
    _text("order_id"),
    _text("verb"),
    Column("seq", Integer, nullable=False),
    _text("ref"),
    Column("ours_minor", BigInteger),
    Column("ours_currency", Text),
    Column("theirs_minor", BigInteger),
    Column("theirs_currency", Text),
    _text("other"),
    _text("first_run"),
    _time("first_seen"),
    _text("last_run"),
    _time("last_seen"),
    Column("times_opened", Integer, nullable=False, server_default=text("1")),
    Column("ticket_id", ForeignKey("tickets.ticket_id")),
    _text("status", "open"),
    _text("resolved_by", ""),
    _time("resolved_at", nullable=True),
    UniqueConstraint("kind", "subject", name="findings_once"),
    Index("findings_order", "order_id"),
)
Index("findings_open", findings.c.first_seen, findings.c.id, postgresql_where=findings.c.status == "open")
