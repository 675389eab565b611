"""Which clocks run in an order: when each rings, which step it takes, and who can prevent it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.business_time import add_business_days
from domain.claims.clocks import CLAIM_CLOCKS, UNINSTRUCTED, claim_step
from domain.claims.ends import accepted_and_back, in_escrow, undecided
from domain.claims.terms import numbers_of
from domain.funds import capture_due, next_try
from domain.limits import renews, seller_reminder, seller_times
from domain.money import Verb
from domain.parcels.parcel import Proof
from domain.purse import DisputeStatus
from domain.receive import proof_of
from domain.state import UNSHIPPED, Cause, Funds, LineState, Order, Role, Stage, is_over, money_open, stage
from domain.tickets import ESCALATIONS
from domain.tiers import party_tiers, root_of, subject_of

CALENDAR_MARGIN = timedelta(days=60)
"""How long before a pinned calendar ends it is extended; longer than any single window of a policy."""


ENDINGS = frozenset(
    {
        "expire_unpaid", "confirm_lapses", "ship_lapses", "hold_lapses", "cancel_by_silence", "time_lapses",
        "accept_on_strong_proof", "accept_on_weak_proof", "escrow_ends", "held_escrow_ends", "claim_times_out",
        "decision_stands", UNINSTRUCTED.step, *(clock.step for clock in CLAIM_CLOCKS.values()),
    }
)  # fmt: skip
"""The steps of clocks that end something for a party; others open a ticket, remind, or move money on its way."""


@dataclass(frozen=True, slots=True)
class Clock:
    """At `at` the step `step` is taken, unless `who` acts before.

    `tier` names it within the order (``ship.ticket``), `subject` the line, parcel or ticket it is about. A `party`
    clock presses buyer or seller: it stands still in a pause and does not punish after an outage. `remind_at` is when
    `who` gets a reminder.
    """

    at: datetime
    step: str
    tier: str
    who: Role
    subject: str = ""
    party: bool = False
    remind_at: datetime | None = None


def deadlines(order: Order) -> tuple[Clock, ...]:
    """Every running clock, the earliest first; empty only for an order that is over."""
    if is_over(order):
        return ()
    party = () if order.pauses else tuple(_party_clocks(order))
    clocks = [*_own_clocks(order), *_returned_clocks(order), *_hold_clocks(order), *party]
    return tuple(sorted(clocks, key=lambda clock: clock.at))


def _party_clocks(order: Order) -> Iterator[Clock]:
    tiers = party_tiers(order)
    # What ends lines waits until the provider has told how the capture of their money ended.
    capturing = order.op is not None and order.op.verb is Verb.CAPTURE
    if "pay.end" in tiers:
        yield Clock(tiers["pay.end"], "expire_unpaid", "pay.end", Role.BUYER, "", True, tiers["pay.remind"])
    for name in ("confirm", "ship"):
        if f"{name}.end" in tiers:
            yield from _seller_clocks(order, name, tiers, capturing)
    if "cancel.end" in tiers and not capturing:
        yield Clock(tiers["cancel.end"], "cancel_by_silence", "cancel.end", Role.SELLER, "", True)
    if "time.end" in tiers:
        yield Clock(tiers["time.end"], "time_lapses", "time.end", Role.BUYER, "", True)
    for tier, at in tiers.items():
        root, subject = root_of(tier), subject_of(tier)
        if root == "stall" and tier not in order.passed:
            yield Clock(at, "parcel_stalled", tier, Role.CARRIER, subject, True)
        if root == "receipt" and tier.endswith(".decide"):
            yield from _receipt_clock(order, subject, tiers)
        if root == "claim" and tier.endswith(".end"):
            yield _claim_clock(order, subject, tiers)


def _seller_clocks(order: Order, name: str, tiers: dict[str, datetime], capturing: bool) -> Iterator[Clock]:
    """The seller's ticket and end, never later than the hold on the buyer's card allows."""
    ticket, end = seller_times(order, name, tiers)
    remind, passed = seller_reminder(order, name, tiers), f"{name}.ticket" in order.passed
    if not passed and ticket < end:
        yield Clock(ticket, f"{name}_overdue", f"{name}.ticket", Role.SELLER, "", True, remind)
    if not capturing:
        # Where the hold's limit leaves no room for a ticket, the last clock brings the reminder.
        alone = remind if not passed and ticket >= end else None
        yield Clock(end, f"{name}_lapses", f"{name}.end", Role.SELLER, "", True, alone)


def _receipt_clock(order: Order, line_id: str, tiers: dict[str, datetime]) -> Iterator[Clock]:
    """The three silence rows: strong proof, a bare scan below the value limit, else a specialist."""
    decide, weak = f"receipt:{line_id}.decide", f"receipt:{line_id}.weak"
    remind = tiers[f"receipt:{line_id}.remind"]
    if proof_of(order, order.line(line_id)) is Proof.STRONG:
        yield Clock(tiers[decide], "accept_on_strong_proof", decide, Role.BUYER, line_id, True, remind)
    elif order.policy.receipt.releases_on_weak_proof(order.priced):
        yield Clock(tiers[weak], "accept_on_weak_proof", weak, Role.BUYER, line_id, True, remind)
    elif decide not in order.passed:
        yield Clock(tiers[decide], "receipt_overdue", decide, Role.BUYER, line_id, True, remind)


def _claim_clock(order: Order, claim_id: str, tiers: dict[str, datetime]) -> Clock:
    """What happens to a claim when the party who should act stays silent."""
    claim = next(claim for claim in order.open_claims if claim.claim_id == claim_id)
    step, who = claim_step(claim)
    tier, remind = f"claim:{claim_id}.end", tiers.get(f"claim:{claim_id}.remind")
    return Clock(tiers[tier], step, tier, who, claim_id, True, remind)


def _hold_clocks(order: Order) -> Iterator[Clock]:
    """The hold's own clock: never paused, never extended, read from the provider."""
    payment, policy = order.payment, order.policy
    if payment.captured is not None or order.op is not None or not any(li.state in UNSHIPPED for li in order.live):
        return
    if not payment.hold:
        if payment.lost_at is not None and payment.offer is None:
            end = add_business_days(order.buyer_calendar, payment.lost_at, policy.hold.ask_buyer)
            yield Clock(end, "hold_lapses", "hold.end", Role.BUYER)
        return
    if payment.capture_before is None or payment.renewing:
        return
    margin = payment.capture_before - policy.hold.margin
    if renews(order):
        yield Clock(margin, "renew_hold", "hold.renew", Role.CLOCK)
    elif payment.buyer_asked_at is not None:
        asked = add_business_days(order.buyer_calendar, payment.buyer_asked_at, policy.hold.ask_buyer)
        yield Clock(min(asked, payment.capture_before - policy.outage.grace), "hold_lapses", "hold.end", Role.BUYER)
    else:
        yield Clock(margin, "hold_lapses", "hold.end", Role.SELLER)


