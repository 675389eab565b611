"""What becomes of claims in the reference model: how they hold lines, what their clocks do, and how they end."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.model.flow import (
    APPROVED,
    CLOSED,
    FOR_BUYER,
    FOR_SELLER,
    LONGER,
    PLATFORM,
    RECEIVED,
    REJECTED,
    RESOLVED,
    RETURNED,
    RETURNING,
    TO_RETURN,
    Claim,
)
from tests.model.goods import came_back, with_seller
from tests.model.sale import Sale, Slice, need
from tests.model.tickets import open_ticket


def held(sale: Sale, claim: Claim) -> list[Slice]:
    """The lines that the claim holds."""
    return [line for line in sale.live if line.held == claim.holder]


def at_stake(sale: Sale, claim: Claim) -> int:
    """All that is left of the lines that the claim holds, and not promised before."""
    return sum(in_full(sale, claim).values())


def in_full(sale: Sale, claim: Claim) -> dict[str, int]:
    """All of it, by line."""
    return {line.name: line.left - sale.due_back.get(line.name, 0) for line in held(sale, claim)}


def enter(sale: Sale, claim: Claim, status: str, now: datetime, until: datetime | None = None) -> None:
    """The claim stands elsewhere, and whoever must act now has the whole window."""
    if claim.for_buyer:
        claim.stood += now - claim.since
    claim.status, claim.since, claim.stopped, terms = status, now, None, sale.terms.claims.of(claim.reason)
    tier = f"claim:{claim.name}.end"
    if until is None and claim.waits is not None:
        _, who, window = claim.waits
        until = (sale.seller_days if who == "seller" else sale.buyer_days).after(now, getattr(terms, window))
    elif claim.ruling is not None and status in (APPROVED, REJECTED):
        until = max(days.after(now, terms.appeal) for days in sale.days_of(tier))
    sale.timers.pop(tier, None)
    if until is not None:
        sale.start(tier, now, until)


def escalate(sale: Sale, claim: Claim, now: datetime) -> None:
    """A specialist's work, which goes on where a question had stopped it."""
    stopped, asked = claim.stopped, claim.since
    claim.offer = None
    enter(sale, claim, PLATFORM, now)
    open_ticket(sale, "claim", claim.name, now)
    if stopped is not None:
        ticket, (due, ticket.escalations) = sale.tickets["claim", claim.name], stopped
        ticket.due = sale.desk_days.later(now, sale.desk_days.minutes(asked, due)) if due > asked else due


def went_back(sale: Sale, claim: Claim) -> bool:
    """Whether the seller has, or gets, any of what the claim holds."""
    return any(with_seller(sale, line.name) or came_back(sale, line.name) for line in held(sale, claim))


def all_went_back(sale: Sale, claim: Claim) -> bool:
    """Whether the seller has, or gets, all that the claim holds."""
    return all(with_seller(sale, line.name) for line in held(sale, claim))


def undecide(sale: Sale, claim: Claim, now: datetime) -> None:
    """Somebody else decides, for good; what the bank took of the decision's parts is not the buyer's by it any more."""
    if claim.ruling is not None:
        lost = [dispute for dispute in sale.disputes.values() if dispute.state == "borne"]
        for taken in (taken for dispute in lost for taken in dispute.taken if taken.claim == claim.name):
            taken.due, taken.claim = False, ""
    claim.appealed, claim.appealed_at, claim.ruling, claim.stood = True, now, None, timedelta()
    escalate(sale, claim, now)


def return_scanned(sale: Sale, claim: Claim, name: str, milestone: str, now: datetime) -> None:
    """What becomes of goods on their way back; such that come after the decision are as good as an appeal.

    The first of several returns to come is what counts, also when it is one that had failed. A refund that waits is
    decided anew when the goods will not come.
    """
    last = name == claim.parcel and not claim.failed and not claim.came_back
    if milestone in ("lost", "returned") and claim.open and last:
        claim.failed = True
        if claim.status == RETURNING:
            escalate(sale, claim, now)
        elif claim.ruling is not None and any(claim.ruling.values()):
            undecide(sale, claim, now)
        return
    need(milestone == "delivered", "only its end matters")
    claim.parcels[name] = now
    claim.scanned.add(name)
    if claim.came_back and not claim.empty:
        return
    if claim.status in (TO_RETURN, RETURNING):
        enter(sale, claim, RETURNED, now)
    else:
        newer = [other for other in sale.open_claims if other is not claim]
        _decided_without(sale, claim, now)
        brought_back(sale, newer, claim.lines, now)
    claim.came_back, claim.empty = True, False


def decided_by(sale: Sale, line: str) -> Claim | None:
    """The last claim about a line that was carried out, and has no money on its way."""
    last = next((claim for claim in reversed(sale.claims.values()) if claim.concluded and line in claim.lines), None)
    return None if last is None or last.open else last


def brought_back(
    sale: Sale, claims: list[Claim], lines: tuple[str, ...], now: datetime, unsaid: tuple[str, ...] = ()
) -> None:
    """The seller has the goods of the lines, which any of the claims may hold; what was decided about `unsaid` without
    that is decided anew."""
    again = [(claim, [name for name in unsaid if decided_by(sale, name) is claim]) for claim in sale.claims.values()]
    for claim in claims:
        if set(lines) & {line.name for line in held(sale, claim)}:
            if claim.status == TO_RETURN:
                escalate(sale, claim, now)
            else:
                _decided_without(sale, claim, now)
    for claim, names in again:
        if claim.empty or not claim.came_back:
            _take_up(sale, claim, [sale.lines[name] for name in names], now)


