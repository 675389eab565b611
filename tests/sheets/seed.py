"""Cases by the thousand, at every status, laid into PostgreSQL as if their orders had lived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.types.json import Jsonb

from activities.store import vault
from activities.store.desk import claims
from activities.store.vault import Vault
from domain import wire
from domain.state import Order, is_over
from domain.summary import summary
from tests.domain.claims_world import AT

SELLERS = 500
STEPS = ("place", "confirm", "ship", "parcel_scan", "open_claim", "answer_claim", "claim_unanswered")
SAID = "It arrived with a crack across the shade, see the photo."


@dataclass(frozen=True)
class Case:
    """One order with its claim, as its rows are written."""

    order_id: str
    buyer: str
    seller: str
    marketplace: str
    snapshot: str
    order: Order
    now: datetime


def models() -> list[tuple[Order, datetime]]:
    """An order at each status of its claim."""
    lives = [make() for _, make in AT.values()]
    return [(life.order, life.now) for life in lives]


def made(count: int, marketplace: str = "test") -> Iterator[Case]:
    """Cases of their own, the statuses in turns."""
    plain = [(wire.canonical(wire.to_plain(order)), order, now) for order, now in models()]
    for number in range(count):
        text, order, now = plain[number % len(plain)]
        order_id, buyer, seller = f"o-{number:06}", f"buyer-{number:06}", f"seller-{number % SELLERS:06}"
        for old, new in (("o-1", order_id), ("buyer-1", buyer), ("seller-1", seller), ("test", marketplace)):
            text = text.replace(f'"{old}"', f'"{new}"').replace(f'"{old}-', f'"{new}-')
        yield Case(order_id, buyer, seller, marketplace, text, order, now)


def lay_down(url: str, safe: Vault, count: int, marketplace: str = "test") -> None:
    """Write so many cases as the owner of the database whose `url` is given."""
    with psycopg.connect(url.replace("+psycopg", "")) as conn:
        found = list(made(count, marketplace))
        _copy(conn, "orders", ORDER, (_order(case) for case in found))
        _copy(conn, "claims", CLAIM, (_claim(case) for case in found))
        _copy(conn, "steps", STEP, (row for case in found for row in _steps(case)))
        _copy(conn, "tickets", TICKET, (row for case in found for row in _tickets(case)))
        keys: dict[str, AESGCM] = {}
        _copy(conn, "data_keys", "subject wrapped", _keys(safe, found, keys))
        _copy(conn, "people", "order_id person_id sealed", _people(found, keys))
        _copy(conn, "notes", "note_id order_id author_role author_id at sealed", _notes(found, keys))
        for table in ("orders", "claims", "steps", "tickets", "people", "data_keys", "notes"):
            conn.execute(f"ANALYZE {table}")


ORDER = (
    "order_id checkout_id marketplace content_hash status stage waiting_on due_at attention reason buyer seller "
    "total_minor currency placed_at updated_at seq epoch snapshot checkout"
)
CLAIM = (
    "order_id claim_id number marketplace buyer seller reason wish lines carriers status owner opened_at since due_at "
    "answered_at escalated_at upstream_at ended_at verdict amount_minor awarded_minor currency"
)
STEP = (
    "order_id seq epoch at step role actor_id source command_id ticket_id before_stage after_stage body events outcome "
    "digest"
)
TICKET = "ticket_id order_id cause subject opened_at due owner escalations status"


def _copy(conn: psycopg.Connection[Any], table: str, names: str, rows: Iterator[tuple[Any, ...]]) -> None:
    query = f"COPY {table} ({', '.join(names.split())}) FROM STDIN"
    with conn.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)


def _order(case: Case) -> tuple[Any, ...]:
    order, shown = case.order, summary(case.order)
    status = "over" if is_over(order) else "open"
    due = None if status == "over" else shown.due
    return (
        case.order_id, case.order_id, case.marketplace, "hash", status, shown.stage.value, shown.waiting_on,
        due, shown.attention, shown.reason, case.buyer, case.seller, order.priced.minor, order.currency,
        order.placed_at, case.now, order.seq, 1, case.snapshot, Jsonb({"order_id": case.order_id}),
    )  # fmt: skip


def _claim(case: Case) -> tuple[Any, ...]:
    row = claims._row(case.order, case.order.claims[0], {}, None, case.now)
    own = {
        "order_id": case.order_id,
        "number": f"{case.order_id}-c1",
        "buyer": case.buyer,
        "seller": case.seller,
        "marketplace": case.marketplace,
        "due_at": case.now + timedelta(minutes=int(case.order_id[2:]) % 9_000),
    }
    values = row | own
    return tuple(Jsonb(values[name]) if name in ("lines", "carriers") else values[name] for name in CLAIM.split())


def _steps(case: Case) -> Iterator[tuple[Any, ...]]:
    for seq in range(1, case.order.seq + 1):
        step = STEPS[(seq - 1) % len(STEPS)]
        at = case.order.placed_at + timedelta(hours=seq)
        opens, of_claim = step == "open_claim", "claim" in step
        body = {"note_id": f"n-{case.order_id}"} if opens else {"claim_id": "c1"} if of_claim else {}
        events = [{"event": "ClaimOpened", "claim": {"claim_id": "c1"}}] if opens else []
        who = ("buyer", case.buyer) if opens else ("seller", "x")
        yield (
            case.order_id, seq, 1, at, step, *who, "update", f"c{seq}", "", "placed",
            "placed", Jsonb(body), Jsonb(events), Jsonb([]), "d",
        )  # fmt: skip


def _tickets(case: Case) -> Iterator[tuple[Any, ...]]:
    for ticket in case.order.tickets:
        ticket_id = ticket.ticket_id.replace("o-1-", f"{case.order_id}-", 1)
        about = (ticket.cause.value, ticket.subject, ticket.opened_at, ticket.due, ticket.owner, ticket.escalations)
        yield ticket_id, case.order_id, *about, "open"


def _keys(safe: Vault, found: list[Case], keys: dict[str, AESGCM]) -> Iterator[tuple[str, bytes]]:
    for subject in _subjects(found):
        key = AESGCM.generate_key(256)
        keys[subject] = AESGCM(key)
        yield subject, vault._encrypt(safe._wrapping, subject, key)


def _subjects(found: list[Case]) -> Iterator[str]:
    yield from dict.fromkeys(
        subject
        for case in found
        for subject in (vault.order(case.order_id), vault.person(case.buyer), vault.person(case.seller))
    )


def _people(found: list[Case], keys: dict[str, AESGCM]) -> Iterator[tuple[str, str, bytes]]:
    for case in found:
        for person_id in (case.buyer, case.seller):
            about = {"name": f"Name of {person_id}", "email": f"{person_id}@mail.example"}
            key = keys[vault.person(person_id)]
            yield case.order_id, person_id, vault._encrypt(key, f"people:{person_id}", vault.pack(about))


def _notes(found: list[Case], keys: dict[str, AESGCM]) -> Iterator[tuple[Any, ...]]:
    for case in found:
        note = f"n-{case.order_id}"
        sealed = vault._encrypt(keys[vault.order(case.order_id)], f"notes:{note}", SAID.encode())
        yield note, case.order_id, "buyer", case.buyer, case.now, sealed
