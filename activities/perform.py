"""A step's effects, in one place: write the money down, call at most one provider, record everything in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import calendars
from activities.cashier import PAYMENT_RULES, Cashier
from activities.notices import outbox_rows
from activities.policies import read_policy
from activities.providers.port import PaymentProvider
from activities.store import ledger, operations, orders, outbox, personal, steps, tickets
from activities.store.vault import Vault
from domain import events, wire
from domain.business_time import Calendar
from domain.checkout import Checkout, Place, check, place
from domain.contract import Admission, Admitted, Answer, Ask, Envelope, RefusalNote
from domain.desk import reused_number
from domain.errors import Conflict, Invalid, StaleEpoch
from domain.events import CalendarsAsked, CalendarsExtended, Event, MoneyAsked, Taken, apply_all
from domain.funds import Done, No, Result, Unclear, entries, plan, settle
from domain.notices import Notice, notices, refused_message, reminders
from domain.policy import CalendarRules
from domain.signing import is_signed
from domain.state import DESK, Actor, MoneyOp, Order, Role, is_over
from domain.summary import summary

NUMBER = "tracking_number"
"""The one personal field that a command may carry; it is moved to the vault and leaves no trace in our records."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a step's money operation."""

    op: MoneyOp | None
    result: Result | None
    events: tuple[Event, ...]


