"""What the reference model knows of one order: lines, money and clocks as plain mutable data, amounts in minor units.

Written from docs/rules.md and the list of invariants, apart from ``domain/``, so that no mistake there is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.model.chargebacks import Dispute
from tests.model.days import Days
from tests.model.flow import Claim, Stuck
from tests.model.terms import Terms

DEAD = ("cancelled", "refunded")
SENT = ("shipped", "delivered", "accepted")
GONE = ("lost", "returned")
SHIPPING = "shipping"
SUSPENSE = "suspense"


class Refused(Exception):
    """The model does not allow it; nothing has changed."""


def need(holds: object, why: str) -> None:
    """Raise Refused where a condition does not hold."""
    if not holds:
        raise Refused(why)


@dataclass
class Slice:
    """A line, or the shipping: what it costs, how far it has come, and where its money stands."""

    name: str
    price: int
    fee: int
    since: datetime
    state: str = "pending"
    held: str = ""
    where: str = "none"
    taken: int = 0
    received: bool = False

    @property
    def live(self) -> bool:
        return self.state not in DEAD

    @property
    def left(self) -> int:
        """What no lost dispute has taken of it."""
        return self.price - self.taken

    def fee_of(self, amount: int) -> int:
        """The platform's fee on a part of the price, half a cent up."""
        return (2 * self.fee * amount + self.price) // (2 * self.price) if self.price else 0

    def part(self, amount: int) -> tuple[int, int]:
        """What seller and platform have of the next `amount` that is taken of it; fees return pro rata."""
        fee = self.fee_of(self.left) - self.fee_of(self.left - amount)
        return amount - fee, fee


@dataclass
class Payout:
    """A release that was made: `amount` went to the seller's account, `back` of it was taken back."""

    ref: str
    amount: int
    back: int = 0


@dataclass
class Sums:
    """The order's money, each sum by its letter in docs/invariants.md; all only ever grow, but for L, Q, D and P.

    `P` is what of `D` nobody has borne yet, `N` what of `S` paid other debts. `V` came in without a claim to it; of it
    `U` stands in suspense and `G` went back.
    """

    A: int = 0
    C: int = 0
    F: int = 0
    S: int = 0
    X: int = 0
    K: int = 0
    D: int = 0
    L: int = 0
    Q: int = 0
    P: int = 0
    U: int = 0
    V: int = 0
    G: int = 0
    N: int = 0


@dataclass
class Hold:
    """An authorisation that stands at the provider; `limit` is the provider's own."""

    ref: str
    amount: int
    limit: datetime
    renewable: bool
    opened: datetime


@dataclass
class Parcel:
    """A parcel on its way; `moved` is when it was last seen, `instead` names what was gone when it was sent."""

    name: str
    lines: tuple[str, ...]
    sent: datetime
    moved: datetime
    milestone: str = ""
    seen: bool = False
    strong: bool = False
    instead: frozenset[str] = frozenset()
    withdrawn: bool = False


@dataclass
class Operation:
    """Money under way at the provider; `retry` is set once its outcome is unknown."""

    number: int
    verb: str
    amount: int
    names: tuple[str, ...]
    subject: str
    asked: datetime
    attempts: int = 0
    retry: datetime | None = None


@dataclass
class Ticket:
    """Work for a person about `cause` and `subject`, due at `due`."""

    opened: datetime
    due: datetime
    escalations: int = 0
    kept: datetime | None = None


@dataclass
class Pause:
    """The clocks stand still until then; `review` of the payment: nothing is sent or paid out for it meanwhile."""

    until: datetime
    by: str
    review: bool


@dataclass
class Approval:
    """A command about a large sum that waits for a second operator; `facts` is the money that it was about."""

    name: str
    body: dict[str, object]
    ticket: str
    by: tuple[str, str]
    facts: object
    lapses: datetime


