"""Who is told what, as a second table beside the process: mails to parties and desk, events to the storefront.

`notices` reads a step's row and its events, `reminders` reads the clocks. A notice carries ids, amounts and times only:
names, addresses and tracking numbers are looked up when it is sent. `stands` says then whether it is still true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.claim import NAMES as CLAIM_NAMES
from domain.claims.case import ENDED, Status
from domain.claims.telling import claim_facts
from domain.claims.terms import numbers_of
from domain.events import (
    CancelAsked,
    CancelEnded,
    Captured,
    ClaimMoved,
    DaysGranted,
    DisputeBorne,
    DisputeOpened,
    DisputeWon,
    Event,
    HoldLost,
    HoldOpened,
    LinesMoved,
    MessageSaid,
    MoneyRefused,
    MoneyUnknown,
    Noted,
    ParcelFound,
    ParcelLost,
    ParcelMoved,
    ParcelSent,
    Paused,
    Refunded,
    RefundFailed,
    Released,
    ReleaseReversed,
    RenewalFailed,
    ReturnSent,
    ReviewBegun,
    ShippingGranted,
    TicketEscalated,
    TicketOpened,
    TimeAsked,
)
from domain.limits import seller_times
from domain.money import Money, Verb, total
from domain.news import about_other_payment
from domain.notices.notice import Channel, Notice
from domain.notices.reminders import reminders
from domain.notices.standing import Fact, Facts, ids, parcel_goes, stands
from domain.parcels.parcel import Milestone
from domain.purse import SHIPPING
from domain.state import DEAD, PARTIES, Order, Role, stage
from domain.tiers import party_tiers
from domain.wire import instant_text

__all__ = [
    "OUTCOMES", "RELISTS", "WORTH_A_MAIL", "Channel", "Fact", "Facts", "Notice", "notices", "payout_failed",
    "recipient", "refused_message", "reminders", "stands",
]  # fmt: skip

WORTH_A_MAIL = frozenset(Milestone) - {Milestone.ACCEPTED, Milestone.IN_TRANSIT, Milestone.OUT_FOR_DELIVERY}
"""Scans that a buyer is told of; the others are on the status page."""

RELISTS = frozenset({"expire_unpaid", "hold_lapses", "cancel", "cancel_by_silence", "confirm_lapses"})
"""Steps after which cancelled lines may be offered again; after others only the storefront knows whether they may."""

OUTCOMES: tuple[tuple[str, Role], ...] = (
    ("paid", Role.BUYER),
    ("paid", Role.SELLER),
    ("payment_declined", Role.BUYER),
    ("hold_lost", Role.BUYER),
    ("renewal_failed", Role.BUYER),
    ("capture_pending", Role.SELLER),
    ("capture_refused", Role.SELLER),
    ("secured", Role.SELLER),
    ("parcel_lost", Role.SELLER),
    ("parcel_found", Role.BUYER),
    ("parcel_found", Role.SELLER),
    ("released", Role.SELLER),
    ("refunded", Role.BUYER),
    ("owed", Role.SELLER),
    ("reversed", Role.SELLER),
    ("payout_failed", Role.SELLER),
    ("ticket_opened", Role.SPECIALIST),
    ("ticket_escalated", Role.SPECIALIST),
    ("message", Role.BUYER),
    ("message", Role.SELLER),
    ("message_refused", Role.BUYER),
    ("message_refused", Role.SELLER),
    ("remind_pay", Role.BUYER),
    ("remind_confirm", Role.SELLER),
    ("remind_ship", Role.SELLER),
    ("remind_receipt", Role.BUYER),
    ("remind_claim", Role.BUYER),
    ("remind_claim", Role.SELLER),
    ("feedback", Role.BUYER),
    ("feedback", Role.SELLER),
)
"""The mails that tell of an outcome or a clock rather than of a step of the table."""


@dataclass(frozen=True, slots=True)
class _Scene:
    """A step that was taken, with the order after it."""

    step: str
    seq: int
    order: Order
    now: datetime
    facts: dict[str, Fact]

    def mail(self, to: Role, template: str, cause: str = "", /, **more: Fact) -> Notice:
        facts = {**self.facts, **more}
        return Notice(cause or f"{template}:{self.seq}", to, Channel.MAIL, template, self.now, None, facts)

    def event(self, template: str, cause: str, /, **more: Fact) -> Notice:
        facts = {**self.facts, **more}
        return Notice(cause, Role.STOREFRONT, Channel.STOREFRONT, template, self.now, None, facts)


def notices(
    step: str, tells: tuple[Role, ...], seq: int, events: Iterable[Event], order_after: Order, now: datetime
) -> tuple[Notice, ...]:
    """What step `seq` tells: its outcomes by event, and the step itself to the roles of its row, `tells`.

    One step, one mail per party: an outcome is told in place of the step that brought it.
    """
    happened = tuple(events)
    scene = _Scene(step, seq, order_after, now, _facts(step, happened, order_after))
    outcomes = [notice for event in happened for notice in _outcome(scene, event)]
    spoken = {notice.to for notice in outcomes if notice.channel is Channel.MAIL}
    parties = PARTIES - {Role.SELLER} if about_other_payment(order_after, happened) else PARTIES
    told = [to for to in tells if to in parties and to not in spoken and _worth(scene, happened)]
    own = [scene.mail(to, template_of(step), f"{step}:{seq}", **_written(step, happened)) for to in told]
    storefront = [*_storefront(scene, tells)]
    every = [*own, *outcomes, *_asked(scene, happened), *storefront]
    return tuple({(notice.cause, notice.to, notice.channel): notice for notice in every}.values())


def _asked(scene: _Scene, events: Iterable[Event]) -> Iterator[Notice]:
    """A day after a claim has ended, both sides are asked how it was handled: then its end has sunk in.

    A claim that goes on after its end is asked about at the next one.
    """
    for event in events:
        if isinstance(event, ClaimMoved) and event.to in ENDED:
            cause, due = f"feedback:{event.claim_id}:{scene.seq}", scene.now + timedelta(days=1)
            about: Facts = {"claim_id": event.claim_id, "ended_at": instant_text(event.at)}
            claim = next(claim for claim in scene.order.claims if claim.claim_id == event.claim_id)
            until = event.at + timedelta(days=numbers_of(scene.order, claim).feedback)
            for to in (Role.BUYER, Role.SELLER):
                yield Notice(cause, to, Channel.MAIL, "feedback", due, until, about)


def template_of(step: str) -> str:
    """The template that tells of a step: one for all steps of claims, which tells where the claim stands."""
    return "claim" if step in CLAIM_NAMES else step


def _written(step: str, events: Iterable[Event]) -> dict[str, Fact]:
    """What was written with a step of a claim, which both of its sides read; by its id alone."""
    if step not in CLAIM_NAMES:
        return {}
    return next(({"note_id": event.note_id} for event in events if isinstance(event, Noted)), {})


def refused_message(role: Role, command: str, command_id: str, code: str, reason: str, now: datetime) -> Notice:
    """Tells a party that a message sent without waiting for an answer was refused, and why.

    `code` is what other languages know the English `reason` by.
    """
    facts: dict[str, Fact] = {"command": command.replace("_", " "), "code": code, "reason": reason}
    return Notice(f"refused:{command_id}", role, Channel.MAIL, "message_refused", now, None, facts)


def payout_failed(payout: str, amount: Money, reason: str, now: datetime) -> Notice:
    """Tells a seller that the bank returned a payout from his account; `reason` is the provider's code, "" for none."""
    facts: dict[str, Fact] = {"amount": str(amount), "reason": reason.replace("_", " ")}
    return Notice(f"payout_failed:{payout}", Role.SELLER, Channel.MAIL, "payout_failed", now, None, facts)


