"""What is known of a claim, as frozen data. Its texts and files stand in PostgreSQL, never here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.money import Money
from domain.purse import Part


class ClaimReason(StrEnum):
    """What is wrong, as the buyer says."""

    NOT_RECEIVED = "not_received"
    NOT_AS_DESCRIBED = "not_as_described"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    INCOMPLETE = "incomplete"
    CHANGED_MIND = "changed_mind"


class Wish(StrEnum):
    """What the buyer would like to come of it."""

    REFUND = "refund"
    PART_REFUND = "part_refund"
    REPLACEMENT = "replacement"
    WAIT_LONGER = "wait_longer"


class Status(StrEnum):
    """Where a claim stands."""

    RECEIVED = "received"
    WAITING_FOR_SELLER = "waiting_for_seller"
    WAITING_FOR_BUYER = "waiting_for_buyer"
    WAITING_LONGER = "waiting_longer"
    RETURN_REQUESTED = "return_requested"
    RETURN_SENT = "return_sent"
    RETURN_RECEIVED = "return_received"
    ESCALATED_UPSTREAM = "escalated_upstream"
    ESCALATED = "escalated_to_platform"
    SELLER_ASKED = "seller_asked"
    BUYER_ASKED = "buyer_asked"
    REFUND_APPROVED = "refund_approved"
    REJECTED = "rejected"
    RESOLVED = "resolved"
    CLOSED = "closed"


STATUS_WORDS: Mapping[Status, str] = {
    Status.RECEIVED: "Received",
    Status.WAITING_FOR_SELLER: "Waiting for seller",
    Status.WAITING_FOR_BUYER: "Waiting for buyer",
    Status.WAITING_LONGER: "Waiting longer",
    Status.RETURN_REQUESTED: "Return requested",
    Status.RETURN_SENT: "Return sent",
    Status.RETURN_RECEIVED: "Return received",
    Status.ESCALATED_UPSTREAM: "Escalated upstream",
    Status.ESCALATED: "Escalated to platform",
    Status.SELLER_ASKED: "Waiting for seller (asked by the platform)",
    Status.BUYER_ASKED: "Waiting for buyer (asked by the platform)",
    Status.REFUND_APPROVED: "Refund approved",
    Status.REJECTED: "Rejected",
    Status.RESOLVED: "Resolved",
    Status.CLOSED: "Closed",
}
"""Each status as people read it."""


class Wait(StrEnum):
    """What an open claim waits for: a clock that runs, the desk, the end of a pause, or its money.

    The money, or all but a `REST`, may be the bank's to decide about first.
    """

    CLOCK = "clock"
    DESK = "desk"
    PAUSE = "pause"
    MONEY = "money"
    REST = "rest"
    BANK = "bank"


ENDED = frozenset({Status.RESOLVED, Status.CLOSED})
BUYERS_TURN = frozenset({Status.WAITING_FOR_BUYER, Status.WAITING_LONGER, Status.BUYER_ASKED})
"""Where nothing but its buyer, or the time that the buyer gave, leads a claim on."""

ASKED = frozenset({Status.SELLER_ASKED, Status.BUYER_ASKED})
"""Where one side owes the platform an answer, whose own clock stands meanwhile."""


class Side(StrEnum):
    """The two sides of a claim."""

    BUYER = "buyer"
    SELLER = "seller"


class Finding(StrEnum):
    """In what state goods came back."""

    AS_SENT = "as_sent"
    USED = "used"
    MISSING = "missing"


class Verdict(StrEnum):
    """How the platform decides a claim."""

    REFUND = "refund"
    PART_REFUND = "part_refund"
    RELEASE = "release"
    RETURN_FIRST = "return_first"


@dataclass(frozen=True, slots=True)
class RefundOffer:
    """`by` would settle the claim for `amount`, all its lines together."""

    by: Side
    amount: Money


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision that is carried out when nobody appeals in time: `parts` go back to the buyer, the rest to the seller.

    A `final` one is carried out at once. `by` is who decided, "" for the seller's own inspection.
    """

    verdict: Verdict
    parts: tuple[Part, ...]
    by: str

    @property
    def against(self) -> tuple[Side, ...]:
        """Whom it takes something from, and who may appeal; nobody appeals against what he has found himself."""
        if self.verdict is Verdict.REFUND:
            return (Side.SELLER,)
        return (Side.BUYER,) if self.verdict is Verdict.RELEASE or not self.by else (Side.BUYER, Side.SELLER)


@dataclass(frozen=True, slots=True)
class Stopped:
    """The platform's clock while it waits for an answer: when its ticket was due, and how often it was escalated."""

    due: datetime
    escalations: int