class Performer:
    """The activities of an order. Their only exceptions are our own database's, which are retried, and StaleEpoch."""

    def __init__(
        self, engine: Engine, vault: Vault, payments: PaymentProvider, policies: Path, command_key: bytes
    ) -> None:
        self._engine = engine
        self._vault = vault
        self._cashier = Cashier(engine, payments)
        self._policies = policies
        self._command_key = command_key

    @activity.defn(name="admit")
    def admit(self, data: dict[str, Any]) -> dict[str, Any]:
        """Admission in, Admitted out: the order's first step, or the rule that its checkout breaks."""
        admission = wire.from_plain(Admission, data)
        try:
            return _plain(Admitted(order=self._admit(admission.checkout, admission.now)))
        except Invalid as error:
            order_id = admission.checkout.get("order_id")
            if isinstance(order_id, str):
                with self._engine.begin() as conn:
                    orders.refuse(conn, order_id, error.field, error.rule)
            return _plain(Admitted(field=error.field, rule=error.rule))

    @activity.defn(name="perform")
    def perform(self, data: dict[str, Any]) -> dict[str, Any]:
        """Ask in, Answer out. Performing the same step again answers as before and has no second effect."""
        ask = wire.from_plain(Ask, data)
        signed = ask.envelope.actor.role not in DESK or is_signed(
            self._command_key, ask.order.order_id, ask.name, ask.envelope
        )
        if not signed:
            return _plain(Answer(refused="bad_signature"))
        try:
            return _plain(Answer(events=tuple(events.to_plain(event) for event in self._perform(ask))))
        except StaleEpoch as error:
            raise ApplicationError(str(error), type="StaleEpoch", non_retryable=True) from None

    @activity.defn(name="note_refusal")
    def note_refusal(self, data: dict[str, Any]) -> dict[str, Any]:
        """RefusalNote in: a refused or unreadable signal stands in the story, and its sender is told when it is a party."""
        note = wire.from_plain(RefusalNote, data)
        with self._engine.begin() as conn:
            steps.refused(conn, _refusal(note))
            plain = orders.snapshot(conn, note.order_id)
            if plain is not None:
                order = wire.from_plain(Order, plain)
                outbox.queue(conn, outbox_rows(order, order.seq, _told(note, order)))
        return {}

    def _admit(self, document: Mapping[str, Any], now: datetime) -> Order:
        checkout = wire.from_plain(Checkout, dict(document))
        check(checkout)
        policy = read_policy_named(self._policies, checkout.marketplace)
        rules = policy.calendar
        seller, buyer, desk = (
            self._calendar(rules, where, field, now)
            for where, field in (
                (checkout.seller.place, "seller.place"),
                (checkout.buyer.place, "buyer.place"),
                (Place(), "marketplace"),
            )
        )
        reference = checkout.payment.payment_intent if checkout.payment else ""
        with self._engine.begin() as conn:
            try:
                orders.claim(conn, checkout.order_id, wire.digest(dict(document)), dict(document), reference or None)
            except Conflict:
                raise Invalid("order_id", "was used before with other contents; use a new id for a new order") from None
            known = steps.recorded(conn, checkout.order_id, 1)
            if known is not None:
                return wire.from_plain(Order, orders.snapshot(conn, checkout.order_id))
        return self._place(place(checkout, policy, seller, buyer, desk, now), now)

    def _place(self, order: Order, now: datetime) -> Order:
        op = plan(order, now, 1)
        first: tuple[Event, ...] = (MoneyAsked(op), Taken(1)) if op else (Taken(1),)
        placed = apply_all(order, first)
        settled = self._settle(placed, op, now)
        if op is not None and op.subject and isinstance(settled.result, No):
            raise Invalid("payment.payment_intent", PAYMENT_RULES.get(settled.result.code, settled.result.code))
        ask = Ask(
            "place", 1, order.epoch, now, "start", "place", Envelope("place", Actor(Role.STOREFRONT, "storefront")), "",
            tuple(events.to_plain(event) for event in first), placed, (Role.BUYER.value, Role.SELLER.value),
        )  # fmt: skip
        with self._engine.begin() as conn:
            return self._record(conn, ask, settled)

    def _calendar(self, rules: CalendarRules, where: Place, field: str, now: datetime) -> Calendar:
        """A party's calendar, pinned from yesterday to policy's horizon; what the party did not give is the marketplace's."""
        own = bool(where.country)
        try:
            return calendars.resolve(
                where.country or rules.country,
                where.subdivision if own else rules.subdivision,
                where.zone or rules.zone,
                (now - timedelta(days=2)).date(),
                (now + timedelta(days=rules.horizon)).date(),
                extra_days_off=rules.extra_days_off,
                removed_days_off=rules.removed_days_off,
            )
        except Invalid as error:
            raise Invalid(f"{field}.{error.field}", error.rule) from None

    def _perform(self, ask: Ask) -> tuple[Event, ...]:
        done = tuple(events.from_plain(event) for event in ask.events)
        with self._engine.begin() as conn:
            known = steps.recorded(conn, ask.order.order_id, ask.seq)
        if known is not None:
            if known.epoch == ask.epoch and known.digest == _digest(ask):
                return tuple(events.from_plain(event) for event in known.outcome)
            raise StaleEpoch(f"step {ask.seq} of order {ask.order.order_id} was taken by another run")
        op = ask.order.op if any(isinstance(e, MoneyAsked) for e in done) or ask.step == "settle" else None
        settled = self._settle(ask.order, op, ask.now)
        if any(isinstance(event, CalendarsAsked) for event in done):
            settled = replace(settled, events=(self._further_days(ask.order, ask.now),))
        with self._engine.begin() as conn:
            settled = replace(settled, events=(*settled.events, *self._keep_number(conn, ask)))
            self._record(conn, ask, settled)
        return settled.events

    def _settle(self, order: Order, op: MoneyOp | None, now: datetime) -> Settled:
        if op is None:
            return Settled(None, None, ())
        result = self._cashier.carry_out(order, op, now)
        return Settled(op, result, settle(order, op, result, now))

    def _further_days(self, order: Order, now: datetime) -> CalendarsExtended:
        rules = order.policy.calendar
        last = (now + timedelta(days=rules.horizon)).date()

        def further(calendar: Calendar) -> Calendar:
            country, _, subdivision = calendar.name.partition(" ")[0].partition("-")
            return calendars.extend(
                calendar,
                country,
                subdivision,
                last,
                extra_days_off=rules.extra_days_off,
                removed_days_off=rules.removed_days_off,
            )

        return CalendarsExtended(*map(further, (order.seller_calendar, order.buyer_calendar, order.desk_calendar)))

    def _keep_number(self, conn: Connection, ask: Ask) -> tuple[Event, ...]:
        """A tracking number sent with the command goes to the vault; one that another order has used is flagged (T9)."""
        body = ask.envelope.body
        parcel_id = body.get("parcel_id")
        if ask.name != "ship" or not isinstance(parcel_id, str):
            return ()
        if body.get(NUMBER):
            personal.put_parcel(
                conn, self._vault, ask.order.order_id, parcel_id, str(body.get("carrier", "")), str(body[NUMBER])
            )
        return (
            reused_number(ask.order, parcel_id, ask.now) if personal.reused(conn, ask.order.order_id, parcel_id) else ()
        )

    def _record(self, conn: Connection, ask: Ask, settled: Settled) -> Order:
        """Step, snapshot, ledger, tickets and notices, all in the caller's transaction (L9)."""
        order = apply_all(ask.order, settled.events)
        steps.record(conn, _row(ask, settled, order))
        if settled.op is not None and settled.result is not None and not isinstance(settled.result, Unclear):
            done = isinstance(settled.result, Done)
            ref = settled.result.ref if isinstance(settled.result, Done) else ""
            code = "" if done else getattr(settled.result, "code", "")
            operations.resolve(conn, order.order_id, settled.op, "done" if done else "refused", ref, code, ask.now)
            booking = entries(ask.order, settled.op, settled.result)
            if booking:
                ledger.post(conn, order.order_id, settled.op.verb, settled.op.seq, booking, ask.now)
        happened = (*(events.from_plain(event) for event in ask.events), *settled.events)
        tickets.sync(conn, order.order_id, happened, ask.now)
        tells = tuple(Role(role) for role in ask.tells)
        told = notices(ask.step, tells, ask.seq, happened, order, ask.now)
        outbox.queue(conn, outbox_rows(order, ask.seq, told))
        outbox.set_reminders(conn, order.order_id, outbox_rows(order, ask.seq, reminders(order)), ask.now)
        return order


