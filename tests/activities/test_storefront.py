from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from activities.mail import NotSent
from activities.relay import Delivered
from activities.store.vault import Vault
from activities.storefront import WebhookStorefront
from domain.state import Role
from tests.activities.told_orders import Desk, Told
from tests.serving import refused, serve
from tests.smtp_fixture import PostOffice

SECRET = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"


class Receiver:
    """A storefront's end of the webhook: keeps what it gets and answers with `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.url = ""

    async def hear(self, request: Request) -> Response:
        self.got.append((await request.body(), dict(request.headers)))
        return Response(status_code=self.status, headers={"location": self.url})

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body, _ in self.got]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    mine = Receiver()
    with serve(Starlette(routes=[Route("/hook", mine.hear, methods=["POST"])])) as base:
        mine.url = f"{base}/hook"
        yield mine


def test_an_event_is_signed_so_that_any_standard_library_verifies_it(receiver: Receiver) -> None:
    WebhookStorefront(receiver.url, SECRET).tell("id-1", datetime.now(UTC), {"type": "order.confirm", "data": {"é": 1}})
    body, headers = receiver.got[0]
    assert Webhook(SECRET).verify(body, headers) == {"type": "order.confirm", "data": {"é": 1}}
    assert headers["webhook-id"] == "id-1"
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", headers)


@pytest.mark.parametrize("status", [302, 400, 404, 410, 429, 500, 503])
def test_any_answer_but_success_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with pytest.raises(NotSent, match=f"http_{status}"):
        WebhookStorefront(receiver.url, SECRET).tell("id-1", datetime.now(UTC), {})
    assert len(receiver.got) == 1


def test_a_storefront_that_is_away_is_tried_again() -> None:
    with refused() as nowhere, pytest.raises(NotSent, match="ConnectionError"):
        WebhookStorefront(nowhere, SECRET).tell("id-1", datetime.now(UTC), {})


def test_a_storefront_hears_of_its_goods_in_order(
    engine: Engine, safe: Vault, post_office: PostOffice, receiver: Receiver
) -> None:
    desk = Desk(engine, safe, post_office, storefront=WebhookStorefront(receiver.url, SECRET))
    life = Told(engine, safe)
    life.do("confirm", Role.SELLER, lines=["a"])
    life.keep()
    desk.deliver(life.now)
    assert receiver.types == ["stock.reserved", "order.confirm", "stock.released"]
    reserved, _, released = receiver.events
    assert reserved["data"]["lines"] == ["a", "b"]
    assert (released["data"]["lines"], released["data"]["relist"]) == (["b"], "ask_seller")
    assert released["data"]["order_id"] == "o-1"
    assert released["timestamp"] == "2026-11-23T09:00:00Z"


def test_events_wait_for_a_storefront_that_fails_and_keep_their_order_and_ids(
    engine: Engine, safe: Vault, post_office: PostOffice, receiver: Receiver
) -> None:
    desk = Desk(engine, safe, post_office, storefront=WebhookStorefront(receiver.url, SECRET))
    life = Told(engine, safe).steps("confirm")
    receiver.status = 500
    assert desk.deliver(life.now) == Delivered(sent=3, retried=1)  # The mails do not wait for the storefront.
    receiver.status = 200
    assert desk.deliver(life.now + timedelta(minutes=1)) == Delivered(sent=2)
    assert receiver.types == ["stock.reserved", "stock.reserved", "order.confirm"]
    ids = [headers["webhook-id"] for _, headers in receiver.got]
    assert ids[0] == ids[1] != ids[2]


def test_without_a_webhook_the_rows_are_the_feed(engine: Engine, safe: Vault, post_office: PostOffice) -> None:
    desk, life = Desk(engine, safe, post_office), Told(engine, safe)
    desk.deliver(life.now)
    rows = [row for row in desk.rows("channel", "template", "sent_at") if row[0] == "storefront"]
    assert rows == [("storefront", "stock.reserved", life.now)]
