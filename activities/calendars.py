"""Business calendars from the `holidays` package and the time zone database, as data that an order can pin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

import holidays

from domain.business_time import Calendar, CalendarTooShort, add_business_days
from domain.checkout import Checkout, Place
from domain.deadlines import CALENDAR_MARGIN
from domain.errors import Invalid
from domain.policy.file import PolicyError, line_of, longest_window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from domain.policy import CalendarRules, Policy

_EARLIER = timedelta(days=2)
"""How far before its first moment an order's calendars begin, so that every zone's first day is whole."""

NO_PLACES = frozenset({"localtime", "Factory"})
"""Names in the database that mean this machine's own setting, or that it has none."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


def of_parties(rules: CalendarRules, checkout: Checkout, now: datetime) -> tuple[Calendar, Calendar, Calendar]:
    """The calendars of seller, buyer and desk up to policy's horizon; what a party did not give is the marketplace's.

    Raises Invalid, naming the field of the checkout: ``seller.place.country``, ``buyer.place.zone``, ...
    """
    return (
        _of_party(rules, checkout.seller.place, "seller.place", now),
        _of_party(rules, checkout.buyer.place, "buyer.place", now),
        _of_party(rules, Place(), "marketplace", now),
    )


def _of_party(rules: CalendarRules, where: Place, field: str, now: datetime) -> Calendar:
    try:
        return resolve(
            where.country or rules.country,
            where.subdivision if where.country else rules.subdivision,
            where.zone or rules.zone,
            (now - _EARLIER).date(),
            (now + timedelta(days=rules.horizon)).date(),
            extra_days_off=rules.extra_days_off,
            removed_days_off=rules.removed_days_off,
        )
    except Invalid as error:
        raise Invalid(f"{field}.{error.field}", error.rule) from None


def checked(policy: Policy, text: str, source: str) -> Policy:
    """The policy that was read from `text`. Raises PolicyError, naming the line, where its calendar cannot be."""
    rules = policy.calendar
    try:
        _time_zone(rules.zone)
        _public(rules.country, rules.subdivision)
        _leaves_time(policy)
    except Invalid as error:
        field = f"calendar.{error.field}"
        raise PolicyError(source, line_of(text, field), field, error.rule) from None
    return policy


def _leaves_time(policy: Policy) -> None:
    """Raises Invalid where closed days make a window longer than a running order's calendar always reaches ahead."""
    rules, most, window = policy.calendar, CALENDAR_MARGIN.days, longest_window(policy)
    known = _public(rules.country, rules.subdivision)
    closed = [day for day in rules.extra_days_off if known.start_year < day.year < known.end_year]
    if not closed:
        return
    first, last = min(closed) - CALENDAR_MARGIN, max(closed) + 2 * CALENDAR_MARGIN
    extra, removed = frozenset(closed), frozenset(rules.removed_days_off)
    tables = _resolved(rules.country, rules.subdivision, rules.zone, first, last, extra, removed).tables
    for index in range((max(closed) - first).days + 1):
        rank = tables.rank[index] + window
        if rank >= len(tables.business) or tables.business[rank] - tables.first - index > most:
            begin = first + timedelta(days=index)
            raise Invalid(
                "extra_days_off",
                f"closes for so long that {window} business days from {begin} on, the longest window of this policy, "
                f"are not over within {most} days; a calendar reaches at most {most} days ahead at any time",
            )


def reaches(calendar: Calendar, policy: Policy, now: datetime) -> None:
    """Raises Invalid for a calendar on which the policy's longest window from now on cannot be counted."""
    days = max(longest_window(policy), policy.ship.end + policy.ship.more_time)
    try:
        add_business_days(calendar, now, days)
    except CalendarTooShort:
        rule = f"has too few business days up to {calendar.last}, on calendar {calendar.name}, for {days} of them"
        raise Invalid("marketplace", f"{policy.name!r} {rule}") from None


def resolve(
    country: str,
    subdivision: str,
    zone: str,
    first: date,
    last: date,
    *,
    extra_days_off: Iterable[date] = (),
    removed_days_off: Iterable[date] = (),
) -> Calendar:
    """The calendar of a party in `country` (ISO 3166-1, "DE"), `subdivision` ("BY", or "") and IANA `zone`.

    Covers the local days `first` to `last`, both included. `extra_days_off` close more days than the public holidays;
    `removed_days_off` are worked although the public calendar says otherwise. Raises Invalid, naming country,
    subdivision, zone or last.
    """
    return _resolved(country, subdivision, zone, first, last, frozenset(extra_days_off), frozenset(removed_days_off))


