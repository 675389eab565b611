"""The provider's own book as it was last read, the runs that compared it with ours, and what they found.

A finding stands for one disagreement, for as long as it lasts: a later run changes its row and makes no second one. A
disagreement that concerns no order of ours has a ticket all the same, so a ticket of reconciliation may be without one.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BOOK = (
    """
    CREATE TABLE provider_movements (
        ref text COLLATE "C" NOT NULL,
        kind text NOT NULL,
        at timestamptz NOT NULL,
        order_id text NOT NULL,
        key text NOT NULL,
        amount_minor bigint NOT NULL,
        fee_minor bigint NOT NULL,
        currency text NOT NULL,
        source text NOT NULL,
        run_id text NOT NULL,
        PRIMARY KEY (ref, kind, at)
    )
    """,
    "CREATE INDEX provider_movements_at ON provider_movements (at)",
    "CREATE INDEX ledger_transactions_corrects ON ledger_transactions (corrects) WHERE corrects IS NOT NULL",
)

FINDINGS = (
    """
    CREATE TABLE reconciliations (
        run_id text PRIMARY KEY,
        area text NOT NULL CHECK (area IN ('money', 'runs')),
        since timestamptz NOT NULL,
        until timestamptz NOT NULL,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        counts jsonb NOT NULL DEFAULT '{}'
    )
    """,
    "CREATE INDEX reconciliations_last ON reconciliations (area, started_at)",
    """
    CREATE TABLE findings (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        area text NOT NULL CHECK (area IN ('money', 'runs')),
        kind text NOT NULL,
        subject text NOT NULL,
        order_id text NOT NULL,
        verb text NOT NULL,
        seq integer NOT NULL,
        ref text NOT NULL,
        ours_minor bigint,
        ours_currency text,
        theirs_minor bigint,
        theirs_currency text,
        other text NOT NULL,
        first_run text NOT NULL,
        first_seen timestamptz NOT NULL,
        last_run text NOT NULL,
        last_seen timestamptz NOT NULL,
        times_opened integer NOT NULL DEFAULT 1,
        ticket_id text REFERENCES tickets,
        status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
        resolved_by text NOT NULL DEFAULT '' CHECK ((status = 'resolved') = (resolved_by <> '')),
        resolved_at timestamptz CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
        CONSTRAINT findings_once UNIQUE (kind, subject),
        CHECK ((ours_minor IS NULL) = (ours_currency IS NULL)),
        CHECK ((theirs_minor IS NULL) = (theirs_currency IS NULL))
    )
    """,
    "CREATE INDEX findings_open ON findings (first_seen, id) WHERE status = 'open'",
    "CREATE INDEX findings_order ON findings (order_id)",
    "ALTER TABLE tickets ALTER COLUMN order_id DROP NOT NULL",
    """
    ALTER TABLE tickets ADD CONSTRAINT tickets_of_an_order
    CHECK (order_id IS NOT NULL OR cause = 'reconciliation')
    """,
    # How long an order has waited for its admission is told by nothing else: no step of it is recorded yet.
    "ALTER TABLE orders ADD COLUMN claimed_at timestamptz NOT NULL DEFAULT now()",
)

GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON provider_movements TO aftersale_app",
    "GRANT SELECT, INSERT, UPDATE ON reconciliations, findings TO aftersale_app",
)


def upgrade() -> None:
    for statement in (*BOOK, *FINDINGS, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE orders DROP COLUMN claimed_at")
    op.execute("ALTER TABLE tickets DROP CONSTRAINT tickets_of_an_order")
    op.execute("DROP TABLE findings")
    op.execute("DELETE FROM tickets WHERE order_id IS NULL")
    op.execute("ALTER TABLE tickets ALTER COLUMN order_id SET NOT NULL")
    op.execute("DROP TABLE reconciliations")
    op.execute("DROP TABLE provider_movements")
    op.execute("DROP INDEX ledger_transactions_corrects")
