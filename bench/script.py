"""What is sent in a smooth life, prepared beforehand: a start and four messages, for an order as for a bare one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activities.store import personal
from demo.life import Life
from demo.post import relay
from demo.world import Connections, World
from domain import wire
from domain.confirm import Confirm
from domain.contract import Envelope
from domain.parcels.parcel import Milestone, Proof
from domain.parcels.ship import ParcelScan, Ship
from domain.receive import Receive
from domain.state import Actor, Role
from starter import documents

Json = Mapping[str, Any]
PARCEL, CARRIER = "p1", "DHL"


@dataclass(frozen=True, slots=True)
class Script:
    """One life: what it starts from, then name, message and whether it is a signal, in the order of sending."""

    order_id: str
    start: Json
    messages: tuple[tuple[str, Json, bool], ...]


async def of_an_order(order_id: str, around: World, held: Connections) -> Script:
    """A storefront's part is done: the buyer's money is held, the order's row and the people's data are stored."""
    life = Life(order_id, around, held, relay(around, held.engine, held.vault), lambda *_: None)
    ready = documents.read(await life.checkout())
    await asyncio.to_thread(life.records.claim, [ready])

    def keep_number() -> None:
        with held.engine.begin() as conn:
            number = f"JD{abs(hash(order_id)) % 10**18:018d}"
            personal.put_parcel(conn, held.vault, order_id, PARCEL, CARRIER, number)

    await asyncio.to_thread(keep_number)
    return Script(order_id, ready.plain, _messages(order_id, life.seller, life.buyer))


def of_a_bare_one(order_id: str) -> Script:
    """The same contents, with a payment that nobody holds."""
    start = {
        "order_id": order_id,
        "marketplace": "standard",
        "buyer": {"person_id": f"buyer-{order_id}"},
        "seller": {"person_id": f"seller-{order_id}", "account": f"acct_{order_id}"},
        "lines": [
            {"line_id": "L1", "title": "Camera, used", "price": "40.00 EUR"},
            {"line_id": "L2", "title": "Lens, used", "price": "20.00 EUR"},
        ],
        "shipping": "4.90 EUR",
        "total": "64.90 EUR",
        "address_id": "a" * 32,
        "payment": {"payment_intent": "pi_0000000000000000"},
    }
    seller, buyer = Actor(Role.SELLER, f"seller-{order_id}"), Actor(Role.BUYER, f"buyer-{order_id}")
    return Script(order_id, start, _messages(order_id, seller, buyer))


def _messages(order_id: str, seller: Actor, buyer: Actor) -> tuple[tuple[str, Json, bool], ...]:
    scan = ParcelScan(PARCEL, Milestone.DELIVERED, datetime.now(UTC), Proof.WEAK)
    sent = (
        ("confirm", seller, Confirm(), False),
        ("ship", seller, Ship(PARCEL, CARRIER), False),
        ("parcel_scan", Actor(Role.CARRIER, "easypost"), scan, True),
        ("receive", buyer, Receive(), False),
    )
    return tuple(
        (name, wire.to_plain(Envelope(f"{order_id}-{name}", actor, wire.to_plain(body))), signal)
        for name, actor, body, signal in sent
    )
