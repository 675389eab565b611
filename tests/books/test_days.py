"""Whole days of every time zone tile time: no movement is in the statement of two days, nor in that of none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from domain.errors import Invalid
from starter.books.statement import Period, open_period, period

A_TICK = timedelta(microseconds=1)
A_DAY = timedelta(days=1)
YEAR = [date(2024, 1, 1) + n * A_DAY for n in range(366)]
"""A year that is over: no country can change its clocks any more."""


def changes(zone: str) -> Iterator[date]:
    """The days of the year on which the zone's clocks change."""
    clock = ZoneInfo(zone)
    noons = [datetime(day.year, day.month, day.day, 12, tzinfo=clock).utcoffset() for day in YEAR]
    for day, before, after in zip(YEAR[1:], noons, noons[1:], strict=False):
        if before != after:
            yield day


def day_of(day: date, zone: str) -> Period:
    """The period of one day."""
    return period(day.isoformat(), day.isoformat(), zone)


def instants(day: Period) -> Iterator[datetime]:
    """The ends of a day, and every quarter of an hour within."""
    at = day.since
    while at < day.until:
        yield at
        at += timedelta(minutes=15)
    yield day.until


def wrong(zone: str, around: date) -> Iterator[str]:
    """What is wrong with the days around a change of the clocks."""
    for day in (around + n * A_DAY for n in range(-2, 3)):
        here, following = day_of(day, zone), day_of(day + A_DAY, zone)
        if here.until + A_TICK != following.since:
            yield f"{zone}: {day} ends at {here.until}, and the next day begins at {following.since}"
        strange = [at for at in instants(here) if at.astimezone(ZoneInfo(zone)).date() != day]
        if strange:
            yield f"{zone}: {strange[0]} is not on {day}"


def test_the_days_around_each_change_of_clocks_have_neither_gap_nor_overlap_in_any_zone() -> None:
    around = [(zone, day) for zone in sorted(available_timezones()) for day in changes(zone)]
    assert {"America/Santiago", "Africa/Cairo", "Asia/Beirut", "Europe/Berlin"} <= {zone for zone, _ in around}
    assert [problem for zone, day in around for problem in wrong(zone, day)] == []


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Santiago", date(2024, 4, 6), 25),
        ("Africa/Cairo", date(2024, 10, 31), 25),
        ("Asia/Beirut", date(2024, 10, 26), 25),
        ("America/Santiago", date(2024, 9, 8), 23),
        ("Europe/Berlin", date(2024, 10, 27), 25),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
    ids=["23 to 24 twice", "Cairo", "Beirut", "no midnight", "2 to 3 twice", "no such day"],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: date, hours: int) -> None:
    whole = day_of(day, zone)
    assert whole.until + A_TICK - whole.since == timedelta(hours=hours)
    assert open_period("", day.isoformat(), zone) == (None, whole.until)


def test_the_last_day_of_all_has_no_end_that_can_be_told() -> None:
    with pytest.raises(Invalid, match=r"^--to: lies outside the times that can be counted"):
        day_of(date.max, "UTC")
    assert day_of(date.max - A_DAY, "UTC").until == datetime.max.replace(tzinfo=UTC) - A_DAY
