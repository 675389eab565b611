"""One order of a test: what the parties send, how its days pass, what was recorded, and what must always hold."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, case, func, select
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError

from activities.providers.stripe_money import from_wire
from activities.store import books, ledger, orders, personal, screens, tables
from activities.store.vault import Vault
from demo.temporal import A_MOMENT, fast_forward, is_at_work, virtual_now
from domain import wire
from domain.accounts import receivable_account
from domain.contract import Envelope
from domain.deadlines import Clock, deadlines
from domain.errors import Refused
from domain.parcels.parcel import Milestone, Proof
from domain.signing import sign
from domain.state import Actor, Cause, Order, Role, Stage, Ticket, is_over, stage
from sandbox.client import SandboxClient
from starter.runs import Runs

COMMAND_KEY = b"a command key for tests"
PATIENCE = 30.0  # seconds
BUYER, SELLER, SPECIALIST, OPERATOR = Role.BUYER, Role.SELLER, Role.SPECIALIST, Role.OPERATOR

Json = dict[str, Any]

FEE_SIGNS = {"dispute": 1, "dispute_won": -1}
"""What of the provider's effects takes a fee, and what gives it back."""


@dataclass
class Parts:
    """What an order of a test lives among."""

    client: Client
    engine: Engine
    vault: Vault
    sandbox: SandboxClient


