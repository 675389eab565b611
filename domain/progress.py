"""The answer to a taken command, as it goes over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain import wire
from domain.deadlines import payment_standing
from domain.decide import possible
from domain.state import Actor, Order, stage
from domain.summary import dated, next_clock, sentence, summary


def verdict(order: Order, seq: int, actor: Actor, now: datetime) -> dict[str, Any]:
    """The answer to a taken command: where the order is, who acts next, until when, and what this actor may do."""
    shown, clock = summary(order), next_clock(order)
    due = dated(clock, now) if clock else None
    return {
        "accepted": True,
        "order_id": order.order_id,
        "seq": seq,
        "stage": stage(order).value,
        "lines": {line.line_id: line.state.value for line in order.lines},
        "payment": payment_standing(order),
        "waiting_on": shown.waiting_on,
        "due": wire.to_plain(due) if due else None,
        "next": sentence(order, clock) if clock else "",
        "possible": list(possible(order, actor, now)),
    }