def recipient(order: Order, role: Role) -> str:
    """The opaque id of the person behind a role, or the role itself for the desk, the storefront and the carrier."""
    return {Role.BUYER: order.buyer, Role.SELLER: order.seller}.get(role, str(role))


def _facts(step: str, events: tuple[Event, ...], order: Order) -> dict[str, Fact]:  # noqa: C901  # one case per event
    """What is worth telling of a step's events; moved lines stand under their new state."""
    facts: dict[str, Fact] = {"step": step, "stage": str(stage(order))}
    for event in events:
        match event:
            case LinesMoved(lines, to, _):
                known = facts.get(to, [])
                facts[to] = [*(known if isinstance(known, list) else []), *lines]
            case ParcelMoved(parcel_id, milestone, _, _):
                facts |= {"parcel_id": parcel_id, "milestone": str(milestone)}
            case ParcelSent(parcel):
                facts["parcel_id"] = parcel.parcel_id
            case DaysGranted(what, days):
                facts |= {"days": days, **_time_left(order, what)}
            case TimeAsked(request):
                facts["days"] = request.days
            case CancelAsked(cancel):
                facts["lines"] = list(cancel.lines)
            case CancelEnded(how):
                facts["request"] = how
            case Paused(pause) | ReviewBegun(pause):
                facts["until"] = instant_text(pause.until)
            case ShippingGranted():
                facts["amount"] = str(order.left(SHIPPING))
            case HoldOpened() | Captured() | Released() | Refunded() | ReleaseReversed():
                facts["amount"] = str(event.amount)
            case _:
                facts |= _told(event)
    return facts


