"""What is known about an order, as frozen data, and the words that every other module uses for it.

The line is the state machine: each line goes its own way, and the order's stage is a fold of its lines (`stage`), for
display and search, never an authority of its own. Times are aware datetimes in UTC, money is `Money`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.business_time import Calendar
from domain.claims.case import Claim
from domain.money import Money, Verb, total
from domain.parcels.parcel import Parcel, replaced, waited_for
from domain.policy import Policy
from domain.purse import SHIPPING, SUSPENSE, Debt, Dispute, DisputeStatus, Moved, Part, Stray


class Role(StrEnum):
    """Who acts. `platform` is the marketplace's own fulfilment; `clock` is the process itself."""

    BUYER = "buyer"
    SELLER = "seller"
    SPECIALIST = "specialist"
    OPERATOR = "operator"
    PLATFORM = "platform"
    STOREFRONT = "storefront"
    CARRIER = "carrier"
    PROVIDER = "provider"
    CLOCK = "clock"


PARTIES = frozenset({Role.BUYER, Role.SELLER})
DESK = frozenset({Role.SPECIALIST, Role.OPERATOR})
SIGNED = DESK | {Role.PROVIDER}
"""Roles whose commands decide about money: the step's activity verifies a signature before it acts."""


class LineState(StrEnum):
    """How far one line has come."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


DEAD = frozenset({LineState.CANCELLED, LineState.REFUNDED})
UNSHIPPED = frozenset({LineState.PENDING, LineState.CONFIRMED})
SENT = frozenset({LineState.SHIPPED, LineState.DELIVERED, LineState.ACCEPTED})


class Stage(StrEnum):
    """The order as a whole, for people and for search."""

    AWAITING_PAYMENT = "awaiting_payment"
    PLACED = "placed"
    CONFIRMED = "confirmed"
    PART_SHIPPED = "part_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CLOSED = "closed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


ENDS = frozenset({Stage.CLOSED, Stage.EXPIRED, Stage.CANCELLED, Stage.REFUNDED})


class Funds(StrEnum):
    """Where the money of one slice stands."""

    NONE = "none"  # not captured, or never to be
    ESCROW = "escrow"
    RELEASED = "released"
    REFUNDED = "refunded"


class Cause(StrEnum):
    """Why a ticket was opened; one open ticket per cause and subject."""

    CONFIRM_OVERDUE = "confirm_overdue"
    SHIP_OVERDUE = "ship_overdue"
    PARCEL_STALLED = "parcel_stalled"
    PARCEL_RETURNED = "parcel_returned"
    PARCEL_LOST = "parcel_lost"
    NUMBER_REUSED = "number_reused"
    RECEIPT_MISSING = "receipt_missing"
    MONEY_UNKNOWN = "money_unknown"
    MONEY_FAILED = "money_failed"
    DISPUTE = "dispute"
    CLAIM = "claim"


class Outcome(StrEnum):
    """The three ways in which a ticket ends."""

    ACT = "act"
    EXTEND = "extend"
    NO_CHANGE = "no_change"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sent a command: a role and an opaque id, never a name."""

    role: Role
    id: str


SYSTEM = Actor(Role.CLOCK, "clock")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the order, moved as a whole. `price` includes tax; `fee` is the platform's share of it.

    `since` is when it entered its state; `held` names the claim or parcel that keeps it from moving, "" for none.
    `category` is the storefront's word for such goods; `received` says that the buyer has told that he has them.
    """

    line_id: str
    title: str
    quantity: int
    price: Money
    fee: Money
    state: LineState
    since: datetime
    funds: Funds = Funds.NONE
    held: str = ""
    category: str = ""
    received: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """How the buyer wants to pay: a pre-authorisation made by the storefront, or a stored method to authorise."""

    payment_intent: str = ""
    payment_method: str = ""
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """The order's one authorisation and what became of it.

    `hold` is the open authorisation ("" for none) and `capture_before` the provider's own limit for it. `offer` waits
    to be authorised. `superseded` are older holds to let go, `held` what each of them holds as far as that is known.
    `lost_at` says since when a paid order has no hold any more, `refused` why the last offer was not taken ("" while
    another one is, or the money is held).
    """

    offer: Offer | None = None
    hold: str = ""
    authorised: Money | None = None
    capture_before: datetime | None = None
    renewable: bool = False
    renewing: bool = False
    buyer_asked_at: datetime | None = None
    superseded: tuple[str, ...] = ()
    held: tuple[tuple[str, Money], ...] = ()
    voided: tuple[str, ...] = ()
    paid_at: datetime | None = None
    lost_at: datetime | None = None
    charge: str = ""
    captured: Money | None = None
    captured_at: datetime | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Where the seller is paid, and since when that is so ("" and the time of checkout when not known yet)."""

    ref: str
    since: datetime


