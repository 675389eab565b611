"""A process of its own for each picture and document: what breaks or eats memory there ends there.

Decoders are large programs in C that meet bytes of strangers. The process has no settings of ours in its environment,
and its memory and time are bounded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from activities.files.judge import opened
from activities.files.kinds import FileKind
from activities.files.words import FIELD, refusal
from domain.errors import Invalid
from domain.policy.evidence import Evidence

ROOT = Path(__file__).parents[2]
MEMORY = 2 << 30  # bytes of address space
SECONDS = 30
"""Of processor time; on the clock it may take twice as long."""

_DAMAGED = "cannot be read: it is damaged, or too large to unpack"
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")


def boxed(content: bytes, limits: Evidence) -> tuple[FileKind, bytes]:
    """The picture or document in `content`, made harmless. Raises Invalid."""
    command = [sys.executable, "-m", "activities.files.box"]
    given = json.dumps(asdict(limits)).encode() + b"\n" + content
    known = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=2 * SECONDS, check=False, cwd=ROOT, env=known
        )
    except subprocess.TimeoutExpired:
        raise refusal("takes too long to read") from None
    if done.returncode > 0:
        raise RuntimeError(f"the process that reads files ended with {done.returncode}: {done.stderr[-500:]!r}")
    head, _, cleaned = done.stdout.partition(b"\n")
    answer = json.loads(head) if done.returncode == 0 else {"rule": refusal(_DAMAGED).rule}
    if "rule" in answer:
        raise Invalid(FIELD, answer["rule"])
    return FileKind(answer["kind"]), cleaned


def main() -> None:
    """Read limits and content from standard input, write what became of them to standard output."""
    _bound()
    line = sys.stdin.buffer.readline()
    try:
        kind, cleaned = opened(sys.stdin.buffer.read(), Evidence(**json.loads(line)))
        head: dict[str, str] = {"kind": kind.value}
    except Invalid as error:
        head, cleaned = {"rule": error.rule}, b""
    except Exception:  # noqa: BLE001  # Decoders raise what they like at what they cannot read.
        head, cleaned = {"rule": refusal(_DAMAGED).rule}, b""
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + cleaned)


def _bound() -> None:
    try:
        import resource  # noqa: PLC0415  # Not on every system.
    except ImportError:
        return
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        with suppress(OSError, ValueError):  # Some systems do not know every limit.
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
