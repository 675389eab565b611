"""A database, its vault and a post office for each test."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from activities.store.database import connect
from activities.store.vault import Vault
from tests.conftest import Database
from tests.smtp_fixture import post_office

__all__ = ["post_office"]


@pytest.fixture
def engine(database: Database) -> Iterator[Engine]:
    pool = connect(database.url)
    yield pool
    pool.dispose()


@pytest.fixture(scope="session")
def safe() -> Vault:
    return Vault(base64.b64encode(bytes(range(32))).decode())
