"""Parcels: sent by the seller, moved by the carrier; the address until then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from domain.checkout import ID, LONGEST_OF_PARCELS, NOT_AN_ID, is_line, not_a_line
from domain.claims.carriage import brought_back, came_back, judged, returned_with, silently_accepted
from domain.claims.goods import awaited
from domain.claims.steps import Case
from domain.deadlines import payment_standing
from domain.errors import Invalid, Refused
from domain.events import (
    AddressChanged,
    CancelEnded,
    Event,
    LinesHeld,
    ParcelFound,
    ParcelLost,
    ParcelMoved,
    ParcelSent,
    TierMoved,
    TierPassed,
    TierReset,
    TimeEnded,
)
from domain.money import Money, Verb, total
from domain.parcels.parcel import FAILED, Loss, Milestone, Parcel, Proof
from domain.state import DESK, Cause, Line, LineState, Order
from domain.step import Moment
from domain.tickets import let_go, opened
from domain.tiers import stall_at

RANK = {
    Milestone.ACCEPTED: 1,
    Milestone.IN_TRANSIT: 2,
    Milestone.OUT_FOR_DELIVERY: 3,
    Milestone.FAILED_ATTEMPT: 3,
    Milestone.AVAILABLE_FOR_PICKUP: 3,
    Milestone.LOST: 4,
    Milestone.DELIVERED: 5,
    Milestone.RETURNED: 6,
}
"""How far each milestone is: a parcel never moves back to a lower one, but a delivered one may turn out to be lost, and
a lost one may turn up. Of lost and what comes before it the later one is true, whichever is told first."""

STILL_MOVING = timedelta(days=2)
"""A repeated scan counts as movement only after this long: each one that reaches an order costs it an activity."""


@dataclass(frozen=True, slots=True)
class Ship:
    """A parcel with `lines`, or with every confirmed line.

    The tracking number and the photo are stored under `parcel_id` first. A `tracking_number` sent along is moved to the
    store at once, but stays readable in this message until the history's retention ends.
    """

    parcel_id: str
    carrier: str
    lines: tuple[str, ...] = ()
    service: str = ""
    insured: Money | None = None
    tracking_number: str = ""


@dataclass(frozen=True, slots=True)
class ParcelScan:
    """A carrier's milestone for a parcel, at the carrier's time."""

    parcel_id: str
    milestone: Milestone
    at: datetime
    proof: Proof = Proof.WEAK

    def chosen(self, order: Order) -> tuple[str, ...]:
        """The lines that have arrived by this scan: a line does with the last parcel that it waits for.

        So it has, too, when the parcel that it still waited for is lost or goes back, and another one has brought it.
        """
        parcel = order.parcel(self.parcel_id)
        if parcel is None:
            return ()
        seen = parcel.moved_on(self.milestone, self.at, self.proof)
        after = replace(order, parcels=tuple(seen if each is parcel else each for each in order.parcels))
        return tuple(
            line_id
            for line_id in parcel.lines
            if order.line(line_id).state is LineState.SHIPPED
            and {each.milestone for each in after.parcels_of(line_id)} == {Milestone.DELIVERED}
        )


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """The parcels go to `address_id`. It was stored under that id first, for this order and its buyer."""

    stored_first: ClassVar[bool] = True

    address_id: str


def hold_is_good(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Nothing is handed over for money that cannot be captured any more."""
    payment = order.payment
    if payment.captured is not None:
        return None
    if not payment.hold or payment.capture_before is None:
        return "the buyer's payment is not secured; do not hand the parcel over"
    if now >= payment.capture_before - order.policy.hold.margin:
        return "the hold on the buyer's card is about to run out; wait for its renewal"
    return None


