"""A refusal has a key: to put it on record once more, after an answer that was lost or a restart, changes nothing."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE refusals ADD COLUMN key text NOT NULL DEFAULT ''")
    op.execute("CREATE UNIQUE INDEX refusals_key ON refusals (key) WHERE key <> ''")


def downgrade() -> None:
    op.execute("DROP INDEX refusals_key")
    op.execute("ALTER TABLE refusals DROP COLUMN key")
