"""Times that a page shows beside those that were printed: on another day, but as far from each other.

A page was written on one day and is walked on others, weekends and holidays between. So each time is compared by how
far it is from the times before it on the page, in calendar days or in business days: a deadline is one or the other
from something that the page has told of, and a wrong one is neither. The time of the day is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from activities.calendars import resolve
from domain.business_time import business_minutes_between, is_business_day

ZONE = ZoneInfo("Europe/Berlin")
"""Of the calendar that the pages' policies have, and of the times that a sheet tells without a zone."""

CALENDAR = resolve("DE", "", "Europe/Berlin", date(2026, 1, 1), date(2040, 1, 1))
"""The business days of those policies."""

SLACK = timedelta(minutes=10)
"""How long a page may take where its writing took no time."""

_DAY = "%Y-%m-%d"
_FORMS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", ""),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d [+-]\d\d:\d\d", "%Y-%m-%d %H:%M %z"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", ""),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "%Y-%m-%d %H:%M"),
    (r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ \w+ \d{4} \d\d:\d\d [+-]\d\d:\d\d", "%a %d %b %Y %H:%M %z"),
    (r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w+ \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "%a, %d %b %Y %H:%M:%S %z"),
    (r"\d{4}-\d\d-\d\d", _DAY),
)
TIME = re.compile("|".join(f"({form})" for form, _ in _FORMS))


def times(text: str) -> Iterator[tuple[str, datetime]]:
    """Every time in a text as it stands there, and as an instant on the pages' clock."""
    for match in TIME.finditer(text):
        form = _FORMS[(match.lastindex or 0) - 1][1]
        words = match[0]
        found = datetime.strptime(words, form) if form else datetime.fromisoformat(words.replace(" UTC", "+00:00"))  # noqa: DTZ007  # The zone follows.
        yield words, found.astimezone(ZONE) if found.tzinfo else found.replace(tzinfo=ZONE)


@dataclass
class Beside:
    """The times of a page so far, each as it stands there and as it was printed; the first is when both began."""

    pairs: list[tuple[datetime, datetime]]

    def wrong(self, shown: str, printed: str) -> list[str]:
        """The times that are not as far from an earlier one as the page says, in words. Both have as many."""
        found = []
        for (said, page), (told, now) in zip(times(shown), times(printed), strict=True):
            whole_days = len(said) == len("2026-11-28")
            if not any(_as_far(a, page, b, now, whole_days=whole_days) for a, b in self.pairs):
                found.append(f"{told!r} is not as far from the times before it as {said!r} is on the page")
            if (page, now) not in self.pairs:
                self.pairs.append((page, now))
        return found


def _as_far(a: datetime, page: datetime, b: datetime, now: datetime, *, whole_days: bool) -> bool:
    """Whether as much time, or as much business time, lies between the times on both sides.

    What is counted in business days ends on one. An hour may be that of summer time.
    """
    if whole_days:
        return page.date() - a.date() == now.date() - b.date()
    apart = abs((page - a) - (now - b))
    if apart <= SLACK or abs(apart - timedelta(hours=1)) <= SLACK:
        return True
    if not (is_business_day(CALENDAR, page.astimezone(UTC)) and is_business_day(CALENDAR, now.astimezone(UTC))):
        return False
    return abs(_business(a, page) - _business(b, now)) <= SLACK


def _business(a: datetime, b: datetime) -> timedelta:
    if a > b:
        return -_business(b, a)
    return timedelta(minutes=business_minutes_between(CALENDAR, a.astimezone(UTC), b.astimezone(UTC)))
