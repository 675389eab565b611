"""The steps of specialists and operators: everything that mends an order, each with a stored reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.deadlines import ENDINGS, deadlines
from domain.errors import Invalid, Refused
from domain.events import (
    ApprovalEnded,
    CalendarsAsked,
    Event,
    LinesHeld,
    Noted,
    Paused,
    PolicyAdopted,
    Resumed,
    RetryAsked,
    ReviewBegun,
    ReviewEnded,
    ShippingGranted,
    TicketExtended,
    TicketResolved,
    TierMoved,
    TierPassed,
    TierReset,
)
from domain.fold import apply_all
from domain.funds import next_try
from domain.limits import WAITS_IN, hold_limit
from domain.policy import Policy
from domain.policy.file import check
from domain.purse import SHIPPING
from domain.state import Cause, Funds, Line, LineState, Order, Outcome, Pause, Role, Ticket, in_state
from domain.step import Moment
from domain.tickets import CLOCK_OF, freed, known, lines_of, opened
from domain.tiers import as_long, clock_of, counting_tiers, party_tiers, root_of, shifted, shipping_along, since_of

NONE_WAITS = "no command waits for a second operator; one that did is over when the order's money changes or it lapses"


@dataclass(frozen=True, slots=True)
class WithNote:
    """A step whose reason is stored under `note_id`."""

    note_id: str


@dataclass(frozen=True, slots=True)
class OnLines:
    """A step on `lines`, or on all that it fits and neither a claim nor a lost or returned parcel has.

    One that resolves a ticket about some lines is on these. Its reason is stored under `note_id`.
    """

    note_id: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extend:
    """The clock named `clock` (pay, confirm, ship, receipt or stall) rings at `until` instead."""

    clock: str
    until: datetime
    note_id: str


@dataclass(frozen=True, slots=True)
class PauseOrder:
    """The parties' clocks stand still until `until`; `review` says that the payment is being looked at.

    `about` is the provider's own name for its review.
    """

    until: datetime
    note_id: str
    review: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """The clocks go on; the provider names the review that has ended, `about`. The reason stands under `note_id`."""

    note_id: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class AdoptPolicy:
    """The order goes on under `policy`, given whole, as it was previewed; one that no file could say is refused."""

    policy: Policy
    note_id: str


@dataclass(frozen=True, slots=True)
class Approve:
    """A second operator agrees to the command whose `digest` stands in the order's approval."""

    digest: str


