"""Receipt: the buyer says that lines are properly fulfilled, or silence decides by the pinned policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.claims.ends import accepted_and_back, undecided
from domain.errors import Refused
from domain.events import DaysGranted, Event, GoodsReceived, LinesHeld, TierMoved, TierPassed, TierReset, WindowClosed
from domain.parcels.parcel import Proof
from domain.state import Cause, Line, LineState, Order, in_state, money_open
from domain.step import Moment, Tick
from domain.tickets import opened
from domain.tiers import counting_tiers, ship_tiers


@dataclass(frozen=True, slots=True)
class Receive:
    """`lines`, or all that were sent, are properly fulfilled."""

    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitLonger:
    """The buyer gives the parcels on their way `days` more calendar days."""

    days: int


@dataclass(frozen=True, slots=True)
class FreeTick(Tick):
    """The escrow of an order has lasted as long as it may: what nothing holds."""

    def chosen(self, order: Order) -> tuple[str, ...]:
        """The lines that nothing holds."""
        return tuple(line.line_id for line in order.lines if not line.held)


@dataclass(frozen=True, slots=True)
class HeldTick(Tick):
    """The escrow of an order has lasted as long as it may: what a claim or a parcel gone wrong holds.

    With a `subject` what was accepted before that parcel came back, and nobody has decided about for as long.
    """

    def chosen(self, order: Order) -> tuple[str, ...]:
        """The lines that are held, but for those about which there is, or will be, a decision."""
        lines = accepted_and_back(order, self.subject) if self.subject else undecided(order)
        return tuple(line.line_id for line in lines)


def receive(moment: Moment) -> tuple[Event, ...]:
    """The buyer marked items as properly fulfilled, whatever a carrier tells of them later."""
    return (GoodsReceived(moment.ids),)


def let_go(moment: Moment) -> tuple[Event, ...]:
    """The default decides about held lines, and holds them no longer."""
    return (LinesHeld(moment.ids, ""),)


def proof_of(order: Order, line: Line) -> Proof:
    """Strong only when every parcel of the line was delivered with strong proof."""
    parcels = order.parcels_of(line.line_id)
    return Proof.STRONG if parcels and all(p.proof is Proof.STRONG for p in parcels) else Proof.WEAK


def ask_specialist(moment: Moment) -> tuple[Event, ...]:
    """Silence over a weak proof and much money is a person's work."""
    body = moment.body
    return (*opened(moment.order, Cause.RECEIPT_MISSING, body.subject, moment.now), TierPassed(body.tier))


def on_its_way(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """There is something to wait for."""
    return None if in_state(order.lines, (LineState.CONFIRMED, LineState.SHIPPED)) else "nothing is on its way"


def wait_days_left(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The policy's allowance is not used up."""
    had = dict(order.granted_days).get("wait", 0)
    return None if had < order.policy.wait_longer.most else f"{had} more days were given, which is all there are"


def wait_longer(moment: Moment) -> tuple[Event, ...]:
    """Moves the clocks on silence of seller and carrier by the days that the buyer gives."""
    order, days = moment.order, moment.body.days
    most, had = order.policy.wait_longer.most, dict(order.granted_days).get("wait", 0)
    if not 1 <= days <= most - had:
        raise Refused("more_than_allowed", f"up to {most - had} more days can be given, not {days}")
    events: list[Event] = [DaysGranted("wait", days)]
    if in_state(order.lines, (LineState.CONFIRMED,)):
        events.extend(TierMoved(tier, at + timedelta(days=days)) for tier, at in ship_tiers(order).items())
    for parcel in order.parcels:
        if any(order.line(line_id).state is LineState.SHIPPED for line_id in parcel.lines):
            tier = f"stall:{parcel.parcel_id}.ticket"
            base = max(moment.now, counting_tiers(order).get(tier, moment.now))
            events.extend((TierMoved(tier, base + timedelta(days=days)), TierReset(tier)))
    return tuple(events)


def nothing_open(order: Order, lines: tuple[Line, ...], now: datetime) -> str | None:
    """The window closes only over an order with no money, ticket or claim open."""
    return (
        "money, a ticket or a claim is still open" if money_open(order) or order.tickets or order.open_claims else None
    )


def close(moment: Moment) -> tuple[Event, ...]:
    """The after-sales window is over."""
    return (WindowClosed(moment.now),)
