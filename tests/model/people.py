"""What buyer, seller, storefront and carrier may do in the reference model, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.model.cases import brought_back, decided_by, return_scanned
from tests.model.clocks import seller_times
from tests.model.sale import GONE, Parcel, Refused, Sale, Slice, need
from tests.model.tickets import open_ticket, parcel_decided

Body = Mapping[str, Any]
Act = Callable[[Sale, Body, str, datetime], None]
"""Raises Refused before it changes anything. Is handed the order, the message, the actor's role and the time."""

WAY = {
    "": 0, "accepted": 1, "in_transit": 2, "out_for_delivery": 3, "failed_attempt": 3, "available_for_pickup": 3,
    "lost": 4, "delivered": 5, "returned": 6,
}  # fmt: skip
"""How far a milestone is; a parcel never moves back (W7)."""

STILL_MOVING = timedelta(days=2)
"""A parcel that is in transit and told so again after that long has moved."""


def pick(sale: Sale, body: Body, role: str, *states: str) -> list[Slice]:
    """The lines named, or all that fit; each must be in one of `states`, and the parties move none that is held.

    Unnamed, they are those that the ticket is about, and never those of a claim, or of a lost parcel, beside others.
    """
    held = role not in ("buyer", "seller", "platform")
    fitting = [line for line in sale.live if line.state in states and (held or not line.held)]
    fitting = [line for line in fitting if line.name in body.get("about", sale.lines)]
    free = [line for line in fitting if line.held in ("", *body.get("own", ())) or line.held.startswith("dispute:")]
    names = body.get("lines") or [line.name for line in free or fitting]
    asked = bool(free or body.get("lines"))
    need(asked or not any(line.held.startswith("parcel:") for line in fitting), "a lost parcel has them")
    need(names, "no line fits")
    need(all(name in sale.lines for name in names), "a line is unknown")
    need(all(sale.lines[name].state in states for name in names), "a line is not in the right state")
    need(held or not any(sale.lines[name].held for name in names), "a line is held until somebody decides")
    return [line for line in sale.lines.values() if line.name in names]


def turn(sale: Sale, lines: list[Slice], state: str, now: datetime) -> None:
    """Move lines to a state; what held them is decided with that, but for an open dispute."""
    for line in lines:
        line.state, line.since, line.held = state, now, sale.disputed_by(line.name)


def pay(sale: Sale, body: Body, role: str, now: datetime) -> None:
    intent, method = body.get("payment_intent", ""), body.get("payment_method", "")
    need(bool(intent) != bool(method), "one way to pay")
    need(not method or body.get("customer"), "a method has a customer")
    need(sale.live and not sale.captured, "nothing to pay")
    need(sale.hold is None or sale.buyer_asked, "the money is held")
    need(sale.offer is None, "another payment is being looked at")
    sale.offer, sale.offer_is_intent = intent or method, bool(intent)
    sale.heard += 1


