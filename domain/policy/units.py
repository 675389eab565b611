"""How one number of a policy is declared and written: its unit, its default, its reason, its text in a policy file.

A kind knows two written forms of a value: the text that people write in a policy file ("2 business days"), and the
plain JSON value, in the same unit, that an order pins (2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol, cast

from domain.errors import Invalid
from domain.money import Money, payable

_WITH_UNIT = re.compile(r"(?P<count>-?[0-9]+) (?P<unit>[a-z ]+)")


class Kind(Protocol):
    """What a value is and how it is written. `unit` is what a reader of the documentation sees."""

    @property
    def unit(self) -> str: ...

    def parse(self, name: str, written: object) -> Any:
        """The value of what a policy file says; raises Invalid for the field `name`."""

    def show(self, value: Any) -> str:
        """The value as a policy file would say it."""

    def to_plain(self, value: Any) -> Any:
        """The value as a JSON value."""

    def from_plain(self, plain: Any) -> Any:
        """The value that `to_plain` wrote."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, not below `least`, that is written with its unit ("2 business days")."""

    unit: str
    least: int = 1

    def parse(self, name: str, written: object) -> int:
        example = f"write for example '2 {self.unit}'"
        if not isinstance(written, str):
            raise Invalid(name, f"{written!r} has no unit, or no quotes; {example}")
        match = _WITH_UNIT.fullmatch(written)
        if match is None or match["unit"] not in (self.unit, self.unit.removesuffix("s")):
            raise Invalid(name, f"{written!r} is not a number of {self.unit}; {example}")
        if len(match["count"]) > 6:
            raise Invalid(name, f"{written!r} is more than any window can be; {example}")
        if int(match["count"]) < self.least:
            raise Invalid(name, f"{written!r} is less than {self.show(self.least)}; {example}")
        return int(match["count"])

    def show(self, value: int) -> str:
        return f"{value} {self.unit.removesuffix('s') if value == 1 else self.unit}"

    def to_plain(self, value: int) -> int:
        return value

    def from_plain(self, plain: int) -> int:
        return plain


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Elapsed time, the same on every calendar, that is written in `unit` ("24 hours"); not below `least`."""

    unit: str
    least: int = 1

    def parse(self, name: str, written: object) -> timedelta:
        return self.from_plain(Whole(self.unit, self.least).parse(name, written))

    def show(self, value: timedelta) -> str:
        return Whole(self.unit).show(self.to_plain(value))

    def to_plain(self, value: timedelta) -> int:
        return value // timedelta(**{self.unit: 1})

    def from_plain(self, plain: int) -> timedelta:
        return timedelta(**{self.unit: plain})


@dataclass(frozen=True, slots=True)
class OrNone:
    """What may be missing: `kind`, or "none"."""

    kind: Kind

    @property
    def unit(self) -> str:
        return f"{self.kind.unit} or none"

    def parse(self, name: str, written: object) -> Any:
        return None if written == "none" else self.kind.parse(name, written)

    def show(self, value: Any) -> str:
        return "none" if value is None else self.kind.show(value)

    def to_plain(self, value: Any) -> Any:
        return None if value is None else self.kind.to_plain(value)

    def from_plain(self, plain: Any) -> Any:
        return None if plain is None else self.kind.from_plain(plain)


class BasisPoints:
    """A share in hundredths of a percent, written as a bare whole number because the key names the unit."""

    unit = "basis points"

    def parse(self, name: str, written: object) -> int:
        if not isinstance(written, int) or isinstance(written, bool) or not 0 <= written <= 10_000:
            raise Invalid(name, f"{written!r} is not a whole number from 0 to 10000 (100 %); write 800 for 8 %")
        return written

    def show(self, value: int) -> str:
        return str(value)

    def to_plain(self, value: int) -> int:
        return value

    def from_plain(self, plain: int) -> int:
        return plain


@dataclass(frozen=True, slots=True)
class Text:
    """Words. `pattern` is what they must look like, `example` what would be right."""

    unit: str = "text"
    pattern: str = r"(?=.*\S)[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+"
    example: str = "a text on one line"

    def parse(self, name: str, written: object) -> str:
        if not isinstance(written, str) or not re.fullmatch(self.pattern, written):
            raise Invalid(name, f"{written!r} is not right here; write {self.example}")
        return written

    def show(self, value: str) -> str:
        return f'"{value}"'

    def to_plain(self, value: str) -> str:
        return value

    def from_plain(self, plain: str) -> str:
        return plain


class Amounts:
    """At most one amount for each currency, written as a table: ``{EUR = "150.00"}``."""

    unit = "amount per currency"

    def parse(self, name: str, written: object) -> tuple[Money, ...]:
        if not isinstance(written, Mapping):
            raise Invalid(name, f'{written!r} is not a table of amounts; write for example {{EUR = "150.00"}}')
        for currency, amount in written.items():
            if not isinstance(amount, str):
                raise Invalid(f"{name}.{currency}", f'{amount!r} is not in quotes; write for example "150.00"')
        amounts = tuple(Money.of(amount, code, f"{name}.{code}") for code, amount in sorted(written.items()))
        for amount in amounts:
            if amount.minor < 0:
                raise Invalid(f"{name}.{amount.currency}", f"{amount} is negative")
            payable(amount, f"{name}.{amount.currency}")
        return amounts

    def show(self, value: tuple[Money, ...]) -> str:
        pairs = (str(amount).split(" ") for amount in value)
        return "{" + ", ".join(f'{currency} = "{digits}"' for digits, currency in pairs) + "}"

    def to_plain(self, value: tuple[Money, ...]) -> list[str]:
        return [str(amount) for amount in value]

    def from_plain(self, plain: list[str]) -> tuple[Money, ...]:
        return tuple(Money.parse(text) for text in plain)


class Dates:
    """Days, written as a list of TOML dates: ``[2026-12-24, 2026-12-31]``."""

    unit = "dates"

    def parse(self, name: str, written: object) -> tuple[date, ...]:
        days = written if isinstance(written, list) else [written]
        if written is not days or any(not isinstance(day, date) or isinstance(day, datetime) for day in days):
            raise Invalid(name, "must be a list of dates without quotes; write for example [2026-12-24, 2026-12-31]")
        return tuple(sorted(set(days)))

    def show(self, value: tuple[date, ...]) -> str:
        return "[" + ", ".join(day.isoformat() for day in value) + "]"

    def to_plain(self, value: tuple[date, ...]) -> list[str]:
        return [day.isoformat() for day in value]

    def from_plain(self, plain: list[str]) -> tuple[date, ...]:
        return tuple(date.fromisoformat(text) for text in plain)


class Words:
    """Any of a few words, written as a list: ``["not_received"]``."""

    unit = "words"

    def __init__(self, *known: str) -> None:
        self.known = tuple(str(word) for word in known)

    def parse(self, name: str, written: object) -> tuple[str, ...]:
        if not isinstance(written, list) or not all(word in self.known for word in written):
            raise Invalid(name, f"must be a list of any of these: {', '.join(self.known)}")
        return tuple(word for word in self.known if word in written)

    def show(self, value: tuple[str, ...]) -> str:
        return "[" + ", ".join(f'"{word}"' for word in value) + "]"

    def to_plain(self, value: tuple[str, ...]) -> list[str]:
        return [str(word) for word in value]

    def from_plain(self, plain: list[str]) -> tuple[str, ...]:
        return tuple(plain)


def one_of(*words: str) -> Text:
    """One of a few words."""
    return Text(" or ".join(words), "|".join(words), "one of " + ", ".join(f"'{word}'" for word in words))


def declared(kind: Kind, default: Any, reason: str) -> Any:
    """A number of a policy: declares a dataclass field with its kind, default and reason."""
    return field(default=default, metadata={"kind": kind, "reason": reason})


def business_days(default: int, reason: str, *, least: int = 1) -> int:
    """A number of business days, on the calendar of the party who must act."""
    return cast("int", declared(Whole("business days", least), default, reason))


def days(default: int, reason: str, *, least: int = 1) -> int:
    """A number of calendar days: the same local time so many days later."""
    return cast("int", declared(Whole("days", least), default, reason))


def days_or_none(reason: str) -> int | None:
    """A number of calendar days, written "none" where there is no end, as by default."""
    return cast("int | None", declared(OrNone(Whole("days")), None, reason))


def count(unit: str, default: int, reason: str, *, least: int = 1) -> int:
    """A whole number of `unit`, a plural such as ``files``."""
    return cast("int", declared(Whole(unit, least), default, reason))


def hours(default: int, reason: str, *, least: int = 1) -> timedelta:
    """Elapsed time that is written in hours."""
    return cast("timedelta", declared(Elapsed("hours", least), timedelta(hours=default), reason))


def minutes(default: int, reason: str, *, least: int = 1) -> timedelta:
    """Elapsed time that is written in minutes."""
    return cast("timedelta", declared(Elapsed("minutes", least), timedelta(minutes=default), reason))


def kind_of(declaration: Field[Any]) -> Kind:
    """The kind with which a policy's field was declared."""
    return cast("Kind", declaration.metadata["kind"])
