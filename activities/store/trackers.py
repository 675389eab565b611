"""Which parcels are worth asking their carriers about."""

from __future__ import annotations

from sqlalchemy import Connection, select

from activities.store.tables import orders, parcels
from domain.state import Stage

ON_THEIR_WAY = (Stage.PART_SHIPPED.value, Stage.SHIPPED.value)


def on_their_way(conn: Connection) -> tuple[str, ...]:
    """The trackers of parcels whose order waits for a delivery."""
    query = (
        select(parcels.c.tracker_id)
        .join(orders, orders.c.order_id == parcels.c.order_id)
        .where(orders.c.status == "open", orders.c.stage.in_(ON_THEIR_WAY), parcels.c.tracker_id.is_not(None))
    )
    return tuple(sorted(set(conn.scalars(query))))
