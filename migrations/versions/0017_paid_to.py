"""A release keeps the account that it went to: the order's may be another one by the time the bank sends it back."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE operations ADD COLUMN account text NOT NULL DEFAULT ''")
    # The trigger keeps resolved operations as they are. Of what was paid out before only today's account is known.
    op.execute("ALTER TABLE operations DISABLE TRIGGER USER")
    op.execute(
        """
        UPDATE operations SET account = coalesce(orders.snapshot #>> '{account,ref}', '')
        FROM orders WHERE orders.order_id = operations.order_id AND verb = 'release'
        """
    )
    op.execute("ALTER TABLE operations ENABLE TRIGGER USER")
    op.execute("GRANT UPDATE (account) ON operations TO aftersale_app")
    op.execute("CREATE INDEX operations_account ON operations (account) WHERE account <> ''")


def downgrade() -> None:
    op.execute("ALTER TABLE operations DROP COLUMN account")
