"""Stripe's own book, its balance transactions, as movements.

Amounts are those of the moved objects, in the currency in which they were asked for: the row itself may be in another,
that of the platform's bank. A part capture can stand in the book as a charge of the whole hold and a reversal of the
rest; the charge's captured amount is the sum of both, so that the reversal is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import stripe

from activities.providers.port import Movement, MovementKind
from activities.providers.stripe_money import from_wire
from activities.providers.stripe_reports import moment, noted, ref
from domain.money import Money

EXPAND: Final = ["data.source", "data.source.payment_intent"]
"""What a list of balance transactions must be asked to hold."""
KINDS: Final[Mapping[str, MovementKind]] = {kind.value: kind for kind in MovementKind if kind is not MovementKind.OTHER}
"""Our kinds by Stripe's reporting category: we took its words."""
PASSED_OVER: Final = "partial_capture_reversal"


def movement(row: stripe.BalanceTransaction) -> Movement | None:
    """A row whose source and its intent are expanded; None for the uncaptured rest of a hold."""
    if row.reporting_category == PASSED_OVER:
        return None
    kind, source = KINDS.get(row.reporting_category, MovementKind.OTHER), row.source
    intent = getattr(source, "payment_intent", None)
    return Movement(
        ref=ref(source) or row.id,
        kind=kind,
        order_id=noted(source, "order_id") or noted(intent, "order_id"),
        key=noted(intent, "capture_key") if kind is MovementKind.CHARGE else noted(source, "key"),
        amount=_amount(kind, row, source),
        fee=_positive(from_wire(row.fee, row.currency)),
        at=moment(row.created),
        source=_about(kind, source),
    )


def _amount(kind: MovementKind, row: stripe.BalanceTransaction, source: object) -> Money:
    if kind is MovementKind.OTHER:
        return _positive(from_wire(row.amount, row.currency))
    match source:
        case stripe.Charge():
            return from_wire(source.amount_captured, source.currency)
        case stripe.Refund() | stripe.Transfer() | stripe.TransferReversal() | stripe.Dispute():
            return from_wire(source.amount, source.currency)
        case _:
            return _positive(from_wire(row.amount, row.currency))


def _about(kind: MovementKind, source: object) -> str:
    """The object that the movement is on."""
    match kind:
        case MovementKind.CHARGE:
            return ref(getattr(source, "payment_intent", None))
        case MovementKind.TRANSFER:
            return ref(getattr(source, "source_transaction", None))
        case MovementKind.TRANSFER_REVERSAL:
            return ref(getattr(source, "transfer", None))
        case MovementKind.OTHER:
            return ""
        case _:
            return ref(getattr(source, "charge", None))


def _positive(money: Money) -> Money:
    return max(money, -money)
