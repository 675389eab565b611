"""A recurring issue keeps the claims of its earlier tickets: they count towards no other one, and all others do."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE recurring ADD COLUMN before jsonb NOT NULL DEFAULT '[]'")


def downgrade() -> None:
    op.execute("ALTER TABLE recurring DROP COLUMN before")
