"""How events reach their receivers: at once and once, or as badly as a lever says.

The real provider sends an event again, for days, until it is answered with 2xx; here that is a lever too, so that a
test says itself when a late or repeated webhook arrives.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

import requests

from sandbox.payments.webhooks import signature
from sandbox.store import Json, Record, new_id
from sandbox.world import World

TIMEOUT = 7.0  # seconds that a receiver has to answer
FORGED = "whsec_of_somebody_else"


@dataclass(frozen=True, slots=True)
class Manner:
    """How the events of an order are delivered.

    `copies` at once of each; `hold` keeps them back until they are asked for, then in their own order or shuffled by
    the seed `shuffle`; `drop` loses them; `forge` signs them with a wrong secret; `signed_ago` seconds is the age of
    the signature; `forgeries` signed with a wrong secret come before each, and `strangers`, well signed events about
    unknown objects, with it.
    """

    copies: int = 1
    shuffle: int | None = None
    hold: bool = False
    drop: bool = False
    forge: bool = False
    forgeries: int = 0
    signed_ago: int = 0
    strangers: int = 0


class How(StrEnum):
    """What became of one post of an event that was delivered in no good manner."""

    TOLD = "told"
    FORGED = "forged"
    STRANGER = "stranger"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class _Post:
    url: str
    body: bytes
    header: str
    event: Record
    how: How
    noted: bool


class Delivery:
    """The posting of events. What a receiver answers changes nothing; `deliver` tells it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: set[asyncio.Task[Json]] = set()

    def plan(self, order_id: str, manner: Manner) -> None:
        """Deliver an order's events in this manner from now on; "" stands for every order without one of its own."""
        self._world.store.put(Record("manner", order_id, asdict(manner), order_id))

    def clear(self, order_id: str | None = None) -> None:
        """Go back to good manners, for one order or for all."""
        for record in self._world.store.all("manner"):
            if order_id in (None, record.id):
                self._world.store.remove(record)

    def send(self, events: list[Record]) -> None:
        """Post events in the background, unless their manner keeps them back."""
        for event in events:
            manner = self._manner(event.order_id)
            if manner.hold:
                self._world.store.put(Record("held", event.id, {}, event.order_id))
            elif manner.drop:
                self._note(event, How.DROPPED, 0)
            else:
                for post in self._posts(event, manner):
                    task = asyncio.create_task(self._told(post))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)

    async def deliver(self, order_id: str | None, *, again: bool) -> list[Json]:
        """Post what was kept back, of one order or of all; with `again` everything that was ever told.

        One event after the other, its copies at once; answers what the receivers said, in the order of posting.
        """
        kind = "event" if again else "held"
        waiting = self._world.store.all(kind) if order_id is None else self._world.store.of_order(kind, order_id)
        events = [event for record in waiting if (event := self._world.store.get("event", record.id))]
        if not again:
            for record in waiting:
                self._world.store.remove(record)
        if events and (seed := self._manner(events[0].order_id).shuffle) is not None:
            random.Random(seed).shuffle(events)  # noqa: S311  (a play that can be repeated, not a secret)
        said: list[Json] = []
        for event in events:
            posts = self._posts(event, self._manner(event.order_id))
            said += await asyncio.gather(*(self._told(post) for post in posts))
        return said

    def done(self, order_id: str | None = None) -> list[Json]:
        """Every post, or loss, in another manner than the good one, of one order or of all, in the order of its end."""
        store = self._world.store
        records = store.all("delivery") if order_id is None else store.of_order("delivery", order_id)
        return [record.data for record in records]

    async def _told(self, post: _Post) -> Json:
        said = await asyncio.to_thread(_post, post)
        if post.noted:
            self._note(post.event, post.how, said["status"])
        return said

    def _note(self, event: Record, how: How, status: int) -> None:
        store = self._world.store
        told = {
            "number": store.count("delivery") + 1,
            "at": self._world.now(event.order_id).isoformat(),
            "how": how.value,
            "event": event.id,
            "event_at": event.data["created"],
            "event_number": store.of_order("event", event.order_id).index(event),
            "status": status,
        }
        store.put(Record("delivery", str(told["number"]), told, event.order_id))

    def _manner(self, order_id: str) -> Manner:
        store = self._world.store
        record = store.get("manner", order_id) or store.get("manner", "")
        return Manner(**record.data) if record else Manner()

    def _posts(self, event: Record, manner: Manner) -> Iterator[_Post]:
        # The signature bears the global clock: receivers judge its age by theirs, not by the order's.
        at = int(self._world.clock().timestamp()) - manner.signed_ago
        for endpoint in self._wanting(event):
            secret = endpoint.private["secret"]
            forged = [(event.data, How.FORGED)] * manner.forgeries
            told = [(event.data, How.FORGED if manner.forge else How.TOLD)] * manner.copies
            strangers = [(_stranger(event.data), How.STRANGER) for _ in range(manner.strangers)]
            for data, how in (*forged, *told, *strangers):
                body = json.dumps(data).encode()
                header = signature(FORGED if how is How.FORGED else secret, body, at)
                yield _Post(endpoint.data["url"], body, header, event, how, noted=manner != Manner())

    def _wanting(self, event: Record) -> list[Record]:
        connect = "account" in event.data
        return [
            endpoint
            for endpoint in self._world.store.all("webhook_endpoint")
            if {"*", event.data["type"]} & set(endpoint.data["enabled_events"])
            and endpoint.private["connect"] == connect
        ]


def _stranger(data: Json) -> Json:
    """The like of an event, about objects that nobody has ever seen."""
    strange = copy.deepcopy(data) | {"id": new_id("evt")}
    told = strange["data"]["object"]
    for name in ("id", "charge", "payment_intent", "latest_charge"):
        if isinstance(told.get(name), str):
            told[name] = new_id(told[name].partition("_")[0])
    return strange


def _post(post: _Post) -> Json:
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": post.header}
    status = 0
    try:
        status = requests.post(post.url, data=post.body, headers=headers, timeout=TIMEOUT).status_code
    except requests.RequestException:
        status = 0
    return {"event": post.event.id, "type": post.event.data["type"], "status": status}
