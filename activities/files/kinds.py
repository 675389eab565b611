"""The kinds of files that are stored."""

from __future__ import annotations

from enum import StrEnum


class FileKind(StrEnum):
    """What a file is, by its content."""

    JPEG = "jpeg"
    PNG = "png"
    PDF = "pdf"
    TEXT = "text"

    @property
    def suffix(self) -> str:
        """How its name ends when it leaves the store."""
        return {"jpeg": ".jpg", "png": ".png", "pdf": ".pdf", "text": ".txt"}[self.value]

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return {"jpeg": "image/jpeg", "png": "image/png", "pdf": "application/pdf"}.get(
            self.value, "text/plain; charset=utf-8"
        )


PICTURES = frozenset({FileKind.JPEG, FileKind.PNG})
