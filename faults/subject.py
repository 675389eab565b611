"""One order in the harness, with the people round it: patient clients, and a good-natured world that ends every story.

Whoever sends a command sends it again, under the same id, until the order has judged it; that is what the client's
documentation asks of a storefront. Time is the order's own, as in the demo.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from sqlalchemy.exc import OperationalError
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from demo.life import LONG_HOLD, PATIENCE, Life, WentWrong
from demo.temporal import A_MOMENT, Overtaken, fast_forward
from domain.confirm import Reason
from domain.contract import workflow_id
from domain.deadlines import deadlines
from domain.errors import AftersaleError, Invalid, Refused
from domain.parcels.parcel import Milestone
from domain.state import Actor, Cause, Order, Outcome, Role, Stage, is_over, stage
from faults import claimants
from faults.claimants import WITHIN
from faults.oracles import Fate, Story
from starter.answers import NotFound, NotJudgedYet, Progress, Unreachable
from starter.sending import new_id

CARRIER = Actor(Role.CARRIER, "carrier")
PAUSE = 0.25
"""Seconds before a command is sent again."""
PATIENT = 150.0
"""Seconds for which somebody goes on trying; longer than a killed worker's step and a server's restart together."""
MOST_ACTS = 150
"""Acts within which every story must end."""
MOST_ASKED = 100
"""How often a provider that does not answer is asked again."""

AWAY = (NotJudgedYet, Unreachable, RPCError, OperationalError, ConnectionError)
"""What says that a part is away just now."""

LEAVES_NOTHING = ("order_over", "reason_refused")
"""What a restart says of an order that is over: that there is nothing to do, or that it was done and not noted."""


@dataclass
class Subject(Life):
    """An order with its story; `acts` is what was done to it, for the one who reads why it went wrong."""

    story: Story = field(default_factory=lambda: Story((4000, 2000), 490))
    acts: list[str] = field(default_factory=list)
    losing_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    method: dict[str, str] = field(default_factory=dict)

    async def deliver(self) -> None:
        """The worker's own relay sends what it will; no story here waits for a mail."""

    async def document(self, *, pays: str, hold: timedelta = LONG_HOLD) -> dict[str, Any]:
        """The storefront's checkout, paid by a ``hold`` of its own, by a ``method`` for us to authorise, or not: ""."""
        prices = [f"{price // 100}.{price % 100:02d}" for price in self.story.prices]
        shipping = f"{self.story.shipping // 100}.{self.story.shipping % 100:02d}"
        document = await self.checkout(prices, shipping, card="")
        if pays == "hold":
            return document | {"payment": await self.preauthorised(document, hold=hold)}
        return document | ({"payment": self.method} if pays == "method" else {})

    async def become_customer(self, card: str = "pm_card_visa") -> None:
        """The buyer gets a payment method that is stored at the provider."""

        def make() -> str:
            answer = requests.post(
                f"{self.world.sandbox_url}/v1/customers",
                data={"metadata[order_id]": self.order_id},
                auth=(self.world.environment["STRIPE_SECRET_KEY"], ""),
                timeout=10,
            )
            answer.raise_for_status()
            return str(answer.json()["id"])

        self.method = {"payment_method": card, "customer": await asyncio.to_thread(make)}

    async def insist(
        self, what: str, send: Callable[[str], Awaitable[Progress]], *, seconds: float = PATIENT
    ) -> Progress | None:
        """Send until it is judged; None when it was refused. Raises WentWrong when nobody judges it in time."""
        command_id, loop = new_id(), asyncio.get_running_loop()
        end, why = loop.time() + seconds, ""
        while loop.time() < end:
            try:
                progress = await send(command_id)
            except (*AWAY, NotFound) as error:
                why = f"{type(error).__name__}: {error}"
            except (Refused, Invalid) as error:
                self.acts.append(f"{what}: refused, {error}")
                return None
            else:
                self.acts.append(what)
                return progress
            await asyncio.sleep(PAUSE)
        raise WentWrong(f"{what} was not judged within {seconds:g} seconds: {why}")

    async def start(self, document: dict[str, Any]) -> Progress | None:
        """Place the order, as often as it takes."""
        return await self.insist("place", lambda _: self.client.place(document, within=WITHIN))

    async def until_paid(self) -> None:
        """The provider has found the storefront's pre-authorisation good; asked again if it did not answer.

        Raises WentWrong.
        """
        for _ in range(MOST_ASKED):
            await self.rest()
            order = await self.order()
            if order.payment.hold:
                return
            await self.to_next_clock(order)
        raise WentWrong("the pre-authorisation is not judged")

    async def until_settled(self) -> None:
        """Nothing is asked of the provider any more: asked again if it did not answer. Raises WentWrong."""
        for _ in range(MOST_ASKED):
            await self.rest()
            order = await self.order()
            if order.op is None:
                return
            await self.to_next_clock(order)
        raise WentWrong("what is asked of the provider is not settled")

    async def held_again(self) -> dict[str, Any]:
        """The buyer's bank holds the order's money once more."""
        amount = sum(self.story.prices) + self.story.shipping
        return await self.preauthorised({"total": f"{amount // 100}.{amount % 100:02d} EUR"})

    async def pay(self, held: dict[str, Any] | None = None) -> Progress | None:
        """The buyer pays by another pre-authorisation; the storefront tells of it."""
        paid = held or await self.held_again()
        return await self.insist(
            "pay", lambda id_: self.client.pay(self.order_id, self.buyer, **paid, command_id=id_, within=WITHIN)
        )

    async def pay_by_method(self) -> Progress | None:
        """The buyer gives a method, and we authorise it."""
        return await self.insist(
            "pay by method",
            lambda id_: self.client.pay(
                self.order_id, self.buyer, payment_method=self.method["payment_method"],
                customer=self.method["customer"], command_id=id_, within=WITHIN,
            ),
        )  # fmt: skip

    async def confirm(self) -> Progress | None:
        """The seller confirms all."""
        return await self.insist(
            "confirm", lambda id_: self.client.confirm(self.order_id, self.seller, command_id=id_, within=WITHIN)
        )

    async def send_off(self) -> Progress | None:
        """The seller ships all that is confirmed, in one parcel."""
        parcel, number = f"p{next(self._numbers)}", f"JD{secrets.randbelow(10**18):018d}"
        self._parcels[parcel] = number
        return await self.insist(
            "ship",
            lambda id_: self.client.ship(
                self.order_id, self.seller, carrier="DHL", tracking_number=number, parcel_id=parcel,
                command_id=id_, within=WITHIN,
            ),
        )  # fmt: skip

    async def arrive(self) -> Progress | None:
        """The carrier has delivered every parcel that is on its way."""
        progress = None
        for parcel in (await self.order()).parcels:
            if parcel.milestone is not Milestone.DELIVERED and not parcel.withdrawn:
                progress = await self.scan(parcel.parcel_id, Milestone.DELIVERED, self.now)
        return progress

    async def scan(self, parcel_id: str, milestone: Milestone, at: datetime) -> Progress | None:
        """The carrier tells where a parcel was at a time."""
        return await self.insist(
            f"{parcel_id} {milestone}",
            lambda id_: self.client.parcel_scan(
                self.order_id, CARRIER, parcel_id=parcel_id, milestone=milestone, at=at,
                command_id=id_, within=WITHIN,
            ),
        )  # fmt: skip

    async def accept(self) -> Progress | None:
        """The buyer is content with all that came."""
        return await self.insist(
            "receive", lambda id_: self.client.receive(self.order_id, self.buyer, command_id=id_, within=WITHIN)
        )

    async def call_off(self) -> Progress | None:
        """The seller cancels all that can be."""
        return await self.insist(
            "cancel",
            lambda id_: self.client.cancel(
                self.order_id, self.seller, reason=Reason.OUT_OF_STOCK, command_id=id_, within=WITHIN
            ),
        )

    async def give_back(self) -> Progress | None:
        """A specialist refunds everything."""
        return await self.insist(
            "refund",
            lambda id_: self.client.refund(
                self.order_id, self.specialist, reason="It never was as described.", command_id=id_, within=WITHIN
            ),
        )

    async def try_again(self) -> Progress | None:
        """A specialist has waiting money tried again."""
        return await self.insist(
            "retry",
            lambda id_: self.client.retry(
                self.order_id, self.specialist, reason="The cause is mended.", command_id=id_, within=WITHIN
            ),
        )

    async def restart(self) -> None:
        """An operator lets a new run take the order over, which then is moved to the time where the old one was.

        Raises NotFound for an order that has not taken its first step.
        """
        now, loop = self.now, asyncio.get_running_loop()
        end = loop.time() + PATIENT
        while True:
            try:
                await self.client.restart(self.order_id, self.operator, reason="Its run was ended from outside.")
                break
            except NotFound:
                raise
            except Refused as refused:
                if refused.code not in LEAVES_NOTHING:
                    raise
                break
            except (*AWAY, AftersaleError):
                if loop.time() > end:
                    raise
            await asyncio.sleep(PAUSE)
        self.acts.append("restart")
        behind = now - await self._present()
        if behind > A_MOMENT:
            await fast_forward(self.open.temporal, workflow_id(self.order_id), behind)

    async def finish(self) -> None:
        """Live on as the story says until the order is over and its workflow has ended. Raises WentWrong."""
        for _ in range(MOST_ACTS):
            await self.rest()
            order = await self.order()
            if is_over(order):
                await self._until_ended()
                return
            await self._go_on(order)
        order = await self.order()
        running = ", ".join(f"{clock.step} at {clock.at:%m-%d %H:%M}" for clock in deadlines(order)[:3])
        stands = f"{stage(order)}, {running}; stuck: {[item.code for item in order.stuck]}"
        raise WentWrong(f"no end after {MOST_ACTS} acts: {stands}; {'; '.join(self.acts[-6:])}")

    async def _go_on(self, order: Order) -> None:
        """One act: mend what is stuck, do what the story asks for, or let time pass to the next clock."""
        if order.stuck:
            if await self.try_again() is not None:
                await self.rest()
                if len((await self.order()).stuck) < len(order.stuck):
                    return
            await self.to_next_clock(order)
        elif order.op is not None or await self._act(order) is None:
            await self._work(order)

    async def _act(self, order: Order) -> Progress | None:
        fate, at = self.story.fate, stage(order)
        for claim in order.open_claims:
            done = await claimants.goes_on(self, claim)
            if done is not None:
                return done
        if self._is_asked_to_pay(order):
            return await self.pay()
        if fate is Fate.CANCELLED and at in (Stage.PLACED, Stage.CONFIRMED):
            return await self.call_off()
        match at:
            case Stage.PLACED:
                return await self.confirm()
            case Stage.CONFIRMED | Stage.PART_SHIPPED:
                return await self.send_off()
            case Stage.SHIPPED if order.payment.captured is not None:
                return await self.arrive()
            case Stage.DELIVERED | Stage.COMPLETED if fate is Fate.REFUNDED and order.payment.captured is not None:
                return await self.give_back()
            case Stage.DELIVERED:
                return await self.accept()
            case _:
                return None

    def _is_asked_to_pay(self, order: Order) -> bool:
        """Whether the buyer pays next: the order awaits it, or a hold was not renewed without the buyer."""
        awaits = stage(order) is Stage.AWAITING_PAYMENT or order.payment.buyer_asked_at is not None
        return awaits and order.payment.offer is None and self.story.fate is not Fate.EXPIRED

    async def _work(self, order: Order) -> None:
        """A specialist ends a ticket that has nothing left to decide; else time passes."""
        for ticket in order.tickets:
            if ticket.cause is not Cause.MONEY_UNKNOWN and order.op is None:
                done = await self.insist(
                    f"resolve {ticket.cause}",
                    lambda id_, of=ticket.ticket_id: self.client.resolve_ticket(  # type: ignore[misc]
                        self.order_id, self.specialist, ticket=of, outcome=Outcome.NO_CHANGE,
                        reason="Seen and mended.", command_id=id_, within=WITHIN,
                    ),
                )  # fmt: skip
                if done is not None:
                    return
        await self.to_next_clock(order)

    async def lose_time(self, delta: timedelta) -> None:
        """Time passes for the order while nobody may be there to see it."""
        await asyncio.to_thread(self.sandbox.move_clock, self.order_id, await self._present() + delta)
        async with self.losing_time:
            await fast_forward(self.open.temporal, workflow_id(self.order_id), delta)
        await self._present()
        self.acts.append(f"{delta.days} days pass")

    async def to_next_clock(self, seen: Order | None = None) -> None:
        """Let time pass to the next clock, and what it starts be done. Raises WentWrong where none runs.

        Who decides by what was `seen` of the order gives that: it may have gone on, and be over, since.
        """
        order = seen or await self.order()
        clocks = deadlines(order)
        if not clocks:
            raise WentWrong(f"{stage(order)} and no clock runs")
        present = await self._present()
        try:
            await self._pass_until(max(clocks[0].at, present) + A_MOMENT)
        except Overtaken:
            # While no worker is there a jump waits at the first clock, and the fault that took them lets days pass.
            async with self.losing_time:
                pass

    async def _until_ended(self) -> None:
        handle = self.open.temporal.get_workflow_handle(workflow_id(self.order_id))
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            if loop.time() > end:
                raise WentWrong("the order is over and its workflow does not end")
            await asyncio.sleep(0.05)

    @property
    def restarted(self) -> bool:
        """Whether an operator has begun a new run of the order."""
        return "restart" in self.acts

    async def is_running(self) -> bool:
        """Whether a workflow runs the order."""
        handle = self.open.temporal.get_workflow_handle(workflow_id(self.order_id))
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
