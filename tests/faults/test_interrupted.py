"""A run of the fault harness that is stopped from outside says so in one line, and takes everything along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from faults import __main__ as command
from tests.stack.alive import bearing, ends

MARK = "FAULTS_TEST_MARK"
CASE = "slow:release:after_effect"
PATIENCE = 60.0


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--case", CASE], "Stopped; nothing that was started runs any more.\n"),
        (["--only", "slow"], "Stopped; nothing that was started runs any more.\n"),
        (["--hours", "2"], "Stopped; the same command goes on where it was.\n"),
    ],
    ids=["case", "only", "hours"],
)
def test_a_run_that_is_interrupted_says_what_becomes_of_it_in_one_line(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["faults", *arguments])
    for plays in ("arena", "long"):
        monkeypatch.setattr(command, plays, interrupted)
    try:
        code = command.main()
    except KeyboardInterrupt:
        pytest.fail("the interruption came out as it was")
    assert code == 130
    assert capsys.readouterr().err == said


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows what is left running")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_stack_that_comes_up_is_gone_when_its_run_was_interrupted(own_directory: Path, sent: signal.Signals) -> None:
    mark, database = uuid4().hex, own_directory / "stack" / "postgres" / "postmaster.pid"
    arguments = [sys.executable, "-m", "faults", "--directory", str(own_directory), "--case", CASE]
    with subprocess.Popen(
        arguments, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {MARK: mark}
    ) as run:
        try:
            end = time.monotonic() + PATIENCE
            while not database.exists():
                assert run.poll() is None, run.stderr and run.stderr.read()
                assert time.monotonic() < end
                time.sleep(0.05)
            running = bearing(f"{MARK}={mark}", str(own_directory))
            run.send_signal(sent)
            _, said = run.communicate(timeout=PATIENCE)
        finally:
            run.kill()
    assert (run.returncode, said) == (130, "Stopped; nothing that was started runs any more.\n")
    assert len(running) >= 3, "the run, Temporal and PostgreSQL are processes"
    assert all(ends(pid) for pid in running)
    assert not bearing(f"{MARK}={mark}", str(own_directory))
