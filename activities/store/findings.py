"""Findings as rows: one for each disagreement, with one ticket, as long as it lasts; and the runs that look for them.

A finding ends when a run of its area does not see it any more, or when a person ends it. What a person ended stays
ended while nothing about it changes; what a run saw healed is open again when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.desk.tickets import RECONCILIATION, due_apart
from activities.store.tables import findings, orders, reconciliations, tickets
from domain import wire
from domain.comparing.reconcile import Finding
from domain.errors import AftersaleError
from domain.money import Money
from domain.state import Order, Outcome

HEALED = "healed"
"""Who resolved a finding that a later run does not see."""

MENDED = "mended"
"""Who resolved a finding that the sweep has mended itself."""

WITHOUT_ORDER = timedelta(days=1)
"""When the ticket of a finding is due that no calendar of an order tells of."""


class Area(StrEnum):
    """What a run compares: the books, or rows and workflows."""

    MONEY = "money"
    RUNS = "runs"


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as it is on record. `ours` and `theirs` are amounts with their signs, None where there is none.

    `resolved_by` is ``healed``, ``mended`` or the command of a person, "" while it is open.
    """

    finding_id: int
    area: str
    kind: str
    order_id: str
    verb: str
    seq: int
    ref: str
    ours: Money | None
    theirs: Money | None
    other: str
    first_run: str
    first_seen: datetime
    last_run: str
    last_seen: datetime
    ticket_id: str
    status: str
    resolved_by: str
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run over one area, comparing what lies in [since, until). `finished_at` is None while it has not ended."""

    run_id: str
    area: str
    since: datetime
    until: datetime
    started_at: datetime
    finished_at: datetime | None
    counts: dict[str, int]


class Busy(AftersaleError):
    """Another run over the area is under way."""


@contextmanager
def alone(engine: Engine, area: Area) -> Iterator[None]:
    """Only one run over an area at a time, over all workers; PostgreSQL lets go when a worker dies. Raises Busy.

    Each run ends what it has not seen, so two at once would end each other's findings.
    """
    name = {"name": f"aftersale {RECONCILIATION} {area}"}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        if not conn.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), name):
            raise Busy(f"another run over {area} is under way")
        try:
            yield
        finally:
            conn.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), name)


def begin(conn: Connection, run: RunRow) -> RunRow:
    """Write a run down; one that goes on after a crash has the window that it began with."""
    row = {name: getattr(run, name) for name in ("run_id", "area", "since", "until", "started_at")}
    conn.execute(insert(reconciliations).values(row).on_conflict_do_nothing())
    return _run(conn.execute(select(reconciliations).where(reconciliations.c.run_id == run.run_id)).one())


def finish(conn: Connection, run_id: str, now: datetime, counts: dict[str, int], until: datetime | None = None) -> None:
    """The run has compared everything; with `until`, all that lies before that."""
    ended = {"finished_at": now, "counts": counts} | ({} if until is None else {"until": until})
    conn.execute(update(reconciliations).where(reconciliations.c.run_id == run_id).values(ended))


def last(conn: Connection, area: Area, *, finished: bool = False) -> RunRow | None:
    """The latest run over an area, or the latest that ended."""
    runs = reconciliations.c
    query = (
        select(reconciliations).where(runs.area == area.value).order_by(runs.started_at.desc(), runs.run_id).limit(1)
    )
    row = conn.execute(query.where(runs.finished_at.is_not(None)) if finished else query).one_or_none()
    return None if row is None else _run(row)


def report(conn: Connection, run_id: str, area: Area, found: Finding, now: datetime, resolved_by: str = "") -> bool:
    """Put a finding on record, with a ticket when it is new or open again; whether it is.

    With `resolved_by` it ends at once and needs no ticket.
    """
    mine = (findings.c.kind == found.kind.value, findings.c.subject == found.subject)
    known = conn.execute(select(findings).where(*mine).with_for_update()).one_or_none()
    seen: dict[str, Any] = {**_contents(found), "last_run": run_id, "last_seen": now}
    if known is None:
        first = {"area": area.value, "kind": found.kind.value, "subject": found.subject}
        begun = {**first, **seen, "first_run": run_id, "first_seen": now}
        known = conn.execute(insert(findings).values(begun).returning(findings)).one()
        opened = True
    else:
        changed = any(getattr(known, name) != value for name, value in _contents(found).items())
        opened = known.status == "resolved" and (changed or known.resolved_by in (HEALED, MENDED))
        if opened:
            seen |= {"status": "open", "resolved_by": "", "resolved_at": None, "times_opened": known.times_opened + 1}
            seen |= {"first_run": run_id, "first_seen": now}
        known = conn.execute(update(findings).where(*mine).values(seen).returning(findings)).one()
    if resolved_by:
        _resolve(conn, known.id, resolved_by, now)
    elif opened:
        ticket_id = _open_ticket(conn, known, found, now)
        conn.execute(update(findings).where(findings.c.id == known.id).values(ticket_id=ticket_id))
    return opened


def heal(conn: Connection, run_id: str, area: Area, now: datetime) -> int:
    """End every open finding of the area that this run, which saw everything, has not seen; how many."""
    gone = select(findings.c.id).where(
        findings.c.status == "open", findings.c.area == area.value, findings.c.last_run != run_id
    )
    ids = list(conn.scalars(gone.with_for_update()))
    for finding_id in ids:
        _resolve(conn, finding_id, HEALED, now)
    if area is Area.RUNS:
        # A sweep sees every order. What a person explained and is gone would be news if it came back.
        mine = findings.c.status == "resolved", findings.c.area == area.value, findings.c.last_run != run_id
        conn.execute(update(findings).where(*mine, findings.c.resolved_by != MENDED).values(resolved_by=HEALED))
    return len(ids)


def keep(conn: Connection, run_id: str, area: Area, order_id: str) -> None:
    """What was found about an order stays as it is: this run could not tell."""
    mine = findings.c.order_id == order_id, findings.c.area == area.value
    conn.execute(update(findings).where(*mine).values(last_run=run_id))


def accept(conn: Connection, finding_id: int, by: str, now: datetime) -> bool:
    """A person ends a finding by the command `by`, and its ticket with it; False when no open one has that id."""
    return _accept(conn, findings.c.id == finding_id, by, now)


def accept_ticket(conn: Connection, order_id: str, ticket_id: str, by: str, now: datetime) -> bool:
    """The same by the ticket of an order; False when it is about no open finding."""
    return _accept(conn, (findings.c.ticket_id == ticket_id) & (findings.c.order_id == order_id), by, now)


def _accept(conn: Connection, which: ColumnElement[bool], by: str, now: datetime) -> bool:
    finding_id = conn.scalar(select(findings.c.id).where(which, findings.c.status == "open").with_for_update())
    if finding_id is None:
        return False
    _resolve(conn, finding_id, by, now)
    return True


def mended_since(conn: Connection, found: Finding, since: datetime) -> bool:
    """Whether the sweep has mended the very same since then."""
    mine = (findings.c.kind == found.kind.value, findings.c.subject == found.subject)
    query = select(findings.c.id).where(*mine, findings.c.resolved_by == MENDED, findings.c.resolved_at >= since)
    return conn.scalar(query) is not None


def get(conn: Connection, finding_id: int) -> FindingRow | None:
    """The finding of that id."""
    row = conn.execute(select(findings).where(findings.c.id == finding_id)).one_or_none()
    return None if row is None else _finding(row)


def listed(
    conn: Connection, *, only_open: bool = True, order_id: str = "", kind: str = "", limit: int = 50
) -> tuple[FindingRow, ...]:
    """Findings that fit all that is given, the oldest first."""
    query = select(findings).order_by(findings.c.first_seen, findings.c.id).limit(limit)
    if only_open:
        query = query.where(findings.c.status == "open")
    wanted = {"order_id": order_id, "kind": kind}
    query = query.where(*(findings.c[name] == value for name, value in wanted.items() if value))
    return tuple(_finding(row) for row in conn.execute(query))


def count_open(conn: Connection) -> int:
    """How many findings are open."""
    return int(conn.execute(select(func.count()).where(findings.c.status == "open")).scalar_one())


def _contents(found: Finding) -> dict[str, Any]:
    """What a finding says, besides which one it is."""
    amounts = {"ours": found.ours, "theirs": found.theirs}
    said: dict[str, Any] = {name: getattr(found, name) for name in ("order_id", "verb", "seq", "ref", "other")}
    for name, amount in amounts.items():
        said[f"{name}_minor"] = None if amount is None else amount.minor
        said[f"{name}_currency"] = None if amount is None else amount.currency
    return said


def _resolve(conn: Connection, finding_id: int, by: str, now: datetime) -> None:
    ended = {"status": "resolved", "resolved_by": by, "resolved_at": now}
    ticket_id = conn.scalar(
        update(findings).where(findings.c.id == finding_id).values(ended).returning(findings.c.ticket_id)
    )
    outcome = Outcome.ACT if by in (HEALED, MENDED) else Outcome.NO_CHANGE
    stands = tickets.c.ticket_id == ticket_id, tickets.c.status == "open"
    conn.execute(update(tickets).where(*stands).values(**ended, outcome=outcome.value))


def _open_ticket(conn: Connection, row: Row[Any], found: Finding, now: datetime) -> str:
    """Ask a person, once for each time that the finding is open; gives the ticket's id."""
    order = conn.execute(
        select(orders.c.order_id, orders.c.snapshot).where(orders.c.order_id == found.order_id)
    ).one_or_none()
    ticket_id = "-".join(filter(None, (found.order_id, RECONCILIATION, str(row.id))))
    again = f"-{row.times_opened}" if row.times_opened > 1 else ""
    ticket = {
        "ticket_id": ticket_id + again,
        "order_id": None if order is None else order.order_id,
        "cause": RECONCILIATION,
        "subject": " ".join(filter(None, (found.kind.value, found.ref))),
        "opened_at": now,
        "due": _due(None if order is None else order.snapshot, now),
    }
    conn.execute(insert(tickets).values(ticket))
    return ticket_id + again


def _due(snapshot: dict[str, Any] | None, now: datetime) -> datetime:
    """When the desk should have looked, on its own calendar where one is known."""
    if snapshot is None:
        return now + WITHOUT_ORDER
    return due_apart(wire.from_plain(Order, snapshot), now)


def _amount(minor: int | None, currency: str | None) -> Money | None:
    return None if minor is None or currency is None else Money(minor, currency)


def _finding(row: Row[Any]) -> FindingRow:
    return FindingRow(
        row.id,
        row.area,
        row.kind,
        row.order_id,
        row.verb,
        row.seq,
        row.ref,
        _amount(row.ours_minor, row.ours_currency),
        _amount(row.theirs_minor, row.theirs_currency),
        row.other,
        row.first_run,
        row.first_seen,
        row.last_run,
        row.last_seen,
        row.ticket_id or "",
        row.status,
        row.resolved_by,
        row.resolved_at,
    )


def _run(row: Row[Any]) -> RunRow:
    return RunRow(row.run_id, row.area, row.since, row.until, row.started_at, row.finished_at, row.counts)
