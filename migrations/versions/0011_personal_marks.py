"""Orders know by a keyed mark which people and address they were placed with; other ones are not dropped unseen."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN personal_mark bytea")


def downgrade() -> None:
    op.execute("ALTER TABLE orders DROP COLUMN personal_mark")
