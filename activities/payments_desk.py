"""News of money: what the payment provider tells becomes signed commands to the orders, by webhook and by poll alike.

News only makes us look. The object is read back, its order is found by our own records, and what is new about it is
handed over as a command of the provider, to an order that is over, too. What the object itself says of its order counts
only where it fits that order; what belongs to nobody is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Engine
from temporalio.client import Client

from activities import provider_news
from activities.payouts import payout_failed
from activities.provider_news import Telling
from activities.providers.port import (
    DisputeReport,
    Hold,
    HoldState,
    News,
    NewsKind,
    NoSuchObject,
    PaymentProvider,
)
from activities.runs import NotHandedOver, hand_over
from activities.store import operations, orders, payments
from domain import wire
from domain.checkout import ID
from domain.contract import TASK_QUEUE, Envelope
from domain.decide import possible
from domain.errors import AccountRestricted, AuthorisationExpired, ProviderError
from domain.money import Verb
from domain.signing import sign
from domain.state import Actor, Order, Role, is_over

log = structlog.get_logger(__name__)

STOREFRONT_TELLS: Final = timedelta(minutes=10)
"""How long a storefront that has let the buyer pay may take to send its own ``pay``, which must not come second."""

Told = tuple[str, Telling]
"""A command and the order that it is for."""


class TooEarly(ProviderError):
    """What the news is about is being moved by the order itself just now; it is to be told again."""


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class PaymentsDesk:
    """Hands the provider's news to the orders that they are about.

    `command_key` signs its commands; `task_queue` is where the workers are that run orders. `clock` gives the present.
    """

    def __init__(
        self,
        engine: Engine,
        client: Client,
        provider: PaymentProvider,
        provider_id: str,
        command_key: bytes,
        *,
        clock: Callable[[], datetime] = wall_clock,
        task_queue: str = TASK_QUEUE,
    ) -> None:
        self._engine = engine
        self._client = client
        self._provider = provider
        self._actor = Actor(Role.PROVIDER, provider_id)
        self._command_key = command_key
        self.clock = clock
        self._task_queue = task_queue

    async def look(self, news: News) -> bool:
        """Read back what the news is about and hand over what is new; False when it concerned nobody.

        Returns only when every command is durably its order's. Raises ProviderError when the provider cannot be asked,
        or the order is about to learn it by itself; NotHandedOver for an order that no run can tell, which keeps the
        news from no other order; RPCError at once, since whoever sends a webhook does not wait for Temporal.
        """
        if news.kind is NewsKind.PAYOUT_FAILED:
            return await asyncio.to_thread(self._payout, news)
        told = await asyncio.to_thread(self._read, news)
        failed: dict[str, NotHandedOver] = {}
        for order_id, telling in told:
            if order_id in failed:
                continue  # It hears of a payment before the dispute about it.
            message = self._signed(order_id, telling)
            try:
                await hand_over(
                    self._engine, self._client, order_id, telling.name, message, task_queue=self._task_queue
                )
            except NotHandedOver as error:
                failed[order_id] = error
        if failed:
            raise next(iter(failed.values()))
        return bool(told)

    def _signed(self, order_id: str, telling: Telling) -> dict[str, object]:
        envelope = Envelope(telling.command_id, self._actor, wire.to_plain(telling.body))
        signature = sign(self._command_key, order_id, telling.name, envelope)
        return dict(wire.to_plain(replace(envelope, signature=signature)))

    def _read(self, news: News) -> tuple[Told, ...]:
        """What is new, and to which orders; nothing for what the provider does not know."""
        try:
            match news.kind:
                case NewsKind.HOLD_OPENED | NewsKind.PAYMENT_CAPTURED | NewsKind.HOLD_LOST:
                    return self._hold(news)
                case NewsKind.REFUND_FAILED:
                    return self._refund(news.subject)
                case NewsKind.DISPUTE:
                    return self._dispute(news)
                case NewsKind.REVIEW:
                    return self._review(news)
                case _:
                    return self._account(news.subject)
        except (NoSuchObject, AuthorisationExpired):
            return ()

    def _hold(self, news: News) -> tuple[Told, ...]:
        hold = self._provider.hold(news.subject)
        with self._engine.begin() as conn:
            if operations.is_pending(conn, hold.key):
                return ()  # The operation that made it is under way and will tell.
            order_id = payments.order_of(conn, hold.ref)
            if order_id and _status(conn, order_id) == "admitting":
                return ()  # As above: this is what its checkout pays with.
            order = _order(conn, order_id or hold.order_id)
            if order is None or (order_id is None and not _meant(order, hold)):
                return ()
            if hold.state is HoldState.VOIDED:
                ours = payments.was_asked(conn, order.order_id, Verb.VOID, hold.ref)
                return () if ours else _for(order, provider_news.hold_lost(order, hold))
            if hold.state is HoldState.CAPTURED and payments.was_asked(conn, order.order_id, Verb.CAPTURE, hold.ref):
                return ()
        found = provider_news.payment_found(order, hold)
        fresh = not hold.key and self._is_fresh(news)
        if found and fresh and hold.state is HoldState.OPEN and self._may_be_paid(order):
            raise TooEarly(f"the storefront may be about to pay order {order.order_id} with it")
        return _for(order, found)

    def _is_fresh(self, news: News) -> bool:
        return self.clock() - news.at < STOREFRONT_TELLS

    def _may_be_paid(self, order: Order) -> bool:
        return "pay" in possible(order, Actor(Role.STOREFRONT, Role.STOREFRONT), self.clock())

    def _refund(self, ref: str) -> tuple[Told, ...]:
        report = self._provider.refund_report(ref)
        with self._engine.begin() as conn:
            order_id = payments.order_of(conn, ref)
            if order_id is None and payments.is_under_way(conn, report.order_id, (Verb.REFUND,)):
                raise TooEarly(f"a refund of order {report.order_id} is under way")
            order = _order(conn, order_id or "")
        return () if order is None else _for(order, provider_news.refund_failed(order, report))

    def _dispute(self, news: News) -> tuple[Told, ...]:
        """An order that has not heard of the payment yet hears of it first: its own news may be late, or lost."""
        report = self._provider.dispute(news.subject)
        order = self._disputed(report)
        payment: tuple[Told, ...] = ()
        if order is not None and report.charge not in order.charges:
            payment = self._hold(replace(news, subject=report.hold)) if report.hold else ()
            order = self._disputed(report)  # It may have heard of it just now.
        if order is None or not (payment or report.charge in order.charges):
            return ()
        return (*payment, *_for(order, provider_news.dispute(order, report)))

    def _disputed(self, report: DisputeReport) -> Order | None:
        """The order whose payment it is about, as far as anybody knows."""
        with self._engine.begin() as conn:
            order = _order(conn, payments.order_of(conn, report.charge) or report.order_id)
            if order is None or report.charge in order.charges:
                return order
            if payments.is_under_way(conn, order.order_id, (Verb.CAPTURE,)):
                raise TooEarly(f"the capture of order {order.order_id} is under way")
        return order

    def _review(self, news: News) -> tuple[Told, ...]:
        """The order of the payment stands still. One that is paid with it later looks for itself (`Hold.review`)."""
        report = self._provider.review(news.subject)
        with self._engine.begin() as conn:
            order_id = payments.order_of(conn, report.payment_intent)
            if order_id is None and payments.is_under_way(conn, report.order_id, (Verb.AUTHORISE, Verb.REAUTHORISE)):
                raise TooEarly(f"an authorisation of order {report.order_id} is under way")
            order = _order(conn, order_id or "")
        if order is None or is_over(order):
            return ()  # An order that is over has nothing left to stop.
        unknown = all(review.about != report.ref for review in order.reviews)
        if unknown and not report.open and self._is_fresh(news) and self._may_be_paid(order):
            raise TooEarly(f"order {order.order_id} may be about to learn of the review with its payment")
        return _for(order, provider_news.review(order, report))

    def _account(self, ref: str) -> tuple[Told, ...]:
        """Every open order that has money for this account, or waits for it, as the process table says."""
        standing = self._provider.account(ref)
        with self._engine.begin() as conn:
            found = [_order(conn, order_id) for order_id in payments.open_orders_of_account(conn, ref)]
        return tuple(
            (order.order_id, telling)
            for order in found
            if order and (telling := provider_news.account(order, ref, standing)).name in self._possible(order)
        )

    def _possible(self, order: Order) -> tuple[str, ...]:
        return possible(order, self._actor, self.clock())

    def _payout(self, news: News) -> bool:
        try:
            report = self._provider.payout(news.subject, account=news.account)
        except (NoSuchObject, AccountRestricted):
            return False
        with self._engine.begin() as conn:
            order = _order(conn, payments.last_paid_to(conn, report.account) or "")
            return report.failed and order is not None and payout_failed(conn, order, report, self.clock())


def _for(order: Order, tellings: Iterable[Telling]) -> tuple[Told, ...]:
    return tuple((order.order_id, telling) for telling in tellings)


def _order(conn: Connection, order_id: str) -> Order | None:
    """The order after its last step; None when there is none of that id, or it was refused.

    Raises TooEarly for one that is being admitted: its first step says what it knows.
    """
    match _status(conn, order_id):
        case "open" | "over":
            return wire.from_plain(Order, orders.snapshot(conn, order_id))
        case "admitting":
            raise TooEarly(f"order {order_id} is being admitted")
        case _:
            return None


def _status(conn: Connection, order_id: str) -> str:
    """Where an order stands, "" for none; what is no id is none, since others put what they like on their objects."""
    standing = orders.status(conn, order_id) if ID.fullmatch(order_id) else None
    return standing.status if standing else ""


def _meant(order: Order, hold: Hold) -> bool:
    if provider_news.fits(order, hold):
        return True
    log.warning("a payment names an order that it does not fit", order_id=order.order_id)
    return False
