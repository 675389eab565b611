"""One order and everybody round it: what they do, how days pass for all of them together, what is on record.

Whoever acts does so through the public client. Time is the order's own: the workflow, the provider's objects, the
carrier's scans and the notices of one order always show the same day.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import requests

from activities.providers.stripe_money import to_wire
from activities.relay import Patience, Relay
from activities.store import personal, screens
from demo.post import left
from demo.temporal import A_MOMENT, fast_forward, is_at_work, virtual_now
from demo.world import Connections, World
from domain.contract import workflow_id
from domain.deadlines import Clock, deadlines
from domain.errors import Refused
from domain.money import Money, total
from domain.parcels.parcel import Milestone
from domain.state import Actor, Cause, Order, Ticket
from domain.wire import from_plain
from domain.words import HAPPENED
from sandbox.client import SandboxClient
from starter.answers import Progress, buyer, operator, seller, specialist
from starter.client import AftersaleClient
from starter.records import Records
from starter.waiting import until

CURRENCY = "EUR"
LONG_HOLD = timedelta(days=30)
"""A hold that outlives the parties' own clocks, whatever day the demo is run on; only one life is about its end."""

PATIENCE = 60.0
"""Seconds of real time for anything to come true; more than the 30 that a killed worker's step is waited for."""

Json = dict[str, Any]


class WentWrong(Exception):
    """A life did not go as it should; the message says what was expected and what came."""


@dataclass(frozen=True)
class Ending:
    """How a life ends: the stage, the ledger's amounts as texts, and how many tickets were opened."""

    stage: str
    captured: str = f"0.00 {CURRENCY}"
    released: str = f"0.00 {CURRENCY}"
    refunded: str = f"0.00 {CURRENCY}"
    fees: str = f"0.00 {CURRENCY}"
    escrow: str = f"0.00 {CURRENCY}"
    tickets: int = 0