def more_time_to_pay(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(sale.paid is None and sale.live, "paid, or over")
    give(sale, "pay", body["days"], sale.terms.more_time_to_pay)
    shift(sale, "pay", timedelta(days=body["days"]))


def give(sale: Sale, what: str, days: int, most: int) -> None:
    """Take days off an allowance; Refused where it does not reach."""
    given = sale.days_given.get(what, 0)
    need(1 <= days <= most - given, "more than allowed")
    sale.days_given[what] = given + days


def shift(sale: Sale, root: str, by: timedelta) -> None:
    """Move every tier of one clock; one that had rung may ring again."""
    for tier in tiers(sale, root):
        sale.shift(tier, sale.timers[tier] + by)


def tiers(sale: Sale, root: str) -> list[str]:
    """The tiers of a clock, by the part of their name before the dot."""
    return [tier for tier in sale.timers if tier.partition(".")[0] == root]


def payout_account(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(body["account"], "an account")
    sale.account, sale.account_since = body["account"], now


def confirm(sale: Sale, body: Body, role: str, now: datetime) -> None:
    lines = pick(sale, body, role, "pending")
    need(sale.secured, "the money is not held")
    need(not sale.terms.at_confirmation or _capturable(sale, now), "the hold runs out (P2)")
    turn(sale, [line for line in sale.live if line.state == "pending" and line not in lines], "cancelled", now)
    turn(sale, lines, "confirmed", now)


def _capturable(sale: Sale, now: datetime) -> bool:
    """Whether the money can still be captured, with a margin for another try."""
    return sale.captured or (sale.hold is not None and now < sale.hold.limit - sale.terms.margin)


def decline(sale: Sale, body: Body, role: str, now: datetime) -> None:
    turn(sale, pick(sale, {}, role, "pending"), "cancelled", now)


def ship(sale: Sale, body: Body, role: str, now: datetime) -> None:
    lines = pick(sale, body, role, "confirmed", *(["shipped"] if body.get("lines") else []))
    returns = [name for claim in sale.claims.values() for name in claim.parcels]
    need(body["parcel_id"] and body["parcel_id"] not in (*sale.parcels, *returns), "the parcel is known")
    need(not sale.reviews(), "the payment is under review")
    need(sale.secured, "the money cannot be captured")
    need(_capturable(sale, now), "the hold runs out (P2)")
    names = tuple(line.name for line in lines)
    for line in lines:
        if line.state == "confirmed":
            line.state, line.since = "shipped", now
    name = body["parcel_id"]
    gone = frozenset(old.name for line in names for old in sale.sent_with(line) if old.milestone in GONE)
    sale.parcels[name] = Parcel(name, names, now, now, instead=gone)
    sale.start(f"stall:{name}", now, sale.buyer_days.after(now, sale.terms.stall))
    sale.time_asked = None
    if set(sale.cancel_asked or ()) & set(names):
        sale.cancel_asked = None


def change_address(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(body["address_id"], "an address")
    need(all(parcel.withdrawn for parcel in sale.parcels.values()), "a parcel has left")


def ask_time(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need("confirmed" in sale.states(), "nothing to ship")
    need(sale.time_asked is None, "one request at a time")
    need(1 <= body["days"] <= sale.terms.more_time_to_ship - sale.days_given.get("ship", 0), "more than allowed")
    sale.time_asked = body["days"]
    sale.start("time.end", now, sale.buyer_days.after(now, sale.terms.answer))


def grant_time(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(sale.time_asked is not None, "nobody asked")
    days, sale.time_asked = sale.time_asked or 0, None
    sale.days_given["ship"] = sale.days_given.get("ship", 0) + days
    for tier in tiers(sale, "ship"):
        sale.shift(tier, sale.seller_days.after(sale.timers[tier], days), rung=tier in sale.rung)
    if seller_times(sale, "ship")[0] > now:
        sale.rung.discard("ship.ticket")
        sale.tickets.pop(("ship_overdue", ""), None)


def refuse_time(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(sale.time_asked is not None, "nobody asked")
    sale.time_asked = None


def wait_longer(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(sale.states() & {"confirmed", "shipped"}, "nothing to wait for")
    give(sale, "wait", body["days"], sale.terms.wait_most)
    by = timedelta(days=body["days"])
    if "confirmed" in sale.states():
        for tier in tiers(sale, "ship"):
            sale.shift(tier, sale.timers[tier] + by, rung=tier in sale.rung)
    for parcel in sale.parcels.values():
        if any(sale.lines[name].state == "shipped" for name in parcel.lines):
            sale.shift(f"stall:{parcel.name}", max(now, sale.timers[f"stall:{parcel.name}"]) + by)


def parcel_scan(sale: Sale, body: Body, role: str, now: datetime) -> None:
    name = body["parcel_id"]
    back = next((claim for claim in sale.claims.values() if name in claim.parcels), None)
    if back is not None:
        alive = back.open or any(line.name in back.lines for line in sale.live)
        came = back.parcels[name]
        at = datetime.fromisoformat(body["at"])
        told_empty = back.empty and name not in back.scanned and back.looked is not None and at > back.looked
        need(alive and (came is None or told_empty), "nothing of it is on its way")
        return_scanned(sale, back, name, body["milestone"], now)
        return
    parcel = sale.parcels.get(name)
    need(parcel is not None and not parcel.withdrawn, "no such parcel")
    assert parcel is not None
    need(role == "carrier" or body.get("proof") != "strong", "a person's word is weak")
    milestone, told = body["milestone"], datetime.fromisoformat(body["at"])
    need(_is_news(parcel, milestone, told), "nothing new")
    unsaid = _unsaid(sale, parcel) if milestone == "returned" else ()
    waited = tuple(name for name in parcel.lines if not sale.replaced(parcel, name))
    boxes = {name: sale.parcels_of(name) for name in parcel.lines}
    was, parcel.milestone, parcel.seen = parcel.milestone, milestone, True
    parcel.moved = at = max(min(told, now), parcel.moved)
    whole = sale.buyer_days.after(parcel.moved, sale.terms.stall)
    sale.start(f"stall:{parcel.name}", parcel.moved, max(whole, sale.timers[f"stall:{parcel.name}"]))
    if was == "lost" and milestone != "returned":
        parcel_decided(sale, parcel.name)
    if milestone == "delivered":
        parcel.strong = body.get("proof") == "strong"
    if milestone in ("delivered", "lost", "returned"):
        _arrived(sale, boxes, at)
    if milestone in ("lost", "returned"):
        lines = [sale.lines[name] for name in parcel.lines if sale.lines[name].state in ("shipped", "delivered")]
        unclaimed = [line for line in lines if not line.held.startswith("claim:")]
        affected = [line.name for line in unclaimed] + [name for name in unsaid if decided_by(sale, name) is None]
        for name in affected:
            sale.lines[name].held = f"parcel:{parcel.name}"
        if affected:
            open_ticket(sale, f"parcel_{milestone}", parcel.name, now)
    if milestone == "returned":
        brought_back(sale, sale.open_claims, waited, now, unsaid)


def _unsaid(sale: Sale, parcel: Parcel) -> tuple[str, ...]:
    """What came with the parcel and counts as accepted, though its buyer never said so, and is nobody's case."""
    lines = [line for line in sale.live if line.state == "accepted"]
    open_yet = [line for line in lines if not line.received and not line.held.startswith("claim:")]
    return tuple(line.name for line in open_yet if line.name in parcel.lines and not sale.replaced(parcel, line.name))


def _is_news(parcel: Parcel, milestone: str, told: datetime) -> bool:
    """Whether it happened after what is known, or the parcel is further on."""
    known, later = parcel.milestone, not parcel.seen or told > parcel.moved
    if known == "lost":
        return milestone == "returned" or (later and milestone != "lost")
    if milestone == "lost" and parcel.seen:
        return (later or (told == parcel.moved and known != "delivered")) and known != "returned"
    if milestone == known:
        return milestone == "in_transit" and told >= parcel.moved + STILL_MOVING
    return WAY[milestone] > WAY[known] or (later and WAY[milestone] == WAY[known])


def _arrived(sale: Sale, boxes: dict[str, list[Parcel]], at: datetime) -> None:
    """A line in several boxes is delivered with the last that it waited for, in `boxes`, whatever became of that."""
    for name, waited in boxes.items():
        line = sale.lines[name]
        if line.state == "shipped" and {p.milestone for p in sale.parcels_of(name)} == {"delivered"}:
            line.state, line.since = "delivered", max([at, line.since, *(p.moved for p in waited)])
            decide = sale.buyer_days.after(line.since, sale.terms.decide)
            sale.start(f"receipt:{name}.decide", line.since, decide)
            sale.start(f"receipt:{name}.weak", line.since, decide + sale.terms.weak_release)


def receive(sale: Sale, body: Body, role: str, now: datetime) -> None:
    lines = pick(sale, body, role, "shipped", "delivered")
    turn(sale, lines, "accepted", now)
    for line in lines:
        line.received = True


def cancel(sale: Sale, body: Body, role: str, now: datetime) -> None:
    lines = pick(sale, body, role, "pending", *([] if role == "buyer" else ["confirmed"]))
    need(role == "buyer" or not sale.capturing(), "the capture is under way (P9)")
    turn(sale, lines, "cancelled", now)


def request_cancel(sale: Sale, body: Body, role: str, now: datetime) -> None:
    lines = pick(sale, body, "asking moves nothing", "confirmed")
    need(sale.cancel_asked is None, "one request at a time")
    sale.cancel_asked = tuple(line.name for line in lines)
    sale.start("cancel.end", now, sale.seller_days.after(now, sale.terms.answer))


def grant_cancel(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(sale.cancel_asked is not None, "nobody asked")
    need(not sale.capturing(), "the capture is under way (P9)")
    turn(sale, [sale.lines[name] for name in sale.cancel_asked or ()], "cancelled", now)
    sale.cancel_asked = None


def refuse_cancel(sale: Sale, body: Body, role: str, now: datetime) -> None:
    need(sale.cancel_asked is not None, "nobody asked")
    sale.cancel_asked = None


def message(sale: Sale, body: Body, role: str, now: datetime) -> None:
    """Only said; what it spares its author is not the order's affair."""
    need(not body.get("internal") or role in DESK, "the parties have no notes of the desk")


SELLERS = ("seller", "operator", "platform")
DESK = ("specialist", "operator")

COMMANDS: dict[str, tuple[tuple[str, ...], Act]] = {
    "pay": (("buyer", "storefront"), pay),
    "more_time_to_pay": (("buyer", *DESK), more_time_to_pay),
    "payout_account": (("operator", "storefront"), payout_account),
    "confirm": (SELLERS, confirm),
    "decline": (SELLERS, decline),
    "ship": (SELLERS, ship),
    "change_address": (("buyer",), change_address),
    "ask_time": (SELLERS, ask_time),
    "grant_time": (("buyer", *DESK), grant_time),
    "refuse_time": (("buyer", *DESK), refuse_time),
    "parcel_scan": (("carrier", *DESK), parcel_scan),
    "wait_longer": (("buyer",), wait_longer),
    "receive": (("buyer",), receive),
    "message": (("buyer", "seller", *DESK), message),
    "cancel": (("buyer", "seller", "specialist", "operator", "platform"), cancel),
    "request_cancel": (("buyer",), request_cancel),
    "grant_cancel": (("seller", "specialist", "operator", "platform"), grant_cancel),
    "refuse_cancel": (("seller", "specialist", "operator", "platform"), refuse_cancel),
}
"""Who may send what, and what it does."""

__all__ = ["COMMANDS", "Act", "Body", "Refused"]
