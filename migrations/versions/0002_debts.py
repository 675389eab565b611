"""What sellers owe, and the bounds of the accounts that came with it.

`nettings` are the parts of a release that pay what its seller owes for orders, reserved when the release is written
down. The database refuses a receivable that is paid twice, a dispute that is decided twice, suspense that is given back
twice, and a seller who is paid more than is due in one transaction.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = (
    """
    CREATE TABLE nettings (
        order_id text NOT NULL,
        seq integer NOT NULL,
        debtor text NOT NULL REFERENCES orders,
        seller text NOT NULL,
        amount_minor bigint NOT NULL CHECK (amount_minor > 0),
        currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'void')),
        PRIMARY KEY (order_id, seq, debtor),
        FOREIGN KEY (order_id) REFERENCES orders
    )
    """,
    "CREATE INDEX nettings_pending ON nettings (seller) WHERE state = 'pending'",
    "CREATE INDEX operations_ref ON operations (ref) WHERE ref <> ''",
    "CREATE INDEX operations_collecting ON operations (order_id) WHERE state = 'pending'",
    # As in refuse_overdrawn: two bookings on one account wait for each other, and the second sees the first.
    """
    CREATE FUNCTION refuse_out_of_bounds() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    DECLARE
        balance numeric;
        below boolean := starts_with(NEW.account, 'suspense:') OR starts_with(NEW.account, 'seller:');
    BEGIN
        IF current_setting('transaction_isolation') = 'repeatable read' THEN
            RAISE EXCEPTION 'money is not booked under REPEATABLE READ' USING ERRCODE = 'feature_not_supported';
        END IF;
        IF starts_with(NEW.account, 'seller:') THEN
            -- What is due to a seller is paid in the transaction that made it due, so only that one is summed.
            SELECT sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END) INTO balance
            FROM ledger_entries
            WHERE transaction_id = NEW.transaction_id AND account = NEW.account AND currency = NEW.currency;
        ELSE
            PERFORM pg_advisory_xact_lock(hashtextextended(NEW.account, 0));
            SELECT sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END) INTO balance
            FROM ledger_entries WHERE account = NEW.account AND currency = NEW.currency;
        END IF;
        IF (below AND balance < 0) OR (NOT below AND balance > 0) THEN
            RAISE EXCEPTION 'account % would stand at %', NEW.account, balance
                USING ERRCODE = 'check_violation', CONSTRAINT = 'account_in_bounds';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER in_bounds_below AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        NEW.side = 'debit' AND (starts_with(NEW.account, 'suspense:') OR starts_with(NEW.account, 'seller:'))
    )
    EXECUTE FUNCTION refuse_out_of_bounds()
    """,
    """
    CREATE CONSTRAINT TRIGGER in_bounds_above AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        NEW.side = 'credit' AND (starts_with(NEW.account, 'receivable:') OR starts_with(NEW.account, 'disputed:'))
    )
    EXECUTE FUNCTION refuse_out_of_bounds()
    """,
    "CREATE TRIGGER never_gone BEFORE DELETE OR TRUNCATE ON nettings EXECUTE FUNCTION refuse_change()",
    "GRANT SELECT, INSERT, UPDATE (state) ON nettings TO aftersale_app",
)

DOWNGRADE = (
    "DROP TRIGGER in_bounds_above ON ledger_entries",
    "DROP TRIGGER in_bounds_below ON ledger_entries",
    "DROP TABLE nettings",
    "DROP FUNCTION refuse_out_of_bounds()",
    "DROP INDEX operations_ref",
    "DROP INDEX operations_collecting",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