@dataclass
class Life:
    """The play of one order. `say` is told what happens, with the order's present."""

    order_id: str
    world: World
    open: Connections = field(repr=False)
    relay: Relay = field(repr=False)
    say: Callable[[datetime, str], None] = field(repr=False)
    stage_is_free: Callable[[], None] = lambda: None
    _ahead: timedelta = timedelta(0)
    _numbers: count[int] = field(default_factory=lambda: count(1), repr=False)
    _told: set[str] = field(default_factory=set, repr=False)
    _parcels: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.records = Records(self.open.engine, self.open.vault, lambda: self.now)
        self.client = AftersaleClient(self.open.temporal, self.records, self.open.command_key)
        self.sandbox = SandboxClient(self.world.sandbox_url)
        self.buyer, self.seller = buyer(f"buyer-{self.order_id}"), seller(f"seller-{self.order_id}")
        self.specialist, self.operator = specialist("specialist-1"), operator("operator-1")

    @property
    def now(self) -> datetime:
        """The order's present."""
        return datetime.now(UTC) + self._ahead

    async def checkout(
        self, prices: Sequence[str] = ("40.00", "20.00"), shipping: str = "4.90", *, card: str = "pm_card_visa"
    ) -> Json:
        """The storefront's document, paid by a pre-authorisation of 30 days with `card`; "" leaves it unpaid."""
        amounts = [*(Money.of(price, CURRENCY) for price in prices), Money.of(shipping, CURRENCY)]
        account = f"acct_{self.order_id.replace('-', '_')}"
        await asyncio.to_thread(self.sandbox.account, account)
        document = {
            "order_id": self.order_id,
            "marketplace": "standard",
            "buyer": {"person_id": self.buyer.id},
            "seller": {"person_id": self.seller.id, "account": account},
            "lines": [
                {"line_id": f"L{i}", "title": f"{thing}, used", "price": f"{price} {CURRENCY}"}
                for i, (thing, price) in enumerate(zip(_THINGS, prices, strict=False), 1)
            ],
            "shipping": f"{shipping} {CURRENCY}",
            "total": str(total(amounts, CURRENCY)),
            "people": {
                "buyer": {"name": "Berta Brandt", "email": f"{self.buyer.id}@mail.example", "language": "de"},
                "seller": {"name": "Samuel Stone", "email": f"{self.seller.id}@mail.example", "language": "en"},
            },
            "address": {"lines": ["Berta Brandt", "Hauptstraße 1", "10115 Berlin"]},
        }
        return document | ({"payment": await self.preauthorised(document, card)} if card else {})

    async def preauthorised(
        self, document: Json, card: str = "pm_card_visa", hold: timedelta | None = LONG_HOLD
    ) -> Json:
        """What a storefront makes at checkout: a hold with the buyer's consent to renew it. None: the card's own."""
        amount = from_plain(Money, document["total"])
        until = None if hold is None else self.now + hold
        made = await asyncio.to_thread(
            self.sandbox.preauthorise,
            self.order_id,
            to_wire(amount),
            CURRENCY,
            payment_method=card,
            capture_before=until,
        )
        if made["status"] == "requires_capture":
            return {"payment_intent": made["payment_intent"]}
        return {"payment_method": card, "customer": made["customer"]}

    async def place(self, document: Json) -> Progress:
        """The order starts, and is admitted."""
        return await self.do(f"ordered for {document['total']}", self.client.place(document, within=PATIENCE))

    async def do(self, told: str, sending: Awaitable[Progress]) -> Progress:
        """Somebody does something: it is judged, and everything that it starts is done before this returns."""
        progress = await sending
        self.say(self.now, told)
        await self.rest()
        await self.deliver()
        return progress

    async def refused(self, told: str, sending: Awaitable[Progress], reason: str) -> None:
        """Somebody tries what is not possible now, and is told why in words that contain `reason`."""
        try:
            await sending
        except Refused as error:
            if reason not in str(error):
                raise WentWrong(f"{told}: refused because of {error}, not of {reason}") from None
            self.say(self.now, f"{told}: refused, {error}")
            return
        raise WentWrong(f"{told}: should have been refused because of {reason}")

    async def store(self, by: Actor, content: bytes, name: str) -> str:
        """Somebody hands in a file of the order, which commands then name by the id that this gives."""
        return await self.client.store_file(self.order_id, by, source=content, name=name)

    async def ship(self, *lines: str, told: str = "", wait: float = PATIENCE) -> Progress:
        """The seller sends a parcel with these lines, or all; follows the capture for up to `wait` seconds."""
        parcel = f"p{next(self._numbers)}"
        number = f"JD{secrets.randbelow(10**18):018d}"
        self._parcels[parcel] = number
        what = " and ".join(lines) or "everything"
        return await self.do(
            told or f"the seller ships {what}",
            self.client.ship(
                self.order_id,
                self.seller,
                carrier="DHL",
                tracking_number=number,
                lines=lines,
                parcel_id=parcel,
                wait=wait,
            ),
        )

    async def carried(self, status: str, parcel: str = "p1", *, signed_by: str = "") -> None:
        """The carrier moves a parcel and tells us by webhook; `status` is in its own words."""
        await self._followed(parcel)
        command = {"status": status, "at": self.now.isoformat(), "signed_by": signed_by}
        url = f"{self.world.sandbox_url}/sandbox/parcels/{self._parcels[parcel]}"
        answer = await asyncio.to_thread(requests.post, url, json=command, timeout=PATIENCE)
        answer.raise_for_status()
        if not answer.json()["webhooks_taken"]:
            raise WentWrong(f"the carrier's webhook about {parcel} was not taken; see {self.world.stack.directory}/log")
        wanted = _MILESTONES[status]
        await self.until_recorded(
            f"the scan {status} of {parcel}", lambda order: getattr(order.parcel(parcel), "milestone", None) in wanted
        )
        self.say(self.now, f"the carrier: {parcel} {status.replace('_', ' ')}{', signed for' if signed_by else ''}")
        await self.rest()
        await self.deliver()

    async def _followed(self, parcel: str) -> None:
        """Until the carrier service follows the parcel: the worker's relay may be about to tell it, instead of ours.

        Or it was turned away, and tells it at its next try.
        """

        def follows() -> bool:
            with self.records.begin() as conn:
                found = personal.get_parcel(conn, self.records.vault, self.order_id, parcel)
            return found is not None and bool(found.tracker_id)

        async def told() -> bool | None:
            await self.deliver()
            return await asyncio.to_thread(follows) or None

        if not await until(told, PATIENCE + Patience().first.total_seconds()):
            raise WentWrong(f"the carrier was not asked to report on {parcel}")

    async def delivered(self, parcel: str = "p1", *, signed_by: str = "") -> None:
        """A day after another the parcel is taken in, carried and delivered."""
        await self.carried("in_transit", parcel)
        await self.pass_time(timedelta(days=1))
        await self.carried("delivered", parcel, signed_by=signed_by)

    async def order(self) -> Order:
        """The order after its last recorded step."""
        return await asyncio.to_thread(self.records.order, self.order_id)

    async def until_recorded(self, what: str, holds: Callable[[Order], bool]) -> Order:
        """The order as soon as `holds` is true of what is on record."""

        async def look() -> Order | None:
            order = await self.order()
            return order if holds(order) else None

        found = await until(look, PATIENCE)
        if found is None:
            raise WentWrong(f"{what} was not on record within {PATIENCE:g} seconds")
        return found

    async def rest(self) -> None:
        """Until the order has done all that it can do now."""
        handle = self.open.temporal.get_workflow_handle(workflow_id(self.order_id))

        async def idle() -> bool | None:
            return None if is_at_work(await handle.describe()) else True

        if not await until(idle, PATIENCE):
            raise WentWrong(f"the order was still at work after {PATIENCE:g} seconds")

    async def pass_time(self, duration: timedelta) -> None:
        """Let days pass for order, provider and notices, stopping at every clock and reminder on the way."""
        await self._pass_until((await self._present()) + duration)

    async def until(self, step: str) -> Clock:
        """Let days pass until the clock that takes `step` has rung; gives that clock."""
        running = deadlines(await self.order())
        clock = next((clock for clock in running if clock.step == step), None)
        if clock is None:
            raise WentWrong(f"no clock takes {step}; running: {', '.join(clock.step for clock in running)}")
        await self._pass_until(clock.at + A_MOMENT)
        # A busy server may fire a timer a little after the virtual clock has reached it.
        if not await until(lambda: self._has_rung(clock), PATIENCE):
            raise WentWrong(f"the clock that takes {step} has not rung within {PATIENCE:g} seconds")
        await self.rest()
        return clock

    async def _has_rung(self, clock: Clock) -> bool | None:
        running = deadlines(await self.order())
        return all((c.tier, c.at, c.subject) != (clock.tier, clock.at, clock.subject) for c in running) or None

    async def _pass_until(self, end: datetime) -> None:
        now = await self._present()
        while now < end:
            order = await self.order()
            stops = [at + A_MOMENT for clock in deadlines(order) for at in (clock.remind_at, clock.at) if at]
            stop = min([end, *(at for at in stops if at > now)])
            await asyncio.to_thread(self.sandbox.move_clock, self.order_id, stop)
            running = await fast_forward(self.open.temporal, workflow_id(self.order_id), stop - now)
            now = max(stop, await self._present()) if running else stop
            self._ahead = now - datetime.now(UTC)
            if running:
                await self.rest()
            await self._tell_steps(order.seq)
            await self.deliver()
            if not running:
                return

    async def _present(self) -> datetime:
        now = await virtual_now(self.open.temporal, workflow_id(self.order_id))
        self._ahead = now - datetime.now(UTC)
        return now

    async def _tell_steps(self, since: int) -> None:
        """Say what happened after step `since`."""
        for step in (await self.screen()).story.steps:
            if step.seq > since:
                self.say(step.at, HAPPENED[step.step])

    async def deliver(self) -> None:
        """Send what is due today, and say what somebody waits for."""
        await asyncio.to_thread(self.relay.deliver, self.now, self.order_id)
        for label in await asyncio.to_thread(left, self.open.engine, self.order_id):
            if label in TOLD and label not in self._told:
                self.say(self.now, TOLD[label])
            self._told.add(label)

    async def must_have_heard(self, *labels: str) -> None:
        """Raise unless these notices leave; they are named ``template.role``."""

        async def complete() -> bool | None:
            await self.deliver()
            return set(labels) <= self._told or None

        if not await until(complete, PATIENCE):
            missing = ", ".join(sorted(set(labels) - self._told))
            raise WentWrong(f"{missing} was not sent; sent: {', '.join(sorted(self._told))}")

    async def ticket(self, cause: Cause) -> Ticket:
        """The open ticket of that cause."""
        found = [ticket for ticket in (await self.order()).tickets if ticket.cause is cause]
        if not found:
            raise WentWrong(f"no ticket {cause} is open")
        return found[0]

    async def effects(self) -> list[str]:
        """What the provider's own book says happened to the buyer's money, in order."""
        return [effect["kind"] for effect in await asyncio.to_thread(self.sandbox.book, self.order_id)]

    async def screen(self) -> screens.OrderScreen:
        """All that PostgreSQL tells of the order."""

        def read() -> screens.OrderScreen | None:
            with self.records.begin() as conn:
                return screens.order_screen(conn, self.order_id)

        found = await asyncio.to_thread(read)
        if found is None:
            raise WentWrong("the order is not on record")
        return found

    async def ending(self) -> Ending:
        """Where the order is now, by its row and the ledger."""
        screen = await self.screen()
        money = screen.money
        amounts = (money.captured, money.released, money.refunded, money.fees, money.escrow)
        captured, released, refunded, fees, escrow = map(str, amounts)
        return Ending(screen.row.stage, captured, released, refunded, fees, escrow, len(screen.tickets))


_THINGS = ("Camera", "Lens", "Tripod", "Bag")

_MILESTONES = {
    "in_transit": (Milestone.ACCEPTED, Milestone.IN_TRANSIT),
    "delivered": (Milestone.DELIVERED,),
}
"""What the carrier's words make of a parcel; its first movement is also its acceptance."""

TOLD = {
    "remind_pay.buyer": "mail to the buyer: please pay",
    "remind_confirm.seller": "mail to the seller: please confirm",
    "remind_ship.seller": "mail to the seller: please ship",
    "remind_receipt.buyer": "mail to the buyer: did all arrive well?",
    "payment_declined.buyer": "mail to the buyer: the card was declined",
    "capture_pending.seller": "mail to the seller: payment pending, keep the parcel",
    "ticket_opened.specialist": "mail to the desk: a ticket",
    "stock.released.storefront": "event to the storefront: goods are free again",
}
"""The notices worth a line."""
