"""The answer to a taken command, as it goes over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain import wire
from domain.deadlines import payment_standing
from domain.decide import Command, possible
from domain.state import Actor, Order, Role, stage
from domain.summary import dated, next_clock, sentence, waiting_on
from domain.turns import claim_meant, claim_sentence, turn_of


def verdict(order: Order, seq: int, actor: Actor, now: datetime, about: Command | None = None) -> dict[str, Any]:
    """The answer to a taken command: where the order is, who acts next, until when, and what this actor may do.

    When the command, `about`, waits for a second operator, that is what comes next; when it was one about a claim, who
    acts next is told of that claim while it is open.
    """
    who, due, following = _approval_of(order, about) or _next_of_claim(order, about) or _next_of_order(order, now)
    return {
        "accepted": True,
        "order_id": order.order_id,
        "seq": seq,
        "stage": stage(order).value,
        "lines": {line.line_id: line.state.value for line in order.lines},
        "payment": payment_standing(order),
        "waiting_on": who,
        "due": wire.to_plain(due) if due else None,
        "next": following,
        "possible": list(possible(order, actor, now)),
    }


def _next_of_order(order: Order, now: datetime) -> tuple[str, datetime | None, str]:
    clock = next_clock(order)
    return waiting_on(order), dated(clock, now) if clock else None, sentence(order, clock) if clock else ""


def _approval_of(order: Order, about: Command | None) -> tuple[str, datetime | None, str] | None:
    waiting = order.approval
    if waiting is None or about is None or (waiting.name, waiting.asked_by) != (about.name, about.actor):
        return None
    return Role.OPERATOR.value, waiting.lapses_at, f"{waiting.name} waits for a second operator"


def _next_of_claim(order: Order, about: Command | None) -> tuple[str, datetime | None, str] | None:
    claim = claim_meant(order, about.name, about.body) if about is not None else None
    turn = turn_of(order, claim) if claim is not None else None
    return (turn.who.value, turn.due, claim_sentence(order, turn)) if turn is not None else None
