"""Rows for the store's tests: one checkout, one step, one booking, each with what a test wants changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from activities.store import orders, steps
from activities.store.outbox import Notice
from activities.store.steps import StepRow
from domain.accounts import CLEARING
from domain.books import Entry, Side
from domain.money import Money, Verb
from domain.state import MoneyOp

T = TypeVar("T")

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ORDER = "o-1"


def hours(n: float) -> datetime:
    return NOW + timedelta(hours=n)


def euro(minor: int) -> Money:
    return Money(minor, "EUR")


def checkout(order_id: str = ORDER, **changes: Any) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "marketplace": "demo",
        "buyer": {"person_id": "b-1"},
        "seller": {"person_id": "s-1"},
        "address_id": "a-1",
        "lines": [{"line_id": "l1", "title": "Lamp", "price": "40.00 EUR"}],
        "total": "49.90 EUR",
        "shipping": "9.90 EUR",
        **changes,
    }


def step(seq: int, order_id: str = ORDER, **changes: Any) -> StepRow:
    row = StepRow(
        order_id=order_id,
        seq=seq,
        epoch=1,
        at=NOW,
        step="confirm",
        role="seller",
        actor_id="s-1",
        source="update",
        command_id=f"c-{seq}",
        ticket_id="",
        before_stage="placed",
        after_stage="confirmed",
        body={"lines": ["l1"]},
        events=[{"event": "Taken", "seq": seq}],
        outcome=[{"event": "Taken", "seq": seq}],
        digest=f"digest {seq}",
        snapshot={"order_id": order_id, "seq": seq},
        stage="confirmed",
        waiting_on="seller",
        due_at=hours(48),
        attention=False,
        reason="",
        over=False,
    )
    return replace(row, **changes)


def admit(conn: Connection, order_id: str = ORDER, **changes: Any) -> None:
    """An order that is open after its first step."""
    orders.claim(conn, order_id, "hash", checkout(order_id), None)
    steps.record(conn, step(1, order_id, **{"step": "place", "source": "start", "command_id": "", **changes}))


def capture(order_id: str = ORDER) -> tuple[Entry, ...]:
    return (
        Entry(CLEARING, Side.DEBIT, euro(4990)),
        Entry(f"escrow:{order_id}:l1", Side.CREDIT, euro(4000)),
        Entry(f"escrow:{order_id}:shipping", Side.CREDIT, euro(990)),
    )


def operation(seq: int = 3, verb: Verb = Verb.CAPTURE, **changes: Any) -> MoneyOp:
    return replace(MoneyOp(seq, verb, euro(4990), NOW, ("l1", "shipping"), "pi_1"), **changes)


def notice(cause: str = "confirm", **changes: Any) -> Notice:
    row = Notice(ORDER, 2, cause, "buyer", "b-1", "mail", cause, {"lines": ["l1"]}, NOW)
    return replace(row, **changes)


def at_once(engine: Engine, *works: Callable[[Connection], T]) -> list[T | Exception]:
    """Run each work in a transaction of its own, all begun before the first one works; results or errors in order."""
    together = Barrier(len(works), timeout=10)

    def run(work: Callable[[Connection], T]) -> T | Exception:
        try:
            with engine.begin() as conn:
                together.wait()
                return work(conn)
        except Exception as error:  # noqa: BLE001  # The test looks at what went wrong.
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
