"""Frozen dataclasses to plain JSON and back: strict, with errors that name the field.

One codec serves the stored snapshot, the workflow's payloads and the commands of the parties, so the schemas that are
published (`schema`) are those of the running code. Money is ``"49.90 EUR"``, time is ISO 8601 in UTC ending in ``Z``.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, partial
from hashlib import sha256
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.errors import Invalid
from domain.money import LONGEST_AMOUNT, Money

Plain = Any
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def instant(text: str, field: str = "time") -> datetime:
    """Read ``2026-11-24T16:00:00Z``; raises Invalid, naming `field`."""
    try:
        parsed = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Invalid(field, "is not a time; write ISO 8601, e.g. '2026-11-24T16:00:00Z'") from None
    if parsed.tzinfo is None:
        raise Invalid(field, "has no offset; write UTC, e.g. '2026-11-24T16:00:00Z'")
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise Invalid(field, "lies outside the times that can be counted") from None


def instant_text(moment: datetime) -> str:
    """ISO 8601 in UTC, ending in ``Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def canonical(value: Plain) -> str:
    """The one JSON text of a plain value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Plain) -> str:
    """128 bits of SHA-256 over `canonical`, in hex; equal contents, equal digest."""
    return sha256(canonical(value).encode(errors="surrogatepass")).hexdigest()[:32]


def to_plain(value: object) -> Plain:
    """Any value made of our dataclasses as plain JSON data; fields at their default are left out."""
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, StrEnum)):
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, frozenset):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    own = getattr(value, "to_plain", None)
    if own is not None:
        return own()
    fields = _shape(type(value))  # type: ignore[arg-type]  # every class is hashable
    return {
        name: to_plain(getattr(value, name))
        for name, field in fields.items()
        if not field.optional or getattr(value, name) != field.default()
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    """A dataclass field, its type resolved."""

    type: Any
    optional: bool
    default: Callable[[], object]


def _same(value: object) -> object:
    return value


@cache
def _shape(cls: type) -> Mapping[str, _Field]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} has no plain form")
    # Its own module's names, by way of __init__: the workflow sandbox hides modules from a look-up in sys.modules.
    hints = get_type_hints(cls, vars(cls)["__init__"].__globals__)
    shape = {}
    for field in dataclasses.fields(cls):
        if field.default_factory is not dataclasses.MISSING:
            shape[field.name] = _Field(hints[field.name], True, field.default_factory)
        elif field.default is not dataclasses.MISSING:
            shape[field.name] = _Field(hints[field.name], True, partial(_same, field.default))
        else:
            shape[field.name] = _Field(hints[field.name], False, lambda: None)
    return shape


def from_plain(cls: type[T], data: Plain, path: str = "") -> T:
    """Build `cls` from plain data; raises Invalid for a missing, unknown or mistyped field."""
    return _read(cls, data, path)  # type: ignore[no-any-return]  # _read is total over the types we use


def _read(kind: Any, data: Plain, path: str) -> Any:  # noqa: C901  # one return per kind of value
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if data is None else _read(next(a for a in get_args(kind) if a is not types.NoneType), data, path)
    if origin in (tuple, frozenset):
        return _read_items(origin, get_args(kind), data, path)
    if origin in (dict, Mapping):
        return dict(_expect(data, dict, path, "an object"))
    if kind is Any:
        return data
    if kind is Money:
        return _money(_expect(data, str, path, "an amount such as '49.90 EUR'"), path)
    if kind is datetime:
        return instant(_expect(data, str, path, "a time such as '2026-11-24T16:00:00Z'"), path)
    if kind is int and isinstance(data, bool):
        raise Invalid(path, "must be a whole number, not true or false")
    if kind is str:
        return _text(_expect(data, str, path, _BASIC[str]), path)
    if kind in _BASIC:
        return _expect(data, kind, path, _BASIC[kind])
    if issubclass(kind, StrEnum):
        return _enum(kind, data, path)
    own = getattr(kind, "from_plain", None)
    return own(data) if own is not None else _read_fields(kind, data, path)


_BASIC: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _expect(data: Plain, kind: type, path: str, words: str) -> Any:
    if not isinstance(data, kind):
        raise Invalid(path, f"must be {words}, not {type(data).__name__ if data is not None else 'null'}")
    return data


def _text(text: str, path: str) -> str:
    """A text that a database can keep; raises Invalid for one with NUL or half a surrogate pair."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Invalid(path, "must be text without NUL and without half a surrogate pair")
    return text


def _money(text: str, path: str) -> Money:
    amount, space, currency = text.partition(" ")
    if not amount or not space or " " in currency:
        raise Invalid(
            path, f"{text[:LONGEST_AMOUNT]!r} is not an amount and its currency; write for example '49.90 EUR'"
        )
    return Money.of(amount, currency, path)


def _enum(kind: type[E], data: Plain, path: str) -> E:
    try:
        return kind(_expect(data, str, path, "a text"))
    except ValueError:
        raise Invalid(path, f"is not one of {', '.join(kind)}") from None


def _read_items(origin: type, args: tuple[Any, ...], data: Plain, path: str) -> Any:
    items = _expect(data, list, path, "a list")
    if origin is tuple and args[-1:] != (Ellipsis,):
        if len(items) != len(args):
            raise Invalid(path, f"must have {len(args)} items")
        return tuple(_read(arg, item, f"{path}[{i}]") for i, (arg, item) in enumerate(zip(args, items, strict=True)))
    return origin(_read(args[0], item, f"{path}[{i}]") for i, item in enumerate(items))


def _read_fields(cls: type, data: Plain, path: str) -> Any:
    fields, given = _shape(cls), _expect(data, dict, path or "document", "an object")
    dot = f"{path}." if path else ""
    for name in given:
        if name not in fields:
            raise Invalid(f"{dot}{name}", f"is not known here; known: {', '.join(fields) or 'nothing'}")
    values = {}
    for name, field in fields.items():
        if name in given:
            values[name] = _read(field.type, given[name], f"{dot}{name}")
        elif not field.optional:
            raise Invalid(f"{dot}{name}", "is missing")
    return cls(**values)


def schema(kind: Any) -> dict[str, Plain]:
    """The JSON schema (2020-12) of a message type."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return schema(next(a for a in args if a is not types.NoneType))
    if origin in (tuple, frozenset):
        return {"type": "array", "items": schema(args[0])}
    if kind is Money:
        return {"type": "string", "description": "an amount and its currency, e.g. '49.90 EUR'"}
    if kind is datetime:
        return {"type": "string", "format": "date-time"}
    if kind in _BASIC:
        return {"type": {str: "string", int: "integer", bool: "boolean"}[kind]}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"enum": [member.value for member in kind]}
    if not dataclasses.is_dataclass(kind):
        return {"type": "object"}
    fields = _shape(kind)  # type: ignore[arg-type]  # a dataclass type, checked above
    return {
        "type": "object",
        "properties": {name: schema(field.type) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if not field.optional],
        "additionalProperties": False,
    }
