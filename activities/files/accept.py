"""Whether a file is taken, and what of it: decided by its content, never by its name or what is declared."""

from __future__ import annotations

from activities.files import texts
from activities.files.box import boxed
from activities.files.kinds import FileKind
from activities.files.words import PDF, refusal
from domain.policy.evidence import Evidence

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"PK\x05\x06": "a ZIP archive",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"Rar!": "an archive",
    b"7z\xbc\xaf": "an archive",
    b"\x1f\x8b": "an archive",
}


def accept(content: bytes, limits: Evidence) -> tuple[FileKind, bytes]:
    """What is stored of a file, and of which kind it is. Raises Invalid with what is wrong and what is allowed."""
    if not content:
        raise refusal("is empty")
    if len(content) > limits.bytes:
        raise refusal(f"is larger than {limits.largest} million bytes")
    if content.startswith(PDF) or begins_as_picture(content):
        return boxed(content, limits)
    text = texts.clean(content)
    if text is None:
        raise refusal(f"is {_named(content)}")
    return FileKind.TEXT, text


def begins_as_picture(content: bytes) -> bool:
    """Whether it says of itself that it is a picture of a kind that is taken."""
    return content.startswith(_PICTURES) or (content[:4], content[8:12]) == (b"RIFF", b"WEBP")


def _named(content: bytes) -> str:
    """What a refused file seems to be, so that its owner knows what to do."""
    if content[4:8] == b"ftyp":
        return "a HEIC picture or a video; a phone can share the picture as JPEG"
    beginnings = (what for beginning, what in _OTHERS.items() if content.startswith(beginning))
    return next(beginnings, "not of a kind that is taken, or has control characters")
