"""Where goods go back to: the address, read by those who may, and what may be named for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from activities.store import personal
from activities.store.desk import attachments
from activities.store.personal import Address
from activities.store.vault import Vault
from domain.claims.case import Claim
from domain.errors import Refused
from domain.state import DESK, Actor, Order


def put_address(conn: Connection, safe: Vault, order_id: str, address: Address) -> None:
    """Store an address that goods may go back to. Raises Conflict when another one has its id there."""
    personal.put_address(conn, safe, order_id, address)


def check_return(conn: Connection, order: Order, actor: Actor, address_id: str, label: str) -> None:
    """Raises Refused unless what is named, "" for nothing, is there for goods to go back to, and never the buyer's."""
    people = {order.seller, actor.id} - {order.buyer}
    if address_id and not personal.has_address(conn, order.order_id, address_id, *people):
        raise Refused("address_unknown", f"order {order.order_id} has no address {address_id} of its seller's")
    if label and not attachments.is_label(conn, order.order_id, label):
        raise Refused(
            "label_unknown", f"order {order.order_id} has no label {label}: a PDF or a picture of its seller's"
        )


def return_address(
    conn: Connection, safe: Vault, order_id: str, claim: Claim, reader: Actor, now: datetime
) -> tuple[str, ...]:
    """The lines of the address that a claim's goods go back to, none for none; a look of the desk is recorded."""
    if not claim.return_to:
        return ()
    desk, about = reader.role in DESK, (safe, order_id, claim.return_to)
    found = personal.look_at_address(conn, *about, reader, now) if desk else personal.get_address(conn, *about)
    return found.lines if found is not None else ()
