from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from demo.postgres import Postgres, postgres as run_postgres, remove_data
from demo.processes import StackError
from tests.conftest import Database


def scalar(url: str, query: str) -> object:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(text(query)).scalar()
    finally:
        engine.dispose()


def test_each_test_has_a_database_of_its_own(make_database: Callable[[], Database]) -> None:
    first, second = make_database(), make_database()
    engine = create_engine(first.owner_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mark (n integer)"))
    engine.dispose()
    assert scalar(first.owner_url, "SELECT to_regclass('mark')::text") == "mark"
    assert scalar(second.owner_url, "SELECT to_regclass('mark')::text") is None


@pytest.mark.parametrize(("url", "role"), [("url", "aftersale_app"), ("owner_url", "aftersale")])
def test_neither_role_is_a_superuser(database: Database, url: str, role: str) -> None:
    assert scalar(getattr(database, url), "SELECT current_user::text") == role
    assert scalar(getattr(database, url), "SHOW is_superuser") == "off"


def test_the_application_cannot_make_tables(database: Database) -> None:
    assert scalar(database.url, "SELECT has_schema_privilege('public', 'CREATE')") is False
    assert scalar(database.owner_url, "SELECT has_schema_privilege('public', 'CREATE')") is True


def test_the_server_listens_on_loopback_only(database: Database) -> None:
    assert make_url(database.url).host == "127.0.0.1"
    assert scalar(database.owner_url, "SHOW listen_addresses") == "127.0.0.1"


def test_data_under_a_running_server_is_neither_deleted_nor_served_twice(postgres: Postgres) -> None:
    with pytest.raises(StackError, match="runs on"):
        remove_data(postgres.directory)
    with pytest.raises(StackError, match="runs on"), run_postgres(postgres.directory):
        pass
    assert postgres.answers()


def test_a_lock_file_left_by_a_crash_protects_nothing_once_another_process_has_its_number(
    own_directory: Path,
) -> None:
    with run_postgres(own_directory) as server:
        server.create_database("kept")
    (own_directory / "postmaster.pid").write_text(f"{os.getpid()}\n{own_directory}\n0\n5432\n\n127.0.0.1\n")
    remove_data(own_directory)
    assert not own_directory.exists()


def test_data_outlives_the_server(own_directory: Path) -> None:
    with run_postgres(own_directory) as server:
        server.create_database("kept")
    with run_postgres(own_directory) as server:
        assert server.has_database("kept")
    remove_data(own_directory)
    assert not own_directory.exists()
