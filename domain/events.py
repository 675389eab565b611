"""What can happen to an order, as small records. `domain/fold.py` says what each does to the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from domain import wire
from domain.business_time import Calendar
from domain.claims.case import Claim, Finding, RefundOffer, ReturnParcel, Ruling, Status
from domain.errors import Invalid
from domain.money import Money, payable_part, total
from domain.parcels.parcel import Loss, Milestone, Parcel, Proof
from domain.policy import Policy
from domain.purse import SUSPENSE, Bearer, Debt, Dispute, Moved, Part, Share, Stray
from domain.state import (
    Account,
    Approval,
    CancelRequest,
    LineState,
    MoneyOp,
    Offer,
    Outcome,
    Pause,
    Role,
    Seen,
    Stuck,
    Ticket,
    TimeRequest,
)


@dataclass(frozen=True, slots=True)
class LinesMoved:
    lines: tuple[str, ...]
    to: LineState
    at: datetime


@dataclass(frozen=True, slots=True)
class LinesHeld:
    """`by` names what holds them; "" lets them go."""

    lines: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class ParcelSent:
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class ParcelMoved:
    parcel_id: str
    milestone: Milestone
    at: datetime
    proof: Proof


@dataclass(frozen=True, slots=True)
class ParcelLost:
    """What the carrier owes for it by its terms, reckoned once, so that other terms later change nothing."""

    parcel_id: str
    loss: Loss


@dataclass(frozen=True, slots=True)
class ParcelFound:
    """A parcel for which its carrier owed has turned up."""

    parcel_id: str


@dataclass(frozen=True, slots=True)
class GoodsReceived:
    """The buyer has told that the lines have come, which no carrier's word undoes."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParcelsWithdrawn:
    parcels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressChanged:
    address_id: str


@dataclass(frozen=True, slots=True)
class AccountChanged:
    account: Account


@dataclass(frozen=True, slots=True)
class PaymentOffered:
    offer: Offer


@dataclass(frozen=True, slots=True)
class PaymentExpired:
    """The order was never paid in time."""


@dataclass(frozen=True, slots=True)
class CancelAsked:
    request: CancelRequest


@dataclass(frozen=True, slots=True)
class CancelEnded:
    """The cancel request was granted, refused, or lapsed because the seller shipped."""

    how: str


@dataclass(frozen=True, slots=True)
class TimeAsked:
    request: TimeRequest


@dataclass(frozen=True, slots=True)
class TimeEnded:
    granted: bool


@dataclass(frozen=True, slots=True)
class DaysGranted:
    """Counts what was granted of one allowance, so that policy's maximum holds."""

    allowance: str
    days: int


@dataclass(frozen=True, slots=True)
class TierMoved:
    """A tier of a clock, such as ``ship.ticket``, rings at `to` instead."""

    tier: str
    to: datetime


@dataclass(frozen=True, slots=True)
class TierPassed:
    """A tier has done its work and does not repeat."""

    tier: str


@dataclass(frozen=True, slots=True)
class TierReset:
    """A tier may ring again: its parcel moved, or a person set it a new time."""

    tier: str


@dataclass(frozen=True, slots=True)
class Paused:
    pause: Pause


@dataclass(frozen=True, slots=True)
class Resumed:
    """The pause is over; the tiers' new times come as `TierMoved`."""


@dataclass(frozen=True, slots=True)
class ReviewBegun:
    """The provider looks at the payment."""

    review: Pause


@dataclass(frozen=True, slots=True)
class ReviewEnded:
    """It has looked at it, or nobody waits for that any longer."""

    about: str


@dataclass(frozen=True, slots=True)
class TicketOpened:
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class TicketAssigned:
    ticket_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class TicketEscalated:
    ticket_id: str
    due: datetime


@dataclass(frozen=True, slots=True)
class TicketExtended:
    """The ticket has a new time, and counts as never having been overdue: a person gave it, or the bank has decided.

    `after_bank` says the latter: the bank had kept the desk from it.
    """

    ticket_id: str
    due: datetime
    after_bank: bool = False


@dataclass(frozen=True, slots=True)
class TicketResolved:
    """`by` is the step that ended it; `reason` is a code or the id of a stored note, never free text."""

    ticket_id: str
    outcome: Outcome
    by: str


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    approval: Approval


@dataclass(frozen=True, slots=True)
class ApprovalEnded:
    how: str


@dataclass(frozen=True, slots=True)
class RenewalAsked:
    """The hold runs out: place a new one with the stored payment method."""


@dataclass(frozen=True, slots=True)
class MoneyAsked:
    op: MoneyOp


@dataclass(frozen=True, slots=True)
class MoneyUnknown:
    """The outcome of the operation under way is not known; ask again at `retry_at`."""

    retry_at: datetime
    code: str


