"""What sheets are written from: one statement for all cases, tickets or orders, read as a stream.

The number of statements does not depend on the number of rows. Names, mail addresses and what people wrote are opened
here. Tracking numbers are in no row: they are opened only to be masked where somebody wrote one.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from activities.store import vault
from activities.store.desk.apart import PARTIES_OF
from activities.store.desk.feedback import place
from activities.store.desk.sheet_logs import LAST_STEPS, LogLine, log_of, mask
from activities.store.vault import Vault
from domain.claim import NAMES
from domain.money import Money
from domain.state import DESK, Actor

BATCH = 1_000
"""Rows that are fetched at once."""

PATIENCE = 300_000
"""Milliseconds that a statement may take."""


@dataclass(frozen=True, slots=True)
class Person:
    """A party as a sheet shows it; the id where nothing else is known."""

    name: str = field(repr=False)
    mail: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a side thought of the handling: 1 is bad, 5 is good."""

    role: str
    score: int
    comment: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OnOrder:
    """What is known of the order behind a row. `lines` and `parcels` are plain, as they stand in its state."""

    order_id: str
    checkout_id: str
    seq: int
    marketplace: str
    zone: str
    stage: str
    waiting_on: str
    due_at: datetime | None
    reason: str
    total: Money
    placed_at: datetime | None
    updated_at: datetime | None
    lines: tuple[dict[str, Any], ...]
    parcels: tuple[dict[str, Any], ...]
    buyer: Person
    seller: Person
    log: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One claim. `offer` is the amount that stands offered; `about` are the ids of the lines it is about."""

    order: OnOrder
    claim_id: str
    number: str
    about: tuple[str, ...]
    reason: str
    wish: str
    status: str
    owner: str
    opened_at: datetime
    due_at: datetime | None
    amount: Money
    offer: Money | None
    awarded: Money
    verdict: str
    finding: str
    back: dict[str, Any] | None
    feedback: tuple[Opinion, ...]


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """One ticket, open or resolved."""

    order: OnOrder
    ticket_id: str
    cause: str
    subject: str
    opened_at: datetime
    due: datetime
    owner: str
    escalations: int
    status: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: those that `reader` may read, and that fit all that is given. `told` are the steps that are told of.

    `only_open` leaves out what has ended.
    """

    reader: Actor
    told: Sequence[str]
    only_open: bool = False
    marketplace: str = ""
    owner: str | None = None


Keys = Sequence[tuple[str, str]]
"""Order and claim, or order and ticket, of the rows of a sheet that came back."""

_ORDER = """
    o.order_id, o.checkout_id, o.seq, o.marketplace, o.stage, o.waiting_on, o.due_at AS order_due_at,
    o.reason AS attention, o.total_minor, o.currency AS order_currency, o.placed_at, o.updated_at, o.buyer, o.seller,
    s.lines AS order_lines, s.parcels, s.desk_calendar ->> 'zone' AS zone,
    pb.sealed AS buyer_sealed, kb.wrapped AS buyer_key, ps.sealed AS seller_sealed, ks.wrapped AS seller_key,
    ko.wrapped AS order_key, log.lines AS log,
    (SELECT jsonb_agg(jsonb_build_array(p.parcel_id, encode(p.sealed, 'base64'))) FROM parcels p
        WHERE p.order_id = o.order_id) AS numbers
"""

# The state is unpacked once for a row: each operator on it would do so again.
_JOINED = """
    CROSS JOIN LATERAL jsonb_to_record(coalesce(o.snapshot, '{}'))
        AS s(lines jsonb, parcels jsonb, claims jsonb, desk_calendar jsonb)
    LEFT JOIN people pb ON pb.order_id = o.order_id AND pb.person_id = o.buyer
    LEFT JOIN data_keys kb ON kb.subject = 'person:' || o.buyer
    LEFT JOIN people ps ON ps.order_id = o.order_id AND ps.person_id = o.seller
    LEFT JOIN data_keys ks ON ks.subject = 'person:' || o.seller
    LEFT JOIN data_keys ko ON ko.subject = 'order:' || o.order_id
"""

