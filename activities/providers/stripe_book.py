"""Stripe's own book, as reconciliation reads it: every line of the balance, and every open hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stripe

from activities.providers.port import Hold, HoldState, Movement, MovementKind
from activities.providers.stripe_money import from_wire
from activities.providers.stripe_read import PAGE, id_of, noted, read_hold, translated

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

KINDS: Mapping[str, MovementKind] = {
    "charge": MovementKind.CHARGE,
    "payment": MovementKind.CHARGE,
    "refund": MovementKind.REFUND,
    "payment_refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILURE,
    "payment_failure_refund": MovementKind.REFUND_FAILURE,
    "transfer": MovementKind.TRANSFER,
    "transfer_refund": MovementKind.TRANSFER_REVERSAL,
    "transfer_cancel": MovementKind.TRANSFER_REVERSAL,
    "transfer_failure": MovementKind.TRANSFER_REVERSAL,
}
"""What a line's type means; every type that is not here moves no order's money."""

ADJUSTMENTS: Mapping[str, MovementKind] = {
    "dispute": MovementKind.DISPUTE,
    "dispute_reversal": MovementKind.DISPUTE_REVERSAL,
}
"""What an adjustment is, by its reporting category."""

ON: Mapping[MovementKind, str] = {
    MovementKind.CHARGE: "payment_intent",
    MovementKind.REFUND: "charge",
    MovementKind.REFUND_FAILURE: "charge",
    MovementKind.TRANSFER: "source_transaction",
    MovementKind.TRANSFER_REVERSAL: "transfer",
    MovementKind.DISPUTE: "charge",
    MovementKind.DISPUTE_REVERSAL: "charge",
}
"""Where an object names what it is on."""


class StripeBook:
    """The part of the adapter that reads the provider's book."""

    _api: V1Services

    def movements(self, since: datetime, until: datetime) -> Iterator[Movement]:
        """The lines of our balance made in [since, until), newest first, a page at a time."""
        with translated():
            lines = self._api.balance_transactions.list(
                {"created": _between(since, until), "limit": PAGE, "expand": ["data.source"]}
            )
            for line in lines.auto_paging_iter():
                yield _movement(line)

    def holds(self, since: datetime, until: datetime) -> Iterator[Hold]:
        """The open intents made in [since, until), newest first, a page at a time."""
        with translated():
            intents = self._api.payment_intents.list(
                {"created": _between(since, until), "limit": PAGE, "expand": ["data.latest_charge"]}
            )
            for intent in intents.auto_paging_iter():
                hold = read_hold(intent)
                if hold.state is HoldState.OPEN:
                    yield hold


def _between(since: datetime, until: datetime) -> Any:
    return {"gte": int(since.timestamp()), "lt": int(until.timestamp())}


def _movement(line: stripe.BalanceTransaction) -> Movement:
    """One line; its source is expanded."""
    source: Any = line.source
    kind = KINDS.get(line.type, MovementKind.OTHER)
    if line.type == "adjustment":
        kind = ADJUSTMENTS.get(line.reporting_category, MovementKind.OTHER)
    thing = source if isinstance(source, stripe.StripeObject) else stripe.StripeObject()
    return Movement(
        ref=id_of(source),
        kind=kind,
        order_id=noted(thing, "order_id"),
        key=noted(thing, "key"),
        amount=from_wire(abs(line.amount), line.currency),
        fee=from_wire(abs(line.fee), line.currency),
        at=datetime.fromtimestamp(line.created, UTC),
        source=id_of(getattr(thing, ON[kind], "")) if kind in ON else "",
    )