def money_to_retry(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is money that waits for another try."""
    return None if next_try(order) is not None else "no money is waiting for another try"


def not_paused(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """One pause at a time."""
    return "an operator has paused the order already" if order.paused else None


def is_paused(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a pause to end."""
    return None if order.pauses else "the order is not paused"


def under_review(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a review to end; an operator's pause is not the provider's to end."""
    return None if order.reviews else "the provider reviews nothing"


def captured(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Only money that was captured can be given back or paid out."""
    return None if order.payment.captured is not None else "nothing was captured; cancel instead"


def not_under_way(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The lines' money is not moving; what was paid out is refunded too, and the seller owes it."""
    if order.op is not None and set(order.op.slices) & {line.line_id for line in lines}:
        return f"{order.op.verb} in progress; try again when it is settled"
    return None


def undisputed(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The bank is not deciding about the lines' money."""
    disputed = [line.line_id for line in lines if line.line_id in order.disputed]
    return f"line {disputed[0]} is disputed; the bank decides" if disputed else None


def unclaimed(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """No claim has the lines: whoever decides about a claim has judged it, and its sides may appeal."""
    holders = {line.held for line in lines}
    claim = next((claim for claim in order.open_claims if claim.holder in holders), None)
    if claim is None:
        return None
    if claim.ruling is not None:
        return f"claim {claim.claim_id} is decided and may be appealed against; until then its lines wait"
    about = " and ".join(line.line_id for line in lines if line.held == claim.holder)
    return f"claim {claim.claim_id} is about {about}; decide_claim decides about it"


def shipping_charged(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The buyer has paid for shipping."""
    if not order.shipping:
        return "the buyer pays no shipping for this order"
    return None if order.payment.captured is not None else "nothing was captured yet; shipping is given back after that"


def shipping_stays(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Shipping is the seller's so far: it goes back once, and by itself where no line is left."""
    if order.shipping_funds is Funds.REFUNDED:
        return "the buyer has the shipping back already"
    return "the shipping goes back to the buyer already" if order.shipping_goes_back else None


def shipping_at_rest(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Neither does the money for shipping move, nor is the bank deciding about it."""
    if order.op is not None and SHIPPING in order.op.slices:
        return f"{order.op.verb} in progress; try again when it is settled"
    return "the shipping is disputed; the bank decides" if SHIPPING in order.disputed else None


def waits_for_approval(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a large command to approve."""
    return None if order.approval else NONE_WAITS


def noted(moment: Moment) -> tuple[Event, ...]:
    """The reason, or the note itself, is on record."""
    return (Noted(moment.body.note_id),)


def decided(moment: Moment) -> tuple[Event, ...]:
    """A person decided about held lines: they are free for what the row does to them, and their reason is on record."""
    held = tuple(line.line_id for line in moment.lines if line.held)
    freed: tuple[Event, ...] = (LinesHeld(held, ""),) if held else ()
    return (*freed, Noted(moment.body.note_id))


def grant_shipping(moment: Moment) -> tuple[Event, ...]:
    """The seller is at fault: the buyer gets the shipping back, also where lines go their way."""
    return (ShippingGranted(), Noted(moment.body.note_id))


def lapse(moment: Moment) -> tuple[Event, ...]:
    """No second operator agreed in time."""
    return (ApprovalEnded("lapsed"),)


def retry(moment: Moment) -> tuple[Event, ...]:
    """Everything refused or unknown is tried, or asked after, at once."""
    return (RetryAsked(moment.now), Noted(moment.body.note_id))


def clock_runs(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """A party's clock runs that can be moved; a seller's cannot where the hold on the buyer's card is at its end."""
    limit = hold_limit(order)
    ended = WAITS_IN if limit is not None and limit <= now else ()
    return None if any(root_of(tier) not in ended for tier in party_tiers(order)) else "no clock of a party runs"


def extend(moment: Moment) -> tuple[Event, ...]:
    """All tiers of one clock move by the same time; the earliest rings at `until` and may ring again."""
    order, body = moment.order, moment.body
    moved = _moved(moment, lambda clock: clock.partition(":")[0] == body.clock)
    if not moved:
        names = sorted({root_of(tier) for tier in party_tiers(order)})
        raise Refused("clock_not_running", f"{body.clock!r} does not run; running: {', '.join(names) or 'none'}")
    return (Noted(body.note_id), *moved)


def resolve_ticket(moment: Moment) -> tuple[Event, ...]:
    """Ends a ticket by extending the clock that opened it, or by leaving things as they are.

    A ticket that no clock of a party opened stays, and is due at its new time.
    """
    order, body = moment.order, moment.body
    ticket = known(order, body.ticket_id)
    done = TicketResolved(ticket.ticket_id, body.outcome, "resolve_ticket")
    if body.outcome is Outcome.ACT:
        raise Refused("act_by_its_step", "take the step itself (refund, release, cancel, ...) and name ticket_id in it")
    if body.outcome is Outcome.NO_CHANGE and ticket.cause is Cause.CLAIM:
        raise Refused("claim_undecided", "a claim ends by a decision: decide_claim, ask_party, or extend the ticket")
    if body.outcome is Outcome.NO_CHANGE and ticket.cause is Cause.PARCEL_RETURNED:
        _not_to_be_accepted(order, ticket)
    if body.outcome is Outcome.NO_CHANGE:
        return (done, *freed(order, ticket), Noted(body.note_id))
    name = CLOCK_OF.get(ticket.cause, "").format(ticket.subject)
    moved = _moved(moment, lambda clock: clock == name)
    return (*((done, *moved) if moved else (TicketExtended(ticket.ticket_id, body.until),)), Noted(body.note_id))


def _not_to_be_accepted(order: Order, ticket: Ticket) -> None:
    """Raises Refused where lines that came back count as delivered: let go, silence would pay a seller who has them."""
    held = set(lines_of(order, ticket))
    back = [line.line_id for line in in_state(order.lines, (LineState.DELIVERED,)) if line.line_id in held]
    if back:
        case = f"{', '.join(back)} had arrived and came back, so that silence would pay the seller for it"
        raise Refused("goods_came_back", f"{case}; refund or release it, and name ticket {ticket.ticket_id} in that")


def _moved(moment: Moment, belongs: Callable[[str], bool]) -> tuple[Event, ...]:
    """The tiers of clocks that `belongs` chooses, moved so that the earliest rings at `until`.

    A reminder that is still to come is put off with them.
    """
    order, until = moment.order, moment.body.until
    latest = moment.now + timedelta(days=order.policy.pause.longest)
    if until is None or not moment.now < until <= latest:
        missing = "is missing; it " if until is None else ""
        raise Invalid("body.until", f"{missing}must lie between now and {latest.isoformat()}")
    chosen = {tier: at for tier, at in party_tiers(order).items() if belongs(clock_of(tier))}
    tiers = {tier: at for tier, at in chosen.items() if not tier.endswith(".remind")}
    first, limit = min(tiers.values(), default=until), _limit(order, tiers)
    if limit is not None and until >= limit:
        raise Invalid("body.until", f"must lie before {limit.isoformat()}, when the hold on the buyer's card ends")
    ahead = {tier: at for tier, at in chosen.items() if tier not in tiers and moment.now < at < first < until}
    later = {
        **{tier: shifted(order, tier, at, first, until) for tier, at in {**ahead, **tiers}.items()},
        **{tier: until for tier, at in tiers.items() if at == first},
        **(shipping_along(order, first, until) if "confirm.end" in tiers else {}),
    }
    # The time to ship is kept as it is: the hold limits it only until the capture, wherever it is read.
    moved = tuple(TierMoved(tier, min(at, limit or at) if tier in chosen else at) for tier, at in later.items())
    return (*moved, *(TierReset(tier) for tier in tiers if tier in order.passed))


def _limit(order: Order, tiers: Iterable[str]) -> datetime | None:
    """When the hold ends, if it is a seller's clock that is moved and the hold is not renewed."""
    return hold_limit(order) if any(root_of(tier) in WAITS_IN for tier in tiers) else None


def pause(moment: Moment) -> tuple[Event, ...]:
    """The parties' clocks stop; the hold's never does."""
    order, body = moment.order, moment.body
    latest = moment.now + timedelta(days=order.policy.pause.longest)
    if not moment.now < body.until <= latest:
        raise Invalid("body.until", f"must lie between now and {latest.isoformat()}")
    since = min([moment.now, *(pause.since for pause in order.pauses)])
    if moment.actor.role is not Role.PROVIDER:
        return (Paused(Pause(since, body.until, moment.actor, body.review)), Noted(body.note_id))
    if any(review.about == body.about for review in order.reviews):
        raise Refused("nothing_new", "this review is known")
    review = Pause(since, body.until, moment.actor, review=True, about=body.about)
    return (ReviewBegun(review), Noted(body.note_id))


def resume(moment: Moment) -> tuple[Event, ...]:
    """The clocks go on when no other pause is left. An operator ends his own pause, or, without one, the reviews."""
    order = moment.order
    if moment.actor.role is Role.PROVIDER:
        ended = tuple(review for review in order.reviews if review.about == moment.body.about)
        if not ended:
            raise Refused("nothing_new", "this review holds nothing")
    else:
        ended = (order.paused,) if order.paused else order.reviews
    return (*_over(order, ended, moment.now), Noted(moment.body.note_id))


def pause_ends(moment: Moment) -> tuple[Event, ...]:
    """As long as a pause may last has passed."""
    order = moment.order
    return _over(order, tuple(pause for pause in order.pauses if pause.tier == moment.body.tier), moment.now)


def _over(order: Order, ended: tuple[Pause, ...], now: datetime) -> tuple[Event, ...]:
    """Each clock goes on with the business minutes that it had left when the first pause began (docs/rules.md, Pause).

    One that began during the pause has them all.
    """
    over = tuple(Resumed() if pause is order.paused else ReviewEnded(pause.about) for pause in ended)
    if len(ended) < len(order.pauses):
        return over
    since = min(pause.since for pause in ended)
    moved = tuple(
        TierMoved(tier, as_long(order, tier, now, max(since, since_of(order, tier)), at))
        for tier, at in counting_tiers(order).items()
        if at > since
    )
    return (*moved, *over)


def adopt_policy(moment: Moment) -> tuple[Event, ...]:
    """From now on the order's clocks and rules are those of the given policy; fees stay as they were at checkout.

    A policy by which somebody's time is over already is refused: nobody is punished for a past that was another.
    """
    order, policy, now = moment.order, moment.body.policy, moment.now
    check(policy)
    claims = policy.claims.narrowed(order.seller, (line.category for line in order.lines))
    adopted = PolicyAdopted(replace(policy, claims=claims))
    rung = {clock.tier for clock in deadlines(order) if clock.at <= now}
    for clock in deadlines(apply_all(order, [adopted])):
        if clock.at <= now and clock.step in ENDINGS and clock.tier not in rung:
            over = (
                f"under {policy.name} {policy.version} the clock {clock.tier} would have rung at {clock.at.isoformat()}"
            )
            raise Refused("over_at_once", f"{over}; give the policy a longer time, or move the clock first (extend)")
    return (adopted, Noted(moment.body.note_id))


def money_overdue(moment: Moment) -> tuple[Event, ...]:
    """Money has been in doubt for too long: a specialist asks the provider's support."""
    op = moment.order.op
    subject = str(op.seq) if op else ""
    return (*opened(moment.order, Cause.MONEY_UNKNOWN, subject, moment.now), TierPassed(moment.body.tier))


def reused_number(order: Order, parcel_id: str, now: datetime) -> tuple[Event, ...]:
    """A tracking number that another order has used is looked at by a specialist; it stops nothing."""
    return opened(order, Cause.NUMBER_REUSED, parcel_id, now)


def ask_calendars(moment: Moment) -> tuple[Event, ...]:
    """The pinned calendars run short."""
    return (CalendarsAsked(),)
