"""When an operation was last sent: what got no answer may be on its way for a while (`money.lands_within`)."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE operations ADD COLUMN sent_at timestamptz")
    # The trigger keeps resolved operations as they are; this column is new to them all. What is pending now may have
    # been sent a moment ago.
    op.execute("ALTER TABLE operations DISABLE TRIGGER USER")
    op.execute("UPDATE operations SET sent_at = CASE state WHEN 'pending' THEN now() ELSE first_sent_at END")
    op.execute("ALTER TABLE operations ENABLE TRIGGER USER")
    op.execute("ALTER TABLE operations ALTER COLUMN sent_at SET NOT NULL")
    op.execute("GRANT UPDATE (sent_at) ON operations TO aftersale_app")


def downgrade() -> None:
    op.execute("ALTER TABLE operations DROP COLUMN sent_at")
