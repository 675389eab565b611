"""The process of a claim as docs/claims.md tells it: who may do what at which status, and what silence then does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

RECEIVED, FOR_SELLER, FOR_BUYER = "received", "waiting_for_seller", "waiting_for_buyer"
LONGER, UPSTREAM, PLATFORM = "waiting_longer", "escalated_upstream", "escalated_to_platform"
SELLER_ASKED, BUYER_ASKED = "seller_asked", "buyer_asked"
TO_RETURN, RETURNING, RETURNED = "return_requested", "return_sent", "return_received"
APPROVED, REJECTED, RESOLVED, CLOSED = "refund_approved", "rejected", "resolved", "closed"

UNDECIDED = (
    RECEIVED, FOR_SELLER, FOR_BUYER, LONGER, UPSTREAM, PLATFORM, SELLER_ASKED, BUYER_ASKED, TO_RETURN, RETURNING,
    RETURNED,
)  # fmt: skip

SIDES = {
    "buyer": "buyer", "seller": "seller", "platform": "seller", "specialist": "desk", "operator": "desk",
}  # fmt: skip
"""For whom each role acts on a claim; the platform's own fulfilment is a seller."""

MAY: dict[str, dict[str, tuple[str, ...]]] = {
    "answer_claim": {"seller": (RECEIVED, FOR_SELLER, SELLER_ASKED), "buyer": (FOR_BUYER, BUYER_ASKED)},
    "add_evidence": {"buyer": UNDECIDED, "seller": UNDECIDED, "desk": UNDECIDED},
    "assign_claim": {"desk": (*UNDECIDED, APPROVED, REJECTED)},
    "withdraw_claim": {"buyer": tuple(status for status in UNDECIDED if status not in (RETURNING, RETURNED))},
    "wait_on_claim": {"buyer": (RECEIVED, FOR_SELLER, FOR_BUYER)},
    "grant_claim": {"seller": (RECEIVED, FOR_SELLER)},
    "offer_refund": {"seller": (RECEIVED, FOR_SELLER), "buyer": (FOR_BUYER,)},
    "accept_offer": {"seller": (FOR_SELLER,), "buyer": (FOR_BUYER,)},
    "decline_offer": {"seller": (FOR_SELLER,), "buyer": (FOR_BUYER,)},
    "instruct_return": {"seller": (TO_RETURN,)},
    "send_return": {"buyer": (TO_RETURN,)},
    "receive_return": {"seller": (TO_RETURN, RETURNING, PLATFORM, SELLER_ASKED, BUYER_ASKED)},
    "inspect_return": {"seller": (RETURNED,)},
    "escalate_claim": {
        "buyer": (FOR_SELLER, FOR_BUYER, UPSTREAM, RETURNING),
        "seller": (RECEIVED, FOR_SELLER, FOR_BUYER, RETURNING, RETURNED),
    },
    "escalate_upstream": {"seller": (RECEIVED, FOR_SELLER), "desk": (RECEIVED, FOR_SELLER, PLATFORM)},
    "answer_upstream": {"seller": (UPSTREAM,), "desk": (UPSTREAM,)},
    "ask_party": {"desk": (PLATFORM,)},
    "decide_claim": {"desk": UNDECIDED},
    "appeal_claim": {"buyer": (APPROVED, REJECTED), "seller": (APPROVED, REJECTED)},
}
"""The statuses at which each side may send a command."""

WAITS: dict[str, tuple[str, str, str]] = {
    RECEIVED: ("claim_unanswered", "seller", "answer"),
    FOR_SELLER: ("claim_unanswered", "seller", "answer"),
    FOR_BUYER: ("claim_lapses", "buyer", "reply"),
    SELLER_ASKED: ("claim_unanswered", "seller", "answer"),
    BUYER_ASKED: ("claim_unanswered", "buyer", "reply"),
    TO_RETURN: ("claim_lapses", "buyer", "send_back"),
    RETURNING: ("return_missing", "seller", "travel"),
    RETURNED: ("inspection_lapses", "seller", "inspect"),
    UPSTREAM: ("upstream_silent", "seller", "upstream"),
}
"""What silence does at each status, who is silent, and the name of the window."""

UNTOLD = ("instruction_missing", "seller", "send_back")
"""The same of goods that are to come back while the buyer does not know where to: that is not his silence."""

SILENCES = (
    "claim_unanswered", "claim_lapses", "return_missing", "inspection_lapses", "upstream_silent", "instruction_missing",
)  # fmt: skip


@dataclass
class Stuck:
    """A definite no: nothing of that kind for these slices, or that payout, before `retry`."""

    verb: str
    names: tuple[str, ...]
    retry: datetime
    subject: str = ""


@dataclass
class Claim:
    """One claim. `ruling` is a decision that waits for an appeal, by line; `awarded` what was granted in the end.

    `parcels` are the returns, and when each has come; `scanned` are those of
    which their carrier said so. A ruling goes `against` one side or both; `stopped` is the
    ticket's due time and escalations while a side is asked.
    """

    name: str
    lines: tuple[str, ...]
    reason: str
    opened: datetime
    since: datetime
    status: str = RECEIVED
    offer: tuple[str, int] | None = None
    ruling: dict[str, int] | None = None
    judges: set[str] = field(default_factory=set)
    appealed: bool = False
    awarded: dict[str, int] = field(default_factory=dict)
    parcels: dict[str, datetime | None] = field(default_factory=dict)
    scanned: set[str] = field(default_factory=set)
    concluded: bool = False
    asked_upstream: bool = False
    missing: bool = False
    came_back: bool = False
    empty: bool = False
    looked: datetime | None = None
    failed: bool = False
    appealed_at: datetime | None = None
    against: tuple[str, ...] = ()
    stopped: tuple[datetime, int] | None = None
    stood: timedelta = timedelta()
    told_where: bool = False

    @property
    def parcel(self) -> str:
        """The last return; `failed` is whether that one has."""
        return next(reversed(self.parcels), "")

    @property
    def for_buyer(self) -> bool:
        """Whether the buyer must go on with it, or sleeps over it."""
        return self.told_where if self.status == TO_RETURN else self.status in (FOR_BUYER, LONGER, BUYER_ASKED)

    @property
    def waits(self) -> tuple[str, str, str] | None:
        """What silence does to it now, who is silent, and the name of the window; None where no party is asked."""
        return UNTOLD if self.status == TO_RETURN and not self.told_where else WAITS.get(self.status)

    @property
    def open(self) -> bool:
        return self.status not in (RESOLVED, CLOSED)

    @property
    def decided(self) -> bool:
        """Whether it was decided or agreed upon, also when somebody appealed."""
        return self.concluded or self.appealed or bool(self.judges)

    @property
    def settled(self) -> bool:
        """Whether it is decided for good, and at most the money has to follow."""
        return not self.open or (self.status == APPROVED and self.ruling is None)

    @property
    def holder(self) -> str:
        return f"claim:{self.name}"

    @property
    def clock(self) -> tuple[str, tuple[str, ...]]:
        """The step that its clock takes, and on whose calendars it counts: the latest of its ends is its end."""
        if self.status == LONGER:
            return "claim_wakes", ("buyer",)
        return (self.waits[0], (self.waits[1],)) if self.waits else ("decision_stands", self.against)
