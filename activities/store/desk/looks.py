"""Looks of the desk at tracking numbers that stand where nobody meant them to: in what people wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection

from activities.store import personal
from activities.store.desk import messages
from activities.store.desk.sheet_logs import holds
from activities.store.vault import Vault
from domain.state import DESK, Actor


def look_at_words(
    conn: Connection,
    safe: Vault,
    order_id: str,
    words: Iterable[str],
    reader: Actor,
    now: datetime,
    known: Collection[str] = (),
) -> None:
    """Put on record that a person of the desk reads these texts, for each parcel of the order whose number they hold.

    A number is found as sheets find it, whatever stands between its digits. `known` are parcels whose look is on record
    already. One query, and one more where a number is found; none for a party, who may see all of them.
    """
    if reader.role not in DESK:
        return
    texts = tuple(words)
    numbers = personal.numbers(conn, safe, order_id)
    seen = [each for each, number in numbers.items() if each not in known and any(holds(t, number) for t in texts)]
    messages.looked(conn, order_id, seen, reader, now)
