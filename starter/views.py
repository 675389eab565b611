"""What each role may see of an order, as plain frozen data. Pure: made from what is on record, rendered elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from activities.store.ledger import OrderMoney
from activities.store.screens import OrderScreen, StoryStep
from domain import wire
from domain.business_time import Calendar, local_text
from domain.checkout import unpaid
from domain.claims.case import STATUS_WORDS, case_number
from domain.claims.promise import Terms, Told, in_words, terms_of_line
from domain.decide import named_only, possible
from domain.money import Money, Verb, total
from domain.parcels.parcel import Parcel
from domain.process import STEPS
from domain.state import DESK, PARTIES, Actor, Cause, LineState, Order, Pause, Role, Stage, is_over, stage
from domain.summary import dated, next_clock, sentence, summary
from domain.words import HAPPENED, NOT_CAPTURED, NOT_RENEWED, not_paid

PAYMENT_REFUSED = "payment_refused"
"""What stands in the story beside the steps: that the provider refused the buyer's money."""

TOLD = frozenset(
    {
        PAYMENT_REFUSED,
        *(step.name for step in STEPS if PARTIES & frozenset(step.tells) or (step.by - DESK - {Role.CLOCK})),
    }
)
"""What parties read in the story: the steps that they are told of, and those that others than the desk take."""

TOLD_AT_CHECKOUT = ("condition", "known_differences", "return_terms")
"""What a line of a checkout may tell the buyer of its goods."""

NOT_FOR = {Role.BUYER: frozenset({"payout_account"})}
"""Steps that are nothing to a party although the other is told of them."""


@dataclass(frozen=True, slots=True)
class LineView:
    """One line. `money` is where its money stands, `since` when it came to its state.

    `claim_terms` are what the buyer may count on when something is wrong with it; empty once it was cancelled or
    refunded.
    """

    line_id: str
    title: str
    quantity: int
    price: Money
    state: str
    money: str
    since: datetime
    held: bool
    condition: str = ""
    known_differences: str = ""
    return_terms: str = ""
    claim_terms: tuple[Terms, ...] = ()


@dataclass(frozen=True, slots=True)
class ParcelView:
    """One parcel. `tracking_number` is empty for those who may not see it, or have not asked.

    `insured` is the sum that the seller named, `carrier_pays` what the carrier owes for a lost parcel by its terms: for
    seller and desk alone, "" while nothing is lost.
    """

    parcel_id: str
    carrier: str
    service: str
    insured: str
    lines: tuple[str, ...]
    milestone: str
    moved_at: datetime | None
    tracking_number: str = ""
    carrier_pays: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of the story: a step, or a message that was refused. `actor_id` and `note` are for the desk alone."""

    at: datetime
    step: str
    text: str
    who: str
    refused: bool = False
    actor_id: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim of the order on one line; ``aftersale claims show`` tells more of it by its `number`."""

    number: str
    status: str
    reason: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as one role sees it.

    `next` says who acts next and what happens otherwise, `due` when, `due_text` the same on the viewer's calendar;
    `expect` is what the marketplace promises at this stage; `money` holds named amounts as far as the role may see
    them; `can` are the commands open to the viewer now, of which `named_only` are so for lines that are named;
    `bounces` says to whom mails cannot be delivered; `address` is empty for those who may not read it; `claim_terms`
    says what the buyer may count on when something is wrong.
    """

    order_id: str
    seen_as: str
    stage: str
    waiting_on: str
    due: datetime | None
    due_text: str
    next: str
    expect: str
    lines: tuple[LineView, ...]
    parcels: tuple[ParcelView, ...]
    money: Mapping[str, Money]
    requests: tuple[str, ...]
    story: tuple[Happening, ...]
    can: tuple[str, ...]
    attention: str = ""
    bounces: tuple[str, ...] = ()
    named_only: tuple[str, ...] = ()
    claims: tuple[ClaimView, ...] = ()
    address: tuple[str, ...] = ()
    claim_terms: tuple[Told, ...] = ()


def may_see(actor: Actor, buyer: str, seller: str) -> bool:
    """Whether an order of these parties exists for `actor`: nobody of the desk sees an order of their own (A4)."""
    own = {Role.BUYER: buyer, Role.SELLER: seller}
    if actor.role in own:
        return actor.id == own[actor.role]
    return actor.role in DESK and actor.id not in own.values()


TO_SEND = frozenset({LineState.CONFIRMED, LineState.SHIPPED, LineState.DELIVERED})
"""A line at one of these is the seller's work: to be sent, or to be looked for where it was sent."""


