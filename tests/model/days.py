"""Business days counted the plain way, one day after another, for the reference model alone (docs/rules.md, Time)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

ONE_DAY = timedelta(days=1)
MIDNIGHT = datetime.min.time()


@dataclass(frozen=True, eq=False)
class Days:
    """Who works when: weekends and `off` are days off; `shifts` are UTC instants and minutes of offset from then."""

    shifts: tuple[tuple[datetime, int], ...]
    off: frozenset[date] = frozenset()
    known: dict[tuple[str, datetime, float], datetime] = field(default_factory=dict, repr=False)

    @cached_property
    def offsets(self) -> list[timedelta]:
        """The offsets in the order in which they held."""
        return [timedelta(minutes=minutes) for _, minutes in self.shifts]

    def works(self, day: date) -> bool:
        """Whether it is a business day."""
        return day.weekday() < 5 and day not in self.off

    def local(self, instant: datetime) -> datetime:
        """The time on the wall at an instant, without a zone."""
        held = self.offsets[0]
        for (since, _), offset in zip(self.shifts, self.offsets, strict=True):
            if since <= instant:
                held = offset
        return (instant + held).replace(tzinfo=None)

    def instant(self, wall: datetime) -> datetime:
        """The first instant at which the wall shows that time; a time that it never shows moves forward."""
        tries = [(wall - offset).replace(tzinfo=UTC) for offset in self.offsets]
        shown = [instant for instant in tries if self.local(instant) == wall]
        return min(shown) if shown else max(tries)

    def after(self, start: datetime, days: int) -> datetime:
        """The same local time on the n-th business day after `start`; a day off counts from the next one's 00:00."""
        key = ("after", start, float(days))
        if key not in self.known:
            self.known[key] = self._after(self.local(start), days)
        return self.known[key]

    def _after(self, wall: datetime, days: int) -> datetime:
        day, time = wall.date(), wall.time()
        while not self.works(day):
            day, time = day + ONE_DAY, MIDNIGHT
        for _ in range(days):
            day += ONE_DAY
            while not self.works(day):
                day += ONE_DAY
        return self.instant(datetime.combine(day, time))

    def before(self, end: datetime, days: int) -> datetime:
        """The same local time on the n-th business day before `end`; 00:00 of it when `end` is a day off."""
        wall = self.local(end)
        day, time = wall.date(), wall.time() if self.works(wall.date()) else MIDNIGHT
        for _ in range(days):
            day -= ONE_DAY
            while not self.works(day):
                day -= ONE_DAY
        return self.instant(datetime.combine(day, time))

    def minutes(self, start: datetime, end: datetime) -> int:
        """How many business minutes lie between two instants, a begun one counted whole; 0 when `end` is not later."""
        counted = timedelta(0)
        day = self.local(start).date()
        while self.instant(datetime.combine(day, MIDNIGHT)) < end:
            opens, closes = (self.instant(datetime.combine(d, MIDNIGHT)) for d in (day, day + ONE_DAY))
            if self.works(day):
                counted += max(min(closes, end) - max(opens, start), timedelta(0))
            day += ONE_DAY
        return -(-counted // timedelta(minutes=1))

    def later(self, start: datetime, minutes: int) -> datetime:
        """The instant at which so many business minutes have gone by since `start`."""
        left, day = timedelta(minutes=minutes), self.local(start).date()
        while True:
            opens, closes = (self.instant(datetime.combine(d, MIDNIGHT)) for d in (day, day + ONE_DAY))
            if self.works(day):
                began = max(opens, start)
                if left < closes - began:
                    return began + left
                left -= closes - began
            day += ONE_DAY
