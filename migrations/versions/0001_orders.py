"""Orders, steps, operations, the ledger, tickets, the outbox and sealed personal data, in the schema ``public``.

The database itself keeps the books: it refuses unbalanced transactions, changes of what was booked or taken, escrow
below zero and a second resolution of an operation, whoever asks. Workers and gateway log in as ``aftersale_app``,
which may do no more than they need.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ORDERS = (
    """
    CREATE TABLE orders (
        order_id text PRIMARY KEY,
        checkout_id text NOT NULL,
        marketplace text NOT NULL,
        content_hash text NOT NULL,
        status text NOT NULL CHECK (status IN ('admitting', 'open', 'over', 'refused')),
        refusal jsonb CHECK ((status = 'refused') = (refusal IS NOT NULL)),
        stage text NOT NULL DEFAULT '',
        waiting_on text NOT NULL DEFAULT '',
        due_at timestamptz CHECK (status <> 'open' OR due_at IS NOT NULL),
        attention boolean NOT NULL DEFAULT false,
        reason text NOT NULL DEFAULT '',
        buyer text NOT NULL,
        seller text NOT NULL,
        total_minor bigint NOT NULL CHECK (total_minor > 0),
        currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        placed_at timestamptz,
        updated_at timestamptz,
        seq integer NOT NULL DEFAULT 0,
        epoch integer NOT NULL DEFAULT 1,
        snapshot jsonb CHECK (seq = 0 OR snapshot IS NOT NULL),
        checkout jsonb NOT NULL,
        payment_ref text
    )
    """,
    "CREATE INDEX orders_waiting ON orders (waiting_on, due_at) WHERE status = 'open'",
    "CREATE INDEX orders_open ON orders (due_at, order_id) WHERE status = 'open'",
    "CREATE INDEX orders_buyer ON orders (buyer)",
    "CREATE INDEX orders_seller ON orders (seller)",
    "CREATE UNIQUE INDEX orders_payment ON orders (payment_ref) WHERE payment_ref IS NOT NULL",
    """
    CREATE TABLE steps (
        order_id text NOT NULL REFERENCES orders,
        seq integer NOT NULL CHECK (seq > 0),
        epoch integer NOT NULL,
        at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        step text NOT NULL,
        role text NOT NULL,
        actor_id text NOT NULL,
        source text NOT NULL CHECK (source IN ('update', 'signal', 'clock', 'start')),
        command_id text NOT NULL,
        ticket_id text NOT NULL,
        before_stage text NOT NULL,
        after_stage text NOT NULL,
        body jsonb NOT NULL,
        events jsonb NOT NULL,
        outcome jsonb NOT NULL,
        digest text NOT NULL,
        PRIMARY KEY (order_id, seq)
    )
    """,
    "CREATE UNIQUE INDEX steps_command ON steps (order_id, command_id) WHERE command_id <> ''",
    """
    CREATE TABLE refusals (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_id text NOT NULL,
        at timestamptz NOT NULL,
        name text NOT NULL,
        command_id text NOT NULL,
        role text NOT NULL,
        actor_id text NOT NULL,
        code text NOT NULL,
        reason text NOT NULL,
        source text NOT NULL
    )
    """,
    "CREATE INDEX refusals_order ON refusals (order_id, id)",
    """
    CREATE TABLE tickets (
        ticket_id text PRIMARY KEY,
        order_id text NOT NULL REFERENCES orders,
        cause text NOT NULL,
        subject text NOT NULL,
        opened_at timestamptz NOT NULL,
        due timestamptz NOT NULL,
        owner text NOT NULL DEFAULT '',
        escalations integer NOT NULL DEFAULT 0,
        status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
        outcome text NOT NULL DEFAULT '' CHECK ((status = 'resolved') = (outcome <> '')),
        resolved_by text NOT NULL DEFAULT '',
        resolved_at timestamptz CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
    )
    """,
    "CREATE INDEX tickets_order ON tickets (order_id)",
    "CREATE INDEX tickets_open ON tickets (due, ticket_id) WHERE status = 'open'",
)

MONEY = (
    """
    CREATE TABLE operations (
        order_id text NOT NULL REFERENCES orders,
        verb text NOT NULL,
        seq integer NOT NULL,
        key text NOT NULL CONSTRAINT operations_key UNIQUE,
        amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
        currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        slices jsonb NOT NULL,
        subject text NOT NULL,
        digest text NOT NULL,
        state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused')),
        done_minor bigint
            CHECK ((state = 'done') = (done_minor IS NOT NULL))
            CHECK (done_minor BETWEEN 0 AND amount_minor),
        ref text NOT NULL DEFAULT '',
        code text NOT NULL DEFAULT '',
        asked_at timestamptz NOT NULL,
        first_sent_at timestamptz NOT NULL,
        resolved_at timestamptz CHECK ((state = 'pending') = (resolved_at IS NULL)),
        PRIMARY KEY (order_id, verb, seq)
    )
    """,
    """
    CREATE TABLE ledger_transactions (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_id text NOT NULL REFERENCES orders,
        verb text NOT NULL,
        seq integer NOT NULL,
        size integer NOT NULL CONSTRAINT ledger_transactions_two_entries CHECK (size >= 2),
        at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        corrects bigint REFERENCES ledger_transactions,
        CONSTRAINT ledger_transactions_once UNIQUE (order_id, verb, seq)
    )
    """,
    """
    CREATE TABLE ledger_entries (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        transaction_id bigint NOT NULL REFERENCES ledger_transactions,
        account text COLLATE "C" NOT NULL CHECK (account <> ''),
        side text NOT NULL CHECK (side IN ('debit', 'credit')),
        amount_minor bigint NOT NULL CHECK (amount_minor > 0),
        currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$')
    )
    """,
    "CREATE INDEX ledger_entries_transaction ON ledger_entries (transaction_id)",
    "CREATE INDEX ledger_entries_account ON ledger_entries (account, currency)",
)

NOTICES = (
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_id text NOT NULL,
        seq integer NOT NULL,
        cause text NOT NULL,
        recipient_role text NOT NULL,
        recipient_id text NOT NULL,
        channel text NOT NULL CHECK (channel IN ('mail', 'storefront', 'carrier')),
        template text NOT NULL,
        context jsonb NOT NULL,
        reminder boolean NOT NULL DEFAULT false,
        due_at timestamptz NOT NULL,
        valid_until timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        sent_at timestamptz,
        dropped_at timestamptz,
        failed_at timestamptz,
        error text NOT NULL DEFAULT '',
        CONSTRAINT outbox_once UNIQUE (order_id, cause, recipient_role, channel),
        CHECK (num_nonnulls(sent_at, dropped_at, failed_at) <= 1)
    )
    """,
    """
    CREATE INDEX outbox_unsent ON outbox (due_at)
    WHERE sent_at IS NULL AND dropped_at IS NULL AND failed_at IS NULL
    """,
    """
    CREATE INDEX outbox_unsent_order ON outbox (order_id, id)
    WHERE sent_at IS NULL AND dropped_at IS NULL AND failed_at IS NULL
    """,
    """
    CREATE TABLE webhook_events (
        source text NOT NULL,
        event_id text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (source, event_id)
    )
    """,
)

