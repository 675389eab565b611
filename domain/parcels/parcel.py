"""One parcel, and what several parcels of one line are to each other.

A line may be sent in several boxes, and anew when one of them went wrong; nobody says which of both a further parcel
is. What is known is how each ended, and what was known of the others when it was sent:

| this one | another one | so |
|---|---|---|
| lost, or came back | is under way, or has arrived | nobody waits for this one (`gives_way_to`) |
| came back | was sent knowing that | the seller has sent the same anew, whatever became of that (`came_back_before`) |
| was lost, or came back | was sent knowing that; is under way, or arrived | it stands in for this one (`replaced`) |
| came back | none was sent knowing that, or stands in for it | the seller has goods of the line (`some_came_back`) |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.money import Money


class Milestone(StrEnum):
    """What a carrier says of a parcel; only these reach an order."""

    ACCEPTED = "accepted"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    FAILED_ATTEMPT = "failed_attempt"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"


FAILED = frozenset({Milestone.LOST, Milestone.RETURNED})
"""Ends of a parcel's way at which its goods are not where they were sent."""


class Proof(StrEnum):
    """How sure a delivery is. Strong: signature, code, photo or location at the address (docs/rules.md)."""

    WEAK = "weak"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Loss:
    """What a carrier owes for a lost parcel: what its terms paid, when it was lost, for the lines that were in it."""

    lines: tuple[str, ...]
    pays: Money


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel and how far it has come. Its tracking number stands in PostgreSQL under `parcel_id`, never here.

    `loss` is there as long as the carrier says that the parcel is lost. `instead_of` names those with some of its lines
    that were known to be lost, or to have come back, when it was sent; what becomes of them later takes none out.
    """

    parcel_id: str
    carrier: str
    lines: tuple[str, ...]
    shipped_at: datetime
    service: str = ""
    insured: Money | None = None
    milestone: Milestone | None = None
    moved_at: datetime | None = None
    proof: Proof = Proof.WEAK
    withdrawn: bool = False
    loss: Loss | None = None
    instead_of: tuple[str, ...] = ()

    def moved_on(self, milestone: Milestone, at: datetime, proof: Proof) -> Parcel:
        """The parcel after a scan; whatever else a carrier says of a lost one, it is found."""
        proof = proof if milestone is Milestone.DELIVERED else self.proof
        return replace(self, milestone=milestone, moved_at=at, proof=proof, loss=None)

    def came_back_before(self, other: Parcel) -> bool:
        """Whether the carrier had brought it back to the seller when `other` was sent."""
        back = self.milestone is Milestone.RETURNED and self.parcel_id in other.instead_of
        return back and self.moved_at is not None and self.moved_at <= other.shipped_at

    def gives_way_to(self, other: Parcel) -> bool:
        """Whether nobody waits for it, lost or brought back as it is, because `other` brings the goods, or has.

        Which was sent first does not matter: a seller who hears of a stall sends anew before the end is known.
        """
        if self.milestone not in FAILED or other.parcel_id == self.parcel_id:
            return False
        return other.milestone not in FAILED or self.came_back_before(other)


def waited_for(sent: Iterable[Parcel]) -> tuple[Parcel, ...]:
    """Of the parcels in which a line was sent those with which it arrives: all that give way to none of the others."""
    boxes = tuple(sent)
    return tuple(parcel for parcel in boxes if not any(parcel.gives_way_to(other) for other in boxes))


def replaced(parcel: Parcel, sent: Iterable[Parcel]) -> bool:
    """Whether another of the line's parcels brings it, or has, that was sent when a bad end of this one was known.

    What was sent before that may be the other half of the goods, and not the same anew.
    """
    return any(parcel.parcel_id in other.instead_of and other.milestone not in FAILED for other in sent)


def some_came_back(sent: Iterable[Parcel]) -> bool:
    """Whether one of the line's parcels came back, and none was sent since, or brings the goods in its place."""
    boxes = tuple(sent)
    back = (parcel for parcel in boxes if parcel.milestone is Milestone.RETURNED and not replaced(parcel, boxes))
    return any(not any(parcel.came_back_before(other) for other in boxes) for parcel in back)