@lru_cache(maxsize=256)
def _resolved(
    country: str, subdivision: str, zone: str, first: date, last: date, extra: frozenset[date], removed: frozenset[date]
) -> Calendar:
    """As `resolve`; orders of one day and region share what takes milliseconds to find out."""
    if last < first:
        raise Invalid("last", f"{last} is before the first day {first}")
    where = _time_zone(zone)
    public = _holidays(country, subdivision, last)
    days = _days(public, first, last, extra, removed)
    region = f"{country}-{subdivision}" if subdivision else country
    # The offset in force two days earlier covers the start of the first local day in every zone.
    start = datetime.combine(first, time(), UTC) - 2 * _DAY
    end = datetime.combine(last, time(), UTC) + 2 * _DAY
    return Calendar(
        f"{region} {zone}", zone, first, days, ((start, _offset(where, start)), *_changes(where, start, end))
    )


def extend(
    calendar: Calendar,
    country: str,
    subdivision: str,
    last: date,
    *,
    extra_days_off: Iterable[date] = (),
    removed_days_off: Iterable[date] = (),
) -> Calendar:
    """`calendar` up to the local day `last`: the days it knows stay as they were pinned, later ones are resolved anew.

    Gives the same calendar when it reaches `last` already. Raises Invalid as `resolve` does.
    """
    if last <= calendar.last:
        return calendar
    later = resolve(
        country,
        subdivision,
        calendar.zone,
        calendar.last + _DAY,
        last,
        extra_days_off=extra_days_off,
        removed_days_off=removed_days_off,
    )
    known = datetime.combine(calendar.last, time(), UTC) + 2 * _DAY
    new = tuple(pair for pair in later.offsets[1:] if pair[0] > known)
    return replace(calendar, days=calendar.days + later.days, offsets=calendar.offsets + new)


def _holidays(country: str, subdivision: str, last: date) -> holidays.HolidayBase:
    calendar = _public(country, subdivision)
    if last.year > calendar.end_year:
        raise Invalid(
            "country", f"the holidays of {country} are known to the end of {calendar.end_year}, not to {last}"
        )
    return calendar


def _public(country: str, subdivision: str) -> holidays.HolidayBase:
    countries = holidays.list_supported_countries(include_aliases=False)
    if country not in countries:
        raise Invalid("country", f"{country!r} has no public calendar; write an ISO 3166-1 code such as 'DE'")
    known = holidays.list_supported_countries(include_aliases=True)[country]
    if subdivision and subdivision not in known:
        right = f"write one of {', '.join(countries[country])}, or ''" if known else "write ''"
        raise Invalid("subdivision", f"{subdivision!r} is no subdivision of {country} with days of its own; {right}")
    return holidays.country_holidays(country, subdiv=subdivision or None)


def _time_zone(zone: str) -> tzinfo:
    if zone not in _zones():
        close = get_close_matches(zone, sorted(_zones()), n=1) or ["Europe/Berlin"]
        raise Invalid("zone", f"{zone!r} is not an IANA time zone; write for example {close[0]!r}")
    return ZoneInfo(zone)


@cache
def _zones() -> frozenset[str]:
    """Every IANA name of a place; cached, because finding them walks through the whole database."""
    return frozenset(available_timezones()) - NO_PLACES


def _days(
    public: holidays.HolidayBase, first: date, last: date, extra: frozenset[date], removed: frozenset[date]
) -> str:
    days = (first + timedelta(days=index) for index in range((last - first).days + 1))
    return "".join("1" if day in removed or (day not in extra and public.is_working_day(day)) else "0" for day in days)


def _offset(where: tzinfo, instant: datetime) -> int:
    """The UTC offset at `instant`, in minutes."""
    local = instant.astimezone(where)
    return (local.replace(tzinfo=UTC) - instant) // _MINUTE


def _changes(where: tzinfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, int]]:
    """Each instant after `start` and up to `end`, to the minute, from which another offset holds."""
    before = start
    while before < end:
        after = before + _DAY
        if _offset(where, before) != _offset(where, after):
            yield _change(where, before, after)
        before = after


def _change(where: tzinfo, before: datetime, after: datetime) -> tuple[datetime, int]:
    """The one change of offset between two instants, found by halving."""
    old = _offset(where, before)
    while after - before > _MINUTE:
        middle = before + (after - before) // _MINUTE // 2 * _MINUTE
        before, after = (middle, after) if _offset(where, middle) == old else (before, middle)
    return after, _offset(where, after)
