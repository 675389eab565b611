"""What the provider tells: how far it was asked, and which orders a payout account belongs to."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE poll_cursors (source text PRIMARY KEY, until timestamptz NOT NULL)")
    op.execute("CREATE INDEX orders_account ON orders ((snapshot #>> '{account,ref}'))")
    op.execute("GRANT SELECT, INSERT, UPDATE ON poll_cursors TO aftersale_app")


def downgrade() -> None:
    op.execute("DROP INDEX orders_account")
    op.execute("DROP TABLE poll_cursors")
