from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from demo.processes import StackError, child, choose_port
from tests.stack.alive import ends, lives

FOREVER = "import signal; print('ready at 42', flush=True); signal.pause()"
PARENT = """
import pathlib, signal, sys
from demo.processes import child
with child("grandchild", [sys.executable, "-c", sys.argv[1]], log=pathlib.Path(sys.argv[2])) as it:
    it.wait_for_line("ready")
    print("grandchild", it.pid, flush=True)
    signal.pause()
"""


def test_a_child_hands_over_its_ready_line_and_ends_with_its_block(tmp_path: Path) -> None:
    with child("sleeper", [sys.executable, "-c", FOREVER], log=tmp_path / "log") as sleeper:
        assert sleeper.wait_for_line("ready at ") == "42"
        assert sleeper.running
    assert not sleeper.running


def test_a_child_ends_when_its_block_is_left_by_an_interrupt(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        child("sleeper", [sys.executable, "-c", FOREVER], log=tmp_path / "log") as sleeper,
    ):
        raise KeyboardInterrupt
    assert not sleeper.running


def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"
    with child("deaf", [sys.executable, "-c", deaf], log=tmp_path / "log", stop_seconds=0.1) as sleeper:
        sleeper.wait_for_line("ready")
    assert sleeper.wait_for_exit() == -signal.SIGKILL


def test_a_child_that_dies_at_its_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('no such database')"]
    with (
        child("worker", broken, log=tmp_path / "worker.log") as worker,
        pytest.raises(StackError, match=r"worker ended with code 1 at its start\n.*worker.log says:\nno such database"),
    ):
        worker.wait_for_line("ready")


def test_a_child_that_says_nothing_is_reported_after_its_time(tmp_path: Path) -> None:
    with (
        child("mute", [sys.executable, "-c", "import signal; signal.pause()"], log=tmp_path / "log") as mute,
        pytest.raises(StackError, match=r"mute was not ready within 0\.1 seconds"),
    ):
        mute.wait_for_line("ready", seconds=0.1)


def test_an_earlier_life_in_the_same_log_does_not_count_as_ready(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("ready at 41\n")
    with child("sleeper", [sys.executable, "-c", FOREVER], log=tmp_path / "log") as sleeper:
        assert sleeper.wait_for_line("ready at ") == "42"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_a_child_dies_with_a_parent_that_is_killed_outright(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, FOREVER, str(tmp_path / "grandchild.log")]
    with child("parent", command, log=tmp_path / "parent.log", env={"PYTHONPATH": str(Path.cwd())}) as parent:
        grandchild = int(parent.wait_for_line("grandchild "))
        assert lives(grandchild)
        parent.kill()
        assert ends(grandchild)


def test_a_port_in_use_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port} is in use"):
            choose_port(port)


def test_a_child_can_be_interrupted_though_its_parent_ignores_interrupts(tmp_path: Path) -> None:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with child("sleeper", [sys.executable, "-c", FOREVER], log=tmp_path / "log") as sleeper:
            sleeper.wait_for_line("ready")
            sleeper.stop(signal.SIGINT)
            assert sleeper.wait_for_exit() == -signal.SIGINT
    finally:
        signal.signal(signal.SIGINT, previous)
