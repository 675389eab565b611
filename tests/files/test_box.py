"""The process of its own in which strangers' bytes meet decoders."""

from __future__ import annotations

import io
import subprocess
import sys
import zlib

import pytest

from activities.files import box
from activities.files.accept import accept
from activities.files.box import boxed
from domain.errors import Invalid
from domain.policy.evidence import Evidence
from tests.files import made

LIMITS = Evidence()


def ends(monkeypatch: pytest.MonkeyPatch, code: int, out: bytes = b"") -> list[dict[str, object]]:
    """Let the process end with a code; gives how it was started."""
    started: list[dict[str, object]] = []

    def run(command: list[str], **how: object) -> subprocess.CompletedProcess[bytes]:
        started.append(how)
        return subprocess.CompletedProcess(command, code, out, b"Traceback")

    monkeypatch.setattr(subprocess, "run", run)
    return started


def test_a_decoder_that_crashes_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, -11)
    with pytest.raises(Invalid, match="cannot be read"):
        boxed(made.png(), LIMITS)


def test_a_decoder_that_does_not_end_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, timeout: float, **_how: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(Invalid, match="takes too long"):
        boxed(made.png(), LIMITS)


def test_an_installation_without_decoders_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, 1)
    with pytest.raises(RuntimeError, match="ended with 1"):
        boxed(made.png(), LIMITS)


def test_the_process_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERSALE_MASTER_KEY", "canary")
    monkeypatch.setenv("DATABASE_URL", "canary")
    started = ends(monkeypatch, 0, b'{"rule": "no"}\n')
    with pytest.raises(Invalid):
        boxed(made.png(), LIMITS)
    assert "canary" not in str(started[0]["env"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound the memory of a process")
def test_the_process_may_not_take_all_memory() -> None:
    script = "from activities.files import box; box._bound(); bytearray(box.MEMORY)"
    done = subprocess.run([sys.executable, "-c", script], cwd=box.ROOT, capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr


def test_a_bomb_in_the_table_of_contents_of_a_pdf_is_not_unpacked() -> None:
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(1000)), packer.flush()])
    out = io.BytesIO(b"%PDF-1.5\n")
    out.seek(0, io.SEEK_END)
    at = out.tell()
    head = f"1 0 obj\n<</Type/XRef/Size 2/W[1 2 1]/Root 2 0 R/Filter/FlateDecode/Length {len(packed)}>>\nstream\n"
    out.write(head.encode() + packed + f"\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n".encode())
    with pytest.raises(Invalid, match="damaged, or too large to unpack"):
        accept(out.getvalue(), LIMITS)