def _decided_without(sale: Sale, claim: Claim, now: datetime) -> None:
    if (claim.came_back and not claim.empty) or not (claim.ruling is not None or claim.settled):
        return
    if claim.ruling is not None:
        if sum(claim.ruling.values()) < at_stake(sale, claim):
            undecide(sale, claim, now)
        return
    mine = [line for line in sale.live if line.name in claim.lines]
    _take_up(sale, claim, [line for line in mine if not line.held.startswith(("claim:", "parcel:"))], now)


def _take_up(sale: Sale, claim: Claim, free: list[Slice], now: datetime) -> None:
    for line in free:
        line.held = claim.holder
    if free:
        undecide(sale, claim, now)


def let_go(sale: Sale, claim: Claim, now: datetime) -> None:
    """Nothing is decided: the lines go on where they stood, and their clocks have the whole window again."""
    lines = held(sale, claim)
    for line in lines:
        line.held = sale.disputed_by(line.name)
        if line.state == "delivered":
            since = _standing(sale, line.since, now)
            decide = sale.buyer_days.after(since, sale.terms.decide)
            sale.start(f"receipt:{line.name}.decide", since, decide)
            sale.start(f"receipt:{line.name}.weak", since, decide + sale.terms.weak_release)
    travelling = {line.name for line in lines if line.state == "shipped"}
    for parcel in sale.parcels.values():
        if not parcel.withdrawn and travelling & set(parcel.lines):
            since = _standing(sale, parcel.moved, now)
            sale.start(f"stall:{parcel.name}", since, sale.buyer_days.after(since, sale.terms.stall))


def _standing(sale: Sale, since: datetime, now: datetime) -> datetime:
    """In a pause nothing counts, so that a window that begins then is whole when the pause is over."""
    return now if sale.paused_since is None else max(sale.paused_since, since)


def settle(sale: Sale, claim: Claim, parts: dict[str, int], now: datetime) -> None:
    """What goes back whole is refunded; of all else the part goes back, and the rest is the seller's."""
    names = (*claim.awarded, *parts)
    claim.awarded = {name: claim.awarded.get(name, 0) + parts.get(name, 0) for name in names}
    claim.ruling, claim.concluded = None, True
    for line in held(sale, claim):
        back = parts.get(line.name, 0)
        if back == line.left:
            line.state, line.since = "refunded", now
        elif line.state != "accepted":
            line.state, line.since = "accepted", now
        if 0 < back < line.left:
            sale.granted[line.name] = sale.granted.get(line.name, 0) + back
        line.held = sale.disputed_by(line.name)


def approve(sale: Sale, claim: Claim, parts: dict[str, int], now: datetime) -> None:
    """Granted for good."""
    settle(sale, claim, parts, now)
    enter(sale, claim, APPROVED, now)


def carry_out(sale: Sale, claim: Claim, parts: dict[str, int], now: datetime) -> None:
    """A decision becomes true; what a dispute took meanwhile is not paid twice."""
    left = in_full(sale, claim)
    parts = {name: min(amount, left[name]) for name, amount in parts.items() if name in left}
    settle(sale, claim, parts, now)
    enter(sale, claim, APPROVED if parts else CLOSED, now)


def ring(sale: Sale, step: str, name: str, now: datetime) -> None:
    """What a claim's clock does."""
    claim = sale.claims[name]
    claim.failed = claim.failed or step == "return_missing"
    match step:
        case "claim_unanswered" | "return_missing" | "upstream_silent" | "instruction_missing":
            escalate(sale, claim, now)
        case "claim_lapses" if went_back(sale, claim):
            escalate(sale, claim, now)
        case "claim_lapses":
            let_go(sale, claim, now)
            enter(sale, claim, CLOSED, now)
        case "claim_wakes":
            enter(sale, claim, FOR_SELLER, now)
        case "inspection_lapses" | "claim_times_out":
            approve(sale, claim, in_full(sale, claim), now)
        case _:
            carry_out(sale, claim, claim.ruling or {}, now)


def times_out(sale: Sale, claim: Claim) -> datetime:
    """When a claim that nobody has decided is decided for the buyer; the buyer's own time is not counted."""
    longest = timedelta(days=sale.terms.claims.of(claim.reason).longest)
    return (claim.appealed_at or claim.opened) + claim.stood + longest


def overtake(sale: Sale, now: datetime) -> None:
    """Claims whose money has gone back are resolved; those that hold nothing any more were decided by others.

    One about missing goods asks its buyer once the last of them is not missing any more.
    """
    for claim in sale.open_claims:
        lines = [sale.lines[name] for name in claim.lines]
        if claim.settled:
            owed = any(not line.live and line.where in ("escrow", "released") for line in lines)
            if not owed and not set(claim.lines) & set(sale.due_back):
                enter(sale, claim, RESOLVED, now)
        elif not held(sale, claim):
            enter(sale, claim, CLOSED if any(line.live for line in lines) else RESOLVED, now)
        waits = claim.status in (RECEIVED, FOR_SELLER, LONGER)
        was, claim.missing = claim.missing, any(line.state == "shipped" for line in lines)
        if was and not claim.missing and waits and claim.reason == "not_received":
            enter(sale, claim, FOR_BUYER, now)
