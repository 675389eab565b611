"""What a step does to the books: its operation is resolved, and what moved is booked, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from activities.store import debts, ledger, operations
from domain.books import bookings, entries
from domain.contract import Ask
from domain.events import Event
from domain.funds import Done, No, Result, Settled
from domain.money import Verb
from domain.state import MoneyOp


def book(conn: Connection, ask: Ask, settled: Settled, happened: Sequence[Event]) -> None:
    """Resolve the step's operation and book it, then what its events tell of money. Raises Conflict."""
    op = settled.op
    if op is not None and not op.is_check:
        _resolve(conn, ask, op, settled.result)
    for booking in bookings(ask.order, happened):
        ledger.post(conn, ask.order.order_id, booking.verb, ask.seq, booking.entries, ask.now)


def _resolve(conn: Connection, ask: Ask, op: MoneyOp, result: Result | None) -> None:
    order_id = ask.order.order_id
    match result:
        case Done(ref=ref, amount=amount, netted=netted):
            operations.resolve(conn, order_id, op, "done", ref, "", ask.now, amount)
            ledger.post(conn, order_id, op.verb, op.seq, entries(ask.order, op, result), ask.now)
            if netted:
                debts.settle(conn, order_id, op.seq, done=True)
        case No(code=code):
            operations.resolve(conn, order_id, op, "refused", "", code, ask.now)
            if op.verb is Verb.RELEASE:
                debts.settle(conn, order_id, op.seq, done=False)
        case _:
            pass
