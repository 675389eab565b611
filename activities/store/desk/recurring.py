"""Issues that recur: claims counted by seller, product, carrier and reason, with one ticket for each that is too much.

While its ticket is open, a subject's new claims are added to it. After a person has ended the ticket only claims that
no ticket has listed count towards another one: what was looked at is not asked about again, and all else counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from activities.store import orders
from activities.store.desk.apart import is_party
from activities.store.desk.case_tables import recurring
from activities.store.desk.tickets import RECURRING, open_apart
from activities.store.tables import tickets
from domain import wire
from domain.state import Order


class Kind(StrEnum):
    """What claims have in common."""

    SELLER = "seller"
    PRODUCT = "product"
    CARRIER = "carrier"
    REASON = "reason"


@dataclass(frozen=True, slots=True)
class Repeated:
    """A subject with too many claims in the window: their numbers, the oldest first, and the order of the newest."""

    kind: Kind
    subject: str
    claims: tuple[str, ...]
    newest: str


@dataclass(frozen=True, slots=True)
class RecurringRow:
    """A recurring issue with its ticket. Its claims were made since `since`; `seen_at` is when they were last counted.

    `times` is how often a ticket was opened for it.
    """

    marketplace: str
    kind: str
    subject: str
    ticket_id: str
    times: int
    claims: tuple[str, ...]
    since: datetime
    opened_at: datetime
    seen_at: datetime
    order_id: str
    due: datetime
    owner: str
    status: str


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('recurring:' || :marketplace, 0))")

_REPEATED = text(
    r"""
    WITH recent AS (
        SELECT number, order_id, opened_at, seller, reason, carriers, lines
        FROM claims WHERE marketplace = :marketplace AND opened_at >= :since AND opened_at <= :now
    ), named AS (
        SELECT 'seller' AS kind, seller AS subject, number, order_id, opened_at FROM recent
        UNION ALL
        SELECT 'reason', reason, number, order_id, opened_at FROM recent
        UNION ALL
        SELECT 'carrier', upper(btrim(regexp_replace(carrier, '\s+', ' ', 'g'))), number, order_id, opened_at
        FROM recent, jsonb_array_elements_text(carriers) carrier
        UNION
        SELECT 'product', coalesce(nullif(line ->> 'sku', ''), (line ->> 'title') || ' of ' || recent.seller),
            number, order_id, opened_at
        FROM recent JOIN orders USING (order_id), jsonb_array_elements(orders.checkout -> 'lines') line
        WHERE recent.lines ? (line ->> 'line_id')
    )
    SELECT named.kind, named.subject, jsonb_agg(number ORDER BY named.opened_at, number) AS claims,
        (array_agg(named.order_id ORDER BY named.opened_at DESC, number DESC))[1] AS newest
    FROM named
    LEFT JOIN recurring known
        ON known.marketplace = :marketplace AND known.kind = named.kind AND known.subject = named.subject
    LEFT JOIN tickets ON tickets.ticket_id = known.ticket_id
    WHERE named.subject <> ''
        AND (tickets.ticket_id IS NULL OR tickets.status = 'open' OR NOT (known.claims || known.before) ? named.number)
    GROUP BY named.kind, named.subject
    HAVING count(*) >= (CAST(:limits AS jsonb) ->> named.kind)::integer
    ORDER BY named.kind, named.subject
    """
)


def repeated(
    conn: Connection, marketplace: str, since: datetime, now: datetime, limits: Mapping[Kind, int]
) -> tuple[Repeated, ...]:
    """Subjects with as many claims in [since, now] as `limits` say, or more; one query. Locks out other counts."""
    conn.execute(_LOCK, {"marketplace": marketplace})
    asked = {"marketplace": marketplace, "since": since, "now": now}
    rows = conn.execute(_REPEATED, {**asked, "limits": wire.canonical({kind.value: n for kind, n in limits.items()})})
    return tuple(Repeated(Kind(row.kind), row.subject, tuple(row.claims), row.newest) for row in rows)


def report(conn: Connection, marketplace: str, found: Repeated, since: datetime, now: datetime) -> bool:
    """Open the subject's ticket, or add to the one that is open; whether a ticket was opened."""
    mine = (
        recurring.c.marketplace == marketplace,
        recurring.c.kind == found.kind.value,
        recurring.c.subject == found.subject,
    )
    known = conn.execute(
        select(recurring, tickets.c.status).join(tickets, tickets.c.ticket_id == recurring.c.ticket_id).where(*mine)
    ).one_or_none()
    if known is not None and known.status == "open":
        every = list(dict.fromkeys((*known.claims, *found.claims)))
        conn.execute(update(recurring).where(*mine).values(claims=every, seen_at=now))
        return False
    times, before = (1, []) if known is None else (known.times + 1, [*known.before, *known.claims])
    order = wire.from_plain(Order, orders.snapshot(conn, found.newest))
    ticket_id = f"{found.newest}-{RECURRING}-{wire.digest([marketplace, found.kind.value, found.subject])[:8]}-{times}"
    open_apart(conn, order, ticket_id, RECURRING, f"{found.kind} {found.subject}", now)
    row: dict[str, Any] = {
        "ticket_id": ticket_id,
        "times": times,
        "claims": list(found.claims),
        "before": before,
        "since": since,
        "opened_at": now,
        "seen_at": now,
    }
    subject = {"marketplace": marketplace, "kind": found.kind.value, "subject": found.subject}
    new = insert(recurring).values(**subject, **row)
    conn.execute(new.on_conflict_do_update(index_elements=list(subject), set_=row))
    return True


def listed(conn: Connection, *, only_open: bool = True, not_of: str = "", limit: int = 50) -> tuple[RecurringRow, ...]:
    """Recurring issues, the one with most claims on top. `not_of` leaves out those with a claim of that person."""
    query = (
        _rows()
        .where(~is_party(not_of))
        .order_by(func.jsonb_array_length(recurring.c.claims).desc(), recurring.c.ticket_id)
        .limit(limit)
    )
    return tuple(_row(row) for row in conn.execute(query.where(tickets.c.status == "open") if only_open else query))


def of_ticket(conn: Connection, ticket_id: str) -> RecurringRow | None:
    """The recurring issue that a ticket is, or was, about."""
    row = conn.execute(_rows().where(recurring.c.ticket_id == ticket_id)).one_or_none()
    return None if row is None else _row(row)


def _rows() -> Select[Any]:
    ticket = (tickets.c[name] for name in ("order_id", "due", "owner", "status"))
    return select(recurring, *ticket).join(tickets, tickets.c.ticket_id == recurring.c.ticket_id)


def _row(row: Any) -> RecurringRow:
    plain = {name: getattr(row, name) for name in RecurringRow.__dataclass_fields__ if name != "claims"}
    return RecurringRow(claims=tuple(row.claims), **plain)
