"""What Aftersale asks of a payment provider, in our words.

Every method either returns the stated effect or raises one error of the ``ProviderError`` tree. ``Unknown`` means that
the effect may stand: `lookup` with the same key settles it. Methods block; each call is bounded to a few seconds.

A webhook and the provider's list of events say only where to look: whatever moves an order is read back first, with
`hold`, `dispute`, `refund_report`, `account`, `payout` or `review`. These raise NoSuchObject for what is not there, and
`order_id` in what they give is the order that the provider's object names, "" for none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.errors import ProviderError
from domain.money import Money, Verb
from domain.purse import DisputeReason


class HoldState(StrEnum):
    """Where a pre-authorisation stands at the provider."""

    OPEN = "open"  # authorised and uncaptured
    UNPAID = "unpaid"  # made, but the buyer has not authorised it yet
    CAPTURED = "captured"
    VOIDED = "voided"  # cancelled by us, lapsed, or cancelled by the issuer


@dataclass(frozen=True, slots=True)
class Hold:
    """A pre-authorisation. `capture_before` is the provider's own limit in UTC, None when it is not open.

    `order_id` and `key` are what our call, or the storefront's, left on the provider's object, "" for none; `renewable`
    says that a payment method with the buyer's consent to off-session use is stored. `charge` and `captured` tell of a
    captured one what was taken, and under which object. `review` is the provider's fraud review of it that is open, ""
    for none.
    """

    ref: str
    amount: Money
    state: HoldState
    capture_before: datetime | None
    order_id: str
    renewable: bool
    key: str = ""
    charge: str = ""
    captured: Money | None = None
    review: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """Money that moved, or a hold that was let go. `ref` is the provider's object.

    `settled` is False while a refund is pending.
    """

    ref: str
    amount: Money
    settled: bool = True


class NewsKind(StrEnum):
    """What a piece of news is about; its subject is the id of the object in brackets."""

    HOLD_OPENED = "hold_opened"  # the buyer authorised a hold (intent)
    PAYMENT_CAPTURED = "payment_captured"  # a payment stands (intent)
    HOLD_LOST = "hold_lost"  # a hold was let go: by us, by the issuer, or by time (intent)
    REFUND_FAILED = "refund_failed"  # (refund)
    DISPUTE = "dispute"  # opened, funds withdrawn or given back, won, lost (dispute)
    PAYOUT_FAILED = "payout_failed"  # from a seller's account to their bank (payout, of `News.account`)
    ACCOUNT = "account"  # a seller's account changed (account)
    REVIEW = "review"  # the provider's fraud review of a payment began or ended (review)


@dataclass(frozen=True, slots=True)
class News:
    """What a webhook or the provider's list of events says; it only makes us look at `subject`.

    `at` is when the provider made the event, in UTC; `account` the seller's account that it happened on, "" when it
    happened on the platform's own.
    """

    event_id: str
    kind: NewsKind
    subject: str
    at: datetime
    account: str = ""


class DisputeStatus(StrEnum):
    """Where a chargeback stands."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DisputeReport:
    """A chargeback. `amount` was withdrawn with `fee` on top; `fee_returned` is the part of the fee that came back.

    `amount` is zero while it is an inquiry that has withdrawn nothing yet. It is won once the money is back. `hold` is
    what was captured of which it takes back.
    """

    ref: str
    charge: str
    amount: Money
    fee: Money
    fee_returned: Money
    reason: DisputeReason
    status: DisputeStatus
    opened_at: datetime
    order_id: str = ""
    hold: str = ""


@dataclass(frozen=True, slots=True)
class RefundReport:
    """A refund. Neither `failed` nor `settled` while it is on its way; it may fail after it had settled."""

    ref: str
    charge: str
    amount: Money
    failed: bool
    settled: bool
    order_id: str = ""


class AccountStanding(StrEnum):
    """What a seller's payout account may do."""

    ACTIVE = "active"
    RESTRICTED = "restricted"  # takes no transfers or makes no payouts until its owner has done something
    CLOSED = "closed"  # gone, rejected, or no longer connected to the platform


@dataclass(frozen=True, slots=True)
class PayoutReport:
    """A payout from a seller's account to their bank. `reason` is the provider's code for a failure, "" for none."""

    ref: str
    account: str
    amount: Money
    failed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """The provider's own fraud review of a payment."""

    ref: str
    payment_intent: str
    open: bool
    opened_at: datetime
    order_id: str = ""


class MovementKind(StrEnum):
    """What a row of the provider's book is; `ref` of the movement is the id of the object in brackets."""

    CHARGE = "charge"  # captured (charge)
    REFUND = "refund"  # (refund)
    REFUND_FAILURE = "refund_failure"  # the money of a refund came back (refund)
    TRANSFER = "transfer"  # (transfer)
    TRANSFER_REVERSAL = "transfer_reversal"  # (reversal)
    DISPUTE = "dispute"  # withdrawn (dispute)
    DISPUTE_REVERSAL = "dispute_reversal"  # given back (dispute)
    OTHER = "other"  # nothing that an order asks for: payouts to the platform's bank, the provider's own fees


@dataclass(frozen=True, slots=True)
class Movement:
    """One row of the provider's own book, for reconciliation.

    `amount` and `fee` are never negative, the kind tells the direction; a dispute reversal's fee is what came back.
    `order_id` and `key` are what our call left on the object, "" for none. `source` is the charge or the transfer that
    the movement is on: of a charge the hold, of a transfer, refund or dispute the charge, of a reversal the transfer.
    """

    ref: str
    kind: MovementKind
    order_id: str
    key: str
    amount: Money
    fee: Money
    at: datetime
    source: str


class NoSuchObject(ProviderError):
    """The provider has no object of that name: news about it was not for us."""


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
        buyer has yet to authorise is given as unpaid. Raises Declined for a refund that failed later, any other error
        when asking fails: that says nothing of the effect.
        """

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> News | None:
        """Verify a webhook over its raw bytes; None when it is about nothing that concerns an order.

        Asks nobody. Raises domain.tracking.InvalidWebhook: forged, or signed but unreadable or signed too long ago.
        """

    def events(self, since: datetime, *, accounts: Sequence[str] = ()) -> Iterator[News]:
        """Everything that webhooks were or should have been sent about since then, in no promised order.

        What happened on sellers' accounts is told for those named; one that is closed tells nothing, ask `account`.
        """

    def dispute(self, ref: str) -> DisputeReport:
        """Read a chargeback. Raises NoSuchObject."""

    def refund_report(self, ref: str) -> RefundReport:
        """Read a refund. Raises NoSuchObject."""

    def account(self, ref: str) -> AccountStanding:
        """Read what a seller's account may do; one that the provider does not know is closed."""

    def payout(self, ref: str, *, account: str) -> PayoutReport:
        """Read a payout of a seller's account. Raises NoSuchObject."""

    def review(self, ref: str) -> ReviewReport:
        """Read a fraud review. Raises NoSuchObject."""

    def movements(self, since: datetime, until: datetime) -> Iterator[Movement]:
        """The provider's own book over [since, until), newest first; streamed page by page."""

    def holds(self, since: datetime, until: datetime) -> Iterator[Hold]:
        """The open holds that were made in [since, until), newest first; streamed page by page."""
