"""The tiers of the parties' clocks: when each rings by the pinned policy, or by what moved it since.

A clock has tiers (remind, ticket, end) that are named with it: ``ship.ticket``, or ``receipt:L1.decide`` for one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.business_time import Calendar, add_business_days, add_business_minutes, business_minutes_between
from domain.claims.clocks import claim_calendars, claim_tiers
from domain.events import TierMoved
from domain.parcels.parcel import Milestone, Parcel
from domain.state import Line, LineState, Order, Stage, in_state, stage

Tier = tuple[str, datetime]


def party_tiers(order: Order) -> dict[str, datetime]:
    """All tiers of the parties' clocks that run, as pinned policy and moves have them, before the hold's limit."""
    delivered = in_state(order.lines, (LineState.DELIVERED,))
    return {
        **dict(_pay_tiers(order)),
        **confirm_tiers(order),
        **(ship_tiers(order) if _runs(order, LineState.CONFIRMED) else {}),
        **dict(_request_tiers(order)),
        **dict(tier for parcel in order.parcels for tier in _stall_tiers(order, parcel)),
        **dict(tier for line in delivered if not line.held for tier in _receipt_tiers(order, line)),
        **dict(_tier(order, *tier) for claim in order.open_claims for tier in claim_tiers(order, claim)),
    }


def counting_tiers(order: Order) -> dict[str, datetime]:
    """As `party_tiers`, and those of clocks that count on although nobody waits for them yet, or any more.

    The time to ship counts from the payment, also before the seller confirms; a line that is held may be let go, and a
    payment that is tried may be declined.
    """
    travelling = (tier for parcel in order.parcels for tier in _stall_tiers(order, parcel, held_too=True))
    delivered = in_state(order.lines, (LineState.DELIVERED,))
    return {
        **dict(_pay_tiers(order, offered_too=True)),
        **(ship_tiers(order) if _runs(order, LineState.PENDING) else {}),
        **dict(travelling),
        **dict(tier for line in delivered for tier in _receipt_tiers(order, line)),
        **party_tiers(order),
    }


AFTER = {"decide": "weak", "ticket": "end"}
"""The tier of a clock that follows on another one of it."""


def moved_along(order: Order, tier: str, to: datetime) -> Iterator[TierMoved]:
    """What keeps its distance when one tier is put off: the next one, and the time to ship when it is confirmed later.

    Nothing rings sooner because of it.
    """
    tiers, (clock, _, name) = counting_tiers(order), tier.rpartition(".")
    if tier not in tiers or to <= tiers[tier]:
        return
    following = [other for other in tiers if other == f"{clock}.{AFTER.get(name)}"]
    later = {other: shifted(order, other, tiers[other], tiers[tier], to) for other in following}
    shipping = shipping_along(order, tiers[tier], to) if clock == "confirm" else {}
    yield from (TierMoved(other, at) for other, at in {**later, **shipping}.items())


def shipping_along(order: Order, since: datetime, to: datetime) -> dict[str, datetime]:
    """The time to ship when the clock to confirm is put off from `since` to `to`: it counts from the same payment."""
    tiers = counting_tiers(order).items() if to > since else ()
    return {tier: shifted(order, tier, at, since, to) for tier, at in tiers if root_of(tier) == "ship"}


def shifted(order: Order, tier: str, at: datetime, since: datetime, to: datetime) -> datetime:
    """When a tier rings that rang at `at`, after another one of its clock has moved from `since` to `to`.

    What counts business days keeps its distance in them, what counts days keeps it in days.
    """
    if root_of(tier) == "pay" or tier.endswith(".weak"):
        return at + (to - since)
    return as_long(order, tier, at, since, to) if to >= since else as_long(order, tier, to, since, at)


def as_long(order: Order, tier: str, start: datetime, since: datetime, to: datetime) -> datetime:
    """The instant after `start` by as many business minutes as lie between `since` and `to`, for who must act.

    Where either side may act it is the later one. Raises CalendarTooShort.
    """
    days = calendars_of(order, tier)
    return max(add_business_minutes(each, start, business_minutes_between(each, since, to)) for each in days)


def since_of(order: Order, tier: str) -> datetime:
    """Since when a tier's clock counts: what it waits on was asked, paid, moved or delivered then."""
    subject, payment = subject_of(tier), order.payment
    match root_of(tier):
        case "cancel" if order.cancel_request is not None:
            return order.cancel_request.asked_at
        case "time" if order.time_request is not None:
            return order.time_request.asked_at
        case "stall":
            parcel = next(parcel for parcel in order.parcels if parcel.parcel_id == subject)
            return parcel.moved_at or parcel.shipped_at
        case "receipt":
            return order.line(subject).since
        case "claim" if (claim := order.claim(subject)) is not None:
            return claim.since
        case "confirm" | "ship" if payment.paid_at is not None:
            return payment.paid_at
        case _:
            return order.placed_at


