"""OrderWorkflow: the loop round the process table. It knows no command by name.

Take the next message or the earliest deadline, decide, perform the step through one activity, apply, publish.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

from workflows import front, steps
from workflows.alarm import Alarm

with workflow.unsafe.imports_passed_through():
    from domain import events, wire
    from domain.contract import (
        FATAL,
        NOT_PERFORMED,
        REFUSED,
        WORKFLOW,
        Admission,
        Ask,
        Envelope,
        RefusalNote,
        refusal_key,
        resumed,
        workflow_id,
    )
    from domain.deadlines import Clock, calendar_clock, deadlines
    from domain.decide import Decision, Refusal, Repeat, decide, tick
    from domain.errors import Invalid, StaleEpoch
    from domain.events import Event
    from domain.fold import SEEN_LIMIT, apply_all
    from domain.process import judged_by_record
    from domain.progress import verdict
    from domain.state import SYSTEM, Order, is_over, stage
    from domain.summary import Summary, summary
    from workflows.panel import attributes, beside_the_timer, details, parties, unrecorded

LONG_HISTORY = 4_000
"""Events after which the order goes on in a new run; far below the server's limits."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
"""How long the loop waits before it tries a step again that could not be recorded; any message ends the wait."""

MOST_REPEATS = 5
"""How often a clock may stand again at its instant after its step: waiting money takes a step for each operation."""

T = TypeVar("T")


