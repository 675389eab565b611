"""The gateway's receiver of the payment provider's webhooks, with the real desk behind it, and what a test posts to it.

A test takes the provider's events from the provider's own list and posts them, signed, when, how often and in which
order it likes, and sees the answers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import requests
from temporalio.client import Client

from activities.payments_desk import PaymentsDesk
from activities.providers.port import News
from activities.providers.stripe import StripePayments
from demo.temporal import NAMESPACE, Temporal
from gateway.__main__ import PROVIDER, SeenInPostgres
from gateway.webhooks import Source, create_app
from sandbox.payments.webhooks import signature
from tests.life import COMMAND_KEY, Json, Life
from tests.marketplace import Marketplace
from tests.serving import Switch, serve

SECRET = "whsec_of_the_tests"
PATIENCE = 20.0  # seconds


class Memory(SeenInPostgres):
    """The real memory, which can be made to die before it remembers."""

    dies = False

    async def add(self, source: str, event_id: str) -> None:
        if self.dies:
            raise ConnectionError("the receiver dies")
        await super().add(source, event_id)


@dataclass
class Receiver:
    """The receiver at `url`. `looked` are the news that it had the desk look into."""

    market: Marketplace
    url: str
    payments: StripePayments
    desk: PaymentsDesk
    memory: Memory
    switch: Switch = field(repr=False)
    looked: list[News] = field(default_factory=list)

    def open(self) -> None:
        """Listen, with what is set above."""
        source: Source[Any] = Source(PROVIDER, self.payments.parse_webhook, self.look, max_age=None)
        self.switch.app = create_app([source], self.memory, max_body=64 * 1024)

    async def look(self, news: News) -> bool:
        self.looked.append(news)
        return await self.desk.look(news)

    def events(self, *objects: str, account: str = "") -> list[Json]:
        """All events about these objects, and about those that are on them, oldest first; or those of an account."""
        found: list[Json] = []
        headers, after = {"Stripe-Account": account} if account else {}, ""
        while True:
            params = {"limit": "100"} | ({"starting_after": after} if after else {})
            url = f"{self.market.sandbox.url}/v1/events"
            page = requests.get(url, params=params, headers=headers, auth=("sk_test_1", ""), timeout=20).json()
            found += page["data"]
            if not page["has_more"]:
                break
            after = page["data"][-1]["id"]
        return [event for event in reversed(found) if account or set(objects) & set(_ids(event["data"]["object"]))]

    def post(self, body: bytes, header: str | None) -> requests.Response:
        headers = {} if header is None else {"Stripe-Signature": header}
        return requests.post(f"{self.url}/webhooks/{PROVIDER}", data=body, headers=headers, timeout=30)

    def post_signed(self, body: bytes, *, late: timedelta = timedelta(), secret: str = SECRET) -> requests.Response:
        """Post a body as it was signed `late` ago."""
        at = int((datetime.now(UTC) - late).timestamp())
        return self.post(body, signature(secret, body, at))

    async def post_event(self, event: Json) -> requests.Response:
        return await asyncio.to_thread(self.post_signed, json.dumps(event).encode())

    async def tell(self, *objects: str, account: str = "") -> list[str]:
        """Post every event about these objects, oldest first, and see all taken; gives the answers' words."""
        answers = [await self.post_event(event) for event in self.events(*objects, account=account)]
        assert answers, "there is nothing to tell"
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        for life in self.market.lives:
            await life.rest()
        return [answer.json()["status"] for answer in answers]


def hold_of(life: Life) -> str:
    """The order's first authorisation, by the provider's book."""
    return next(str(effect["object"]) for effect in life.book() if effect["kind"] == "authorise")


def _ids(thing: Json) -> Iterator[str]:
    yield from (str(thing.get(name)) for name in ("id", "payment_intent", "charge", "account"))


async def eventually(life: Life, happened: Callable[[], bool]) -> None:
    """Until it has happened to the order; for what comes by the sandbox's own webhooks, which tells nobody."""
    async with asyncio.timeout(PATIENCE):
        while not happened():  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.02)
    await life.rest()


@pytest.fixture(scope="session")
def served_receiver() -> Iterator[tuple[Switch, str]]:
    """One server for all receivers."""
    switch = Switch()
    with serve(switch) as url:
        yield switch, url


@pytest_asyncio.fixture
async def receiver(market: Marketplace, temporal: Temporal, served_receiver: tuple[Switch, str]) -> Receiver:
    """The receiver of this test, wired as gateway/__main__.py wires it."""
    switch, url = served_receiver
    payments = StripePayments("sk_test_1", url=market.sandbox.url, webhook_secrets=("whsec_former", SECRET))
    # Lazy: it connects in the server's own event loop.
    client = await Client.connect(temporal.address, namespace=NAMESPACE, lazy=True)
    desk = PaymentsDesk(market.engine, client, payments, PROVIDER, COMMAND_KEY)
    found = Receiver(market, url, payments, desk, Memory(market.engine), switch)
    found.open()
    return found