@dataclass(frozen=True, slots=True)
class ReturnParcel:
    """Goods on their way back. The tracking number stands in PostgreSQL under `parcel_id`, never here.

    `failed_at` is when it was lost, went back to the buyer, or had not arrived in time; it may arrive all the same.
    `delivered` says that its carrier told of the arrival, and not the seller alone.
    """

    parcel_id: str
    carrier: str
    sent_at: datetime
    arrived_at: datetime | None = None
    failed_at: datetime | None = None
    delivered: bool = False

    @property
    def travels(self) -> bool:
        """Whether it is on its way, as far as anybody knows."""
        return self.arrived_at is None and self.failed_at is None


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim about `lines`, which it holds until it ends. `since` is when it entered its status.

    `owner` is the person of the desk who works on it. `until` is when a claim that waits longer wakes; `ruling` waits
    for an appeal; `judges` have decided about it so far; `awarded` is what went, or is to go, back to the buyer;
    `escalated_at` and `upstream_at` are its first escalations to the platform and to the agent's shop, `appealed_at` is
    when somebody appealed; `concluded` says that it was decided or agreed upon, not merely dropped; `inspected_at` is
    when `finding` was made; `stood` are the seconds that it waited for its buyer, since the appeal if there was one,
    before it entered its status; `stopped` is the platform's clock while one side is asked. `back` is the last parcel
    in which goods were sent back, `earlier` are those before it, which had failed when it was sent, and any of which
    may arrive. Goods go back to the stored address `return_to`, with the stored file `return_label`, or both; here are
    only their ids.
    """

    claim_id: str
    lines: tuple[str, ...]
    reason: ClaimReason
    wish: Wish
    opened_at: datetime
    status: Status
    since: datetime
    offer: RefundOffer | None = None
    until: datetime | None = None
    back: ReturnParcel | None = None
    finding: Finding | None = None
    ruling: Ruling | None = None
    owner: str = ""
    judges: tuple[str, ...] = ()
    appealed: bool = False
    escalated_at: datetime | None = None
    upstream_at: datetime | None = None
    awarded: tuple[Part, ...] = ()
    concluded: bool = False
    appealed_at: datetime | None = None
    handed_back_at: datetime | None = None
    stopped: Stopped | None = None
    stood: int = 0
    return_to: str = ""
    return_label: str = ""
    earlier: tuple[ReturnParcel, ...] = ()
    inspected_at: datetime | None = None

    @property
    def instructed(self) -> bool:
        """Whether the buyer was told how the goods go back."""
        return bool(self.return_to or self.return_label)

    @property
    def waits_for_buyer(self) -> bool:
        """Whether it is its buyer's turn, or sleeps as the buyer wished: the time in which others decide it stands."""
        return self.instructed if self.status is Status.RETURN_REQUESTED else self.status in BUYERS_TURN

    @property
    def returns(self) -> tuple[ReturnParcel, ...]:
        """The parcels in which goods were sent back, the last one last."""
        return (*self.earlier, self.back) if self.back else ()

    def may_bring(self, back: ReturnParcel, scanned_at: datetime) -> bool:
        """Whether a carrier's scan of that time can be the arrival of one of the returns.

        The seller's word may have come first. A box into which he is said to have looked before his carrier brought it
        was another one; what the carrier told before that look is the arrival that he had told of.
        """
        if back.arrived_at is None:
            return True
        return not back.delivered and self.inspected_at is not None and self.inspected_at < scanned_at

    @property
    def goods_are_back(self) -> bool:
        """Whether the seller has what was sent back, or has looked into it."""
        arrived = any(back.arrived_at is not None for back in self.returns)
        return arrived or self.handed_back_at is not None or self.finding is not None

    @property
    def goods_were_seen(self) -> bool:
        """Whether they are back, and not merely a box without them: who decided so needs to hear nothing more."""
        return self.goods_are_back and self.finding is not Finding.MISSING

    @property
    def goods_travel(self) -> bool:
        """Whether the goods are on their way back, as far as anybody knows."""
        return self.back is not None and self.back.travels and not self.goods_are_back

    @property
    def is_open(self) -> bool:
        """Whether anything is left to do about it."""
        return self.status not in ENDED

    @property
    def was_decided(self) -> bool:
        """Whether it was decided or agreed upon, if only to be appealed against."""
        return self.concluded or self.appealed or bool(self.judges)

    @property
    def is_settled(self) -> bool:
        """Whether it is decided for good, and at most its money is still on the way."""
        return self.status in ENDED or (self.status is Status.REFUND_APPROVED and self.ruling is None)

    @property
    def holder(self) -> str:
        """How it is named on the lines that it holds."""
        return f"claim:{self.claim_id}"


OWN_DECISION = "an appeal is decided by somebody else than the decision was"
"""Why whoever has decided about a claim does not decide about it again."""


def case_number(order_id: str, claim_id: str) -> str:
    """What people call a claim: unique over all orders."""
    return f"{order_id}-{claim_id}"
