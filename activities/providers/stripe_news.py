"""Stripe's events, as webhooks and as a list, in our words.

A webhook's signature holds over its raw bytes, under one of the endpoints' secrets: the platform's own endpoint and
the one for sellers' accounts have one each, and a secret that is being replaced stands beside its successor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import stripe

from activities.providers.port import News, NewsKind
from activities.providers.stripe_reports import moment
from domain.parcels.tracking import InvalidWebhook

KINDS: Final[Mapping[str, NewsKind]] = {
    "payment_intent.amount_capturable_updated": NewsKind.HOLD_OPENED,
    "payment_intent.succeeded": NewsKind.PAYMENT_CAPTURED,
    "payment_intent.canceled": NewsKind.HOLD_LOST,
    "charge.expired": NewsKind.HOLD_LOST,
    "refund.failed": NewsKind.REFUND_FAILED,
    "refund.updated": NewsKind.REFUND_FAILED,
    "charge.refund.updated": NewsKind.REFUND_FAILED,
    "charge.dispute.created": NewsKind.DISPUTE,
    "charge.dispute.updated": NewsKind.DISPUTE,
    "charge.dispute.closed": NewsKind.DISPUTE,
    "charge.dispute.funds_withdrawn": NewsKind.DISPUTE,
    "charge.dispute.funds_reinstated": NewsKind.DISPUTE,
    "payout.failed": NewsKind.PAYOUT_FAILED,
    "account.updated": NewsKind.ACCOUNT,
    "account.application.deauthorized": NewsKind.ACCOUNT,
    "capability.updated": NewsKind.ACCOUNT,
    "review.opened": NewsKind.REVIEW,
    "review.closed": NewsKind.REVIEW,
}
"""The events that concern an order, for which endpoints are registered; Stripe lists at most twenty types at once."""
_ID: Final = re.compile(r"[a-z]+_\w{1,250}", re.ASCII)
_FAILED: Final = ("failed", "canceled")


def read_webhook(
    body: bytes, headers: Mapping[str, str], *, secrets: Sequence[str], tolerance: int, live: bool
) -> News | None:
    """The news in a webhook; see `PaymentProvider.parse_webhook`. `tolerance` is the signature's oldest age in seconds.

    None also for an event of the other mode: an endpoint for sellers' accounts hears of test payments as well.
    """
    header = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
    _verify(body, header, secrets, tolerance)
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidWebhook("the webhook's body is not JSON", forged=False) from None
    if not isinstance(event, dict) or not isinstance(event.get("object"), str):
        raise InvalidWebhook("the webhook's body is not an event", forged=False)
    if event["object"] != "event" or event.get("livemode") is not live:
        return None
    return read_event(event)


def read_event(event: Mapping[str, Any]) -> News | None:
    """One event as news; None when it concerns no order. Raises InvalidWebhook when it lacks what we need of it."""
    kind = KINDS.get(str(event.get("type")))
    if kind is None:
        return None
    data = event.get("data")
    told = data.get("object") if isinstance(data, dict) else None
    if not isinstance(told, dict):
        raise InvalidWebhook("the webhook's event tells of no object", forged=False)
    account = event.get("account") or ""
    if account and not _is_id(account):
        raise InvalidWebhook("the webhook's event happened on no account", forged=False)
    if kind is NewsKind.REFUND_FAILED and told.get("status") not in _FAILED:
        return None
    if kind is NewsKind.PAYOUT_FAILED and not account:
        return None  # A payout from the platform to its own bank is no order's.
    event_id, subject, at = event.get("id"), _subject(kind, told, account), _instant(event.get("created"))
    if at is None or not (_is_id(event_id) and _is_id(subject)):
        raise InvalidWebhook("the webhook's event lacks its id, its time or its object's id", forged=False)
    return News(str(event_id), kind, str(subject), at, str(account))


def _subject(kind: NewsKind, told: Mapping[str, Any], account: object) -> object:
    """The id of what to look at: of an expired charge its intent, of anything about an account the account."""
    match kind, told.get("object"):
        case NewsKind.HOLD_LOST, "charge":
            return told.get("payment_intent")
        case NewsKind.ACCOUNT, "account":
            return told.get("id")
        case NewsKind.ACCOUNT, _:
            return account
        case _:
            return told.get("id")


def _verify(body: bytes, header: str, secrets: Sequence[str], tolerance: int) -> None:
    """Raise unless one of the secrets signed these bytes, and not longer ago than `tolerance` seconds."""
    signed = [secret for secret in secrets if _is_signed(body, header, secret, None)]
    if not signed:
        raise InvalidWebhook("the webhook's signature is missing or wrong", forged=True)
    if not any(_is_signed(body, header, secret, tolerance) for secret in signed):
        raise InvalidWebhook("the webhook was signed too long ago", forged=False)


def _is_signed(body: bytes, header: str, secret: str, tolerance: int | None) -> bool:
    if not header.isascii():
        return False  # The library raises TypeError for it.
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _instant(value: object) -> datetime | None:
    try:
        return moment(value) if isinstance(value, int) else None
    except (ValueError, OverflowError, OSError):
        return None
