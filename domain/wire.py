"""Frozen dataclasses to plain JSON and back: strict, with errors that name the field.

One codec serves the stored snapshot, the workflow's payloads and the commands of the parties, so the schemas that are
published (`schema`) are those of the running code. Money is ``"49.90 EUR"``, time is ISO 8601 in UTC ending in ``Z``.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, partial
from hashlib import sha256
from operator import attrgetter
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from domain.errors import Invalid, writable
from domain.money import LONGEST_AMOUNT, Money

Plain = Any
Reader = Callable[[Plain, str], Any]
"""Makes a value of what was read, and of the path of its field, which an error names."""

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


DEEPEST = 32
"""How many objects and lists of a document may stand within each other; ours need a third of that."""

_FLAT = frozenset({str, int, bool, types.NoneType})

LONGEST_PATH = 200
"""Characters of the path of a field that is no plain JSON: whoever sends it chooses its names."""


def check_plain(data: object) -> None:
    """Whether a document from outside is made of what `to_plain` writes; raises Invalid, naming the first field.

    JSON has numbers and depths that we do not: what is kept or handed on unread would fail where nobody can say no.
    """
    amiss = _amiss(data, DEEPEST)
    if amiss is not None:
        path, rule = amiss
        raise Invalid(path.removeprefix(".")[:LONGEST_PATH] or "message", rule)


def _amiss(data: object, room: int) -> tuple[str, str] | None:
    """The path of the first field that is not plain, and why; `room`: how many levels are left."""
    if type(data) in _FLAT:
        return None
    if isinstance(data, float):
        return "", f"must be a whole number, not {data!r}; an amount is a text such as '49.90 EUR'"
    if not isinstance(data, (dict, list)):
        return "", f"must be JSON, not {type(data).__name__}"
    if not room:
        return "", f"lies too deep: at most {DEEPEST} objects and lists stand within each other"
    for name, item in data.items() if isinstance(data, dict) else enumerate(data):
        amiss = None if type(item) in _FLAT else _amiss(item, room - 1)
        if amiss is not None:
            path, rule = amiss
            return (f"[{name}]{path}" if isinstance(data, list) else f".{name}{path}"), rule
    return None


def to_plain(value: object) -> Plain:
    """Any value made of our dataclasses as plain JSON data; fields at their default are left out."""
    return _writer(type(value))(value)  # type: ignore[arg-type]  # every class is hashable


@cache
def _writer(cls: type) -> Callable[[Any], Plain]:
    """How values of one class are written; found out once a class, because every step writes hundreds."""
    if issubclass(cls, StrEnum):
        return attrgetter("value")
    if issubclass(cls, (bool, int, str, types.NoneType)):
        return _same
    if issubclass(cls, Money):
        return str
    if issubclass(cls, datetime):
        return instant_text
    if issubclass(cls, frozenset):
        return lambda items: sorted(to_plain(item) for item in items)
    if issubclass(cls, (tuple, list)):
        return lambda items: [to_plain(item) for item in items]
    if issubclass(cls, Mapping):
        return lambda items: {str(name): to_plain(item) for name, item in items.items()}
    own: Callable[[Any], Plain] | None = getattr(cls, "to_plain", None)
    return own or partial(_write_fields, _shape(cls))  # type: ignore[arg-type]  # every class is hashable


def _write_fields(fields: Mapping[str, _Field], value: object) -> Plain:
    plain = {}
    for name, field in fields.items():
        item = getattr(value, name)
        if not field.optional or item != field.default:
            plain[name] = to_plain(item)
    return plain


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    """A dataclass field, its type resolved."""

    type: Any
    read: Reader
    optional: bool
    default: object


def _same(value: Plain) -> Plain:
    return value


@cache
def _shape(cls: type) -> Mapping[str, _Field]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} has no plain form")
    # Its own module's names, by way of __init__: the workflow sandbox hides modules from a look-up in sys.modules.
    hints = get_type_hints(cls, vars(cls)["__init__"].__globals__)
    shape = {}
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if field.default_factory is not dataclasses.MISSING:
            shape[field.name] = _Field(kind, _reader(kind), True, field.default_factory())
        elif field.default is not dataclasses.MISSING:
            shape[field.name] = _Field(kind, _reader(kind), True, field.default)
        else:
            shape[field.name] = _Field(kind, _reader(kind), False, None)
    return shape


def from_plain(cls: type[T], data: Plain, path: str = "") -> T:
    """Build `cls` from plain data; raises Invalid for a missing, unknown or mistyped field."""
    return _reader(cls)(data, path)  # type: ignore[no-any-return, arg-type]  # total over our types, all hashable


@cache
def _reader(kind: Any) -> Reader:
    """How values of one type are read; found out once a type, because every step reads hundreds."""
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        read = _reader(next(arg for arg in args if arg is not types.NoneType))
        return lambda data, path: None if data is None else read(data, path)
    if origin is tuple and args[-1:] != (Ellipsis,):
        return partial(_read_each, tuple(_reader(arg) for arg in args))
    if origin in (tuple, frozenset):
        return partial(_read_items, origin, _reader(args[0]))
    if origin in (dict, Mapping):
        return lambda data, path: dict(_expect(data, dict, path, "an object"))
    if kind is Any:
        return lambda data, _: data
    if kind in _READERS:
        return _READERS[kind]
    if issubclass(kind, StrEnum):
        return partial(_enum, kind)
    own: Callable[[Plain], Any] | None = getattr(kind, "from_plain", None)
    return partial(_read_fields, kind) if own is None else lambda data, _: own(data)


_BASIC: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _expect(data: Plain, kind: type, path: str, words: str) -> Any:
    if not isinstance(data, kind):
        raise Invalid(path, f"must be {words}, not {type(data).__name__ if data is not None else 'null'}")
    return data


def _text(data: Plain, path: str) -> str:
    """A text that a database can keep; raises Invalid for one with NUL or half a surrogate pair."""
    text: str = _expect(data, str, path, _BASIC[str])
    if writable(text) != text:
        raise Invalid(path, "must be text without NUL and without half a surrogate pair")
    return text


def _whole(data: Plain, path: str) -> int:
    if isinstance(data, bool):
        raise Invalid(path, "must be a whole number, not true or false")
    return int(_expect(data, int, path, _BASIC[int]))


def _flag(data: Plain, path: str) -> bool:
    return bool(_expect(data, bool, path, _BASIC[bool]))


def _time(data: Plain, path: str) -> datetime:
    return instant(_expect(data, str, path, "a time such as '2026-11-24T16:00:00Z'"), path)


def _money(data: Plain, path: str) -> Money:
    text: str = _expect(data, str, path, "an amount such as '49.90 EUR'")
    amount, space, currency = text.partition(" ")
    if not amount or not space or " " in currency:
        raise Invalid(
            path, f"{text[:LONGEST_AMOUNT]!r} is not an amount and its currency; write for example '49.90 EUR'"
        )
    return Money.of(amount, currency, path)


_READERS: Mapping[type, Reader] = {str: _text, int: _whole, bool: _flag, datetime: _time, Money: _money}


def _enum(kind: type[E], data: Plain, path: str) -> E:
    try:
        return kind(_expect(data, str, path, "a text"))
    except ValueError:
        raise Invalid(path, f"is not one of {', '.join(kind)}") from None


def _read_each(readers: Sequence[Reader], data: Plain, path: str) -> Any:
    items = _expect(data, list, path, "a list")
    if len(items) != len(readers):
        raise Invalid(path, f"must have {len(readers)} items")
    return tuple(read(item, f"{path}[{i}]") for i, (read, item) in enumerate(zip(readers, items, strict=True)))


def _read_items(origin: type, read: Reader, data: Plain, path: str) -> Any:
    items = _expect(data, list, path, "a list")
    return origin(read(item, f"{path}[{i}]") for i, item in enumerate(items))


def _read_fields(cls: type, data: Plain, path: str) -> Any:
    fields, given = _shape(cls), _expect(data, dict, path or "document", "an object")
    dot = f"{path}." if path else ""
    for name in given:
        if name not in fields:
            raise Invalid(f"{dot}{name}", f"is not known here; known: {', '.join(fields) or 'nothing'}")
    values = {}
    for name, field in fields.items():
        if name in given:
            values[name] = field.read(given[name], f"{dot}{name}")
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