_VISIBLE = {
    "buyer": "o.buyer = :reader",
    "seller": "o.seller = :reader",
    **{role.value: "o.buyer <> :reader AND o.seller <> :reader" for role in DESK},
}
"""Parties see their own orders; nobody of the desk sees an order of their own (A4)."""

_CLAIM = """
    c.claim_id, c.number, c.lines AS about, c.reason AS why, c.wish, c.status, c.owner, c.opened_at, c.due_at,
    c.amount_minor, c.awarded_minor, c.verdict, c.currency,
    (SELECT jsonb_agg(jsonb_build_array(f.role, f.score, encode(f.sealed, 'base64')) ORDER BY f.role) FROM feedback f
        WHERE f.order_id = c.order_id AND f.claim_id = c.claim_id AND (:desk OR f.role = :role)) AS feedback,
    (SELECT each FROM jsonb_array_elements(s.claims) AS each WHERE each ->> 'claim_id' = c.claim_id) AS state
"""

_TICKETS = f"(SELECT * FROM tickets WHERE NOT (:reader = ANY ({PARTIES_OF}))) t"  # noqa: S608  # Our own words.
_TICKET = "t.ticket_id, t.cause, t.subject, t.opened_at, t.due, t.owner, t.escalations, t.status, t.outcome"


def begin(conn: Connection) -> None:
    """Let the transaction see one moment throughout, and take the time that many rows need."""
    conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    conn.execute(text(f"SET LOCAL statement_timeout = {PATIENCE}"))


def cases(
    conn: Connection, safe: Vault, wanted: Wanted, keys: Keys | None = None
) -> Generator[CaseRecord | None, None, None]:
    """Claims, what is due first on top; or those of `keys`, in their order, None for each that there is not."""
    rows = _rows(
        conn,
        wanted,
        keys,
        _CLAIM,
        "claims c",
        ("c", "claim_id"),
        "c.ended_at IS NULL",
        "c.due_at, c.number",
        "c.claim_id",
    )
    opener = _Opener(safe, wanted)
    yield from _read(rows, opener, lambda row, order: _case(row, order, opener.feedback(row)))


def tickets(
    conn: Connection, safe: Vault, wanted: Wanted, keys: Keys | None = None
) -> Generator[TicketRecord | None, None, None]:
    """Tickets that stand under an order, as `cases` gives claims."""
    rows = _rows(
        conn, wanted, keys, _TICKET, _TICKETS, ("t", "ticket_id"), "t.status = 'open'", "t.due, t.ticket_id",
        "CASE WHEN t.cause = 'claim' THEN t.subject ELSE '' END",
    )  # fmt: skip
    yield from _read(rows, _Opener(safe, wanted), _ticket)


def orders(conn: Connection, safe: Vault, wanted: Wanted) -> Generator[OnOrder, None, None]:
    """Admitted orders, what is due first on top."""
    query = f"SELECT {_ORDER} FROM orders o {_JOINED} {log_of()} WHERE {_VISIBLE[wanted.reader.role]}"  # noqa: S608  # our own words
    query += " AND o.status = 'open'" if wanted.only_open else " AND o.status IN ('open', 'over')"
    query += " AND (:marketplace = '' OR o.marketplace = :marketplace) ORDER BY o.due_at NULLS LAST, o.order_id"
    opener = _Opener(safe, wanted)
    for row in _streamed(conn, query, _asked(wanted)):
        yield opener.order(row)


