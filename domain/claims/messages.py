"""The messages of claims: bodies of commands as they come over the wire.

`claim_id` may be left out where the order has one open claim. Files and words are stored first and named by id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.claims.case import ClaimReason, Finding, Side, Verdict, Wish
from domain.money import Money


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """Something is wrong with `lines`, or with all that a claim can be about; `wish` is what should come of it."""

    stored_first: ClassVar[bool] = True

    reason: ClaimReason
    wish: Wish = Wish.REFUND
    lines: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class OnClaim:
    """A step on a claim that needs no more than its name."""

    claim_id: str = ""
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerClaim:
    """What one side has to say, with proof."""

    stored_first: ClassVar[bool] = True

    claim_id: str = ""
    evidence: tuple[str, ...] = ()
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class AddEvidence:
    """More proof, which moves nothing."""

    stored_first: ClassVar[bool] = True

    evidence: tuple[str, ...]
    claim_id: str = ""
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class OfferRefund:
    """The claim would be settled by `amount` going back to the buyer, all its lines together."""

    amount: Money
    claim_id: str = ""
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class WaitOnClaim:
    """The buyer gives the parcel `days` more calendar days; the claim sleeps until then."""

    days: int
    claim_id: str = ""
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class InstructReturn:
    """The goods go back to `address_id`, with the file `label`, or both; each is stored first, by who gives it.

    The address is the seller's or the platform's, the label a PDF or a picture that is not the buyer's.
    """

    stored_first: ClassVar[bool] = True

    address_id: str = ""
    label: str = ""
    claim_id: str = ""
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class SendReturn:
    """The goods are on their way back. The tracking number is stored under `parcel_id` first."""

    parcel_id: str
    carrier: str
    claim_id: str = ""


@dataclass(frozen=True, slots=True)
class InspectReturn:
    """In what state the goods came back."""

    finding: Finding
    claim_id: str = ""
    note_id: str | None = None


@dataclass(frozen=True, slots=True)
class AskParty:
    """The platform needs an answer of one side before it can decide."""

    of: Side
    note_id: str
    claim_id: str = ""


@dataclass(frozen=True, slots=True)
class AssignClaim:
    """The claim is `owner`'s from now on, its ticket too; "" takes it from everybody."""

    owner: str
    claim_id: str = ""


@dataclass(frozen=True, slots=True)
class DecideClaim:
    """The platform's decision, its reasons stored under `note_id`; `amount` only for a refund in part."""

    verdict: Verdict
    note_id: str
    claim_id: str = ""
    amount: Money | None = None
