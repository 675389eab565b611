"""Which clock runs at each status of a claim: who must act, within what window, and which step it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.business_time import Calendar, add_business_days
from domain.claims.case import Claim, Status
from domain.claims.terms import numbers_of
from domain.policy.claims import Claims
from domain.state import Order, Role


@dataclass(frozen=True, slots=True)
class ClaimClock:
    """At the end of `window` business days of `who` the step `step` is taken; a seller is reminded before."""

    step: str
    who: Role
    window: Callable[[Claims], int]
    reminds: bool = False


CLAIM_CLOCKS: Mapping[Status, ClaimClock] = {
    Status.RECEIVED: ClaimClock("claim_unanswered", Role.SELLER, lambda numbers: numbers.answer, reminds=True),
    Status.WAITING_FOR_SELLER: ClaimClock(
        "claim_unanswered", Role.SELLER, lambda numbers: numbers.answer, reminds=True
    ),
    Status.WAITING_FOR_BUYER: ClaimClock("claim_lapses", Role.BUYER, lambda numbers: numbers.reply, reminds=True),
    Status.SELLER_ASKED: ClaimClock("claim_unanswered", Role.SELLER, lambda numbers: numbers.answer, reminds=True),
    Status.BUYER_ASKED: ClaimClock("claim_unanswered", Role.BUYER, lambda numbers: numbers.reply, reminds=True),
    Status.RETURN_REQUESTED: ClaimClock("claim_lapses", Role.BUYER, lambda numbers: numbers.send_back, reminds=True),
    Status.RETURN_SENT: ClaimClock("return_missing", Role.SELLER, lambda numbers: numbers.travel),
    Status.RETURN_RECEIVED: ClaimClock("inspection_lapses", Role.SELLER, lambda numbers: numbers.inspect, reminds=True),
    Status.ESCALATED_UPSTREAM: ClaimClock("upstream_silent", Role.SELLER, lambda numbers: numbers.upstream),
}
"""The party's clock of each status. A wait and an appeal have their own; the platform has its ticket."""

UNINSTRUCTED = ClaimClock("instruction_missing", Role.SELLER, lambda numbers: numbers.send_back, reminds=True)
"""That of a return as long as nobody has told the buyer how the goods go back: no silence of the buyer's ends it."""


def claim_clock(claim: Claim) -> ClaimClock | None:
    """The clock that runs while a party must act."""
    waits = claim.status is Status.RETURN_REQUESTED and not claim.instructed
    return UNINSTRUCTED if waits else CLAIM_CLOCKS.get(claim.status)


def claim_calendars(order: Order, claim: Claim) -> tuple[Calendar, ...]:
    """The calendars on which the claim's clock counts: of whoever must act, or may appeal. The latest end counts."""
    clock = claim_clock(claim)
    appealing = [Role(side.value) for side in claim.ruling.against] if claim.ruling is not None else [Role.BUYER]
    who = [clock.who] if clock is not None else appealing
    return tuple(order.seller_calendar if role is Role.SELLER else order.buyer_calendar for role in who)


def _latest(calendars: tuple[Calendar, ...], start: datetime, n: int) -> datetime:
    """The `n`-th business day after `start` on the one of the calendars on which it comes last."""
    return max(add_business_days(calendar, start, n) for calendar in calendars)


def claim_tiers(order: Order, claim: Claim) -> Iterator[tuple[str, datetime]]:
    """When the claim's clock rings, and when it reminds, before anything moved them."""
    numbers, clock, calendars = numbers_of(order, claim), claim_clock(claim), claim_calendars(order, claim)
    if claim.status is Status.WAITING_LONGER and claim.until is not None:
        yield f"claim:{claim.claim_id}.end", claim.until
    if claim.ruling is not None:
        yield f"claim:{claim.claim_id}.end", _latest(calendars, claim.since, numbers.appeal)
    if clock is None:
        return
    if clock.reminds:
        yield f"claim:{claim.claim_id}.remind", _latest(calendars, claim.since, numbers.remind)
    yield f"claim:{claim.claim_id}.end", _latest(calendars, claim.since, clock.window(numbers))


def claim_step(claim: Claim) -> tuple[str, Role]:
    """The step that the claim's clock takes, and who can act before."""
    if claim.status is Status.WAITING_LONGER:
        return "claim_wakes", Role.CARRIER
    clock = claim_clock(claim)
    if clock is not None:
        return clock.step, clock.who
    return "decision_stands", Role(claim.ruling.against[0].value) if claim.ruling else Role.BUYER