def _own_clocks(order: Order) -> Iterator[Clock]:
    """The clocks of the process itself: money, tickets, pauses, the longest escrow, the window."""
    policy, op = order.policy, order.op
    for pause in order.pauses:
        # Before the money: what waits for the end of a review is due at that very moment.
        yield Clock(pause.until, "pause_ends", pause.tier, pause.by.role, pause.about)
    money = next_try(order)
    if money is not None:
        yield Clock(money, "settle", "money.try", Role.PROVIDER)
    if op is not None and op.retry_at is not None and f"money:{op.seq}.ticket" not in order.passed:
        yield Clock(op.asked_at + policy.money.unknown_ticket, "money_overdue", f"money:{op.seq}.ticket", Role.PROVIDER)
    for ticket in order.tickets:
        if ticket.escalations < ESCALATIONS:
            yield Clock(ticket.due, "ticket_overdue", f"ticket:{ticket.ticket_id}", Role.SPECIALIST, ticket.ticket_id)
    if order.approval is not None:
        yield Clock(order.approval.lapses_at, "approval_lapses", "approval.end", Role.OPERATOR)
    for dispute in order.disputes:
        if dispute.status is DisputeStatus.OPEN:
            end = dispute.opened_at + timedelta(days=policy.dispute.longest)
            yield Clock(end, "dispute_lapses", f"dispute:{dispute.dispute_id}", Role.PROVIDER, dispute.dispute_id)
    yield from _last_clocks(order)


