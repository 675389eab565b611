"""People, addresses, parcels' tracking numbers and notes, sealed by the vault. Looks at them are recorded.

All of them are one order's own: what another order is told of the same people changes nothing here.

The dataclasses show only ids in their ``repr``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert as plain_insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from activities.store import vault
from activities.store.desk.message_tables import bounces
from activities.store.tables import addresses, data_keys, looks, notes, orders, parcels, people, steps
from activities.store.vault import Vault
from activities.tracking_advice import normalise
from domain.errors import Conflict, Invalid
from domain.state import Actor, Role


@dataclass(frozen=True, slots=True)
class Person:
    """How to reach a person. `language` is a BCP 47 tag such as ``de``."""

    person_id: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    language: str = "en"
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address of a person, line by line as it stands on a label."""

    address_id: str
    person_id: str
    lines: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ParcelSecrets:
    """What is stored of a parcel beside the order: its number as the carrier writes it, and perhaps a photo."""

    order_id: str
    parcel_id: str
    carrier: str
    number: str = field(repr=False)
    tracker_id: str = ""
    photo: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote about an order, or about the ticket `ticket_id` that the order's state does not know."""

    note_id: str
    order_id: str
    author: Actor
    at: datetime
    text: str = field(repr=False)
    ticket_id: str = ""


def put_person(conn: Connection, safe: Vault, order_id: str, person: Person) -> None:
    """Store what the order knows of the person, or what has changed of it; another mail address has not bounced yet."""
    value = asdict(person)
    person_id = value.pop("person_id")
    sealed = safe.seal(conn, vault.person(person_id), f"people:{person_id}", vault.pack(value))
    new = insert(people).values(order_id=order_id, person_id=person_id, sealed=sealed)
    conn.execute(
        new.on_conflict_do_update(index_elements=["order_id", "person_id"], set_={"sealed": sealed, "at": func.now()})
    )
    other = bounces.c.fingerprint != safe.fingerprint(person.email.encode())
    conn.execute(delete(bounces).where(bounces.c.order_id == order_id, bounces.c.person_id == person_id, other))


def bounced(conn: Connection, safe: Vault, order_id: str, person_id: str, email: str, at: datetime, code: str) -> None:
    """The order's mails to this address of the person come back for good. `code` is the server's status."""
    values = {"at": at, "code": code, "fingerprint": safe.fingerprint(email.encode())}
    new = insert(bounces).values(order_id=order_id, person_id=person_id, **values)
    conn.execute(new.on_conflict_do_update(index_elements=["order_id", "person_id"], set_=values))


def reached(conn: Connection, order_id: str, person_id: str) -> None:
    """A mail to the person has left after all."""
    conn.execute(delete(bounces).where(bounces.c.order_id == order_id, bounces.c.person_id == person_id))


def mark(safe: Vault, given: Iterable[Person], address: Address | None) -> bytes | None:
    """What stands for the people and the address that an order is placed with; None where none are given."""
    told = {person.person_id: asdict(person) for person in given}
    if not told and address is None:
        return None
    lines = list(address.lines) if address else None
    return safe.fingerprint(json.dumps(["placed with", told, lines], sort_keys=True).encode())


def forget_turned_away(conn: Connection, order_id: str) -> None:
    """Remove the people and the address that a refused checkout brought.

    Their keys stay: other orders of the same people have sealed with them.
    """
    mine = orders.c.order_id == order_id, orders.c.status == "refused", orders.c.personal_mark.is_not(None)
    if conn.execute(update(orders).where(*mine).values(personal_mark=None)).rowcount:
        for table in (people, addresses):
            conn.execute(delete(table).where(table.c.order_id == order_id))


_KNOWN_BEFORE = text(
    """
    INSERT INTO people (order_id, person_id, sealed)
    SELECT :order_id, party.person_id, newest.sealed
    FROM unnest(ARRAY[:buyer, :seller]) AS party (person_id)
    CROSS JOIN LATERAL (
        SELECT sealed FROM people JOIN orders USING (order_id)
        WHERE people.person_id = party.person_id AND orders.status IN ('open', 'over')
        ORDER BY people.at DESC LIMIT 1
    ) AS newest
    WHERE NOT EXISTS (SELECT FROM people WHERE order_id = :order_id AND person_id = party.person_id)
    ON CONFLICT DO NOTHING
    """
)