def _time_left(order: Order, what: str) -> dict[str, Fact]:
    """Until when the seller may ship, however many days were given: the hold on the buyer's card may end before."""
    tiers = party_tiers(order)
    if what == "pay" or "ship.end" not in tiers:
        return {}
    return {"until": instant_text(seller_times(order, "ship", tiers)[1])}


def _told(event: Event) -> dict[str, Fact]:
    """What is worth telling of what the payment provider told, and of claims."""
    match event:
        case DisputeOpened(dispute) | DisputeWon(dispute, _):
            return {"dispute": dispute.dispute_id, "amount": str(dispute.amount), "why": str(dispute.reason)}
        case RefundFailed(move):
            return {"amount": str(total([part.amount for part in event.back], move.amount.currency))}
        case _:
            return claim_facts(event)


def _worth(scene: _Scene, events: tuple[Event, ...]) -> bool:
    """Whether a step is told to parties for itself: a shipment with its money, a scan when it matters.

    A refund that failed is the buyer's affair only while he is to have it.
    """
    if scene.step == "ship" or any(isinstance(event, RefundFailed) and not event.back for event in events):
        return False
    return scene.step != "parcel_scan" or scene.facts.get("milestone") in WORTH_A_MAIL


def _outcome(scene: _Scene, event: Event) -> Iterator[Notice]:  # noqa: C901, PLR0912, PLR0915  # one case per event told
    order, payment = scene.order, scene.order.payment
    match event:
        case HoldOpened(at=at) if at == payment.paid_at:
            yield scene.mail(Role.BUYER, "paid")
            yield scene.mail(Role.SELLER, "paid")
        case MoneyRefused(op=op, code=code) if op.verb is Verb.AUTHORISE:
            yield scene.mail(Role.BUYER, "payment_declined", refused=code)
        case MoneyRefused(op=op) if op.verb is Verb.CAPTURE:
            yield scene.mail(Role.SELLER, "capture_refused")
        case HoldLost():
            yield scene.mail(Role.BUYER, "hold_lost")
        case ReviewBegun() if scene.step != "pause":
            yield scene.mail(Role.BUYER, "pause")
            yield scene.mail(Role.SELLER, "pause")
        case RenewalFailed():
            yield scene.mail(Role.BUYER, "renewal_failed")
        case MoneyUnknown() if order.op is not None and order.op.verb is Verb.CAPTURE:
            yield scene.mail(Role.SELLER, "capture_pending", f"capture_pending:{order.op.seq}")
        case Captured():
            yield from _captured(scene)
        case ParcelSent(parcel) if parcel_goes(order, {"parcel_id": parcel.parcel_id}):
            yield _tracked(scene, parcel.parcel_id)
            if payment.captured is not None:
                yield from _shipped(scene, parcel.parcel_id)
        case ReturnSent(_, back):
            yield _tracked(scene, back.parcel_id)
        case ParcelLost(parcel_id, loss):
            yield scene.mail(Role.SELLER, "parcel_lost", parcel_id=parcel_id, lines=list(loss.lines))
        case ParcelFound(parcel_id):
            yield scene.mail(Role.SELLER, "parcel_found", parcel_id=parcel_id)
            if scene.facts.get("milestone") not in WORTH_A_MAIL:
                yield scene.mail(Role.BUYER, "parcel_found", parcel_id=parcel_id)
        case Released(netted=netted):
            paid: dict[str, Fact] = {"netted": str(netted)} if netted else {}
            yield scene.mail(Role.SELLER, "released", slices=list(event.slices), **paid)
        case Refunded():
            part: dict[str, Fact] = {"part": str(event.part.amount)} if event.part else {}
            yield scene.mail(Role.BUYER, "refunded", slices=list(event.slices), **part)
            if event.debt is not None:
                yield scene.mail(Role.SELLER, "owed", owed=str(event.debt.amount))
        case DisputeBorne(debt=debt) if debt is not None and event.is_owed:
            yield scene.mail(Role.SELLER, "owed", owed=str(debt.amount))
        case ReleaseReversed():
            yield scene.mail(Role.SELLER, "reversed", owed=str(event.debt.amount) if event.debt else "")
        case ClaimMoved(claim_id, Status.ESCALATED | Status.RETURN_RECEIVED as to, _) if scene.step == "parcel_scan":
            about: Facts = {"claim_id": claim_id, "status": to.value}
            for role in (Role.BUYER, Role.SELLER):
                yield scene.mail(role, "claim", f"claim:{claim_id}:{scene.seq}", **about)
        case TicketOpened(ticket):
            work = {"ticket_id": ticket.ticket_id, "cause": str(ticket.cause), "subject": ticket.subject}
            yield scene.mail(Role.SPECIALIST, "ticket_opened", f"ticket:{ticket.ticket_id}", **work)
        case MessageSaid(internal=False):
            yield from _said(scene, event)
        case TicketEscalated(ticket_id, _) if scene.step == "ticket_overdue":
            yield scene.mail(Role.SPECIALIST, "ticket_escalated", ticket_id=ticket_id)
        case _:
            pass