PERSONAL = (
    "CREATE TABLE data_keys (subject text PRIMARY KEY, wrapped bytea NOT NULL)",
    "CREATE TABLE people (person_id text PRIMARY KEY, sealed bytea NOT NULL)",
    "CREATE TABLE addresses (address_id text PRIMARY KEY, person_id text NOT NULL, sealed bytea NOT NULL)",
    "CREATE INDEX addresses_person ON addresses (person_id)",
    """
    CREATE TABLE parcels (
        order_id text NOT NULL,
        parcel_id text NOT NULL,
        carrier text NOT NULL,
        sealed bytea NOT NULL,
        fingerprint bytea NOT NULL,
        tracker_id text,
        photo bytea,
        PRIMARY KEY (order_id, parcel_id)
    )
    """,
    "CREATE INDEX parcels_fingerprint ON parcels (fingerprint)",
    "CREATE INDEX parcels_tracker ON parcels (tracker_id)",
    """
    CREATE TABLE notes (
        note_id text PRIMARY KEY,
        order_id text NOT NULL,
        author_role text NOT NULL,
        author_id text NOT NULL,
        at timestamptz NOT NULL,
        sealed bytea NOT NULL
    )
    """,
    "CREATE INDEX notes_order ON notes (order_id)",
    """
    CREATE TABLE looks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_id text NOT NULL,
        parcel_id text NOT NULL,
        role text NOT NULL,
        actor_id text NOT NULL,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX looks_order ON looks (order_id)",
)

# A table made in pg_temp must not stand in for the books, so the functions look there last.
FUNCTIONS = (
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    DECLARE
        booked ledger_transactions;
        entered bigint;
    BEGIN
        IF TG_TABLE_NAME = 'ledger_transactions' THEN
            booked := NEW;
        ELSE
            SELECT * INTO booked FROM ledger_transactions WHERE id = NEW.transaction_id;
        END IF;
        SELECT count(*) INTO entered FROM ledger_entries WHERE transaction_id = booked.id;
        IF entered <> booked.size THEN
            RAISE EXCEPTION 'ledger transaction % is of % entries, not %', booked.id, booked.size, entered
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_whole';
        END IF;
        IF EXISTS (
            SELECT FROM ledger_entries WHERE transaction_id = booked.id GROUP BY currency
            HAVING sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0
        ) THEN
            RAISE EXCEPTION 'ledger transaction % does not balance', booked.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balanced';
        END IF;
        RETURN NULL;
    END $$
    """,
    # Two debits at once wait for each other here. What the first one committed is then seen by the second, except
    # under REPEATABLE READ, whose snapshot is older than the wait.
    """
    CREATE FUNCTION refuse_overdrawn() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    DECLARE
        balance numeric;
    BEGIN
        IF current_setting('transaction_isolation') = 'repeatable read' THEN
            RAISE EXCEPTION 'escrow is not booked under REPEATABLE READ' USING ERRCODE = 'feature_not_supported';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtextextended(NEW.account, 0));
        SELECT sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END) INTO balance
        FROM ledger_entries WHERE account = NEW.account AND currency = NEW.currency;
        IF balance < 0 THEN
            RAISE EXCEPTION 'escrow account % would stand at %', NEW.account, balance
                USING ERRCODE = 'check_violation', CONSTRAINT = 'escrow_not_negative';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION refuse_second_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'pending' THEN
            RAISE EXCEPTION 'operation % is resolved: %', OLD.key, OLD.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'operations_resolved_once';
        END IF;
        IF (OLD.order_id, OLD.verb, OLD.seq, OLD.key, OLD.amount_minor, OLD.currency, OLD.digest, OLD.asked_at,
            OLD.first_sent_at, OLD.slices, OLD.subject)
            IS DISTINCT FROM (NEW.order_id, NEW.verb, NEW.seq, NEW.key, NEW.amount_minor, NEW.currency, NEW.digest,
            NEW.asked_at, NEW.first_sent_at, NEW.slices, NEW.subject) THEN
            RAISE EXCEPTION 'operation % was asked for as it is', OLD.key
                USING ERRCODE = 'check_violation', CONSTRAINT = 'operations_asked_once';
        END IF;
        RETURN NEW;
    END $$
    """,
)

