"""What the sides of a claim thought of its handling, issues that recur, and indexes for the lists of claims.

A side's words are sealed with its order's key. A recurring issue is one row for each subject, with the ticket that
stands, or last stood, for it.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE feedback (
        order_id text NOT NULL,
        claim_id text NOT NULL,
        role text NOT NULL CHECK (role IN ('buyer', 'seller')),
        person_id text NOT NULL,
        at timestamptz NOT NULL,
        score integer NOT NULL CHECK (score BETWEEN 1 AND 5),
        sealed bytea NOT NULL,
        PRIMARY KEY (order_id, claim_id, role),
        FOREIGN KEY (order_id, claim_id) REFERENCES claims (order_id, claim_id)
    )
    """,
    """
    CREATE TABLE recurring (
        marketplace text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('seller', 'product', 'carrier', 'reason')),
        subject text NOT NULL,
        ticket_id text NOT NULL REFERENCES tickets (ticket_id),
        times integer NOT NULL DEFAULT 1,
        claims jsonb NOT NULL,
        since timestamptz NOT NULL,
        opened_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        PRIMARY KEY (marketplace, kind, subject)
    )
    """,
    "CREATE UNIQUE INDEX recurring_ticket ON recurring (ticket_id)",
    "CREATE INDEX claims_status ON claims (status, due_at, number)",
    "CREATE INDEX claims_due ON claims (due_at, number)",
    "CREATE INDEX claims_recent ON claims (marketplace, opened_at)",
)

GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON feedback TO aftersale_app",
    "GRANT SELECT, INSERT, UPDATE ON recurring TO aftersale_app",
)


def upgrade() -> None:
    for statement in (*TABLES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for index in ("claims_recent", "claims_due", "claims_status"):
        op.execute(f"DROP INDEX {index}")
    for table in ("recurring", "feedback"):
        op.execute(f"DROP TABLE {table}")
