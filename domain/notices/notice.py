"""What one notice is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.notices.standing import Facts
from domain.state import Role


class Channel(StrEnum):
    """How a notice leaves."""

    MAIL = "mail"
    STOREFRONT = "storefront"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one recipient, from `due` on, no later than `valid_until` (None: as long as it `stands`).

    `cause` is unique in its order: for one cause a recipient is told once.
    """

    cause: str
    to: Role
    channel: Channel
    template: str
    due: datetime
    valid_until: datetime | None = None
    context: Facts = field(default_factory=dict)
