"""A statement is read through indexes: it costs by the seller's own orders, however many others there are."""

from __future__ import annotations

from sqlalchemy import Engine

from activities.store import books
from domain.accounts import CLEARING, FEES
from tests.store.rows import NOW, hours
from tests.store.test_claims_lists import asked
from tests.store.test_messages import plan

MANY, EACH = 50_000, 10
"""How many orders there are, and how many of them each seller has."""
ENTRIES = 4
"""What is booked of each order: its release and its refund, and neither leaves anything but the fee."""
GIVEN = {"many": MANY, "each": EACH, "now": NOW, "fees": FEES, "clearing": CLEARING}
FILL = (
    "SET LOCAL statement_timeout = 0",
    "ALTER TABLE ledger_transactions DISABLE TRIGGER USER",
    "ALTER TABLE ledger_entries DISABLE TRIGGER USER",
    """
    INSERT INTO orders (
        order_id, checkout_id, marketplace, content_hash, status, buyer, seller, total_minor, currency, seq, snapshot,
        checkout, placed_at, updated_at
    )
    SELECT 'o-' || n, 'c', 'demo', 'h', 'over', 'b-1', 's-' || n / %(each)s, 40, 'EUR', 3, '{}', '{}', now(), now()
    FROM generate_series(1, %(many)s) n
    """,
    """
    INSERT INTO ledger_transactions (order_id, verb, seq, size, at)
    SELECT 'o-' || n, verb, seq, 2, %(now)s
    FROM generate_series(1, %(many)s) n, (VALUES ('release', 1), ('refund', 2)) AS moved (verb, seq)
    """,
    """
    INSERT INTO ledger_entries (transaction_id, account, side, amount_minor, currency)
    SELECT t.id, CASE account WHEN 'seller:' THEN account || seller ELSE account END, side, 40, 'EUR'
    FROM ledger_transactions t JOIN orders USING (order_id) JOIN (VALUES
        ('release', 'seller:', 'debit'), ('release', %(fees)s, 'credit'),
        ('refund', %(fees)s, 'debit'), ('refund', %(clearing)s, 'credit')
    ) AS booked (verb, account, side) USING (verb)
    """,
    "ANALYZE orders, ledger_transactions, ledger_entries",
)


def test_a_statement_reads_the_sellers_own_orders_of_fifty_thousand(owner: Engine) -> None:
    with owner.begin() as conn:
        for statement in FILL:
            conn.exec_driver_sql(statement, GIVEN)
    with owner.begin() as conn:
        for sql, parameters in asked(conn, lambda: list(books.seller_movements(conn, "s-7", hours(-1), hours(1)))):
            scanned, nodes = plan(conn, sql, parameters)
            assert not scanned, sql
            assert max(node["Actual Rows"] for node in nodes) <= ENTRIES * EACH, sql
