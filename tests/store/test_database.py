"""Connections of the pool: used again without a word while fresh, tried out when they lay idle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, text

from activities.store import database as pool
from tests.conftest import Database

IDLE = -1.0  # seconds after which a connection counts as idle: at once


END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()
"""


def break_all(address: str) -> None:
    """End every connection that `address` has open, from another one."""
    other = pool.connect(address)
    with other.begin() as conn:
        ended = conn.execute(text(END_OTHERS))
        assert list(ended.scalars()) == [True]
    other.dispose()


@contextmanager
def pings(engine: Engine) -> Iterator[list[int]]:
    """One entry for each time that a connection was tried out."""
    tried: list[int] = []
    do_ping = engine.dialect.do_ping

    def counted(connection: object) -> bool:
        tried.append(1)
        return do_ping(connection)  # type: ignore[arg-type]

    engine.dialect.do_ping = counted  # type: ignore[method-assign, assignment]
    yield tried


def user_of(engine: Engine) -> str:
    with engine.begin() as conn:
        return str(conn.execute(text("SELECT current_user")).scalar_one())


def test_a_connection_that_broke_while_idle_is_replaced_unnoticed(
    engine: Engine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_of(engine)
    break_all(database.url)
    monkeypatch.setattr(pool, "_FRESH", IDLE)
    assert user_of(engine) == user


def test_a_connection_that_broke_while_fresh_fails_one_transaction(engine: Engine, database: Database) -> None:
    user = user_of(engine)
    break_all(database.url)
    with pytest.raises(Exception, match="terminating connection"):
        user_of(engine)
    assert user_of(engine) == user


def test_a_connection_that_was_just_used_is_taken_again_without_a_question(engine: Engine) -> None:
    user_of(engine)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
    with pings(engine) as tried:
        user_of(engine)
    assert (tried, asked) == ([], ["SELECT current_user"])
