"""How Alembic reaches the database: as the schema's owner, one transaction for all pending migrations."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import create_engine, pool

_MIGRATION_LOCK = 4242


def database_url() -> str:
    """The owner's URL, from the caller or the environment, by psycopg 3; raises SystemExit without one."""
    given = context.config.attributes.get("database_url")
    url = given or os.environ.get("MIGRATION_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("set MIGRATION_DATABASE_URL (the owner's) or DATABASE_URL, then run alembic again")
    scheme, separator, rest = str(url).partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme in {"postgres", "postgresql"} else str(url)


def run_online() -> None:
    """Apply migrations to the database. Two that start at once run one after the other."""
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        context.configure(connection=connection)
        context.run_migrations()


def run_offline() -> None:
    """Print the SQL of the migrations instead (``alembic upgrade head --sql``)."""
    context.configure(url=database_url(), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
