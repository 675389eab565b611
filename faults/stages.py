"""The stages of an order's life at which faults strike: how an order gets there, and the act that is struck.

Each stage is one act with at most one outside effect. `bring` leads up to the act, `act` is it, `marks` are the bytes
by which the proxies know the act's call to the provider and the transaction that records it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from demo.life import PATIENCE, WentWrong
from domain.claims.case import Verdict
from faults import claimants
from faults.oracles import Fate
from faults.subject import PAUSE, Subject

Deed = Callable[[Subject], Awaitable[object]]

SNAPSHOT = b'"seller_calendar"'
"""In every transaction that records a step, and in no other."""


class Stage(StrEnum):
    """Where in its life an order is struck."""

    PAYING = "awaiting_payment"
    PLACING = "authorise_at_placing"
    CONFIRMING = "confirm"
    RENEWING = "reauthorise"
    SHIPPING = "ship_and_capture"
    DELIVERING = "delivered"
    RELEASING = "release"
    CANCELLING = "cancel_and_void"
    REFUNDING = "refund"
    CLOSING = "closed"
    OPENING = "open_claim"
    ANSWERING = "answer_claim"
    PART_REFUNDING = "part_refund"
    RETURNING = "receive_return"
    DECIDING = "decide_and_claw_back"


IN_CLAIMS = (Stage.OPENING, Stage.ANSWERING, Stage.PART_REFUNDING, Stage.RETURNING, Stage.DECIDING)
UNDECIDED = (Stage.OPENING, Stage.ANSWERING, Stage.RETURNING)
"""Stages of a claim's life, and those that leave it open."""
BY_TIME = (Stage.RENEWING, Stage.CLOSING, Stage.DECIDING)
"""Stages whose act is that time passes."""

LAST_OF_THE_HOLD = timedelta(hours=24)
"""Before the end of a hold, when it is renewed: the margin of the policy under which the orders here live."""
RUNS_OUT = LAST_OF_THE_HOLD + timedelta(hours=6)
"""From the order's beginning to the end of a hold that is renewed before any other clock of the order rings."""
HOLD_OVER = "the hold is over before anybody could renew it, and so is the order"


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


async def _running_out(subject: Subject) -> None:
    """Confirmed, on a hold that is over before the seller must ship."""
    await subject.start(await subject.document(pays="hold", hold=RUNS_OUT))
    await subject.until_paid()
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
    """The after-sales window ends; where a fault has ended the run, that goes on when an operator has begun another."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while (order := await subject.order()).closed_at is None:
        if loop.time() > end:
            raise WentWrong("the window does not close")
        if await subject.is_running():
            await subject.to_next_clock(order)
        else:
            await asyncio.sleep(PAUSE)


async def _claimed(subject: Subject) -> None:
    await _delivered(subject)
    await claimants.opens(subject)


async def _offered(subject: Subject) -> None:
    await _claimed(subject)
    await claimants.offers(subject)


async def _sent_back(subject: Subject) -> None:
    await _claimed(subject)
    await claimants.decides(subject, Verdict.RETURN_FIRST)
    await claimants.sends_back(subject)


async def _decided(subject: Subject) -> None:
    """About goods that were paid out already."""
    await _completed(subject)
    await claimants.opens(subject)
    await claimants.escalates(subject)
    await claimants.decides(subject, Verdict.REFUND)


async def _stands(subject: Subject) -> None:
    """Nobody appeals, and the decision is carried out."""
    for _ in range(10):
        order = await subject.order()
        if all(claim.is_settled for claim in order.claims):
            return
        await subject.to_next_clock(order)
    raise WentWrong("the decision is not carried out")


SETTINGS = {
    setting.stage: setting
    for setting in (
        Setting(Stage.PAYING, Fate.FULFILLED, _unpaid, Subject.pay_by_method, "authorise", "authorise"),
        Setting(Stage.PLACING, Fate.FULFILLED, _alone, _place, "authorise", "authorise"),
        Setting(Stage.CONFIRMING, Fate.CANCELLED, _placed, Subject.confirm),
        Setting(Stage.RENEWING, Fate.FULFILLED, _running_out, Subject.to_next_clock, "reauthorise", "reauthorise"),
        Setting(Stage.SHIPPING, Fate.FULFILLED, _confirmed, Subject.send_off, "capture", "capture"),
        Setting(Stage.DELIVERING, Fate.FULFILLED, _shipped, Subject.arrive),
        Setting(Stage.RELEASING, Fate.FULFILLED, _delivered, Subject.accept, "release", "release"),
        Setting(Stage.CANCELLING, Fate.CANCELLED, _confirmed, Subject.call_off, "void", "void"),
        Setting(Stage.REFUNDING, Fate.REFUNDED, _delivered, Subject.give_back, "refund", "refund"),
        Setting(Stage.CLOSING, Fate.FULFILLED, _completed, _close),
        Setting(Stage.OPENING, Fate.LINE_REFUNDED, _delivered, claimants.opens),
        Setting(Stage.ANSWERING, Fate.FULFILLED, _claimed, claimants.answers),
        Setting(Stage.PART_REFUNDING, Fate.PART_REFUNDED, _offered, claimants.accepts, "refund", "refund"),
        Setting(Stage.RETURNING, Fate.LINE_REFUNDED, _sent_back, claimants.gets_back),
        Setting(Stage.DECIDING, Fate.LINE_REFUNDED, _decided, _stands, "reverse_release", "reverse_release"),
    )
}
