"""Tracking numbers that come with a command: they go to the vault and leave no trace in our records."""

from __future__ import annotations

from sqlalchemy import Connection

from activities.store import personal
from activities.store.vault import Vault
from domain.contract import Ask
from domain.desk import reused_number
from domain.events import Event

NUMBER = "tracking_number"
"""The one personal field that a command may carry."""


def keep_number(conn: Connection, safe: Vault, ask: Ask) -> tuple[Event, ...]:
    """Store the number that a shipment brought along; one that another order has used is flagged."""
    body, order = ask.envelope.body, ask.order
    parcel_id = body.get("parcel_id")
    if ask.name != "ship" or not isinstance(parcel_id, str):
        return ()
    if body.get(NUMBER):
        personal.put_parcel(conn, safe, order.order_id, parcel_id, str(body.get("carrier", "")), str(body[NUMBER]))
    return reused_number(order, parcel_id, ask.now) if personal.reused(conn, order.order_id, parcel_id) else ()
