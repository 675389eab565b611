"""Values of cells: what is written into one, and how what comes back is read.

A cell holds a text, a whole number, an amount or a time, or nothing. Times are local to the row's marketplace, to the
minute. What people type is read as generously as it has one meaning, and refused where it could have two.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from domain.currencies import EXPONENTS
from domain.errors import Invalid
from domain.money import Money
from domain.words.written import says_something, shown
from starter.books.sheets import FORMULA, restored

Value = str | int | Money | datetime | None
Raw = str | int | float | bool | date | datetime | time | timedelta | None
"""What a file's cell holds, as it is read."""

LONGEST = 32_000
"""Characters in a cell; spreadsheets take 32,767."""

LARGEST = 10**13
"""Whole units of an amount that is given as a number; beyond, a spreadsheet's numbers lose their decimals."""

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # day 0 of a spreadsheet, which knows no zones
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?)?", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})(?: (\d{1,2}):(\d{2})(?::\d{2})?)?", re.ASCII)
_EITHER = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})(?: (\d{1,2}):(\d{2})(?::\d{2})?( [AP]M)?)?", re.ASCII)


def clean(words: str) -> str:
    """A text as a cell holds it: as it is shown anywhere, with one kind of line end, no more than fits."""
    if words.isprintable():
        return words.strip()[:LONGEST].strip()
    return shown("\n".join(words.splitlines())).strip()[:LONGEST].strip()


def local(moment: datetime | None, zone: str) -> datetime | None:
    """An instant as people of a zone read it on the wall, to the minute."""
    return moment and moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)


def text_of(value: Value) -> str:
    """A value as text; amounts without their currency."""
    if value is None:
        return ""
    if isinstance(value, Money):
        return str(value).partition(" ")[0]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def typed(raw: Raw) -> str:
    """What stands in a cell, as text, without the apostrophe that keeps a formula from running."""
    if raw is None or raw == "":
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() and abs(raw) < 1e15 else repr(raw)
    if isinstance(raw, datetime):
        return f"{_minute(raw):%Y-%m-%d %H:%M}"
    words = clean(str(raw))
    return words[1:] if words.startswith("'") and words[1:].lstrip(" ").startswith(FORMULA) else words


def said(raw: Raw) -> str:
    """What stands in a cell for others to read; "" where they would see nothing."""
    words = typed(raw)
    return words if says_something(words) else ""


def same(value: Value, raw: Raw) -> bool:
    """Whether a cell still holds what was written, however a program has put it since."""
    if isinstance(value, datetime):
        return raw == value or value in _times(raw)
    if isinstance(value, Money):
        try:
            return amount(raw, value.currency, "") == value
        except Invalid:
            return False
    expected = text_of(value)
    if raw == expected or typed(raw) == expected:
        return True
    return isinstance(raw, str) and expected in (clean(raw), restored(clean(raw)), restored(typed(raw)))


def amount(raw: Raw, currency: str, field: str) -> Money:
    """What was typed as an amount; ``1.234,50``, ``1,234.50`` and ``1234.5`` are all read. Raises Invalid."""
    digits = EXPONENTS[currency]
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or raw != raw:  # noqa: PLR0124  # NaN is a float.
        raise Invalid(field, f"is not an amount; write for example {_example(digits)}")
    try:
        if isinstance(raw, str):
            minor = Decimal(_plain(raw, currency, digits)).scaleb(digits)
        elif abs(raw) > LARGEST:
            raise Invalid(field, "is too large an amount")
        else:  # A spreadsheet's numbers have fifteen digits; what follows is an artefact of its arithmetic.
            minor = Decimal(f"{raw:.15g}").scaleb(digits)
        if minor != minor.to_integral_value():
            raise Invalid(field, f"has more decimals than {currency}, which has {digits}")
        return Money(int(minor), currency)
    except (InvalidOperation, OverflowError, ValueError):
        raise Invalid(field, f"is not an amount in {currency}; write for example {_example(digits)}") from None


_WHOLE = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?P<mark>[.,'])[0-9]{3}(?:(?P=mark)[0-9]{3})*)")
"""A whole number, bare or in groups of three."""


def _plain(words: str, currency: str, digits: int) -> str:
    """A typed number with a point before its decimals; raises ValueError where that cannot be told."""
    bare = words.strip().removesuffix(currency).removeprefix(currency).strip().replace("\N{NO-BREAK SPACE}", "")
    if not re.fullmatch(r"-?[0-9][0-9.,']*", bare) or len(bare) > 20:
        raise ValueError(bare)
    marks = [c for c in bare if c in ".,"]
    whole, mark, part = bare.rpartition(marks[-1]) if marks else (bare, "", "")
    if not _WHOLE.fullmatch(whole):
        raise ValueError(bare)  # 1,2.5 has groups of no thousands.
    unclear = len(marks) == 1 and "'" not in whole and len(part) == 3 and (digits != 3 or mark == ",")
    if mark and (mark in marks[:-1] or unclear):
        raise ValueError(bare)  # 1.234 may be a thousand or a little more than one; 1.234 KWD is how we write it.
    return re.sub(r"[.,']", "", whole) + "." + part


def _example(digits: int) -> str:
    return "49" if digits == 0 else "49." + "0" * digits


def instant(raw: Raw, zone: str, field: str) -> datetime:
    """What was typed as a time on a zone's clock; a day alone lasts until its end. Raises Invalid."""
    found = _times(raw)
    if len(found) != 1:
        raise Invalid(field, "is not a time that can be read in one way; write for example 2026-11-24 16:00")
    moment = found[0]
    if (isinstance(raw, str) and ":" not in raw) or (isinstance(raw, date) and not isinstance(raw, datetime)):
        moment = moment.replace(hour=23, minute=59, fold=1)  # The second, where clocks go back at midnight.
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _times(raw: Raw) -> list[datetime]:
    """All the times that a cell may mean."""
    try:
        if isinstance(raw, datetime):
            return [_minute(raw)]
        if isinstance(raw, date):
            return [datetime(raw.year, raw.month, raw.day)]  # noqa: DTZ001  # local to the row
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return [_minute(_EPOCH + timedelta(days=raw))]
        words = raw.strip() if isinstance(raw, str) else ""
        if match := _ISO.fullmatch(words):
            year, month, day, hour, minute = (int(part or 0) for part in match.groups())
            return [datetime(year, month, day, hour, minute)]  # noqa: DTZ001
        if match := _DOTTED.fullmatch(words):
            day, month, year, hour, minute = (int(part or 0) for part in match.groups())
            return [datetime(_in_full(year), month, day, hour, minute)]  # noqa: DTZ001
        match = _EITHER.fullmatch(words)
        return _either(match) if match else []
    except (ValueError, OverflowError):
        return []


def _either(match: re.Match[str]) -> list[datetime]:
    """A date that may begin with the day, and with the month, as far as each is one."""
    first, second, year, hour, minute = (int(part or 0) for part in match.groups()[:5])
    hour = hour % 12 + (12 if match[6] == " PM" else 0) if match[6] else hour
    found = []
    for day, month in ((first, second), (second, first)):
        if 1 <= month <= 12 and 1 <= day <= 31:
            found.append(datetime(_in_full(year), month, day, hour, minute))  # noqa: DTZ001
    return list(dict.fromkeys(found))


def _in_full(year: int) -> int:
    return year + (2000 if year < 100 else 0)


def _minute(moment: datetime) -> datetime:
    """To the nearest minute: a spreadsheet counts parts of days."""
    return (moment.replace(tzinfo=None) + timedelta(seconds=30)).replace(second=0, microsecond=0)
