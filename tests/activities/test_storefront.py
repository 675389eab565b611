from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from activities.mail import NotSent
from activities.store.vault import Vault
from activities.storefront import WebhookStorefront
from domain.state import Role
from tests.activities.told_orders import Desk, Told
from tests.serving import refused, serve
from tests.smtp_fixture import PostOffice

SECRET = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"


class Receiver:
    """A storefront's end of the webhook: verifies, keeps, and answers `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def hear(self, request: Request) -> Response:
        body = await request.body()
        headers = dict(request.headers)
        Webhook(SECRET)._Webhook__verify_timestamp = lambda text: datetime.now(UTC)
        if self.status < 300:
            self.events.append((headers["webhook-id"], json.loads(body)))
        return Response(status_code=self.status, headers={"location": "/elsewhere"} if self.status == 302 else None)

    @contextmanager
    def listening(self) -> Iterator[str]:
        with serve(Starlette(routes=[Route("/hook", self.hear, methods=["POST"])])) as base:
            yield f"{base}/hook"
