"""Operations on outside money, written down before they are sent and resolved exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from activities.store.tables import operations
from domain import wire
from domain.errors import Conflict
from domain.money import Money
from domain.state import MoneyOp


@dataclass(frozen=True, slots=True)
class Standing:
    """An operation as it is written down. `fresh`: it was written down just now, so nothing can have been sent yet.

    `sent_at` is the order's time when it was last about to be sent.
    `state` is ``pending``, ``done`` or ``refused``; `done` is the amount that moved; `ref` is the provider's object and
    `code` its reason for a no.
    """

    fresh: bool
    sent_at: datetime
    state: str
    done: Money | None
    ref: str
    code: str


_NEW = insert(operations).on_conflict_do_nothing().returning(operations.c.key)


def begin(conn: Connection, order_id: str, op: MoneyOp, key: str, now: datetime, account: str = "") -> Standing:
    """Write the operation down if it is not; then tell how it stands. `account` is the one that a release goes to.

    Raises Conflict when the key, or the order's operation of that verb and sequence, has other parameters.
    """
    row = _row(order_id, op, key, now) | {"account": account}
    if conn.execute(_NEW, row).one_or_none() is not None:
        return Standing(True, now, "pending", None, "", "")
    found = _find(conn, order_id, op)
    if found is None or found.digest != row["digest"]:
        raise Conflict(f"operation {key} was asked for before with other parameters")
    done = None if found.done_minor is None else Money(found.done_minor, found.currency)
    return Standing(False, found.sent_at, found.state, done, found.ref, found.code)


def known(conn: Connection, order_id: str, op: MoneyOp) -> bool:
    """Whether the operation was written down before."""
    return _find(conn, order_id, op) is not None


def sent_again(conn: Connection, key: str, was: datetime, now: datetime, account: str = "") -> bool:
    """Write down, before it happens, that a pending operation is sent once more, a release to `account`.

    False when it is not pending, or was sent since `was`, when it was looked at: another attempt has gone on with it.
    """
    here = (operations.c.key == key, operations.c.state == "pending", operations.c.sent_at == was)
    sent_at = func.greatest(operations.c.sent_at, now)
    again = update(operations).where(*here).values(sent_at=sent_at, account=account)
    return conn.execute(again).rowcount == 1


def _row(order_id: str, op: MoneyOp, key: str, now: datetime) -> dict[str, Any]:
    parameters = [order_id, op.verb.value, op.seq, key, wire.to_plain(op.amount), list(op.slices), op.subject]
    return {
        "order_id": order_id,
        "verb": op.verb.value,
        "seq": op.seq,
        "key": key,
        "amount_minor": op.amount.minor,
        "currency": op.amount.currency,
        "slices": list(op.slices),
        "subject": op.subject,
        "digest": wire.digest(parameters),
        "asked_at": op.asked_at,
        "first_sent_at": now,
        "sent_at": now,
    }


_MINE = tuple(operations.c[name] == bindparam(f"my_{name}") for name in ("order_id", "verb", "seq"))
_FOUND = select(operations).where(*_MINE)
_RESOLVE = (
    update(operations)
    .where(*_MINE, operations.c.state == "pending")
    .values({name: bindparam(name) for name in ("state", "done_minor", "ref", "code", "resolved_at")})
)


def _mine(order_id: str, op: MoneyOp) -> dict[str, Any]:
    return {"my_order_id": order_id, "my_verb": op.verb.value, "my_seq": op.seq}


def _find(conn: Connection, order_id: str, op: MoneyOp) -> Row[Any] | None:
    return conn.execute(_FOUND, _mine(order_id, op)).one_or_none()


def resolve(
    conn: Connection,
    order_id: str,
    op: MoneyOp,
    state: Literal["done", "refused"],
    ref: str,
    code: str,
    now: datetime,
    done: Money | None = None,
) -> None:
    """Write down how a pending operation ended; `done` is what moved when that is less than was asked.

    The same resolution again changes nothing. Raises Conflict for another one, or when nothing was written down.
    """
    amount = (done or op.amount).minor if state == "done" else None
    ending = {"state": state, "done_minor": amount, "ref": ref, "code": code}
    if conn.execute(_RESOLVE, {**_mine(order_id, op), **ending, "resolved_at": now}).rowcount == 1:
        return
    found = _find(conn, order_id, op)
    if found is None or any(getattr(found, name) != value for name, value in ending.items()):
        stands = "not written down" if found is None else f"resolved as {found.state}"
        raise Conflict(f"{op.verb} {op.seq} of order {order_id} is {stands}")


def is_pending(conn: Connection, key: str) -> bool:
    """Whether the operation with this key was written down and has not been resolved."""
    pending = select(operations.c.key).where(operations.c.key == key, operations.c.state == "pending")
    return bool(key) and conn.scalar(pending) is not None