@dataclass
class Life:
    """One order of a test. Its handle follows the order through restarts and continue-as-new."""

    market: Parts = field(repr=False)
    document: Json
    handle: WorkflowHandle[Any, Any]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def order_id(self) -> str:
        return str(self.document["order_id"])

    def actor(self, role: Role) -> Actor:
        """Who acts in a role for this order."""
        party = {BUYER: "buyer", SELLER: "seller"}.get(role)
        return Actor(role, self.document[party]["person_id"] if party else f"{role}-1")

    def message(self, role: Role | Actor, body: Mapping[str, Any], command_id: str = "", ticket_id: str = "") -> Json:
        """A command on the wire."""
        actor = role if isinstance(role, Actor) else self.actor(role)
        envelope = Envelope(command_id or f"c{next(self.numbers)}", actor, wire.to_plain(body), ticket_id)
        return dict(wire.to_plain(envelope))

    async def send(self, name: str, role: Role | Actor, *, command_id: str = "", **body: Any) -> Json:
        """An update, then everything that it started; gives the verdict or raises Refused."""
        return await self.update(name, self.message(role, body, command_id))

    async def update(self, name: str, message: Any) -> Json:
        """An update with any one argument; raises Refused with the code and what is possible."""
        try:
            verdict: Json = await self.handle.execute_update(name, message)
        except WorkflowUpdateFailedError as error:
            raise refusal(error) from None
        await self.rest()
        return verdict

    async def signal(self, name: str, role: Role | Actor, *, command_id: str = "", **body: Any) -> None:
        """A signal, then everything that it started."""
        await self.handle.signal(name, self.message(role, body, command_id))
        await self.rest()

    def signed(
        self, name: str, role: Role | Actor, body: Mapping[str, Any], command_id: str = "", ticket_id: str = ""
    ) -> Json:
        """A command of the desk with its signature."""
        message = self.message(role, body, command_id, ticket_id)
        envelope = wire.from_plain(Envelope, message)
        return message | {"signature": sign(COMMAND_KEY, self.order_id, name, envelope)}

    async def desk(self, name: str, role: Role | Actor = SPECIALIST, *, ticket: str = "", **body: Any) -> Json:
        """A signed command of the desk whose reason is stored first; steps without a reason take `note_id` None."""
        if "note_id" not in body:
            body["note_id"] = self.words(role, f"reason for {name}")
        if body["note_id"] is None:
            del body["note_id"]
        return await self.update(name, self.signed(name, role, body, ticket_id=ticket))

    def words(self, role: Role | Actor, text: str, note_id: str = "") -> str:
        """What somebody has written, stored as the client does it; its id, for a command to name."""
        actor = role if isinstance(role, Actor) else self.actor(role)
        note_id = note_id or f"note-{uuid4().hex[:12]}"
        with self.market.engine.begin() as conn:
            note = personal.Note(note_id, self.order_id, actor, datetime.now(UTC), text)
            personal.put_note(conn, self.market.vault, note)
        return note_id

    async def ship(self, parcel_id: str = "p1", number: str = "", **body: Any) -> Json:
        """The seller ships as the client does: the tracking number is stored first, then the command is sent."""
        number = number or f"JD{uuid4().int % 10**18:018d}"
        with self.market.engine.begin() as conn:
            personal.put_parcel(conn, self.market.vault, self.order_id, parcel_id, "DHL", number)
        return await self.send("ship", SELLER, **{"parcel_id": parcel_id, "carrier": "DHL", **body})

    def address(self, address_id: str, of: Role = BUYER) -> None:
        """A party stores another address of this order, as the client does before it is named."""
        home = personal.Address(address_id, self.actor(of).id, (f"{of} of this order", "2 Other Street", "Berlin"))
        with self.market.engine.begin() as conn:
            personal.put_address(conn, self.market.vault, self.order_id, home)

    async def scan(self, milestone: Milestone, parcel_id: str = "p1", proof: Proof = Proof.WEAK) -> None:
        """The carrier tells of a parcel, by signal."""
        now = await self.now()
        await self.signal("parcel_scan", Role.CARRIER, parcel_id=parcel_id, milestone=milestone, at=now, proof=proof)

    async def delivered(self, proof: Proof = Proof.WEAK, parcel_id: str = "p1", carrier: str = "DHL") -> None:
        """Confirmed, shipped in one parcel and delivered."""
        await self.send("confirm", SELLER)
        await self.ship(parcel_id, carrier=carrier)
        await self.scan(Milestone.DELIVERED, parcel_id, proof)

    async def now(self) -> datetime:
        """The order's own time."""
        return await virtual_now(self.market.client, self.handle)

    async def rest(self) -> None:
        """Until the order has done all that it can do now: neither a workflow task nor an activity is under way."""
        async with asyncio.timeout(PATIENCE):
            while is_at_work(await self.handle.describe()):  # noqa: ASYNC110  # the server tells nobody when an order comes to rest
                await asyncio.sleep(0.01)

    async def pass_time(self, delta: timedelta) -> None:
        """Let time pass for workflow and provider together, stopping at every clock on the way."""
        now = await self.now()
        end = now + delta
        while now < end and await self.is_running():
            order = self.state()
            ahead = (clock.at + A_MOMENT for clock in deadlines(order) if clock.at + A_MOMENT > now)
            step = min(end, next(ahead, end))
            self.market.sandbox.move_clock(self.order_id, step)
            await fast_forward(self.market.client, self.handle, step - now)
            await self._rings(step - A_MOMENT)
            now = max(step, await self.now())

    async def until(self, step: str, subject: str = "") -> Clock:
        """Let time pass until the clock that takes `step` has rung; gives that clock."""
        clock = self.clock(step, subject)
        await self.pass_time(clock.at - await self.now() + A_MOMENT)
        return clock

    async def _rings(self, moment: datetime) -> None:
        """Until every clock has rung that rings by `moment`, and the order is at rest.

        A busy server may fire a timer a little after the virtual clock has reached it.
        """
        async with asyncio.timeout(PATIENCE):
            await self.rest()
            while any(clock.at <= moment for clock in deadlines(self.state())):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)
            await self.rest()

    async def restart(self) -> None:
        """What an operator does after a Terminate: a new run goes on from the last recorded step."""
        with self.market.engine.begin() as conn:
            _, snapshot = orders.next_epoch(conn, self.order_id)
        await Runs(self.market.client).restart(self.market.engine, wire.from_plain(Order, snapshot), snapshot)
        await self.rest()

    async def result(self) -> str:
        """The stage that the workflow ended with."""
        return str(await self.handle.result())

    def clock(self, step: str, subject: str = "") -> Clock:
        """The running clock that takes `step`."""
        found = [c for c in deadlines(self.state()) if c.step == step and subject in ("", c.subject)]
        story = [(s.step, f"{s.at:%m-%d %H:%M}") for s in self.screen().story.steps]
        assert found, f"no clock takes {step}; running: {[c.step for c in deadlines(self.state())]}; story: {story}"
        return found[0]

    def state(self) -> Order:
        """The order after its last recorded step."""
        with self.market.engine.begin() as conn:
            return wire.from_plain(Order, orders.snapshot(conn, self.order_id))

    def stage(self) -> Stage:
        """The order's stage after its last recorded step."""
        return stage(self.state())

    def screen(self) -> screens.OrderScreen:
        """All that PostgreSQL tells of the order."""
        with self.market.engine.begin() as conn:
            screen = screens.order_screen(conn, self.order_id)
        assert screen is not None
        return screen

    def steps(self) -> list[str]:
        """The names of the steps taken."""
        return [step.step for step in self.screen().story.steps]

    def refusals(self) -> list[str]:
        """The codes of the signals that were refused."""
        return [message.code for message in self.screen().story.refusals]

    def money(self) -> dict[str, str]:
        """What the ledger says, without what is zero."""
        money = self.screen().money
        amounts = {each.name: getattr(money, each.name) for each in fields(money)}
        return {name: str(amount) for name, amount in amounts.items() if amount}

    def book(self) -> list[Json]:
        """The provider's own book of effects for this order."""
        return self.market.sandbox.book(self.order_id)

    def effects(self) -> list[str]:
        """The kinds of effects in the provider's book, in order."""
        return [effect["kind"] for effect in self.book()]

    def voided(self) -> list[str]:
        """What our own books say that each void asked for and let go, in order."""
        with self.market.engine.begin() as conn:
            kept = books.order_books(conn, self.order_id)
        assert kept is not None
        found = [op for op in kept.operations if op.verb == "void"]
        assert all(op.done == op.amount for op in found), found
        return [str(op.amount) for op in found]

    def ticket(self, cause: Cause) -> Ticket:
        """The open ticket of that cause."""
        found = [ticket for ticket in self.state().tickets if ticket.cause is cause]
        assert found, f"no open ticket {cause}; open: {[ticket.cause for ticket in self.state().tickets]}"
        return found[0]

    def notices(self) -> list[Json]:
        """The order's outbox rows, oldest first."""
        query = select(tables.outbox).where(tables.outbox.c.order_id == self.order_id).order_by(tables.outbox.c.id)
        with self.market.engine.begin() as conn:
            return [dict(row) for row in conn.execute(query).mappings()]

    def told(self, role: Role) -> list[str]:
        """The templates of what a role is told, reminders left out."""
        return [row["template"] for row in self.notices() if row["recipient_role"] == role and not row["reminder"]]

    def reminders(self) -> list[Json]:
        """The reminders that wait to be sent."""
        return [row for row in self.notices() if row["reminder"] and not row["dropped_at"]]

    async def is_running(self) -> bool:
        """Whether a workflow of the order runs."""
        return (await self.handle.describe()).status is WorkflowExecutionStatus.RUNNING

    async def check(self) -> None:
        """What holds for every order at rest: money on its way stands in the provider's book before it does in ours."""
        await self.rest()
        with self.market.engine.begin() as conn:
            standing = orders.status(conn, self.order_id)
            assert ledger.is_balanced(conn)
        if standing is None or standing.status not in ("open", "over"):
            return
        order = self.state()
        assert is_over(order) is (standing.status == "over")
        assert bool(deadlines(order)) is not is_over(order), "every open order has a clock, a closed one none (W2)"
        assert await self.is_running() is (standing.status == "open"), "open rows are running workflows (W4)"
        self._check_money(order)

    def _check_money(self, order: Order) -> None:
        """The ledger against the provider's own book (P1, P4, P12), and escrow against the state."""
        moved: Counter[str] = Counter()
        captured: Counter[str] = Counter()
        for effect in self.book():
            assert effect["currency"].upper() == order.currency
            amount = from_wire(effect["amount"], order.currency).minor
            moved[effect["kind"]] += amount
            moved["fees"] += FEE_SIGNS.get(effect["kind"], 0) * effect["fee"]
            captured[effect["object"]] += effect["kind"] == "capture"
        money = self.screen().money
        assert max(captured.values(), default=0) <= 1, "at most one capture per authorisation (P1)"
        assert moved["capture"] <= moved["authorise"], "no more is captured than was authorised"
        there = {
            "captured": moved["capture"],
            "refunded": moved["refund"] - moved["refund_failed"],
            "disputed": moved["dispute"] - moved["dispute_won"] + moved["fees"],
        }
        assert there == {name: getattr(money, name).minor for name in there}, "both books tell the same (P12)"
        stands = order.payment.captured.minor if order.payment.captured else 0
        assert stands == self._booked_capture(), "the order knows what was captured for it (P12)"
        assert moved["transfer"] - moved["transfer_reversal"] <= money.released.minor, "what was not sent was netted"
        out = money.released + money.refunded + money.fees + money.disputed
        pending = sum(d.amount.minor for d in order.disputes if d.holds)
        held = money.escrow.minor - pending
        assert money.captured.minor + money.lost.minor + self._booked_debt() == held + out.minor, (
            "what came in went out, was kept, or is held (P4)"
        )
        assert not money.escrow or not is_over(order), "nothing is left in escrow at the end (P5)"

    def _booked_capture(self) -> int:
        """What the ledger says of the order's own capture, payments that came besides left out; minor units."""
        entries, booked = tables.ledger_entries, tables.ledger_transactions
        own = (booked.c.order_id == self.order_id, booked.c.verb == "capture", entries.c.side == "debit")
        query = select(func.coalesce(func.sum(entries.c.amount_minor), 0)).select_from(entries.join(booked)).where(*own)
        with self.market.engine.begin() as conn:
            return int(conn.execute(query).scalar_one())

    def _booked_debt(self) -> int:
        """What this order's own bookings made the seller owe, less what they took back; minor units."""
        account = receivable_account(self.state().seller, self.order_id)
        entries, booked = tables.ledger_entries, tables.ledger_transactions
        signed = case((entries.c.side == "debit", entries.c.amount_minor), else_=-entries.c.amount_minor)
        own = (booked.c.order_id == self.order_id, booked.c.verb != "release", entries.c.account == account)
        query = select(func.coalesce(func.sum(signed), 0)).select_from(entries.join(booked)).where(*own)
        with self.market.engine.begin() as conn:
            return int(conn.execute(query).scalar_one())


def refusal(error: WorkflowUpdateFailedError) -> Refused:
    """The order's own words for an update that it refused."""
    cause = error.cause
    assert isinstance(cause, ApplicationError), cause
    assert cause.type == "Refused", cause
    detail = cause.details[0]
    return Refused(detail["code"], detail["reason"], tuple(detail["possible"]))