def not_reviewed(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """Nothing is handed over for a payment that may be a fraud."""
    return "the payment is under review; do not hand the parcel over" if order.reviewed_until is not None else None


def nothing_shipped(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The address may change until the first parcel."""
    return "a parcel is on its way" if any(not parcel.withdrawn for parcel in order.parcels) else None


def ship(moment: Moment) -> tuple[Event, ...]:
    """The parcel joins the order; an open request to cancel these lines, or for more time, lapses."""
    order, body = moment.order, moment.body
    if not ID.fullmatch(body.parcel_id):
        raise Invalid("body.parcel_id", NOT_AN_ID)
    if order.parcel(body.parcel_id) is not None or returned_with(order, body.parcel_id) is not None:
        raise Refused("parcel_known", f"parcel {body.parcel_id} was sent before; use another parcel_id")
    for name in ("carrier", "service", "tracking_number"):
        if (name == "carrier" or getattr(body, name)) and not is_line(getattr(body, name), LONGEST_OF_PARCELS):
            raise Invalid(f"body.{name}", not_a_line(LONGEST_OF_PARCELS))
    if body.insured is not None and (body.insured.currency != order.currency or body.insured.minor < 0):
        raise Invalid("body.insured", f"must be an amount in {order.currency}, not negative")
    failed = {old.parcel_id for name in moment.ids for old in order.sent_with(name) if old.milestone in FAILED}
    parcel = Parcel(
        body.parcel_id,
        body.carrier,
        moment.ids,
        moment.now,
        body.service,
        body.insured,
        instead_of=tuple(sorted(failed)),
    )
    events: list[Event] = [ParcelSent(parcel)]
    request = order.cancel_request
    if request is not None and set(request.lines) & set(moment.ids):
        events.append(CancelEnded("shipped"))
    if order.time_request is not None:
        events.append(TimeEnded(granted=False))
    return tuple(events)


def parcel_sent(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is a parcel whose way is not over."""
    last = max(RANK.values())
    going = any(not p.withdrawn and (p.milestone is None or RANK[p.milestone] < last) for p in order.parcels)
    going = going or any(awaited(order, claim) for claim in order.claims)
    return None if going else "no parcel of this order is on its way"


def known_parcel(moment: Moment) -> Parcel:
    """The parcel a scan is about; raises Refused for one that this order does not have."""
    parcel = moment.order.parcel(moment.body.parcel_id)
    if parcel is None or parcel.withdrawn:
        raise Refused("parcel_unknown", f"order {moment.order.order_id} has no parcel {moment.body.parcel_id}")
    return parcel


def scan(moment: Moment) -> tuple[Event, ...]:
    """A parcel moves forward; late and repeated scans change nothing (docs/rules.md)."""
    back = returned_with(moment.order, moment.body.parcel_id)
    if back is not None:
        return came_back(Case(back, moment))
    parcel, body, order = known_parcel(moment), moment.body, moment.order
    _check_scan(moment, parcel)
    at = max(min(body.at, moment.now), parcel.moved_at or parcel.shipped_at)
    moved: list[Event] = [ParcelMoved(parcel.parcel_id, body.milestone, at, body.proof)]
    moved.extend(_whole_window(order, f"stall:{parcel.parcel_id}.ticket", at))
    if parcel.milestone is Milestone.LOST:
        moved.extend(_found(order, parcel, body.milestone))
    if body.milestone is Milestone.LOST:
        moved.extend(_owed(order, parcel))
    if body.milestone in (Milestone.RETURNED, Milestone.LOST):
        moved.extend(_gone_wrong(moment, parcel, body.milestone))
    if body.milestone is Milestone.RETURNED:
        moved.extend(brought_back(moment, parcel))
    return tuple(moved)


def _check_scan(moment: Moment, parcel: Parcel) -> None:
    """A scan moves the parcel on, and a person's word of it pays nobody by itself. Raises Refused."""
    if moment.actor.role in DESK and moment.body.proof is Proof.STRONG:
        raise Refused("proof_is_the_carriers", "strong proof comes from the carrier; say weak, and release")
    if not is_news(parcel, moment.body):
        raise Refused("nothing_new", f"parcel {parcel.parcel_id} is already {parcel.milestone}")


def _whole_window(order: Order, tier: str, at: datetime) -> Iterator[Event]:
    """A parcel that moved at `at` has the whole window anew, and never less than it was given before."""
    given, whole = dict(order.moved).get(tier), stall_at(order, at)
    if given is not None and given < whole:
        yield TierMoved(tier, whole)
    for known in (tier, f"graced:{tier}"):
        if known in order.passed:
            yield TierReset(known)


def is_news(parcel: Parcel, seen: ParcelScan) -> bool:
    """Whether a scan moves the parcel on, or shows that it still travels."""
    known = parcel.milestone
    later = parcel.moved_at is None or seen.at > parcel.moved_at
    if known is Milestone.LOST:
        return seen.milestone is Milestone.RETURNED or (later and seen.milestone is not known)
    if seen.milestone is Milestone.LOST and parcel.moved_at is not None:
        return later if known is Milestone.DELIVERED else seen.at >= parcel.moved_at and known is not Milestone.RETURNED
    if known is None or RANK[seen.milestone] > RANK[known]:
        return True
    if seen.milestone is known:
        return (
            known is Milestone.IN_TRANSIT and parcel.moved_at is not None and seen.at >= parcel.moved_at + STILL_MOVING
        )
    return later and RANK[seen.milestone] == RANK[known]


def _found(order: Order, parcel: Parcel, milestone: Milestone) -> Iterator[Event]:
    """A lost parcel that turns up is owed for no more, and holds its lines no more unless it comes back."""
    if milestone is not Milestone.RETURNED:
        yield from let_go(order, parcel.parcel_id)
    if parcel.loss is not None:
        yield ParcelFound(parcel.parcel_id)


def _owed(order: Order, parcel: Parcel) -> tuple[Event, ...]:
    """What the carrier owes for a lost parcel by the terms in the order's policy; never more than its lines' price.

    What the buyer has accepted did arrive, and a line that is missing from two lost parcels is owed for once.
    """
    elsewhere = {line_id for other in order.parcels if other.loss is not None for line_id in other.loss.lines}
    lines = [order.line(line_id) for line_id in parcel.lines if line_id not in elsewhere]
    lost = [line for line in lines if line.state is not LineState.ACCEPTED]
    if not lost:
        return ()
    cover = order.policy.lost_parcel.cover(parcel.carrier, parcel.service, parcel.insured, order.currency)
    pays = min(cover, total([line.price for line in lost], order.currency))
    return (ParcelLost(parcel.parcel_id, Loss(tuple(line.line_id for line in lost), pays)),)


def _gone_wrong(moment: Moment, parcel: Parcel, milestone: Milestone) -> tuple[Event, ...]:
    """A parcel that is lost or comes back holds its lines and becomes a specialist's work, unless a claim has them.

    What another parcel holds it takes over until its own ticket ends (`tickets.let_go`). One that comes back holds also
    what counts as accepted, paid out or not, as long as its buyer has not received it.
    """
    cause = Cause.PARCEL_RETURNED if milestone is Milestone.RETURNED else Cause.PARCEL_LOST
    order = moment.order
    affected = tuple(
        line_id
        for line_id in parcel.lines
        if order.line(line_id).state in (LineState.SHIPPED, LineState.DELIVERED)
        and not order.line(line_id).held.startswith("claim:")
    )
    if milestone is Milestone.RETURNED:
        affected += tuple(line_id for line_id in silently_accepted(order, parcel) if judged(order, line_id) is None)
    if not affected:
        return ()
    return (LinesHeld(affected, f"parcel:{parcel.parcel_id}"), *opened(order, cause, parcel.parcel_id, moment.now))


def stalled(moment: Moment) -> tuple[Event, ...]:
    """A parcel has not moved for too long."""
    body = moment.body
    return (*opened(moment.order, Cause.PARCEL_STALLED, body.subject, moment.now), TierPassed(body.tier))


def change_address(moment: Moment) -> tuple[Event, ...]:
    """The seller sends to another address, stored before under this id."""
    if not ID.fullmatch(moment.body.address_id):
        raise Invalid("body.address_id", NOT_AN_ID)
    return (AddressChanged(moment.body.address_id),)


def capture_settled(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The opposite of a capture waits until the provider has told how the capture ended."""
    return "capture in progress; try again when it is settled" if order.op and order.op.verb is Verb.CAPTURE else None


def shipment_payment(order: Order, parcel_id: str) -> str:
    """What the sender of a parcel may believe of its payment: ``secured``, ``pending``, or ``failed``.

    Failed means that the capture was refused, which has taken the shipment back: the parcel must not be handed over.
    """
    parcel, standing = order.parcel(parcel_id), payment_standing(order)
    sent = parcel is not None and not parcel.withdrawn
    return standing if sent and standing in ("secured", "pending") else "failed"
