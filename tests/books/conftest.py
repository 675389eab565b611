"""Books to read: databases with their readers, and whoever reads them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from activities.store.database import connect
from activities.store.vault import Vault
from starter.books.reader import BooksReader
from starter.records import Records
from tests.conftest import Database


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    pool = connect(database.url)
    yield pool
    pool.dispose()


@pytest.fixture(scope="module")
def many(make_database: Callable[[], Database]) -> Iterator[Engine]:
    """One database for all examples of a property; each has sellers and orders of its own."""
    pool = connect(make_database().url)
    yield pool
    pool.dispose()


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    pool = connect(database.owner_url)
    yield pool
    pool.dispose()


@pytest.fixture
def reader(engine: Engine) -> BooksReader:
    return reader_of(engine)


def reader_of(engine: Engine) -> BooksReader:
    return BooksReader(Records(engine, Vault(base64.b64encode(bytes(range(32))).decode())))


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """What the database is asked in the block, settings of the session left out."""
    asked: list[str] = []

    def note(_conn: object, _cursor: object, sql: str, *_: object) -> None:
        if "set_config" not in sql:
            asked.append(sql)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)
