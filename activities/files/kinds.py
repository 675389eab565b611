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


PICTURES = frozenset({FileKind.JPEG, FileKind.PNG})
