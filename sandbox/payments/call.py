"""One request to the provider, as its handlers see it, and the helpers they share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.payments.wire import Params, missing
from sandbox.store import Json, Record, new_id
from sandbox.world import World


@dataclass(slots=True)
class Call:
    """A request: its parameters, the ids in its path, its idempotency key ("" for none), the order whose clock it has.

    `account` is the seller's account that the caller acts for, "" for the platform. `pending` asks a refund to stay
    pending. `events` gathers what is to be told afterwards: type, object, and the account that it happened on.
    """

    world: World
    params: Params
    path: dict[str, str]
    order_id: str
    key: str = ""
    account: str = ""
    pending: bool = False
    events: list[tuple[str, Json, str]] = field(default_factory=list)

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

    def effect(self, kind: str, record: Record, amount: int, *, fee: int = 0) -> None:
        """Write an effect on `record` into the book."""
        self.world.book.write(
            at=self.now,
            kind=kind,
            object_id=record.id,
            amount=amount,
            fee=fee,
            currency=record.data["currency"],
            key=self.key,
            order_id=record.order_id,
        )

    def tell(self, type_: str, record: Record, account: str = "") -> None:
        """Have an event tell of `record` as it is now; `account` is the seller's account that it happened on."""
        self.events.append((type_, copy.deepcopy(record.data), account))

    def later(self, at: datetime, deed: str, record: Record, **details: Any) -> None:
        """Have a deed of `sandbox.payments.agenda` done to `record` when the order's clock shows `at`."""
        data = {"at": at.isoformat(), "deed": deed, "kind": record.kind, "object": record.id, **details}
        self.world.store.put(Record("due", f"{deed}:{record.id}", data, self.order_id))

    def never(self, deed: str, record: Record) -> None:
        """Take a deed off the agenda again."""
        if due := self.world.store.get("due", f"{deed}:{record.id}"):
            self.world.store.remove(due)


def page(call: Call, kind: str, url: str, keep: Callable[[Json], bool] = lambda _: True) -> Json:
    """A list object: what `keep` lets pass of a kind, newest first, cut to `limit` after `starting_after`.

    The range ``created`` of the request narrows it.
    """
    limit = min(call.params.amount("limit") or 10, 100)
    since, until = call.params.span("created")
    seen = True
    if after := call.params.text("starting_after"):
        last = call.need(kind, after, "starting_after", 400)
        until, seen = min(until or last.data["created"] + 1, last.data["created"] + 1), False
    shown: list[Json] = []
    for record in call.world.store.newest(kind, since, until):
        if seen and keep(record.data):
            shown.append(record.data)
            if len(shown) > limit:
                break
        seen = seen or record.id == after
    return {"object": "list", "url": url, "has_more": len(shown) > limit, "data": shown[:limit]}
