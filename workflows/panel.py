"""What people see of a running order: search attributes, the current details in Markdown, the verdict of an update."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain import wire
from domain.business_time import local_text
from domain.deadlines import deadlines, payment_standing
from domain.decide import possible
from domain.funds import AT_ONCE
from domain.state import Actor, Order, stage
from domain.summary import IDLE, Summary, next_clock, sentence, summary

STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_ON = SearchAttributeKey.for_keyword("WaitingOn")
DUE = SearchAttributeKey.for_datetime("Due")
ATTENTION = SearchAttributeKey.for_bool("Attention")
ATTENTION_REASON = SearchAttributeKey.for_keyword("AttentionReason")


def attributes(shown: Summary | None, trouble: str = "") -> list[SearchAttributeUpdate[Any]]:
    """One upsert's worth of search attributes; `trouble` is something wrong with us rather than with the order."""
    reason = f"{trouble}; it is tried again, any message hastens it" if trouble else (shown.reason if shown else "")
    updates: list[SearchAttributeUpdate[Any]] = [
        ATTENTION.value_set(bool(trouble) or bool(shown and shown.attention)),
        ATTENTION_REASON.value_set(reason[:250]) if reason else ATTENTION_REASON.value_unset(),
    ]
    if shown is not None:
        updates += [
            STAGE.value_set(shown.stage.value),
            WAITING_ON.value_set(shown.waiting_on),
            DUE.value_set(shown.due) if shown.due and shown.due > AT_ONCE else DUE.value_unset(),
        ]
    return updates


def details(order: Order, shown: Summary) -> str:
    """The order on one screen of the Temporal UI."""
    zone = order.desk_calendar
    clock = next_clock(order)
    rows = [
        f"**{shown.stage.replace('_', ' ')}**, waiting on {shown.waiting_on}",
        *([f"**Needs attention:** {shown.reason}"] if shown.attention else []),
        *([f"{sentence(order, clock)} Until {local_text(zone, clock.at)}."] if clock and clock.at > AT_ONCE else []),
        "| line | state | money | price |\n|---|---|---|---|\n"
        + "\n".join(f"| {line.line_id} | {line.state} | {line.funds} | {line.price} |" for line in order.lines),
        f"Shipping {order.shipping}, {order.shipping_funds}. Captured: {order.payment.captured or 'nothing'}.",
        "Clocks: "
        + "; ".join(
            f"{local_text(zone, c.at)} {c.step}" for c in deadlines(order) if c.step not in IDLE and c.at > AT_ONCE
        ),
        f"Command line: `aftersale show {order.order_id} --as specialist`, `aftersale why {order.order_id}`",
    ]
    return "\n\n".join(rows)


def verdict(order: Order, seq: int, actor: Actor, now: datetime) -> dict[str, Any]:
    """The answer to a taken command: where the order is, who acts next, until when, and what this actor may do."""
    shown, clock = summary(order), next_clock(order)
    return {
        "accepted": True,
        "order_id": order.order_id,
        "seq": seq,
        "stage": stage(order).value,
        "lines": {line.line_id: line.state.value for line in order.lines},
        "payment": payment_standing(order),
        "waiting_on": shown.waiting_on,
        "due": wire.to_plain(shown.due) if shown.due and shown.due > AT_ONCE else None,
        "next": sentence(order, clock) if clock else "",
        "possible": list(possible(order, actor, now)),
    }