def take_over(conn: Connection, order_id: str, buyer: str, seller: str) -> None:
    """An order that came without one of its people goes by what their newest admitted order knows of them.

    It keeps that from then on: what they tell in later orders changes nothing.
    """
    conn.execute(_KNOWN_BEFORE, {"order_id": order_id, "buyer": buyer, "seller": seller})


_PERSON = (
    select(people.c.sealed, data_keys.c.wrapped)
    .select_from(people.outerjoin(data_keys, data_keys.c.subject == bindparam("subject")))
    .where(people.c.order_id == bindparam("order_id"), people.c.person_id == bindparam("person_id"))
)


def get_person(conn: Connection, safe: Vault, order_id: str, person_id: str) -> Person | None:
    """The person as this order knows them, None when unknown or erased."""
    subject = vault.person(person_id)
    asked = {"order_id": order_id, "person_id": person_id, "subject": subject}
    row = conn.execute(_PERSON, asked).one_or_none()
    return None if row is None else opened(safe, person_id, row.wrapped, row.sealed)


def opened(safe: Vault, person_id: str, wrapped: bytes | None, sealed: bytes | None) -> Person | None:
    """The person, from a row of people and their wrapped key, read together; None without the one or the other."""
    if sealed is None:
        return None
    value = vault.unpack(safe.unseal(wrapped, vault.person(person_id), f"people:{person_id}", sealed))
    return None if value is None else Person(person_id, **value)


def put_address(conn: Connection, safe: Vault, order_id: str, address: Address) -> None:
    """Store an address of the order once. Raises Conflict when another one has its id there."""
    place, subject = f"addresses:{address.address_id}", vault.person(address.person_id)
    values = {
        "order_id": order_id,
        "address_id": address.address_id,
        "person_id": address.person_id,
        "sealed": safe.seal(conn, subject, place, vault.pack({"lines": list(address.lines)})),
    }
    new = insert(addresses).values(values).on_conflict_do_nothing().returning(addresses.c.address_id)
    if conn.execute(new).one_or_none() is None and get_address(conn, safe, order_id, address.address_id) != address:
        raise Conflict(f"order {order_id} has another address under {address.address_id}; store it under another id")


def has_address(conn: Connection, order_id: str, address_id: str, *people: str) -> bool:
    """Whether an address of one of these people is stored for the order under this id."""
    mine = addresses.c.order_id == order_id, addresses.c.address_id == address_id, addresses.c.person_id.in_(people)
    return bool(conn.scalar(select(exists().where(*mine))))


def check_address(conn: Connection, order_id: str, address_id: str, buyer: str) -> None:
    """Raises Invalid unless the address that a checkout names is stored for its order."""
    if not has_address(conn, order_id, address_id, buyer):
        rule = "names no address that is stored for this order and its buyer; give its lines as `address`"
        raise Invalid("address_id", rule)


_ADDRESS = (
    select(addresses.c.person_id, addresses.c.sealed, data_keys.c.wrapped)
    .select_from(addresses.outerjoin(data_keys, data_keys.c.subject == func.concat("person:", addresses.c.person_id)))
    .where(addresses.c.order_id == bindparam("order_id"), addresses.c.address_id == bindparam("address_id"))
)


def get_address(conn: Connection, safe: Vault, order_id: str, address_id: str) -> Address | None:
    """The address, None when the order has none of that id, or it was erased. The desk looks by `look_at_address`."""
    row = conn.execute(_ADDRESS, {"order_id": order_id, "address_id": address_id}).one_or_none()
    if row is None:
        return None
    subject = vault.person(row.person_id)
    value = vault.unpack(safe.unseal(row.wrapped, subject, f"addresses:{address_id}", row.sealed))
    return None if value is None else Address(address_id, row.person_id, tuple(value["lines"]))


