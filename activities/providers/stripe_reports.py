"""Stripe's objects in our words: disputes, refunds, accounts, payouts and reviews, one total function each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

import stripe

from activities.providers.port import (
    AccountStanding,
    DisputeReport,
    DisputeStatus,
    Hold,
    HoldState,
    PayoutReport,
    RefundReport,
    ReviewReport,
)
from activities.providers.stripe_errors import word
from activities.providers.stripe_money import from_wire
from domain.checkout import REFERENCE
from domain.money import Money, Verb
from domain.purse import DisputeReason

if TYPE_CHECKING:
    from collections.abc import Mapping

STATES: Mapping[str, HoldState] = {
    "requires_capture": HoldState.OPEN,
    "succeeded": HoldState.CAPTURED,
    "canceled": HoldState.VOIDED,
}
"""Every other status of an intent means that the buyer has not authorised it."""
REASONS: Mapping[str, DisputeReason] = {
    "product_not_received": DisputeReason.NOT_RECEIVED,
    "product_unacceptable": DisputeReason.NOT_AS_DESCRIBED,
    "fraudulent": DisputeReason.FRAUDULENT,
    "duplicate": DisputeReason.DUPLICATE,
    "credit_not_processed": DisputeReason.CREDIT_NOT_PROCESSED,
    "unrecognized": DisputeReason.UNRECOGNISED,
}
"""Every other reason, also one that Stripe invents later, is OTHER."""
STATUSES: Mapping[str, DisputeStatus] = {
    "won": DisputeStatus.WON,
    "warning_closed": DisputeStatus.WON,
    "prevented": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
"""Every other status is still open."""
LAST_SECOND = 2**33
"""In the year 2242. Later instants are no instants, and clocks reckoned from them would leave the calendar."""
TRANSFERS = ("transfers", "legacy_payments")
"""The capabilities of which a transfer's destination must have one."""


def noted(thing: object, name: str) -> str:
    """What an object's metadata says under `name`, "" for nothing, also when the answer holds only the object's id."""
    metadata = getattr(thing, "metadata", None)
    return str(metadata.to_dict().get(name, "")) if isinstance(metadata, stripe.StripeObject) else ""


def ref(reference: object) -> str:
    """The id of an object that the answer holds as an id, whole, or not at all."""
    found = reference if isinstance(reference, str) else getattr(reference, "id", "")
    return found if isinstance(found, str) else ""


def own_id(reference: object) -> str:
    """As `ref`; raises ValueError when there is none that we could ask for again."""
    found = ref(reference)
    if not REFERENCE.fullmatch(found):
        raise ValueError("the object has no id")
    return found


def moment(seconds: object) -> datetime:
    """An instant in UTC; raises ValueError for one that no payment of ours can have to do with."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds < LAST_SECOND:
        raise ValueError("no such instant")
    return datetime.fromtimestamp(seconds, UTC)


WHOLE: Final = ("latest_charge", "review")
"""What must be expanded of an intent so that `read_hold` can read it."""
WHOLE_IN_A_LIST: Final = tuple(f"data.{part}" for part in WHOLE)


def read_hold(intent: stripe.PaymentIntent) -> Hold:
    """Read an intent of which `WHOLE` is expanded."""
    state = STATES.get(intent.status, HoldState.UNPAID)
    consent = intent.setup_future_usage == "off_session" or noted(intent, "operation") == Verb.REAUTHORISE
    taken = state is HoldState.CAPTURED
    return Hold(
        ref=own_id(intent),
        amount=from_wire(intent.amount, intent.currency),
        state=state,
        capture_before=_capture_before(intent) if state is HoldState.OPEN else None,
        order_id=noted(intent, "order_id"),
        renewable=bool(consent and intent.customer and intent.payment_method),
        key=noted(intent, "key"),
        charge=own_id(intent.latest_charge) if taken else "",
        captured=from_wire(intent.amount_received, intent.currency) if taken else None,
        review=ref(intent.review) if getattr(intent.review, "open", False) else "",
    )


def _capture_before(intent: stripe.PaymentIntent) -> datetime | None:
    charge = cast("stripe.Charge", intent.latest_charge)
    details = charge.payment_method_details
    end = getattr(details.card, "capture_before", None) if details and details.card else None
    return moment(end) if end else None


def dispute_report(dispute: stripe.Dispute) -> DisputeReport:
    """Read a dispute whose intent is expanded; its balance transactions tell what was withdrawn and given back."""
    taken = [row for row in dispute.balance_transactions if row.amount < 0]
    returned = [row for row in dispute.balance_transactions if row.amount > 0]
    status = STATUSES.get(dispute.status, DisputeStatus.OPEN)
    if status is DisputeStatus.WON and taken and not returned:
        status = DisputeStatus.OPEN  # Decided, but not paid: the money and the fee come with an event of their own.
    return DisputeReport(
        ref=own_id(dispute),
        charge=ref(dispute.charge),
        amount=from_wire(dispute.amount if taken else 0, dispute.currency),
        fee=_fees(taken, dispute.currency),
        fee_returned=-_fees(returned, dispute.currency),
        reason=REASONS.get(dispute.reason, DisputeReason.OTHER),
        status=status,
        opened_at=moment(dispute.created),
        order_id=noted(dispute.payment_intent, "order_id"),
        hold=ref(dispute.payment_intent),
    )


def refund_report(refund: stripe.Refund) -> RefundReport:
    """Read a refund whose intent is expanded; one made by hand bears no order itself."""
    return RefundReport(
        ref=own_id(refund),
        charge=ref(refund.charge),
        amount=from_wire(refund.amount, refund.currency),
        failed=refund.status in ("failed", "canceled"),
        settled=refund.status == "succeeded",
        order_id=noted(refund, "order_id") or noted(refund.payment_intent, "order_id"),
    )


def account_standing(account: stripe.Account) -> AccountStanding:
    """Read what a connected account may do."""
    reason = account.requirements.disabled_reason if account.requirements else None
    if reason and reason.startswith("rejected."):
        return AccountStanding.CLOSED
    able = any(getattr(account.capabilities, name, "") == "active" for name in TRANSFERS)
    return AccountStanding.ACTIVE if able and account.payouts_enabled else AccountStanding.RESTRICTED


def payout_report(payout: stripe.Payout, account: str) -> PayoutReport:
    """Read a payout of a connected account."""
    failed = payout.status == "failed"
    return PayoutReport(
        ref=own_id(payout),
        account=account,
        amount=from_wire(payout.amount, payout.currency),
        failed=failed,
        reason=(word(payout.failure_code) or "unknown") if failed else "",
    )


def review_report(review: stripe.Review) -> ReviewReport:
    """Read a review whose intent is expanded."""
    return ReviewReport(
        ref=own_id(review),
        payment_intent=ref(review.payment_intent),
        open=bool(review.open),
        opened_at=moment(review.created),
        order_id=noted(review.payment_intent, "order_id"),
    )


def _fees(rows: list[stripe.BalanceTransaction], currency: str) -> Money:
    """The fees of some rows, which are all in the currency of the platform's balance."""
    return from_wire(sum(row.fee for row in rows), rows[0].currency if rows else currency)
