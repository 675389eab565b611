"""What Aftersale asks of a payment provider, in our words.

Every method either returns the stated effect or raises one error of the ``ProviderError`` tree. ``Unknown`` means that
the effect may stand: `lookup` with the same key settles it. Methods block; each call is bounded to a few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.money import Money, Verb


class HoldState(StrEnum):
    """Where a pre-authorisation stands at the provider."""

    OPEN = "open"  # authorised and uncaptured
    UNPAID = "unpaid"  # made, but the buyer has not authorised it yet
    CAPTURED = "captured"
    VOIDED = "voided"  # cancelled by us, lapsed, or cancelled by the issuer


@dataclass(frozen=True, slots=True)
class Hold:
    """A pre-authorisation. `capture_before` is the provider's own limit in UTC, None when it is not open.

    `order_id` is the order that the provider's object names in its metadata, "" for none; `renewable` says that a
    payment method with the buyer's consent to off-session use is stored.
    """

    ref: str
    amount: Money
    state: HoldState
    capture_before: datetime | None
    order_id: str
    renewable: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """Money that moved, or a hold that was let go. `ref` is the provider's object.

    `settled` is False while a refund is pending.
    """

    ref: str
    amount: Money
    settled: bool = True


class PaymentProvider(Protocol):
    """One payment provider. `key` is the idempotency key of the operation (order, operation, sequence)."""

    def hold(self, ref: str) -> Hold:
        """Read a pre-authorisation; raises AuthorisationExpired when there is none of that name."""

    def authorise(self, *, order_id: str, method: str, customer: str, amount: Money, key: str) -> Hold:
        """Place a hold on a payment method with the buyer present, to be captured by hand."""

    def reauthorise(self, *, order_id: str, old: str, amount: Money, key: str) -> Hold:
        """Place a new hold with the stored payment method of hold `old`, the buyer absent. The old one stays."""

    def capture(self, *, hold: str, amount: Money, key: str) -> Effect:
        """Take `amount` of the hold, once; the rest of the hold is let go. The effect's ref is the charge."""

    def void(self, *, hold: str, key: str) -> Effect:
        """Let a hold go uncaptured. A hold that is already voided is the same effect."""

    def release(self, *, order_id: str, charge: str, account: str, amount: Money, key: str) -> Effect:
        """Pay `amount` out of a captured charge to the seller's account."""

    def reverse_release(self, *, release: str, amount: Money, key: str) -> Effect:
        """Take `amount` of a release back from the seller's account."""

    def refund(self, *, charge: str, amount: Money, key: str) -> Effect:
        """Give `amount` of a captured charge back to the buyer."""

    def lookup(self, verb: Verb, *, order_id: str, subject: str, key: str) -> Hold | Effect | None:
        """What an earlier call with `key` did, or None when the provider knows of no effect.

        `subject` is the hold, charge or release the call was about, and the customer for authorise. A hold that the
        buyer has yet to authorise is given as unpaid. Raises Declined for a refund that failed later, Unknown when
        asking fails.
        """