def read_policy_named(directory: Path, name: str) -> Any:
    """The marketplace's policy; raises Invalid, naming the checkout's field."""
    try:
        return read_policy(directory, name)
    except Invalid as error:
        raise Invalid("marketplace", error.rule) from None


def _row(ask: Ask, settled: Settled, order: Order) -> steps.StepRow:
    shown, envelope = summary(order), ask.envelope
    return steps.StepRow(
        order_id=order.order_id,
        seq=ask.seq,
        epoch=ask.epoch,
        at=ask.now,
        step=ask.step,
        role=envelope.actor.role.value,
        actor_id=envelope.actor.id,
        source=ask.source,
        command_id=envelope.command_id if ask.source in ("update", "signal") else "",
        ticket_id=envelope.ticket_id,
        before_stage=ask.before,
        after_stage=shown.stage.value,
        body={name: value for name, value in envelope.body.items() if name != NUMBER},
        events=[dict(event) for event in ask.events],
        outcome=[events.to_plain(event) for event in settled.events],
        digest=_digest(ask),
        snapshot=wire.to_plain(order),
        stage=shown.stage.value,
        waiting_on=shown.waiting_on,
        due_at=shown.due,
        attention=shown.attention,
        reason=shown.reason,
        over=is_over(order),
    )


def _told(note: RefusalNote, order: Order) -> tuple[Notice, ...]:
    """A party of this very order hears that its message was refused; nobody else hears anything about the order."""
    own, actor = {Role.BUYER: order.buyer, Role.SELLER: order.seller}, note.actor
    if actor is None or own.get(actor.role) != actor.id:
        return ()
    return (refused_message(actor.role, note.name, note.command_id, note.reason, note.now),)


def _refusal(note: RefusalNote) -> steps.RefusalRow:
    actor = note.actor
    return steps.RefusalRow(
        order_id=note.order_id,
        at=note.now,
        name=note.name,
        command_id=note.command_id,
        role=actor.role.value if actor else "",
        actor_id=actor.id if actor else "",
        code=note.code,
        reason=note.reason,
        source="signal",
    )


def _digest(ask: Ask) -> str:
    return wire.digest([ask.step, ask.seq, ask.epoch, *ask.events])


def _plain(value: object) -> dict[str, Any]:
    return dict(wire.to_plain(value))
