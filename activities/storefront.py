"""Events to the storefront: one POST each, signed by the Standard Webhooks rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import requests
from standardwebhooks import Webhook

from activities.mail import NotSent


class Storefront(Protocol):
    """Where the storefront hears of orders."""

    def tell(self, event_id: str, at: datetime, event: Mapping[str, Any]) -> None:
        """Hand over one event; the same `event_id` is the same event. `at` is when it is sent. Raises NotSent."""


class WebhookStorefront:
    """Posts to `url`. `secret` is base64, with or without ``whsec_``; `timeout` in seconds.

    Any answer but 2xx is a failure that is tried again: what looks final to one deployment is mended by the next.
    """

    def __init__(self, url: str, secret: str, *, timeout: float = 10.0) -> None:
        self._url = url
        self._webhook = Webhook(secret)
        self._timeout = timeout

    def tell(self, event_id: str, at: datetime, event: Mapping[str, Any]) -> None:
        """See `Storefront.tell`."""
        body = json.dumps(event, sort_keys=True, ensure_ascii=False)
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(event_id, at, body),
        }
        try:
            answer = requests.post(
                self._url, data=body.encode(), headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            raise NotSent(type(error).__name__) from None
        if not answer.ok or answer.is_redirect:
            raise NotSent(f"http_{answer.status_code}")


class RowsOnly:
    """A storefront without a webhook: the outbox rows themselves are its feed; each counts as sent once it is due."""

    def tell(self, event_id: str, at: datetime, event: Mapping[str, Any]) -> None:
        """Nothing is left to do: the row stands in the outbox, with its facts, for whoever reads it."""
