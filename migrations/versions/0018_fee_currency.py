"""The provider may take a dispute's fee in another currency than the money itself, "" for the same one."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE provider_movements ADD COLUMN fee_currency text NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("UPDATE provider_movements SET fee_minor = 0 WHERE fee_currency NOT IN ('', currency)")
    op.execute("ALTER TABLE provider_movements DROP COLUMN fee_currency")