APPEND_ONLY = ("ledger_transactions", "ledger_entries", "steps", "refusals", "looks")

TRIGGERS = (
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        for table in APPEND_ONLY
    ),
    "CREATE TRIGGER never_gone BEFORE DELETE OR TRUNCATE ON operations EXECUTE FUNCTION refuse_change()",
    """
    CREATE TRIGGER resolved_once BEFORE UPDATE ON operations
    FOR EACH ROW EXECUTE FUNCTION refuse_second_resolution()
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced()
        """
        for table in ("ledger_transactions", "ledger_entries")
    ),
    """
    CREATE CONSTRAINT TRIGGER not_overdrawn AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (starts_with(NEW.account, 'escrow:') AND NEW.side = 'debit')
    EXECUTE FUNCTION refuse_overdrawn()
    """,
)

# The role may exist already, with its login and password; made here it cannot log in until it is given them.
GRANTS = (
    """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'aftersale_app') THEN
            CREATE ROLE aftersale_app NOLOGIN;
        END IF;
    END $$
    """,
    "GRANT USAGE ON SCHEMA public TO aftersale_app",
    "GRANT SELECT, INSERT, UPDATE ON orders, tickets, outbox TO aftersale_app",
    "GRANT SELECT, INSERT ON steps, refusals, looks, webhook_events TO aftersale_app",
    "GRANT SELECT, INSERT ON ledger_transactions, ledger_entries TO aftersale_app",
    "GRANT SELECT, INSERT, UPDATE (state, done_minor, ref, code, resolved_at) ON operations TO aftersale_app",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON people, addresses, parcels TO aftersale_app",
    "GRANT SELECT, INSERT, DELETE ON data_keys, notes TO aftersale_app",
)

TABLES = (
    "looks", "notes", "parcels", "addresses", "people", "data_keys", "webhook_events", "outbox", "ledger_entries",
    "ledger_transactions", "operations", "tickets", "refusals", "steps", "orders",
)  # fmt: skip
ROUTINES = ("refuse_change", "refuse_unbalanced", "refuse_overdrawn", "refuse_second_resolution")


def upgrade() -> None:
    for statement in (*ORDERS, *MONEY, *NOTICES, *PERSONAL, *FUNCTIONS, *TRIGGERS, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    for routine in ROUTINES:
        op.execute(f"DROP FUNCTION {routine}()")
