"""What people see of a running order: search attributes, and the current details in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from domain.business_time import local_text
from domain.deadlines import Clock, deadlines
from domain.funds import AT_ONCE
from domain.state import Order
from domain.summary import IDLE, LONGEST_REASON, Summary, next_clock, reasons, sentence, trouble, typed
from domain.words import OTHERWISE

STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_ON = SearchAttributeKey.for_keyword("WaitingOn")
DUE = SearchAttributeKey.for_datetime("Due")
BUYER = SearchAttributeKey.for_keyword("Buyer")
SELLER = SearchAttributeKey.for_keyword("Seller")
MARKETPLACE = SearchAttributeKey.for_keyword("Marketplace")
ATTENTION = SearchAttributeKey.for_bool("Attention")
ATTENTION_REASON = SearchAttributeKey.for_keyword("AttentionReason")


BESIDE_A_TIMER = 200
"""Characters that Temporal keeps with a timer."""

BOOKS_REFUSE = "IntegrityError"
"""The error of a database that is well and does not take what we would write."""


def attributes(shown: Summary | None, trouble: str = "") -> list[SearchAttributeUpdate[Any]]:
    """One upsert's worth of search attributes; `trouble` is something wrong with us rather than with the order."""
    reason = fitting(trouble, shown.reason if shown else "")
    updates: list[SearchAttributeUpdate[Any]] = [
        ATTENTION.value_set(bool(trouble) or bool(shown and shown.attention)),
        ATTENTION_REASON.value_set(reason) if reason else ATTENTION_REASON.value_unset(),
    ]
    if shown is not None:
        updates += [
            STAGE.value_set(shown.stage.value),
            WAITING_ON.value_set(shown.waiting_on),
            DUE.value_set(shown.due) if shown.due and shown.due > AT_ONCE else DUE.value_unset(),
        ]
    return updates


def fitting(ours: str, orders: str) -> str:
    """Both reasons, as far as there is room: no command is cut in two. While ours stands it comes first, or alone."""
    both = "; ".join(filter(None, (ours, orders)))
    if len(both) <= LONGEST_REASON:
        return both
    return _cut(ours, LONGEST_REASON)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 3].rpartition(' ')[0]} ..."


def unrecorded(order_id: str, what: str, kind: str) -> str:
    """What is wrong when `what` cannot be written to our own database; `kind` names the error."""
    if kind == BOOKS_REFUSE:
        return (
            f"{what} cannot be recorded ({kind}): the books refuse it, a bug, see the worker's log; deploy its fix, "
            f"then {typed(order_id, 'restart')}; tried again by itself"
        )
    return (
        f"{what} cannot be recorded ({kind}): mend PostgreSQL, then {typed(order_id, 'note')}; "
        "tried again by itself, see the worker's log"
    )


def beside_the_timer(order: Order, clock: Clock) -> str:
    """How things stood when the timer was set, with whole commands: what was wrong, else what happens next."""
    start = f"after step {order.seq}: "
    return _cut(start + (reasons(order, BESIDE_A_TIMER - len(start)) or sentence(order, clock)), BESIDE_A_TIMER)


def parties(order: Order) -> list[SearchAttributeUpdate[Any]]:
    """Whose order it is, by opaque ids; they never change, and ride along with the first upsert."""
    return [
        BUYER.value_set(order.buyer),
        SELLER.value_set(order.seller),
        MARKETPLACE.value_set(order.marketplace),
    ]


def details(order: Order, shown: Summary) -> str:
    """The order on one screen of the Temporal UI; a list where others have tables, which that screen squeezes."""
    zone = order.desk_calendar
    clock = next_clock(order)
    clocks = [c for c in deadlines(order) if c.step not in IDLE and c.at > AT_ONCE]
    rows = [
        f"**{shown.stage.replace('_', ' ')}**, waiting on {shown.waiting_on}",
        *(["**Needs attention**", _list(map(_marked, trouble(order)))] if shown.attention else []),
        *([f"{sentence(order, clock)} Until {local_text(zone, clock.at)}."] if clock and clock.at > AT_ONCE else []),
        _list(f"{li.line_id}: {li.state}, money {li.funds}, {li.price}" for li in order.lines),
        f"Shipping {order.shipping}, money {order.shipping_funds}. Captured: {order.payment.captured or 'nothing'}.",
        *(["**Clocks**", _list(f"{local_text(zone, c.at)}: {OTHERWISE[c.step]}" for c in clocks)] if clocks else []),
        f"Command line: `aftersale why {order.order_id}`, `aftersale show {order.order_id} --as specialist`",
    ]
    return "\n\n".join(rows)


def _marked(trouble: str) -> str:
    """A trouble with its commands set as code; as prose the UI would make one dash of two."""
    what, start, rest = trouble.partition("aftersale ")
    command, _, others = rest.removesuffix(")").partition(" (or ")
    alternatives = ", ".join(f"`{other}`" for other in others.split(", "))
    return f"{what}`{start}{command}`" + (f" (or {alternatives})" if others else "")


def _list(rows: Iterable[str]) -> str:
    return "\n".join(f"- {row}" for row in rows)
