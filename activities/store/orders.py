"""The row that makes an order unique for ever: admission, status, snapshot and epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import IntegrityError

from activities.store import personal
from activities.store.steps import constraint_of
from activities.store.tables import orders, steps
from domain import wire
from domain.checkout import Checkout
from domain.errors import Conflict, Invalid


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order stands: ``admitting``, ``open``, ``over`` or ``refused``, then `field` and `rule` say why."""

    status: str
    seq: int
    epoch: int
    field: str = ""
    rule: str = ""


def claim(
    conn: Connection,
    order_id: str,
    content_hash: str,
    checkout: Mapping[str, Any],
    payment_ref: str | None,
    personal_mark: bytes | None = None,
) -> Literal["new", "same"]:
    """Take the order id for a checkout (plain JSON); "same" when these contents hold it already.

    `personal_mark` stands for the people and the address that come with it (`personal.mark`), None for none. A refused
    order's id is free again, also for the same contents. Raises Conflict when other contents hold the id, Invalid when
    the document cannot be read or another order holds `payment_ref`.
    """
    values = {**_row(order_id, content_hash, checkout, payment_ref), "personal_mark": personal_mark}
    # Without a named target both unique rules count, so that a used payment leaves the transaction usable.
    taken = insert(orders).values(values).on_conflict_do_nothing().returning(orders.c.order_id)
    if conn.execute(taken).one_or_none() is not None:
        return "new"
    found = conn.execute(
        select(orders.c.content_hash, orders.c.status, orders.c.personal_mark)
        .where(orders.c.order_id == order_id)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise _used(payment_ref)
    if found.status == "refused":
        _change(conn, order_id, {**values, "claimed_at": func.now()})
        return "new"
    if found.content_hash != content_hash:
        raise Conflict(f"order {order_id} exists with other contents; a changed order needs another order_id")
    if personal_mark is not None and found.personal_mark != personal_mark:
        raise Conflict(
            f"order {order_id} exists with other people or another address; see change-address for a new one"
        )
    return "same"


def _row(order_id: str, content_hash: str, plain: Mapping[str, Any], payment_ref: str | None) -> dict[str, Any]:
    checkout = wire.from_plain(Checkout, dict(plain))
    return {
        "order_id": order_id,
        "checkout_id": checkout.checkout_id or order_id,
        "marketplace": checkout.marketplace,
        "content_hash": content_hash,
        "status": "admitting",
        "refusal": None,
        "buyer": checkout.buyer.person_id,
        "seller": checkout.seller.person_id,
        "total_minor": checkout.total.minor,
        "currency": checkout.total.currency,
        "checkout": dict(plain),
        "payment_ref": payment_ref or None,
    }


def take_payment(conn: Connection, order_id: str, payment_ref: str) -> None:
    """The order is paid by this pre-authorisation from now on; raises Invalid when another order holds it."""
    _change(conn, order_id, {"payment_ref": payment_ref})


def _change(conn: Connection, order_id: str, values: dict[str, Any]) -> None:
    """Update the row; raises Invalid when another order holds its new payment."""
    payment_ref = values["payment_ref"]
    elsewhere = select(orders.c.order_id).where(orders.c.payment_ref == payment_ref, orders.c.order_id != order_id)
    if payment_ref and conn.execute(elsewhere).first() is not None:
        raise _used(payment_ref)
    try:
        conn.execute(update(orders).where(orders.c.order_id == order_id).values(values))
    except IntegrityError as error:
        if constraint_of(error) != "orders_payment":
            raise
        raise _used(payment_ref) from None


def _used(payment_ref: str | None) -> Invalid:
    return Invalid("payment.payment_intent", f"{payment_ref} is used by another order")


def refuse(conn: Connection, order_id: str, field: str, rule: str) -> None:
    """The order was not admitted, and why; its payment may be used by another. Nothing happens after admission.

    What it brought of people and address is not kept.
    """
    refusal = {"field": field, "rule": rule}
    admitting = update(orders).where(orders.c.order_id == order_id, orders.c.status == "admitting")
    conn.execute(admitting.values(status="refused", refusal=refusal, payment_ref=None))
    personal.forget_turned_away(conn, order_id)


def status(conn: Connection, order_id: str) -> Standing | None:
    """Where the order stands, None when there is none of that id."""
    query = select(orders.c.status, orders.c.seq, orders.c.epoch, orders.c.refusal)
    row = conn.execute(query.where(orders.c.order_id == order_id)).one_or_none()
    return None if row is None else _standing(row)


def _standing(row: Row[*tuple[Any, ...]]) -> Standing:
    refusal = row.refusal or {}
    return Standing(row.status, row.seq, row.epoch, refusal.get("field", ""), refusal.get("rule", ""))


def parties(conn: Connection, order_id: str) -> tuple[str, str] | None:
    """The ids of the order's buyer and seller; None when nobody has taken the id."""
    row = conn.execute(select(orders.c.buyer, orders.c.seller).where(orders.c.order_id == order_id)).one_or_none()
    return None if row is None else (row.buyer, row.seller)


def snapshot(conn: Connection, order_id: str) -> dict[str, Any] | None:
    """The order's state after its last step as plain JSON; None before the first and for an unknown id."""
    found: dict[str, Any] | None = conn.scalar(select(orders.c.snapshot).where(orders.c.order_id == order_id))
    return found


def last_state(conn: Connection, order_id: str) -> dict[str, Any]:
    """The snapshot of an order that has taken a step, with the step that a run of it had begun, if any."""
    row = conn.execute(select(orders.c.snapshot, orders.c.under_way).where(orders.c.order_id == order_id)).one()
    return _with_begun(row)


def _with_begun(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return dict(row.snapshot) | ({} if row.under_way is None else {"under_way": row.under_way})


def next_epoch(conn: Connection, order_id: str) -> tuple[int, dict[str, Any]]:
    """Begin a new run of the order: its epoch and the snapshot to start from. Earlier runs may write nothing any more.

    The snapshot holds the step that an earlier run had begun, if any. Raises Invalid when the order is unknown or has
    taken no step yet.
    """
    epoch = orders.c.epoch + 1
    marked = orders.c.snapshot.op("||", return_type=JSONB)(func.jsonb_build_object("epoch", epoch, "seq", orders.c.seq))
    begin = update(orders).where(orders.c.order_id == order_id, orders.c.snapshot.is_not(None))
    row = conn.execute(
        begin.values(epoch=epoch, snapshot=marked).returning(orders.c.epoch, orders.c.snapshot, orders.c.under_way)
    ).one_or_none()
    if row is None:
        raise Invalid("order_id", f"{order_id} has no state to start from; place the order again instead")
    return row.epoch, _with_begun(row)


def reopen(conn: Connection, order_id: str) -> tuple[int, dict[str, Any]] | None:
    """The epoch and snapshot from which an order that is over goes on; None for one that is not over.

    Whoever asks before the new run has taken a step is given the same epoch, so that two who reopen an order at once
    start one run.
    """
    last = select(steps.c.epoch).where(steps.c.order_id == orders.c.order_id, steps.c.seq == orders.c.seq)
    query = select(orders.c.epoch, orders.c.snapshot, last.scalar_subquery().label("last"))
    over = query.where(orders.c.order_id == order_id, orders.c.status == "over").with_for_update(of=orders)
    row = conn.execute(over).one_or_none()
    if row is None:
        return None
    return (row.epoch, row.snapshot) if row.last < row.epoch else next_epoch(conn, order_id)


def hold_epoch(conn: Connection, order_id: str, epoch: int) -> bool:
    """Keep the order's row as it is until this transaction ends; False when a newer run has been begun."""
    here = (orders.c.order_id == order_id, orders.c.epoch == epoch)
    return conn.scalar(select(orders.c.order_id).where(*here).with_for_update()) is not None


def hold_still(conn: Connection, order_id: str, epoch: int, seq: int) -> bool:
    """Keep the order's row as it is until this transaction ends; False when it does not stand there, over."""
    here = (orders.c.order_id == order_id, orders.c.epoch == epoch, orders.c.seq == seq, orders.c.status == "over")
    return conn.scalar(select(orders.c.order_id).where(*here).with_for_update()) is not None
