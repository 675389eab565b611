"""Stripe's own book, its balance transactions, as movements.

Amounts are those of the moved objects, in the currency in which they were asked for: the row itself may be in another,
that of the platform's bank. A part capture can stand in the book as a charge of the whole hold and a reversal of the
rest; the charge's captured amount is the sum of both, so that the reversal is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from activities.providers.port import Movement, MovementKind
from activities.providers.stripe_money import from_wire
from activities.providers.stripe_reports import moment
from domain.money import Money

Json = Mapping[str, Any]
"""An object as Stripe writes it: a book is long, and the SDK takes ten times as long to make objects of its own."""
EXPAND: Final = ["data.source", "data.source.payment_intent"]
"""What a list of balance transactions must be asked to hold."""
KINDS: Final[Mapping[str, MovementKind]] = {kind.value: kind for kind in MovementKind if kind is not MovementKind.OTHER}
"""Our kinds by Stripe's reporting category: we took its words."""
AMOUNTS: Final[Mapping[str, str]] = {
    "charge": "amount_captured",
    "refund": "amount",
    "transfer": "amount",
    "transfer_reversal": "amount",
    "dispute": "amount",
}
"""Where an object of each kind has the amount that moved."""
PASSED_OVER: Final = "partial_capture_reversal"


def movement(row: Json) -> Movement | None:
    """A row whose source and its intent are expanded; None for the uncaptured rest of a hold."""
    if row["reporting_category"] == PASSED_OVER:
        return None
    kind, source = KINDS.get(row["reporting_category"], MovementKind.OTHER), _whole(row["source"])
    intent = _whole(source.get("payment_intent"))
    return Movement(
        ref=_ref(row["source"]) or row["id"],
        kind=kind,
        order_id=_noted(source, "order_id") or _noted(intent, "order_id"),
        key=_noted(intent, "capture_key") if kind is MovementKind.CHARGE else _noted(source, "key"),
        amount=_amount(kind, row, source),
        fee=_positive(from_wire(row["fee"], row["currency"])),
        at=moment(row["created"]),
        source=_about(kind, source),
    )


def _whole(thing: Any) -> Json:
    """An object that the answer holds whole, an empty one where it holds only its id, or nothing."""
    return thing if isinstance(thing, Mapping) else {}


def _ref(reference: Any) -> str:
    """The id of an object that the answer holds as an id, whole, or not at all."""
    return reference if isinstance(reference, str) else str(_whole(reference).get("id", ""))


def _noted(thing: Json, name: str) -> str:
    """What an object's metadata says under `name`, "" for nothing."""
    return str((thing.get("metadata") or {}).get(name, ""))


def _amount(kind: MovementKind, row: Json, source: Json) -> Money:
    of = AMOUNTS.get(source.get("object", ""), "")
    if kind is MovementKind.OTHER or not of:
        return _positive(from_wire(row["amount"], row["currency"]))
    return from_wire(source[of], source["currency"])


def _about(kind: MovementKind, source: Json) -> str:
    """The object that the movement is on."""
    match kind:
        case MovementKind.CHARGE:
            return _ref(source.get("payment_intent"))
        case MovementKind.TRANSFER:
            return _ref(source.get("source_transaction"))
        case MovementKind.TRANSFER_REVERSAL:
            return _ref(source.get("transfer"))
        case MovementKind.OTHER:
            return ""
        case _:
            return _ref(source.get("charge"))


def _positive(money: Money) -> Money:
    return max(money, -money)
