"""A database of its own for each test, as the application sees it and as its owner does."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from activities.store.database import connect
from activities.store.vault import Vault
from tests.conftest import Database


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    pool = connect(database.url)
    yield pool
    pool.dispose()


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    pool = connect(database.owner_url)
    yield pool
    pool.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """A transaction of the application; committed at the end."""
    with engine.begin() as connection:
        yield connection


@pytest.fixture(scope="session")
def safe() -> Vault:
    return Vault(base64.b64encode(bytes(range(32))).decode())
