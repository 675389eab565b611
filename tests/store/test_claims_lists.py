"""Lists of claims at a hundred thousand orders: every one that a person asks for is a short range of an index."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from activities.store.desk import cases, claims
from activities.store.vault import Vault
from domain.claims.case import Status
from tests.store.rows import NOW
from tests.store.test_messages import plan

MANY = 100_000
FILL = (
    """
    INSERT INTO orders (
        order_id, checkout_id, marketplace, content_hash, status, stage, buyer, seller, total_minor, currency, due_at,
        seq, snapshot, checkout, updated_at, placed_at
    )
    SELECT 'o-' || n, 'c', 'demo', 'h', 'open', 'placed', 'b-' || n % 20000, 's-' || n % 2000, 100, 'EUR', now(), 3,
        '{}', '{}', now(), now()
    FROM generate_series(1, :many) n
    """,
    """
    INSERT INTO claims (
        order_id, claim_id, number, marketplace, buyer, seller, reason, wish, lines, carriers, status, owner, opened_at,
        since, due_at, ended_at, amount_minor, awarded_minor, currency
    )
    SELECT 'o-' || n, 'c1', 'o-' || n || '-c1', 'demo', 'b-' || n % 20000, 's-' || n % 2000, 'damaged', 'refund', '[]',
        '[]', CASE WHEN n % 5 = 0 THEN 'received' ELSE 'closed' END, 'anna-' || n % 40, now() - n * interval '1 minute',
        now(), CASE WHEN n % 5 = 0 THEN now() + n * interval '1 minute' END,
        CASE WHEN n % 5 = 0 THEN NULL ELSE now() END, 100, 0, 'EUR'
    FROM generate_series(1, :many) n
    """,
    "ANALYZE orders, claims, steps, tickets, notes, attachments, feedback, data_keys",
)
EMPTY = {"attachments", "data_keys", "feedback", "notes", "steps", "tickets"}
"""Tables that this test leaves empty; their plans say nothing."""


def asked(conn: Connection, work: Any) -> list[tuple[str, dict[str, Any]]]:
    """The queries of a piece of work."""
    queries: list[tuple[str, dict[str, Any]]] = []

    def note(_c: object, _cursor: object, sql: str, parameters: dict[str, Any], *_: object) -> None:
        queries.append((sql, parameters))

    event.listen(conn, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(conn, "before_cursor_execute", note)
    return queries


def test_at_a_hundred_thousand_orders_lists_and_screens_of_claims_read_through_indexes(
    owner: Engine, safe: Vault
) -> None:
    with owner.begin() as conn:
        for statement in FILL:
            conn.execute(text(statement), {"many": MANY} if ":many" in statement else {})
    lists: list[dict[str, Any]] = [
        {},
        {"not_of": "eve"},
        {"owner": "anna-15"},
        {"status": Status.RECEIVED},
        {"status": Status.CLOSED, "only_open": False},
        {"status": Status.WAITING_FOR_BUYER},
        {"seller": "s-15"},
        {"buyer": "b-15", "only_open": False},
        {"only_open": False},
        {"overdue_at": datetime(2099, 1, 1, tzinfo=NOW.tzinfo)},
    ]
    with owner.begin() as conn:
        for wanted in lists:
            page = claims.listed(conn, **wanted)
            pages = [wanted, *([wanted | {"after": page[-1].cursor}] if len(page) == 50 else [])]
            for each in pages:
                [(sql, parameters)] = asked(conn, partial(claims.listed, conn, **each))
                scanned, nodes = plan(conn, sql, parameters)
                assert scanned == set(), (wanted, sql)
                assert max(node["Actual Rows"] for node in nodes) <= 101, (wanted, sql)
        [row] = cases.named(conn, "o-15-c1")
        queries = [
            *asked(conn, partial(cases.named, conn, "o-15")),
            *asked(conn, partial(cases.record, conn, safe, row)),
        ]
        assert len(queries) == 5
        for sql, parameters in queries:
            scanned, _ = plan(conn, sql, parameters)
            assert scanned <= EMPTY, sql
