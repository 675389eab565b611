"""The progress bar of sheets, in processes of their own: for people who watch, and for nobody else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.life import COMMAND_KEY
from tests.sheets.conftest import COUNT, MASTER_KEY, Desk

ROOT = Path(__file__).parents[2]
SAY_OTHERWISE = {"FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
"""Settings by which somebody may take a pipe for a terminal, or a terminal for a pipe."""


@dataclass(frozen=True)
class Process:
    """What a command printed, and what it drew, with its code."""

    code: int
    out: str
    drawn: str


def ran(desk: Desk, *words: str, watched: bool) -> Process:
    """Run a command with a terminal, or a pipe, where its errors go; what it prints goes to a pipe."""
    settings = {
        "DATABASE_URL": desk.database.url.replace("+psycopg", ""),
        "AFTERSALE_MASTER_KEY": MASTER_KEY,
        "AFTERSALE_COMMAND_KEY": COMMAND_KEY.decode(),
        "TERM": "xterm",
        "COLUMNS": "200",
    }
    env = {name: value for name, value in os.environ.items() if name not in SAY_OTHERWISE} | settings
    reader, writer = pty.openpty() if watched else os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "starter.cli", *words], stdout=subprocess.PIPE, stderr=writer, env=env, cwd=ROOT
    ) as running:
        os.close(writer)
        drawn = b"".join(iter(lambda: read(reader), b""))
        assert running.stdout is not None
        out = running.stdout.read()
    os.close(reader)
    return Process(running.returncode, out.decode(), drawn.decode())


def read(end: int) -> bytes:
    """What comes next; nothing once everybody has hung up, which a terminal tells by an error."""
    try:
        return os.read(end, 65_536)
    except OSError:
        return b""


@pytest.mark.parametrize("watched", [True, False], ids=["a terminal", "a pipe"])
def test_a_bar_is_drawn_for_a_terminal_and_taken_away_and_none_for_a_pipe(desk: Desk, watched: bool) -> None:
    file, anna = str(desk.folder / "claims.xlsx"), ("--as", "specialist", "--id", "anna")
    exported = ran(desk, "claims", "export", file, *anna, watched=watched)
    judged = ran(desk, "claims", "import", file, *anna, watched=watched)
    assert (exported.code, f"{COUNT} rows written" in exported.out, judged.code) == (0, True, 0), (exported, judged)
    if not watched:
        assert (exported.drawn, judged.drawn) == ("", "")
        return
    for process, what, count in ((exported, "Writing", f"{COUNT}/?"), (judged, "Judging", f"{COUNT}/{COUNT}")):
        assert what in process.drawn
        assert count in process.drawn
        assert process.drawn.endswith("\x1b[2K"), "the line is empty again"
        assert what not in process.out