def may_read_address(role: Role, order: Order) -> bool:
    """Whether one who may see the order reads where its parcels go; a seller while that is of use to them."""
    return role is not Role.SELLER or any(line.state in TO_SEND for line in order.live)


def order_view(
    screen: OrderScreen,
    actor: Actor,
    now: datetime,
    numbers: Mapping[str, str],
    notes: Mapping[str, str],
    address: tuple[str, ...] = (),
) -> OrderView:
    """The order for `actor`, who may see it. `numbers` are tracking numbers by parcel, `notes` texts by id.

    `address` is where the parcels go, for an actor who may read that.
    """
    if screen.snapshot is None:
        return _unadmitted(screen, actor)
    order = wire.from_plain(Order, screen.snapshot)
    shown, clock, calendar = summary(order), next_clock(order), calendar_of(order, actor)
    due = dated(clock, now) if clock else None
    desk, lines = actor.role in DESK, _lines(order, screen.checkout)
    return OrderView(
        order.order_id,
        actor.role.value,
        shown.stage.value,
        shown.waiting_on,
        due,
        local_text(calendar, due) if due else "",
        sentence(order, clock) if clock else "Nothing is open.",
        expectation(order),
        lines,
        tuple(_parcel(parcel, numbers, actor.role) for parcel in order.parcels),
        money_for(actor.role, order, screen.money),
        tuple(_requests(order, calendar, desk=desk)),
        story_for(screen, actor, notes),
        possible(order, actor, now),
        shown.reason if desk else "",
        bounce_words(screen.bounced, actor.role),
        named_only(order, actor, now),
        tuple(
            ClaimView(
                case_number(order.order_id, claim.claim_id), STATUS_WORDS[claim.status], claim.reason.value, claim.lines
            )
            for claim in order.claims
        ),
        address,
        in_words({line.line_id: line.claim_terms for line in lines}, partial(local_text, calendar)),
    )


def bounce_words(bounced: Iterable[str], reader: Role) -> tuple[str, ...]:
    """To whom mails cannot be delivered, in sentences for `reader`; never the address."""
    return tuple(
        "Mail to you bounces: please correct your address." if role == reader else f"Mail to the {role} bounces."
        for role in bounced
    )


def _unadmitted(screen: OrderScreen, actor: Actor) -> OrderView:
    """An order that no worker has looked at, or whose checkout was refused."""
    row = screen.row
    words = {
        "admitting": "The order waits to be admitted; the platform is working on it.",
        "refused": "The checkout was refused; placing it again with what was wrong put right starts it.",
    }
    text = words.get(row.status, "")
    waiting = "platform" if row.status == "admitting" else "nobody"
    money = {"total": row.total}
    return OrderView(row.order_id, actor.role.value, row.status, waiting, None, "", text, "", (), (), money, (), (), ())


def calendar_of(order: Order, actor: Actor) -> Calendar:
    """The calendar on which a viewer reads times."""
    parties = {Role.BUYER: order.buyer_calendar, Role.SELLER: order.seller_calendar}
    return parties.get(actor.role, order.desk_calendar)


def expectation(order: Order) -> str:
    """What the marketplace promises at the order's stage, in its own words; "" where it promises nothing."""
    expect = order.policy.expect
    words = {
        Stage.PLACED: expect.placed,
        Stage.CONFIRMED: expect.confirmed,
        Stage.PART_SHIPPED: expect.confirmed,
        Stage.SHIPPED: expect.shipped,
        Stage.DELIVERED: expect.delivered,
    }
    return "" if is_over(order) else words.get(stage(order), "")


def money_for(role: Role, order: Order, booked: OrderMoney) -> dict[str, Money]:
    """The order's money as far as a role may see it: buyers see no fees, sellers what they are paid, the desk all."""
    held = order.payment.authorised
    waiting = held if held and order.payment.hold and order.payment.captured is None else Money.zero(order.currency)
    sums = {"total": order.priced}
    if unpaid(order, (), order.placed_at) is None:
        sums["to pay"] = order.wanted  # Less than the total once lines were cancelled.
    if role is Role.BUYER:
        return {**sums, "held": waiting, "charged": booked.captured, "refunded": booked.refunded}
    fees = total([line.fee for line in order.live], order.currency)
    if role is Role.SELLER:
        return {
            "total": order.priced,
            "fees": fees,
            "in escrow": booked.escrow,
            "paid out": booked.released,
            "refunded": booked.refunded,
            **_rare(booked, "disputed", "owed"),
        }
    return {
        **sums,
        "held": waiting,
        "captured": booked.captured,
        "released": booked.released,
        "refunded": booked.refunded,
        "fees": booked.fees,
        "escrow": booked.escrow,
        **_rare(booked, "disputed", "lost", "owed"),
    }