@dataclass(frozen=True, slots=True)
class MoneyOp:
    """One operation on outside money. `seq` is the step that asked for it; with order and verb it makes the key.

    `slices` names the lines concerned, and ``shipping``. `retry_at` is None while it is being carried out for the first
    time; set, the outcome is unknown and the provider is asked again then.
    """

    seq: int
    verb: Verb
    amount: Money
    asked_at: datetime
    slices: tuple[str, ...] = ()
    subject: str = ""
    attempts: int = 0
    retry_at: datetime | None = None

    @property
    def is_check(self) -> bool:
        """Whether it only reads: the storefront made the pre-authorisation, and nothing moves or is held by asking."""
        return self.verb is Verb.AUTHORISE and bool(self.subject)


@dataclass(frozen=True, slots=True)
class Stuck:
    """Money that a provider definitely refused to move; tried anew, as a new operation, at `retry_at`.

    Where no slice moves, `subject` is the release that could not be taken back, "" for every operation of its kind.
    """

    verb: Verb
    slices: tuple[str, ...]
    code: str
    since: datetime
    retry_at: datetime
    subject: str = ""

    def stops(self, verb: Verb, slices: tuple[str, ...], subject: str) -> bool:
        """Whether such an operation waits for its retry."""
        same = bool(set(self.slices) & set(slices)) if self.slices else self.subject in ("", subject)
        return self.verb is verb and same


@dataclass(frozen=True, slots=True)
class Ticket:
    """Work for a person. `subject` is the line, parcel or operation it is about. Resolved ones live in PostgreSQL.

    Before `kept_until` no silence decides about goods that were accepted before they came back: the bank had kept the
    desk from doing so.
    """

    ticket_id: str
    cause: Cause
    subject: str
    opened_at: datetime
    due: datetime
    owner: str = ""
    escalations: int = 0
    kept_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """The buyer asks to cancel confirmed lines; the seller answers by a clock."""

    lines: tuple[str, ...]
    reason: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class TimeRequest:
    """The seller asks for more business days to ship; the buyer or a specialist answers."""

    days: int
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """The parties' clocks stand still, `since` when this pause or one that it fell into began.

    `review` says that the money is being checked rather than the order: nothing is sent or paid out for it meanwhile.
    `about` is the provider's own name for its review, "" for a pause by an operator.
    """

    since: datetime
    until: datetime
    by: Actor
    review: bool
    about: str = ""

    @property
    def tier(self) -> str:
        """The clock that ends it."""
        return f"review:{self.about}" if self.by.role is Role.PROVIDER else "pause.end"


