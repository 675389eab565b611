"""Business days on a calendar that is handed in as data (docs/rules.md, Time).

Every instant that goes in or comes out is an aware datetime in UTC. A calendar is pinned in an order's state, days with
UTC offsets included, so that neither a holiday declared later nor new time zone data moves a running order.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from domain.errors import AftersaleError, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

_MINUTE = timedelta(minutes=1)
_DAY_ONE = datetime(1, 1, 1, tzinfo=UTC)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class CalendarTooShort(AftersaleError):
    """An instant lies outside the days that a calendar knows; a recorded step must extend it.

    `name` is the calendar's, `first` and `last` are the days between which it can answer.
    """

    def __init__(self, calendar: Calendar) -> None:
        super().__init__(f"calendar {calendar.name} knows only {calendar.first} to {calendar.last}; extend it")
        self.name = calendar.name
        self.first = calendar.first
        self.last = calendar.last


@dataclass(frozen=True)
class Calendar:
    """The business days of one party, as plain data; raises Invalid when the data are not a calendar.

    `name` is for people ("DE-BY Europe/Berlin"), `zone` the IANA name. `days` has one character for each day from
    `first` on: "1" a business day, "0" a day off. `offsets` are sorted pairs of a UTC instant and the UTC offset, in
    minutes, that holds from then on; the first pair lies before the start of `first`.
    """

    name: str
    zone: str
    first: date
    days: str
    offsets: tuple[tuple[datetime, int], ...]

    def __post_init__(self) -> None:
        if not self.days or not set(self.days) <= {"0", "1"}:
            raise Invalid("calendar.days", "must be one '1' (business day) or '0' (day off) for each day")
        if not self.offsets or any(later[0] <= earlier[0] for earlier, later in pairwise(self.offsets)):
            raise Invalid("calendar.offsets", "must be at least one pair of instant and minutes, sorted by instant")

    @property
    def last(self) -> date:
        """The last day that the calendar knows."""
        return self.first + timedelta(days=len(self.days) - 1)

    def to_plain(self) -> dict[str, Any]:
        """A small JSON-ready document; the days are packed four to a hexadecimal digit."""
        return {
            "name": self.name,
            "zone": self.zone,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "days": f"{int(self.days, 2):x}",
            "offsets": [[int(instant.timestamp()), minutes] for instant, minutes in self.offsets],
        }

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Calendar:
        """Read what `to_plain` wrote; raises Invalid. Equal documents give one shared object, with its tables."""
        try:
            offsets = tuple((int(instant), int(minutes)) for instant, minutes in plain["offsets"])
            return _shared(plain["name"], plain["zone"], (plain["first"], plain["last"]), plain["days"], offsets)
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid("calendar", f"is not a pinned calendar: {type(error).__name__} {error}") from None

    @cached_property
    def tables(self) -> _Tables:
        """Look-up tables for the functions of this module."""
        return _Tables(self)

    @cached_property
    def minutes(self) -> _Minutes:
        """Look-up tables for the functions of this module that count business minutes."""
        return _Minutes(self)


@lru_cache(maxsize=512)
def _shared(name: str, zone: str, span: tuple[str, str], packed: str, offsets: tuple[tuple[int, int], ...]) -> Calendar:
    """One object for the many orders that were admitted with the same calendar."""
    first, last = map(date.fromisoformat, span)
    length = (last - first).days + 1
    instants = tuple((datetime.fromtimestamp(instant, UTC), minutes) for instant, minutes in offsets)
    return Calendar(name, zone, first, f"{int(packed, 16):0{length}b}", instants)


class _Tables:
    """What makes a question about a calendar a look-up: day numbers and offsets, computed once.

    Local times ("walls") carry the label UTC too: nobody sees them, and relabelling costs more than all the rest.
    """

    __slots__ = ("business", "first", "offsets", "rank", "starts", "walls")

    def __init__(self, calendar: Calendar) -> None:
        self.first = calendar.first.toordinal()
        self.business = [self.first + i for i, day in enumerate(calendar.days) if day == "1"]
        self.rank = list(accumulate(map(int, calendar.days), initial=0))
        self.starts = [instant for instant, _ in calendar.offsets]
        self.offsets = [timedelta(minutes=minutes) for _, minutes in calendar.offsets]
        # The offset before a change is used up to the later of its two local times: so a local time that exists twice
        # is the first of them, and one that does not exist moves forward by the length of the gap.
        self.walls = [
            instant + max(before, after)
            for instant, (before, after) in zip(self.starts[1:], pairwise(self.offsets), strict=True)
        ]

    def local(self, instant: datetime) -> datetime:
        """The local time at a UTC `instant`."""
        return instant + self.offsets[max(bisect_right(self.starts, instant) - 1, 0)]

    def utc(self, wall: datetime) -> datetime:
        """The UTC instant of a local time."""
        return wall - self.offsets[bisect_right(self.walls, wall)]

    def midnight(self, day: int) -> datetime:
        """The UTC instant at which the local day with this proleptic ordinal begins."""
        return self.utc(_DAY_ONE + timedelta(days=day - 1))


class _Minutes:
    """Where each local day begins, and how much business time has passed by then; one entry more than days."""

    __slots__ = ("begins", "passed")

    def __init__(self, calendar: Calendar) -> None:
        tables = calendar.tables
        self.begins = [tables.midnight(tables.first + index) for index in range(len(calendar.days) + 1)]
        lengths = [
            end - begin if day == "1" else timedelta(0)
            for day, (begin, end) in zip(calendar.days, pairwise(self.begins), strict=True)
        ]
        self.passed = list(accumulate(lengths, initial=timedelta(0)))

    def until(self, calendar: Calendar, instant: datetime) -> timedelta:
        """The business time from the calendar's start to `instant`."""
        index = bisect_right(self.begins, instant) - 1
        if not 0 <= index < len(calendar.days):
            raise CalendarTooShort(calendar)
        part = instant - self.begins[index] if calendar.days[index] == "1" else timedelta(0)
        return self.passed[index] + part