def calendars_of(order: Order, tier: str) -> tuple[Calendar, ...]:
    """The calendar of the party who must act before a tier rings; both where either may, and the later end counts."""
    claim = order.claim(subject_of(tier)) if root_of(tier) == "claim" else None
    if claim is not None:
        return claim_calendars(order, claim)
    return (order.seller_calendar if root_of(tier) in {"confirm", "ship", "cancel"} else order.buyer_calendar,)


def clock_of(tier: str) -> str:
    """The clock that a tier is one of, by its name: ``receipt:L1`` of ``receipt:L1.decide``; ids may have dots."""
    return tier.rpartition(".")[0]


def root_of(tier: str) -> str:
    """The clock that a tier belongs to: ``receipt`` of ``receipt:L1.decide``."""
    return tier.partition(".")[0].partition(":")[0]


def subject_of(tier: str) -> str:
    """The line or parcel that a tier is about, "" for the order: ``L1`` of ``receipt:L1.decide``."""
    return clock_of(tier).partition(":")[2]


def _pay_tiers(order: Order, offered_too: bool = False) -> Iterator[Tier]:
    payment, windows = order.payment, order.policy.payment
    waits = payment.lost_at is None and (offered_too or payment.offer is None)
    if waits and stage(order) is Stage.AWAITING_PAYMENT:
        yield _tier(order, "pay.remind", order.placed_at + timedelta(days=windows.remind))
        yield _tier(order, "pay.end", order.placed_at + timedelta(days=windows.expire))


def _runs(order: Order, state: LineState) -> bool:
    """Whether a paid order has a line that waits for the seller in `state`."""
    paid = bool(order.payment.hold) or order.payment.captured is not None
    return paid and any(line.state is state for line in order.live)


def confirm_tiers(order: Order) -> dict[str, datetime]:
    """When the seller is reminded, a specialist is asked, and unconfirmed lines end."""
    windows = order.policy.confirm
    days = {"confirm.remind": windows.remind, "confirm.ticket": windows.ticket, "confirm.end": windows.end}
    return _since_payment(order, days) if _runs(order, LineState.PENDING) else {}


def ship_tiers(order: Order) -> dict[str, datetime]:
    """When the seller is reminded, a specialist is asked, and unshipped lines end; also while none waits."""
    windows = order.policy.ship
    return _since_payment(
        order, {"ship.remind": windows.remind, "ship.ticket": windows.ticket, "ship.end": windows.end}
    )


def _since_payment(order: Order, days: dict[str, int]) -> dict[str, datetime]:
    start, calendar = order.payment.paid_at or order.placed_at, order.seller_calendar
    return dict(_tier(order, name, add_business_days(calendar, start, n)) for name, n in days.items())


def _request_tiers(order: Order) -> Iterator[Tier]:
    policy = order.policy
    if order.cancel_request is not None:
        asked = order.cancel_request.asked_at
        yield _tier(order, "cancel.end", add_business_days(order.seller_calendar, asked, policy.cancel.answer))
    if order.time_request is not None:
        asked = order.time_request.asked_at
        yield _tier(order, "time.end", add_business_days(order.buyer_calendar, asked, policy.time.answer))


def stall_at(order: Order, moved_at: datetime) -> datetime:
    """When a parcel that last moved at `moved_at` counts as stalled."""
    return add_business_days(order.buyer_calendar, moved_at, order.policy.carrier.stall)


def _stall_tiers(order: Order, parcel: Parcel, held_too: bool = False) -> Iterator[Tier]:
    """While a line of it is on its way; a parcel that has arrived waits for nobody, but may yet turn out to be lost."""
    lines = [order.line(line_id) for line_id in parcel.lines]
    gone = parcel.withdrawn or (parcel.milestone is Milestone.DELIVERED and not held_too)
    sent = [line for line in lines if line.state is LineState.SHIPPED and parcel in order.parcels_of(line.line_id)]
    if not gone and any(held_too or not line.held for line in sent):
        at = stall_at(order, parcel.moved_at or parcel.shipped_at)
        yield _tier(order, f"stall:{parcel.parcel_id}.ticket", at)


def _receipt_tiers(order: Order, line: Line) -> Iterator[Tier]:
    windows, calendar = order.policy.receipt, order.buyer_calendar
    name, decide = _tier(
        order, f"receipt:{line.line_id}.decide", add_business_days(calendar, line.since, windows.decide)
    )
    yield _tier(order, f"receipt:{line.line_id}.remind", add_business_days(calendar, line.since, windows.remind))
    yield name, decide
    yield _tier(order, f"receipt:{line.line_id}.weak", decide + timedelta(days=windows.weak_release))


def _tier(order: Order, name: str, default: datetime) -> Tier:
    return name, next((at for tier, at in order.moved if tier == name), default)
