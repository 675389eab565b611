"""Orders as the sweep sees them: those whose row and workflow do not seem to go together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select, text

from activities.store.tables import findings, orders
from domain.comparing.sweep import HALF_RESTARTED, Row


def prepare(conn: Connection) -> None:
    """Make room for the running orders and the suspects; for this transaction alone."""
    for table in ("running", "suspects"):
        conn.execute(text(f"CREATE TEMP TABLE {table} (order_id text PRIMARY KEY) ON COMMIT DROP"))


def lay_down(conn: Connection, order_ids: Iterable[str]) -> None:
    """Note orders whose workflow runs."""
    noted = text("INSERT INTO running SELECT unnest(CAST(:ids AS text[])) ON CONFLICT DO NOTHING")
    conn.execute(noted, {"ids": list(order_ids)})


_CHOOSE = text(
    """
    INSERT INTO suspects
    SELECT order_id FROM orders WHERE status IN ('open', 'admitting')
        AND NOT EXISTS (SELECT FROM running WHERE running.order_id = orders.order_id)
    UNION
    SELECT order_id FROM running LEFT JOIN orders USING (order_id)
    WHERE orders.status IS NULL OR orders.status IN ('over', 'refused')
    UNION
    SELECT order_id FROM orders WHERE status = 'open' AND due_at < :late
    UNION
    SELECT order_id FROM findings WHERE other = :half_restarted
    """
).bindparams(bindparam("late", type_=orders.c.due_at.type), half_restarted=HALF_RESTARTED)


def choose(conn: Connection, late: datetime) -> None:
    """Choose the orders of which row and workflow do not match, those whose clock passed before `late`, and those
    whose restart by the sweep may have broken off.
    """
    conn.execute(text("ANALYZE running"))
    conn.execute(_CHOOSE, {"late": late})


def suspects(conn: Connection, after: str, most: int) -> list[str]:
    """Up to `most` of the chosen orders, behind `after`."""
    query = text("SELECT order_id FROM suspects WHERE order_id > :after ORDER BY order_id LIMIT :most")
    return list(conn.scalars(query, {"after": after, "most": most}))


def row(conn: Connection, order_id: str) -> Row | None:
    """What the sweep looks at of an order; None when there is none of that id."""
    names = ("status", "due_at", "claimed_at", "seq", "epoch")
    half = (
        exists()
        .where(findings.c.order_id == orders.c.order_id, findings.c.other == HALF_RESTARTED)
        .label("half_restarted")
    )
    query = select(*(orders.c[name] for name in names), half).where(orders.c.order_id == order_id)
    found = conn.execute(query).one_or_none()
    return None if found is None else Row(**found._asdict())
