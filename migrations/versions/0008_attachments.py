"""Files of an order, sealed with its key: evidence of claims and attachments of messages."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    CREATE TABLE attachments (
        attachment_id text PRIMARY KEY,
        order_id text NOT NULL,
        author_role text NOT NULL,
        author_id text NOT NULL,
        at timestamptz NOT NULL,
        kind text NOT NULL CHECK (kind IN ('jpeg', 'png', 'pdf', 'text')),
        size integer NOT NULL CHECK (size > 0),
        visibility text NOT NULL CHECK (visibility IN ('parties', 'desk')),
        fingerprint bytea NOT NULL,
        name bytea NOT NULL,
        sealed bytea NOT NULL
    )
    """)
    # What is encrypted does not get smaller; PostgreSQL need not try.
    op.execute("ALTER TABLE attachments ALTER COLUMN sealed SET STORAGE EXTERNAL")
    op.execute("CREATE INDEX attachments_order ON attachments (order_id, at, attachment_id)")
    op.execute("GRANT SELECT, INSERT, DELETE ON attachments TO aftersale_app")


def downgrade() -> None:
    op.execute("DROP TABLE attachments")
