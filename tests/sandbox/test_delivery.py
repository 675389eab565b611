"""How the sandbox's events reach a receiver: well by default, and as badly as a lever says."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from activities.providers.port import News
from activities.providers.stripe import StripePayments
from domain.parcels.tracking import InvalidWebhook
from sandbox.client import SandboxClient
from sandbox.server import serve as serve_sandbox
from tests.serving import serve

MARCH = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AUTH = ("sk_test_sandbox", "")


@dataclass
class Hook:
    """A receiver with the platform's endpoint and the one for sellers' accounts; it remembers what came, unread."""

    sandbox: SandboxClient
    arrived: queue.Queue[tuple[bytes, dict[str, str]]]
    payments: StripePayments

    def next(self) -> News | None:
        body, headers = self.arrived.get(timeout=10)
        return self.payments.parse_webhook(body, headers)

    def all(self) -> list[News | None]:
        return [self.next() for _ in range(self.arrived.qsize())]


@pytest.fixture
def hook() -> Iterator[Hook]:
    arrived: queue.Queue[tuple[bytes, dict[str, str]]] = queue.Queue()

    async def receive(request: Request) -> Response:
        arrived.put((await request.body(), dict(request.headers)))
        return Response()

    app = Starlette(routes=[Route("/hook", receive, methods=["POST"])])
    with serve(app) as url, serve_sandbox() as server:

        def endpoint(**form: str) -> str:
            answer: dict[str, Any] = requests.post(
                f"{server.url}/v1/webhook_endpoints", data={"url": f"{url}/hook", **form}, auth=AUTH, timeout=10
            ).json()
            return str(answer["secret"])

        secrets = (endpoint(), endpoint(connect="true"))
        payments = StripePayments("sk_test_sandbox", url=server.url, webhook_secrets=secrets)
        sandbox = SandboxClient(server.url)
        sandbox.move_clock("A", MARCH)
        yield Hook(sandbox, arrived, payments)


def test_an_event_comes_at_once_and_once_and_accounts_have_an_endpoint_of_their_own(hook: Hook) -> None:
    intent = hook.sandbox.preauthorise("A", 700, "EUR")["payment_intent"]
    news = hook.next()
    assert news is not None
    assert (news.subject, news.account) == (intent, "")
    hook.sandbox.account("acct_1")
    told = hook.next()
    assert told is not None
    assert (told.subject, told.account) == ("acct_1", "acct_1")
    assert hook.arrived.empty()


def test_an_event_can_come_ten_times(hook: Hook) -> None:
    hook.sandbox.webhooks("A", hold=True, copies=10)
    intent = hook.sandbox.preauthorise("A", 700, "EUR")["payment_intent"]
    posts = hook.sandbox.deliver("A")
    assert [post["status"] for post in posts] == [200] * 10
    news = hook.all()
    assert len(news) == 10
    assert set(news) == {news[0]}
    assert news[0] is not None
    assert news[0].subject == intent


def test_events_can_be_kept_back_for_days_and_come_in_an_order_that_a_seed_repeats(hook: Hook) -> None:
    orders: list[list[str]] = []
    for seed in (None, 7, 7, 8):
        order = f"late-{len(orders)}"
        hook.sandbox.move_clock(order, MARCH)
        hook.sandbox.webhooks(order, hold=True, **({} if seed is None else {"shuffle": seed}))
        intent = hook.sandbox.preauthorise(order, 700, "EUR")["payment_intent"]
        charge = requests.post(f"{hook.sandbox.url}/v1/payment_intents/{intent}/capture", auth=AUTH, timeout=10).json()[
            "latest_charge"
        ]
        requests.post(f"{hook.sandbox.url}/v1/refunds", data={"charge": charge}, auth=AUTH, timeout=10)
        hook.sandbox.move_clock(order, MARCH + timedelta(days=3))
        assert hook.arrived.empty()
        orders.append([post["type"] for post in hook.sandbox.deliver(order)])
        # The news is three days old, its signature is fresh: so it comes from a provider that tries for days.
        assert all(news.at - MARCH < timedelta(minutes=1) for news in hook.all() if news is not None)
    plain, first, second, third = orders
    assert first == second
    assert sorted(first) == sorted(third) == sorted(plain)
    assert len({tuple(told) for told in (plain, first, third)}) == 3
    assert hook.sandbox.deliver() == []


def test_an_event_can_be_lost_and_still_stands_in_the_list(hook: Hook) -> None:
    hook.sandbox.webhooks("A", drop=True)
    intent = hook.sandbox.preauthorise("A", 700, "EUR")["payment_intent"]
    assert hook.sandbox.deliver("A") == []
    assert hook.arrived.empty()
    assert [news.subject for news in hook.payments.events(MARCH)] == [intent]
    hook.sandbox.good_webhooks("A")
    assert [post["status"] for post in hook.sandbox.deliver("A", again=True)] == [200]
    assert [news.subject for news in hook.all() if news] == [intent]


def test_an_event_can_be_forged_or_signed_long_ago(hook: Hook) -> None:
    for manner, forged in (({"forge": True}, True), ({"signed_ago": 900}, False)):
        hook.sandbox.webhooks(hold=True, **manner)
        hook.sandbox.preauthorise("A", 700, "EUR")
        hook.sandbox.deliver()
        with pytest.raises(InvalidWebhook) as caught:
            hook.next()
        assert caught.value.forged is forged


def test_well_signed_events_about_strangers_can_come_along(hook: Hook) -> None:
    hook.sandbox.webhooks(hold=True, strangers=2)
    intent = hook.sandbox.preauthorise("A", 700, "EUR")["payment_intent"]
    hook.sandbox.deliver()
    news = [told for told in hook.all() if told]
    assert len({told.event_id for told in news}) == 3
    strangers = {told.subject for told in news} - {intent}
    assert len(strangers) == 2
    assert all(name.startswith("pi_") for name in strangers)


def test_what_became_of_each_post_in_no_good_manner_is_on_record(hook: Hook) -> None:
    hook.sandbox.preauthorise("A", 700, "EUR")
    hook.next()
    assert hook.sandbox.deliveries("A") == []
    hook.sandbox.webhooks("A", hold=True, forgeries=1, strangers=1)
    hook.sandbox.preauthorise("A", 700, "EUR")
    hook.sandbox.move_clock("A", MARCH + timedelta(days=3))
    hook.sandbox.deliver("A")
    hook.sandbox.webhooks("A", drop=True)
    hook.sandbox.preauthorise("A", 700, "EUR")
    *posts, dropped = hook.sandbox.deliveries("A")
    assert sorted((post["how"], post["event_number"]) for post in posts) == [
        ("forged", 1),
        ("stranger", 1),
        ("told", 1),
    ]
    assert all(datetime.fromisoformat(post["at"]).timestamp() - post["event_at"] > 2 * 86_400 for post in posts)
    assert (dropped["how"], dropped["event_number"], dropped["status"]) == ("dropped", 2, 0)
    with pytest.raises(InvalidWebhook):
        hook.all()


def test_what_a_receiver_answers_is_told_and_changes_nothing() -> None:
    async def refuse(_: Request) -> Response:
        return Response(status_code=503)

    with serve(Starlette(routes=[Route("/hook", refuse, methods=["POST"])])) as url, serve_sandbox() as server:
        for address in (f"{url}/hook", "http://127.0.0.1:1/nobody"):
            form = {"url": address, "enabled_events[]": "payment_intent.amount_capturable_updated"}
            requests.post(f"{server.url}/v1/webhook_endpoints", data=form, auth=AUTH, timeout=10)
        sandbox = SandboxClient(server.url)
        sandbox.webhooks(hold=True)
        sandbox.preauthorise("A", 700, "EUR")
        assert [post["status"] for post in sandbox.deliver()] == [503, 0]


def test_what_was_kept_back_outlives_the_sandbox(tmp_path: Any) -> None:
    state = tmp_path / "sandbox.sqlite"
    with serve_sandbox(state=state) as server:
        SandboxClient(server.url).webhooks("A", hold=True)
        SandboxClient(server.url).preauthorise("A", 700, "EUR")
    with serve_sandbox(state=state) as server:
        form = {"url": "http://127.0.0.1:1/nobody"}
        requests.post(f"{server.url}/v1/webhook_endpoints", data=form, auth=AUTH, timeout=10)
        assert len(SandboxClient(server.url).deliver("A")) == 1
