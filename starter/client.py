"""The typed client of a storefront's backend: connect, place an order, send its commands, restart it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from temporalio.client import Client

from activities.store.orders import Standing
from domain import wire
from domain.contract import MOST_BYTES, Envelope, read_envelope
from domain.decide import Command, Refusal, Repeat, decide
from domain.errors import AftersaleError, Invalid, Refused
from domain.signing import sign
from domain.state import DESK, Actor, Order
from starter import documents, settings as environment
from starter.answers import STOREFRONT, CheckoutIncomplete, NotJudgedYet, Progress, progress_of
from starter.documents import Document
from starter.reader import Reader
from starter.records import Records, wall_clock
from starter.runs import ADMITTING, NotRunning, Runs, message_size
from starter.sending import WITHIN, id_from, new_id
from starter.typed import TypedCommands
from starter.waiting import until

ADMISSION = 30.0
"""Seconds that placing waits for the order's admission unless told otherwise."""

STALE_START = 3.0
"""Seconds after which a start is repeated: the run it met may have been ending with an earlier refusal."""


class AftersaleClient(TypedCommands):
    """Places orders and commands them. Personal data goes to PostgreSQL first and never into a message."""

    def __init__(self, temporal: Client, records: Records, command_key: bytes = b"") -> None:
        self._runs = Runs(temporal)
        self._records = records
        self._command_key = command_key

    @classmethod
    def connect(cls, clock: Callable[[], datetime] = wall_clock) -> Connecting:
        """A client by the environment's settings; await it, or enter it as a context that closes it."""
        return Connecting(clock)

    async def close(self) -> None:
        """Let the connections to PostgreSQL go."""
        await asyncio.to_thread(self._records.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def place(self, document: dict[str, Any], *, within: float = ADMISSION) -> Progress:
        """Start an order from its checkout, and wait until it is admitted. The same contents again give the same order.

        Raises Invalid when the document or the payment breaks a rule, Conflict when other contents hold the id,
        NotJudgedYet when the order is started and no worker has looked at it. What can be known to be wrong without
        the payment provider is refused before anything is started.
        """
        ready = documents.read(document)
        [standing] = await asyncio.to_thread(self._records.claim, [ready])
        return await self._place(ready, standing, within)

    async def store(self, document: object) -> tuple[Mapping[str, Any], ...]:
        """Store what a checkout tells of people and addresses, for orders that another program starts; start none.

        Takes the ids as `place` does, and gives what each workflow is started from: nothing personal is left in it.
        """
        many = "orders" in documents.an_object(document)
        ready = documents.read_orders(document) if many else (documents.read(document),)
        await asyncio.to_thread(self._records.claim, ready)
        return tuple(order.plain for order in ready)

    async def place_checkout(self, document: dict[str, Any], *, within: float = ADMISSION) -> tuple[Progress, ...]:
        """Start every order of one checkout, ``{"checkout_id", "orders": [...]}``, each with a payment of its own.

        Raises Invalid or Conflict before anything is started, CheckoutIncomplete when some were not admitted.
        """
        ready = documents.read_orders(document)
        standings = await asyncio.to_thread(self._records.claim, ready)
        placing = (self._place(order, standing, within) for order, standing in zip(ready, standings, strict=True))
        results = await asyncio.gather(*placing, return_exceptions=True)
        failed: dict[str, AftersaleError] = {}
        for order, result in zip(ready, results, strict=True):
            if isinstance(result, AftersaleError):
                failed[order.order_id] = result
            elif isinstance(result, BaseException):
                raise result
        placed = tuple(result for result in results if isinstance(result, Progress))
        if failed:
            raise CheckoutIncomplete(placed, failed)
        return placed

    async def _place(self, document: Document, standing: Standing, within: float) -> Progress:
        if standing.status == ADMITTING:
            standing = await self._admission(document, within)
        if standing.status == "refused":
            raise Invalid(standing.field, standing.rule)
        order = await asyncio.to_thread(self._records.order, document.order_id)
        return progress_of(order, STOREFRONT, self._records.now_of(order))

    async def _admission(self, document: Document, within: float) -> Standing:
        """Start the order and wait for its admission. A run that was ending with an earlier refusal is started anew."""

        async def judged() -> Standing | None:
            standing = await asyncio.to_thread(self._records.standing, document.order_id)
            return None if standing.status == ADMITTING else standing

        found = None
        for seconds in (min(STALE_START, within), within - STALE_START):
            if found is None and seconds > 0:
                await self._runs.start(document.plain, document.checkout)
                found = await until(judged, seconds)
        if found is None and await self._runs.has_failed(document.order_id):
            raise NotJudgedYet(
                f"the admission of order {document.order_id} failed; its workflow says why", delivered=False
            )
        if found is None:
            raise NotJudgedYet(f"order {document.order_id} is started and waits for a worker", delivered=True)
        return found

    async def send(
        self,
        order_id: str,
        name: str,
        by: Actor,
        body: object,
        *,
        command_id: str = "",
        signal: bool = False,
        within: float = WITHIN,
        ticket_id: str = "",
    ) -> Progress:
        """Send any command by its name in the process table; the typed methods are this with their body's fields.

        Raises Invalid, Refused, NotFound, NotJudgedYet, Unreachable.
        """
        envelope = Envelope(command_id or new_id(), by, wire.to_plain(body), ticket_id)
        if by.role in DESK:
            envelope = self._signed(order_id, name, envelope)
        message = wire.to_plain(envelope)
        if message_size(message) > MOST_BYTES:
            raise Invalid("message", f"is larger than {MOST_BYTES} bytes; store documents first and name them by id")
        await asyncio.to_thread(self._records.check_part, order_id, by)
        try:
            if signal:
                await self._runs.signal(order_id, name, message)
                order = await asyncio.to_thread(self._records.order, order_id)
                now = self._records.now_of(order)
                return progress_of(order, by, now, accepted=False, command_id=envelope.command_id)
            verdict = await self._runs.update(order_id, name, message, within)
        except NotRunning:
            return await self._from_record(order_id, name, envelope, running=False)
        except NotJudgedYet as error:
            return await self._from_record(order_id, name, envelope, running=True, otherwise=error)
        return Progress.from_verdict(verdict, envelope.command_id)

    def _signed(self, order_id: str, name: str, envelope: Envelope) -> Envelope:
        if not self._command_key:
            raise Invalid("AFTERSALE_COMMAND_KEY", "is missing from the environment; it signs the desk's commands")
        signature = sign(self._command_key, order_id, name, envelope)
        return Envelope(envelope.command_id, envelope.actor, envelope.body, envelope.ticket_id, signature)

    async def _from_record(
        self, order_id: str, name: str, envelope: Envelope, *, running: bool, otherwise: NotJudgedYet | None = None
    ) -> Progress:
        """The answer of an order that does not answer itself: a command that was taken before, or why there is none."""
        standing = await asyncio.to_thread(self._records.standing, order_id)
        if standing.status not in ("open", "over"):
            raise otherwise or NotJudgedYet(
                f"order {order_id} is {standing.status}", delivered=False, command_id=envelope.command_id
            )
        order = await asyncio.to_thread(self._records.order, order_id)
        now = self._records.now_of(order)
        command = Command(name, envelope.command_id, envelope.actor, envelope.body, envelope.ticket_id)
        judged = decide(order, command, now)
        if isinstance(judged, Repeat):
            return progress_of(order, command.actor, now, command_id=command.command_id, about=command)
        if standing.status == "over" and isinstance(judged, Refusal):
            raise Refused(judged.code, judged.reason, judged.possible)
        if standing.status == "over":
            return await self._go_on(order_id, command, envelope)
        if running and otherwise is not None:
            raise otherwise
        again = f"aftersale restart {order_id} --reason '...'"
        why = f"order {order_id} has no running workflow; an operator starts it: {again}"
        raise NotJudgedYet(why, delivered=False, command_id=envelope.command_id)

    async def _go_on(self, order_id: str, command: Command, envelope: Envelope) -> Progress:
        """A command that an order takes although it is over: a new run goes on with it. Raises NotJudgedYet."""
        await self._runs.go_on(self._records.engine, order_id, command.name, wire.to_plain(envelope))

        async def taken() -> Progress | None:
            order = await asyncio.to_thread(self._records.order, order_id)
            if not any(seen.command_id == envelope.command_id for seen in order.seen):
                return None
            now = self._records.now_of(order)
            return progress_of(order, command.actor, now, command_id=command.command_id, about=command)

        found = await until(taken, WITHIN)
        if found is None:
            why = f"order {order_id} goes on in a new run that has not answered yet; its story will tell"
            raise NotJudgedYet(why, delivered=True, command_id=envelope.command_id)
        return found

    async def order(self, order_id: str) -> Order:
        """The order's state after its last recorded step. Raises NotFound."""
        return await asyncio.to_thread(self._records.order, order_id)

    async def address(self, order_id: str, by: Actor) -> tuple[str, ...]:
        """Where the parcels go, line by line: for the buyer, the desk, and a seller who has something to send.

        A look of the desk is recorded. Raises NotFound for anybody else, Refused for a seller before and afterwards.
        """
        return await asyncio.to_thread(Reader(self._records).address, order_id, by)

    async def restart(self, order_id: str, by: Actor, *, reason: str, command_id: str = "") -> Progress:
        """Let a new run take the order over from its last recorded step: after a Terminate, or when a run is stuck.

        Every earlier run may write nothing from then on. The reason is stored and stands in the order's story.

        Raises Invalid, NotFound and Refused before anything is done, also for an order that is over and whose last run
        left nothing to do; Unreachable, after which it is repeated; and once the order is restarted Refused with the
        code ``reason_refused`` when its story does not take the reason, NotJudgedYet when it has not answered.
        """
        if by.role not in DESK:
            raise Refused("role_not_allowed", f"a {by.role} may not restart; that is for: specialist, operator")
        command_id = command_id or new_id()
        note_id = id_from(order_id, "restart", command_id)
        envelope = self._signed(order_id, "note", Envelope(command_id, by, {"note_id": note_id}))
        read_envelope(wire.to_plain(envelope))
        command = Command("note", command_id, by, envelope.body)
        order = await asyncio.to_thread(self._records.order, order_id)
        now = self._records.now_of(order)
        judged = decide(order, command, now)
        if isinstance(judged, Repeat):
            return progress_of(order, by, now, command_id=command_id, about=command)
        if isinstance(judged, Refusal):
            await self._bar(order_id, judged)
        await asyncio.to_thread(self._records.keep_note, order_id, note_id, by, reason)
        snapshot = await asyncio.to_thread(self._records.next_epoch, order_id)
        await self._runs.restart(self._records.engine, wire.from_plain(Order, snapshot), snapshot)
        return await self._say_why(order_id, command, envelope)

    async def _bar(self, order_id: str, judged: Refusal) -> None:
        """Raises Refused when whoever may not write a note may not restart either."""
        if judged.code == "calendar_too_short":  # The new run extends the calendars first.
            return
        if judged.code != "order_over":
            raise Refused(judged.code, judged.reason, judged.possible)
        if not await self._runs.left_over(self._records.engine, order_id):
            reason = f"order {order_id} is over, and all that came to it is judged: there is nothing to restart"
            raise Refused(judged.code, reason, judged.possible)

    async def _say_why(self, order_id: str, command: Command, envelope: Envelope) -> Progress:
        """The reason of a restart that is done, as a note in the order's story. Raises Refused, NotJudgedYet."""
        before = await asyncio.to_thread(self._records.refusals, order_id, command.command_id)

        async def judged() -> tuple[Order, tuple[str, ...]] | None:
            refused = await asyncio.to_thread(self._records.refusals, order_id, command.command_id)
            order = await asyncio.to_thread(self._records.order, order_id)
            taken = any(seen.command_id == command.command_id for seen in order.seen)
            return (order, refused[len(before) :]) if taken or len(refused) > len(before) else None

        try:
            await self._runs.signal(order_id, "note", wire.to_plain(envelope))
        except NotRunning:
            raise _unsaid(order_id, "its new run has ended already") from None
        found = await until(judged, WITHIN)
        if found is None:
            why = f"order {order_id} is restarted; in {WITHIN:g} s it has not answered what it makes of the reason"
            raise NotJudgedYet(why, delivered=True)
        order, refused = found
        if refused:
            raise _unsaid(order_id, refused[0])
        now = self._records.now_of(order)
        return progress_of(order, command.actor, now, command_id=command.command_id, about=command)


def _unsaid(order_id: str, why: str) -> Refused:
    return Refused("reason_refused", f"order {order_id} was restarted, but the reason is not in its story: {why}")


class Connecting:
    """A client on its way, so that `connect` can be awaited or entered."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._client: AftersaleClient | None = None

    def __await__(self) -> Any:
        return self._connect().__await__()

    async def _connect(self) -> AftersaleClient:
        settings = environment.load()
        records = Records.of(settings, self._clock)
        # Lazy, so that what PostgreSQL alone can answer is answered while Temporal is away.
        temporal = await Client.connect(**environment.temporal(), lazy=True)
        return AftersaleClient(temporal, records, settings.command_key)

    async def __aenter__(self) -> AftersaleClient:
        self._client = await self._connect()
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()