@dataclass
class Sale:
    """One order. `timers` are the parties' clocks by tier, also while nobody waits for them, `began` since when."""

    terms: Terms
    placed: datetime
    lines: dict[str, Slice]
    shipping: Slice
    seller_days: Days
    buyer_days: Days
    desk_days: Days
    account_since: datetime
    account: str = ""
    offer: str | None = None
    offer_is_intent: bool = False
    hold: Hold | None = None
    old_holds: dict[str, int] = field(default_factory=dict)
    gone_holds: set[str] = field(default_factory=set)
    renewing: bool = False
    buyer_asked: datetime | None = None
    paid: datetime | None = None
    lost: datetime | None = None
    captured: bool = False
    captured_at: datetime | None = None
    sums: Sums = field(default_factory=Sums)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    payouts: list[Payout] = field(default_factory=list)
    refunds: dict[str, dict[str, int]] = field(default_factory=dict)
    owed_since: datetime | None = None
    written_off: int = 0
    strays: list[tuple[str, int]] = field(default_factory=list)
    charges: set[str] = field(default_factory=set)
    own_charge: str = ""
    uncalled: dict[str, int] = field(default_factory=dict)
    overdrawn: set[str] = field(default_factory=set)
    heard: int = 0
    parcels: dict[str, Parcel] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    granted: dict[str, int] = field(default_factory=dict)
    shipping_given: bool = False
    op: Operation | None = None
    stuck: list[Stuck] = field(default_factory=list)
    tickets: dict[tuple[str, str], Ticket] = field(default_factory=dict)
    cancel_asked: tuple[str, ...] | None = None
    time_asked: int | None = None
    approval: Approval | None = None
    paused_since: datetime | None = None
    pauses: dict[str, Pause] = field(default_factory=dict)
    timers: dict[str, datetime] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)
    rung: set[str] = field(default_factory=set)
    spared: set[str] = field(default_factory=set)
    days_given: dict[str, int] = field(default_factory=dict)
    expired: bool = False
    closed: datetime | None = None
    first_closed: datetime | None = None

    @property
    def live(self) -> list[Slice]:
        return [line for line in self.lines.values() if line.live]

    @property
    def shipping_is_buyers(self) -> bool:
        """Whether shipping goes back: all lines do, or the seller was found at fault."""
        return self.shipping_given or not self.live

    @property
    def slices(self) -> list[Slice]:
        return [*self.lines.values(), self.shipping]

    @property
    def wanted(self) -> int:
        """What a capture now would take: live lines and shipping."""
        return sum(line.price for line in self.live) + self.shipping.price if self.live else 0

    @property
    def priced(self) -> int:
        return sum(piece.price for piece in self.slices)

    @property
    def secured(self) -> bool:
        """Whether the money is held or captured."""
        return self.hold is not None or self.captured

    def days_of(self, tier: str) -> list[Days]:
        """The calendars of who must act, and the later end counts; a carrier works where the buyer lives."""
        if tier.startswith("claim:"):
            who = self.claims[tier[6:-4]].clock[1]
            return [self.seller_days if side == "seller" else self.buyer_days for side in who]
        return [self.seller_days if tier.startswith(("confirm", "ship", "cancel")) else self.buyer_days]

    def start(self, tier: str, since: datetime, at: datetime) -> None:
        """A party's clock runs from `since` on and rings at `at`."""
        self.timers[tier], self.began[tier] = at, since
        self.rung.discard(tier)
        self.spared.discard(tier)

    def shift(self, tier: str, at: datetime, rung: bool = False) -> None:
        """A clock that runs rings at another time; it may ring again unless it is to stay `rung`."""
        self.timers[tier] = at
        if not rung:
            self.rung.discard(tier)

    def shifted(self, tier: str, since: datetime, to: datetime) -> datetime:
        """When a tier rings after another of its clock moved; what counts business days keeps its distance in them."""
        at = self.timers[tier]
        if tier.startswith("pay") or tier.endswith(".weak"):
            return at + (to - since)
        if to < since:
            return max(days.later(to, days.minutes(since, at)) for days in self.days_of(tier))
        return max(days.later(at, days.minutes(since, to)) for days in self.days_of(tier))

    def piece(self, name: str) -> Slice:
        return self.shipping if name == SHIPPING else self.lines[name]

    def in_escrow(self) -> list[Slice]:
        return [piece for piece in self.slices if piece.where == "escrow" and piece.left]

    def disputed(self) -> set[str]:
        """The slices, and the charges of stray payments, that an undecided dispute keeps from moving (P7)."""
        held = [(d, name) for d in self.disputes.values() if d.holds for name in d.parts]
        return {(d.charge or self.own_charge) if name == SUSPENSE else name for d, name in held}

    def suspended(self, charge: str) -> int:
        """What of a charge stands in suspense."""
        return sum(amount for ref, amount in self.strays if ref == charge)

    def disputed_by(self, name: str) -> str:
        """What holds a slice while a dispute about it is undecided."""
        return next((f"dispute:{key}" for key, d in self.disputes.items() if d.holds and name in d.parts), "")

    def owe(self, amount: int, now: datetime) -> None:
        """The seller owes so much more, or less; an older debt keeps its date."""
        self.sums.Q += amount
        self.owed_since = (self.owed_since or now) if self.sums.Q else None

    def reviews(self) -> list[datetime]:
        """Until when the payment is under review: nothing is sent or paid out for it meanwhile."""
        return [pause.until for pause in self.pauses.values() if pause.review]

    def gave(self, charge: str, amount: int) -> None:
        """So much from suspense went to the buyer, or came back: of the order's own payment, or of another."""
        if charge == self.own_charge:
            self.sums.F += amount
        else:
            self.sums.G += amount

    def states(self) -> set[str]:
        return {line.state for line in self.live}

    def capturing(self) -> bool:
        """Whether the provider has still to tell how the capture ended: nothing opposite may happen until then (P9)."""
        return self.op is not None and self.op.verb == "capture"

    @property
    def open_claims(self) -> list[Claim]:
        return [claim for claim in self.claims.values() if claim.open]

    @property
    def due_back(self) -> dict[str, int]:
        """What of live lines is still to go back to the buyer, while their rest goes its way."""
        live = {line.name: line.left for line in self.live if line.where in ("escrow", "released")}
        return {name: min(amount, live[name]) for name, amount in self.granted.items() if name in live}

    def parcels_of(self, line: str) -> list[Parcel]:
        """The parcels that the line waits for: a lost or returned one only while no other brings it, or has."""
        carry = self.sent_with(line)
        coming = [parcel for parcel in carry if parcel.milestone not in GONE]
        return coming or [parcel for parcel in carry if parcel.milestone == "lost" or not sent_again(parcel, carry)]

    def replaced(self, parcel: Parcel, line: str) -> bool:
        """Whether another one, sent when this one was known to be lost or back, brings the line, or has."""
        return any(parcel.name in other.instead for other in self.sent_with(line) if other.milestone not in GONE)

    def sent_with(self, line: str) -> list[Parcel]:
        return [parcel for parcel in self.parcels.values() if line in parcel.lines and not parcel.withdrawn]


