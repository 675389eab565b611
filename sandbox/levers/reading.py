"""Reads what a lever is told, and says what would be right."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sandbox.payments.wire import malformed
from sandbox.store import Json

Choice = TypeVar("Choice", bound=StrEnum)


def text(wanted: Json, name: str) -> str:
    """A string, "" when it is absent."""
    value = wanted.get(name, "")
    if not isinstance(value, str):
        raise malformed(f"{name} must be a string", param=name)
    return value


def required(wanted: Json, name: str) -> str:
    """A string that must be there."""
    value = text(wanted, name)
    if not value:
        raise malformed(f"Missing: {name}", param=name)
    return value


def number(wanted: Json, name: str, type_: type[Any], default: Any) -> Any:
    """A number that is not negative, whole when `type_` is int, `default` when it is absent."""
    value = wanted.get(name, default)
    if value is not default and (isinstance(value, bool) or not isinstance(value, (int, type_)) or value < 0):
        raise malformed(f"{name} must be a number, not negative", param=name)
    return value


def instant(wanted: Json, name: str) -> datetime:
    """An instant with its offset, as ISO 8601."""
    try:
        moment = datetime.fromisoformat(required(wanted, name))
    except ValueError:
        moment = datetime.min  # noqa: DTZ901  (without an offset, so it is refused below)
    if moment.tzinfo is None:
        raise malformed(f"{name} must be an instant such as 2026-03-02T09:00:00+00:00", param=name)
    return moment


def choice(wanted: Json, name: str, choices: type[Choice]) -> Choice:
    """One of the values of an enumeration."""
    value = required(wanted, name)
    if value not in [item.value for item in choices]:
        raise malformed(f"{name} must be one of {', '.join(choices)}", param=name)
    return choices(value)


def flag(wanted: Json, name: str) -> bool:
    """A boolean, False when it is absent."""
    value = wanted.get(name, False)
    if not isinstance(value, bool):
        raise malformed(f"{name} must be true or false", param=name)
    return value


def words(wanted: Json, name: str) -> list[str]:
    """A list of strings, [] when it is absent."""
    value = wanted.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise malformed(f"{name} must be a list of strings", param=name)
    return value