@dataclass(frozen=True, slots=True)
class MoneyRefused:
    """The provider definitely did not do it; `code` is its word."""

    op: MoneyOp
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MoneyStuck:
    """What was refused is tried anew later."""

    stuck: Stuck


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """Everything that waits for a later try may be tried now."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HoldOpened:
    ref: str
    amount: Money
    capture_before: datetime
    renewable: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class HoldLost:
    """The authorisation is gone although the order goes on: the buyer is asked to pay anew."""

    at: datetime


@dataclass(frozen=True, slots=True)
class RenewalFailed:
    """The bank wants the buyer to take part in the renewal."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HoldVoided:
    ref: str


@dataclass(frozen=True, slots=True)
class Captured:
    charge: str
    amount: Money
    slices: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Released:
    """`amount` was transferred; `move` says what it came from (None in steps of an older version)."""

    ref: str
    amount: Money
    slices: tuple[str, ...]
    move: Moved | None = None
    netted: Money | None = None


@dataclass(frozen=True, slots=True)
class Refunded:
    """`amount` went back to the buyer; what had been paid out before is owed by the seller from now on, as `debt`.

    `part` says that it was only so much of one slice, whose rest goes its way.
    """

    ref: str
    amount: Money
    slices: tuple[str, ...]
    move: Moved | None = None
    debt: Debt | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class ShippingGranted:
    """The buyer gets the shipping back, whatever becomes of the lines."""


@dataclass(frozen=True, slots=True)
class ReleaseReversed:
    """`amount` of the release `release` came back from the seller's account; `debt` is what is still owed."""

    ref: str
    release: str
    amount: Money
    debt: Debt | None


@dataclass(frozen=True, slots=True)
class DebtPaid:
    """The seller's other releases have paid `amount` of what was owed; `debt` is the rest."""

    amount: Money
    debt: Debt | None


@dataclass(frozen=True, slots=True)
class DebtWrittenOff:
    """The seller's debt is the platform's loss."""

    amount: Money


@dataclass(frozen=True, slots=True)
class RefundFailed:
    """A refund that was given has failed since.

    `made_up` is what of it makes up for the platform's losses, by dispute; the rest is no slice's any more. Where there
    was no loss, the slices are back in escrow.
    """

    move: Moved
    made_up: tuple[Part, ...] = ()

    @property
    def back(self) -> tuple[Part, ...]:
        """What is ours to move again."""
        if not self.made_up:
            return self.move.parts
        rest = self.move.amount - total([part.amount for part in self.made_up], self.move.amount.currency)
        return (Part(SUSPENSE, rest),) if rest else ()


@dataclass(frozen=True, slots=True)
class DisputeOpened:
    dispute: Dispute


@dataclass(frozen=True, slots=True)
class DisputeWon:
    """The withdrawn money came back, `fee` of the fee with it. `dispute` is as it stood before.

    `made_up` is what of it makes up for the platform's losses from other disputes, of what the buyer would have;
    `recovered` what makes good the seller's debt that was written off, of what the seller would have.
    """

    dispute: Dispute
    fee: Money
    made_up: tuple[Part, ...] = ()
    recovered: Money | None = None

    @property
    def stray(self) -> Money:
        """What is on its way back to the buyer again."""
        return self.dispute.stray_back - total([part.amount for part in self.made_up], self.dispute.amount.currency)

    @property
    def won(self) -> Dispute:
        """The dispute with what of its fee goes back to the seller, who owed it, and what of it the platform keeps.

        Of what the provider keeps of the fee the seller bears only what can be paid.
        """
        dispute = self.dispute
        borne = payable_part(dispute.fee - self.fee)
        fee_back = dispute.sellers_fee - borne if dispute.fee_owed else dispute.fee_back
        return replace(dispute, fee_back=fee_back, recovered=self.recovered)


@dataclass(frozen=True, slots=True)
class DisputeLost:
    """The withdrawn money is gone; who bears it is settled when nothing else is under way."""

    dispute_id: str


@dataclass(frozen=True, slots=True)
class DisputeBorne:
    """Escrow, seller and platform bear a lost dispute by `shares`; `debt` is what the seller owes from now on."""

    dispute_id: str
    shares: tuple[Share, ...]
    fee_owed: bool
    debt: Debt | None
    at: datetime

    @property
    def is_owed(self) -> bool:
        """Whether the seller owes any of it."""
        return self.fee_owed or any(share.by is Bearer.SELLER for share in self.shares)


@dataclass(frozen=True, slots=True)
class MoneyStrayed:
    """Money came in that this order has no claim to; it goes back."""

    stray: Stray


@dataclass(frozen=True, slots=True)
class HoldStrayed:
    """A hold stands at the provider that this order does not want; it is let go. Older steps did not keep `amount`."""

    ref: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class WindowReopened:
    """Something came up after the end: the order is open again until that is settled."""


