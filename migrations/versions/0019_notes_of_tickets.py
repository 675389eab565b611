"""A note may be about a ticket that no order's state knows, and is named by no step of the order then."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE notes ADD COLUMN ticket_id text NOT NULL DEFAULT ''")
    op.execute("CREATE INDEX notes_ticket ON notes (ticket_id) WHERE ticket_id <> ''")


def downgrade() -> None:
    op.execute("ALTER TABLE notes DROP COLUMN ticket_id")
