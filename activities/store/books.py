"""The ledger as it is read: an order's money, a seller's movements, balances at any time, every entry there is.

Times are the orders' own (`ledger_transactions.at`), and a time given includes what was booked at that very instant.
What can grow without limit is given as a stream, read in pages through a cursor of the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, case, cast, func, or_, select, text, union

from activities.store.tables import ledger_entries, ledger_transactions, operations, orders
from domain.accounts import CHART, CLEARING, FEES, ChartRow, receivable_account, seller_account
from domain.money import Money, Verb

STREAM = 1000
"""Rows of a stream that are in memory at a time."""

PATIENCE = "600s"
"""How long the database may work on what reads the whole ledger, or on one page of a stream."""

_T, _E = ledger_transactions.c, ledger_entries.c
_CREDIT: ColumnElement[int] = case((_E.side == "credit", _E.amount_minor), else_=-_E.amount_minor)
_BOOKED = ledger_entries.join(ledger_transactions)
_TO_SELLER = (Verb.RELEASE.value, Verb.REVERSE_RELEASE.value)
"""What goes to a seller's payout account, and back from it."""


@dataclass(frozen=True, slots=True)
class BookedEntry:
    """One line of a booking; `amount` is positive, `side` is ``debit`` or ``credit``."""

    account: str
    side: str
    amount: Money

    @property
    def credit(self) -> Money:
        """The amount as balances count it: credits above zero, debits below."""
        return self.amount if self.side == "credit" else -self.amount


