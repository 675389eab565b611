"""A span of days as it is typed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from domain import wire
from domain.errors import Invalid

DAYS = 30
"""How far back a report looks unless told otherwise."""

From = Annotated[str, typer.Option("--from", help="The first day, e.g. 2026-11-01; by default 30 days before the end.")]
To = Annotated[str, typer.Option("--to", help="The first day after it; by default now.")]


def period(first: str, end: str, now: datetime) -> tuple[datetime, datetime]:
    """[since, until) in UTC of what was typed: days, or instants. Raises Invalid."""
    until = _instant(end, "--to") if end else now
    try:
        since = _instant(first, "--from") if first else until - timedelta(days=DAYS)
    except OverflowError:
        raise Invalid("--to", f"has no {DAYS} days before it; give --from as well") from None
    if since >= until:
        raise Invalid("--from", "must be before --to")
    return since, until


def _instant(typed: str, flag: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(typed), time(), UTC)
    except ValueError:
        return wire.instant(typed, flag)
