"""Personal data, sealed: one key per person and one per order, each wrapped by the master key. Erasing is losing a key.

What is sealed is bound to its table and id, so a value that is moved to another row does not open; a person's may stand
under several orders. Nothing here puts a name, an address, a mail or a tracking number into a ``repr`` or an exception.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, Table, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.desk.case_tables import feedback
from activities.store.desk.message_tables import bounces, message_reads, messages
from activities.store.tables import addresses, attachments, data_keys, notes, orders, parcels, people
from domain.errors import AftersaleError, Invalid

_KEY = 32  # bytes, AES-256
_NONCE = 12  # bytes, as GCM wants it


class Unreadable(AftersaleError):
    """A sealed value does not open: it was changed, moved to another row, or sealed under another master key."""


class Vault:
    """Seals and opens values with the key of their subject (`person`, `order`).

    `master_key` is 32 random bytes in base64; raises Invalid for anything else. It wraps the subjects' keys and marks
    tracking numbers, by two keys derived from it.
    """

    def __init__(self, master_key: str) -> None:
        try:
            master = base64.b64decode(master_key, validate=True)
        except (binascii.Error, ValueError):
            master = b""
        if len(master) != _KEY:
            raise Invalid("master_key", "must be 32 random bytes in base64, e.g. from `openssl rand -base64 32`")
        self._wrapping = AESGCM(_derived(master, b"aftersale data keys"))
        self._marking = _derived(master, b"aftersale fingerprints")

    def seal(self, conn: Connection, subject: str, place: str, value: bytes) -> bytes:
        """`value` under the subject's key, which is made when it is missing. `place` is as for `open`."""
        return _encrypt(AESGCM(self._subject_key(conn, subject)), place, value)

    def open(self, conn: Connection, subject: str, place: str, sealed: bytes) -> bytes | None:
        """What was sealed for `place` (table and id); None when the subject was erased. Raises Unreadable."""
        wrapped = conn.scalar(select(data_keys.c.wrapped).where(data_keys.c.subject == subject))
        return self.unseal(wrapped, subject, place, sealed)

    def unseal(self, wrapped: bytes | None, subject: str, place: str, sealed: bytes) -> bytes | None:
        """As `open`, with the subject's row of data_keys read before; None when there is none."""
        if wrapped is None:
            return None
        return _decrypt(AESGCM(_decrypt(self._wrapping, subject, wrapped)), place, sealed)

    def fingerprint(self, value: bytes) -> bytes:
        """Equal for equal values, and tells nothing about them without the master key."""
        return hmac.digest(self._marking, value, "sha256")

    def _subject_key(self, conn: Connection, subject: str) -> bytes:
        """The subject's key. Of two made at once the first committed stands."""
        mine = select(data_keys.c.wrapped).where(data_keys.c.subject == subject)
        wrapped = conn.scalar(mine)
        if wrapped is None:
            key = AESGCM.generate_key(_KEY * 8)
            new = {"subject": subject, "wrapped": _encrypt(self._wrapping, subject, key)}
            conn.execute(insert(data_keys).values(new).on_conflict_do_nothing())
            wrapped = conn.execute(mine).scalar_one()
        return _decrypt(self._wrapping, subject, wrapped)


def person(person_id: str) -> str:
    """The subject whose key seals a person's data."""
    return f"person:{person_id}"


def order(order_id: str) -> str:
    """The subject whose key seals what belongs to an order: tracking numbers, photos, files, notes, messages."""
    return f"order:{order_id}"


_OF_PEOPLE: tuple[Table, ...] = (addresses, people, bounces)
_OF_ORDERS: tuple[Table, ...] = (attachments, feedback, notes, parcels, messages, message_reads, *_OF_PEOPLE)


def erase(conn: Connection, subject: str) -> None:
    """Shred the key of a `person` or an `order` and remove the rows it sealed. The caller knows whether it may.

    With an order goes what it knows of its people and its address, too; what other orders know of them stays.
    """
    kind, _, name = subject.partition(":")
    conn.execute(delete(data_keys).where(data_keys.c.subject == subject))
    if kind == "person":
        theirs = or_(orders.c.buyer == name, orders.c.seller == name)
        conn.execute(update(orders).where(theirs).values(personal_mark=None))
        for table in _OF_PEOPLE:
            conn.execute(delete(table).where(table.c.person_id == name))
    elif kind == "order":
        conn.execute(update(orders).where(orders.c.order_id == name).values(personal_mark=None))
        for table in _OF_ORDERS:
            conn.execute(delete(table).where(table.c.order_id == name))
    else:
        raise Invalid("subject", f"{kind!r} is neither 'person' nor 'order'")


def pack(value: dict[str, Any]) -> bytes:
    """Plain JSON as bytes to seal."""
    return json.dumps(value).encode()


def unpack(value: bytes | None) -> dict[str, Any] | None:
    """What `pack` packed; nothing stays nothing."""
    return None if value is None else json.loads(value)


def _derived(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=purpose).derive(master)


def _encrypt(key: AESGCM, place: str, value: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + key.encrypt(nonce, value, place.encode())


def _decrypt(key: AESGCM, place: str, sealed: bytes) -> bytes:
    try:
        return key.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
    except (InvalidTag, ValueError):
        raise Unreadable(f"the value at {place} does not open with the key of its subject") from None
