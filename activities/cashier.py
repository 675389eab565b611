"""One money operation at the provider: written down first, sent once, asked after when in doubt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from activities.providers.port import Effect, Hold, HoldState, PaymentProvider
from activities.store import debts, operations, orders, payments
from activities.store.operations import Standing
from domain.contract import ATTEMPT
from domain.errors import (
    AlreadyDone,
    AuthorisationExpired,
    Declined,
    IdempotencyConflict,
    Invalid,
    ProviderError,
    Unauthorised,
    Unknown,
)
from domain.funds import Done, No, Result, Short, Unclear, account_settled
from domain.money import INTERNAL, Money, Verb, total
from domain.purse import SUSPENSE
from domain.state import MoneyOp, Order

EXACT = frozenset(Verb) - INTERNAL - {Verb.VOID}
"""Verbs whose amount at the provider must be the one that was written down (P12); else a person looks at both books."""


def operation_key(order_id: str, op: MoneyOp) -> str:
    """The idempotency key of an operation: order, operation, sequence, and nothing that a retry would change (P10)."""
    return f"{order_id}:{op.verb}:{op.seq}"


class Cashier:
    """Carries operations out. Every answer is a `Result`; only our own database's failures are exceptions."""

    def __init__(self, engine: Engine, payments: PaymentProvider) -> None:
        self._engine = engine
        self._payments = payments

    def carry_out(self, order: Order, op: MoneyOp, now: datetime, keep: Callable[[Connection], None]) -> Result:
        """Do `op` once, or find out what became of it. `now` is the order's own time, at this attempt.

        `keep` writes down, together with the operation, the step that asks for it.
        """
        if op.is_check:
            return _judged(lambda: self._check_hold(order, op))
        key, began = operation_key(order.order_id, op), time.monotonic()
        with self._engine.begin() as conn:
            keep(conn)
            short = _short(conn, order, op)
            if short is not None:
                return short
            standing = operations.begin(conn, order.order_id, op, key, now, _destination(order, op))
            netted = _netted(conn, order, op, fresh=standing.fresh)
        if op.verb in INTERNAL:
            return Done("", op.amount)
        if netted:
            op = replace(op, amount=op.amount - total([amount for _, amount in netted], order.currency))
        if standing.fresh and _too_late(order, op, now):
            return No("AuthorisationExpired")
        send = self._send_or_find if standing.fresh else partial(self._find_or_send, standing=standing, now=now)
        result = _judged(lambda: send(order, op, key, began))
        if isinstance(result, Done) and op.verb in EXACT and result.amount != op.amount:
            return Unclear("AmountDiffers")
        return replace(result, netted=netted) if isinstance(result, Done) and netted else result

    def _find_or_send(
        self, order: Order, op: MoneyOp, key: str, began: float, standing: Standing, now: datetime
    ) -> Result:
        """What may have been sent before is asked after first: the provider forgets keys after a day (P11).

        What may not be sent again is given up only when the last request can no longer be on its way: money that has
        not landed by then is free to go another way.
        """
        found = self._find(order, op, key)
        if found is not None:
            return found
        held_back = _held_back(order, op, now)
        if held_back:
            landed = now - standing.sent_at >= order.policy.money.lands_within
            return No(held_back) if landed else Unclear(held_back)
        with self._engine.begin() as conn:
            ours = operations.sent_again(conn, key, standing.sent_at, now, _destination(order, op))
        return self._send_or_find(order, op, key, began) if ours else Unclear("Overtaken")

    def _send_or_find(self, order: Order, op: MoneyOp, key: str, began: float) -> Result:
        """Send, unless the attempt that `began` then (monotonic seconds) has stood still meanwhile.

        What is written down is sent within its attempt, or others could have given it up, or the key be forgotten.
        """
        if time.monotonic() - began > ATTEMPT.total_seconds():
            return Unclear("Stalled")
        try:
            return self._send(order, op, key)
        except AlreadyDone:
            return self._find(order, op, key) or No("AlreadyDone")

    def _find(self, order: Order, op: MoneyOp, key: str) -> Result | None:
        """What became of an earlier call; a refusal to tell says nothing of it, only a refund can have failed since."""
        try:
            found = self._payments.lookup(op.verb, order_id=order.order_id, subject=_about(order, op), key=key)
        except (Unknown, Declined):
            raise
        except ProviderError as error:
            return Unclear(type(error).__name__)
        return None if found is None else _done(found)

    def _send(self, order: Order, op: MoneyOp, key: str) -> Result:
        calls: Mapping[Verb, Callable[[], Hold | Effect]] = {
            Verb.REAUTHORISE: lambda: self._payments.reauthorise(
                order_id=order.order_id, old=op.subject, amount=op.amount, key=key
            ),
            Verb.CAPTURE: lambda: self._payments.capture(hold=op.subject, amount=op.amount, key=key),
            Verb.VOID: lambda: self._payments.void(hold=op.subject, key=key),
            Verb.REFUND: lambda: self._payments.refund(charge=op.subject, amount=op.amount, key=key),
            Verb.REVERSE_RELEASE: lambda: self._payments.reverse_release(release=op.subject, amount=op.amount, key=key),
            Verb.RELEASE: lambda: self._payments.release(
                order_id=order.order_id, charge=op.subject, account=order.account.ref, amount=op.amount, key=key
            ),
        }
        if op.verb is Verb.AUTHORISE:
            return self._authorise(order, op, key)
        if op.verb is Verb.RELEASE and not op.amount:
            return Done("", op.amount)
        if op.verb is Verb.RELEASE and not order.account.ref:
            return No("AccountRestricted")
        return _done(calls[op.verb]())

    def _authorise(self, order: Order, op: MoneyOp, key: str) -> Result:
        offer = order.payment.offer
        method, customer = (offer.payment_method, offer.customer) if offer else ("", "")
        return _done(
            self._payments.authorise(
                order_id=order.order_id, method=method, customer=customer, amount=op.amount, key=key
            )
        )

    def _check_hold(self, order: Order, op: MoneyOp) -> Result:
        """A storefront's pre-authorisation is trusted only after the provider has confirmed it."""
        try:
            hold = self._payments.hold(op.subject)
        except AuthorisationExpired:
            return No("NoSuchAuthorisation")
        if hold.order_id not in ("", order.order_id):
            return No("UsedByAnotherOrder")
        if hold.state is not HoldState.OPEN:
            return No("NotAuthorised")
        if hold.amount != op.amount:
            return No("AmountDiffers", _stands_for(order, hold))
        try:
            with self._engine.begin() as conn:
                known = payments.order_of(conn, op.subject) == order.order_id
                orders.take_payment(conn, order.order_id, op.subject)
        except Invalid:
            return No("UsedByAnotherOrder")
        # From now on news of it finds this order; what was told before is seen by looking once more.
        return _done(hold if known else self._payments.hold(op.subject))


