"""The numbers of the marketplace in the reference model, as docs/policy.md gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class ClaimTerms:
    """The numbers of claims; windows are business days, from `return_window` to `longest` calendar days, then cents.

    `others` are those that are others for a reason.
    """

    answer: int = 2
    reply: int = 4
    upstream: int = 10
    send_back: int = 10
    travel: int = 10
    inspect: int = 3
    appeal: int = 2
    missing: int = 5
    return_window: int = 14
    report: int | None = None
    late: int = 60
    longest: int = 60
    most: int = 3
    cheap: int = 2000
    come_back: tuple[str, ...] = ("not_as_described", "wrong_item", "changed_mind")
    handling: tuple[str, ...] = ("changed_mind",)
    handling_points: int = 500
    used_points: int = 3000
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, reason: str) -> ClaimTerms:
        """The numbers for a claim with this reason."""
        return replace(self, **self.others.get(reason, {}))


@dataclass(frozen=True)
class Terms:
    """The numbers of the marketplace, as docs/policy.md gives them; spans without a unit are business days."""

    expire: timedelta = timedelta(days=7)
    more_time_to_pay: int = 7
    confirm: tuple[int, int] = (2, 4)
    ship: tuple[int, int] = (4, 5)
    more_time_to_ship: int = 5
    at_confirmation: bool = False
    margin: timedelta = timedelta(hours=24)
    renews: bool = False
    ask_buyer: int = 1
    stall: int = 5
    decide: int = 4
    weak_release: timedelta = timedelta(days=10)
    weak_limit: int = 15000
    answer: int = 1
    wait_most: int = 10
    window: timedelta = timedelta(days=30)
    ticket_due: int = 1
    escalate: int = 1
    longest_escrow: timedelta = timedelta(days=85)
    first_retry: timedelta = timedelta(minutes=1)
    longest_retry: timedelta = timedelta(minutes=60)
    unknown_ticket: timedelta = timedelta(hours=24)
    commission: int = 800
    dispute_longest: timedelta = timedelta(days=120)
    retry_reverse: int = 5
    write_off: timedelta = timedelta(days=60)
    at_fault: tuple[str, ...] = ("not_received", "not_as_described", "credit_not_processed")
    account_settles: timedelta = timedelta(hours=72)
    retry_refused: int = 1
    second_limit: int = 50000
    lapse: int = 1
    longest_pause: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(minutes=15)
    claims: ClaimTerms = field(default_factory=ClaimTerms)