@dataclass(frozen=True, slots=True)
class ClaimOpened:
    claim: Claim


@dataclass(frozen=True, slots=True)
class ClaimMoved:
    claim_id: str
    to: Status
    at: datetime


@dataclass(frozen=True, slots=True)
class ClaimAssigned:
    claim_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class ClaimWaits:
    """The buyer gives the parcel until then; the claim sleeps."""

    claim_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class RefundOffered:
    """An offer stands, or, with None, the last one no longer does."""

    claim_id: str
    offer: RefundOffer | None


@dataclass(frozen=True, slots=True)
class ClaimRuled:
    """The platform, or an inspection, decided; None takes the decision back. `judges` are the people who decided."""

    claim_id: str
    ruling: Ruling | None
    judges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClaimAppealed:
    """Somebody appealed, or the goods came, or failed to, after the decision; older versions kept no time."""

    claim_id: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReturnInstructed:
    """How the goods go back: to a stored address, with a stored label, or both; it takes the place of the last one."""

    claim_id: str
    address_id: str
    label: str


@dataclass(frozen=True, slots=True)
class ReturnSent:
    claim_id: str
    parcel: ReturnParcel


@dataclass(frozen=True, slots=True)
class ReturnArrived:
    """Goods are back with the seller, in the last return of their claim where `parcel_id` names none."""

    claim_id: str
    at: datetime
    parcel_id: str = ""


@dataclass(frozen=True, slots=True)
class ReturnFailed:
    """A return is lost, goes back to the buyer, or has not arrived in time."""

    claim_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReturnInspected:
    """`at` is None in steps of an older version."""

    claim_id: str
    finding: Finding
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundAwarded:
    """`parts` are to go back to the buyer, whole lines or a part of one that goes its way with the rest."""

    claim_id: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class EvidenceGiven:
    """Stored files that belong to a claim."""

    claim_id: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyAdopted:
    policy: Policy


@dataclass(frozen=True, slots=True)
class CalendarsExtended:
    seller: Calendar
    buyer: Calendar
    desk: Calendar


@dataclass(frozen=True, slots=True)
class CalendarsAsked:
    """The pinned calendars run short; the step's activity resolves further days."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A note was stored under this id."""

    note_id: str


@dataclass(frozen=True, slots=True)
class MessageSaid:
    """A text that was stored under `message_id` is read by the others from now on; an `internal` one by the desk."""

    message_id: str
    by: Role
    internal: bool
    attachments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WindowClosed:
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """A step was taken: counts the order's sequence and remembers the command that asked for it."""

    seq: int
    seen: Seen | None = None


Event = (
    LinesMoved | LinesHeld | ParcelSent | ParcelMoved | ParcelLost | ParcelFound | GoodsReceived | ParcelsWithdrawn
    | AddressChanged | AccountChanged | PaymentOffered | PaymentExpired | CancelAsked | CancelEnded
    | TimeAsked | TimeEnded | DaysGranted
    | TierMoved | TierPassed | TierReset | Paused | Resumed | ReviewBegun | ReviewEnded
    | TicketOpened | TicketAssigned | TicketEscalated | TicketExtended | TicketResolved | ApprovalAsked | ApprovalEnded
    | RenewalAsked | MoneyAsked | MoneyUnknown | MoneyRefused | MoneyStuck | RetryAsked
    | HoldOpened | HoldLost | RenewalFailed | HoldVoided | HoldStrayed | Captured | Released | Refunded
    | ShippingGranted
    | ReleaseReversed | DebtPaid | DebtWrittenOff | RefundFailed | MoneyStrayed
    | DisputeOpened | DisputeWon | DisputeLost | DisputeBorne | WindowReopened
    | ClaimOpened | ClaimMoved | ClaimAssigned | ClaimWaits | RefundOffered | ClaimRuled | ClaimAppealed
    | ReturnInstructed | ReturnSent | ReturnArrived | ReturnFailed | ReturnInspected
    | RefundAwarded | EvidenceGiven
    | PolicyAdopted | CalendarsAsked | CalendarsExtended | Noted | MessageSaid | WindowClosed | Taken
)  # fmt: skip


def to_plain(event: Event) -> dict[str, Any]:
    """An event as plain data, its kind under ``event``."""
    return {"event": type(event).__name__, **wire.to_plain(event)}


def from_plain(data: Mapping[str, Any]) -> Event:
    """The event that `to_plain` wrote; raises Invalid for a kind that this version does not know."""
    fields = dict(data)
    kind = _KINDS.get(str(fields.pop("event", "")))
    if kind is None:
        raise Invalid("event", f"{data.get('event')!r} is not an event of this version")
    return wire.from_plain(kind, fields)


_KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
