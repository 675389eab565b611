"""Orders in every kind of trouble, on a running stack: what docs/screenshots.py takes its pictures of."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from temporalio.client import Client

from demo.stack import DATABASE, Child, Stack, fast_forward, stack, virtual_now
from domain.contract import workflow_id
from domain.deadlines import deadlines
from domain.parcels.parcel import Milestone, Proof
from domain.state import Actor, Role
from sandbox.client import SandboxClient
from starter.client import AftersaleClient
from starter.records import Records
from starter.settings import ClientSettings

OPERATOR, SPECIALIST, CARRIER = Actor(Role.OPERATOR, "olga"), Actor(Role.SPECIALIST, "sam"), Actor(Role.CARRIER, "dhl")
A_MOMENT = timedelta(seconds=2)
PATIENCE = 90.0  # seconds


@dataclass
class Shop:
    """A running marketplace, and the levers that bring its orders into trouble."""

    stack: Stack
    sandbox: SandboxClient
    temporal: Client
    client: AftersaleClient
    worker: Child
    environment: Mapping[str, str]

    async def place(self, order_id: str, price: str = "40.00") -> tuple[Actor, Actor]:
        """A paid order of two lines; gives buyer and seller."""
        buyer, seller = Actor(Role.BUYER, f"buyer-{order_id[2:]}"), Actor(Role.SELLER, f"seller-{order_id[2:]}")
        total = f"{float(price) + 24.90:.2f}"
        self.sandbox.account(f"acct_{order_id[2:]}")
        hold = datetime.now(UTC) + timedelta(days=60)
        paid = self.sandbox.preauthorise(order_id, int(float(total) * 100), "EUR", capture_before=hold)
        document = {
            "order_id": order_id,
            "marketplace": "standard",
            "buyer": {"person_id": buyer.id},
            "seller": {"person_id": seller.id, "account": f"acct_{order_id[2:]}"},
            "people": {
                "buyer": {"name": "Berta Buyer", "email": "berta@mail.example"},
                "seller": {"name": "Samuel Seller", "email": "samuel@mail.example"},
            },
            "address": {"lines": ["Berta Buyer", "1 Main Street", "Berlin"]},
            "lines": [
                {"line_id": "camera", "title": "Camera", "price": f"{price} EUR"},
                {"line_id": "lens", "title": "Lens", "price": "20.00 EUR"},
            ],
            "shipping": "4.90 EUR",
            "total": f"{total} EUR",
            "payment": {"payment_intent": paid["payment_intent"]},
        }
        await self.client.place(document)
        return buyer, seller

    async def ship(self, order_id: str, seller: Actor) -> None:
        await self.client.confirm(order_id, seller)
        number = f"JD{secrets.randbelow(10**18):018d}"
        await self.client.ship(order_id, seller, carrier="DHL", tracking_number=number, parcel_id="p1", wait=20)

    async def until(self, order_id: str, step: str) -> None:
        """Let the order's days pass until the clock that takes `step` has rung."""
        # An update is answered before its step is on record, so the clock may not be there yet.
        async with asyncio.timeout(PATIENCE):
            while not (clocks := [c for c in deadlines(await self.client.order(order_id)) if c.step == step]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        at, now = clocks[0].at, await virtual_now(self.temporal, workflow_id(order_id))
        self.sandbox.move_clock(order_id, at)
        await fast_forward(self.temporal, workflow_id(order_id), at - now + A_MOMENT)

    async def attention(self, order_id: str, words: str) -> None:
        """Until the operators' list says `words` about the order."""
        async with asyncio.timeout(PATIENCE):
            while words not in str(await self.reason(order_id)):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def reason(self, order_id: str) -> str:
        described = await self.temporal.get_workflow_handle(workflow_id(order_id)).describe()
        return str(described.search_attributes.get("AttentionReason", [""])[0])

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Nobody of ours reaches PostgreSQL inside the block."""
        port = self.stack.postgres.port
        with psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [DATABASE])
            try:
                yield
            finally:
                admin.execute(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true")


async def waits_normally(shop: Shop) -> None:
    """Nothing is wrong: the seller has time."""
    await shop.place("o-1001")


async def seller_late(shop: Shop) -> None:
    """The seller confirmed and does not ship."""
    _, seller = await shop.place("o-1002")
    await shop.client.confirm("o-1002", seller)
    await shop.until("o-1002", "ship_overdue")
    await shop.attention("o-1002", "ship_overdue")


async def capture_unknown(shop: Shop) -> None:
    """The provider does not say whether it captured."""
    _, seller = await shop.place("o-1003")
    shop.sandbox.fault("timeout", order_id="o-1003", times=1000)
    with contextlib.suppress(Exception):
        await shop.ship("o-1003", seller)
    await shop.attention("o-1003", "unknown")


async def release_refused(shop: Shop) -> None:
    """The seller's payout account was closed."""
    buyer, seller = await shop.place("o-1004")
    await shop.ship("o-1004", seller)
    shop.sandbox.account("acct_1004", "restricted")
    await shop.client.receive("o-1004", buyer)
    await shop.attention("o-1004", "refused")


async def paused(shop: Shop) -> None:
    """An operator stopped the clocks."""
    await shop.place("o-1005")
    until = datetime.now(UTC) + timedelta(days=5)
    await shop.client.pause("o-1005", OPERATOR, until=until, reason="the buyer is in hospital")
    await shop.attention("o-1005", "paused")


async def second_operator(shop: Shop) -> None:
    """A large refund waits for another pair of eyes."""
    _, seller = await shop.place("o-1006", price="900.00")
    await shop.ship("o-1006", seller)
    await shop.client.parcel_scan(
        "o-1006", CARRIER, parcel_id="p1", milestone=Milestone.DELIVERED, at=datetime.now(UTC), proof=Proof.WEAK
    )
    await shop.client.refund("o-1006", OPERATOR, reason="the camera is broken")
    await shop.attention("o-1006", "second operator")


async def database_away(shop: Shop) -> None:
    """PostgreSQL goes away in the middle of a step; the caller keeps it away with `Shop.without_database`."""
    message = {"command_id": "confirm-1", "actor": {"role": "seller", "id": "seller-1007"}}
    await shop.temporal.get_workflow_handle(workflow_id("o-1007")).signal("confirm", message)
    await shop.attention("o-1007", "cannot be recorded")


TROUBLES = (waits_normally, seller_late, capture_unknown, release_refused, paused, second_operator)
"""Each brings one order where its name says, while everything of ours works."""


@asynccontextmanager
async def open_shop(directory: Path) -> AsyncIterator[Shop]:
    """Stack, sandbox and worker as child processes, ended when the block is left; `directory` is absolute."""
    with stack(directory) as running:
        sandbox = running.start("sandbox", "-m", "sandbox", "--hold-days", "60")
        url = f"http://{sandbox.wait_for_line('http://')}"
        environment = {
            "AFTERSALE_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "AFTERSALE_COMMAND_KEY": secrets.token_hex(),
            "STRIPE_SECRET_KEY": "sk_test_1",
            "STRIPE_API_BASE": url,
            "EASYPOST_API_KEY": "EZTKsandbox",
            "EASYPOST_API_BASE": url,
            "EASYPOST_WEBHOOK_SECRET": secrets.token_hex(),
            "SMTP_URL": f"eml://{directory / 'mails'}",
            "MAIL_FROM": "orders@market.example",
            "DESK_MAIL": "desk@market.example",
        }
        worker = running.start("worker", "-m", "worker", env=environment)
        settings = ClientSettings.model_validate(
            {
                "database_url": running.environment["DATABASE_URL"],
                "aftersale_master_key": environment["AFTERSALE_MASTER_KEY"],
                "aftersale_command_key": environment["AFTERSALE_COMMAND_KEY"],
            }
        )
        temporal = await running.temporal.connect()
        async with AftersaleClient(temporal, Records.of(settings), settings.command_key) as client:
            worker.wait_for_line("ready", seconds=PATIENCE)
            yield Shop(running, SandboxClient(url), temporal, client, worker, {**running.environment, **environment})
