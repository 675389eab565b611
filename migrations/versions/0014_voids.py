"""A void frees whatever the hold held, which is the provider's to tell: no bound is set to it by what was asked.

Of everything else no more is done than was asked for.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE operations DROP CONSTRAINT operations_check1")
    op.execute(
        """
        ALTER TABLE operations ADD CONSTRAINT operations_done_as_asked
        CHECK (done_minor >= 0 AND (verb = 'void' OR done_minor <= amount_minor))
        """
    )


def downgrade() -> None:
    op.execute("ALTER TABLE operations DROP CONSTRAINT operations_done_as_asked")
    # NOT VALID: what was booked meanwhile stays.
    op.execute(
        """
        ALTER TABLE operations ADD CONSTRAINT operations_check1
        CHECK (done_minor BETWEEN 0 AND amount_minor) NOT VALID
        """
    )
