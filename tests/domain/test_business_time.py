from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings, strategies as st

from domain.business_time import (
    Calendar,
    CalendarTooShort,
    add_business_days,
    add_business_minutes,
    add_days,
    business_days_before,
    business_minutes_between,
    is_business_day,
    local_text,
)
from domain.errors import Invalid

FIRST = date(2026, 9, 7)  # A Monday.
WEEKS = 60
WORKING_WEEK = "1111100" * WEEKS


@cache
def offsets_of(zone: str) -> tuple[tuple[datetime, int], ...]:
    """Every change of offset, found by looking each quarter of an hour: slow, and plainly right."""
    where = ZoneInfo(zone)
    instant = datetime(2026, 9, 5, tzinfo=UTC)
    pairs: list[tuple[datetime, int]] = []
    for _ in range((WEEKS * 7 + 4) * 96):
        offset = where.utcoffset(instant.astimezone(where))
        assert offset is not None
        minutes = offset // timedelta(minutes=1)
        if not pairs or pairs[-1][1] != minutes:
            pairs.append((instant, minutes))
        instant += timedelta(minutes=15)
    return tuple(pairs)


def calendar_of(zone: str = "Europe/Berlin", days: str = WORKING_WEEK) -> Calendar:
    return Calendar(f"test {zone}", zone, FIRST, days, offsets_of(zone))


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def closed_on(*days: str) -> str:
    marks = list(WORKING_WEEK)
    for day in days:
        marks[(date.fromisoformat(day) - FIRST).days] = "0"
    return "".join(marks)


zones = st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"}))
fewer_zones = st.sampled_from(
    ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "Asia/Kathmandu",
     "America/Havana", "Africa/Casablanca", "Pacific/Chatham", "UTC"]
)  # fmt: skip
day_patterns = st.lists(st.booleans(), min_size=7, max_size=30).map(
    lambda marks: ("1" + "".join("01"[mark] for mark in marks) + "1" * WEEKS * 7)[: WEEKS * 7]
)
instants = st.datetimes(datetime(2026, 9, 9), datetime(2027, 8, 1), timezones=st.just(UTC))  # noqa: DTZ001
calendars = st.builds(calendar_of, fewer_zones, day_patterns | st.just(WORKING_WEEK))


@pytest.mark.parametrize(
    ("start", "n", "due"),
    [
        ("2026-11-21T15:00", 1, "2026-11-24T00:00"),  # Saturday + 1 = Tuesday 00:00
        ("2026-11-20T16:00", 2, "2026-11-24T16:00"),  # Friday + 2 = Tuesday
        ("2026-11-23T00:00", 1, "2026-11-24T00:00"),
        ("2026-11-22T23:59", 0, "2026-11-23T00:00"),
        ("2026-11-20T16:00", 0, "2026-11-20T16:00"),
        ("2026-10-23T09:30", 1, "2026-10-26T09:30"),  # over the end of summer time
    ],
)
def test_business_days_are_counted_as_the_rules_say(start: str, n: int, due: str) -> None:
    assert add_business_days(calendar_of(), at(start), n) == at(due)


def test_a_holiday_is_no_business_day() -> None:
    calendar = calendar_of(days=closed_on("2026-12-24", "2026-12-25"))
    assert add_business_days(calendar, at("2026-12-23T10:00"), 1) == at("2026-12-28T10:00")
    assert not is_business_day(calendar, at("2026-12-24T00:00"))
    assert is_business_day(calendar, at("2026-12-23T23:59"))


def test_the_day_is_the_local_one_not_that_of_utc() -> None:
    calendar = calendar_of("Pacific/Auckland")
    monday_morning = at("2026-11-23T08:00", "Pacific/Auckland")
    assert monday_morning.date() == date(2026, 11, 22)
    assert is_business_day(calendar, monday_morning)
    assert add_business_days(calendar, monday_morning, 1) == at("2026-11-24T08:00", "Pacific/Auckland")


def test_a_local_time_that_does_not_exist_moves_forward() -> None:
    every_day = calendar_of(days="1" * 7 * WEEKS)
    assert add_business_days(every_day, at("2027-03-27T02:30"), 1) == at("2027-03-28T03:30")
    assert add_days(every_day, at("2027-03-27T02:30"), 1) == at("2027-03-28T03:30")


def test_a_day_that_begins_in_the_gap_begins_at_its_first_instant() -> None:
    cairo = calendar_of("Africa/Cairo", "1" * (date(2027, 4, 29) - FIRST).days + "0" + "1" * 60)
    start = at("2027-04-29T12:00", "Africa/Cairo")
    assert local_text(cairo, add_business_days(cairo, start, 0)) == "Fri 30 Apr 2027 01:00 +03:00"


