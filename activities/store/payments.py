"""Which order an object at the payment provider belongs to, by our own records alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, literal_column, select, union

from activities.store.tables import operations, orders
from domain.money import Verb

paid_to: ColumnElement[str] = literal_column("orders.snapshot #>> '{account,ref}'")
"""The payout account of an order's seller, in the words of its index."""


def order_of(conn: Connection, ref: str) -> str | None:
    """The order whose operation made the object `ref` at the provider, or that is paid by it; None for a stranger's."""
    if not ref:
        return None
    made = select(operations.c.order_id).where(operations.c.ref == ref, operations.c.ref != "")
    paid = select(orders.c.order_id).where(orders.c.payment_ref == ref)
    found: str | None = conn.scalar(union(made, paid))
    return found


def was_asked(conn: Connection, order_id: str, verb: Verb, subject: str) -> bool:
    """Whether an operation of that verb on `subject` was done or is under way; not, when it was refused."""
    asked = select(operations.c.key).where(
        operations.c.order_id == order_id,
        operations.c.verb == verb.value,
        operations.c.subject == subject,
        operations.c.state != "refused",
    )
    return conn.scalar(asked) is not None


def is_under_way(conn: Connection, order_id: str, verbs: Iterable[Verb]) -> bool:
    """Whether an operation of one of these verbs has been written down and is not resolved."""
    pending = select(operations.c.key).where(
        operations.c.order_id == order_id,
        operations.c.verb.in_([verb.value for verb in verbs]),
        operations.c.state == "pending",
    )
    return conn.scalar(pending) is not None


def open_orders_of_account(conn: Connection, account: str) -> tuple[str, ...]:
    """The open orders whose seller is paid to `account`."""
    query = select(orders.c.order_id).where(paid_to == account, orders.c.status == "open")
    return tuple(conn.scalars(query.order_by(orders.c.order_id)))


def accounts_in_use(conn: Connection, paid_since: datetime) -> tuple[str, ...]:
    """The payout accounts of open orders, and those that anything was paid out to since `paid_since`."""
    waiting = select(paid_to).where(orders.c.status == "open", paid_to != "")
    lately = (operations.c.account != "", operations.c.resolved_at >= paid_since)
    paid = select(operations.c.account).where(*lately, operations.c.state == "done")
    return tuple(sorted(conn.scalars(union(waiting, paid))))


def last_paid_to(conn: Connection, account: str) -> str | None:
    """The order that was paid out last to `account`, None when none ever was."""
    query = (
        select(operations.c.order_id)
        .where(operations.c.account == account, operations.c.account != "", operations.c.state == "done")
        .order_by(operations.c.resolved_at.desc(), operations.c.order_id)
        .limit(1)
    )
    found: str | None = conn.scalar(query)
    return found
