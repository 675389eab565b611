"""A page's times stay right on every day of a year, and a wrong deadline is found on every one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.business_time import add_business_days
from tests.walks.times import CALENDAR, Beside
from tests.walks.walk import general

STARTS = [datetime(2026, 1, 1, 8, 30, tzinfo=UTC) + timedelta(days=n, hours=n % 13) for n in range(365)]
WRITTEN = datetime(2026, 11, 28, 22, 26, tzinfo=UTC)


def page(start: datetime, confirm: int = 2, ship: int = 4, expire: int = 7) -> str:
    """What a page tells of an order that was placed then, in each form of a time."""
    due, sent = add_business_days(CALENDAR, start, confirm), add_business_days(CALENDAR, start, ship)
    escalates = add_business_days(CALENDAR, sent, 1)
    lines = [f"placed {start:%Y-%m-%d %H:%M} UTC", f"until {due.astimezone(UTC):%a %-d %b %Y %H:%M} +00:00"]
    lines += [f"ticket {sent:%Y-%m-%d %H:%M} UTC", f"due {escalates:%Y-%m-%d %H:%M} UTC"]
    later = escalates + timedelta(days=3)
    lines += [f"scan {later:%Y-%m-%dT%H:%M:%S}Z", f"mail {start:%a, %d %b %Y %H:%M:%S} +0000"]
    lines += [f"release {add_business_days(CALENDAR, later, 4):%Y-%m-%d %H:%M} UTC"]
    return "\n".join([*lines, f"unpaid until {start + timedelta(days=expire):%Y-%m-%d %H:%M} UTC"])


def beside(start: datetime) -> Beside:
    return Beside([(WRITTEN, start)])


def test_times_are_right_on_whatever_day_a_page_is_walked() -> None:
    written = page(WRITTEN)
    for start in STARTS:
        assert general(page(start)) == general(written)
        assert beside(start).wrong(written, page(start)) == [], start


@pytest.mark.parametrize("wrong", [{"confirm": 3}, {"confirm": 1}, {"ship": 5}, {"expire": 8}])
def test_a_wrong_deadline_is_found_on_nearly_every_day_and_always_on_the_pages_own(wrong: dict[str, int]) -> None:
    written = page(WRITTEN)
    assert beside(WRITTEN).wrong(written, page(WRITTEN, **wrong))
    found = [start for start in STARTS if beside(start).wrong(written, page(start, **wrong))]
    assert len(found) > len(STARTS) * 0.9, "a day off may make up for the difference"


def test_a_tracking_number_is_compared_as_it_stands() -> None:
    assert general("00340434161094042557") != general("00340434161094042564")
    assert general("ab340434161094042557") == general("1234567890abcdef")