@dataclass(frozen=True, slots=True)
class Booking:
    """One transaction of the ledger. `number` counts all of them, `corrects` is the number of a wrong one."""

    number: int
    order_id: str
    verb: str
    seq: int
    at: datetime
    corrects: int | None
    entries: tuple[BookedEntry, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as it was written down. `done` is what moved; `ref` is the provider's object, `code` its no."""

    verb: str
    seq: int
    key: str
    amount: Money
    state: str
    done: Money | None
    slices: tuple[str, ...]
    subject: str
    ref: str
    code: str
    asked_at: datetime
    first_sent_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderBooks:
    """All that the books say of one order.

    `bookings` are in the order in which they were booked; of another order's booking that pays what the seller owes for
    this one, only that entry is there. `authorised` is what the buyer's bank holds or held, None before that.
    """

    order_id: str
    buyer: str
    seller: str
    currency: str
    authorised: Money | None
    bookings: tuple[Booking, ...]
    operations: tuple[Operation, ...]


def order_books(conn: Connection, order_id: str) -> OrderBooks | None:
    """The books of one order in three queries; None when there is none of that id."""
    held = orders.c.snapshot["payment"]["authorised"].astext.label("held")
    query = select(orders.c.buyer, orders.c.seller, orders.c.currency, held)
    row = conn.execute(query.where(orders.c.order_id == order_id)).one_or_none()
    if row is None:
        return None
    authorised = None if row.held is None else Money.parse(row.held)
    bookings = _bookings(conn, order_id, receivable_account(row.seller, order_id))
    return OrderBooks(order_id, row.buyer, row.seller, row.currency, authorised, bookings, _operations(conn, order_id))


def _bookings(conn: Connection, order_id: str, owed: str) -> tuple[Booking, ...]:
    own = select(_T.id).where(_T.order_id == order_id)
    others = select(_E.transaction_id).where(_E.account == owed)
    query = (
        select(
            _T.id, _T.order_id, _T.verb, _T.seq, _T.at, _T.corrects, _E.account, _E.side, _E.amount_minor, _E.currency
        )
        .select_from(_BOOKED)
        .where(_T.id.in_(union(own, others)), or_(_T.order_id == order_id, _E.account == owed))
        .order_by(_T.id, _E.id)
    )
    found: dict[int, Booking] = {}
    for row in conn.execute(query):
        booking = found.get(row.id) or Booking(row.id, row.order_id, row.verb, row.seq, row.at, row.corrects, ())
        entry = BookedEntry(row.account, row.side, Money(row.amount_minor, row.currency))
        found[row.id] = replace(booking, entries=(*booking.entries, entry))
    return tuple(found.values())


def _operations(conn: Connection, order_id: str) -> tuple[Operation, ...]:
    query = select(operations).where(operations.c.order_id == order_id)
    return tuple(
        Operation(
            row.verb,
            row.seq,
            row.key,
            Money(row.amount_minor, row.currency),
            row.state,
            None if row.done_minor is None else Money(row.done_minor, row.currency),
            tuple(row.slices),
            row.subject,
            row.ref,
            row.code,
            row.asked_at,
            row.first_sent_at,
            row.resolved_at,
        )
        for row in conn.execute(query.order_by(operations.c.asked_at, operations.c.seq, operations.c.verb))
    )


@dataclass(frozen=True, slots=True)
class Movement:
    """What one transaction did to a seller, in one currency.

    `change` is of the seller's standing: what the platform owes the seller less what the seller owes. `fees` were kept,
    `paid_out` went to the payout account; both are below zero when they came back.
    """

    number: int
    at: datetime
    order_id: str
    verb: str
    seq: int
    change: Money
    fees: Money
    paid_out: Money

    @property
    def gross(self) -> Money:
        """What was earned, or lost again, before fees and payout."""
        return self.change + self.fees + self.paid_out


def knows_seller(conn: Connection, seller: str) -> bool:
    """Whether any order names the seller."""
    return bool(conn.execute(select(select(orders).where(orders.c.seller == seller).exists())).scalar_one())


def seller_standing(conn: Connection, seller: str, before: datetime) -> tuple[Money, ...]:
    """What the platform owes a seller less what the seller owes, in each currency of the seller's orders, by name."""
    theirs = select(orders.c.currency).where(orders.c.seller == seller).distinct()
    query = (
        select(_E.currency, func.sum(_CREDIT).label("minor"))
        .select_from(_BOOKED)
        .where(_of_seller(seller), _T.at < before)
        .group_by(_E.currency)
    )
    standing = dict.fromkeys(conn.execute(theirs).scalars(), 0)
    standing |= {row.currency: int(row.minor) for row in conn.execute(query)}
    return tuple(Money(minor, currency) for currency, minor in sorted(standing.items()))


def seller_movements(conn: Connection, seller: str, since: datetime, until: datetime) -> Iterator[Movement]:
    """Everything that touched a seller's money, kept a fee of it or gave one back, oldest first; a stream.

    A line that is all fee leaves no entry on the seller's accounts, so the seller's orders are read, too.
    """
    mine = select(_E.transaction_id).where(_of_seller(seller))
    theirs = select(_T.id).select_from(_BOOKED.join(orders)).where(orders.c.seller == seller)
    paid_or_kept = theirs.where(or_(_T.verb.in_(_TO_SELLER), _E.account == FEES))
    at_provider = and_(_E.account == CLEARING, _T.verb.in_(_TO_SELLER))
    query = (
        select(
            *(_T.id, _T.at, _T.order_id, _T.verb, _T.seq, _E.currency),
            _sum(_of_seller(seller)).label("change"),
            _sum(_E.account == FEES).label("fees"),
            _sum(at_provider).label("paid_out"),
        )
        .select_from(_BOOKED)
        .where(_T.id.in_(union(mine, paid_or_kept)), _T.at >= since, _T.at <= until)
        .group_by(_T.id, _E.currency)
        .order_by(_T.at, _T.id, _E.currency)
    )
    for row in _streamed(conn, query):
        amounts = (Money(int(minor), row.currency) for minor in (row.change, row.fees, row.paid_out))
        yield Movement(row.id, row.at, row.order_id, row.verb, row.seq, *amounts)


def _of_seller(seller: str) -> ColumnElement[bool]:
    return or_(_E.account == seller_account(seller), _begins(receivable_account(seller, "")))


def _begins(prefix: str) -> ColumnElement[bool]:
    """Names that begin with `prefix`, as a range that the index on accounts can be read by."""
    return and_(_E.account >= prefix, _E.account < prefix[:-1] + chr(ord(prefix[-1]) + 1))


def _sum(*only: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(_CREDIT).filter(*only), 0)


@dataclass(frozen=True, slots=True)
class Balances:
    """Balances by name. `shown` are as many as were asked for of the `count` that do not stand at nothing.

    `together` are the sums of all of them, with one for each currency that was ever booked there.
    """

    shown: tuple[tuple[str, Money], ...]
    count: int
    together: tuple[Money, ...]


def balances(
    conn: Connection, name: str, *, at: datetime | None = None, currency: str | None = None, limit: int = 500
) -> Balances:
    """The account `name`, or those whose names go on from it after a colon, up to the time `at`; in two queries.

    An account has one row per currency. `name` itself is shown also when it stands at nothing.
    """
    name = name.rstrip(":")
    minor = _sum(_T.at <= at) if at is not None else func.sum(_CREDIT)
    query = select(_E.account, _E.currency, minor.label("minor"))
    query = query.select_from(_BOOKED if at is not None else ledger_entries)
    query = query.where(or_(_E.account == name, _begins(f"{name}:"))).group_by(_E.account, _E.currency)
    if currency is not None:
        query = query.where(_E.currency == currency)
    found = query.cte("found")
    wanted = or_(found.c.minor != 0, found.c.account == name)
    patiently(conn)
    shown = conn.execute(select(found).where(wanted).order_by(found.c.account, found.c.currency).limit(limit)).all()
    sums = select(found.c.currency, func.sum(found.c.minor), func.count().filter(wanted)).group_by(found.c.currency)
    together = conn.execute(sums.order_by(found.c.currency)).all()
    return Balances(
        tuple((row.account, Money(int(row.minor), row.currency)) for row in shown),
        sum(count for _, _, count in together),
        tuple(Money(int(total), code) for code, total, _ in together),
    )


@dataclass(frozen=True, slots=True)
class TrialRow:
    """All accounts of one row of the chart together, in one currency; `row` is None for names outside the chart."""

    row: ChartRow | None
    balance: Money


def trial_balance(conn: Connection, at: datetime | None = None, currency: str | None = None) -> tuple[TrialRow, ...]:
    """What stands on each row of the chart, in its order; the balances of a currency sum to nothing."""
    conditions = [(_named(row), position) for position, row in enumerate(CHART)]
    position: ColumnElement[int] = case(*conditions, else_=len(CHART)).label("position")
    query = select(position, _E.currency, func.sum(_CREDIT).label("minor")).group_by(text("1"), _E.currency)
    query = query.select_from(_BOOKED).where(_T.at <= at) if at is not None else query
    query = query.where(_E.currency == currency) if currency is not None else query
    patiently(conn)
    return tuple(
        TrialRow((*CHART, None)[row.position], Money(int(row.minor), row.currency))
        for row in conn.execute(query.order_by(_E.currency, text("1")))
    )


def _named(row: ChartRow) -> ColumnElement[bool]:
    return _E.account == row.pattern if row.prefix == row.pattern else _begins(row.prefix)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry of the whole ledger with its transaction. `recorded_at` is the wall clock's time, `at` the order's."""

    number: int
    entry: int
    at: datetime
    recorded_at: datetime
    order_id: str
    verb: str
    seq: int
    corrects: int | None
    account: str
    side: str
    amount: Money


def journal(conn: Connection, since: datetime | None = None, until: datetime | None = None) -> Iterator[JournalEntry]:
    """Every entry of whole transactions, oldest first; a stream."""
    query = select(
        *(_T.id, _E.id.label("entry"), _T.at, _T.recorded_at, _T.order_id, _T.verb, _T.seq, _T.corrects),
        *(_E.account, _E.side, _E.amount_minor, _E.currency),
    ).select_from(_BOOKED)
    if since is not None:
        query = query.where(_T.at >= since)
    if until is not None:
        query = query.where(_T.at <= until)
    for row in _streamed(conn, query.order_by(_T.at, _T.id, _E.id)):
        amount = Money(row.amount_minor, row.currency)
        booked = (row.id, row.entry, row.at, row.recorded_at, row.order_id, row.verb, row.seq, row.corrects)
        yield JournalEntry(*booked, row.account, row.side, amount)


def patiently(conn: Connection) -> None:
    """Let the rest of this transaction take its time: it reads more than a screen does."""
    conn.execute(select(func.set_config("statement_timeout", cast(PATIENCE, Text), True)))


def _streamed(conn: Connection, query: Select[Any]) -> Iterator[Any]:
    patiently(conn)
    yield from conn.execute(query, execution_options={"yield_per": STREAM})
