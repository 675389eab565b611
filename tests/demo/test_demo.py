"""The demo as a newcomer meets it: one command, a table, an exit code, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from activities.store.database import connect
from activities.store.desk import claims
from demo.postgres import postgres
from domain.claims.case import Status
from tests.stack.alive import bearing, ends

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows what is left running")

MARK = "DEMO_TEST_MARK"
PATIENCE = 240.0  # seconds; on two idle cores the lives take 45
SMOOTH = ("closed", "64.90 EUR", "60.10 EUR", "0.00 EUR", "4.80 EUR", "0.00 EUR", 0)
ENDS = {
    "killed-worker": SMOOTH,
    "smooth": SMOOTH,
    "late-seller": (*SMOOTH[:6], 1),
    "never-ships": ("cancelled", *["0.00 EUR"] * 5, 1),
    "silent-strong": SMOOTH,
    "silent-weak": SMOOTH,
    "silent-dear": ("closed", "250.00 EUR", "230.80 EUR", "0.00 EUR", "19.20 EUR", "0.00 EUR", 1),
    "declined-card": SMOOTH,
    "unpaid": ("expired", *["0.00 EUR"] * 5, 0),
    "half-confirmed": ("closed", "79.90 EUR", "60.10 EUR", "15.00 EUR", "4.80 EUR", "0.00 EUR", 1),
    "hold-renewed": SMOOTH,
    "cancel-silence": ("cancelled", *["0.00 EUR"] * 5, 0),
    "provider-down": SMOOTH,
    "missing-parcel": (*SMOOTH[:6], 1),
    "part-refund": ("closed", "64.90 EUR", "49.06 EUR", "12.00 EUR", "3.84 EUR", "0.00 EUR", 0),
    "appeal": (*SMOOTH[:6], 2),
}


class Started:
    """A demo as a process; everything that it starts bears its mark."""

    def __init__(self, root: Path, directory: Path, *arguments: str) -> None:
        self.mark, self.log = uuid4().hex, directory.with_suffix(".out")
        self.directory, self._root = directory, root
        self._command = [sys.executable, "-m", "demo", "--directory", str(directory), *arguments]
        directory.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                self._command, cwd=root, stdout=out, stderr=subprocess.STDOUT, env=os.environ | {MARK: self.mark}
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.1)

    def again(self) -> subprocess.CompletedProcess[str]:
        """The same command once more, while this one runs."""
        return subprocess.run(self._command, cwd=self._root, capture_output=True, text=True, check=False)

    def left(self) -> list[int]:
        """The processes of this demo that run."""
        return bearing(f"{MARK}={self.mark}", str(self.directory))


@contextmanager
def demo(root: Path, directory: Path, *arguments: str) -> Iterator[Started]:
    started = Started(root, directory, *arguments)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def test_the_demo_plays_all_lives_to_their_ends_and_leaves_nothing_behind(
    own_directory: Path, pytestconfig: pytest.Config
) -> None:
    with demo(pytestconfig.rootpath, own_directory) as started:
        started.wait_for("ordered for")
        running = started.left()
        assert started.process.wait(PATIENCE) == 0, started.output
        assert len(running) >= 5, "the server, PostgreSQL, the sandbox, the worker and the receiver are processes"
        assert all(ends(pid) for pid in running)
        assert not started.left()
        assert "The ledger is balanced." in started.output
        assert "kill -9" in started.output
    written = json.loads(own_directory.with_suffix(".json").read_text())
    columns = ("stage", "captured", "released", "refunded", "fees", "escrow", "tickets")
    assert written["ledger_balanced"] is True
    assert {row["order_id"]: tuple(row[name] for name in columns) for row in written["orders"]} == ENDS
    assert all(row["life"] for row in written["orders"])
    assert list((own_directory / "mails").glob("*.eml"))


def test_interrupted_lives_leave_nothing_behind_and_a_second_demo_is_turned_away(
    own_directory: Path, pytestconfig: pytest.Config
) -> None:
    with demo(pytestconfig.rootpath, own_directory) as started:
        started.wait_for("ordered for")
        second = started.again()
        assert second.returncode == 1
        assert "another one runs on" in second.stderr
        assert "Traceback" not in second.stderr
        running = started.left()
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(PATIENCE) == 130, started.output
        assert all(ends(pid) for pid in running)
        assert not started.left()
        assert "Traceback" not in started.output


def test_a_kept_stack_has_a_desk_to_look_at_and_its_orders_again_the_next_time(
    own_directory: Path, pytestconfig: pytest.Config
) -> None:
    before, orders = dict[str, bool](), dict[str, bool]()
    for arguments in (("up",), ("up", "--orders", "1")):
        with demo(pytestconfig.rootpath, own_directory, *arguments) as started:
            started.wait_for("Ctrl-C ends it all")
            assert "is not where it should be" not in started.output
            assert "/namespaces/default/workflows" in started.output
            before, orders = orders, listed(own_directory, pytestconfig.rootpath)
            statuses = claim_statuses(own_directory)
            if not before:
                a_storefront_tries_it(own_directory, pytestconfig.rootpath)
                the_desk_has_issues_and_feedback(own_directory, pytestconfig.rootpath, orders)
            started.process.send_signal(signal.SIGINT)
            assert started.process.wait(PATIENCE) == 0, started.output
            assert not started.left()
        assert not (own_directory / "env").exists()
        assert statuses == set(Status), "claims at every status"
    assert orders.items() > before.items()
    new = {name for name in orders.keys() - before.keys() if not name.startswith("try-")}
    assert new == {f"unconfirmed-{len(orders)}"}
    assert orders["unconfirmed-1"] is False
    assert orders["unconfirmed-late-2"] is True


def test_a_kept_stack_outlives_its_postgresql_and_goes_on_when_that_is_back(
    own_directory: Path, pytestconfig: pytest.Config
) -> None:
    with demo(pytestconfig.rootpath, own_directory, "up", "--orders", "0") as started:
        started.wait_for("Ctrl-C ends it all")
        found = (own_directory / "postgres" / "postmaster.pid").read_text().splitlines()
        pid, port = int(found[0]), int(found[3])
        os.kill(pid, signal.SIGINT)
        started.wait_for("PostgreSQL does not answer; the orders wait and lose nothing.")
        assert ends(pid)
        with postgres(own_directory / "postgres", port=port, durable=True):
            started.wait_for("It answers again")
            started.process.send_signal(signal.SIGINT)
            assert started.process.wait(PATIENCE) == 0, started.output
        assert started.output.count("does not answer") == 1
        assert "Traceback" not in started.output
        assert not started.left()


def told(directory: Path, root: Path, arguments: str) -> Any:
    """What ``aftersale`` with these arguments tells of a running stack, as data."""
    command = f". {directory}/env && exec {sys.executable} -m starter.cli {arguments} --json"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=root, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def listed(directory: Path, root: Path) -> dict[str, bool]:
    """The orders of a running stack, and whether each needs a person."""
    return {row["order_id"]: row["attention"] for row in told(directory, root, "list --limit 200")["orders"]}


def the_desk_has_issues_and_feedback(directory: Path, root: Path, orders: Iterable[str]) -> None:
    """Some sellers have more claims than chance would give them, and both sides have said how theirs was handled."""
    assert told(directory, root, "claims recurring")["recurring"]
    [settled] = [order for order in orders if order.startswith("claim-resolved")]
    assert len(told(directory, root, f"claims show {settled} --as specialist")["feedback"]) == 2


def a_storefront_tries_it(directory: Path, root: Path) -> None:
    """The commands of examples/try-it.md, as they stand there, beside a running stack."""
    page = (root / "examples" / "try-it.md").read_text(encoding="utf-8")
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).replace("var/up/env", f"{directory}/env")
    aftersale = directory.parent / "bin" / "aftersale"
    aftersale.parent.mkdir(exist_ok=True)
    aftersale.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m starter.cli "$@"\n')
    aftersale.chmod(0o755)
    env = {**os.environ, "PATH": f"{aftersale.parent}:{os.environ['PATH']}", "HOME": str(directory.parent)}
    ask = "\naftersale show $ORDER --as specialist --json\n"
    ran = subprocess.run(
        ["/bin/sh", "-ec", commands + ask], cwd=root, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count('"webhooks_taken":1') == 2
    assert json.loads(ran.stdout[ran.stdout.rindex('\n{"') :])["stage"] in {"completed", "closed"}, ran.stdout


def claim_statuses(directory: Path) -> set[Status]:
    """Where the claims of a running stack stand."""
    found = re.search(r"DATABASE_URL=(\S+)", (directory / "env").read_text())
    assert found
    engine = connect(found[1].strip("'"), application_name="aftersale-test")
    with engine.begin() as conn:
        rows = claims.listed(conn, only_open=False, limit=200)
    engine.dispose()
    return {row.status for row in rows}
