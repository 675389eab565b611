"""Opening a claim: about which lines, within which windows, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from domain.business_time import add_business_days
from domain.claims.case import Claim, ClaimReason, Status
from domain.claims.steps import given
from domain.claims.terms import claim_until, numbers_for
from domain.errors import Refused
from domain.events import ClaimOpened, Event, LinesHeld, WindowReopened
from domain.policy.claims import Claims
from domain.state import SENT, Cause, Line, LineState, Order, Role
from domain.step import Moment


def claimable(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """A claim is about goods that were paid for, and that have arrived or should have."""
    if order.payment.captured is None:
        never = "the order ended before anything was captured; there is nothing to claim"
        return "nothing was captured yet; ask to cancel instead" if order.live else never
    if any(_fits(order, line, now) for line in order.lines):
        return None
    alike: dict[str, list[str]] = {}
    for line in order.lines:
        alike.setdefault(_unfit(order, line), []).append(line.line_id)
    told = "; ".join(f"{', '.join(ids)}: {why}" for why, ids in alike.items())
    return f"claims are for lines that have arrived, or are late, and that nothing holds; {told}"


def claim_window(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """A buyer may claim for some time after arrival, and after an order has first closed; a specialist at any time.

    The reason is not known yet: what one reason is still open to is not refused here.
    """
    over = _over(order, max(numbers.late for numbers in _all_numbers(order, order.lines)), now)
    if over is not None:
        return over
    fitting = (line for line in order.lines if _fits(order, line, now))
    ends = [claim_until(order, line, reason) for line in fitting for reason in ClaimReason]
    if all(end is not None and now > end for end in ends):
        return "the time to claim for what has arrived is over; a specialist can open a claim"
    return None


def _all_numbers(order: Order, lines: Iterable[Line]) -> Iterator[Claims]:
    """The numbers of each line for each reason."""
    return (numbers_for(order, [line], reason) for line in lines for reason in ClaimReason)


def _over(order: Order, days: int, now: datetime) -> str | None:
    closed = order.first_closed_at
    over = closed is not None and now > closed + timedelta(days=days)
    return f"claims end {days} days after an order has closed; a specialist can open one" if over else None


def claims_left(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """A buyer may claim for one line a few times; then a specialist opens the claim."""
    fitting = (line for line in order.lines if _fits(order, line, now))
    if any(len(_about(order, line)) < numbers.most for line in fitting for numbers in _all_numbers(order, [line])):
        return None
    most = max(numbers.most for numbers in _all_numbers(order, order.lines))
    return f"{most} claims for a line are all there are; a specialist can open another"


def _fits(order: Order, line: Line, now: datetime) -> bool:
    arrived_or_late = line.state is not LineState.SHIPPED or _is_missing(order, line, now)
    return line.state in SENT and not line.held and not _claimed(order, line) and arrived_or_late


def _unfit(order: Order, line: Line) -> str:
    """Why a line that does not fit does not."""
    claim = _claimed(order, line)
    if claim is not None:
        return f"open claim {claim.claim_id}"
    if line.held:
        return f"held by {line.held}"
    if line.state is LineState.SHIPPED:
        return f"on its way, claim not_received from {_late_from(order, line):%Y-%m-%d} on"
    return str(line.state)


def _claimed(order: Order, line: Line) -> Claim | None:
    return next((claim for claim in order.open_claims if line.line_id in claim.lines), None)


def open_claim(moment: Moment) -> tuple[Event, ...]:
    """The claim is received: it holds its lines, and the seller answers by a clock. Reopens a closed order."""
    order, body, now = moment.order, moment.body, moment.now
    lines = _wanted(moment)
    claim_id = f"c{len(order.claims) + 1}"
    ids = tuple(line.line_id for line in lines)
    claim = Claim(
        claim_id, ids, body.reason, body.wish, now, Status.RECEIVED, now, judges=_judges(order, ids, body.reason)
    )
    reopened: tuple[Event, ...] = (WindowReopened(),) if order.closed_at is not None else ()
    return (*reopened, ClaimOpened(claim), LinesHeld(ids, claim.holder), *given(order, claim_id, body))


def _judges(order: Order, lines: tuple[str, ...], reason: ClaimReason) -> tuple[str, ...]:
    """Who has decided about the same thing before, and does not decide about it again."""
    before = (claim for claim in order.claims if claim.reason is reason and claim.was_decided)
    same = (claim for claim in before if set(claim.lines) & set(lines))
    return tuple(dict.fromkeys(judge for claim in same for judge in claim.judges))


def _wanted(moment: Moment) -> tuple[Line, ...]:
    """The lines that are named, or all that fit the reason. Raises Refused."""
    order, body, now = moment.order, moment.body, moment.now
    known = {line.line_id: line for line in order.lines}
    for line_id in body.lines:
        _check_line(order, known.get(line_id), line_id)
    lines = [line for line in order.lines if line.line_id in body.lines] or _all_that_fit(moment)
    for line in lines:
        _check_window(order, line, body.reason, now)
        if moment.actor.role is Role.BUYER:
            _check_open_to_buyer(order, line, body.reason, now)
    return tuple(lines)


def _all_that_fit(moment: Moment) -> list[Line]:
    """What a claim without named lines is about: what a buyer has claimed for often enough is left out."""
    order, reason = moment.order, moment.body.reason
    fitting = [line for line in order.lines if _fits(order, line, moment.now)]
    if reason is not ClaimReason.NOT_RECEIVED:
        fitting = [line for line in fitting if line.state is not LineState.SHIPPED]
    if not fitting:
        raise Refused("not_delivered", f"{reason} is for goods that have arrived; for others claim not_received")
    return [line for line in fitting if _turned_down(order, line, reason, moment.now) is None] or fitting


def _check_line(order: Order, line: Line | None, line_id: str) -> None:
    if line is None:
        has = ", ".join(line.line_id for line in order.lines)
        raise Refused("line_unknown", f"this order has no line {line_id}; it has: {has}")
    claim = _claimed(order, line)
    if claim is not None:
        raise Refused("claim_open", f"line {line_id} has an open claim, {claim.claim_id}; add to that one")
    if line.held:
        raise Refused("line_held", f"line {line_id} is held by {line.held}, which decides about it")
    if line.state not in SENT:
        raise Refused("line_state", f"line {line_id} is {line.state}; claims are for lines that were sent")


def _check_open_to_buyer(order: Order, line: Line, reason: ClaimReason, now: datetime) -> None:
    """What was decided or agreed stays so, and a line is not claimed for without end, nor for ever. Raises Refused."""
    why = _turned_down(order, line, reason, now)
    if why is not None:
        raise Refused(*why)


def _turned_down(order: Order, line: Line, reason: ClaimReason, now: datetime) -> tuple[str, str] | None:
    """Why a buyer cannot claim for the line any more: code and sentence."""
    numbers = numbers_for(order, [line], reason)
    over = _over(order, numbers.late, now)
    if over is not None:
        return "claim_window", over
    until = claim_until(order, line, reason)
    if reason is not ClaimReason.CHANGED_MIND and until is not None and now > until:
        return "claim_window", (
            f"{reason} could be claimed for line {line.line_id} until {until:%Y-%m-%d}; a specialist can open a claim"
        )
    before = _about(order, line)
    same = next((claim for claim in before if claim.was_decided and claim.reason is reason), None)
    if same is not None:
        return "claim_decided", (
            f"claim {same.claim_id} has settled {reason} for line {line.line_id}; a specialist can open another"
        )
    if len(before) >= numbers.most:
        return "claims_left", (
            f"line {line.line_id} had {len(before)} claims, which is all there are; a specialist can open another"
        )
    return None


def _about(order: Order, line: Line) -> tuple[Claim, ...]:
    return tuple(claim for claim in order.claims if line.line_id in claim.lines)


def _check_window(order: Order, line: Line, reason: ClaimReason, now: datetime) -> None:
    """The windows of the order's policy. Raises Refused."""
    if line.state is LineState.SHIPPED and reason is not ClaimReason.NOT_RECEIVED:
        raise Refused(
            "not_delivered", f"{reason} is for goods that have arrived; for {line.line_id} claim not_received"
        )
    if line.state is LineState.SHIPPED and not _is_missing(order, line, now):
        first = _late_from(order, line)
        raise Refused("on_its_way", f"line {line.line_id} is on its way; claim not_received from {first:%Y-%m-%d} on")
    until = claim_until(order, line, reason)
    if reason is ClaimReason.CHANGED_MIND and until is not None and now > until:
        raise Refused("return_window", f"line {line.line_id} could be returned until {until:%Y-%m-%d}")


def _late_from(order: Order, line: Line) -> datetime:
    """From when on a line that has not arrived counts as missing."""
    sent = max((parcel.shipped_at for parcel in order.parcels_of(line.line_id)), default=line.since)
    numbers = numbers_for(order, [line], ClaimReason.NOT_RECEIVED)
    return add_business_days(order.buyer_calendar, sent, numbers.not_received_after)


def _is_missing(order: Order, line: Line, now: datetime) -> bool:
    """Whether the line is late, or its parcel has stalled."""
    parcels = {parcel.parcel_id for parcel in order.parcels_of(line.line_id)}
    stalled = any(t.cause is Cause.PARCEL_STALLED and t.subject in parcels for t in order.tickets)
    return stalled or now >= _late_from(order, line)
