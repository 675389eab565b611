"""Messages of an order, who has read how far, and addresses that bounce.

A text is stored before its command and read by others from the step on that said it (`seq`). What each reader has
before them stands in a row of its own, so that an inbox is one range of an index, however many orders there are.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE messages (
        order_id text NOT NULL,
        message_id text NOT NULL,
        kind text NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'shipped')),
        author_role text NOT NULL,
        author_id text NOT NULL,
        at timestamptz NOT NULL,
        seq integer CHECK (seq > 0),
        internal boolean NOT NULL DEFAULT false,
        attachments jsonb NOT NULL DEFAULT '[]',
        parcel_id text NOT NULL DEFAULT '' CHECK ((kind = 'shipped') = (parcel_id <> '')),
        sealed bytea CHECK ((kind = 'text') = (sealed IS NOT NULL)),
        PRIMARY KEY (order_id, message_id)
    )
    """,
    "CREATE UNIQUE INDEX messages_said ON messages (order_id, seq) WHERE seq IS NOT NULL",
    """
    CREATE TABLE message_reads (
        order_id text NOT NULL,
        reader_role text NOT NULL,
        reader_id text NOT NULL,
        up_to_seq integer NOT NULL DEFAULT 0,
        at timestamptz,
        last_seq integer NOT NULL,
        last_at timestamptz NOT NULL,
        unread boolean NOT NULL GENERATED ALWAYS AS (last_seq > up_to_seq) STORED,
        PRIMARY KEY (order_id, reader_role, reader_id)
    )
    """,
    "CREATE INDEX message_reads_inbox ON message_reads (reader_role, reader_id, unread, last_at, order_id)",
    """
    CREATE TABLE bounces (
        person_id text PRIMARY KEY,
        at timestamptz NOT NULL,
        code text NOT NULL,
        fingerprint bytea NOT NULL
    )
    """,
)

GRANTS = (
    # The text and its author stay as they were stored; saying it gives it time and place, and erasing removes it.
    "GRANT SELECT, INSERT, DELETE, UPDATE (at, seq, internal, attachments) ON messages TO aftersale_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON message_reads, bounces TO aftersale_app",
)


def upgrade() -> None:
    for statement in (*TABLES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for table in ("bounces", "message_reads", "messages"):
        op.execute(f"DROP TABLE {table}")
