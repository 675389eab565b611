"""The stages of an order's life at which faults strike: how an order gets there, and the act that is struck.

Each stage is one act with at most one outside effect. `bring` leads up to the act, `act` is it, `marks` are the bytes
by which the proxies know the act's call to the provider and the transaction that records it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from demo.life import WentWrong
from faults.oracles import Fate
from faults.subject import Subject

Deed = Callable[[Subject], Awaitable[object]]

SNAPSHOT = b'"seller_calendar"'
"""In every transaction that records a step, and in no other."""


class Stage(StrEnum):
    """Where in its life an order is struck."""

    PAYING = "awaiting_payment"
    PLACING = "authorise_at_placing"
    CONFIRMING = "confirm"
    SHIPPING = "ship_and_capture"
    DELIVERING = "delivered"
    RELEASING = "release"
    CANCELLING = "cancel_and_void"
    REFUNDING = "refund"
    CLOSING = "closed"


@dataclass(frozen=True)
class Setting:
    """How a stage is played. `operation` is the sandbox's name of the outside effect, `verb` ours, "" for none."""

    stage: Stage
    fate: Fate
    bring: Deed
    act: Deed
    operation: str = ""
    verb: str = ""

    def call_marks(self, subject: Subject) -> tuple[bytes, ...]:
        """In the head of the request that asks the provider for the effect: the beginning of its idempotency key."""
        return (b"POST ", f"Idempotency-Key: {subject.order_id}:{self.verb}:".encode())

    def commit_marks(self, subject: Subject) -> tuple[bytes, ...]:
        """In the transaction that records the act."""
        return (SNAPSHOT, f'"order_id": "{subject.order_id}"'.encode())


async def _unpaid(subject: Subject) -> None:
    await subject.become_customer()
    await subject.start(await subject.document(pays=""))


async def _alone(subject: Subject) -> None:
    """The act is the order's first."""
    await subject.become_customer()


async def _place(subject: Subject) -> object:
    return await subject.start(await subject.document(pays="method"))


async def _placed(subject: Subject) -> None:
    await subject.start(await subject.document(pays="hold"))
    await subject.until_paid()


async def _confirmed(subject: Subject) -> None:
    await _placed(subject)
    await subject.confirm()


async def _shipped(subject: Subject) -> None:
    await _confirmed(subject)
    await subject.send_off()
    await subject.until_recorded("the capture", lambda order: order.payment.captured is not None)


async def _delivered(subject: Subject) -> None:
    await _shipped(subject)
    await subject.arrive()


async def _completed(subject: Subject) -> None:
    await _delivered(subject)
    await subject.accept()
    await subject.rest()


async def _close(subject: Subject) -> None:
    """The after-sales window ends."""
    for _ in range(10):
        order = await subject.order()
        if order.closed_at is not None:
            return
        await subject.to_next_clock()
    raise WentWrong("the window does not close")


SETTINGS = {
    setting.stage: setting
    for setting in (
        Setting(Stage.PAYING, Fate.FULFILLED, _unpaid, Subject.pay_by_method, "authorise", "authorise"),
        Setting(Stage.PLACING, Fate.FULFILLED, _alone, _place, "authorise", "authorise"),
        Setting(Stage.CONFIRMING, Fate.CANCELLED, _placed, Subject.confirm),
        Setting(Stage.SHIPPING, Fate.FULFILLED, _confirmed, Subject.send_off, "capture", "capture"),
        Setting(Stage.DELIVERING, Fate.FULFILLED, _shipped, Subject.arrive),
        Setting(Stage.RELEASING, Fate.FULFILLED, _delivered, Subject.accept, "release", "release"),
        Setting(Stage.CANCELLING, Fate.CANCELLED, _confirmed, Subject.call_off, "void", "void"),
        Setting(Stage.REFUNDING, Fate.REFUNDED, _delivered, Subject.give_back, "refund", "refund"),
        Setting(Stage.CLOSING, Fate.FULFILLED, _completed, _close),
    )
}
