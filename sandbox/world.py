"""What all providers of the sandbox share: the records, the clocks, the book of effects and the faults to come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.book import Book
from sandbox.faults import Faults
from sandbox.plan import Plan
from sandbox.store import Record, Store


def real_clock() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


class World:
    """The state of one sandbox.

    Every order may have a clock of its own, ahead of or behind the global one; all objects of the order live by it.
    Both tick at the pace of the global `clock`, which is handed in. `hold_days` is how long an authorisation stands.
    """

    def __init__(
        self, *, clock: Callable[[], datetime] = real_clock, state: Path | None = None, hold_days: float = 7
    ) -> None:
        self.clock = clock
        self.hold_time = timedelta(days=hold_days)
        self.store = Store(state)
        self.book = Book(self.store)
        self.faults = Faults(self.store)
        self.plan = Plan(self.store)
        self._watchers: list[Callable[[str], None]] = []

    def now(self, order_id: str = "") -> datetime:
        """The instant it is for an order; "" gives the global clock."""
        moved = self.store.get("clock", order_id) if order_id else None
        return self.clock() + timedelta(seconds=moved.data["ahead_seconds"]) if moved else self.clock()

    def move_clock(self, order_id: str, instant: datetime) -> datetime:
        """Set an order's clock and answer the instant it shows now.

        An order's first instant is free; after that its clock never runs backwards: an earlier instant changes nothing.
        """
        if self.store.get("clock", order_id) is None or instant > self.now(order_id):
            ahead = (instant - self.clock()).total_seconds()
            self.store.put(Record("clock", order_id, {"ahead_seconds": ahead}, order_id))
            for watcher in self._watchers:
                watcher(order_id)
        return self.now(order_id)

    def when_clock_moves(self, watcher: Callable[[str], None]) -> None:
        """Have `watcher` called with the order's id after an order's clock was moved."""
        self._watchers.append(watcher)
