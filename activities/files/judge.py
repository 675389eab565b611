"""Opens a file by its first bytes. `activities.files.box` calls it in a process of its own."""

from __future__ import annotations

from activities.files.kinds import FileKind
from activities.files.words import PDF
from domain.policy.evidence import Evidence


def opened(content: bytes, limits: Evidence) -> tuple[FileKind, bytes]:
    """A picture or document, made harmless. Raises Invalid, or whatever a decoder raises."""
    if content.startswith(PDF):
        from activities.files import pdfs  # noqa: PLC0415  # Each process loads the one decoder that it needs.

        return FileKind.PDF, pdfs.clean(content, limits)
    from activities.files import images  # noqa: PLC0415

    return images.clean(content, limits)
