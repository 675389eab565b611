"""The delayed mails before each clock that has a reminder."""

from __future__ import annotations

from datetime import datetime

from domain.claims.telling import reminded
from domain.deadlines import Clock, deadlines
from domain.notices.notice import Channel, Notice
from domain.notices.standing import ids
from domain.state import LineState, Order, in_state
from domain.wire import instant_text


def reminders(order: Order) -> tuple[Notice, ...]:
    """A delayed mail before each clock that has a reminder; lines of one delivery are asked after in one mail.

    Its cause names what the clock counts from, so that moving a clock moves its reminder and never repeats one.
    """
    found: dict[str, Notice] = {}
    for clock in deadlines(order):
        due = clock.remind_at
        if due is None or _answered(order, clock) or not _began(order, clock) < due < clock.at:
            continue
        root = clock.tier.split(".")[0].partition(":")[0]
        since = f"remind:{root}:{instant_text(_began(order, clock))}"
        cause = {"receipt": since, "claim": f"{since}:{clock.subject}"}.get(root, f"remind:{clock.tier}")
        claim = order.claim(clock.subject) if root == "claim" else None
        facts = reminded(claim) if claim is not None else {"lines": [clock.subject] if clock.subject else []}
        earlier = found.get(cause)
        if earlier is None:
            template = f"remind_{root}"
            found[cause] = Notice(cause, clock.who, Channel.MAIL, template, due, clock.at, facts)
        else:
            facts["lines"] = [*ids(earlier.context.get("lines")), clock.subject]
            until = max(clock.at, earlier.valid_until or clock.at)
            found[cause] = Notice(cause, clock.who, Channel.MAIL, earlier.template, min(due, earlier.due), until, facts)
    return tuple(found.values())


def _answered(order: Order, clock: Clock) -> bool:
    """Whether the person has written since the clock runs, so that policy spares them its reminder."""
    return f"{clock.tier.rpartition('.')[0]}.remind" in order.passed


def _began(order: Order, clock: Clock) -> datetime:
    """Since when the person has had something to do; nobody is reminded of what was asked a moment ago."""
    claim = order.claim(clock.subject) if clock.tier.startswith("claim:") else None
    if claim is not None:
        return claim.since
    if clock.subject:
        return order.line(clock.subject).since
    confirmed = [line.since for line in in_state(order.lines, (LineState.CONFIRMED,))]
    return max([order.placed_at, *(confirmed if clock.tier.startswith("ship") else [])])
