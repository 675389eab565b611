"""What a lever is told, field by field: a JSON object, or the query of its address. A refusal names the field."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from starlette.requests import Request

from sandbox.payments.wire import malformed
from sandbox.store import Json

Choice = TypeVar("Choice", bound=StrEnum)


async def read(request: Request) -> Json:
    """The fields of a request."""
    if request.method != "POST":
        return dict(request.query_params)
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise malformed("The body must be a JSON object.")
    return body


def text(wanted: Json, name: str) -> str:
    """A text, "" when it is not given."""
    value = wanted.get(name, "")
    if not isinstance(value, str):
        raise malformed(f"{name} must be a string", param=name)
    return value


def required(wanted: Json, name: str) -> str:
    """A text that must be given."""
    value = text(wanted, name)
    if not value:
        raise malformed(f"Missing: {name}", param=name)
    return value


def number(wanted: Json, name: str, type_: type[Any], default: Any) -> Any:
    """A number that is not negative, or `default`."""
    value = wanted.get(name, default)
    if value is not default and (isinstance(value, bool) or not isinstance(value, (int, type_)) or value < 0):
        raise malformed(f"{name} must be a number, not negative", param=name)
    return value


def instant(wanted: Json, name: str) -> datetime:
    """An instant with an offset."""
    try:
        moment = datetime.fromisoformat(required(wanted, name))
    except ValueError:
        moment = datetime.min  # noqa: DTZ901  (without an offset, so it is refused below)
    if moment.tzinfo is None:
        raise malformed(f"{name} must be an instant such as 2026-03-02T09:00:00+00:00", param=name)
    return moment


def choice(wanted: Json, name: str, choices: type[Choice]) -> Choice:
    """One of a few words."""
    value = required(wanted, name)
    if value not in [known.value for known in choices]:
        raise malformed(f"{name} must be one of {', '.join(choices)}", param=name)
    return choices(value)
