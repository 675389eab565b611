"""Which parcels are worth asking their carriers about."""

from __future__ import annotations

from sqlalchemy import Connection, exists, or_, select

from activities.store.desk.case_tables import claims
from activities.store.tables import orders, parcels
from domain.state import Stage

NEWS_MATTERS = (Stage.PART_SHIPPED.value, Stage.SHIPPED.value, Stage.DELIVERED.value)
"""Delivered counts until the buyer has accepted: a proof may come later, and so may a return or a loss."""


def worth_asking(conn: Connection) -> tuple[str, ...]:
    """The trackers of parcels whose news can still move their order; with an open claim goods may travel back."""
    returning = exists().where(claims.c.order_id == orders.c.order_id, claims.c.ended_at.is_(None))
    query = (
        select(parcels.c.tracker_id)
        .join(orders, orders.c.order_id == parcels.c.order_id)
        .where(orders.c.status == "open", or_(orders.c.stage.in_(NEWS_MATTERS), returning))
        .where(parcels.c.tracker_id.is_not(None))
    )
    return tuple(sorted(set(conn.scalars(query))))
