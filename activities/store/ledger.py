"""The double-entry ledger. Every balance is the fold of its entries; the database refuses what would break it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, and_, bindparam, case, func, or_, select, text
from sqlalchemy.exc import IntegrityError

from activities.store.steps import constraint_of
from activities.store.tables import ledger_entries, ledger_transactions, orders
from domain.accounts import CLEARING, DISPUTE_FEES, FEES, LOSSES
from domain.books import Entry
from domain.errors import Conflict
from domain.money import Money, Verb

_POST = text(
    """
    WITH booked AS (
        INSERT INTO ledger_transactions (order_id, verb, seq, size, at, corrects)
        VALUES (:order_id, :verb, :seq, :size, :at, :corrects) RETURNING id
    )
    INSERT INTO ledger_entries (transaction_id, account, side, amount_minor, currency)
    SELECT booked.id, entry.account, entry.side, entry.amount, entry.currency FROM booked, unnest(
        CAST(:accounts AS text[]), CAST(:sides AS text[]), CAST(:amounts AS bigint[]), CAST(:currencies AS text[])
    ) AS entry (account, side, amount, currency)
    """
).bindparams(bindparam("at", type_=ledger_transactions.c.at.type), bindparam("corrects", type_=Integer))


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """What the ledger says of one order: what came in, what went out to whom, what was kept, what is still held.

    `released` counts what paid the seller's debts, less what came back from the seller; `disputed` is what the provider
    withdrew and has not returned, fees included, `lost` what the platform bears, `owed` what the seller owes by now.
    """

    captured: Money
    released: Money
    refunded: Money
    fees: Money
    escrow: Money
    disputed: Money
    lost: Money
    owed: Money


def post(
    conn: Connection,
    order_id: str,
    verb: str,
    seq: int,
    entries: tuple[Entry, ...],
    at: datetime,
    corrects: int | None = None,
) -> None:
    """Book one transaction in one round trip; no entries, no transaction. `corrects` is the id of a wrong one.

    Raises Conflict when the order's verb and sequence are booked. That it balances and leaves no escrow below zero is
    checked at commit, which fails with IntegrityError otherwise.
    """
    if not entries:
        return
    booking = {
        "order_id": order_id,
        "verb": str(verb),
        "seq": seq,
        "size": len(entries),
        "at": at,
        "corrects": corrects,
        "accounts": [entry.account for entry in entries],
        "sides": [entry.side.value for entry in entries],
        "amounts": [entry.amount.minor for entry in entries],
        "currencies": [entry.amount.currency for entry in entries],
    }
    try:
        conn.execute(_POST, booking)
    except IntegrityError as error:
        if constraint_of(error) != "ledger_transactions_once":
            raise
        raise Conflict(f"{verb} {seq} of order {order_id} is booked") from None


_ENTRY = ledger_entries.c
_CREDIT: ColumnElement[int] = case((_ENTRY.side == "credit", _ENTRY.amount_minor), else_=-_ENTRY.amount_minor)


def _sum(*only: ColumnElement[bool]) -> ColumnElement[int]:
    """Credits less debits as an integer; zero without entries."""
    return func.coalesce(func.sum(_CREDIT).filter(*only) if only else func.sum(_CREDIT), 0)


def balance(conn: Connection, account: str, currency: str, at: datetime | None = None) -> Money:
    """Credits less debits of an account, up to and including the order time `at`.

    What we owe stands above zero; what a provider holds for us (``clearing``) stands below.
    """
    query = select(_sum()).where(_ENTRY.account == account, _ENTRY.currency == currency)
    if at is not None:
        query = query.select_from(ledger_entries.join(ledger_transactions)).where(ledger_transactions.c.at <= at)
    return Money(int(conn.execute(query).scalar_one()), currency)


def accounts(conn: Connection, prefix: str) -> tuple[tuple[str, Money], ...]:
    """The accounts whose names begin with `prefix`, one row per currency, with their balances as `balance` has them."""
    query = (
        select(_ENTRY.account, _ENTRY.currency, _sum().label("minor"))
        .where(_ENTRY.account.startswith(prefix, autoescape=True))
        .group_by(_ENTRY.account, _ENTRY.currency)
        .order_by(_ENTRY.account, _ENTRY.currency)
    )
    return tuple((row.account, Money(int(row.minor), row.currency)) for row in conn.execute(query))


def money_columns() -> tuple[ColumnElement[int], ...]:
    """Captured, released, refunded, fees and escrow in minor units, over entries joined with their transactions.

    A correction stands under the verb that it corrects, so it counts against it. A dispute's fee in another currency
    than the order's is none of these.
    """
    own = _ENTRY.currency == orders.c.currency
    verb, at_provider = ledger_transactions.c.verb, and_(_ENTRY.account == CLEARING, own)
    netted = and_(verb == Verb.RELEASE.value, _ENTRY.account.startswith("receivable:"))
    moved = and_(at_provider, verb.in_((Verb.RELEASE.value, Verb.REVERSE_RELEASE.value)))
    return (
        (-_sum(at_provider, verb.in_((Verb.CAPTURE.value, "suspense")))).label("captured"),
        _sum(or_(moved, netted)).label("released"),
        _sum(at_provider, verb.in_((Verb.REFUND.value, "refund_failed"))).label("refunded"),
        _sum(_ENTRY.account == FEES).label("fees"),
        _sum(or_(_ENTRY.account.startswith("escrow:"), _ENTRY.account.startswith("suspense:"))).label("escrow"),
        _sum(at_provider, verb.in_(("dispute", "dispute_won"))).label("disputed"),
        (-_sum(_ENTRY.account.in_((LOSSES, DISPUTE_FEES)), own)).label("lost"),
        _owed().label("owed"),
    )


def _owed() -> ColumnElement[int]:
    """What the order's own receivable stands at, whichever orders have paid it."""
    entry = ledger_entries.alias()
    signed = case((entry.c.side == "debit", entry.c.amount_minor), else_=-entry.c.amount_minor)
    mine = entry.c.account == func.concat("receivable:", orders.c.seller, ":", orders.c.order_id)
    return select(func.coalesce(func.sum(signed), 0)).where(mine).correlate(orders).scalar_subquery()


def order_money(conn: Connection, order_id: str) -> OrderMoney:
    """The order's money by the ledger, in the order's currency; raises KeyError for an unknown order."""
    booked = orders.outerjoin(ledger_transactions).outerjoin(ledger_entries)
    query = select(orders.c.currency, *money_columns()).select_from(booked).where(orders.c.order_id == order_id)
    row = conn.execute(query.group_by(orders.c.order_id)).one_or_none()
    if row is None:
        raise KeyError(order_id)
    return money_of(row)


def money_of(row: Any) -> OrderMoney:
    """The money in a row with the columns of `money_columns` and the order's ``currency``."""
    return OrderMoney(*(Money(int(getattr(row, field.name)), row.currency) for field in fields(OrderMoney)))


_UNBALANCED = text(
    """
    SELECT EXISTS (
        SELECT FROM ledger_entries GROUP BY transaction_id, currency
        HAVING sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0
    ) OR EXISTS (
        SELECT FROM ledger_transactions AS booked
        WHERE size <> (SELECT count(*) FROM ledger_entries WHERE transaction_id = booked.id)
    ) OR EXISTS (
        SELECT FROM ledger_entries WHERE starts_with(account, 'escrow:') GROUP BY account, currency
        HAVING sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END) < 0
    )
    """
)


def is_balanced(conn: Connection) -> bool:
    """Whether every transaction is whole and balances per currency, and no escrow stands below zero."""
    return not conn.execute(_UNBALANCED).scalar_one()