def _rare(booked: OrderMoney, *names: str) -> dict[str, Money]:
    """Amounts that most orders never have are shown when they are there."""
    amounts = {name: getattr(booked, name) for name in names}
    return {name: amount for name, amount in amounts.items() if amount}


def _lines(order: Order, checkout: Mapping[str, Any]) -> tuple[LineView, ...]:
    told = {line.get("line_id"): line for line in checkout.get("lines", [])}
    return tuple(
        LineView(
            line.line_id,
            line.title,
            line.quantity,
            line.price,
            line.state.value,
            line.funds.value,
            line.since,
            bool(line.held),
            **{name: told.get(line.line_id, {}).get(name, "") for name in TOLD_AT_CHECKOUT},
            claim_terms=terms_of_line(order, line),
        )
        for line in order.lines
    )


def _parcel(parcel: Parcel, numbers: Mapping[str, str], role: Role) -> ParcelView:
    owed = "" if parcel.loss is None or parcel.withdrawn or role is Role.BUYER else str(parcel.loss.pays)
    return ParcelView(
        parcel.parcel_id,
        parcel.carrier,
        parcel.service,
        str(parcel.insured or ""),
        parcel.lines,
        (parcel.milestone or "sent") if not parcel.withdrawn else "withdrawn",
        parcel.moved_at or parcel.shipped_at,
        numbers.get(parcel.parcel_id, ""),
        owed,
    )


def _requests(order: Order, calendar: Calendar, *, desk: bool) -> list[str]:
    """What is asked, paused or looked at, in sentences."""
    found = []
    if order.cancel_request is not None:
        asked = order.cancel_request
        found.append(f"The buyer asks to cancel {', '.join(asked.lines)} ({asked.reason}); the seller answers.")
    if order.time_request is not None:
        found.append(f"The seller asks for {order.time_request.days} more business days to ship; the buyer answers.")
    found.extend(_pause(pause, calendar) for pause in order.pauses)
    if order.approval is not None and desk:
        found.append(f"{order.approval.name} waits for a second operator.")
    # That a number was seen before is a suspicion; it is the desk's alone.
    if any(desk or ticket.cause is not Cause.NUMBER_REUSED for ticket in order.tickets):
        found.append("A specialist is looking into this order.")
    return found


def _pause(pause: Pause, calendar: Calendar) -> str:
    until = local_text(calendar, pause.until)
    if not pause.review:
        return f"The order is paused until {until}."
    return f"The payment is under review, until {until} at the latest: nothing is to be handed over or paid out."


def story_for(screen: OrderScreen, actor: Actor, notes: Mapping[str, str]) -> tuple[Happening, ...]:
    """What happened, oldest first. Parties read what concerns them and their own refused messages, the desk all."""
    desk = actor.role in DESK
    told = TOLD - NOT_FOR.get(actor.role, frozenset())
    taken = [
        _happened(step, notes, desk=desk)
        for step in screen.story.steps
        if desk or (step.step in told and not step.body.get("internal"))
    ]
    unpaid_for = [happening for step in screen.story.steps for happening in _refused(step)]
    refused = [
        Happening(r.at, r.name, f"Refused: {r.reason}", r.role, refused=True, actor_id=r.actor_id if desk else "")
        for r in screen.story.refusals
        if desk or (r.role == actor.role and r.actor_id == actor.id)
    ]
    return tuple(sorted([*taken, *unpaid_for, *refused], key=lambda happening: happening.at))


def _refused(step: StoryStep) -> Iterator[Happening]:
    """What the provider refused of the buyer's money with a step; a step alone tells that it was tried."""
    for event in step.outcome:
        if event["event"] == "MoneyRefused":
            verb, code = event["op"]["verb"], event["code"]
            words = {Verb.AUTHORISE: not_paid(code), Verb.REAUTHORISE: NOT_RENEWED, Verb.CAPTURE: NOT_CAPTURED}
            if verb in words:
                yield Happening(step.at, PAYMENT_REFUSED, words[verb], Role.PROVIDER)


def _happened(step: StoryStep, notes: Mapping[str, str], *, desk: bool) -> Happening:
    text = HAPPENED.get(step.step, step.step)
    if "milestone" in step.body:
        parcel_id, milestone = step.body.get("parcel_id", ""), str(step.body["milestone"]).replace("_", " ")
        text = f"The carrier reported on parcel {parcel_id}: {milestone}."
    note = notes.get(str(step.body.get("note_id", "")), "")
    return Happening(
        step.at, step.step, text, step.role, actor_id=step.actor_id if desk else "", note=note if desk else ""
    )
