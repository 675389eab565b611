from __future__ import annotations

from sqlalchemy import text

from activities.store.database import connect
from demo.up import reports_of
from tests.conftest import Database
from tests.store.rows import NOW, admit


def test_the_reports_that_are_told_of_cover_orders_that_are_ahead_of_our_clock(database: Database) -> None:
    engine = connect(database.url)
    with engine.begin() as conn:
        assert reports_of(conn) == []
        admit(conn, "o-1")
        admit(conn, "o-2")
        conn.execute(
            text("UPDATE orders SET updated_at = :later WHERE order_id = 'o-2'"), {"later": NOW.replace(year=2031)}
        )
        assert reports_of(conn) == ["reports --from 2026-11-24 --to 2031-11-25"]
    engine.dispose()