def test_a_local_time_that_exists_twice_is_the_first() -> None:
    every_day = calendar_of(days="1" * 7 * WEEKS)
    due = add_business_days(every_day, at("2026-10-24T02:30"), 1)
    assert due == at("2026-10-25T02:30", fold=0) != at("2026-10-25T02:30", fold=1)


def test_calendar_days_keep_the_local_time() -> None:
    assert add_days(calendar_of(), at("2026-10-23T09:30"), 7) == at("2026-10-30T09:30")


def test_a_pause_over_the_weekend_costs_nothing() -> None:
    calendar = calendar_of()
    left = business_minutes_between(calendar, at("2026-11-20T16:00"), at("2026-11-24T16:00"))
    assert left == 2 * 24 * 60
    assert add_business_minutes(calendar, at("2026-11-28T10:00"), left) == at("2026-12-02T00:00")


def test_a_clock_due_when_the_week_begins_is_not_due_when_the_week_before_ends() -> None:
    calendar = calendar_of()
    left = business_minutes_between(calendar, at("2026-11-20T12:00"), at("2026-11-23T00:00"))
    assert left == 12 * 60
    assert add_business_minutes(calendar, at("2026-11-20T12:00"), left) == at("2026-11-23T00:00")
    assert add_business_minutes(calendar, at("2026-11-21T12:00"), 0) == at("2026-11-23T00:00")


def test_the_minutes_of_a_long_day_are_counted_as_they_pass() -> None:
    every_day = calendar_of(days="1" * 7 * WEEKS)
    assert business_minutes_between(every_day, at("2026-10-25T00:00"), at("2026-10-26T00:00")) == 25 * 60


def test_a_clock_that_is_over_has_no_minutes_left() -> None:
    assert business_minutes_between(calendar_of(), at("2026-11-24T16:00"), at("2026-11-20T16:00")) == 0


def test_a_calendar_that_runs_out_says_so() -> None:
    calendar = calendar_of()
    late = at("2027-10-28T12:00")
    assert add_business_days(calendar, late, 1) == at("2027-10-29T12:00")
    for question in (
        lambda: add_business_days(calendar, late, 2),
        lambda: add_days(calendar, late, 4),
        lambda: add_business_minutes(calendar, late, 3 * 24 * 60),
        lambda: is_business_day(calendar, at("2026-09-06T23:59")),
        lambda: add_business_days(calendar, at("2026-09-06T23:59"), 1),
        lambda: business_minutes_between(calendar, late, at("2027-11-01T00:00")),
        lambda: business_days_before(calendar, at("2026-09-08T12:00"), 2),
        lambda: business_days_before(calendar, at("2027-11-02T12:00"), 1),
    ):
        with pytest.raises(CalendarTooShort, match="2026-09-07 to 2027-10-31"):
            question()


def test_an_instant_without_a_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="aware"):
        add_business_days(calendar_of(), datetime(2026, 11, 20, 16), 1)  # noqa: DTZ001