@dataclass(frozen=True, slots=True)
class Approval:
    """A command about a large sum that waits for a second operator; `digest` is over command and amounts."""

    name: str
    body: str
    asked_by: Actor
    digest: str
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A command that was taken, so that it takes effect once. `digest` is over its name, actor and body."""

    command_id: str
    digest: str
    seq: int


@dataclass(frozen=True, slots=True)
class Order:
    """Everything the process needs to know about one order, and nothing personal.

    `paused` is an operator's pause; it may overlap with the provider's `reviews`, and clocks run when all are over.
    `given_back` is what of a slice went back to the buyer while the rest of it goes its way, `granted` what is still to
    go so; `shipping_back` says that shipping goes back although a line is left. Of what the seller owed, `written_off`
    is the platform's loss. `under_way` is a step that an earlier run had begun when it was ended
    (`domain.contract.begun`); the run that starts here carries it out first.
    """

    order_id: str
    checkout_id: str
    marketplace: str
    process: int
    policy: Policy
    seller_calendar: Calendar
    buyer_calendar: Calendar
    desk_calendar: Calendar
    buyer: str
    seller: str
    address_id: str
    currency: str
    placed_at: datetime
    lines: tuple[Line, ...]
    shipping: Money
    account: Account
    shipping_funds: Funds = Funds.NONE
    payment: Payment = field(default_factory=Payment)
    parcels: tuple[Parcel, ...] = ()
    given_back: tuple[Part, ...] = ()
    granted: tuple[Part, ...] = ()
    shipping_back: bool = False
    claims: tuple[Claim, ...] = ()
    moves: tuple[Moved, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    debt: Debt | None = None
    written_off: Money | None = None
    strays: tuple[Stray, ...] = ()
    op: MoneyOp | None = None
    stuck: tuple[Stuck, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    cancel_request: CancelRequest | None = None
    time_request: TimeRequest | None = None
    approval: Approval | None = None
    paused: Pause | None = None
    reviews: tuple[Pause, ...] = ()
    moved: tuple[tuple[str, datetime], ...] = ()
    passed: frozenset[str] = frozenset()
    granted_days: tuple[tuple[str, int], ...] = ()
    expired: bool = False
    closed_at: datetime | None = None
    first_closed_at: datetime | None = None
    seen: tuple[Seen, ...] = ()
    seq: int = 0
    epoch: int = 1
    under_way: Mapping[str, Any] | None = None

    def line(self, line_id: str) -> Line:
        """The line of that id; raises KeyError."""
        for line in self.lines:
            if line.line_id == line_id:
                return line
        raise KeyError(line_id)

    def parcel(self, parcel_id: str) -> Parcel | None:
        """The parcel of that id, or None."""
        return next((parcel for parcel in self.parcels if parcel.parcel_id == parcel_id), None)

    def ticket(self, ticket_id: str) -> Ticket | None:
        """The open ticket of that id, or None."""
        return next((ticket for ticket in self.tickets if ticket.ticket_id == ticket_id), None)

    def claim(self, claim_id: str) -> Claim | None:
        """The claim of that id, or None."""
        return next((claim for claim in self.claims if claim.claim_id == claim_id), None)

    @property
    def open_claims(self) -> tuple[Claim, ...]:
        """The claims about which something is left to do."""
        return tuple(claim for claim in self.claims if claim.is_open)

    @property
    def due_back(self) -> tuple[Part, ...]:
        """What of live slices is to go back to the buyer; a slice that goes back whole takes it along."""
        live = {line.line_id: line for line in self.live if line.funds in (Funds.ESCROW, Funds.RELEASED)}
        parts = (Part(p.piece, min(p.amount, self.left(p.piece))) for p in self.granted if p.piece in live)
        return tuple(part for part in parts if part.amount)

    @property
    def live(self) -> tuple[Line, ...]:
        """The lines that are neither cancelled nor refunded."""
        return tuple(line for line in self.lines if line.state not in DEAD)

    @property
    def shipping_goes_back(self) -> bool:
        """Whether shipping is the buyer's: no line is left, or the desk found the seller at fault (docs/rules.md)."""
        return self.shipping_back or not self.live

    @property
    def priced(self) -> Money:
        """What the whole order was priced at: all lines and shipping."""
        return total([*(line.price for line in self.lines), self.shipping], self.currency)

    @property
    def wanted(self) -> Money:
        """What a capture now would take: the live lines and shipping; nothing when no line is live."""
        live = self.live
        return (
            total([*(line.price for line in live), self.shipping], self.currency) if live else Money.zero(self.currency)
        )

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """All that keeps the parties' clocks standing still."""
        return (*filter(None, [self.paused]), *self.reviews)

    @property
    def reviewed_until(self) -> datetime | None:
        """How long the payment is under review if nobody ends that before; None when it is not."""
        return max((pause.until for pause in self.pauses if pause.review), default=None)

    @property
    def disputed(self) -> frozenset[str]:
        """The slices of what the order is paid with that an undecided dispute keeps from moving."""
        parts = (part.piece for dispute in self.disputes if dispute.holds for part in dispute.parts)
        return frozenset(piece for piece in parts if piece != SUSPENSE)

    @property
    def charges(self) -> frozenset[str]:
        """The provider's charges that the order has had to do with."""
        known = [self.payment.charge, *(stray.ref for stray in self.strays), *(move.source for move in self.moves)]
        return frozenset(filter(None, (*known, *(dispute.charge for dispute in self.disputes))))

    @property
    def disputed_strays(self) -> frozenset[str]:
        """The charges whose money in suspense an undecided dispute keeps from moving."""
        held = (d for d in self.disputes if d.holds and any(part.piece == SUSPENSE for part in d.parts))
        return frozenset(self.disputed_charge(dispute) for dispute in held)

    def disputed_charge(self, dispute: Dispute) -> str:
        """The provider's charge that a dispute is about."""
        return dispute.charge or self.payment.charge

    def in_suspense(self, charge: str) -> Money:
        """What of a charge came in without a claim to it, or could not go back, and is still with us."""
        return total([stray.amount for stray in self.strays if stray.ref == charge], self.currency)

    def left(self, piece: str) -> Money:
        """What of a slice has not gone back to the buyer; raises KeyError for a slice that this order does not have."""
        restored = next((dispute for dispute in self.disputes if dispute.dispute_id == piece), None)
        if restored is not None:
            return restored.restorable
        price = self.shipping if piece == SHIPPING else self.line(piece).price
        return price - total([part.amount for part in self.given_back if part.piece == piece], self.currency)

    def not_given(self, piece: str) -> Money:
        """What of a slice neither went back to the buyer nor is granted: all that can still be decided about."""
        return self.left(piece) - total([part.amount for part in self.due_back if part.piece == piece], self.currency)

    def funds_of(self, piece: str) -> Funds:
        """Where the money of a slice stands."""
        if piece == SHIPPING:
            return self.shipping_funds
        line = next((line for line in self.lines if line.line_id == piece), None)
        return line.funds if line is not None else Funds.ESCROW

    def parcels_of(self, line_id: str) -> tuple[Parcel, ...]:
        """The parcels with which a line arrives: all of it that count, but for one that gives way to another."""
        return waited_for(self.sent_with(line_id))

    def replaced(self, parcel: Parcel, line_id: str) -> bool:
        """Whether another parcel brings the line in the place of this one, or has."""
        return replaced(parcel, self.sent_with(line_id))

    def sent_with(self, line_id: str) -> tuple[Parcel, ...]:
        """The parcels in which a line was sent, but for withdrawn ones."""
        return tuple(parcel for parcel in self.parcels if line_id in parcel.lines and not parcel.withdrawn)


