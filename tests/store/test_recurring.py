"""Which claims count towards what recurs: those of the window, those at its first and its last moment among them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from activities.store.desk import recurring
from activities.store.desk.recurring import Kind, Repeated
from tests.store.rows import NOW

SINCE, SECOND = NOW - timedelta(days=7), timedelta(seconds=1)
LIMITS = {Kind.SELLER: 2, Kind.PRODUCT: 9, Kind.CARRIER: 9, Kind.REASON: 9}
ORDER = """
    INSERT INTO orders (order_id, checkout_id, marketplace, content_hash, status, stage, buyer, seller, total_minor,
        currency, due_at, seq, snapshot, checkout, updated_at, placed_at)
    VALUES (:order_id, 'c', 'demo', 'h', 'open', 'placed', 'b', 's-1', 100, 'EUR', now(), 3, '{}', '{}', now(), now())
"""
CLAIM = """
    INSERT INTO claims (order_id, claim_id, number, marketplace, buyer, seller, reason, wish, lines, carriers, status,
        opened_at, since, amount_minor, awarded_minor, currency)
    VALUES (:order_id, 'c1', :number, 'demo', 'b', 's-1', 'damaged', 'refund', '[]', '[]', 'received', :opened_at,
        :opened_at, 100, 0, 'EUR')
"""


def claimed(conn: Connection, name: str, opened_at: datetime) -> None:
    """A claim about what the shop s-1 has sold."""
    conn.execute(text(ORDER), {"order_id": name})
    conn.execute(text(CLAIM), {"order_id": name, "number": name, "opened_at": opened_at})


def counted(conn: Connection) -> tuple[Repeated, ...]:
    return recurring.repeated(conn, "demo", SINCE, NOW, LIMITS)


def test_a_claim_counts_from_the_first_moment_of_the_window_to_its_last_and_not_a_second_longer(
    conn: Connection,
) -> None:
    claimed(conn, "before", SINCE - SECOND)
    claimed(conn, "first", SINCE)
    claimed(conn, "after", NOW + SECOND)
    assert counted(conn) == (), "one of them is in the window"
    claimed(conn, "last", NOW)
    assert counted(conn) == (Repeated(Kind.SELLER, "s-1", ("first", "last"), "last"),)
