"""How claims end: what is settled for good moves lines and money, and a claim that holds nothing any more is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.business_time import add_business_days
from domain.claims.case import Claim, ClaimReason, Status
from domain.events import ClaimMoved, Event, LinesHeld, LinesMoved, RefundAwarded, TierMoved, TierReset
from domain.money import Money, allocate, total
from domain.purse import Part
from domain.state import DEAD, Funds, Line, LineState, Order


def held_lines(order: Order, claim: Claim) -> tuple[Line, ...]:
    """The lines that the claim still holds."""
    return tuple(line for line in order.live if line.held == claim.holder)


def undecided(order: Order) -> tuple[Line, ...]:
    """The held lines in escrow about which neither the bank nor a person is deciding, or has decided.

    What was accepted is paid out as soon as it can be, however long that takes; what holds it has an end of its own.
    """
    ruled = {line.line_id for claim in order.open_claims if claim.ruling for line in in_escrow(order, claim)}
    held = (line for line in order.live if line.held and line.funds is Funds.ESCROW)
    open_yet = (line for line in held if line.state is not LineState.ACCEPTED)
    return tuple(line for line in open_yet if line.line_id not in order.disputed | ruled)


def accepted_and_back(order: Order, parcel_id: str) -> tuple[Line, ...]:
    """The lines that were accepted before that parcel came back, and whose money is not the bank's to decide about."""
    held = (line for line in order.live if line.held == f"parcel:{parcel_id}" and line.state is LineState.ACCEPTED)
    return tuple(line for line in held if line.line_id not in order.disputed)


def in_escrow(order: Order, claim: Claim) -> tuple[Line, ...]:
    """The lines that the claim holds, whose money is in escrow and not the bank's to decide about."""
    held = (line for line in held_lines(order, claim) if line.funds is Funds.ESCROW)
    return tuple(line for line in held if line.line_id not in order.disputed)


def at_stake(order: Order, claim: Claim) -> Money:
    """What the claim is about: all of the lines it holds that has not been given back, nor granted before."""
    return total([order.not_given(line.line_id) for line in held_lines(order, claim)], order.currency)


def parts_of_refund(order: Order, claim: Claim, amount: Money) -> tuple[Part, ...]:
    """A refund laid over the claim's lines by what each has to give, largest remainder (docs/rules.md, Rounding)."""
    lines = held_lines(order, claim)
    amounts = allocate(amount, [order.not_given(line.line_id).minor for line in lines])
    return tuple(Part(line.line_id, part) for line, part in zip(lines, amounts, strict=True) if part)


def settled(order: Order, claim: Claim, parts: tuple[Part, ...], now: datetime) -> tuple[Event, ...]:
    """What goes back whole is refunded; all else of the claim is the seller's, less the parts that go back."""
    lines = held_lines(order, claim)
    back = {part.piece: part.amount for part in parts}
    whole = tuple(line.line_id for line in lines if back.get(line.line_id) == order.left(line.line_id))
    rest = tuple(li.line_id for li in lines if li.line_id not in whole and li.state is not LineState.ACCEPTED)
    moves = (LinesMoved(ids, to, now) for ids, to in ((whole, LineState.REFUNDED), (rest, LineState.ACCEPTED)) if ids)
    free = LinesHeld(tuple(line.line_id for line in lines), "")
    return (RefundAwarded(claim.claim_id, parts), *moves, free)


def let_go(order: Order, claim: Claim, now: datetime) -> tuple[Event, ...]:
    """Nothing is decided: the lines go on where they stood, and their clocks have the whole window again."""
    lines = held_lines(order, claim)
    return (LinesHeld(tuple(line.line_id for line in lines), ""), *_anew(order, lines, now)) if lines else ()


def _anew(order: Order, lines: tuple[Line, ...], now: datetime) -> Iterator[Event]:
    windows, calendar = order.policy.receipt, order.buyer_calendar
    for line in lines:
        if line.state is LineState.DELIVERED:
            since = _counted_from(order, line.since, now)
            decide = add_business_days(calendar, since, windows.decide)
            tiers = {"decide": decide, "weak": decide + timedelta(days=windows.weak_release)}
            for tier, at in {"remind": add_business_days(calendar, since, windows.remind), **tiers}.items():
                yield from _whole(order, f"receipt:{line.line_id}.{tier}", at)
    travelling = {line.line_id for line in lines if line.state is LineState.SHIPPED}
    for parcel in order.parcels:
        if not parcel.withdrawn and travelling & set(parcel.lines):
            since = _counted_from(order, parcel.moved_at or parcel.shipped_at, now)
            at = add_business_days(calendar, since, order.policy.carrier.stall)
            yield from _whole(order, f"stall:{parcel.parcel_id}.ticket", at)


def _counted_from(order: Order, since: datetime, now: datetime) -> datetime:
    """In a pause nothing counts: what begins then is told as if it began with it, and is whole when it is over."""
    return max(min(pause.since for pause in order.pauses), since) if order.pauses else now


def _whole(order: Order, tier: str, at: datetime) -> Iterator[Event]:
    """The tier rings at `at`, as if for the first time; an outage may spare it anew."""
    yield TierMoved(tier, at)
    yield TierReset(tier)
    if f"graced:{tier}" in order.passed:
        yield TierReset(f"graced:{tier}")


def overtaken_claims(before: Order, order: Order, now: datetime) -> tuple[Event, ...]:
    """Claims whose refund has been made are resolved, and so are those whose lines another step has decided about.

    A claim that misses nothing any more asks its buyer, and is never closed by that (docs/rules.md). While anything of
    it is still missing nobody is asked: the wait, or the seller's clock, is for that.
    """
    return tuple(event for claim in order.open_claims for event in _overtaken(before, order, claim, now))


def _overtaken(before: Order, order: Order, claim: Claim, now: datetime) -> Iterator[Event]:
    if claim.is_settled:
        if not _money_on_its_way(order, claim):
            yield ClaimMoved(claim.claim_id, Status.RESOLVED, now)
    elif not held_lines(order, claim):
        dead = all(order.line(line_id).state in DEAD for line_id in claim.lines)
        yield ClaimMoved(claim.claim_id, Status.RESOLVED if dead else Status.CLOSED, now)
    elif claim.status in MISSED and _misses(before, claim) and not _misses(order, claim):
        yield ClaimMoved(claim.claim_id, Status.WAITING_FOR_BUYER, now)


MISSED = (Status.RECEIVED, Status.WAITING_FOR_SELLER, Status.WAITING_LONGER)
"""Where a claim about missing goods stands while it is the goods, or the seller, that is waited for."""


def _misses(order: Order, claim: Claim) -> bool:
    missed = claim.lines if claim.reason is ClaimReason.NOT_RECEIVED else ()
    return any(order.line(line_id).state is LineState.SHIPPED for line_id in missed)


def _money_on_its_way(order: Order, claim: Claim) -> bool:
    lines = [order.line(line_id) for line_id in claim.lines]
    whole = any(line.state in DEAD and line.funds in (Funds.ESCROW, Funds.RELEASED) for line in lines)
    return whole or any(part.piece in claim.lines for part in order.due_back)
