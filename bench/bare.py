"""A workflow of an order's shape with nothing in it: what Temporal alone costs.

It takes the same start and the same messages as an order, calls as many activities with payloads of similar size,
upserts the same search attributes as often, sets the same timers. Its activities return at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributeUpdate

Json = dict[str, Any]

WORKFLOW, QUEUE = "BareOrder", "bare"
FIRST_TIMER, SECOND_TIMER = timedelta(days=3), timedelta(days=27)
"""One for the parties' clocks, one for the after-sales window."""

STAGES = ("confirmed", "shipped", "delivered", "completed")
"""What a message each leads to."""

STATE: Json = {
    "order_id": "bare-order",
    "lines": [
        {"line_id": f"L{n}", "title": f"Thing {n}, used", "price": "40.00 EUR", "state": "pending", "funds": "none"}
        for n in range(4)
    ],
    "days": {f"calendar-{n}": [f"2026-{m:02}-{n + 1:02}" for m in range(1, 13)] for n in range(8)},
    "policy": {f"window_{n:02}": {"value": n, "unit": "business days", "from": "payment"} for n in range(47)},
}
"""About as much as an order's own state is in a payload, and as finely divided."""

ANSWER: Json = {
    "order_id": "bare-order", "seq": 1, "stage": "confirmed", "waiting_on": "seller", "due": "2026-12-01T16:00:00Z",
    "sentence": "The seller has until then to ship. Otherwise a specialist looks into it.", "payment": "authorised",
}  # fmt: skip
"""About as much as an order's verdict is."""

RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20), maximum_attempts=4)

STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_ON = SearchAttributeKey.for_keyword("WaitingOn")
DUE = SearchAttributeKey.for_datetime("Due")
ATTENTION = SearchAttributeKey.for_bool("Attention")
BUYER = SearchAttributeKey.for_keyword("Buyer")
SELLER = SearchAttributeKey.for_keyword("Seller")
MARKETPLACE = SearchAttributeKey.for_keyword("Marketplace")


@activity.defn
def bare_admit(_: Json) -> Json:
    """Gives a state, as the admission does."""
    return {"order": STATE}


@activity.defn
def bare_perform(_: Json) -> Json:
    """Gives almost nothing, as performing does."""
    return {}


@dataclass
class Message:
    """One message, and whether it was taken."""

    name: str
    body: Json
    taken: bool = False


@workflow.defn(name=WORKFLOW)
class BareOrder:
    """As many messages, activities, upserts and timers as in the smooth life of an order."""

    def __init__(self) -> None:
        self._inbox: deque[Message] = deque()
        self._timer: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, start: Json) -> str:
        """Returns the last stage."""
        admitted = await self._call(bare_admit, {"checkout": start, "now": workflow.now().isoformat()}, "admit")
        state: Json = admitted["order"]
        first = {BUYER: start["buyer"]["person_id"], SELLER: start["seller"]["person_id"], MARKETPLACE: "standard"}
        self._publish("placed", [key.value_set(value) for key, value in first.items()])
        for seq, stage in enumerate(STAGES, 2):
            await self._step(state, await self._message(), seq)
            self._publish(stage, [])
        await (self._timer or self._arm(FIRST_TIMER))
        await self._arm(SECOND_TIMER)
        await self._step(state, Message("close", {}), len(STAGES) + 2)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return "closed"

    async def _message(self) -> Message:
        """The next message; the timer is set when there is first nothing to do."""
        if not self._inbox:
            self._timer = self._timer or self._arm(FIRST_TIMER)
            await workflow.wait_condition(lambda: bool(self._inbox))
        return self._inbox.popleft()

    def _arm(self, span: timedelta) -> asyncio.Task[None]:
        note = "after step 1: The seller has until then to confirm. Otherwise a specialist looks into it."
        return asyncio.create_task(workflow.sleep(span, summary=note))

    async def _step(self, state: Json, message: Message, seq: int) -> None:
        """The sender is answered before the step is carried out, as with an order."""
        message.taken = True
        ask = {"step": message.name, "seq": seq, "now": workflow.now().isoformat(), "envelope": message.body}
        await self._call(bare_perform, {**ask, "events": [{"is": "step", "seq": seq}], "order": state}, message.name)

    async def _call(self, what: Any, argument: Json, summary: str) -> Json:
        done: Json = await workflow.execute_activity(
            what, argument, start_to_close_timeout=timedelta(seconds=30), retry_policy=RETRY, summary=summary
        )
        return done

    def _publish(self, stage: str, more: list[SearchAttributeUpdate[Any]]) -> None:
        shown: list[SearchAttributeUpdate[Any]] = [
            ATTENTION.value_set(False),
            STAGE.value_set(stage),
            WAITING_ON.value_set("seller"),
        ]
        workflow.upsert_search_attributes([*shown, DUE.value_set(workflow.now() + FIRST_TIMER), *more])

    @workflow.signal
    def parcel_scan(self, body: Json) -> None:
        """The carrier's news."""
        self._inbox.append(Message("parcel_scan", body))

    @workflow.update
    async def confirm(self, body: Json) -> Json:
        """The seller's."""
        return await self._answered(Message("confirm", body))

    @workflow.update
    async def ship(self, body: Json) -> Json:
        """The seller's."""
        return await self._answered(Message("ship", body))

    @workflow.update
    async def receive(self, body: Json) -> Json:
        """The buyer's."""
        return await self._answered(Message("receive", body))

    async def _answered(self, message: Message) -> Json:
        self._inbox.append(message)
        await workflow.wait_condition(lambda: message.taken)
        return ANSWER