def _rows(
    conn: Connection,
    wanted: Wanted,
    keys: Keys | None,
    columns: str,
    table: str,
    key: tuple[str, str],
    is_open: str,
    by: str,
    about: str,
) -> Iterator[Row[Any]]:
    alias, name = key
    joined = f"{table} JOIN orders o ON o.order_id = {alias}.order_id AND {_VISIBLE[wanted.reader.role]}"
    asked, behind = _asked(wanted), _JOINED + log_of(about)
    if keys is None:
        due, number = by.split(", ")
        query = f"SELECT {columns}, {_ORDER} FROM {joined} {behind}"  # noqa: S608  # our own words
        query += " WHERE (:marketplace = '' OR o.marketplace = :marketplace)"
        query += f" AND (CAST(:owner AS text) IS NULL OR {alias}.owner = :owner)"
        query += f" AND {is_open}" if wanted.only_open else ""
        query += f" ORDER BY {due} NULLS LAST, {number}"
    else:
        asked |= {"key_orders": [order for order, _ in keys], "key_names": [one for _, one in keys]}
        query = f"""
            SELECT found.* FROM unnest(CAST(:key_orders AS text[]), CAST(:key_names AS text[]))
                WITH ORDINALITY AS k (key_order, key_name, place)
            LEFT JOIN LATERAL (
                SELECT {columns}, {_ORDER} FROM {joined} {behind}
                WHERE {alias}.order_id = k.key_order AND {alias}.{name} = k.key_name
                    AND (:marketplace = '' OR o.marketplace = :marketplace)
            ) AS found ON true
            ORDER BY k.place
        """  # noqa: S608  # our own words
    return _streamed(conn, query, asked)


def _asked(wanted: Wanted) -> dict[str, Any]:
    return {
        "reader": wanted.reader.id,
        "desk": wanted.reader.role in DESK,
        "role": wanted.reader.role.value,
        "told": list(wanted.told),
        "last": LAST_STEPS,
        "marketplace": wanted.marketplace,
        "owner": wanted.owner,
    }


def _streamed(conn: Connection, query: str, asked: dict[str, Any]) -> Iterator[Row[Any]]:
    used = {name: value for name, value in asked.items() if f":{name}" in query}
    with conn.execution_options(yield_per=BATCH).execute(text(query), used) as found:
        yield from found


def _read(rows: Iterator[Row[Any]], opener: _Opener, of: Callable[[Row[Any], OnOrder], Any]) -> Iterator[Any]:
    for row in rows:
        yield None if row.order_id is None else of(row, opener.order(row))


class _Opener:
    """Opens what is sealed. A party of an order that stands in many rows is opened once as long as it is remembered."""

    _MOST = 10_000

    def __init__(self, safe: Vault, wanted: Wanted) -> None:
        self._safe = safe
        self._desk = wanted.reader.role in DESK
        self._known: dict[tuple[str, bytes | None], Person] = {}

    def order(self, row: Row[Any]) -> OnOrder:
        return OnOrder(
            row.order_id, row.checkout_id, row.seq, row.marketplace, row.zone or "UTC", row.stage, row.waiting_on,
            row.order_due_at, row.attention, Money(row.total_minor, row.order_currency), row.placed_at, row.updated_at,
            tuple(row.order_lines or ()), tuple(row.parcels or ()),
            self._person(row.buyer, row.buyer_key, row.buyer_sealed),
            self._person(row.seller, row.seller_key, row.seller_sealed),
            tuple(self._line(row, *each) for each in row.log or ()),
        )  # fmt: skip

    def _person(self, person_id: str, wrapped: bytes | None, sealed: bytes | None) -> Person:
        known = self._known.get((person_id, sealed))
        if known is None:
            value = None
            if sealed is not None:
                subject, place = vault.person(person_id), f"people:{person_id}"
                value = vault.unpack(self._safe.unseal(wrapped, subject, place, sealed))
            known = Person(value["name"], value["email"] if self._desk else "") if value else Person(person_id, "")
            if len(self._known) >= self._MOST:
                self._known.clear()
            self._known[person_id, sealed] = known
        return known

    def _line(
        self,
        row: Row[Any],
        left_out: int,
        at: str,
        role: str,
        step: str,
        note_id: str | None,
        note: str | None,
        message_id: str | None,
        message: str | None,
    ) -> LogLine:
        written = ""
        if message is not None:
            written = self._written(row, f"messages:{row.order_id}:{message_id}", message)
        elif note is not None and (self._desk or step in NAMES):
            written = self._written(row, f"notes:{note_id}", note)
        return LogLine(datetime.fromisoformat(at), role, step, written, left_out)

    def feedback(self, row: Row[Any]) -> tuple[Opinion, ...]:
        return tuple(
            Opinion(role, score, self._written(row, place(row.order_id, row.claim_id, role), said))
            for role, score, said in row.feedback or ()
        )

    def _written(self, row: Row[Any], place: str, sealed: str) -> str:
        said = self._open(row, place, sealed)
        if not any(map(str.isdigit, said)):  # Every carrier's numbers have digits.
            return said
        return mask(said, (self._open(row, f"parcels:{row.order_id}:{p}", number) for p, number in row.numbers or ()))

    def _open(self, row: Row[Any], place: str, sealed: str) -> str:
        value = self._safe.unseal(row.order_key, vault.order(row.order_id), place, base64.b64decode(sealed))
        return "" if value is None else value.decode()


