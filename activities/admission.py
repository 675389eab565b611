"""From a checkout to an order: the rules of the document, the marketplace's policy, the calendars, all pinned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from activities import calendars
from activities.policies import read_policy
from domain import wire
from domain.business_time import Calendar
from domain.checkout import Checkout, check, place
from domain.errors import Invalid
from domain.events import CalendarsExtended
from domain.policy import Policy
from domain.policy.file import PolicyError
from domain.state import Order


def draft(policies: Path, document: Mapping[str, Any], now: datetime) -> Order:
    """The order that a checkout starts, not yet paid. Raises Invalid, naming field and rule."""
    checkout = wire.from_plain(Checkout, dict(document))
    check(checkout)
    policy = _policy(policies, checkout.marketplace)
    seller, buyer, desk = calendars.of_parties(policy.calendar, checkout, now)
    for calendar in (seller, buyer, desk):
        calendars.reaches(calendar, policy, now)
    return place(checkout, policy, seller, buyer, desk, now)


def further_days(order: Order, now: datetime) -> CalendarsExtended:
    """The order's calendars up to policy's horizon from now; the days that were pinned stay as they are."""
    rules = order.policy.calendar
    last = (now + timedelta(days=rules.horizon)).date()

    def further(calendar: Calendar) -> Calendar:
        country, _, subdivision = calendar.name.partition(" ")[0].partition("-")
        return calendars.extend(
            calendar,
            country,
            subdivision,
            last,
            extra_days_off=rules.extra_days_off,
            removed_days_off=rules.removed_days_off,
        )

    return CalendarsExtended(
        further(order.seller_calendar), further(order.buyer_calendar), further(order.desk_calendar)
    )


def _policy(policies: Path, name: str) -> Policy:
    try:
        return read_policy(policies, name)
    except PolicyError as error:
        raise Invalid("marketplace", f"{name!r} has a policy file that cannot be used: {error}") from None
    except Invalid as error:
        raise Invalid("marketplace", error.rule) from None
