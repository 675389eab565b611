"""The records of an order's money after its capture: what moved, what is disputed, what is owed, what came uncalled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.money import Money, Verb, payable_part, total

SHIPPING = "shipping"
"""The slice of escrow that pays for shipping; every other slice is named by its line, or by a dispute that was won."""

SUSPENSE = "suspense"
"""The slice of money that came in without a claim to it."""

RESERVED = frozenset({SHIPPING, SUSPENSE})
"""Slices that no line may be named like."""


@dataclass(frozen=True, slots=True)
class Part:
    """An amount of one slice."""

    piece: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that left for the seller or the buyer. `ref` is the provider's object, `amount` what went through it.

    `source` is the charge that it came out of and `parts` are its slices, gross. `reversed` is what of a release the
    seller has given back.
    """

    verb: Verb
    ref: str
    source: str
    amount: Money
    parts: tuple[Part, ...]
    reversed: Money

    @property
    def left(self) -> Money:
        """What of a release can still be taken back through the provider."""
        return self.amount - self.reversed


class DisputeReason(StrEnum):
    """What the buyer told the bank, in our words."""

    NOT_RECEIVED = "not_received"
    NOT_AS_DESCRIBED = "not_as_described"
    CREDIT_NOT_PROCESSED = "credit_not_processed"
    FRAUDULENT = "fraudulent"
    DUPLICATE = "duplicate"
    UNRECOGNISED = "unrecognised"
    OTHER = "other"


class DisputeStatus(StrEnum):
    """Where a chargeback stands."""

    OPEN = "open"  # the bank has not decided
    WON = "won"
    LOST = "lost"  # decided, and not yet borne by anybody
    BORNE = "borne"  # lost, and taken from escrow, seller and platform
    RESTORED = "restored"  # won after it was borne: the money is in escrow again, on its way to the seller


class Bearer(StrEnum):
    """Who bears a share of a lost dispute."""

    ESCROW = "escrow"
    SELLER = "seller"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Share:
    """One share of a lost dispute: the slice ("" for none), who bears it, and how much of it is the platform's fee.

    `due` says that it was to go back to the buyer anyway, because its line is dead or a claim granted it; `claim` names
    the one whose ruling says so, as long as it may be appealed against.
    """

    piece: str
    by: Bearer
    amount: Money
    fee: Money
    due: bool = False
    claim: str = ""

    @property
    def restorable(self) -> bool:
        """Whether the seller gets it when the dispute is won after all."""
        return self.by is not Bearer.PLATFORM and not self.buyers

    @property
    def buyers(self) -> bool:
        """Whether it is on its way back to the buyer when the dispute is won after all."""
        return self.due or self.piece == SUSPENSE

    @property
    def net(self) -> Money:
        """The share without the platform's fee: what the seller has, or would have had."""
        return self.amount - self.fee


@dataclass(frozen=True, slots=True)
class Dispute:
    """A chargeback: `amount` and `fee` were withdrawn by the provider. `parts` are the slices that it holds.

    `shares` say who bears it once it is lost, and `fee_owed` that the seller owes its fee; `fee_back` is what of that
    came back with a win afterwards, and `recovered` what of the win made good a debt that was written off. `charge` is
    the payment that it is about, "" for the one that pays for the order.
    """

    dispute_id: str
    amount: Money
    fee: Money
    reason: DisputeReason
    opened_at: datetime
    parts: tuple[Part, ...]
    status: DisputeStatus = DisputeStatus.OPEN
    shares: tuple[Share, ...] = ()
    fee_owed: bool = False
    fee_back: Money | None = None
    charge: str = ""
    recovered: Money | None = None

    @property
    def holds(self) -> bool:
        """Whether its slices may not move: the bank, or we, have yet to decide about them."""
        return self.status in (DisputeStatus.OPEN, DisputeStatus.LOST)

    @property
    def sellers_fee(self) -> Money:
        """What of its fee the seller owes who bears it: what can be paid."""
        return payable_part(self.fee)

    @property
    def restorable(self) -> Money:
        """What goes back into escrow when a dispute that was borne is won after all: what would be the seller's."""
        shares = [share.amount for share in self.shares if share.restorable]
        less = [-self.recovered] if self.recovered else []
        return total([*shares, *([self.fee_back] if self.fee_back else []), *less], self.amount.currency)

    @property
    def lost(self) -> Money:
        """What of it is the platform's loss."""
        return total([share.amount for share in self.shares if share.by is Bearer.PLATFORM], self.amount.currency)

    def made_up(self, amount: Money) -> Dispute:
        """So much of the platform's loss is made up for: the bank gave the buyer what had not reached him."""
        zero = Money.zero(self.amount.currency)
        others = tuple(share for share in self.shares if share.by is not Bearer.PLATFORM)
        moved = (Share(SUSPENSE, Bearer.ESCROW, amount, zero), Share("", Bearer.PLATFORM, self.lost - amount, zero))
        return replace(self, shares=(*others, *(share for share in moved if share.amount)))

    @property
    def stray_back(self) -> Money:
        """What of it had been on its way back to the buyer, and is so again when a dispute that was borne is won."""
        return total([share.amount for share in self.shares if share.buyers], self.amount.currency)

    @property
    def from_suspense(self) -> Money:
        """What of it was no slice's when it was borne."""
        return total([share.amount for share in self.shares if share.piece == SUSPENSE], self.amount.currency)

    @property
    def restorable_fee(self) -> Money:
        """The platform's fee in `restorable`."""
        return total([share.fee for share in self.shares if share.restorable], self.amount.currency)


@dataclass(frozen=True, slots=True)
class Debt:
    """What the seller owes for this order, since `since`; later releases pay it."""

    amount: Money
    since: datetime


@dataclass(frozen=True, slots=True)
class Stray:
    """Money that came in without a claim to it, under the provider's charge `ref`."""

    ref: str
    amount: Money
