"""What a carrier service tells about a parcel, and how it refuses, as plain data.

A tracking number is personal data: nothing here contains one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.errors import ProviderError
from domain.parcels.parcel import Milestone, Proof


class Reached(NamedTuple):
    """A milestone reached at an instant (UTC). Only a delivery can have strong proof."""

    milestone: Milestone
    at: datetime
    proof: Proof


@dataclass(frozen=True, slots=True)
class TrackerReport:
    """A parcel's milestones, oldest first, runs of the same milestone told once; failed attempts are told each.

    `last_movement` is the latest scan of any kind in UTC, None before the first.
    """

    tracker_id: str
    milestones: tuple[Reached, ...]
    last_movement: datetime | None


@dataclass(frozen=True, slots=True)
class CarrierEvent:
    """A webhook whose signature holds: which tracker to read back. `at` is when the carrier made it, in UTC."""

    event_id: str
    tracker_id: str
    at: datetime


class NotTrackable(ProviderError):
    """The carrier service knows no such carrier, or no number of that kind; the parcel travels untracked."""


class UnknownTracker(ProviderError):
    """The carrier service has no tracker of that id."""


class InvalidWebhook(ProviderError):
    """A webhook to turn away: `forged` when its signature is missing or wrong, else its body is unreadable."""

    def __init__(self, message: str, *, forged: bool) -> None:
        super().__init__(message)
        self.forged = forged
