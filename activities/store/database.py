"""How this product connects to PostgreSQL."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import psycopg.conninfo
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import ArgumentError

from domain.errors import Invalid

_STATEMENT_TIMEOUT = 10_000  # milliseconds
_CONNECT_TIMEOUT = 5  # seconds
_POOL = 5
_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def connect(url: str, *, application_name: str = "aftersale", pool_size: int = _POOL) -> Engine:
    """A pool of at most twice `pool_size` connections, made when first needed.

    `url` is ``postgresql://...`` with or without a driver's name. A statement ends after 10 s. Errors never quote the
    parameters of a statement, which may be about a person. Raises Invalid for a `url` that is no address, unquoted.
    """
    scheme, _, rest = url.partition("://")
    try:
        engine = _engine(f"postgresql+psycopg://{rest}" if scheme in _SCHEMES else "", application_name, pool_size)
        asked = engine.dialect.create_connect_args(engine.url)[1]
        psycopg.conninfo.make_conninfo(**{name: value for name, value in asked.items() if name != "context"})
    except (ArgumentError, ValueError, psycopg.ProgrammingError):
        rule = "is no address of a database, postgresql://user:password@host:port/name"
        raise Invalid("DATABASE_URL", rule) from None
    return engine


def _engine(url: str, application_name: str, pool_size: int) -> Engine:
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=json_text,
        connect_args={
            "application_name": application_name,
            "connect_timeout": _CONNECT_TIMEOUT,
            "options": f"-c statement_timeout={_STATEMENT_TIMEOUT} -c timezone=UTC",
        },
    )


def json_text(value: Any) -> str:
    """`value` as JSON that PostgreSQL accepts: it knows no NUL, no half of a surrogate pair, no NaN and no infinity.

    A message may contain them all the same, and must not make its step impossible to record.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:
        return json.dumps(_storable(value), ensure_ascii=False)
    return json.dumps(_storable(value), ensure_ascii=False) if "\\u0000" in text else text


def storable(text: str) -> str:
    """`text` with what PostgreSQL cannot store (NUL, half a surrogate pair) replaced by U+FFFD."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    return value
