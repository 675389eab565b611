"""The machine and its processes, as Linux tells of them in /proc."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_PARENT, _USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 1, 11, 12, 13, 14
"""Places in /proc/PID/stat, counted after the command's name, which may hold blanks."""


def described() -> Mapping[str, object]:
    """What a reader must know of this machine to make sense of a figure."""
    models = [line for line in _PROC.joinpath("cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
    }


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU that a process and all its threads have used, with its children, also those that have ended."""
    own = _stat(pid)
    if not own:
        return 0.0
    spent = sum(int(own[place]) for place in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM)) / TICKS
    return spent + sum(cpu_seconds(child) for child in _children(pid))


def peak_memory(pid: int | None = None) -> int:
    """The most bytes of memory that a process, by default this one, has had at once."""
    return _status("VmHWM", pid)


def memory(pid: int | None = None) -> int:
    """The bytes of memory that a process, by default this one, has now."""
    return _status("VmRSS", pid)


def _status(name: str, pid: int | None) -> int:
    text = _PROC.joinpath(str(pid or "self"), "status").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _children(pid: int) -> Iterable[int]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            found = _stat(int(entry.name))
            if found and int(found[_PARENT]) == pid:
                yield int(entry.name)


def _stat(pid: int) -> list[str]:
    """The fields of a process after its name; none when it has ended."""
    try:
        return _PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
