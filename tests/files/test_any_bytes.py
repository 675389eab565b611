"""Whatever bytes come in: they are refused in words, or what is stored opens as its kind and bears nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pikepdf import settings as qpdf
from PIL import Image

from activities.files import accept as accepting
from activities.files.accept import accept
from activities.files.judge import opened
from activities.files.kinds import FileKind
from domain.errors import Invalid
from domain.policy.evidence import Evidence
from tests.files import made

LIMITS = Evidence(largest=1, most_pixels=1, most_pages=2)
SEEDS = [
    made.jpeg(),
    made.jpeg(orientation=6, secrets=True),
    made.png(mode="P"),
    made.png(mode="RGBA"),
    made.webp(),
    made.webp(mode="RGBA", frames=2),
    made.gif(),
    made.pdf(),
    made.archive(),
    b"plain text\n",
    "grüße 灯\n".encode(),
    b"<svg/>",
]


def boxed_here(content: bytes, limits: Evidence) -> tuple[FileKind, bytes]:
    """As the process of its own does it, without the process, so that thousands of files can be tried."""
    try:
        return opened(content, limits)
    except Invalid:
        raise
    except Exception as error:  # The same as in the process.
        raise Invalid("file", "is damaged") from error


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(accepting, "boxed", boxed_here)
    before = qpdf.get_qpdf_limits()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    yield
    qpdf.set_qpdf_limits(**before)  # type: ignore[arg-type]  # It takes what it gave.


def check(content: bytes) -> None:
    try:
        kind, stored = accept(content, LIMITS)
    except Invalid:
        return
    assert 0 < len(stored) <= LIMITS.bytes
    if kind is FileKind.TEXT:
        assert stored.decode().strip()
        assert b"\0" not in stored
    elif kind is FileKind.PDF:
        with pikepdf.open(io.BytesIO(stored)) as pdf:
            assert 1 <= len(pdf.pages) <= LIMITS.most_pages
    else:
        with Image.open(io.BytesIO(stored)) as shown:
            shown.load()
            assert shown.format == kind.value.upper()
            assert not shown.getexif()
    again, _ = accept(stored, LIMITS)
    assert again is kind


@given(st.binary(max_size=300))
def test_bytes_at_random(content: bytes) -> None:
    check(content)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), st.data())
def test_files_with_changed_bytes(seed: bytes, data: st.DataObject) -> None:
    content = bytearray(seed)
    places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=8)):
        content[place] = value
    cut = data.draw(st.integers(0, len(content)))
    check(bytes(content[:cut]) if data.draw(st.booleans()) else bytes(content))


@given(st.sampled_from(SEEDS), st.sampled_from(SEEDS), st.integers(0, 40))
def test_one_file_behind_or_inside_another(first: bytes, second: bytes, at: int) -> None:
    check(first + second)
    check(first[:at] + second + first[at:])
