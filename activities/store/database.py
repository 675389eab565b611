"""How this product connects to PostgreSQL."""

from __future__ import annotations

import json
import math
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg.conninfo
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DisconnectionError

from domain.errors import Invalid, writable

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_STATEMENT_TIMEOUT = 10_000  # milliseconds
_CONNECT_TIMEOUT = 5  # seconds
_POOL = 5
_FRESH = 1.0  # seconds in which a connection that was just used is taken again without being tried out
_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+psycopg"})


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
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,
        json_serializer=json_text,
        connect_args={
            "application_name": application_name,
            "connect_timeout": _CONNECT_TIMEOUT,
            "options": f"-c statement_timeout={_STATEMENT_TIMEOUT} -c timezone=UTC",
        },
    )
    _try_out_when_idle(engine)
    return engine


def _try_out_when_idle(engine: Engine) -> None:
    """Replace what SQLAlchemy's `pool_pre_ping` does, which asks at every use: a step uses a connection several times.

    One that breaks within `_FRESH` fails the transaction that took it, as one that breaks a moment later does.
    """

    def note(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info["used"] = monotonic()

    def try_out(connection: DBAPIConnection, entry: ConnectionPoolEntry, _: object) -> None:
        if monotonic() - entry.info.get("used", 0.0) < _FRESH:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.OperationalError as error:
            raise DisconnectionError("the connection broke while nobody used it") from error

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", try_out)


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


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {writable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(item) for item in value]
    return value
