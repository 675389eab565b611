from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from activities.store import orders, personal
from activities.store.columns import metadata
from activities.store.database import connect
from activities.store.desk import case_tables
from activities.store.personal import Address, Person
from activities.store.vault import Vault
from tests.conftest import Database
from tests.store.rows import NOW, admit, checkout


def test_the_tables_of_the_code_are_those_of_the_migrations(owner: Engine) -> None:
    with owner.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []  # Those of claims are known by their import.
        assert case_tables.claims.metadata is metadata


def test_the_migrations_can_be_taken_back(database: Database, owner: Engine, pytestconfig: pytest.Config) -> None:
    config = Config(pytestconfig.rootpath / "alembic.ini")
    config.attributes["database_url"] = database.owner_url
    command.downgrade(config, "base")
    with owner.connect() as conn:
        left = conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        functions = conn.execute(text("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"))
        assert (left, functions.all()) == (["alembic_version"], [])
    command.upgrade(config, "head")


@pytest.mark.parametrize(
    "table", ["ledger_transactions", "ledger_entries", "steps", "refusals", "looks", "operations", "webhook_events"]
)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_application_may_not_remove_what_was_written(engine: Engine, table: str, statement: str) -> None:
    with engine.connect() as conn, pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(text(statement.format(table)))


@pytest.mark.parametrize(
    "table", ["ledger_transactions", "ledger_entries", "steps", "refusals", "looks", "webhook_events"]
)
def test_the_application_may_not_change_what_was_written(engine: Engine, table: str) -> None:
    column = {"steps": "seq = 1", "ledger_entries": "amount_minor = 1", "webhook_events": "source = ''"}.get(table)
    with engine.connect() as conn, pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(text(f"UPDATE {table} SET {column or 'order_id = 1'}"))  # noqa: S608


def test_the_application_may_not_change_what_an_operation_asked_for(engine: Engine) -> None:
    with engine.connect() as conn, pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(text("UPDATE operations SET amount_minor = 1"))


@pytest.mark.parametrize("table", ["ledger_transactions", "ledger_entries", "steps", "refusals", "looks"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = DEFAULT", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_not_even_the_owner_changes_or_removes_what_was_written(owner: Engine, table: str, statement: str) -> None:
    statement = statement.replace("id = DEFAULT", "seq = seq") if table == "steps" else statement
    with owner.connect() as conn, pytest.raises(Exception, match="is append-only"):
        conn.execute(text(statement.format(table)))


def test_the_pool_names_itself_and_bounds_its_statements(database: Database) -> None:
    pool = connect(database.url.replace("postgresql+psycopg", "postgresql"))
    with pool.connect() as conn:
        shown = [conn.execute(text(f"SHOW {name}")).scalar() for name in ("application_name", "statement_timeout")]
    pool.dispose()
    assert shown == ["aftersale", "10s"]


def test_an_error_does_not_quote_the_parameters_of_its_statement(engine: Engine) -> None:
    with engine.connect() as conn, pytest.raises(ProgrammingError) as caught:
        conn.execute(text("SELECT * FROM nowhere WHERE email = :email"), {"email": "canary@example.org"})
    assert "canary" not in str(caught.value)


def test_people_and_addresses_of_before_stand_under_each_of_their_orders(
    database: Database, owner: Engine, safe: Vault, pytestconfig: pytest.Config
) -> None:
    config = Config(pytestconfig.rootpath / "alembic.ini")
    config.attributes["database_url"] = database.owner_url
    ann, home = Person("b-1", "Ann", "ann@mail.example"), Address("a-1", "b-1", ("Vogelweg 7",))
    with owner.begin() as conn:
        for order_id in ("o-1", "o-2"):
            admit(conn, order_id)
        orders.claim(conn, "o-3", "hash", checkout("o-3"), None)
        orders.refuse(conn, "o-3", "total", "is wrong")
        personal.put_person(conn, safe, "o-1", ann)
        personal.put_address(conn, safe, "o-1", home)
        personal.bounced(conn, safe, "o-1", "b-1", ann.email, NOW, "smtp_550")
    command.downgrade(config, "0012")
    command.upgrade(config, "head")
    with owner.begin() as conn:
        for order_id, expected in (("o-1", (ann, home)), ("o-2", (ann, home)), ("o-3", (None, None))):
            known = personal.get_person(conn, safe, order_id, "b-1"), personal.get_address(conn, safe, order_id, "a-1")
            assert known == expected
        assert conn.scalars(text("SELECT order_id FROM bounces ORDER BY order_id")).all() == ["o-1", "o-2"]