def put_parcel(
    conn: Connection, safe: Vault, order_id: str, parcel_id: str, carrier: str, number: str, photo: bytes = b""
) -> None:
    """Store a parcel's tracking number; another number for it loses the tracker of the former.

    A photo that was stored stays until another one comes.
    """
    subject, place = vault.order(order_id), f"parcels:{order_id}:{parcel_id}"
    plain = normalise(number).encode(errors="replace")
    values: dict[str, Any] = {
        "carrier": carrier,
        "sealed": safe.seal(conn, subject, place, plain),
        "fingerprint": safe.fingerprint(plain),
        "photo": safe.seal(conn, subject, f"{place}:photo", photo) if photo else None,
    }
    new = insert(parcels).values(order_id=order_id, parcel_id=parcel_id, **values)
    same = parcels.c.fingerprint == new.excluded.fingerprint
    changes = {
        **values,
        "photo": func.coalesce(new.excluded.photo, parcels.c.photo),
        "tracker_id": case((same, parcels.c.tracker_id), else_=None),
    }
    conn.execute(new.on_conflict_do_update(index_elements=["order_id", "parcel_id"], set_=changes))


_PARCEL = (
    select(parcels, data_keys.c.wrapped)
    .select_from(parcels.outerjoin(data_keys, data_keys.c.subject == bindparam("subject")))
    .where(parcels.c.order_id == bindparam("order_id"), parcels.c.parcel_id == bindparam("parcel_id"))
)


def get_parcel(conn: Connection, safe: Vault, order_id: str, parcel_id: str) -> ParcelSecrets | None:
    """The parcel with its number, for the process itself: a carrier's tracker, the parties' own notices.

    People who look at a number do so by `look`. None when unknown or erased.
    """
    subject, place = vault.order(order_id), f"parcels:{order_id}:{parcel_id}"
    asked = {"order_id": order_id, "parcel_id": parcel_id, "subject": subject}
    row = conn.execute(_PARCEL, asked).one_or_none()
    if row is None:
        return None
    number = safe.unseal(row.wrapped, subject, place, row.sealed)
    if number is None:
        return None
    photo = safe.unseal(row.wrapped, subject, f"{place}:photo", row.photo) if row.photo else None
    return ParcelSecrets(order_id, parcel_id, row.carrier, number.decode(), row.tracker_id or "", photo or b"")


_NUMBERS = (
    select(parcels.c.parcel_id, parcels.c.sealed, data_keys.c.wrapped)
    .select_from(parcels.outerjoin(data_keys, data_keys.c.subject == bindparam("subject")))
    .where(parcels.c.order_id == bindparam("order_id"))
    .order_by(parcels.c.parcel_id)
)


def numbers(conn: Connection, safe: Vault, order_id: str, parcel_ids: Collection[str] | None = None) -> dict[str, str]:
    """The tracking numbers of the order's parcels, or of these, for its parties; without those unknown or erased."""
    subject, found = vault.order(order_id), dict[str, str]()
    for row in conn.execute(_NUMBERS, {"order_id": order_id, "subject": subject}):
        if parcel_ids is not None and row.parcel_id not in parcel_ids:
            continue
        number = safe.unseal(row.wrapped, subject, f"parcels:{order_id}:{row.parcel_id}", row.sealed)
        if number is not None:
            found[row.parcel_id] = number.decode()
    return found


def look(
    conn: Connection, safe: Vault, order_id: str, parcel_ids: Collection[str], actor: Actor, now: datetime
) -> dict[str, str]:
    """As `numbers`, for a person of the desk, whose look at each of them is recorded."""
    found = numbers(conn, safe, order_id, parcel_ids)
    _looked(conn, order_id, actor, now, [{"parcel_id": parcel_id} for parcel_id in found])
    return found


def look_at_address(
    conn: Connection, safe: Vault, order_id: str, address_id: str, actor: Actor, now: datetime
) -> Address | None:
    """As `look`, at an address of the order."""
    found = get_address(conn, safe, order_id, address_id)
    if found is not None:
        _looked(conn, order_id, actor, now, [{"parcel_id": "", "address_id": address_id}])
    return found


def _looked(conn: Connection, order_id: str, actor: Actor, now: datetime, at: list[dict[str, str]]) -> None:
    by = {"order_id": order_id, "role": actor.role.value, "actor_id": actor.id, "at": now}
    if at:
        conn.execute(plain_insert(looks), [{**by, **seen} for seen in at])


_OTHER = parcels.alias("other")
_REUSED = select(
    exists().where(_OTHER.c.fingerprint == parcels.c.fingerprint, _OTHER.c.order_id != parcels.c.order_id)
).where(parcels.c.order_id == bindparam("order_id"), parcels.c.parcel_id == bindparam("parcel_id"))


