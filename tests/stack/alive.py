"""Whether processes live, by their ids."""

from __future__ import annotations

import os
import time
from pathlib import Path


def lives(pid: int) -> bool:
    """Whether the process runs; a zombie has ended, only its exit code waits for a parent to read it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def ends(pid: int, *, within: float = 5) -> bool:
    """Whether the process ends within so many seconds."""
    end = time.monotonic() + within
    while lives(pid):
        if time.monotonic() > end:
            return False
    return True


def bearing(*marks: str) -> list[int]:
    """The processes in whose environment or command one of the marks stands, on Linux."""
    wanted = [mark.encode() for mark in marks]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if any(mark in told for mark in wanted):
            found.append(int(process.name))
    return found
