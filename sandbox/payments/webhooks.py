"""Webhooks: endpoints that were registered, and events posted to them under the provider's signature."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from contextlib import suppress

import requests

from sandbox.payments.call import Call, page
from sandbox.store import Json, Record, new_id
from sandbox.world import World

TIMEOUT = 7.0  # seconds that a receiver has to answer


def create(call: Call) -> Json:
    """POST /v1/webhook_endpoints: the answer is the only one that shows the secret."""
    url, events = call.params.required("url"), call.params.listing("enabled_events")
    metadata, description = call.params.mapping("metadata"), call.params.text("description")
    call.params.done()
    secret = new_id("whsec")
    data = {
        "description": description or None,
        "enabled_events": events or ["*"],
        "metadata": metadata,
        "status": "enabled",
        "url": url,
    }
    return call.make("webhook_endpoint", "we", data, private={"secret": secret}).data | {"secret": secret}


def listing(call: Call) -> Json:
    """GET /v1/webhook_endpoints."""
    return page(call, call.world.store.all("webhook_endpoint"), "/v1/webhook_endpoints")


def delete(call: Call) -> Json:
    """DELETE /v1/webhook_endpoints/{id}."""
    record = call.need("webhook_endpoint", call.path["id"], "id")
    call.world.store.remove(record)
    return {"id": record.id, "object": "webhook_endpoint", "deleted": True}


def signature(secret: str, body: bytes, at: int) -> str:
    """The ``Stripe-Signature`` header of a body sent at `at`, in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


class Webhooks:
    """Posts events in the background, once each; what a receiver answers changes nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, events: list[tuple[str, Json]], created: int) -> None:
        """Post events to every endpoint that wants them."""
        for type_, data in events:
            event = self._keep(type_, data, created)
            body = json.dumps(event.data).encode()
            for endpoint in self._wanting(type_):
                # The signature bears the global clock: receivers judge its age by theirs, not by the order's.
                header = signature(endpoint.private["secret"], body, int(self._world.clock().timestamp()))
                self.post(endpoint.data["url"], body, header)

    def post(self, url: str, body: bytes, header: str) -> None:
        """Post in the background."""
        task = asyncio.create_task(asyncio.to_thread(_post, url, body, header))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _wanting(self, type_: str) -> list[Record]:
        endpoints = self._world.store.all("webhook_endpoint")
        return [endpoint for endpoint in endpoints if {"*", type_} & set(endpoint.data["enabled_events"])]

    def _keep(self, type_: str, data: Json, created: int) -> Record:
        """The event as webhooks and the list of events show it; one of a seller's account names that account."""
        event = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": created,
            "data": {"object": data},
            "livemode": False,
            "pending_webhooks": len(self._wanting(type_)),
            "request": {"id": None, "idempotency_key": None},
            "type": type_,
        }
        account = self._account_of(data)
        named = {"account": account} if account else {}
        return self._world.store.put(Record("event", str(event["id"]), event | named))

    def _account_of(self, data: Json) -> str:
        """The seller's account on which something happened, "" for the platform's own."""
        if data.get("object") == "account":
            return str(data["id"])
        payout = self._world.store.get("payout", str(data.get("id")))
        return str(payout.private["account"]) if payout else ""


def _post(url: str, body: bytes, header: str) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header}
    with suppress(requests.RequestException):
        requests.post(url, data=body, headers=headers, timeout=TIMEOUT)