def sent_again(parcel: Parcel, carry: list[Parcel]) -> bool:
    """Whether another one was sent when this one was known to have come back."""
    return any(parcel.name in other.instead and other.sent >= parcel.moved for other in carry)


def stage(sale: Sale) -> str:
    """The order in one word."""
    states = sale.states()
    if not states:
        if sale.expired:
            return "expired"
        return "refunded" if any(line.state == "refunded" for line in sale.lines.values()) else "cancelled"
    if sale.closed:
        return "closed"
    if not sale.secured:
        return "awaiting_payment"
    if states == {"accepted"}:
        return "completed"
    if states <= {"accepted", "delivered"}:
        return "delivered"
    if states <= set(SENT):
        return "shipped"
    if states & set(SENT):
        return "part_shipped"
    return "placed" if "pending" in states else "confirmed"


def money_open(sale: Sale) -> bool:
    """Whether money has still to move, is on its way or in doubt: then nothing may end (P5)."""
    offered = sale.offer is not None and bool(sale.live or sale.offer_is_intent)
    disputed = any(dispute.holds or dispute.state == "restored" for dispute in sale.disputes.values())
    after = sale.sums.Q or sale.strays or sale.due_back or disputed
    shipping = sale.shipping_is_buyers and sale.shipping.where == "released"
    back = shipping or any(line.state in DEAD and line.where == "released" for line in sale.lines.values())
    held = sale.old_holds or (sale.hold is not None and not sale.captured)
    return bool(sale.op or offered or held or sale.in_escrow() or after or back)


def over(sale: Sale) -> bool:
    """Whether the order has ended."""
    ended = stage(sale) in ("closed", "expired", "cancelled", "refunded")
    return ended and not money_open(sale) and not sale.tickets and not sale.open_claims
