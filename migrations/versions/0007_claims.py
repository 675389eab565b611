"""Claims as lists and sheets show them: one row per claim, as its order's last step left it.

The order's snapshot is the truth; a row repeats what lists are sorted and filtered by.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE claims (
        order_id text NOT NULL REFERENCES orders (order_id),
        claim_id text NOT NULL,
        number text NOT NULL,
        marketplace text NOT NULL,
        buyer text NOT NULL,
        seller text NOT NULL,
        reason text NOT NULL,
        wish text NOT NULL,
        lines jsonb NOT NULL,
        carriers jsonb NOT NULL,
        status text NOT NULL,
        owner text NOT NULL DEFAULT '',
        opened_at timestamptz NOT NULL,
        since timestamptz NOT NULL,
        due_at timestamptz,
        answered_at timestamptz,
        escalated_at timestamptz,
        upstream_at timestamptz,
        ended_at timestamptz,
        verdict text NOT NULL DEFAULT '',
        amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
        awarded_minor bigint NOT NULL CHECK (awarded_minor >= 0),
        currency text NOT NULL,
        PRIMARY KEY (order_id, claim_id)
    )
    """,
    "CREATE UNIQUE INDEX claims_number ON claims (number)",
    "CREATE INDEX claims_open ON claims (due_at, number) WHERE ended_at IS NULL",
    "CREATE INDEX claims_owner ON claims (owner, due_at, number) WHERE ended_at IS NULL",
    "CREATE INDEX claims_opened ON claims (opened_at, number)",
    "CREATE INDEX claims_seller ON claims (seller, opened_at)",
    "CREATE INDEX claims_buyer ON claims (buyer, opened_at)",
    "GRANT SELECT, INSERT, UPDATE ON claims TO aftersale_app",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE claims")
