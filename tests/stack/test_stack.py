from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from demo.postgres import remove_data
from demo.processes import StackError, child
from demo.stack import DATABASE, stack
from tests.stack.alive import ends, lives

SHOW_ENVIRONMENT = "import json, os, signal; print('env ' + json.dumps(dict(os.environ)), flush=True); signal.pause()"
KEPT_STACK = """
import pathlib, signal, sys
from demo.stack import sigterm_as_interrupt, stack
try:
    with sigterm_as_interrupt(), stack(pathlib.Path(sys.argv[1])) as running:
        sleeper = running.start("sleeper", "-c", "import signal; print('ready', flush=True); signal.pause()")
        sleeper.wait_for_line("ready")
        database = (running.directory / "postgres" / "postmaster.pid").read_text().split()[0]
        print("pids", database, running.temporal.process.pid, sleeper.pid, flush=True)
        signal.pause()
except KeyboardInterrupt:
    print("torn down", flush=True)
"""


async def test_the_stack_gives_its_processes_what_they_need_and_takes_everything_down(own_directory: Path) -> None:
    with stack(own_directory) as running:
        client = await running.temporal.connect()
        assert await client.service_client.check_health()
        looker = running.start("looker", "-c", SHOW_ENVIRONMENT, env={"EXTRA": "1"})
        environment = json.loads(looker.wait_for_line("env "))
        assert environment["TEMPORAL_ADDRESS"] == running.temporal.address
        assert environment["DATABASE_URL"] == running.postgres.application_url(DATABASE)
        assert environment["EXTRA"] == "1"
        engine = create_engine(environment["MIGRATION_DATABASE_URL"])
        with engine.connect() as connection:
            assert connection.execute(text("SELECT to_regclass('alembic_version')::text")).scalar() == "alembic_version"
        engine.dispose()
        with pytest.raises(StackError, match="runs on"), stack(own_directory):
            pass
        assert running.postgres.answers()
    assert not looker.running
    assert not running.temporal.process.running
    assert not running.postgres.answers()
    remove_data(own_directory / "postgres")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_however_the_stack_is_ended_nothing_is_left_running(
    own_directory: Path, pytestconfig: pytest.Config, how: signal.Signals
) -> None:
    command = [sys.executable, "-c", KEPT_STACK, str(own_directory)]
    env = {"PYTHONPATH": str(pytestconfig.rootpath)}
    with child("keeper", command, log=own_directory / "keeper.log", env=env) as keeper:
        pids = [int(pid) for pid in keeper.wait_for_line("pids ").split()]
        assert len(pids) == 3
        assert all(lives(pid) for pid in pids)
        keeper.stop(how)
        assert all(ends(pid) for pid in pids)
        assert ("torn down" in keeper.output()) == (how is not signal.SIGKILL)
    remove_data(own_directory / "postgres")


def test_a_given_port_in_use_is_refused_and_nothing_is_left_behind(own_directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} is in use"), stack(own_directory, ui_port=port):
            pass
    assert not (own_directory / "postgres" / "postmaster.pid").exists()