def _said(scene: _Scene, event: MessageSaid) -> Iterator[Notice]:
    """A message is mailed to the other side; one of the desk to both."""
    about: dict[str, Fact] = {"message_id": event.message_id, "by": str(event.by)}
    if event.attachments:
        about["attachments"] = len(event.attachments)
    for to in (Role.BUYER, Role.SELLER):
        if to is not event.by:
            yield scene.mail(to, "message", f"message:{event.message_id}", **about)


def _tracked(scene: _Scene, parcel_id: str) -> Notice:
    """The carrier service is to follow a parcel."""
    about: Facts = {"parcel_id": parcel_id}
    return Notice(f"track:{parcel_id}", Role.CARRIER, Channel.CARRIER, "register_tracker", scene.now, None, about)


def _captured(scene: _Scene) -> Iterator[Notice]:
    """The money is in escrow: parcels that waited for it may go, or the seller knows that it is safe to pack."""
    parcels = [parcel for parcel in scene.order.parcels if not parcel.withdrawn]
    if not parcels:
        yield scene.mail(Role.SELLER, "secured")
    for parcel in parcels:
        yield from _shipped(scene, parcel.parcel_id)


def _shipped(scene: _Scene, parcel_id: str) -> Iterator[Notice]:
    """A parcel whose money is secured: the buyer learns its number, the seller that it may be handed over."""
    for to, template in ((Role.SELLER, "secured"), (Role.BUYER, "ship")):
        yield scene.mail(to, template, f"shipped:{parcel_id}", parcel_id=parcel_id)


def _storefront(scene: _Scene, tells: tuple[Role, ...]) -> Iterator[Notice]:
    """The storefront hears of the rows that tell it, and which goods it must keep or may sell."""
    if scene.step == "place":
        yield scene.event("stock.reserved", f"stock:{scene.seq}", lines=[line.line_id for line in scene.order.lines])
    if Role.STOREFRONT in tells:
        yield scene.event(f"order.{scene.step}", f"{scene.step}:{scene.seq}")
    unsold = [
        line_id for state in DEAD for line_id in ids(scene.facts.get(state)) if not scene.order.parcels_of(line_id)
    ]
    if unsold:
        relist = "yes" if scene.step in RELISTS else "ask_seller"
        yield scene.event("stock.released", f"stock:{scene.seq}", lines=sorted(unsold), relist=relist)
