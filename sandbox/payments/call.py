"""One request to the provider, as its handlers see it, and the helpers they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sandbox.payments.wire import Params, missing
from sandbox.store import Json, Record, new_id
from sandbox.world import World

LINES = {
    "capture": ("charge", 1),
    "refund": ("refund", -1),
    "refund_failed": ("refund_failure", 1),
    "transfer": ("transfer", -1),
    "transfer_reversal": ("transfer_refund", 1),
}
"""Effects that are a line of the platform's balance: its type, and whether money comes in. Disputes write their own."""


@dataclass(slots=True)
class Call:
    """A request: its parameters, the ids in its path, its idempotency key ("" for none), the order whose clock it has.

    `account` is the seller's account that it acts for, "" for the platform's own. `pending` asks a refund to stay
    pending. `events` gathers what webhooks shall tell afterwards.
    """

    world: World
    params: Params
    path: dict[str, str]
    order_id: str
    key: str = ""
    account: str = ""
    pending: bool = False
    events: list[tuple[str, Json]] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The instant on the order's clock."""
        return self.world.now(self.order_id)

    @property
    def created(self) -> int:
        """The instant in seconds since 1970, as the dialect writes it."""
        return int(self.now.timestamp())

    def need(self, kind: str, id_: str, param: str, status: int = 404) -> Record:
        """The record of that id, or the refusal that there is none."""
        record = self.world.store.get(kind, id_)
        if record is None:
            raise missing(kind.replace("_", " "), id_, param, status)
        return record

    def make(self, kind: str, prefix: str, data: Json, *, id_: str = "", private: Json | None = None) -> Record:
        """Store a new object with the members that all objects have."""
        id_ = id_ or new_id(prefix)
        whole = {"id": id_, "object": kind, "created": self.created, "livemode": False, **data}
        return self.world.store.put(Record(kind, id_, whole, self.order_id, private or {}))

    def effect(self, kind: str, record: Record, amount: int, currency: str = "") -> None:
        """Write an effect on `record` into the book."""
        self.world.book.write(
            at=self.now,
            kind=kind,
            object_id=record.id,
            amount=amount,
            currency=currency or record.data["currency"],
            key=self.key,
            order_id=record.order_id,
        )
        if kind in LINES:
            type_, sign = LINES[kind]
            source = record.data["latest_charge"] if kind == "capture" else record.id
            self.transaction(
                type_, source, sign * amount, currency or record.data["currency"], order_id=record.order_id
            )

    def transaction(
        self,
        type_: str,
        source: str,
        amount: int,
        currency: str,
        *,
        order_id: str,
        fee: int = 0,
        category: str = "",
    ) -> Record:
        """Write a line of the platform's balance: `amount` came in, or, below zero, went out; `fee` was taken."""
        data = {
            "amount": amount,
            "available_on": self.created,
            "currency": currency,
            "description": None,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [],
            "net": amount - fee,
            "reporting_category": category or type_,
            "source": source,
            "status": "available",
            "type": type_,
        }
        id_ = new_id("txn")
        whole = {"id": id_, "object": "balance_transaction", "created": self.created, **data}
        return self.world.store.put(Record("balance_transaction", id_, whole, order_id))

    def tell(self, type_: str, record: Record) -> None:
        """Have webhooks tell of `record` as it is now."""
        self.events.append((type_, dict(record.data)))


def created_range(call: Call) -> tuple[int, int]:
    """``created[gte]`` and ``created[lt]`` of a list, as far as they are given."""
    created = call.params.mapping("created")
    return int(created.get("gte", 0)), int(created.get("lt", 2**62))


def page(call: Call, records: list[Record], url: str) -> Json:
    """A list object: newest first, cut to `limit` after `starting_after`."""
    limit = min(call.params.amount("limit") or 10, 100)
    after = call.params.text("starting_after")
    ids = [record.id for record in reversed(records)]
    start = ids.index(after) + 1 if after in ids else 0
    shown = [record.data for record in reversed(records)][start : start + limit]
    return {"object": "list", "url": url, "has_more": len(ids) > start + limit, "data": shown}
