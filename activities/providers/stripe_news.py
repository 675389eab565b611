"""What Stripe tells by itself: webhooks and the list of events, and the objects that they make us read back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stripe

from activities.providers.port import (
    AccountStanding,
    DisputeReport,
    DisputeStatus,
    News,
    NewsKind,
    NoSuchObject,
    PayoutReport,
    RefundReport,
    ReviewReport,
)
from activities.providers.stripe_money import from_wire
from activities.providers.stripe_read import PAGE, id_of, noted, translated
from domain.errors import AccountRestricted
from domain.money import Money
from domain.purse import DisputeReason
from domain.tracking import InvalidWebhook

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

TOLERANCE = 300
"""Seconds for which a signature is good. Stripe signs every attempt anew, so a late one is as good as the first."""

KINDS: Mapping[str, NewsKind] = {
    "payment_intent.amount_capturable_updated": NewsKind.HOLD_OPENED,
    "payment_intent.succeeded": NewsKind.PAYMENT_CAPTURED,
    "payment_intent.canceled": NewsKind.HOLD_LOST,
    "charge.expired": NewsKind.HOLD_LOST,
    "refund.failed": NewsKind.REFUND_FAILED,
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
"""The events that can concern an order; the endpoint at Stripe should be subscribed to exactly these."""

REASONS: Mapping[str, DisputeReason] = {
    "product_not_received": DisputeReason.NOT_RECEIVED,
    "product_unacceptable": DisputeReason.NOT_AS_DESCRIBED,
    "credit_not_processed": DisputeReason.CREDIT_NOT_PROCESSED,
    "fraudulent": DisputeReason.FRAUDULENT,
    "duplicate": DisputeReason.DUPLICATE,
    "unrecognized": DisputeReason.UNRECOGNISED,
}
"""Every other reason is one that says nothing about the goods."""

STATUSES: Mapping[str, DisputeStatus] = {"won": DisputeStatus.WON, "lost": DisputeStatus.LOST}
"""Every other status means that the bank has not decided."""

ABOUT_AN_INTENT = frozenset({"charge"})
"""Objects in whose place the payment intent is read."""


class StripeNews:
    """The part of the adapter that listens and reads back."""

    _api: V1Services
    _secrets: tuple[str, ...]

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> News | None:
        """Verify a webhook over its raw bytes; None when it is about nothing that concerns an order."""
        signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        if not any(_is_signed(body, signature, secret) for secret in self._secrets):
            raise InvalidWebhook("the signature is missing, wrong or too old", forged=True)
        try:
            return _news(json.loads(body))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError):
            raise InvalidWebhook("the body cannot be read", forged=False) from None

    def events(self, since: datetime) -> Iterator[News]:
        """The list of events that concern orders, newest first."""
        with translated():
            found = self._api.events.list(
                {"created": {"gte": int(since.timestamp())}, "types": list(KINDS), "limit": PAGE}
            )
            for event in found.auto_paging_iter():
                news = _news(event.to_dict())
                if news is not None:
                    yield news

    def dispute(self, ref: str) -> DisputeReport:
        """Read a dispute; the lines of our balance tell what it took and gave back."""
        with _found():
            dispute = self._api.disputes.retrieve(ref)
            taken = [line for line in dispute.balance_transactions if line.amount < 0]
            given = [line for line in dispute.balance_transactions if line.amount > 0]
            return DisputeReport(
                ref=dispute.id,
                charge=id_of(dispute.charge),
                amount=from_wire(-sum(line.amount for line in taken), dispute.currency),
                fee=_fees(taken, dispute.currency),
                fee_returned=_fees(given, dispute.currency),
                reason=REASONS.get(dispute.reason, DisputeReason.OTHER),
                status=STATUSES.get(dispute.status, DisputeStatus.OPEN),
                opened_at=datetime.fromtimestamp(dispute.created, UTC),
                order_id=noted(dispute, "order_id"),
            )

    def refund_report(self, ref: str) -> RefundReport:
        """Read a refund."""
        with _found():
            refund = self._api.refunds.retrieve(ref)
            return RefundReport(
                ref=refund.id,
                charge=id_of(refund.charge),
                amount=from_wire(refund.amount, refund.currency),
                failed=refund.status in ("failed", "canceled"),
                settled=refund.status == "succeeded",
                order_id=noted(refund, "order_id"),
            )

    def account(self, ref: str) -> AccountStanding:
        """Read a connected account; one that we cannot reach is closed to us."""
        try:
            with _found():
                account: Any = self._api.accounts.retrieve(ref)
        except (NoSuchObject, AccountRestricted):
            return AccountStanding.CLOSED
        with translated():
            return _standing(account)

    def payout(self, ref: str, *, account: str) -> PayoutReport:
        """Read a payout on the account that made it."""
        with _found():
            payout = self._api.payouts.retrieve(ref, options={"stripe_account": account})
            return PayoutReport(
                ref=payout.id,
                account=account,
                amount=from_wire(payout.amount, payout.currency),
                failed=payout.status == "failed",
                reason=payout.failure_code or "",
            )

    def review(self, ref: str) -> ReviewReport:
        """Read a review."""
        with _found():
            review = self._api.reviews.retrieve(ref)
            return ReviewReport(
                ref=review.id,
                payment_intent=id_of(review.payment_intent),
                open=review.open,
                opened_at=datetime.fromtimestamp(review.created, UTC),
            )


@contextmanager
def _found() -> Iterator[None]:
    """As `translated`, and what is not there is NoSuchObject."""
    with translated():
        try:
            yield
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                raise NoSuchObject("the provider has no such object", code="resource_missing") from error
            raise


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body.decode(), signature, secret, TOLERANCE)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True


def _news(event: Mapping[str, Any]) -> News | None:
    kind = KINDS.get(event["type"])
    if kind is None:
        return None
    thing = event["data"]["object"]
    subject = thing["payment_intent"] if thing["object"] in ABOUT_AN_INTENT else thing["id"]
    account = str(event.get("account") or "")
    if kind is NewsKind.ACCOUNT:
        subject = account or subject
    if not isinstance(subject, str) or not subject:
        return None
    at = datetime.fromtimestamp(event["created"], UTC)
    return News(str(event["id"]), kind, subject, at, account if kind is NewsKind.PAYOUT_FAILED else "")


def _fees(lines: list[Any], currency: str) -> Money:
    """What was taken, or given back, on top; a fee in another currency than the dispute is left to the provider."""
    same = [line.fee for line in lines if line.currency == currency]
    return from_wire(abs(sum(same)), currency)


def _standing(account: Any) -> AccountStanding:
    requirements = getattr(account, "requirements", None)
    disabled = str(getattr(requirements, "disabled_reason", None) or "")
    if getattr(account, "deleted", False) or disabled.startswith("rejected"):
        return AccountStanding.CLOSED
    takes_transfers = getattr(account.capabilities, "transfers", "") == "active"
    return AccountStanding.ACTIVE if takes_transfers and account.payouts_enabled else AccountStanding.RESTRICTED