def _case(row: Row[Any], order: OnOrder, feedback: tuple[Opinion, ...]) -> CaseRecord:
    state = row.state or {}
    offer = (state.get("offer") or {}).get("amount")
    # Of several returns the one that has arrived counts, else the last.
    back = next((each for each in state.get("earlier", ()) if each.get("arrived_at")), state.get("back"))
    return CaseRecord(
        order, row.claim_id, row.number, tuple(row.about), row.why, row.wish, row.status, row.owner, row.opened_at,
        row.due_at, Money(row.amount_minor, row.currency), Money.parse(offer) if offer else None,
        Money(row.awarded_minor, row.currency), row.verdict, state.get("finding") or "", back,
        feedback,
    )  # fmt: skip


def _ticket(row: Row[Any], order: OnOrder) -> TicketRecord:
    names = ("ticket_id", "cause", "subject", "opened_at", "due", "owner", "escalations", "status", "outcome")
    return TicketRecord(order, *(getattr(row, name) for name in names))


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that an order has taken."""

    name: str
    command_id: str
    actor_id: str


@dataclass(frozen=True, slots=True)
class Since:
    """An order as it stands, and the steps it has taken since a sheet was written."""

    snapshot: dict[str, Any]
    steps: tuple[Taken, ...]


def since(conn: Connection, seen: dict[str, int]) -> Iterator[tuple[str, Since]]:
    """Each of these orders with the steps behind the sequence that a sheet had seen; one statement."""
    query = """
        SELECT o.order_id, o.snapshot,
            (SELECT jsonb_agg(jsonb_build_array(step, command_id, actor_id) ORDER BY seq) FROM steps
             WHERE steps.order_id = o.order_id AND steps.seq > k.seq) AS steps
        FROM unnest(CAST(:orders AS text[]), CAST(:seqs AS int[])) AS k (order_id, seq)
        JOIN orders o ON o.order_id = k.order_id
        WHERE o.snapshot IS NOT NULL
    """
    asked = {"orders": list(seen), "seqs": list(seen.values())}
    for row in _streamed(conn, query, asked):
        yield row.order_id, Since(row.snapshot, tuple(Taken(*step) for step in row.steps or ()))


def owners(conn: Connection) -> tuple[str, ...]:
    """Everybody who has a claim or a ticket, for a list to choose from; the five hundred first by name."""
    query = text(
        "SELECT owner FROM claims WHERE owner <> '' UNION SELECT owner FROM tickets WHERE owner <> '' "
        "ORDER BY owner LIMIT 500"
    )
    return tuple(conn.scalars(query))
