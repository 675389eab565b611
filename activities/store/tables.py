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
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from activities.store.columns import id_column, metadata, order_column, text_column, time_column

orders = Table(
    "orders",
    metadata,
    Column("order_id", Text, primary_key=True),
    text_column("checkout_id"),
    text_column("marketplace"),
    text_column("content_hash"),
    text_column("status"),
    Column("refusal", JSONB(none_as_null=True)),
    text_column("stage", ""),
    text_column("waiting_on", ""),
    time_column("due_at", nullable=True),
    Column("attention", Boolean, nullable=False, server_default=text("false")),
    text_column("reason", ""),
    text_column("buyer"),
    text_column("seller"),
    Column("total_minor", BigInteger, nullable=False),
    text_column("currency"),
    time_column("placed_at", nullable=True),
    time_column("updated_at", nullable=True),
    Column("seq", Integer, nullable=False, server_default=text("0")),
    Column("epoch", Integer, nullable=False, server_default=text("1")),
    Column("snapshot", JSONB(none_as_null=True)),
    Column("checkout", JSONB, nullable=False),
    Column("payment_ref", Text),
    Column("claimed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("under_way", JSONB(none_as_null=True)),
    Column("personal_mark", LargeBinary),
)
NEVER = literal_column("'infinity'::timestamp with time zone", DateTime(timezone=True))
falls_due = func.coalesce(orders.c.due_at, NEVER)
"""When an order is due, never where nothing is: what lists of orders are sorted by."""
has_begun = orders.c.seq > 0
"""Whether an order was admitted: it has taken a step."""
_by_due = falls_due, orders.c.order_id
Index("orders_listed", *_by_due, postgresql_where=has_begun)
Index("orders_stage", orders.c.stage, *_by_due)
Index("orders_attention", *_by_due, postgresql_where=orders.c.attention)
Index("orders_waiting", orders.c.waiting_on, *_by_due, postgresql_where=orders.c.status == "open")
Index("orders_buyer", orders.c.buyer, *_by_due)
Index("orders_seller", orders.c.seller, *_by_due)
Index("orders_account", text("(snapshot #>> '{account,ref}'::text[])"), _table=orders)
Index("orders_payment", orders.c.payment_ref, unique=True, postgresql_where=orders.c.payment_ref.is_not(None))

steps = Table(
    "steps",
    metadata,
    order_column(),
    Column("seq", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    time_column("at"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    text_column("step"),
    text_column("role"),
    text_column("actor_id"),
    text_column("source"),
    text_column("command_id"),
    text_column("ticket_id"),
    text_column("before_stage"),
    text_column("after_stage"),
    Column("body", JSONB, nullable=False),
    Column("events", JSONB, nullable=False),
    Column("outcome", JSONB, nullable=False),
    text_column("digest"),
    PrimaryKeyConstraint("order_id", "seq"),
)
Index("steps_command", steps.c.order_id, steps.c.command_id, unique=True, postgresql_where=steps.c.command_id != "")

refusals = Table(
    "refusals",
    metadata,
    id_column(),
    text_column("order_id"),
    time_column("at"),
    text_column("name"),
    text_column("command_id"),
    text_column("role"),
    text_column("actor_id"),
    text_column("code"),
    text_column("reason"),
    text_column("source"),
    text_column("key", ""),
    Index("refusals_order", "order_id", "id"),
    Index("refusals_key", "key", unique=True, postgresql_where=text("key <> ''")),
)

operations = Table(
    "operations",
    metadata,
    order_column(),
    text_column("verb"),
    Column("seq", Integer, nullable=False),
    text_column("key"),
    Column("amount_minor", BigInteger, nullable=False),
    text_column("currency"),
    Column("slices", JSONB, nullable=False),
    text_column("subject"),
    text_column("digest"),
    text_column("state", "pending"),
    Column("done_minor", BigInteger),
    text_column("ref", ""),
    text_column("code", ""),
    time_column("asked_at"),
    time_column("first_sent_at"),
    time_column("sent_at"),
    time_column("resolved_at", nullable=True),
    text_column("account", ""),
    PrimaryKeyConstraint("order_id", "verb", "seq"),
    UniqueConstraint("key", name="operations_key"),
)
Index("operations_ref", operations.c.ref, postgresql_where=operations.c.ref != "")
Index("operations_account", operations.c.account, postgresql_where=operations.c.account != "")
Index("operations_collecting", operations.c.order_id, postgresql_where=operations.c.state == "pending")

nettings = Table(
    "nettings",
    metadata,
    order_column(),
    Column("seq", Integer, nullable=False),
    Column("debtor", ForeignKey("orders.order_id"), nullable=False),
    text_column("seller"),
    Column("amount_minor", BigInteger, nullable=False),
    text_column("currency"),
    text_column("state", "pending"),
    PrimaryKeyConstraint("order_id", "seq", "debtor"),
)
Index("nettings_pending", nettings.c.seller, postgresql_where=nettings.c.state == "pending")

ledger_transactions = Table(
    "ledger_transactions",
    metadata,
    id_column(),
    order_column(),
    text_column("verb"),
    Column("seq", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    time_column("at"),
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
    id_column(),
    Column("transaction_id", ForeignKey("ledger_transactions.id"), nullable=False),
    Column("account", Text(collation="C"), nullable=False),
    text_column("side"),
    Column("amount_minor", BigInteger, nullable=False),
    text_column("currency"),
    Index("ledger_entries_transaction", "transaction_id"),
    Index("ledger_entries_account", "account", "currency"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("order_id", ForeignKey("orders.order_id")),
    text_column("cause"),
    text_column("subject"),
    time_column("opened_at"),
    time_column("due"),
    text_column("owner", ""),
    Column("escalations", Integer, nullable=False, server_default=text("0")),
    text_column("status", "open"),
    text_column("outcome", ""),
    text_column("resolved_by", ""),
    time_column("resolved_at", nullable=True),
    Index("tickets_order", "order_id"),
)
_open = tickets.c.status == "open"
Index("tickets_open", tickets.c.due, tickets.c.ticket_id, postgresql_where=_open)
Index("tickets_owner", tickets.c.owner, tickets.c.due, tickets.c.ticket_id, postgresql_where=_open)
Index("tickets_cause", tickets.c.cause, tickets.c.due, tickets.c.ticket_id, postgresql_where=_open)

outbox = Table(
    "outbox",
    metadata,
    id_column(),
    text_column("order_id"),
    Column("seq", Integer, nullable=False),
    text_column("cause"),
    text_column("recipient_role"),
    text_column("recipient_id"),
    text_column("channel"),
    text_column("template"),
    Column("context", JSONB, nullable=False),
    Column("reminder", Boolean, nullable=False, server_default=text("false")),
    time_column("due_at"),
    time_column("valid_until", nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    time_column("next_attempt_at", nullable=True),
    time_column("sent_at", nullable=True),
    time_column("dropped_at", nullable=True),
    time_column("failed_at", nullable=True),
    text_column("error", ""),
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
    text_column("order_id"),
    text_column("person_id"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("order_id", "person_id"),
    Index("people_person", "person_id", "at"),
)

addresses = Table(
    "addresses",
    metadata,
    text_column("order_id"),
    text_column("address_id"),
    text_column("person_id"),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("order_id", "address_id"),
    Index("addresses_person", "person_id"),
)

parcels = Table(
    "parcels",
    metadata,
    text_column("order_id"),
    text_column("parcel_id"),
    text_column("carrier"),
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
    text_column("order_id"),
    text_column("author_role"),
    text_column("author_id"),
    time_column("at"),
    Column("sealed", LargeBinary, nullable=False),
    text_column("ticket_id", ""),
    Index("notes_order", "order_id"),
)
Index("notes_ticket", notes.c.ticket_id, postgresql_where=notes.c.ticket_id != "")

attachments = Table(
    "attachments",
    metadata,
    Column("attachment_id", Text, primary_key=True),
    text_column("order_id"),
    text_column("author_role"),
    text_column("author_id"),
    time_column("at"),
    text_column("kind"),
    Column("size", Integer, nullable=False),
    text_column("visibility"),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("attachments_order", "order_id", "at", "attachment_id"),
)

looks = Table(
    "looks",
    metadata,
    id_column(),
    text_column("order_id"),
    text_column("parcel_id"),
    text_column("role"),
    text_column("actor_id"),
    time_column("at"),
    text_column("address_id", ""),
    Index("looks_order", "order_id"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    text_column("source"),
    text_column("event_id"),
    time_column("at"),
    PrimaryKeyConstraint("source", "event_id"),
)

poll_cursors = Table("poll_cursors", metadata, Column("source", Text, primary_key=True), time_column("until"))

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
    text_column("kind"),
    time_column("at"),
    text_column("order_id"),
    text_column("key"),
    Column("amount_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    text_column("currency"),
    text_column("source"),
    text_column("run_id"),
    text_column("fee_currency", ""),
    PrimaryKeyConstraint("ref", "kind", "at"),
    Index("provider_movements_at", "at"),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("run_id", Text, primary_key=True),
    text_column("area"),
    time_column("since"),
    time_column("until"),
    time_column("started_at"),
    time_column("finished_at", nullable=True),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Index("reconciliations_last", "area", "started_at"),
)

findings = Table(
    "findings",
    metadata,
    id_column(),
    text_column("area"),
    text_column("kind"),
    text_column("subject"),
    text_column("order_id"),
    text_column("verb"),
    Column("seq", Integer, nullable=False),
    text_column("ref"),
    Column("ours_minor", BigInteger),
    Column("ours_currency", Text),
    Column("theirs_minor", BigInteger),
    Column("theirs_currency", Text),
    text_column("other"),
    text_column("first_run"),
    time_column("first_seen"),
    text_column("last_run"),
    time_column("last_seen"),
    Column("times_opened", Integer, nullable=False, server_default=text("1")),
    Column("ticket_id", ForeignKey("tickets.ticket_id")),
    text_column("status", "open"),
    text_column("resolved_by", ""),
    time_column("resolved_at", nullable=True),
    UniqueConstraint("kind", "subject", name="findings_once"),
    Index("findings_order", "order_id"),
)
Index("findings_open", findings.c.first_seen, findings.c.id, postgresql_where=findings.c.status == "open")