PAYMENT_RULES: Mapping[str, str] = {
    "NoSuchAuthorisation": "is not a pre-authorisation that this platform's account knows",
    "UsedByAnotherOrder": "is used by another order; make one pre-authorisation per order",
    "NotAuthorised": "is not an open, uncaptured authorisation; let the buyer authorise it with manual capture first",
    "AmountDiffers": "holds another amount or currency than the order's total",
}
"""Why a storefront's pre-authorisation was turned away, for the message that refuses the checkout."""


def _judged(call: Callable[[], Result]) -> Result:
    """A provider's errors as results; those that speak of us and not of the money leave its fate open."""
    try:
        return call()
    except Unknown as error:
        return Unclear(error.code or "Unknown", error.retry_after or 0.0)
    except (Unauthorised, IdempotencyConflict) as error:
        return Unclear(type(error).__name__)
    except ProviderError as error:
        return No(type(error).__name__)


def _short(conn: Connection, order: Order, op: MoneyOp) -> Result | None:
    """What is collected, or given up, may have been paid meanwhile by other releases of the seller.

    What a release has set aside is paid or owed only once that release has ended.
    """
    if op.verb not in (Verb.REVERSE_RELEASE, Verb.WRITE_OFF) or operations.known(conn, order.order_id, op):
        return None
    if not debts.collectable(conn, order) < op.amount:
        return None
    owed = debts.owed(conn, order)
    return Short(owed) if owed < op.amount else Unclear("SetAside")


def _netted(conn: Connection, order: Order, op: MoneyOp, *, fresh: bool) -> debts.Netted:
    """The parts of a release that pay what the seller owes; decided when it is written down, and never again."""
    if op.verb is not Verb.RELEASE:
        return ()
    return debts.reserve(conn, order, op) if fresh else debts.reserved(conn, order.order_id, op.seq)


def _about(order: Order, op: MoneyOp) -> str:
    """The object at the provider that a look-up starts from: the customer for a new hold, else what the money is on."""
    offer = order.payment.offer
    return offer.customer if op.verb is Verb.AUTHORISE and offer is not None else op.subject


def _destination(order: Order, op: MoneyOp) -> str:
    return order.account.ref if op.verb is Verb.RELEASE else ""


def _held_back(order: Order, op: MoneyOp, now: datetime) -> str:
    """Why the rules of today do not let the operation be sent, "" when they do."""
    if _too_late(order, op, now):
        return "AuthorisationExpired"
    if _is_disputed(order, op):
        return "Disputed"
    if op.verb is Verb.RELEASE and order.reviewed_until is not None:
        return "UnderReview"
    if op.verb is Verb.RELEASE and account_settled(order) > now:
        return "AccountUnsettled"
    return ""


def _is_disputed(order: Order, op: MoneyOp) -> bool:
    stray = SUSPENSE in op.slices and op.subject in order.disputed_strays
    return stray or bool(set(op.slices) & order.disputed)


def _too_late(order: Order, op: MoneyOp, now: datetime) -> bool:
    """No capture is sent, first or again, when the hold may be gone before it lands (P2)."""
    limit = order.payment.capture_before
    return op.verb is Verb.CAPTURE and limit is not None and now >= limit - order.policy.outage.grace


def _stands_for(order: Order, hold: Hold) -> Money | None:
    """What an open hold holds for this order, by its own word; what names no order may yet pay for another one."""
    named = hold.order_id == order.order_id and hold.amount.currency == order.currency
    return hold.amount if named else None


def _done(found: Hold | Effect) -> Result:
    if isinstance(found, Hold):
        if found.state is not HoldState.OPEN:
            return No("Declined" if found.state is HoldState.UNPAID else "AuthorisationExpired")
        return Done(found.ref, found.amount, found.capture_before, found.renewable, review=found.review)
    return Done(found.ref, found.amount)