def add_business_days(calendar: Calendar, start: datetime, n: int) -> datetime:
    """The same local time on the `n`-th business day after `start`, n >= 0.

    When `start` falls on a day off, counting starts at 00:00 of the next business day. A local time that does not exist
    moves forward by the length of the gap; one that exists twice is the first. Raises CalendarTooShort.
    """
    if n < 0:
        raise ValueError("business days are counted forward: n must not be negative")
    instant, tables = _aware_utc(start), calendar.tables
    local = tables.local(instant)
    index = local.toordinal() - tables.first
    if not 0 <= index < len(calendar.days):
        raise CalendarTooShort(calendar)
    rank = tables.rank[index] + n
    if rank >= len(tables.business):
        raise CalendarTooShort(calendar)
    day = tables.business[rank]
    if calendar.days[index] == "0":
        return tables.midnight(day)
    # Nothing to add leaves the instant alone, even the second of two equal local times.
    return tables.utc(local + timedelta(days=day - tables.first - index)) if n else instant


def business_days_before(calendar: Calendar, end: datetime, n: int) -> datetime:
    """From when on the `n` business days before `end` run, n >= 0: the mirror of `add_business_days`.

    When `end` falls on a day off, whole days are counted, from 00:00 of the first. Raises CalendarTooShort.
    """
    if n < 0:
        raise ValueError("n must not be negative")
    instant, tables = _aware_utc(end), calendar.tables
    local = tables.local(instant)
    index = local.toordinal() - tables.first
    if not 0 <= index < len(calendar.days):
        raise CalendarTooShort(calendar)
    rank = tables.rank[index] - n
    if not 0 <= rank < len(tables.business):
        raise CalendarTooShort(calendar)
    day = tables.business[rank]
    if calendar.days[index] == "0":
        return tables.midnight(day)
    return tables.utc(local - timedelta(days=index + tables.first - day)) if n else instant


def add_days(calendar: Calendar, start: datetime, n: int) -> datetime:
    """The same local time `n` calendar days after `start`, n >= 0; raises CalendarTooShort."""
    if n < 0:
        raise ValueError("days are counted forward: n must not be negative")
    instant, tables = _aware_utc(start), calendar.tables
    local = tables.local(instant)
    index = local.toordinal() - tables.first
    if index < 0 or index + n >= len(calendar.days):
        raise CalendarTooShort(calendar)
    return tables.utc(local + timedelta(days=n)) if n else instant


def business_minutes_between(calendar: Calendar, a: datetime, b: datetime) -> int:
    """The minutes of business days, 24 hours a day in local time, from `a` to `b`, rounded up; 0 when `b` is not later.

    A clock that is paused at `a` and due at `b` keeps this many. Raises CalendarTooShort.
    """
    minutes = calendar.minutes
    spent = minutes.until(calendar, _aware_utc(b)) - minutes.until(calendar, _aware_utc(a))
    return max(-(-spent // _MINUTE), 0)


def add_business_minutes(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    """The instant, always on a business day, when `minutes` >= 0 business minutes have passed since `start`.

    The end of the last business day before days off is 00:00 of the next business day, so that resuming a clock gives
    back the instant at which it was due. Raises CalendarTooShort.
    """
    if minutes < 0:
        raise ValueError("business minutes are counted forward: minutes must not be negative")
    table = calendar.minutes
    goal = table.until(calendar, _aware_utc(start)) + minutes * _MINUTE
    index = bisect_right(table.passed, goal) - 1
    if index >= len(calendar.days):
        raise CalendarTooShort(calendar)
    return table.begins[index] + (goal - table.passed[index])


def is_business_day(calendar: Calendar, t: datetime) -> bool:
    """Whether the local day of the instant `t` is a business day; raises CalendarTooShort."""
    tables = calendar.tables
    index = tables.local(_aware_utc(t)).toordinal() - tables.first
    if not 0 <= index < len(calendar.days):
        raise CalendarTooShort(calendar)
    return calendar.days[index] == "1"


def local_time(calendar: Calendar, t: datetime) -> datetime:
    """The instant `t` on the calendar's clock, its UTC offset with it.

    Outside the days that the calendar knows it is told in UTC: true in any case, and a page never breaks.
    """
    instant = _aware_utc(t)
    wall = calendar.tables.local(instant)
    return instant.astimezone(timezone(wall - instant)) if calendar.first <= wall.date() <= calendar.last else instant


def local_text(calendar: Calendar, t: datetime) -> str:
    """The same for a person's eyes: ``Tue 24 Nov 2026 16:00 +01:00``."""
    local = local_time(calendar, t)
    day = f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    offset = f"{local:%z}"
    return f"{day} {local:%H:%M} {offset[:3]}:{offset[3:5]}"


def _aware_utc(t: datetime) -> datetime:
    if t.tzinfo is UTC:
        return t
    if t.tzinfo is None:
        raise ValueError("an instant needs a time zone; hand in an aware datetime in UTC")
    return t.astimezone(UTC)