@pytest.mark.parametrize("ask", [add_business_days, add_days, add_business_minutes, business_days_before])
def test_nothing_is_counted_backwards(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(ValueError, match="negative"):
        ask(calendar_of(), at("2026-11-20T16:00"), -1)


def test_an_instant_is_told_in_local_time() -> None:
    assert local_text(calendar_of(), at("2026-11-24T16:00")) == "Tue 24 Nov 2026 16:00 +01:00"
    assert local_text(calendar_of("America/St_Johns"), datetime(2026, 12, 1, 1, 0, tzinfo=UTC)) == (
        "Mon 30 Nov 2026 21:30 -03:30"
    )


def test_an_instant_outside_the_calendar_is_told_in_utc() -> None:
    assert local_text(calendar_of(), datetime(2030, 7, 1, 12, 0, tzinfo=UTC)) == "Mon 1 Jul 2030 12:00 +00:00"


def test_what_is_not_a_calendar_is_refused() -> None:
    with pytest.raises(Invalid, match="days"):
        calendar_of(days="1x")
    with pytest.raises(Invalid, match="offsets"):
        Calendar("x", "UTC", FIRST, "1", ())
    with pytest.raises(Invalid, match="not a pinned calendar"):
        Calendar.from_plain({"name": "x"})
    with pytest.raises(Invalid, match="not a pinned calendar"):
        Calendar.from_plain(calendar_of().to_plain() | {"days": "zz"})


@given(calendars)
def test_a_pinned_calendar_comes_back_as_it_was_and_is_shared(calendar: Calendar) -> None:
    text = json.dumps(calendar.to_plain())
    again = Calendar.from_plain(json.loads(text))
    assert again == calendar
    assert again is Calendar.from_plain(json.loads(text))
    assert len(text) < 500


def walk(zone: str, days: str, start: datetime, n: int) -> datetime:
    """The rule of business days read aloud, one day after the other, with zoneinfo for the clock."""
    where = ZoneInfo(zone)

    def works(day: date) -> bool:
        return days[(day - FIRST).days] == "1"

    local = start.astimezone(where).replace(tzinfo=None)
    if n == 0 and works(local.date()):
        return start
    day, clock = local.date(), local.time()
    if not works(day):
        while not works(day):
            day += timedelta(days=1)
        clock = datetime.min.time()
    for _ in range(n):
        day += timedelta(days=1)
        while not works(day):
            day += timedelta(days=1)
    return datetime.combine(day, clock, tzinfo=where).astimezone(UTC)


@settings(max_examples=60)
@given(zones, day_patterns, instants, st.integers(0, 40))
def test_business_days_agree_with_the_zone_database_in_any_zone(zone: str, days: str, start: datetime, n: int) -> None:
    assert add_business_days(calendar_of(zone, days), start, n) == walk(zone, days, start, n)


@given(calendars, instants, st.integers(0, 20), st.integers(0, 20))
def test_more_business_days_are_later_and_add_up(calendar: Calendar, start: datetime, n: int, m: int) -> None:
    once = add_business_days(calendar, start, n + m)
    assert m == 0 or add_business_days(calendar, start, n) < once
    twice = add_business_days(calendar, add_business_days(calendar, start, n), m)
    # A stop at a local time that a change of clocks moved is the one thing that keeps n + m from being n, then m.
    assert abs(twice - once) <= timedelta(hours=1)
    assert twice == once or abs(local_hour_shift(calendar, start, n)) > timedelta(0)


@given(calendars, instants, st.integers(0, 20))
def test_a_window_of_business_days_ends_where_counting_from_its_start_ends(
    calendar: Calendar, start: datetime, n: int
) -> None:
    end = add_business_days(calendar, start, n)
    again = business_days_before(calendar, end, n)
    # A start on a day off counts from the next business day; a change of clocks moves a local time.
    counted = add_business_days(calendar, start, 0)
    assert abs(again - counted) <= timedelta(hours=1)


def test_the_window_before_a_day_off_is_whole_days() -> None:
    calendar = calendar_of()
    assert business_days_before(calendar, at("2026-11-21T15:00"), 1) == at("2026-11-20T00:00")
    assert business_days_before(calendar, at("2026-11-23T16:00"), 1) == at("2026-11-20T16:00")


def local_hour_shift(calendar: Calendar, start: datetime, n: int) -> timedelta:
    """By how much the local time after `n` business days differs from the one that counting began with."""
    began, ended = (calendar.tables.local(add_business_days(calendar, start, k)) for k in (0, n))
    return (ended - began) % timedelta(days=1)


@given(calendars, instants, instants, st.integers(0, 20))
def test_who_starts_later_is_due_later(calendar: Calendar, a: datetime, b: datetime, n: int) -> None:
    earlier, later = sorted((a, b))
    gap = max(abs(x[1] - y[1]) for x in calendar.offsets for y in calendar.offsets)
    due = add_business_days(calendar, later, n) - add_business_days(calendar, earlier, n)
    assert due >= -timedelta(minutes=gap)  # Only a change of clocks can turn the order round, by its own length.


@given(calendars, instants, st.integers(1, 20), st.integers(0, 20_000), instants)
def test_a_pause_and_resume_gives_back_what_was_left(
    calendar: Calendar, start: datetime, n: int, used: int, resumed: datetime
) -> None:
    due = add_business_days(calendar, start, n)
    paused = min(start + timedelta(minutes=used), due)
    left = business_minutes_between(calendar, paused, due)
    assert due <= add_business_minutes(calendar, paused, left) < due + timedelta(minutes=1)
    again = add_business_minutes(calendar, resumed, left)
    assert business_minutes_between(calendar, resumed, again) == left
    assert is_business_day(calendar, again)


@given(calendars, instants, st.integers(0, 9_000), st.integers(0, 9_000))
def test_business_minutes_add_up(calendar: Calendar, start: datetime, a: int, b: int) -> None:
    by_steps = add_business_minutes(calendar, add_business_minutes(calendar, start, a), b)
    assert by_steps == add_business_minutes(calendar, start, a + b)
    assert business_minutes_between(calendar, start, by_steps) == a + b
