"""Webhook endpoints, and the signature under which events are posted to them."""

from __future__ import annotations

import hashlib
import hmac

from sandbox.payments.call import Call, page
from sandbox.store import Json, new_id


def create(call: Call) -> Json:
    """POST /v1/webhook_endpoints: the answer is the only one that shows the secret.

    An endpoint made with ``connect`` hears of the sellers' accounts, another one of the platform's own.
    """
    url, events = call.params.required("url"), call.params.listing("enabled_events")
    metadata, description = call.params.mapping("metadata"), call.params.text("description")
    connect = call.params.flag("connect")
    call.params.done()
    secret = new_id("whsec")
    data = {
        "application": None,
        "description": description or None,
        "enabled_events": events or ["*"],
        "metadata": metadata,
        "status": "enabled",
        "url": url,
    }
    private = {"secret": secret, "connect": connect}
    return call.make("webhook_endpoint", "we", data, private=private).data | {"secret": secret}


def listing(call: Call) -> Json:
    """GET /v1/webhook_endpoints."""
    return page(call, "webhook_endpoint", "/v1/webhook_endpoints")


def delete(call: Call) -> Json:
    """DELETE /v1/webhook_endpoints/{id}."""
    record = call.need("webhook_endpoint", call.path["id"], "id")
    call.world.store.remove(record)
    return {"id": record.id, "object": "webhook_endpoint", "deleted": True}


def signature(secret: str, body: bytes, at: int) -> str:
    """The ``Stripe-Signature`` header of a body sent at `at`, in seconds since 1970."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
