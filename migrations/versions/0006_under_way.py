"""The step that has begun and is not recorded, so that the next run of its order carries it out."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN under_way jsonb")


def downgrade() -> None:
    op.execute("ALTER TABLE orders DROP COLUMN under_way")