def reused(conn: Connection, order_id: str, parcel_id: str) -> bool:
    """Whether the parcel's tracking number is known from another order."""
    return bool(conn.scalar(_REUSED, {"order_id": order_id, "parcel_id": parcel_id}))


def set_tracker(conn: Connection, order_id: str, parcel_id: str, tracker_id: str) -> None:
    """The carrier service reports this parcel under `tracker_id`."""
    conn.execute(update(parcels).where(*_parcel(order_id, parcel_id)).values(tracker_id=tracker_id))


def parcels_of_tracker(conn: Connection, tracker_id: str) -> tuple[tuple[str, str], ...]:
    """Order and parcel ids that a tracker reports on; more than one when a number was reused."""
    query = select(parcels.c.order_id, parcels.c.parcel_id).where(parcels.c.tracker_id == tracker_id)
    return tuple((row.order_id, row.parcel_id) for row in conn.execute(query.order_by(*query.selected_columns)))


def _parcel(order_id: str, parcel_id: str) -> tuple[Any, ...]:
    return parcels.c.order_id == order_id, parcels.c.parcel_id == parcel_id


def put_note(conn: Connection, safe: Vault, note: Note) -> None:
    """Store a note once. Raises Conflict when another one has its id."""
    place = f"notes:{note.note_id}"
    values = {
        "note_id": note.note_id,
        "order_id": note.order_id,
        "author_role": note.author.role.value,
        "author_id": note.author.id,
        "at": note.at,
        "sealed": safe.seal(conn, vault.order(note.order_id), place, note.text.encode(errors="replace")),
        "ticket_id": note.ticket_id,
    }
    new = insert(notes).values(values).on_conflict_do_nothing().returning(notes.c.note_id)
    if conn.execute(new).one_or_none() is not None:
        return
    key = data_keys.c.subject == func.concat("order:", notes.c.order_id)
    query = select(notes, data_keys.c.wrapped).select_from(notes.outerjoin(data_keys, key))
    found = _note(safe, conn.execute(query.where(notes.c.note_id == note.note_id)).one())
    if found is None or (found.order_id, found.author, found.text) != (note.order_id, note.author, note.text):
        raise Conflict(f"note {note.note_id} exists with other contents")


def has_note(conn: Connection, order_id: str, note_id: str, author: Actor) -> bool:
    """Whether the author has stored a note under this id for the order."""
    here = (notes.c.note_id == note_id, notes.c.order_id == order_id)
    by = (notes.c.author_role == author.role.value, notes.c.author_id == author.id)
    return bool(conn.scalar(select(exists().where(*here, *by))))


def get_notes(conn: Connection, safe: Vault, order_id: str) -> tuple[Note, ...]:
    """The order's notes, oldest first; none when the order was erased."""
    subject = vault.order(order_id)
    joined = notes.outerjoin(data_keys, data_keys.c.subject == subject)
    query = select(notes, data_keys.c.wrapped).select_from(joined).where(notes.c.order_id == order_id)
    rows = conn.execute(query.order_by(notes.c.at, notes.c.note_id))
    return tuple(note for row in rows if (note := _note(safe, row)) is not None)


def notes_of_ticket(conn: Connection, safe: Vault, order_id: str, ticket_id: str) -> tuple[Note, ...]:
    """What was noted about the order and about the ticket itself, oldest first; none when the order was erased.

    Of the order's notes those alone that a step names: a refused command leaves its words behind.
    """
    named = exists().where(steps.c.order_id == notes.c.order_id, steps.c.body["note_id"].astext == notes.c.note_id)
    about = or_(and_(notes.c.order_id == order_id, named), notes.c.ticket_id == ticket_id)
    key = data_keys.c.subject == func.concat("order:", notes.c.order_id)
    query = select(notes, data_keys.c.wrapped).select_from(notes.outerjoin(data_keys, key)).where(about)
    rows = conn.execute(query.order_by(notes.c.at, notes.c.note_id))
    return tuple(note for row in rows if (note := _note(safe, row)) is not None)


def _note(safe: Vault, row: Row[Any]) -> Note | None:
    value = safe.unseal(row.wrapped, vault.order(row.order_id), f"notes:{row.note_id}", row.sealed)
    author = Actor(Role(row.author_role), row.author_id)
    return None if value is None else Note(row.note_id, row.order_id, author, row.at, value.decode(), row.ticket_id)
