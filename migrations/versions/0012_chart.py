"""The chart of accounts in the database: no entry on an account, or in a currency, that there is not.

No order gives back more fees than it paid, or more losses and fees for disputes than it cost: of the platform's own
accounts each order's share has its bound, since all orders would wait for each other at a bound on the whole.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CURRENCIES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
    CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""

UPGRADE = (
    """
    ALTER TABLE ledger_entries ADD CONSTRAINT account_of_the_chart CHECK (
        account ~ '^(clearing|platform:(fees|dispute_fees|losses)|(seller|disputed|suspense):.+)$'
        OR account ~ '^(escrow|receivable):.+:.+$'
    )
    """,
    f"""
    ALTER TABLE ledger_entries ADD CONSTRAINT currency_known
    CHECK (currency = ANY ('{{{",".join(CURRENCIES.split())}}}'::text[]))
    """,  # The currencies are the constant above.
    """
    CREATE FUNCTION refuse_share_out_of_bounds() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
    DECLARE
        mine text;
        share numeric;
    BEGIN
        IF current_setting('transaction_isolation') = 'repeatable read' THEN
            RAISE EXCEPTION 'money is not booked under REPEATABLE READ' USING ERRCODE = 'feature_not_supported';
        END IF;
        SELECT order_id INTO mine FROM ledger_transactions WHERE id = NEW.transaction_id;
        PERFORM pg_advisory_xact_lock(hashtextextended(NEW.account || ':' || mine, 0));
        SELECT sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END) INTO share
        FROM ledger_transactions AS booked JOIN ledger_entries AS entry ON entry.transaction_id = booked.id
        WHERE booked.order_id = mine AND entry.account = NEW.account AND entry.currency = NEW.currency;
        IF (NEW.side = 'debit' AND share < 0) OR (NEW.side = 'credit' AND share > 0) THEN
            RAISE EXCEPTION 'the share of order % in account % would stand at %', mine, NEW.account, share
                USING ERRCODE = 'check_violation', CONSTRAINT = 'share_in_bounds';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER share_in_bounds AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (
        (NEW.side = 'debit' AND NEW.account = 'platform:fees')
        OR (NEW.side = 'credit' AND NEW.account IN ('platform:dispute_fees', 'platform:losses'))
    )
    EXECUTE FUNCTION refuse_share_out_of_bounds()
    """,
)

DOWNGRADE = (
    "DROP TRIGGER share_in_bounds ON ledger_entries",
    "DROP FUNCTION refuse_share_out_of_bounds()",
    "ALTER TABLE ledger_entries DROP CONSTRAINT currency_known",
    "ALTER TABLE ledger_entries DROP CONSTRAINT account_of_the_chart",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
