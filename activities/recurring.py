"""Recurring issues: claims are counted over business days, and what is too much becomes one ticket (K5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine
from temporalio import activity

from activities import calendars
from activities.store import marketplaces
from activities.store.desk import recurring
from activities.store.desk.recurring import Kind
from domain import wire
from domain.business_time import business_days_before
from domain.policy import Policy

log = structlog.get_logger(__name__)

DAYS_OFF = 4
"""Calendar days for each business day of a window, so that the longest holidays still leave enough to look back on."""


class RecurringIssues:
    """Looks for claims that have too much in common, marketplace by marketplace."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="find_recurring")
    def find(self, data: Mapping[str, Any]) -> dict[str, int]:
        """``{"now"}`` in, what was counted out: issues that recur, and tickets opened. Raises what PostgreSQL raises.

        Doing it again opens no second ticket.
        """
        now = wire.instant(data["now"], "now")
        counts = {"marketplaces": 0, "seen": 0, "opened": 0}
        with self._engine.begin() as conn:
            names = marketplaces.names(conn)
        for name in names:
            self._look(name, now, counts)
            activity.heartbeat(dict(counts))
        log.info("claims were looked through for recurring issues", count=counts["seen"])
        return counts

    def _look(self, marketplace: str, now: datetime, counts: dict[str, int]) -> None:
        with self._engine.begin() as conn:
            policy = marketplaces.policy_of(conn, marketplace)
            if policy is None:
                return
            numbers = policy.recurring
            limits = {kind: getattr(numbers, kind.value) for kind in Kind}
            since = window_start(policy, now)
            counts["marketplaces"] += 1
            for found in recurring.repeated(conn, marketplace, since, now, limits):
                counts["seen"] += 1
                if recurring.report(conn, marketplace, found, since, now):
                    counts["opened"] += 1
                    log.warning("claims have too much in common", code=found.kind.value, count=len(found.claims))


def window_start(policy: Policy, now: datetime) -> datetime:
    """When the marketplace's rolling window of business days began, on its desk's calendar."""
    rules, days = policy.calendar, policy.recurring.window
    desk = calendars.resolve(
        rules.country,
        rules.subdivision,
        rules.zone,
        (now - timedelta(days=days * DAYS_OFF + 14)).date(),
        (now + timedelta(days=14)).date(),
        extra_days_off=rules.extra_days_off,
        removed_days_off=rules.removed_days_off,
    )
    return business_days_before(desk, now, days)
