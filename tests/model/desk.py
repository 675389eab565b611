"""What specialists, operators and the provider may do in the reference model, and how one command is judged."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime

from tests.model.cases import overtake
from tests.model.claims import CLAIMS
from tests.model.clocks import resume as go_on, roots, seller_limit
from tests.model.money import due, try_again
from tests.model.news import NEWS
from tests.model.people import COMMANDS, DESK, Act, Body, pick, tiers, turn
from tests.model.sale import SHIPPING, Approval, Pause, Refused, Sale, Slice, need, over
from tests.model.tickets import WRONG, about, facts, needed, parcel_decided, prune

CLOCKS = ("pay", "confirm", "ship", "receipt", "stall", "cancel", "time", "claim")


def release(sale: Sale, body: Body, role: str, now: datetime) -> None:
    lines = pick(sale, body, role, "shipped", "delivered")
    need(sale.captured, "nothing was captured (P3)")
    _undisputed(sale, lines)
    _unclaimed(lines)
    turn(sale, lines, "accepted", now)


def refund(sale: Sale, body: Body, role: str, now: datetime) -> None:
    lines = pick(sale, body, role, "confirmed", "shipped", "delivered", "accepted")
    need(sale.captured, "nothing was captured")
    moving = sale.op.names if sale.op else ()
    need(not any(line.name in moving for line in lines), "the money is moving")
    _undisputed(sale, lines)
    _unclaimed(lines)
    turn(sale, lines, "refunded", now)


def refund_shipping(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """The seller is at fault: the buyer has the shipping back, once, and every line goes its way."""
    need(sale.captured and sale.shipping.price, "the buyer has paid no shipping")
    need(not sale.shipping_is_buyers and sale.shipping.where != "refunded", "it went back before")
    need(SHIPPING not in (sale.op.names if sale.op else ()), "the money is moving")
    _undisputed(sale, [sale.shipping])
    sale.shipping_given = True


def _undisputed(sale: Sale, lines: list[Slice]) -> None:
    need(not any(line.name in sale.disputed() for line in lines), "the bank decides about it (P7)")


def _unclaimed(lines: list[Slice]) -> None:
    """What a claim is about, its decision moves: it has a judge, and may be appealed against."""
    need(not any(line.held.startswith("claim:") for line in lines), "a claim decides about it")


def move_to(sale: Sale, moved: list[str], until: datetime) -> None:
    """All tiers of these clocks move, so that the earliest rings at `until`; who confirms later ships later."""
    first = min(sale.timers[tier] for root in moved for tier in tiers(sale, root))
    limit = seller_limit(sale) if {"confirm", "ship"} & set(moved) else None
    need(limit is None or until < limit, "the hold ends before")
    for root in moved:
        for tier in tiers(sale, root):
            at = until if sale.timers[tier] == first else sale.shifted(tier, first, until)
            sale.shift(tier, min(at, limit) if limit else at)
    if "confirm" in moved and until > first:
        for tier in tiers(sale, "ship"):
            sale.shift(tier, sale.shifted(tier, first, until), rung=tier in sale.rung)


def extend(sale: Sale, body: Body, role: str, now: datetime) -> None:
    until = datetime.fromisoformat(body["until"])
    need(now < until <= now + sale.terms.longest_pause, "a time in the near future")
    moved = [root for root in roots(sale) if root.partition(":")[0] == body["clock"] in CLOCKS]
    need(moved, "that clock does not run")
    move_to(sale, moved, until)


def pause(sale: Sale, body: Body, role: str, now: datetime) -> None:
    until = datetime.fromisoformat(body["until"])
    name = "review:" + body.get("about", "") if role == "provider" else "pause"
    need(name not in sale.pauses, "one pause at a time, and each review once")
    need(now < until <= now + sale.terms.longest_pause, "a pause has an end within policy")
    sale.paused_since = sale.paused_since or now
    sale.pauses[name] = Pause(until, role, role == "provider" or bool(body.get("review")))


def resume(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(sale.pauses, "not paused")
    if role == "provider":
        names = ["review:" + body.get("about", "")]
        need(names[0] in sale.pauses, "somebody else paused it")
    else:
        names = ["pause"] if "pause" in sale.pauses else list(sale.pauses)
    for name in names:
        go_on(sale, name, now)


def retry(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(due(sale) or sale.op, "no money waits")
    try_again(sale, now)


def note(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """Only a record."""


def approve(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """What the second operator agrees to is carried out as the first one asked for it."""
    waiting = sale.approval
    need(waiting is not None, "nothing waits for a second operator")
    assert waiting is not None
    need(body["digest"] == "right", "another command")
    need(not waiting.ticket or waiting.ticket in names(sale), "the ticket that it was for has ended")
    before, sale.approval = deepcopy(sale), None
    try:
        ALL[waiting.name][1](sale, {**waiting.body, "second": (body["second"],)}, waiting.by[0], now)
    except Refused:
        sale.approval = waiting
        raise
    _end_ticket(before, sale, waiting.ticket, waiting.name)


def assign_ticket(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(body["ticket_id"] in names(sale), "no such ticket")
    need(body["owner"], "an owner")


def resolve_ticket(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(body["ticket_id"] in names(sale), "no such ticket")
    need(body["outcome"] in ("extend", "no_change"), "acting is a command of its own")
    cause, subject = names(sale)[body["ticket_id"]]
    if body["outcome"] == "no_change":
        need(cause != "claim", "a claim ends by a decision")
        back = (about(sale, cause, subject) or []) if cause == "parcel_returned" else []
        need(all(sale.lines[name].state != "delivered" for name in back), "silence would pay for what is back")
        del sale.tickets[cause, subject]
        if cause in WRONG:
            parcel_decided(sale, subject)
        return
    need(body.get("until"), "an extension has an end")
    until = datetime.fromisoformat(body["until"])
    need(now < until <= now + sale.terms.longest_pause, "a time in the near future")
    behind = f"{BEHIND.get(cause, '')}:{subject}".rstrip(":")
    if behind not in roots(sale):
        sale.tickets[cause, subject].due, sale.tickets[cause, subject].escalations = until, 0
        return
    move_to(sale, [behind], until)
    del sale.tickets[cause, subject]


PAYS = ("release", "refund", "refund_shipping", "cancel", "grant_cancel", "decide_claim")
"""What moves captured money, so that a large order needs a second operator for it."""

STEERS = ("payout_account", "adopt_policy")
"""What says who is paid, or when a second operator is needed, needs one itself."""

BEHIND = {"confirm_overdue": "confirm", "ship_overdue": "ship", "receipt_missing": "receipt", "parcel_stalled": "stall"}
"""The clock that opened a ticket of that cause."""


def names(sale: Sale) -> dict[str, tuple[str, str]]:
    """The open tickets by the name that a command uses for them here."""
    return {":".join(key): key for key in sale.tickets}


ALL: dict[str, tuple[tuple[str, ...], Act]] = {
    **COMMANDS,
    **CLAIMS,
    **NEWS,
    "release": (DESK, release),
    "refund": (DESK, refund),
    "refund_shipping": (DESK, refund_shipping),
    "extend": (DESK, extend),
    "pause": (("operator", "provider"), pause),
    "resume": (("operator", "provider"), resume),
    "retry": (DESK, retry),
    "note": (DESK, note),
    "approve": (("operator",), approve),
    "assign_ticket": (DESK, assign_ticket),
    "resolve_ticket": (DESK, resolve_ticket),
}


def command(sale: Sale, name: str, who: tuple[str, str], body: Body, ticket: str, now: datetime) -> None:
    """Take a command of `who`, a role and an id, or raise Refused and leave everything as it was."""
    role, person = who
    by, act = ALL[name]
    need(name in NEWS or name == "open_claim" or not over(sale), "the order is over")
    need(role in by, "not for this role")
    need(role not in ("buyer", "seller") or person == f"{role}-1", "not your order")
    need(role not in DESK or person not in ("buyer-1", "seller-1"), "nobody decides their own case (A4)")
    need(not ticket or (role in DESK and ticket in names(sale)), "no such ticket to act on")
    body = {**body, "judge": person} if name == "decide_claim" else body
    body = {**body, **_lines_of(sale, ticket)} if ticket else body
    if ticket and name == "approve":
        need(sale.approval is not None and sale.approval.ticket == ticket, "the command was asked for without it")
    elif ticket:
        tried = deepcopy(sale)
        act(tried, body, role, now)
        ends(sale, tried, names(sale)[ticket], name)
    large = name in STEERS or (name in PAYS and sale.captured)
    if role in DESK and large and sale.priced > sale.terms.second_limit:
        act(deepcopy(sale), body, role, now)
        need(sale.approval is None, "one large command waits at a time")
        sale.approval = Approval(
            name, dict(body), ticket, who, facts(sale), sale.desk_days.after(now, sale.terms.lapse)
        )
    elif name == "approve":
        need(sale.approval is None or person != sale.approval.by[1], "the second operator is another person")
        act(sale, {**body, "second": person}, role, now)
    else:
        before = deepcopy(sale) if ticket else sale
        act(sale, body, role, now)
        _end_ticket(before, sale, ticket, name)
    overtake(sale, now)
    prune(sale)


def _lines_of(sale: Sale, ticket: str) -> Body:
    """What a ticket says about the lines of a step that names none."""
    cause, subject = names(sale)[ticket]
    lines = about(sale, cause, subject)
    own = {"own": tuple(sale.lines[name].held for name in lines or ()) if cause in WRONG else ()}
    return own if lines is None else {**own, "about": lines}


def _end_ticket(before: Sale, sale: Sale, ticket: str, name: str) -> None:
    if ticket in names(sale) and ends(before, sale, names(sale)[ticket], name):
        del sale.tickets[names(sale)[ticket]]


def ends(before: Sale, after: Sale, key: tuple[str, str], name: str) -> bool:
    """Whether a step ends the ticket that it names, or did a part of it only; Refused when it did nothing about it."""
    cause, subject = key
    if key not in after.tickets or not needed(after, cause, subject):
        return True
    root = f"{BEHIND.get(cause, '')}:{subject}".rstrip(":")
    if (
        name == "extend"
        and root in roots(before)
        and any(before.timers[t] != after.timers[t] for t in tiers(before, root))
    ):
        return True
    was, now = _part(before, cause, subject), _part(after, cause, subject)
    if cause == "number_reused" and was and not now:
        return True
    payout = ("payout_account",) if subject in ("release", "reverse_release") else ()
    begun = {
        "ship_overdue": ("grant_time",),
        "money_unknown": ("retry",),
        "money_failed": () if subject == "capture" else ("retry", *payout),
    }
    need(was != now or name in begun.get(cause, ()), "it does nothing about that ticket")
    return False


def _part(sale: Sale, cause: str, subject: str) -> object:
    """What a step may do a part of."""
    match cause:
        case "confirm_overdue":
            return [line.name for line in sale.live if line.state == "pending"]
        case "ship_overdue":
            return [line.name for line in sale.live if line.state == "confirmed"]
        case "parcel_stalled":
            parcel = sale.parcels[subject]
            return about(sale, cause, subject), parcel.milestone, parcel.moved
        case "money_failed" if subject == "capture":
            return [line.name for line in sale.live]
        case "money_failed":
            stuck = {name for each in sale.stuck if each.verb == subject for name in each.names}
            return [line.state for line in sale.lines.values() if line.name in stuck]
        case _:
            return about(sale, cause, subject)
