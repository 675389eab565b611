"""The marketplaces that the workers serve, so that clients can turn a checkout away before anything is started."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE marketplaces (name text PRIMARY KEY, policy jsonb NOT NULL)")
    op.execute("GRANT SELECT, INSERT, UPDATE ON marketplaces TO aftersale_app")


def downgrade() -> None:
    op.execute("DROP TABLE marketplaces")
