"""What every test may ask for: a PostgreSQL server, a migrated database of its own, a Temporal server with its client.

Both servers start once a session, when first asked for, on loopback and free ports, and are gone at its end.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings
from temporalio.client import Client

from demo.postgres import Postgres, postgres as run_postgres, remove_data
from demo.temporal import Temporal, temporal as run_temporal
from tests.stack.alive import lives

# A change turns a property red, and neither chance nor a busy machine does. `--hypothesis-profile=default` draws other
# examples in each run.
settings.register_profile("default", deadline=None)
settings.register_profile("the same in every run", derandomize=True, database=None, deadline=None)
settings.load_profile("the same in every run")

pytest_plugins = ["tests.sandbox_fixture", "tests.marketplace", "tests.receiver"]

_TEMPLATE = "aftersale_template"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """A migrated, empty database: `owner_url` for migrations and for looking, `url` as the application sees it."""

    name: str
    url: str
    owner_url: str


@pytest.fixture(scope="session")
def session_directory(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where this session's servers keep data and logs; kept after a failure, until the next session."""
    sessions = request.config.rootpath / "var" / "tests"
    for former in sessions.glob("*"):
        if not lives(int(former.name)):
            shutil.rmtree(former, ignore_errors=True)
    directory = sessions / str(os.getpid())
    yield directory
    if not request.session.testsfailed:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def own_directory(session_directory: Path, request: pytest.FixtureRequest) -> Path:
    """Where this test alone may keep a stack or a server; not made yet."""
    return session_directory / re.sub(r"\W+", "-", request.node.nodeid)


@pytest.fixture(scope="session")
def postgres(session_directory: Path) -> Iterator[Postgres]:
    """The session's PostgreSQL server, with a migrated database to copy from."""
    data = session_directory / "postgres"
    with run_postgres(data) as server:
        server.create_database(_TEMPLATE)
        server.migrate(_TEMPLATE)
        yield server
    remove_data(data)


@pytest.fixture(scope="session")
def make_database(postgres: Postgres) -> Iterator[Callable[[], Database]]:
    """Make as many migrated databases as wanted, 30 ms each, for fixtures of any scope; dropped with the session."""
    with ExitStack() as cleanup:

        def make() -> Database:
            name = f"test_{next(_numbers)}"
            postgres.create_database(name, template=_TEMPLATE)
            cleanup.callback(postgres.drop_database, name)
            return Database(name, postgres.application_url(name), postgres.owner_url(name))

        yield make


@pytest.fixture
def database(make_database: Callable[[], Database]) -> Database:
    """A migrated, empty database for this test alone."""
    return make_database()


@pytest.fixture(scope="session")
def temporal(session_directory: Path) -> Iterator[Temporal]:
    """The session's Temporal server; orders on it have virtual clocks, moved by `demo.temporal.fast_forward`."""
    with run_temporal(session_directory / "temporal.log") as starting:
        yield starting.wait()


@pytest_asyncio.fixture(scope="session")
async def temporal_client(temporal: Temporal) -> Client:
    """A client of the session's Temporal server."""
    return await temporal.connect()