@workflow.defn(name=WORKFLOW)
class OrderWorkflow:
    """One order, from checkout until nothing about it is open."""

    def __init__(self) -> None:
        self.inbox: deque[front.Item] = deque()
        self._open: list[front.Item] = []
        self._signals = 0
        self._stale: ApplicationError | None = None
        self._alarm = Alarm()
        self._shown: Summary | None = None
        self._balked: dict[str, tuple[int, datetime]] = {}
        self._repeats = 0
        self._short: datetime | None = None

    @workflow.run
    async def run(self, start: RawValue) -> str:
        """Returns the order's last stage. `start` is a checkout, or ``{"snapshot": ...}`` to go on from."""
        try:
            order = await self._live(await self._begin(start))
        except ApplicationError as error:
            await self._turn_away(error)
            raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        return stage(order).value

    async def _live(self, order: Order) -> Order:
        """Until nothing about the order is open and nobody waits for an answer."""
        self._publish(order)
        while self.inbox or not is_over(order):
            order = await self._next(order)
            self._publish(order)
            if self._should_renew():
                workflow.continue_as_new({"snapshot": wire.to_plain(order)})
        return order

    @workflow.signal(dynamic=True)
    def signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Any command, fire and forget: what is refused stands in the story."""
        self.inbox.append(front.item(name, args, "signal"))

    @workflow.update(dynamic=True)
    async def update(self, name: str, args: Sequence[RawValue]) -> dict[str, Any]:
        """Any command, answered with the verdict: the order's new progress, or why not and what is possible."""
        message = front.item(name, args, "update")
        self.inbox.append(message)
        self._open.append(message)
        await workflow.wait_condition(lambda: message.answer is not None or self._stale is not None)
        self._open.remove(message)
        if message.answer is None and self._stale is not None:
            raise self._stale
        if isinstance(message.answer, Refusal):
            raise front.refused(message.answer)
        return message.answer or {}

    @update.validator
    def check(self, name: str, args: Sequence[RawValue]) -> None:
        """A cheap filter; the judge is `decide`."""
        unreadable = front.item(name, args, "update").unreadable
        if unreadable is not None:
            raise front.refused(unreadable)

    async def _begin(self, start: RawValue) -> Order:
        try:
            document = front.document(start)
            if "snapshot" in document:
                return await self._resume(wire.from_plain(Order, document["snapshot"]))
            admission = Admission(document, workflow.now(), workflow.info().original_execution_run_id)
            admitted = await self._until_done(lambda: steps.admit(admission), "the checkout")
            if admitted.order is None:
                raise ApplicationError(f"{admitted.field}: {admitted.rule}", type=REFUSED, non_retryable=True)
            if admitted.stale:
                self._publish(admitted.order)
                raise ApplicationError(
                    "begun anew by a Reset, and judged already", type=StaleEpoch.__name__, non_retryable=True
                )
            return await self._resume(admitted.order)
        except Invalid as error:
            raise ApplicationError(str(error), type="Malformed", non_retryable=True) from None

    async def _resume(self, order: Order) -> Order:
        """Carry out what an earlier run had begun before anything else is judged: it is written down, perhaps sent."""
        ask = resumed(order)
        if ask is None:
            return order
        more = await self._done(ask)
        return apply_all(ask.order, () if isinstance(more, Refusal) else more)

    async def _turn_away(self, ended: ApplicationError) -> None:
        """Tell everybody who waits, so that the run can end: no where no order began, else that another run judges."""
        if ended.type in FATAL:
            self._stale = ended
        else:
            for message in self._open:
                message.answer = message.answer or Refusal("order_over", ended.message)
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _next(self, order: Order) -> Order:
        """One message, or one clock that has rung; else wait for either. Messages come first (docs/rules.md, Race).

        Only the calendars come before them, also those of an order that is over: a message may need days beyond.
        """
        calendars = calendar_clock(order)
        if calendars.at <= workflow.now() and calendars.at != self._short:
            self._short = calendars.at
            return await self._ring(order, calendars)
        if self.inbox:
            return await self._take(order, self.inbox.popleft())
        clock = self._earliest(order)
        if clock is not None and clock.at <= workflow.now():
            return await self._ring(order, clock)
        if clock is not None:
            self._alarm.arm(clock.at, beside_the_timer(order, clock))
        await workflow.wait_condition(lambda: bool(self.inbox) or self._alarm.rang)
        self._alarm.reset()
        return order

    async def _take(self, order: Order, message: front.Item) -> Order:
        """Judge one message. An update is answered at once; one that its activity may refuse after it was performed."""
        self._signals += message.source == "signal"
        if message.envelope is None:
            await self._refuse(order, message, message.unreadable or Refusal("unreadable", "cannot be read"))
            return order
        judged = self._judge(order, message)
        if isinstance(judged, Refusal):
            await self._refuse(order, message, judged)
            return order
        actor = message.envelope.actor
        if isinstance(judged, Repeat):
            message.answer = verdict(order, judged.seq, actor, workflow.now(), message.command)
            return order
        if len(order.seen) < SEEN_LIMIT and not judged_by_record(message.name, actor.role, message.envelope.body):
            message.answer = verdict(judged.after, judged.after.seq, actor, workflow.now(), message.command)
        after = await self._perform(order, judged, message.source, message.name, message.envelope)
        if isinstance(after, Refusal):
            await self._refuse(order, message, after)
            return order
        message.answer = message.answer or verdict(after, judged.after.seq, actor, workflow.now(), message.command)
        return after

    def _judge(self, order: Order, message: front.Item) -> Decision | Refusal | Repeat:
        """A fault of ours in judging one message must not wedge the order: the message is refused, the fault logged."""
        try:
            return decide(order, message.command, workflow.now())
        except Exception as error:  # noqa: BLE001  # See the docstring.
            workflow.logger.exception("a command could not be judged")
            return Refusal("internal_error", f"the command could not be judged ({type(error).__name__})")

    async def _ring(self, order: Order, clock: Clock) -> Order:
        """Take the step of a clock. One that cannot be taken now is left alone for a while, never spun upon."""
        judged = tick(order, clock, workflow.now())
        if isinstance(judged, Decision):
            envelope = Envelope(f"clock-{judged.after.seq}", SYSTEM)
            performed = await self._perform(order, judged, "clock", clock.step, envelope)
            after = order if isinstance(performed, Refusal) else performed
            stands = any(c.tier == clock.tier and c.at == clock.at for c in deadlines(after))
            self._repeats = self._repeats + 1 if stands else 0
            if self._repeats < MOST_REPEATS:
                return after
            order = after
        else:
            workflow.logger.warning("a clock was refused: %s %s", clock.step, judged.code)
        self._balked[clock.tier] = order.seq, workflow.now() + LONGEST_PAUSE
        return order

    def _earliest(self, order: Order) -> Clock | None:
        """The next clock; each that balked waits until the order or the time has moved on."""
        now, balked = workflow.now(), self._balked.items()
        self._balked = {tier: (seq, until) for tier, (seq, until) in balked if seq == order.seq and now < until}
        waits = {tier: until for tier, (_, until) in self._balked.items()}
        clocks = deadlines(order)
        later = (replace(clock, at=waits[clock.tier]) if clock.tier in waits else clock for clock in clocks)
        return min(later, key=lambda clock: clock.at, default=None)

    async def _perform(
        self, order: Order, decision: Decision, source: str, name: str, envelope: Envelope
    ) -> Order | Refusal:
        """Carry a decision out and give the order after it, or why its activity would not perform it."""
        ask = Ask(
            decision.step,
            decision.after.seq,
            order.epoch,
            workflow.now(),
            source,
            name,
            envelope,
            stage(order).value,
            tuple(events.to_plain(event) for event in decision.events),
            decision.after,
            tuple(role.value for role in decision.tells),
        )
        more = await self._done(ask)
        return more if isinstance(more, Refusal) else apply_all(decision.after, more)

    async def _done(self, ask: Ask) -> list[Event] | Refusal:
        """What performing a step brought, or why it was refused after all."""
        answer = await self._until_done(lambda: steps.perform(ask), f"step {ask.seq} ({ask.step})")
        if answer.refused:
            return Refusal(answer.refused, NOT_PERFORMED.get(answer.refused, answer.refused))
        return [events.from_plain(event) for event in answer.events]

    async def _refuse(self, order: Order, message: front.Item, refusal: Refusal) -> None:
        """Tell the sender of an update; put the refusal of a signal on record."""
        message.answer = refusal
        if message.source != "signal":
            return
        envelope = message.envelope
        command_id = envelope.command_id if envelope else ""
        note = RefusalNote(
            order.order_id,
            workflow.now(),
            message.name,
            command_id,
            envelope.actor if envelope else None,
            refusal.code,
            refusal.reason,
            refusal_key(workflow.info().original_execution_run_id, self._signals, message.name, command_id),
        )
        await self._until_done(lambda: steps.note_refusal(note), "a refusal")

    async def _until_done(self, call: Callable[[], Awaitable[T]], what: str) -> T:
        """Try until it is done: while our own database is away the order waits, visibly, and loses nothing."""
        wait, told = FIRST_PAUSE, False
        while True:
            try:
                return await call()
            except ActivityError as error:
                cause = error.cause
                if isinstance(cause, ApplicationError) and cause.type in FATAL:
                    raise ApplicationError(cause.message, type=cause.type, non_retryable=True) from None
                if not told:
                    self._complain(what, cause)
                    told = True
            heard, note = len(self.inbox), f"{what} cannot be recorded; tried again when this ends"
            try:
                await workflow.wait_condition(
                    lambda: len(self.inbox) > heard,  # noqa: B023  # read at once
                    timeout=wait,
                    timeout_summary=note,
                )
            except TimeoutError:
                wait = min(wait * 2, LONGEST_PAUSE)

    def _complain(self, what: str, cause: BaseException | None) -> None:
        """Tell the operators that our own records are out of reach; the next publication takes it back."""
        kind = cause.type if isinstance(cause, ApplicationError) and cause.type else type(cause).__name__
        order_id = workflow.info().workflow_id.removeprefix(workflow_id(""))
        trouble = unrecorded(order_id, what, kind)
        workflow.upsert_search_attributes(attributes(self._shown, trouble))
        workflow.set_current_details(f"**Needs attention:** {trouble}\n\n{workflow.get_current_details()}")
        self._shown = None

    def _publish(self, order: Order) -> None:
        """Tell the operators' list and screen; a closed order keeps its last attributes, the result says the rest."""
        now_shown = summary(order)
        if now_shown != self._shown and order.closed_at is None:
            first = parties(order) if self._shown is None else []
            workflow.upsert_search_attributes([*attributes(now_shown), *first])
            self._shown = now_shown
        workflow.set_current_details(details(order, now_shown))

    def _should_renew(self) -> bool:
        info = workflow.info()
        long = info.is_continue_as_new_suggested() or info.get_current_history_length() > LONG_HISTORY
        return long and not self.inbox and workflow.all_handlers_finished()
