"""Orders as the sweep sees them: those whose row and workflow do not seem to go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select, text

from activities.store.tables import findings, orders
from domain.comparing.sweep import HALF_RESTARTED, Row

ID = "order_id text PRIMARY KEY"
ENDED = f"{ID}, ended_at timestamptz"


def prepare(conn: Connection) -> None:
    """Make room for the running orders, those of them whose task fails, the runs that ended badly and the suspects; for
    this transaction alone.
    """
    for table in (f"running ({ID})", f"failing ({ID})", f"ended ({ENDED})", f"suspects ({ENDED})"):
        conn.execute(text(f"CREATE TEMP TABLE {table} ON COMMIT DROP"))


def lay_down(conn: Connection, order_ids: Iterable[str]) -> None:
    """Note orders whose workflow runs."""
    noted = text("INSERT INTO running SELECT unnest(CAST(:ids AS text[])) ON CONFLICT DO NOTHING")
    conn.execute(noted, {"ids": list(order_ids)})


def lay_open(conn: Connection, order_ids: Iterable[str]) -> None:
    """Note orders whose workflow runs, and fails its task again and again."""
    noted = text("INSERT INTO failing SELECT unnest(CAST(:ids AS text[])) ON CONFLICT DO NOTHING")
    conn.execute(noted, {"ids": list(order_ids)})


def lay_aside(conn: Connection, ended: Mapping[str, datetime]) -> None:
    """Note orders of which a run ended badly, and when."""
    noted = text(
        "INSERT INTO ended SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:times AS timestamptz[]))"
        " ON CONFLICT (order_id) DO UPDATE SET ended_at = least(ended.ended_at, excluded.ended_at)"
    )
    conn.execute(noted, {"ids": list(ended), "times": list(ended.values())})


_CHOOSE = text(
    """
    WITH apart AS (
    SELECT order_id FROM orders WHERE status IN ('open', 'admitting')
        AND NOT EXISTS (SELECT FROM running WHERE running.order_id = orders.order_id)
    UNION
    SELECT order_id FROM running LEFT JOIN orders USING (order_id)
    WHERE orders.status IS NULL OR orders.status IN ('over', 'refused')
    UNION
    SELECT order_id FROM orders WHERE status = 'open' AND due_at < :late
    UNION
    SELECT order_id FROM failing
    UNION
    SELECT order_id FROM findings WHERE other = :half_restarted
    ), kept AS (
    SELECT order_id, ended_at FROM ended
    UNION ALL
    SELECT order_id, :until FROM findings WHERE status = 'open' AND area = 'runs'
    )
    INSERT INTO suspects
    SELECT order_id, min(ended_at) FROM (
        SELECT order_id, CAST(NULL AS timestamptz) AS ended_at FROM apart
        UNION ALL
        SELECT order_id, kept.ended_at FROM kept JOIN orders USING (order_id) WHERE orders.status IN ('open', 'over')
    ) AS suspect
    GROUP BY order_id
    """
).bindparams(
    *(bindparam(name, type_=orders.c.due_at.type) for name in ("late", "until")), half_restarted=HALF_RESTARTED
)


def choose(conn: Connection, late: datetime, until: datetime) -> None:
    """Choose the orders of which row and workflow do not match, those whose clock passed before `late`, those whose
    workflow fails its task, those whose restart by the sweep may have broken off, and those of which an ended run may
    have kept something: one was laid aside, or a finding is open. For the latter `until` counts as the time when it
    ended.
    """
    conn.execute(text("ANALYZE running, ended"))
    conn.execute(_CHOOSE, {"late": late, "until": until})


def suspects(conn: Connection, after: str, most: int) -> Mapping[str, datetime | None]:
    """Up to `most` of the chosen orders, behind `after`, each with the time when a run of it may have ended badly."""
    query = text("SELECT order_id, ended_at FROM suspects WHERE order_id > :after ORDER BY order_id LIMIT :most")
    return {row.order_id: row.ended_at for row in conn.execute(query, {"after": after, "most": most})}


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