def in_state(lines: Iterable[Line], states: Iterable[LineState]) -> tuple[Line, ...]:
    """Those of `lines` that are in one of `states`."""
    wanted = frozenset(states)
    return tuple(line for line in lines if line.state in wanted)


def stage(order: Order) -> Stage:
    """The order's stage, folded from its lines, its money and its end."""
    live = {line.state for line in order.live}
    if not live:
        if order.expired:
            return Stage.EXPIRED
        refunded = any(line.state is LineState.REFUNDED for line in order.lines)
        return Stage.REFUNDED if refunded else Stage.CANCELLED
    if order.closed_at is not None:
        return Stage.CLOSED
    if not order.payment.hold and order.payment.captured is None:
        return Stage.AWAITING_PAYMENT
    if live == {LineState.ACCEPTED}:
        return Stage.COMPLETED
    if live <= {LineState.DELIVERED, LineState.ACCEPTED}:
        return Stage.DELIVERED
    if live <= SENT:
        return Stage.SHIPPED
    if live & SENT:
        return Stage.PART_SHIPPED
    return Stage.PLACED if LineState.PENDING in live else Stage.CONFIRMED


def money_open(order: Order) -> bool:
    """Whether money of this order still has to move, is on its way, or its fate is unknown."""
    slices = [*(line.funds for line in order.lines), order.shipping_funds]
    payment = order.payment
    uncaptured = bool(payment.hold) and payment.captured is None
    # An offer to pay for nothing is only open when the buyer's bank holds money for it.
    offered = payment.offer is not None and bool(order.live or payment.offer.payment_intent)
    restored = any(dispute.holds or dispute.status is DisputeStatus.RESTORED for dispute in order.disputes)
    after = bool(order.debt or order.strays or order.due_back) or restored or _to_be_got_back(order)
    return bool(order.op or offered or uncaptured or payment.superseded or Funds.ESCROW in slices) or after


def _to_be_got_back(order: Order) -> bool:
    """Whether the buyer is to have money back that was paid out to the seller."""
    released = [line for line in order.lines if line.funds is Funds.RELEASED]
    shipping = order.shipping_goes_back and order.shipping_funds is Funds.RELEASED
    return shipping or any(line.state in DEAD for line in released)


def is_over(order: Order) -> bool:
    """Whether the order's workflow may end: an end stage, no money open, nobody with work left."""
    return stage(order) in ENDS and not money_open(order) and not order.tickets and not order.open_claims
