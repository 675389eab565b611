"""From a checkout to an order: the rules of the document, the marketplace's policy, the calendars, all pinned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from activities import calendars
from activities.policies import read_policy
from activities.store import personal
from domain import wire
from domain.business_time import Calendar
from domain.checkout import ID, Checkout, check, place
from domain.contract import workflow_id
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


def named(document: Mapping[str, Any]) -> str:
    """The order id of a document, "" when it has none that could be one."""
    order_id = document.get("order_id")
    return order_id if isinstance(order_id, str) and ID.fullmatch(order_id) else ""


def not_its_own(document: Mapping[str, Any], running: str) -> str:
    """The rule that a workflow called `running` breaks by admitting this document; "" for none."""
    order_id = named(document)
    if not order_id or running == workflow_id(order_id):
        return ""
    return f"is {order_id!r}, and the workflow's id is {running[:100]!r}; it must be {workflow_id(order_id)!r}"


def stored_first(conn: Connection, order: Order) -> None:
    """Raises Invalid unless the order's address is stored. Whoever starts a workflow past the client stores it, too."""
    personal.check_address(conn, order.order_id, order.address_id, order.buyer)


def take_over(conn: Connection, order: Order) -> None:
    """With its first step an order knows what the newest order of its people knew, where its checkout said nothing."""
    personal.take_over(conn, order.order_id, order.buyer, order.seller)


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
