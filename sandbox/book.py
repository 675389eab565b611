"""The provider's own book: every effect that moved or held money, apart from what anybody was answered."""

from __future__ import annotations

from datetime import datetime

from sandbox.store import Json, Record, Store


class Book:
    """An append-only list of effects, kept beside the objects so that tests can count what really happened."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(
        self, *, at: datetime, kind: str, object_id: str, amount: int, fee: int, currency: str, key: str, order_id: str
    ) -> None:
        """Note one effect; `amount` and `fee` in the provider's minor units, `key` the idempotency key used or ""."""
        number = self._store.count("effect") + 1
        entry = {
            "number": number,
            "at": at.isoformat(),
            "kind": kind,
            "object": object_id,
            "amount": amount,
            "fee": fee,
            "currency": currency,
            "key": key,
            "order_id": order_id,
        }
        self._store.put(Record("effect", str(number), entry, order_id))

    def read(self, order_id: str | None = None) -> list[Json]:
        """All effects, or those of one order, oldest first."""
        records = self._store.all("effect") if order_id is None else self._store.of_order("effect", order_id)
        return [record.data for record in records]
