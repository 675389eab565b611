from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from activities.calendars import extend, resolve
from domain.business_time import Calendar, add_business_days, is_business_day, local_text
from domain.errors import Invalid

FIRST, LAST = date(2026, 11, 1), date(2027, 12, 5)


def works(calendar: Calendar, day: str) -> bool:
    return calendar.days[(date.fromisoformat(day) - calendar.first).days] == "1"


def test_bavaria_rests_where_berlin_works() -> None:
    bavaria = resolve("DE", "BY", "Europe/Berlin", FIRST, LAST)
    berlin = resolve("DE", "BE", "Europe/Berlin", FIRST, LAST)
    assert (bavaria.name, bavaria.first, bavaria.last) == ("DE-BY Europe/Berlin", FIRST, LAST)
    assert not works(bavaria, "2027-01-06")
    assert works(berlin, "2027-01-06")
    assert not works(berlin, "2026-12-25")
    assert not works(berlin, "2026-11-21")


def test_a_country_without_subdivision_is_named_plainly() -> None:
    assert resolve("ZA", "", "Africa/Johannesburg", FIRST, LAST).name == "ZA Africa/Johannesburg"


def test_days_off_can_be_added_and_removed() -> None:
    calendar = resolve(
        "DE", "", "Europe/Berlin", FIRST, LAST,
        extra_days_off=[date(2026, 12, 24)], removed_days_off=[date(2026, 11, 21), date(2026, 12, 25)],
    )  # fmt: skip
    assert not works(calendar, "2026-12-24")
    assert works(calendar, "2026-11-21")
    assert works(calendar, "2026-12-25")


def test_the_weekend_is_that_of_the_country() -> None:
    calendar = resolve("EG", "", "Africa/Cairo", FIRST, LAST)
    assert works(calendar, "2026-11-22")  # A Sunday.
    assert not works(calendar, "2026-11-20")  # A Friday.


def test_a_real_holiday_moves_a_due_time() -> None:
    calendar = resolve("DE", "BY", "Europe/Berlin", FIRST, LAST)
    paid = datetime(2026, 12, 23, 15, 0, tzinfo=UTC)
    assert local_text(calendar, add_business_days(calendar, paid, 2)) == "Mon 28 Dec 2026 16:00 +01:00"


@pytest.mark.parametrize(
    ("country", "subdivision", "zone", "field", "right"),
    [
        ("XX", "", "Europe/Berlin", "country", "'DE'"),
        ("de", "", "Europe/Berlin", "country", "'DE'"),
        ("DEU", "", "Europe/Berlin", "country", "'DE'"),
        ("DE", "XX", "Europe/Berlin", "subdivision", "BY"),
        ("SG", "01", "Asia/Singapore", "subdivision", "write ''"),
        ("DE", "BY", "Europe/Berlim", "zone", "'Europe/Berlin'"),
        ("DE", "BY", "Europe", "zone", "write for example"),
        ("DE", "BY", "../../etc/passwd", "zone", "write for example"),
        ("DE", "BY", "", "zone", "write for example"),
        ("DE", "BY", "localtime", "zone", "write for example"),
        ("DE", "BY", "Factory", "zone", "write for example"),
    ],
)
def test_an_unknown_place_is_refused_with_what_would_be_right(
    country: str, subdivision: str, zone: str, field: str, right: str
) -> None:
    with pytest.raises(Invalid, match=right) as caught:
        resolve(country, subdivision, zone, FIRST, LAST)
    assert caught.value.field == field


def test_days_whose_holidays_nobody_knows_yet_are_refused() -> None:
    with pytest.raises(Invalid, match="known to the end of 2100"):
        resolve("DE", "", "Europe/Berlin", date(2100, 12, 1), date(2101, 1, 1))


def test_a_calendar_needs_a_day() -> None:
    with pytest.raises(Invalid, match="before the first day"):
        resolve("DE", "", "Europe/Berlin", LAST, FIRST)


def test_the_offsets_are_those_of_the_zone_database_everywhere() -> None:
    for zone in sorted(available_timezones() - {"Factory", "localtime"}):
        calendar, where = resolve("DE", "", zone, FIRST, LAST), ZoneInfo(zone)
        for instant, minutes in calendar.offsets:
            for moment in (instant, instant - timedelta(minutes=1)):
                local = moment.astimezone(where).replace(tzinfo=UTC)
                expected = minutes if moment == instant else None
                if expected is not None:
                    assert local - moment == timedelta(minutes=expected), zone
                elif instant != calendar.offsets[0][0]:
                    assert local - moment != timedelta(minutes=minutes), zone
        for day in range(0, 399, 3):
            moment = datetime(2026, 11, 1, 12, 7, tzinfo=UTC) + timedelta(days=day)
            expected_text = moment.astimezone(where).strftime("%H:%M")
            assert local_text(calendar, moment).split(" ")[4] == expected_text, zone


def test_an_extended_calendar_keeps_the_days_that_were_pinned() -> None:
    pinned = resolve("DE", "BY", "Europe/Berlin", FIRST, LAST, extra_days_off=[date(2026, 12, 24)])
    longer = extend(pinned, "DE", "BY", date(2028, 12, 5), extra_days_off=[date(2027, 3, 3), date(2027, 12, 24)])
    assert longer.days.startswith(pinned.days)
    assert not works(longer, "2027-12-24")
    assert works(longer, "2027-03-03")
    assert longer.last == date(2028, 12, 5)
    assert longer.offsets == resolve("DE", "BY", "Europe/Berlin", FIRST, date(2028, 12, 5)).offsets
    assert is_business_day(longer, datetime(2028, 7, 3, 12, 0, tzinfo=UTC))


def test_an_extension_agrees_with_the_zone_whichever_day_it_begins() -> None:
    whole = resolve("DE", "", "Europe/Berlin", date(2027, 3, 1), date(2027, 5, 1))
    for day in range(50):
        short = resolve("DE", "", "Europe/Berlin", date(2027, 3, 1), date(2027, 3, 1) + timedelta(days=day))
        assert extend(short, "DE", "", date(2027, 5, 1)) == whole


def test_a_calendar_that_is_long_enough_stays_as_it_is() -> None:
    pinned = resolve("DE", "BY", "Europe/Berlin", FIRST, LAST)
    assert extend(pinned, "DE", "BY", LAST) is pinned
