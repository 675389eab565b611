"""How Stripe's objects are read, and its errors turned into ours, wherever we talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

import stripe

from activities.providers.port import Effect, Hold, HoldState
from activities.providers.stripe_errors import translate
from activities.providers.stripe_money import from_wire
from domain.errors import Unknown
from domain.money import Verb

PAGE = 100
"""As many objects as one page of a list may hold."""

STATES = {
    "requires_capture": HoldState.OPEN,
    "succeeded": HoldState.CAPTURED,
    "canceled": HoldState.VOIDED,
}
"""Every other status of an intent means that the buyer has not authorised it."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever goes wrong in talking to the provider into one of our errors."""
    try:
        yield
    except stripe.StripeError as error:
        raise translate(error) from error
    except (AttributeError, KeyError, TypeError) as error:
        # The provider answered "done" in a shape that we cannot read: the effect may well stand.
        raise Unknown("the provider's answer cannot be read", code="unreadable_answer") from error


def noted(thing: stripe.StripeObject, name: str) -> str:
    """What an object's metadata says under `name`, "" for nothing."""
    metadata = getattr(thing, "metadata", None)
    return str(metadata.to_dict().get(name, "")) if isinstance(metadata, stripe.StripeObject) else ""


def id_of(reference: object) -> str:
    """The id of an object that the answer holds as an id, whole, or not at all."""
    return reference if isinstance(reference, str) else str(getattr(reference, "id", ""))


def read_hold(intent: stripe.PaymentIntent) -> Hold:
    """Read an intent whose latest charge is expanded."""
    state = STATES.get(intent.status, HoldState.UNPAID)
    consent = intent.setup_future_usage == "off_session" or noted(intent, "operation") == Verb.REAUTHORISE
    taken = read_capture(intent) if state is HoldState.CAPTURED else None
    return Hold(
        ref=intent.id,
        amount=from_wire(intent.amount, intent.currency),
        state=state,
        capture_before=_capture_before(intent) if state is HoldState.OPEN else None,
        order_id=noted(intent, "order_id"),
        renewable=bool(consent and intent.customer and intent.payment_method),
        key=noted(intent, "key"),
        charge=taken.ref if taken else "",
        captured=taken.amount if taken else None,
    )


def read_capture(intent: stripe.PaymentIntent) -> Effect:
    """Read a captured intent."""
    return Effect(id_of(intent.latest_charge), from_wire(intent.amount_received, intent.currency))


def _capture_before(intent: stripe.PaymentIntent) -> datetime | None:
    charge = cast("stripe.Charge", intent.latest_charge)
    details = charge.payment_method_details
    end = getattr(details.card, "capture_before", None) if details and details.card else None
    return datetime.fromtimestamp(end, UTC) if end else None
