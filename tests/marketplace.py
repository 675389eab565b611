"""A marketplace in a box, for tests: Temporal, PostgreSQL, the sandbox and one worker, and orders that live in it.

When a test ends, every order of it is checked against what always holds (`Life.check`).
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import stripe
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.perform import Performer
from activities.policies import publish
from activities.providers.stripe import StripePayments
from activities.providers.stripe_money import to_wire
from activities.store import personal
from activities.store.database import connect
from activities.store.vault import Vault
from domain.contract import TASK_QUEUE, WORKFLOW, workflow_id
from domain.money import Money, total
from sandbox.client import SandboxClient
from tests.conftest import Database
from tests.histories.record import RECORDER
from tests.life import COMMAND_KEY, Json, Life, Parts
from workflows.front import FrontDoor
from workflows.loop import OrderWorkflow

MASTER_KEY = base64.b64encode(b"a master key for the tests' data").decode()
LONG_HOLD = timedelta(days=60)
"""So long that no hold runs out before the parties' own clocks, whatever day the tests run on."""


@dataclass
class Marketplace(Parts):
    """The running parts. Orders live on the worker of `task_queue`, and their sellers are paid to `account`."""

    payments: StripePayments
    policies: Path
    task_queue: str = TASK_QUEUE
    account: str = "acct_seller"
    performs: type[Performer] = Performer
    lives: list[Life] = field(default_factory=list, repr=False)

    @property
    def performer(self) -> Performer:
        """The activities of an order, as worker.py wires them."""
        return self.performs(self.engine, self.vault, self.payments, self.policies, COMMAND_KEY)

    @contextmanager
    def worker(self, *, sandboxed: bool = True, **options: Any) -> Iterator[Worker]:
        """A worker on `task_queue`; the caller enters and leaves it. Without the sandbox a test can patch constants."""
        performer = self.performer
        with ThreadPoolExecutor(16) as threads:
            yield Worker(
                self.client,
                task_queue=self.task_queue,
                workflows=[OrderWorkflow],
                activities=[performer.admit, performer.perform, performer.note_refusal],
                activity_executor=threads,
                interceptors=[FrontDoor()],
                workflow_runner=SandboxedWorkflowRunner() if sandboxed else UnsandboxedWorkflowRunner(),
                max_concurrent_activities=16,
                **options,
            )

    def checkout(
        self,
        *,
        prices: Sequence[str] = ("40.00", "20.00"),
        shipping: str = "4.90",
        currency: str = "EUR",
        policy: str = "standard",
        account: str | None = None,
    ) -> Json:
        """A storefront's document for a new order, not yet paid; both parties and the address are in the vault.

        Without an `account` the seller is paid to the marketplace's usual one; "" is none.
        """
        account = self.account if account is None else account
        order_id = f"o-{uuid4().hex[:12]}"
        buyer, seller, address = f"buyer-{order_id}", f"seller-{order_id}", f"address-{order_id}"
        with self.engine.begin() as conn:
            for person, name in ((buyer, "Berta Buyer"), (seller, "Samuel Seller")):
                known = personal.Person(person, name, f"{person}@mail.example", "en")
                personal.put_person(conn, self.vault, order_id, known)
            lines = (name, "1 Main Street", "Berlin")
            personal.put_address(conn, self.vault, order_id, personal.Address(address, buyer, lines))
        amounts = [*(Money.of(price, currency) for price in prices), Money.of(shipping, currency)]
        document: Json = {
            "order_id": order_id,
            "marketplace": policy,
            "buyer": {"person_id": buyer},
            "seller": {"person_id": seller},
            "address_id": address,
            "lines": [
                {"line_id": f"L{i}", "title": f"Thing {i}", "price": f"{price} {currency}"}
                for i, price in enumerate(prices, 1)
            ],
            "shipping": f"{shipping} {currency}",
            "total": str(total(amounts, currency)),
        }
        if account:
            self.sandbox.account(account)
            document["seller"]["account"] = account
        return document

    def preauthorised(self, document: Json, *, card: str = "pm_card_visa", hold: timedelta | None = LONG_HOLD) -> Json:
        """The document with a pre-authorisation by the storefront; None leaves the hold's length to the provider."""
        return document | {"payment": {"payment_intent": self.preauthorise(document, card=card, hold=hold)}}

    def preauthorise(
        self,
        document: Json,
        *,
        card: str = "pm_card_visa",
        hold: timedelta | None = LONG_HOLD,
        now: datetime | None = None,
    ) -> str:
        """What a storefront does before it hands an order over: the id of a payment intent with manual capture."""
        number, currency = document["total"].split(" ")
        amount = Money.of(number, currency)
        until = None if hold is None else (now or datetime.now(UTC)) + hold
        made = self.sandbox.preauthorise(
            document["order_id"], to_wire(amount), amount.currency, payment_method=card, capture_before=until
        )
        return str(made["payment_intent"])

    def customer(self) -> str:
        """A new customer at the provider, as a storefront makes one."""
        client = stripe.StripeClient("sk_test_1", base_addresses={"api": self.sandbox.url})
        return client.v1.customers.create({}).id

    async def order(self, document: Json | None = None, **about: Any) -> Life:
        """Start an order and see it admitted; `about` is as for `checkout` when no document is given."""
        if document is None:
            document = self.preauthorised(self.checkout(**about))
        life = await self.start(document)
        await life.rest()
        return life

    async def start(self, document: Json) -> Life:
        """Start an order from its document, and wait for nothing."""
        handle = await self.client.start_workflow(
            WORKFLOW, document, id=workflow_id(document["order_id"]), task_queue=self.task_queue
        )
        life = Life(self, document, self.client.get_workflow_handle(handle.id))
        self.lives.append(life)
        return life


@pytest_asyncio.fixture(scope="session")
async def marketplace(
    temporal_client: Client,
    make_database: Callable[[], Database],
    sandbox: SandboxClient,
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Marketplace]:
    """All parts, wired as worker.py wires them, with a worker that runs for the session."""
    policies = tmp_path_factory.mktemp("policies")
    for room in ("policies", "tests/policies"):
        shutil.copytree(pytestconfig.rootpath / room, policies, dirs_exist_ok=True)
    async with opened(temporal_client, make_database(), sandbox, policies) as market:
        yield market


@asynccontextmanager
async def opened(
    client: Client, database: Database, sandbox: SandboxClient, policies: Path, task_queue: str = TASK_QUEUE
) -> AsyncIterator[Marketplace]:
    """A marketplace over a database of its own, with its worker."""
    engine = connect(database.url, pool_size=20)
    payments = StripePayments("sk_test_1", url=sandbox.url)
    assert publish(engine, policies)
    market = Marketplace(client, engine, Vault(MASTER_KEY), sandbox, payments, policies, task_queue)
    with market.worker() as worker:
        async with worker:
            yield market
    engine.dispose()


@pytest_asyncio.fixture
async def market(marketplace: Marketplace, request: pytest.FixtureRequest) -> AsyncIterator[Marketplace]:
    """The marketplace for one test; all orders of the test are checked when it ends."""
    marketplace.lives.clear()
    yield marketplace
    recorder = request.config.pluginmanager.get_plugin(RECORDER)
    for life in marketplace.lives:
        await life.check()
        if recorder is not None:
            await recorder.keep(request.node.name, life.market.client, life.handle)
