"""One reader per screen, in one or two queries each, as frozen data. Screens read PostgreSQL, never a workflow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from activities.store.desk.apart import PARTIES, is_party
from activities.store.desk.messages import bouncing, bouncing_roles
from activities.store.desk.tickets import is_led
from activities.store.ledger import OrderMoney, money_columns, money_of
from activities.store.tables import (
    NEVER,
    falls_due,
    has_begun,
    ledger_entries,
    ledger_transactions,
    orders,
    refusals,
    steps,
    tickets,
)
from domain import wire
from domain.money import Money
from domain.state import Cause

T = TypeVar("T")

Cursor = tuple[datetime | None, str]
"""Where a page ended: the due time and id of its last row."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order in a list, in order time. `status` is ``open`` or ``over``, before that ``admitting`` or ``refused``."""

    order_id: str
    checkout_id: str
    marketplace: str
    status: str
    stage: str
    waiting_on: str
    due_at: datetime | None
    attention: bool
    reason: str
    buyer: str
    seller: str
    total: Money
    placed_at: datetime | None
    updated_at: datetime | None
    seq: int
    epoch: int

    @property
    def cursor(self) -> Cursor:
        """Hand it back to get the rows after this one."""
        return self.due_at, self.order_id


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step of an order's story. `recorded_at` is the wall clock's time, `at` the order's own.

    `events` are what was decided, `outcome` what became of its money.
    """

    seq: int
    epoch: int
    at: datetime
    recorded_at: datetime
    step: str
    role: str
    actor_id: str
    source: str
    command_id: str
    ticket_id: str
    before_stage: str
    after_stage: str
    body: dict[str, Any]
    events: tuple[dict[str, Any], ...]
    outcome: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A signal that was refused, or a message that nobody could read."""

    at: datetime
    name: str
    command_id: str
    role: str
    actor_id: str
    code: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket; that of a finding may be about no order.

    `outcome`, `resolved_by` (a step's name) and `resolved_at` are empty while it is open.
    """

    ticket_id: str
    order_id: str | None
    cause: str
    subject: str
    opened_at: datetime
    due: datetime
    owner: str
    escalations: int
    status: str
    outcome: str
    resolved_by: str
    resolved_at: datetime | None

    @property
    def cursor(self) -> Cursor:
        """Hand it back to get the rows after this one."""
        return self.due, self.ticket_id


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to an order and what was refused, oldest first."""

    steps: tuple[StoryStep, ...]
    refusals: tuple[RefusedMessage, ...]


@dataclass(frozen=True, slots=True)
class OrderScreen:
    """All that is told of one order. `checkout` is what the buyer was told, `snapshot` the state, both plain JSON.

    `bounced` are the roles of those parties to whom mails bounce. `begun` is a step that is not recorded although its
    money may have moved.
    """

    row: OrderRow
    money: OrderMoney
    checkout: dict[str, Any]
    snapshot: dict[str, Any] | None
    story: Story
    tickets: tuple[TicketRow, ...]
    bounced: tuple[str, ...] = ()
    begun: dict[str, Any] | None = None


def order_screen(conn: Connection, order_id: str) -> OrderScreen | None:
    """Everything about one order in two queries; None when there is none of that id."""
    booked = orders.outerjoin(ledger_transactions).outerjoin(ledger_entries)
    own = (orders.c.checkout, orders.c.snapshot, orders.c.under_way)
    query = select(*_listed(), *own, *money_columns(), *bouncing()).select_from(booked)
    row = conn.execute(query.where(orders.c.order_id == order_id).group_by(orders.c.order_id)).one_or_none()
    if row is None:
        return None
    about = conn.execute(
        select(
            _all(StoryStep, steps, order_id, steps.c.seq),
            _all(RefusedMessage, refusals, order_id, refusals.c.id),
            _all(TicketRow, tickets, order_id, tickets.c.opened_at),
        )
    ).one()
    story_ = Story(_read(StoryStep, about[0]), _read(RefusedMessage, about[1]))
    open_and_done, bounced = _read(TicketRow, about[2]), bouncing_roles(row.buyer_bounces, row.seller_bounces)
    parts = (row.checkout, row.snapshot, story_, open_and_done, bounced, row.under_way)
    return OrderScreen(_order_row(row), money_of(row), *parts)


def story(conn: Connection, order_id: str) -> Story:
    """The order's steps and refused messages; empty for an unknown order."""
    taken, refused = conn.execute(
        select(_all(StoryStep, steps, order_id, steps.c.seq), _all(RefusedMessage, refusals, order_id, refusals.c.id))
    ).one()
    return Story(_read(StoryStep, taken), _read(RefusedMessage, refused))


MISSED = tuple(cause.value for cause in (Cause.CONFIRM_OVERDUE, Cause.SHIP_OVERDUE, Cause.RECEIPT_MISSING))
"""Tickets that were opened because a party missed a deadline."""


def list_orders(
    conn: Connection,
    *,
    waiting_on: str | None = None,
    overdue_at: datetime | None = None,
    stage: str | None = None,
    attention: bool | None = None,
    seller: str | None = None,
    buyer: str | None = None,
    limit: int = 50,
    after: Cursor | None = None,
) -> tuple[OrderRow, ...]:
    """Admitted orders that fit all that is given, what is due first on top, those that are over last.

    `overdue_at` takes open orders that were due before it, and those with an open ticket because somebody missed a
    deadline; `waiting_on` means open ones. An index serves each filter alone in this order, so that no more than about
    a page is read.
    """
    query = select(*_listed())
    if waiting_on is not None:
        query = query.where(orders.c.status == "open", orders.c.waiting_on == waiting_on)
    wanted = {"stage": stage, "seller": seller, "buyer": buyer}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    query = query.where(*(orders.c[name] == value for name, value in wanted.items()))
    if attention is not None:
        query = query.where(orders.c.attention == attention)
    # The two mean the same. Which one is said decides between the index of all orders and those of a filter: PostgreSQL
    # takes due times to be spread evenly, and would look for closed orders, which are due last, from the first due on.
    narrow = wanted or waiting_on is not None or attention
    query = query.where(orders.c.status.in_(("open", "over")) if narrow else has_begun)
    parts = [query] if overdue_at is None else _overdue(query, overdue_at)
    pages = [_page(part, falls_due, orders.c.order_id, limit, after) for part in parts]
    # Each part is read in the order of an index and no further than a page; together they are sorted once more.
    both = union_all(*pages).order_by(literal_column("due_at").asc().nulls_last(), literal_column("order_id"))
    return tuple(_order_row(row) for row in conn.execute(both.limit(limit) if len(pages) > 1 else pages[0]))


def _overdue(query: Select[Any], at: datetime) -> list[Select[Any]]:
    """What was due, and what is due later though a deadline was missed: a ticket about that is open."""
    missed = (tickets.c.order_id == orders.c.order_id, tickets.c.status == "open", tickets.c.cause.in_(MISSED))
    late = select(tickets.c.ticket_id).where(*missed).limit(1).scalar_subquery()
    query = query.where(orders.c.status != "over")
    return [query.where(falls_due < at), query.where(falls_due >= at, orders.c.attention, late.is_not(None))]


def ticket_queue(
    conn: Connection,
    *,
    owner: str | None = None,
    cause: str | None = None,
    overdue_at: datetime | None = None,
    not_of: str = "",
    limit: int = 50,
    after: Cursor | None = None,
) -> tuple[TicketRow, ...]:
    """Open tickets that fit all that is given, what is due first on top. `owner` "" takes those that nobody has.

    `not_of` leaves out those in whose order, or in a claim that they are about, that person is a party.
    Of a cause that many orders share, only the ticket that stands for all is there, unless that `cause` is asked for.
    """
    query = select(*_columns(TicketRow, tickets)).where(tickets.c.status == "open")
    if cause is None:
        query = query.where(~is_led)
    if overdue_at is not None:
        query = query.where(tickets.c.due < overdue_at)
    if not_of:
        query = query.where(~is_party(not_of))
    wanted = {"owner": owner, "cause": cause}
    query = query.where(*(tickets.c[name] == value for name, value in wanted.items() if value is not None))
    query = _page(query, tickets.c.due, tickets.c.ticket_id, limit, after)
    return tuple(TicketRow(*row) for row in conn.execute(query))


def ticket(conn: Connection, ticket_id: str) -> tuple[TicketRow, frozenset[str]] | None:
    """A ticket with the ids of the parties of its order and of the claims that it is about; None for an unknown one."""
    query = select(*_columns(TicketRow, tickets), PARTIES.label("parties"))
    row = conn.execute(query.where(tickets.c.ticket_id == ticket_id)).one_or_none()
    return None if row is None else (TicketRow(*row[:-1]), frozenset(row.parties))


def _page(
    query: Select[Any], due: ColumnElement[Any], key: ColumnElement[str], limit: int, after: Cursor | None
) -> Select[Any]:
    if after is not None:
        last_due, last = after
        query = query.where(tuple_(due, key) > tuple_(NEVER if last_due is None else last_due, last))
    return query.order_by(due, key).limit(limit)


def _listed() -> tuple[ColumnElement[Any], ...]:
    names = [field.name for field in fields(OrderRow) if field.name != "total"]
    return (*(orders.c[name] for name in names), orders.c.total_minor, orders.c.currency)


def _order_row(row: Row[*tuple[Any, ...]]) -> OrderRow:
    values = {field.name: getattr(row, field.name) for field in fields(OrderRow) if field.name != "total"}
    return OrderRow(total=Money(row.total_minor, row.currency), **values)


def _columns(kind: type[Any], table: FromClause) -> tuple[ColumnElement[Any], ...]:
    return tuple(table.c[field.name] for field in fields(kind))


def _all(kind: type[Any], table: FromClause, order_id: str, by: ColumnElement[Any]) -> ColumnElement[Any]:
    """The order's rows of a table as one JSON list, so that several lists come in one round trip."""
    pairs = [part for column in _columns(kind, table) for part in (literal_column(f"'{column.name}'"), column)]
    listed = func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*pairs), by))
    return select(listed).where(table.c.order_id == order_id).scalar_subquery()


def _read(kind: type[T], items: list[dict[str, Any]] | None) -> tuple[T, ...]:
    return tuple(wire.from_plain(kind, item) for item in items or ())
