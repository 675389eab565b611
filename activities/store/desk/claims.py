"""Claims as rows, so that people find their work; the order's state decides, and these rows follow it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from activities.store.desk.case_tables import claims
from domain.claims.case import Claim, Status, case_number
from domain.claims.clocks import CLAIM_CLOCKS, UNINSTRUCTED
from domain.deadlines import deadlines
from domain.money import Money, total
from domain.state import Order, Role

WAITING_FOR = {
    **{status: clock.who.value for status, clock in CLAIM_CLOCKS.items()},
    Status.WAITING_LONGER: "carrier",
    Status.ESCALATED: "specialist",
}
"""Whom a claim waits for, by its status; for others, for an appeal or for money."""


def waits_for(status: Status, *, instructed: bool) -> str:
    """Whom a claim waits for; that goods come back waits for the seller until the buyer was told how they do."""
    untold = status is Status.RETURN_REQUESTED and not instructed
    return UNINSTRUCTED.who.value if untold else WAITING_FOR.get(status, "nobody")


ANSWERS = frozenset(
    {
        "answer_claim", "offer_refund", "grant_claim", "decline_offer", "accept_offer", "escalate_claim",
        "escalate_upstream", "answer_upstream",
    }
)  # fmt: skip
"""Steps by which a seller answers a claim."""

SELLERS = frozenset({Role.SELLER.value, Role.PLATFORM.value})
"""Whose such a step is an answer: the marketplace's own fulfilment stands in for the seller, the desk does not."""


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim in a list. `due_at` is when its next clock rings, None when nothing presses; `lines` are ids.

    `ended_at` is None while it is open, also when it had ended before: goods that arrive after that open it again.
    `instructed`: whether the buyer was told how goods go back.
    """

    order_id: str
    claim_id: str
    number: str
    marketplace: str
    buyer: str
    seller: str
    reason: str
    wish: str
    lines: tuple[str, ...]
    carriers: tuple[str, ...]
    status: Status
    owner: str
    opened_at: datetime
    since: datetime
    due_at: datetime | None
    answered_at: datetime | None
    escalated_at: datetime | None
    upstream_at: datetime | None
    ended_at: datetime | None
    verdict: str
    amount: Money
    awarded: Money
    instructed: bool = False

    @property
    def waiting_on(self) -> str:
        """Whom it waits for."""
        return waits_for(self.status, instructed=self.instructed)

    @property
    def cursor(self) -> tuple[datetime | None, str]:
        """Hand it back to get the rows after this one."""
        return self.due_at, self.number


def sync(conn: Connection, order: Order, step: str, role: str, now: datetime) -> None:
    """Write the order's claims as `order` has them after a step of `role`; nothing for an order without claims."""
    if not order.claims:
        return
    due = {clock.subject: clock.at for clock in reversed(deadlines(order)) if clock.tier.startswith("claim:")}
    tickets = {ticket.subject: ticket.due for ticket in order.tickets if ticket.cause.value == "claim"}
    answered = now if step in ANSWERS and role in SELLERS else None
    rows = [_row(order, claim, due | tickets, answered, now) for claim in order.claims]
    new = insert(claims).values(rows)
    kept = ("order_id", "claim_id", "opened_at", "amount_minor", "answered_at")
    moving = {column.name: new.excluded[column.name] for column in claims.c if column.name not in kept}
    first = {"answered_at": func.coalesce(claims.c.answered_at, new.excluded.answered_at)}
    # A decision that was carried out, or appealed against, is still the last one.
    last = {"verdict": func.coalesce(func.nullif(new.excluded.verdict, ""), claims.c.verdict)}
    conn.execute(new.on_conflict_do_update(index_elements=["order_id", "claim_id"], set_={**moving, **first, **last}))


def _row(
    order: Order, claim: Claim, due: dict[str, datetime], answered: datetime | None, now: datetime
) -> dict[str, Any]:
    about = total([order.line(line_id).price for line_id in claim.lines], order.currency)
    awarded = total([part.amount for part in claim.awarded], order.currency)
    parcels = [parcel for line_id in claim.lines for parcel in order.parcels_of(line_id)]
    ruling = claim.ruling.verdict.value if claim.ruling else ""
    return {
        "order_id": order.order_id,
        "claim_id": claim.claim_id,
        "number": case_number(order.order_id, claim.claim_id),
        "marketplace": order.marketplace,
        "buyer": order.buyer,
        "seller": order.seller,
        "reason": claim.reason.value,
        "wish": claim.wish.value,
        "lines": list(claim.lines),
        "carriers": sorted({parcel.carrier for parcel in parcels}),
        "status": claim.status.value,
        "owner": claim.owner,
        "opened_at": claim.opened_at,
        "since": claim.since,
        "due_at": due.get(claim.claim_id) if claim.is_open else None,
        "answered_at": answered if claim.since == now else None,
        "escalated_at": claim.escalated_at,
        "upstream_at": claim.upstream_at,
        "ended_at": None if claim.is_open else claim.since,
        "verdict": ruling,
        "instructed": claim.instructed,
        "amount_minor": about.minor,
        "awarded_minor": awarded.minor,
        "currency": order.currency,
    }


def listed(
    conn: Connection,
    *,
    status: Status | None = None,
    owner: str | None = None,
    seller: str | None = None,
    buyer: str | None = None,
    order_id: str | None = None,
    overdue_at: datetime | None = None,
    only_open: bool = True,
    not_of: str = "",
    limit: int = 50,
    after: tuple[datetime | None, str] | None = None,
) -> tuple[ClaimRow, ...]:
    """Claims that fit all that is given, what is due first on top; one query. `owner` "" takes those nobody has.

    `not_of` leaves out the claims in which that person is a party.
    """
    query = select(claims)
    wanted = {"status": status, "owner": owner, "seller": seller, "buyer": buyer, "order_id": order_id}
    query = query.where(*(claims.c[name] == value for name, value in wanted.items() if value is not None))
    if only_open:
        query = query.where(claims.c.ended_at.is_(None))
    if not_of:
        query = query.where(claims.c.buyer != not_of, claims.c.seller != not_of)
    if overdue_at is not None:
        query = query.where(claims.c.due_at < overdue_at)
    return tuple(read(row) for row in conn.execute(_page(query, limit, after)))


def _page(query: Select[Any], limit: int, after: tuple[datetime | None, str] | None) -> Select[Any]:
    due, number = claims.c.due_at, claims.c.number
    if after is not None:
        last, last_number = after
        later: ColumnElement[bool] = and_(due.is_(None), number > last_number)
        if last is not None:
            later = or_(due > last, and_(due == last, number > last_number), due.is_(None))
        query = query.where(later)
    return query.order_by(due.asc().nulls_last(), number).limit(limit)


def read(row: Row[Any]) -> ClaimRow:
    """A row of the table as frozen data."""
    plain = {field.name: getattr(row, field.name) for field in fields(ClaimRow) if field.name not in _MADE}
    return ClaimRow(
        **plain,
        lines=tuple(row.lines),
        carriers=tuple(row.carriers),
        status=Status(row.status),
        amount=Money(row.amount_minor, row.currency),
        awarded=Money(row.awarded_minor, row.currency),
    )


_MADE = frozenset({"lines", "carriers", "status", "amount", "awarded"})
