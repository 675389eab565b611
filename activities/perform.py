"""A step's effects: write the money down, call at most one provider, record everything in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.admission import draft, further_days, named, not_its_own, stored_first, take_over
from activities.cashier import PAYMENT_RULES, Cashier
from activities.numbers import keep_number
from activities.providers.port import PaymentProvider
from activities.record import begin, digest, record, record_refusal
from activities.store import orders, steps
from activities.store.vault import Vault
from domain import events, wire
from domain.contract import Admission, Admitted, Answer, Ask, Envelope, RefusalNote
from domain.errors import Conflict, Invalid, Refused, StaleEpoch
from domain.events import CalendarsAsked, Event, MoneyAsked, Taken
from domain.fold import SEEN_LIMIT, apply_all
from domain.funds import No, Settled, plan, settle
from domain.signing import is_signed
from domain.state import SIGNED, Actor, MoneyOp, Order, Role


class Performer:
    """The activities of an order. Their only exceptions are our own database's, which are retried, and fatal ones."""

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
        rule = not_its_own(admission.checkout, activity.info().workflow_id or "") if activity.in_activity() else ""
        if rule:  # The row of that id, if there is one, is another workflow's.
            return _plain(Admitted(field="order_id", rule=rule))
        try:
            order = self._admit(admission.checkout, admission.now)
            return _plain(Admitted(order, stale=_is_reset(admission) and order.seq > 1))
        except Invalid as error:
            order_id = named(admission.checkout)
            if order_id:
                with self._engine.begin() as conn:
                    orders.refuse(conn, order_id, error.field, error.rule)
            return _plain(Admitted(field=error.field, rule=error.rule))

    @activity.defn(name="perform")
    def perform(self, data: dict[str, Any]) -> dict[str, Any]:
        """Ask in, Answer out. Performing the same step again answers as before and has no second effect."""
        ask = wire.from_plain(Ask, data)
        order_id, envelope = ask.order.order_id, ask.envelope
        if envelope.actor.role in SIGNED and not is_signed(self._command_key, order_id, ask.name, envelope):
            return _plain(Answer(refused="bad_signature"))
        if ask.seq > SEEN_LIMIT and ask.source != "clock" and self._is_forgotten(ask):
            return _plain(Answer(refused="taken_before"))
        try:
            return _plain(Answer(events=tuple(events.to_plain(event) for event in self._perform(ask))))
        except Refused as error:
            return _plain(Answer(refused=error.code))
        except (StaleEpoch, Conflict) as error:
            raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from None

    @activity.defn(name="note_refusal")
    def note_refusal(self, data: dict[str, Any]) -> dict[str, Any]:
        """RefusalNote in: a refused or unreadable signal is put on record."""
        note = wire.from_plain(RefusalNote, data)
        with self._engine.begin() as conn:
            plain = orders.snapshot(conn, note.order_id)
            record_refusal(conn, note, None if plain is None else wire.from_plain(Order, plain))
        return {}

    def _admit(self, document: Mapping[str, Any], now: datetime) -> Order:
        order = draft(self._policies, document, now)
        reference = order.payment.offer.payment_intent if order.payment.offer else ""
        with self._engine.begin() as conn:
            try:
                orders.claim(conn, order.order_id, wire.digest(dict(document)), document, reference or None)
            except Conflict:
                raise Invalid("order_id", "was used before with other contents; use a new id for a new order") from None
            if steps.recorded(conn, order.order_id, 1) is not None:
                return wire.from_plain(Order, orders.last_state(conn, order.order_id))
            stored_first(conn, order)
        return self._place(order, now)

    def _place(self, order: Order, now: datetime) -> Order:
        """The first step, with its authorisation. A pre-authorisation that is not good turns the checkout away."""
        op = plan(order, now, 1)
        first: tuple[Event, ...] = (MoneyAsked(op), Taken(1)) if op else (Taken(1),)
        placed = apply_all(order, first)
        # Placing the order again begins the same step again.
        settled = self._settle(placed, op, now, lambda _: None, now)
        if op is not None and op.subject and isinstance(settled.result, No):
            raise Invalid("payment.payment_intent", PAYMENT_RULES.get(settled.result.code, settled.result.code))
        ask = Ask(
            "place", 1, order.epoch, now, "start", "place", Envelope("place", Actor(Role.STOREFRONT, "storefront")), "",
            tuple(events.to_plain(event) for event in first), placed, (Role.BUYER.value, Role.SELLER.value),
        )  # fmt: skip
        try:
            with self._engine.begin() as conn:
                take_over(conn, order)
                return record(conn, ask, settled)
        except StaleEpoch:
            return self._placed(order.order_id)

    def _placed(self, order_id: str) -> Order:
        """The order as it stands: another run of its admission, ended meanwhile, has recorded the same first step."""
        with self._engine.begin() as conn:
            return wire.from_plain(Order, orders.last_state(conn, order_id))

    def _perform(self, ask: Ask) -> tuple[Event, ...]:
        """What the step brought, also when another attempt has recorded it: before this one, or beside it."""
        try:
            return self._carry_out(ask)
        except StaleEpoch:
            known = self._known(ask)
            if known is None:
                raise
            return known

    def _is_forgotten(self, ask: Ask) -> bool:
        """Whether the command took an earlier step, which the running order does not remember any more."""
        with self._engine.begin() as conn:
            return steps.is_taken(conn, ask.order.order_id, ask.envelope.command_id, before=ask.seq)

    def _known(self, ask: Ask) -> tuple[Event, ...] | None:
        """What the step brought when it was taken; None when it was not. Raises StaleEpoch when another was."""
        with self._engine.begin() as conn:
            known = steps.recorded(conn, ask.order.order_id, ask.seq)
        if known is None:
            return None
        if (known.epoch, known.digest) != (ask.epoch, digest(ask)):
            raise StaleEpoch(f"step {ask.seq} of order {ask.order.order_id} was taken by another run")
        return tuple(events.from_plain(event) for event in known.outcome)

    def _carry_out(self, ask: Ask) -> tuple[Event, ...]:
        done = tuple(events.from_plain(event) for event in ask.events)
        op = ask.order.op if ask.step == "settle" or any(isinstance(event, MoneyAsked) for event in done) else None
        settled = self._settle(ask.order, op, ask.now, lambda conn: begin(conn, self._vault, ask), present(ask))
        if any(isinstance(event, CalendarsAsked) for event in done):
            settled = replace(settled, events=(further_days(ask.order, ask.now),))
        with self._engine.begin() as conn:
            settled = replace(settled, events=(*settled.events, *keep_number(conn, self._vault, ask)))
            record(conn, ask, settled)
        return settled.events

    def _settle(
        self, order: Order, op: MoneyOp | None, now: datetime, keep: Callable[[Connection], None], present: datetime
    ) -> Settled:
        if op is None:
            return Settled(None, None, ())
        result = self._cashier.carry_out(order, op, present, keep)
        return Settled(op, result, settle(order, op, result, now))


def _is_reset(admission: Admission) -> bool:
    return activity.in_activity() and admission.began_as not in ("", activity.info().workflow_run_id)


def present(ask: Ask) -> datetime:
    """The order's time as this attempt begins: the step may have been decided, and even asked for, long before.

    Both ends are told by Temporal: a worker's own clock may be a day off.
    """
    info = activity.info() if activity.in_activity() else None
    waited = info.started_time - info.scheduled_time if info else timedelta()
    return (ask.tried_at or ask.now) + max(waited, timedelta())


def _plain(value: object) -> dict[str, Any]:
    return dict(wire.to_plain(value))
