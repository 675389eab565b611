"""Stripe's own book, its balance transactions, as movements.

Amounts are those of the moved objects, in the currency in which they were asked for: the row itself may be in another,
that of the platform's bank. A part capture can stand in the book as a charge of the whole hold and a reversal of the
rest; the charge's captured amount is the sum of both, so that the reversal is passed over.

Rows are read as plain JSON: a book is long, and to make the SDK's objects of it takes longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from activities.providers.port import Movement, MovementKind
from activities.providers.stripe_money import from_wire
from activities.providers.stripe_reports import moment
from domain.money import Money

EXPAND: Final = ["data.source", "data.source.payment_intent"]
"""What a list of balance transactions must be asked to hold."""
KINDS: Final[Mapping[str, MovementKind]] = {kind.value: kind for kind in MovementKind if kind is not MovementKind.OTHER}
"""Our kinds by Stripe's reporting category: we took its words."""
ABOUT: Final[Mapping[MovementKind, str]] = {
    MovementKind.CHARGE: "payment_intent",
    MovementKind.REFUND: "charge",
    MovementKind.REFUND_FAILURE: "charge",
    MovementKind.TRANSFER: "source_transaction",
    MovementKind.TRANSFER_REVERSAL: "transfer",
    MovementKind.DISPUTE: "charge",
    MovementKind.DISPUTE_REVERSAL: "charge",
}
"""Which member of its source says what a movement is on."""
PASSED_OVER: Final = "partial_capture_reversal"


def movement(row: Mapping[str, Any]) -> Movement | None:
    """A row whose source and its intent are expanded; None for the uncaptured rest of a hold."""
    if row["reporting_category"] == PASSED_OVER:
        return None
    kind, source = KINDS.get(row["reporting_category"], MovementKind.OTHER), row["source"]
    intent = _part(source, "payment_intent")
    return Movement(
        ref=_id(source) or row["id"],
        kind=kind,
        order_id=_noted(source, "order_id") or _noted(intent, "order_id"),
        key=_noted(intent, "capture_key") if kind is MovementKind.CHARGE else _noted(source, "key"),
        amount=_amount(kind, row, source),
        fee=_positive(from_wire(row["fee"], row["currency"])),
        at=moment(row["created"]),
        source=_id(_part(source, ABOUT[kind])) if kind in ABOUT else "",
    )


def _amount(kind: MovementKind, row: Mapping[str, Any], source: object) -> Money:
    if kind is MovementKind.OTHER or not isinstance(source, dict):
        return _positive(from_wire(row["amount"], row["currency"]))
    return from_wire(source["amount_captured" if kind is MovementKind.CHARGE else "amount"], source["currency"])


def _part(thing: object, name: str) -> object:
    return thing.get(name) if isinstance(thing, dict) else None


def _id(reference: object) -> str:
    """The id of an object that the answer holds as an id, whole, or not at all."""
    return reference if isinstance(reference, str) else str(_part(reference, "id") or "")


def _noted(thing: object, name: str) -> str:
    return str(_part(_part(thing, "metadata"), name) or "")


def _positive(money: Money) -> Money:
    return max(money, -money)