def _returned_clocks(order: Order) -> Iterator[Clock]:
    """What was accepted before its goods came back is decided about as long as an escrow may last, from then on.

    The bank may have kept the desk from it for longer; then the desk has the time of a ticket after the bank's word.
    """
    longest = timedelta(days=order.policy.escrow.longest - order.policy.escrow.margin)
    for ticket in order.tickets:
        if ticket.cause is Cause.PARCEL_RETURNED and order.op is None and accepted_and_back(order, ticket.subject):
            end = max(ticket.opened_at + longest, ticket.kept_until or ticket.opened_at)
            yield Clock(end, "held_escrow_ends", f"parcel:{ticket.subject}.held", Role.SPECIALIST, ticket.subject)


def _last_clocks(order: Order) -> Iterator[Clock]:
    policy, captured_at = order.policy, order.payment.captured_at
    for claim in order.open_claims:
        if not claim.is_settled and claim.ruling is None and not claim.waits_for_buyer:
            since = (claim.appealed_at or claim.opened_at) + timedelta(seconds=claim.stood)
            end = since + timedelta(days=numbers_of(order, claim).longest)
            yield Clock(end, "claim_times_out", f"claim:{claim.claim_id}.longest", Role.SPECIALIST, claim.claim_id)
    if captured_at is not None:
        end = captured_at + timedelta(days=policy.escrow.longest - policy.escrow.margin)
        escrowed = [line for line in order.live if line.funds is Funds.ESCROW]
        if any(not line.held and line.state is not LineState.ACCEPTED for line in escrowed):
            yield Clock(end, "escrow_ends", "escrow.end", Role.SPECIALIST)
        if order.op is None and undecided(order):
            yield Clock(end, "held_escrow_ends", "escrow.held", Role.SPECIALIST)
        for claim in order.open_claims:
            unsettled = any(line.state is not LineState.ACCEPTED for line in in_escrow(order, claim))
            if claim.ruling is not None and unsettled:
                tier = f"claim:{claim.claim_id}.escrow"
                yield Clock(end, "decision_stands", tier, Role.SPECIALIST, claim.claim_id)
    if stage(order) is Stage.COMPLETED and not money_open(order) and not order.tickets and not order.open_claims:
        since = max(line.since for line in order.live)
        yield Clock(since + timedelta(days=policy.aftersale.window), "close", "window.end", Role.CLOCK)
    yield calendar_clock(order)


def calendar_clock(order: Order) -> Clock:
    """When the first of the pinned calendars runs short: no other clock could be counted for much longer."""
    shortest = min(order.seller_calendar.last, order.buyer_calendar.last, order.desk_calendar.last)
    runs_short = datetime(shortest.year, shortest.month, shortest.day, tzinfo=order.placed_at.tzinfo) - CALENDAR_MARGIN
    return Clock(runs_short, "extend_calendars", "calendar.end", Role.CLOCK)


def payment_standing(order: Order) -> str:
    """What the seller may believe: ``secured`` only once the capture is confirmed (W12), else the parcel stays here.

    ``pending``: a capture is under way or its outcome unknown. ``authorised``: held, not captured. ``unpaid``: nothing.
    """
    if order.payment.captured is not None:
        return "secured"
    if order.payment.hold and capture_due(order):
        return "pending"
    return "authorised" if order.payment.hold else "unpaid"
